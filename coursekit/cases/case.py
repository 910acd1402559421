"""What a case is: broken and fixed recipes that differ in one cause, and what must hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from coursekit.cases.claim import AnyClaim, Claim, NoDifference, Raises
from coursekit.cases.sign import Sign
from coursekit.cases.sources import Source

__all__ = [
    "Case", "Choice", "Claim", "Knob", "NoDifference", "Raises", "Recipe", "Rival",
    "Setup", "Sign", "Twin",
]  # fmt: skip

Build = Callable[..., Any]
Train = Callable[[Any], Iterator[int]]
Evaluate = Callable[[Any], dict[str, float]]

Family = Literal["data", "optimization", "architecture", "normalization"]
Kind = Literal["trains", "misjudges", "raises", "myth"]
Verdict = Literal["same", "prevented", "not-applicable"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """All that a run needs, as real framework objects.

    Attributes:
        model: A ``torch.nn.Module``, or a compiled ``keras.Model``.
        loss_fn: The criterion; in Keras, what ``compile`` got.
        optimizer: The optimizer, holding the model's parameters.
        train: In PyTorch a ``DataLoader``; in Keras a pair of arrays.
        val: Held-out data to choose by: a ``TensorDataset``, or a pair of arrays.
        test: Held-out data to judge by; never used to choose.
        epochs: Passes over the training data.
        batch_size: Rows in a batch where ``train`` does not say so itself (Keras).
        scheduler: A learning rate scheduler, or None.
        extra: What only this case needs, such as the rows that come in use; else None.
    """

    model: Any
    loss_fn: Any
    optimizer: Any
    train: Any
    val: Any
    test: Any
    epochs: int
    batch_size: int = 0
    scheduler: Any = None
    extra: Any = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Three plain functions: ``build(seed, device)``, ``train(setup)``, ``evaluate(setup)``."""

    build: Build
    train: Train
    evaluate: Evaluate

    def having(self, **settings: object) -> "Recipe":
        """The same recipe with other keyword arguments of build."""
        return Recipe(
            build=partial(self.build, **settings), train=self.train, evaluate=self.evaluate
        )

    def run(self, seed: int, device: str = "cpu") -> dict[str, float]:
        """Build, train to the end and evaluate, once."""
        setup = self.build(seed, device)
        for _ in self.train(setup):
            pass
        return self.evaluate(setup)


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A wrong remedy that people really try.

    Attributes:
        name: What a learner would call it, such as ``"a smaller learning rate"``.
        recipe: The broken recipe with that remedy.
        why: One sentence: why it does not remove the cause.
    """

    name: str
    recipe: Recipe
    why: str


@dataclass(frozen=True, kw_only=True)
class Knob:
    """A keyword of build that a slider may move.

    Attributes:
        name: The keyword.
        label: What the slider says, with its unit.
        values: The positions of the slider, least first.
        start: The position that the slider starts at.
    """

    name: str
    label: str
    values: tuple[float, ...]
    start: float

    @property
    def positions(self) -> dict[str, object]:
        """What each position says, and the value that it stands for."""
        return {f"{value:g}": value for value in self.values}

    @property
    def first(self) -> str:
        """The position to start at."""
        return f"{self.start:g}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A keyword of build that takes one of a few named values, such as an activation.

    Attributes:
        name: The keyword.
        label: What the control says.
        positions: What each option says, and the value that it stands for.
        first: The option to start at.
    """

    name: str
    label: str
    positions: Mapping[str, object] = field(hash=False)
    first: str


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The case in Keras: recipes whose ``train`` is one ``model.fit``.

    Attributes:
        verdict: ``same`` where Keras fails in the same way; ``prevented`` where Keras
            repairs it by itself, so that its claim is `NoDifference`; ``not-applicable``.
        broken: The failing recipe, where there is one.
        fixed: The repaired recipe, where there is one.
        claim: What holds in Keras; None where it is the claim of the case.
        note: What differs from PyTorch, in a sentence.
    """

    verdict: Verdict
    broken: Recipe | None = None
    fixed: Recipe | None = None
    claim: AnyClaim | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class Case:
    """One documented failure.

    Attributes:
        name: The name on the command line: ``"unscaled-features"``.
        family: The folder that it lives in.
        kind: What sort of failure it is: it ``trains`` badly; it ``misjudges``, so that an
            estimate lies; it ``raises``; or it is a ``myth``, said to be one and is not. What
            each must have stands in CONTRIBUTING.md, "A case", and is tested in tests/cases.
        question: What a person with this failure would ask.
        lesson: The notebook that shows it.
        broken: The failing recipe; of a myth, what is said to fail.
        fixed: The recipe with the one change that repairs it; of a myth, what is said to help.
        healthy: A recipe in which the fault never was: what the repair is measured against.
            None only where nothing is trained to the end (``raises``) or compared (``myth``).
        closes: Least share of the gap from broken to healthy that fixed closes, median over seeds.
        mitigation: Why fixed closes less than nine tenths of that gap; "" where it does not.
        rivals: Wrong remedies, in the order in which the lesson shows them.
        claim: What must hold on every seed.
        shows: What in a record tells broken from fixed; empty where training itself is the same.
        knobs: What a live control may move, on the fixed recipe.
        keras: The twin.
        sources: Where the failure is described.
        finding: What the measurements say where that is not what the documents say; "" elsewhere.
        long_diff: Why broken and fixed differ in more than five lines; "" where they do not.
    """

    name: str
    family: Family
    kind: Kind
    question: str
    lesson: str
    broken: Recipe
    fixed: Recipe
    healthy: Recipe | None
    closes: float = 0.9
    mitigation: str = ""
    rivals: tuple[Rival, ...]
    claim: AnyClaim
    shows: tuple[Sign, ...]
    knobs: tuple[Knob | Choice, ...]
    keras: Twin
    sources: tuple[Source, ...]
    finding: str = ""
    long_diff: str = ""

    def __repr__(self) -> str:
        """Its name and what it is about: in full, it is pages of functions."""
        return f"Case({self.name!r}: {self.question})"
