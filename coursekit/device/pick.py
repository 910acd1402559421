"""Pick the device of a run, and seed what a run draws from."""

import os
import random
import sys

import numpy as np
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
    name = name or os.environ.get(VARIABLE) or "auto"
    kind, _, index = name.strip().lower().partition(":")
    if kind not in KINDS:
        raise unknown("device", name, KINDS, see=f"Set {VARIABLE}, or pass one of these.")
    if kind == "auto":
        return torch.device(available()[0])
    wanted = f"{kind}:{index}" if index else kind
    if wanted not in (*available(), kind if kind in available() else ""):
        raise BadInputError(
            f"The device {name!r} was asked for, but this machine offers: "
            f"{', '.join(available())}. Pass one of these, or set {VARIABLE}=cpu."
        )
    return torch.device(wanted)


def lesson_device() -> torch.device:
    """The device of a lesson: the CPU, unless ``COURSEKIT_DEVICE`` says otherwise.

    The models of the lessons are tiny: a GPU would be slower, and would change the figures.
    """
    return pick_device(os.environ.get(VARIABLE) or "cpu")


def available() -> tuple[str, ...]:
    """The devices of this machine, the fastest first; the CPU always ends the list."""
    gpus = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    cuda = ("cuda", *gpus) if torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*cuda, *mps, "cpu")


def seed_everything(seed: int) -> None:
    """Seed Python, numpy, torch and, where it is loaded, Keras.

    The same seed on the same machine then gives the same run on the CPU. It does not make equal:
    runs on another device, processor or version; kernels of a GPU that add in no fixed order
    (see ``torch.use_deterministic_algorithms``); the workers of a ``DataLoader``, unless it is
    given a seeded ``generator``; and generators that were made before this call.

    Args:
        seed: A whole number from 0 to 2**32 - 1.

    Raises:
        BadInputError: The seed is not such a number.

    >>> seed_everything(0)
    >>> first = torch.rand(1)
    >>> seed_everything(0)
    >>> bool(torch.rand(1) == first)
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise BadInputError(f"The seed is {seed!r}; pass a whole number from 0 to 2**32 - 1.")
    random.seed(int(seed))
    np.random.seed(int(seed))
    torch.manual_seed(int(seed))
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(int(seed))
