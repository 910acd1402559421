"""Pick the device of a run."""

import os
from collections.abc import Sequence

import torch

from coursekit.errors import BadInputError, unknown

VARIABLE = "COURSEKIT_DEVICE"
KINDS = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str | None = None) -> torch.device:
    """Pick the device of a run.

    Args:
        name: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, or ``"auto"``: the first that is
            here of cuda, mps, cpu. None asks the environment variable ``COURSEKIT_DEVICE``,
            and means ``"auto"`` where that is not set.

    Raises:
        UnknownNameError: There is no kind of device with that name.
        BadInputError: That device is not on this machine.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    return torch.device(choose(name or os.environ.get(VARIABLE) or "auto", available()))


def lesson_device() -> torch.device:
    """The device of a lesson: the CPU, unless ``COURSEKIT_DEVICE`` says otherwise.

    The models of the lessons are tiny: a GPU would be slower, and would change the figures.
    """
    return pick_device(os.environ.get(VARIABLE) or "cpu")


def available() -> tuple[str, ...]:
    """The devices of this machine, the fastest first; the CPU always ends the list."""
    here = torch.cuda.is_available()
    gpus = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count() if here else 0))
    cuda = ("cuda", *gpus) if here else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*cuda, *mps, "cpu")


def choose(name: str, offered: Sequence[str]) -> str:
    """The device that a name means, of those that a machine offers, the fastest first.

    Raises:
        UnknownNameError: There is no kind of device with that name.
        BadInputError: The machine does not offer it.

    >>> choose("auto", ["mps", "cpu"])
    'mps'
    """
    wanted = name.strip().lower()
    kind = wanted.partition(":")[0]
    if kind not in KINDS:
        raise unknown("device", name, KINDS, see=f"Set {VARIABLE}, or pass one of these.")
    if wanted == "auto":
        return offered[0]
    if wanted not in (*offered, *(f"{one}:0" for one in offered if one in ("cpu", "mps"))):
        raise BadInputError(
            f"The device {name!r} was asked for, but this machine offers: {', '.join(offered)}. "
            f"Pass one of these, or set {VARIABLE}=cpu. `coursekit info` says why others are "
            "missing."
        )
    return wanted
