"""One live run of a recipe: driven yield by yield, read in between, and never changed by it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn

from coursekit.cases.case import Recipe
from coursekit.widgets.exploration import Curve, Outcome, Watch
from coursekit.widgets.gradients import Gradients


@final
class Trial:
    """A run that stands still between two calls of `advance`.

    The loss of each step is read where the recipe calls ``setup.loss_fn``. The run has its own
    state of torch's CPU generator, so that what else runs in the kernel does not change it; who
    advances it beside a cell takes turns with the cell (`coursekit.widgets.turns`).

    Attributes:
        on_step: Called in each training step, once its loss is known: an epoch may last longer than
            one wants to wait. It may look at `curve`.

    >>> from coursekit.cases import get_case
    >>> fixed = get_case("unscaled-features").fixed
    >>> trial = Trial(fixed, seed=0, device="cpu", watch=Watch())
    >>> while trial.advance():
    ...     pass
    >>> trial.outcome().scores == fixed.run(seed=0)
    True
    """

    def __init__(self, recipe: Recipe, *, seed: int, device: str, watch: Watch) -> None:
        self.on_step: Callable[[], None] = _nothing
        self._recipe = recipe
        self._watch = watch
        self._random_state: Tensor | None = None
        self._heard: list[Tensor] = []
        self._losses: list[float] = []
        self._scored_at: list[int] = []
        self._scores: list[float] = []
        with _one_thread(), self._own_randomness():
            self._setup = recipe.build(seed, device)
            self._training = recipe.train(replace(self._setup, loss_fn=self._listen))
        watched = watch.below == "gradients"
        self._gradients = Gradients(self._setup.model) if watched else None

    def advance(self) -> bool:
        """Train until the recipe yields, and score; False once it has come to its end."""
        with _one_thread(), self._own_randomness():
            if next(self._training, None) is None:
                return False
            self._note_heard()
            self._scored_at.append(len(self._losses))
            self._scores.append(_score(self._setup, self._watch))
            if self._gradients is not None:
                self._gradients.read()
        return True

    @property
    def steps(self) -> int:
        """Training steps whose loss is known."""
        return len(self._losses) + len(self._heard)

    def close(self) -> None:
        """Give the run up."""
        if self._gradients is not None:
            self._gradients.close()
        close = getattr(self._training, "close", None)
        if close is not None:
            close()

    def curve(self) -> Curve:
        """What the run has shown so far, the step that it is in included."""
        self._note_heard()
        return Curve(
            losses=tuple(self._losses),
            scored_at=tuple(self._scored_at),
            scores=tuple(self._scores),
            planned_steps=self._setup.epochs * len(self._setup.train),
            gradients=() if self._gradients is None else self._gradients.norms,
            overflowed=self._gradients is not None and self._gradients.overflowed,
        )

    def outcome(self) -> Outcome:
        """The numbers of the run; call it after the end, as the recipe's ``evaluate`` is."""
        with _one_thread(), self._own_randomness():
            scores = self._recipe.evaluate(self._setup)
            dead_share = _dead_share(self._setup)
        last = self._losses[-len(self._setup.train) :]
        return Outcome(
            scores=scores,
            watched=self._scores[-1],
            final_loss=sum(last) / len(last),
            dead_share=dead_share,
        )

    def _listen(self, *args: Any) -> Tensor:
        """The recipe's loss; a training step's is noted. (A validation loss has no gradient.)"""
        loss: Tensor = self._setup.loss_fn(*args)
        if loss.requires_grad:
            self._heard.append(loss.detach())
            self.on_step()
        return loss

    def _note_heard(self) -> None:
        """Take the new losses over, in one transfer."""
        self._losses.extend(torch.stack(self._heard).tolist() if self._heard else ())
        self._heard.clear()

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """Lend torch's generator to this run, and put back what it held."""
        outside = torch.get_rng_state()
        if self._random_state is not None:
            torch.set_rng_state(self._random_state)
        try:
            yield
        finally:
            self._random_state = torch.get_rng_state()
            torch.set_rng_state(outside)


def _nothing() -> None:
    """What a run calls in each step until somebody wants to know."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread: JupyterLab calls back on a second thread, and two pools fight for cores.

    With the default of one thread per core, training there took 2.5 times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients; then each module's own mode again."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def _score(setup: Any, watch: Watch) -> float:
    """Accuracy or loss on the rows that are watched."""
    inputs, labels = (setup.test if watch.rows == "test" else setup.val).tensors
    with _evaluating(setup.model):
        outputs = setup.model(inputs)
        if watch.quantity == "loss":
            return float(setup.loss_fn(outputs, labels))
        return float((outputs.argmax(dim=1) == labels).float().mean())


def _dead_share(setup: Any) -> float | None:
    """Share of ReLU units, over all ReLU layers, that are zero for every training row."""
    silent: list[Tensor] = []
    layers = [module for module in setup.model.modules() if isinstance(module, nn.ReLU)]
    hooks = [layer.register_forward_hook(partial(_note_silent, silent)) for layer in layers]
    try:
        with _evaluating(setup.model):
            outputs = setup.model(setup.train.dataset.tensors[0])
    finally:
        for hook in hooks:
            hook.remove()
    if not silent or not bool(torch.isfinite(outputs).all()):
        return None
    return float(torch.cat(silent).float().mean())


def _note_silent(silent: list[Tensor], _module: nn.Module, _args: Any, output: Tensor) -> None:
    """Note which units gave zero for all rows; output has shape (rows, units)."""
    silent.append((output <= 0).flatten(1).all(dim=0))
