"""The settings of a sweep: every learning rate with every knob value and every seed."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError

Value = float | int | str | bool

RESERVED = ("lr", "seed")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What sets one run apart.

    Attributes:
        lr: The learning rate.
        knobs: The keyword arguments of build.
        seed: What build is called with, and torch seeded with before that.
    """

    lr: float
    knobs: Mapping[str, Value]
    seed: int

    def __str__(self) -> str:
        knobs = "".join(f"{name} {value}, " for name, value in self.knobs.items())
        return f"lr {self.lr:g}, {knobs}seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All settings, the learning rate changing fastest; then seeds, then knobs."""

    lr: tuple[float, ...]
    over: Mapping[str, tuple[Value, ...]]
    seeds: tuple[int, ...]

    def settings(self) -> list[Setting]:
        """One setting a run.

        >>> grid = Grid(lr=(0.1, 1.0), over={"scale": (2,)}, seeds=(0,))
        >>> [str(setting) for setting in grid.settings()]
        ['lr 0.1, scale 2, seed 0', 'lr 1, scale 2, seed 0']
        """
        return [
            Setting(lr=lr, knobs=dict(zip(self.over, values, strict=True)), seed=seed)
            for values in product(*self.over.values())
            for seed, lr in product(self.seeds, self.lr)
        ]

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The same as numpy: a name to its values, each of shape (runs,)."""
        rows = self.settings()
        knobs = {name: np.array([row.knobs[name] for row in rows]) for name in self.over}
        lr, seed = np.array([row.lr for row in rows]), np.array([row.seed for row in rows])
        return {"lr": lr, **knobs, "seed": seed}


def grid_of(
    lr: Iterable[float], over: Mapping[str, Iterable[Value]] | None, seeds: Iterable[int]
) -> Grid:
    """The grid, once everything in it can be used.

    Raises:
        BadInputError: A list is empty, holds something twice or what cannot be a learning rate, a
            seed or a knob value.
    """
    over = {} if over is None else over
    if not isinstance(over, Mapping):
        raise BadInputError(
            f"over is a {type(over).__name__}; pass a dict from keyword arguments of build to the "
            "values to try: over={'scale': [0.5, 1, 2]}."
        )
    return Grid(
        lr=tuple(_rate(value) for value in _several(lr, "lr")),
        over={name: _knob(name, values) for name, values in over.items()},
        seeds=tuple(_seed(value) for value in _several(seeds, "seeds")),
    )


def _several(values: Any, name: str) -> list[Any]:
    """The values of a list or an array, which has some and none twice."""
    found = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise BadInputError(
            f"{name} is {values!r}; pass a list of the values to try: [{values!r}]."
        )
    found = list(found)
    if not found:
        raise BadInputError(
            f"{name} is empty, so there is nothing to run. Give at least one value."
        )
    for value in found:
        if not isinstance(value, float | int | str | np.generic):
            raise BadInputError(
                f"{name} holds {value!r}, a {type(value).__name__}. Give numbers or names, and let "
                "build choose by them: they label the axes of the map."
            )
    twice = [value for value, times in Counter(found).items() if times > 1]
    if twice:
        raise BadInputError(f"{name} holds {twice[0]!r} twice. Give each value once.")
    return found


def _rate(value: Any) -> float:
    """A learning rate as a float."""
    number = not isinstance(value, str | bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise BadInputError(
            f"lr holds {value!r}; learning rates are finite numbers above 0, such as "
            "numpy.logspace(-4, 1, 32)."
        )
    return float(value)


def _seed(value: Any) -> int:
    """A seed as an int."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 0 <= value < 2**32:
        raise BadInputError(f"seeds holds {value!r}; seeds are whole numbers from 0 to 2**32 - 1.")
    return int(value)


def _knob(name: str, values: Any) -> tuple[Value, ...]:
    """The values of a knob: all numbers, or all names."""
    if not isinstance(name, str) or name in RESERVED:
        raise BadInputError(
            f"over holds {name!r}, which is no knob: lr and seeds have arguments of their own. "
            "Its keys are other keyword arguments of build."
        )
    found = [value.item() if isinstance(value, np.generic) else value
             for value in _several(values, f"over[{name!r}]")]  # fmt: skip
    if len({_kind(value) for value in found}) > 1:
        raise BadInputError(f"over[{name!r}] mixes numbers, names or truth values: {found}.")
    if any(isinstance(value, float) and not math.isfinite(value) for value in found):
        raise BadInputError(f"over[{name!r}] holds a value that is not finite: {found}.")
    return tuple(found)


def _kind(value: Value) -> str:
    """What an axis can show together."""
    return {str: "name", bool: "truth"}.get(type(value), "number")
