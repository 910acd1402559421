"""The optional task: ``keeps_old(one_pass, model, optimizer, batches)`` finds old gradients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

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
        old: Whether it was said to keep old gradients.
        keeps: Whether it does.
        clean: Whether the weights were as before, and the optimizer without hooks.
    """

    loop: str
    old: bool
    keeps: bool
    clean: bool


def loops() -> list[tuple[Loop, bool]]:
    """Loops, and whether a step uses gradients of an earlier batch."""
    return [
        (loop("a loop with zero_grad before backward", rows="larger"), False),
        (loop("a loop with zero_grad behind the step", emptied="last"), False),
        (loop("a loop with zero_grad(set_to_none=False)", emptied="zeros"), False),
        (loop("a loop with model.zero_grad() right before backward", emptied="model"), False),
        (loop("a loop without zero_grad", emptied="never"), True),
        (loop("a loop with zero_grad once a pass", emptied="once"), True),
        (loop("a loop without zero_grad and with short steps", emptied="never", lr=1e-4), True),
    ]


def gather(keeps_old: Callable[..., Any]) -> tuple[Said, ...]:
    """Ask it of each loop."""
    return tuple(_asked(keeps_old, one, keeps) for one, keeps in loops())


def _asked(keeps_old: Callable[..., Any], one: Loop, keeps: bool) -> Said:
    """What is said of one loop, and what is left behind."""
    before = weights_of(one.model)
    asked = partial(keeps_old, one.one_pass, one.model, one.optimizer, one.batches)
    old = _truth(call(asked, {}, name="keeps_old").result)
    hooks = (one.optimizer._optimizer_step_pre_hooks, one.optimizer._optimizer_step_post_hooks)
    clean = left_as_before(one.model, before) and not any(hooks)
    return Said(loop=one.name, old=old, keeps=keeps, clean=clean)


def _truth(value: object) -> bool:
    """True or False, in whatever type they come."""
    plain = value
    if isinstance(value, Tensor | np.ndarray) and len(value.reshape(-1)) == 1:
        plain = value.item()
    if not isinstance(plain, bool | int | float | np.number | np.bool_) or plain not in (0, 1):
        raise CheckFailed(f"keeps_old returned {kind_of(value)}; expected True or False.")
    return bool(plain)


def old_is_found(evidence: tuple[Said, ...]) -> str | None:
    """Where old gradients are kept, it is said."""
    for said in evidence:
        if said.keeps and not said.old:
            return f"{said.loop.capitalize()} keeps old gradients; your function says False."
    return None


def no_false_alarm(evidence: tuple[Said, ...]) -> str | None:
    """Where they are not, nothing is said."""
    for said in evidence:
        if said.old and not said.keeps:
            return f"{said.loop.capitalize()} is sound; your function says True."
    return None


def left_clean(evidence: tuple[Said, ...]) -> str | None:
    """Weights as before, and no hook left."""
    for said in evidence:
        if not said.clean:
            return f"In {said.loop}, something is left: other weights, or a hook on the optimizer."
    return None


check_keeps_old = Check(
    task="The optional task",
    takes=("keeps_old",),
    gather=gather,
    clauses=(
        Clause(
            name="old",
            test=old_is_found,
            hint="One zero_grad a pass helps the first batch alone. What does .grad hold at the "
            "second step?",
        ),
        Clause(
            name="sound",
            test=no_false_alarm,
            hint="Gradients may be emptied before backward() or behind the step, by the optimizer "
            "or by the model: look at the moment when the step is taken.",
        ),
        Clause(
            name="clean",
            test=left_clean,
            hint="Keep a copy of the weights, and call remove() on what register_… returned.",
        ),
    ),
    verified=lambda evidence: f"{len(evidence)} loops are told apart, and left as they were.",
    hints=(
        "Which two moments of a loop does an optimizer let you look at?",
        "Put a mark into every .grad behind a step. When the next step comes: is it there?",
        "register_step_post_hook: fill .grad with 1e6. register_step_pre_hook: is any entry above "
        "1e5? Two batches. Then remove both hooks, and load the copy of the weights.",
    ),
)
