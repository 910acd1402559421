"""Seed what a run draws from, and say what that makes repeatable."""

import os
import random
import sys
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch

from coursekit.device.pick import available
from coursekit.errors import BadInputError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
FIXED_WORKSPACES = (":4096:8", ":16:8")  # cuBLAS, "Results reproducibility": it knows these two


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """What a call of `seed_everything` made repeatable, and what not.

    Its repr is one short line; ``print`` shows all sentences.

    Attributes:
        seed: The seed.
        generators: The packages whose random numbers now start from it.
        deterministic: Whether torch must compute in a fixed order, or raise where it cannot.
        repeats: What comes out the same in every run from here on, one sentence each.
        varies: What may still differ, one sentence each.
        summary: Both in half a line.
    """

    seed: int
    generators: tuple[str, ...]
    deterministic: bool
    repeats: tuple[str, ...]
    varies: tuple[str, ...]
    summary: str

    def __repr__(self) -> str:
        return f"Seeded({self.seed}): {', '.join(self.generators)}; {self.summary}"

    def __str__(self) -> str:
        same = [f"same:   {sentence}" for sentence in self.repeats]
        other = [f"varies: {sentence}" for sentence in self.varies]
        return "\n".join([repr(self), *same, *other])


def seed_everything(seed: int, *, deterministic: bool = False) -> Seeded:
    """Seed Python, numpy, torch and, where they are loaded, Keras and TensorFlow.

    Args:
        seed: A whole number from 0 to 2**32 - 1.
        deterministic: Also make GPUs add in a fixed order, in torch and in a loaded TensorFlow:
            slower, and an operation that has no such order raises. It stays on for the process;
            ``torch.use_deterministic_algorithms(False)`` turns it off. Call it before anything
            runs on a GPU.

    Returns:
        What this made repeatable on the devices of this machine, and what it did not.

    Raises:
        BadInputError: The seed is not such a number.

    >>> seeded = seed_everything(0)
    >>> first = torch.rand(1)
    >>> seeded = seed_everything(0)
    >>> bool(torch.rand(1) == first)
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise BadInputError(f"The seed is {seed!r}; pass a whole number from 0 to 2**32 - 1.")
    late = _fix_the_order() if deterministic else False
    generators = _seed(int(seed))
    return promise(
        int(seed),
        generators=generators,
        kinds=[name for name in available() if ":" not in name],
        deterministic=torch.are_deterministic_algorithms_enabled(),
        late=late,
        unloaded=() if "keras" in generators or not find_spec("keras") else ("Keras",),
        hash_fixed=os.environ.get("PYTHONHASHSEED", "random") != "random",
    )


def promise(
    seed: int,
    *,
    generators: tuple[str, ...],
    kinds: list[str],
    deterministic: bool,
    late: bool = False,
    unloaded: tuple[str, ...] = (),
    hash_fixed: bool = False,
) -> Seeded:
    """Word what is repeatable: a pure function of what was seeded and of what is here.

    Args:
        seed: The seed.
        generators: The packages that were seeded.
        kinds: The kinds of device that are here: ``"cuda"``, ``"mps"``, ``"cpu"``.
        deterministic: Whether torch has been told to compute in a fixed order.
        late: Whether CUDA was in use before it was told.
        unloaded: Packages that are installed but not loaded, so that they could not be seeded.
        hash_fixed: Whether Python hashes text alike in every process.

    >>> promise(3, generators=("python", "numpy", "torch"), kinds=["cpu"], deterministic=False)
    Seeded(3): python, numpy, torch; repeats on this CPU, not on another machine
    """
    repeats = ["On the CPU: every number, with the same machine, versions and number of threads."]
    varies: list[str] = []
    fixed = deterministic and not late
    if "cuda" in kinds:
        (repeats if fixed else varies).append(_CUDA[deterministic, late])
    if "mps" in kinds:
        varies.append("On mps: its kernels promise no fixed order, and nothing makes them.")
    if not hash_fixed:
        varies.append("The order of a set of strings: set PYTHONHASHSEED before Python starts.")
    varies += [f"{name}: not loaded yet. Load it, then seed again." for name in unloaded]
    varies.append("Generators that were made before this, such as numpy.random.default_rng().")
    varies.append("Anything on another machine, device, version or number of threads.")
    return Seeded(
        seed=seed,
        generators=generators,
        deterministic=deterministic,
        repeats=tuple(repeats),
        varies=tuple(varies),
        summary=_summary(kinds, deterministic=deterministic, late=late),
    )


_CUDA = {
    (False, False): "On cuda: sums may be added in another order. Pass deterministic=True.",
    (
        True,
        False,
    ): "On cuda: every number, on the same terms; an operation without a fixed order raises.",
    (True, True): "On cuda: it was in use before this call, which cuBLAS may have missed. "
    "Restart the kernel and call this first.",
}


def _summary(kinds: list[str], *, deterministic: bool, late: bool) -> str:
    """What repeats, in half a line."""
    if "cuda" in kinds:
        if not deterministic:
            return "repeats on CPU; cuda needs deterministic=True"
        if late:
            return "repeats on the CPU; on cuda if called first"
        return "repeats on CPU and GPU, not on another machine"
    if "mps" in kinds:
        return "repeats on the CPU; on mps without a promise"
    return "repeats on this CPU, not on another machine"


def _seed(seed: int) -> tuple[str, ...]:
    """Seed what is loaded; the names of the packages."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # every device of torch
    loaded = [name for name in ("tensorflow", "keras") if name in sys.modules]
    if "tensorflow" in loaded:
        sys.modules["tensorflow"].random.set_seed(seed)
    if "keras" in loaded:
        sys.modules["keras"].utils.set_random_seed(seed)
    return ("python", "numpy", "torch", *loaded)


def _fix_the_order() -> bool:
    """Make torch and a loaded TensorFlow compute in a fixed order; True where it may be too late.

    cuBLAS reads its variable when it is first used, which nobody can ask about: from the start of
    CUDA on, it may have been.
    """
    unset = os.environ.get(WORKSPACE) not in FIXED_WORKSPACES
    late = unset and bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
    if unset:
        os.environ[WORKSPACE] = FIXED_WORKSPACES[0]
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].config.experimental.enable_op_determinism()
    return late
