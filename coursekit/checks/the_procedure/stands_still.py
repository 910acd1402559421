"""Task 1: ``stands_still(one_pass, model, batches)`` names the parameters that do not move."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.the_procedure.loops import Loop, left_as_before, loop, weights_of
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was said of one loop.

    Attributes:
        loop: What messages call it.
        names: What came back.
        still: What it does not move.
        restored: Whether the weights were as before afterwards.
    """

    loop: str
    names: frozenset[str]
    still: frozenset[str]
    restored: bool


def loops() -> list[Loop]:
    """Loops in which all moves, if only a little, and loops in which something stands still."""
    return [
        loop("a sound loop"),
        loop("a sound loop with an input column of zeros", rows="empty column"),
        loop("a sound loop with very short steps", lr=1e-10, small=True),
        loop("a sound loop whose first and last batch are all zeros", rows="empty batches"),
        loop("a loop with its first layer frozen", fault="frozen", still="0.weight 0.bias"),
        loop(
            "a loop whose optimizer holds the first layer alone",
            fault="held",
            still="2.weight 2.bias",
        ),
        loop(
            "a loop whose weights all start at zero",
            fault="zero",
            still="0.weight 0.bias 2.weight",
        ),
    ]


def gather(stands_still: Callable[..., Any]) -> tuple[Said, ...]:
    """Ask it of each loop."""
    return tuple(_asked(stands_still, one) for one in loops())


def _asked(stands_still: Callable[..., Any], one: Loop) -> Said:
    """What is said of one loop, and whether its model is as before."""
    before = weights_of(one.model)
    asked = partial(stands_still, one.one_pass, one.model, one.batches)  # the loop's own model
    names = call(asked, {}, name="stands_still").result
    if not isinstance(names, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in names
    ):
        raise CheckFailed(
            f"stands_still returned {kind_of(names)}; expected a list of names such as "
            "['0.weight'], or [] where all move."
        )
    return Said(
        loop=one.name,
        names=frozenset(names),
        still=one.still,
        restored=left_as_before(one.model, before),
    )


def nothing_wrong_is_named(evidence: tuple[Said, ...]) -> str | None:
    """No parameter that moves is named."""
    for said in evidence:
        if wrong := sorted(said.names - said.still):
            return f"In {said.loop}, {wrong[0]} moves, and your function names it."
    return None


def all_is_named(evidence: tuple[Said, ...]) -> str | None:
    """Every parameter that stands still is named."""
    for said in evidence:
        if missing := sorted(said.still - said.names):
            return f"In {said.loop}, {missing[0]} stands still, and your function does not name it."
    return None


def put_back(evidence: tuple[Said, ...]) -> str | None:
    """The weights are as before."""
    for said in evidence:
        if not said.restored:
            return f"In {said.loop}, the weights are not what they were before the measurement."
    return None


check_stands_still = Check(
    task="Task 1",
    takes=("stands_still",),
    gather=gather,
    clauses=(
        Clause(
            name="moves",
            test=nothing_wrong_is_named,
            hint="Compare with a copy: the model's own tensors change under your hands. Give the "
            "loop all batches; equal means every entry, to the last bit.",
        ),
        Clause(
            name="still",
            test=all_is_named,
            hint="requires_grad and .grad tell of some causes only. Let the loop take its steps, "
            "and look at every parameter.",
        ),
        Clause(
            name="put back",
            test=put_back,
            hint="A measurement leaves the model as it found it: load_state_dict takes your copy.",
        ),
    ),
    verified=lambda evidence: (
        f"In {len(evidence)} loops, what stands still is named, and the weights are as before."
    ),
    hints=(
        "What must you keep before the pass, to see afterwards what has changed?",
        "Print one weight before the pass and after it, and what you kept of it: did that change, "
        "too?",
        "import copy; before = copy.deepcopy(model.state_dict()); one_pass(batches); compare each "
        "of model.named_parameters() by torch.equal; then model.load_state_dict(before).",
    ),
)
