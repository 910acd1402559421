"""The optional task: ``silence(h, p, training)``: what nn.Dropout does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, told_apart, two_digits

ROWS, UNITS = 400, 50
SHARES = (0.2, 0.5, 0.9)
WITHIN = 0.02  # of a share, over 20,000 numbers; by chance it is off by .004
EXACT = 1e-4  # of a factor
ALIKE = 0.2  # deviation of the share that is silent in a row or column; by chance .07
TOO_EVEN = 0.5  # of the deviation by chance
FEW, CALLS = 3, 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Silenced:
    """What an answer made of numbers in training mode.

    Attributes:
        p: The share to silence.
        zeros: The share that is zero.
        few: How many of three ones were silenced in each of 100 calls.
        factor: What the others were multiplied by, the mean.
        uneven: How far the smallest and the largest factor lie apart.
        alone: Whether neither whole rows nor whole columns are silenced together.
        even: Whether rows or columns hold more nearly the same share of zeros than chance has it.
        anew: Whether a second call silences others.
        gradient: Whether the gradient is the factor where a number is left, and 0 elsewhere.
    """

    p: float
    zeros: float
    few: tuple[int, ...]
    factor: float
    uneven: float
    alone: bool
    even: bool
    anew: bool
    gradient: bool


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Calls in training mode, with p = 0, in evaluation mode, and whether h stayed as it was."""

    trained: tuple[Silenced, ...]
    nothing: bool
    use: bool
    altered: bool


def numbers() -> Tensor:
    """Numbers of both signs, none of them zero, shape (400, 50)."""
    made = torch.linspace(0.5, 2.0, ROWS * UNITS).reshape(ROWS, UNITS)
    return made * (1 - 2 * (torch.arange(UNITS) % 2))


def gather(silence: Callable[..., Any]) -> Evidence:
    """Call the answer on ones and on other numbers."""
    h = numbers()
    plain = call(silence, {"h": h, "p": 0.0, "training": True}, name="silence")
    use = call(silence, {"h": h, "p": 0.5, "training": False}, name="silence")
    noisy = call(silence, {"h": h, "p": 0.5, "training": True}, name="silence")
    return Evidence(
        trained=tuple(_silenced(silence, p) for p in SHARES),
        nothing=_equal(plain.result, h), use=_equal(use.result, h),
        altered=any("h" in one.altered for one in (plain, use, noisy)),
    )  # fmt: skip


def each_by_itself(evidence: Evidence) -> str | None:
    """Rows and columns are not silenced as a whole, nor so many of them."""
    for one in evidence.trained:
        if not one.alone:
            return f"With p={one.p} in training, whole rows or columns are silenced together."
        if one.even or (one.anew and len(set(one.few)) == 1):
            return (
                f"With p={one.p} in training, the number of zeros is dealt out: so many in all, in "
                "a row or in a column; expected chance to decide for each number."
            )
    return None


def share_is_silenced(evidence: Evidence) -> str | None:
    """In training a share p is zero."""
    for one in evidence.trained:
        if abs(one.zeros - one.p) > WITHIN:
            seen, expected = told_apart(one.zeros, one.p)
            return f"With p={one.p} in training, {seen} of the numbers are 0; expected {expected}."
    return None


def anew_each_time(evidence: Evidence) -> str | None:
    """Two calls silence different numbers."""
    for one in evidence.trained:
        if not one.anew:
            return f"With p={one.p} in training, a second call silences the same numbers again."
    return None


def mean_stays(evidence: Evidence) -> str | None:
    """What is left makes up for what is not."""
    for one in evidence.trained:
        right = 1 / (1 - one.p)
        if abs(one.factor - right) > EXACT * right or one.uneven > EXACT * right:
            texts = [f"{one.factor:.{digits}g}" for digits in range(3, 8)]
            seen = next((text for text in texts if float(text) != float(f"{right:.3g}")), texts[0])
            return (
                f"With p={one.p} in training, the numbers that are left were multiplied by {seen} "
                f"in the mean; expected {right:.3g} for each."
            )
    return None


def use_is_quiet(evidence: Evidence) -> str | None:
    """In evaluation mode, and with p = 0, nothing changes."""
    if not evidence.use:
        return "With p=0.5 and training=False, the numbers are not what they were."
    if not evidence.nothing:
        return "With p=0 in training, the numbers are not what they were."
    return None


def gradient_comes_back(evidence: Evidence) -> str | None:
    """The gradient takes the way of the numbers that are left."""
    for one in evidence.trained:
        if not one.gradient:
            return (
                f"With p={one.p} in training, the gradient that comes back is not the factor where "
                "a number is left, and 0 where it is silenced."
            )
    return None


def nothing_changes(evidence: Evidence) -> str | None:
    """The numbers that came are as they were."""
    return "silence changed h in place." if evidence.altered else None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    last = evidence.trained[-1]
    return (
        f"With p={last.p}, what is left is multiplied by {two_digits(last.factor)}; in use, "
        "nothing is changed."
    )


check_silence = Check(
    task="The optional task",
    takes=("silence",),
    gather=gather,
    clauses=(
        Clause(
            name="alone",
            test=each_by_itself,
            hint="Draw one number for each entry of h: its shape is (rows, units).",
        ),
        Clause(
            name="share",
            test=share_is_silenced,
            hint="torch.rand gives numbers between 0 and 1. How many of them are below p?",
        ),
        Clause(
            name="anew",
            test=anew_each_time,
            hint="A seed inside the function makes every call alike.",
        ),
        Clause(
            name="mean",
            test=mean_stays,
            hint="Of ten ones, p = 0.2 leaves eight on average. What must each be, so that the sum "
            "is ten on average? It follows from p alone.",
        ),
        Clause(
            name="use",
            test=use_is_quiet,
            hint="The noise belongs to training. Where nothing is silenced, nothing has to grow.",
        ),
        Clause(
            name="gradient",
            test=gradient_comes_back,
            hint="Multiply h by a tensor of zeros and factors: the gradient goes back through a "
            "product by itself. Through numpy, .detach() or .data it does not.",
        ),
        Clause(
            name="changes",
            test=nothing_changes,
            hint="h[…] = 0 and h *= … write into the layer's own outputs. Make a new tensor.",
        ),
    ),
    verified=verified,
    hints=(
        "Three questions: which numbers are silenced, what happens to the others, and when?",
        "Call it on torch.ones(1000, 100) and print the share of zeros and the mean.",
        "if not training: return h. Else h * (torch.rand_like(h) >= p) / (1 - p).",
    ),
)


@dataclass(frozen=True)
class _Twice:
    """The learner's function twice in a row and often on a few ones, and its gradient."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, h: Tensor, p: float) -> tuple[Any, Any, Any, Any]:
        """Two answers, the gradient of the first one's sum in h, or None, and answers to ones."""
        h.requires_grad_()
        first = self.func(h * 1, p, True)  # a layer's outputs: they may be written into
        grad = None
        if isinstance(first, Tensor) and first.requires_grad:
            (grad,) = torch.autograd.grad(first.sum(), h, allow_unused=True)
        few = [self.func(torch.ones(1, FEW), p, True) for _ in range(CALLS)]
        return first, self.func(h * 1, p, True), grad, few


def _silenced(silence: Callable[..., Any], p: float) -> Silenced:
    """One call of the answer in training, and another one."""
    h = numbers()
    twice: Any = call(_Twice(silence), {"h": h, "p": p}, name="silence").result
    first, second, grad, few = twice
    source = f"With p={p} in training, silence"
    one, two = (as_array(part, shape=tuple(h.shape), source=source) for part in (first, second))
    ones = [as_array(part, shape=(1, FEW), source=source, finite=False) for part in few]
    ratio = one / h.double().numpy()  # (rows, units)
    left = ratio[ratio != 0]
    gone = ratio == 0
    rows, columns = gone.mean(axis=1), gone.mean(axis=0)
    chance = (gone.mean() * (1 - gone.mean())) ** 0.5
    return Silenced(
        p=p, zeros=float(gone.mean()), few=tuple(int((part == 0).sum()) for part in ones),
        factor=float(left.mean()) if left.size else 0.0,
        uneven=float(np.ptp(left)) if left.size else 0.0,
        alone=bool(max(rows.std(), columns.std()) < ALIKE),
        even=bool(min(rows.std() * UNITS**0.5, columns.std() * ROWS**0.5) < TOO_EVEN * chance),
        anew=bool((gone != (two == 0)).any()),
        gradient=grad is not None and bool(np.allclose(grad.double().numpy(), ratio, atol=1e-4)),
    )  # fmt: skip


def _equal(seen: object, h: Tensor) -> bool:
    """Whether the numbers came back as they were."""
    if not isinstance(seen, Tensor):
        raise CheckFailed(f"silence returned {kind_of(seen)}; expected a tensor shaped like h.")
    came = as_array(seen, shape=tuple(h.shape), source="silence", finite=False)
    return bool(np.allclose(came, h.numpy()))
