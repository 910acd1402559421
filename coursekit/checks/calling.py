"""Calls a learner's function: on copies, from fixed seeds, and its errors are reported as theirs.

Nothing of a call stays behind: the arguments are copies, and the states of the random number
generators are put back.
"""

import copy
import linecache
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.verdicts import CheckFailed, NotAnswered

SEED = 0
SET_UP = "The set-up cell, the first one with code, is missing or did not run: run it again."


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One call.

    Attributes:
        result: What came back.
        handed: The copies of the arguments that the function got, as it left them.
        altered: The names of the arguments that the function changed in place.
    """

    result: object
    handed: Mapping[str, Any]
    altered: tuple[str, ...]


def call(function: object, arguments: Mapping[str, Any], *, name: str) -> Call:
    """Call a learner's function with copies of the arguments, in their order.

    Args:
        function: The function.
        arguments: What to hand over; the names are for messages, the learner's may differ.
        name: What messages call the function.

    Raises:
        CheckFailed: The function raised an error; its own is the cause.
        NotAnswered: The function is a blank.

    >>> call(lambda x: x.sum(), {"x": np.ones(3)}, name="total").result.item()
    3.0
    """
    handed = {key: _copied(value) for key, value in arguments.items()}
    with _fixed_randomness():
        try:
            result = function(*handed.values())  # type: ignore[operator]
        except NotAnswered:
            raise
        except Exception as error:
            raise CheckFailed(_theirs(function, error, name)) from error
    altered = [key for key, value in arguments.items() if not _same(value, handed[key])]
    return Call(result=result, handed=handed, altered=tuple(altered))


@contextmanager
def _fixed_randomness() -> Iterator[None]:
    """Seed all generators, and put their states back afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def _copied(value: Any) -> Any:
    """A deep copy; a model keeps its gradients, which torch would leave out."""
    twin = copy.deepcopy(value)
    if isinstance(value, nn.Module):
        for old, new in zip(value.parameters(), twin.parameters(), strict=True):
            new.grad = None if old.grad is None else old.grad.clone()
    return twin


def _same(before: object, after: object) -> bool:
    """Whether an argument is what it was; a function is left alone."""
    if isinstance(before, nn.Module) and isinstance(after, nn.Module):
        return _traits(before) == _traits(after) and _same(before.state_dict(), after.state_dict())
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[k], after[k]) for k in before)
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return torch.equal(before, after) and before.requires_grad == after.requires_grad
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        return bool(np.array_equal(before, after))
    return True


def _traits(model: nn.Module) -> list[bool]:
    """What a state_dict does not hold: each layer's mode, and which weights are trained."""
    modes = [layer.training for layer in model.modules()]
    return modes + [weight.requires_grad for weight in model.parameters()]


def set_up_ran(names: Mapping[str, object]) -> bool:
    """Whether a notebook's set-up cell has run; each of them imports what a blank raises.

    Args:
        names: What the notebook's cells have left.
    """
    return NotAnswered.__name__ in names


def _theirs(function: object, error: Exception, name: str) -> str:
    """A learner's error in one sentence, with the last line of theirs that it came from."""
    place = _last_line(function, error.__traceback__)
    reason = f": {error}".rstrip(".: ")
    cause = SET_UP if _lacks_set_up(function, error) else "The error is in your code."
    return f"{name} raised {type(error).__name__}{reason}{place}. {cause}"


def _lacks_set_up(function: object, error: Exception) -> bool:
    """Whether a name is missing because a notebook's set-up cell has not run."""
    names = getattr(_inside(function), "__globals__", {})
    in_notebook = names.get("__name__") == "__main__"
    return isinstance(error, NameError) and in_notebook and not set_up_ran(names)


def _inside(function: object) -> object:
    """The function itself, where it comes as a partial."""
    return getattr(function, "func", function)


def _last_line(function: object, trace: TracebackType | None) -> str:
    """The last line of the learner's file or cell that a traceback passes through."""
    code = getattr(_inside(function), "__code__", None)
    found = ""
    while trace is not None and code is not None:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            source = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            found = f" (line {trace.tb_lineno}: {source})" if source else ""
        trace = trace.tb_next
    return found
