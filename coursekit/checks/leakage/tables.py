"""Tables whose best columns, or whose copies, are known: what the tasks are checked on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

SEED = 701


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """A table to choose columns of.

    Attributes:
        name: What messages call it.
        x: Shape (rows, columns).
        y: Class numbers, shape (rows,).
        rows: Numbers of the training rows.
        k: How many columns to choose.
        best: The columns that separate the classes plainly; empty in a table of chance.
    """

    name: str
    x: Array
    y: Numbers
    rows: Numbers
    k: int
    best: frozenset[int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """A table with rows that hang together.

    Attributes:
        name: What messages call it.
        x: Shape (rows, columns).
        distance: Rows closer than this hang together.
    """

    name: str
    x: Array
    distance: float


def choices() -> tuple[Choice, ...]:
    """Two classes, three classes in a row, each of three apart, and two tables of chance.

    >>> [sorted(table.best) for table in choices()]
    [[5, 17, 30], [2, 11], [8, 23, 31], [], []]
    """
    two, row = (0, 4), (0, 4, 8)
    # seen by two of the classes alone, or by the first against the rest, one of these is nothing
    apart = {8: (0, 4, 0), 23: (0, 0, 4), 31: (0, 4, -4)}
    return (
        _planted("a table of two classes", dict.fromkeys((5, 17, 30), two)),
        _planted("a table of three classes", dict.fromkeys((2, 11), row)),
        _planted("a table of three classes, of which others stand apart in each column", apart),
        _chance("a table of chance", columns=200, k=10),
        _chance("a wide table of chance", columns=1000, k=40),
    )


def families() -> tuple[Family, ...]:
    """Digits three times each, noisy digits, two of chains of rows, and digits as they are."""
    draw = np.random.default_rng(SEED)
    digits = load_dataset("digits").x[:120] / 16  # the closest two are 0.8 apart
    copies = draw.permutation(np.tile(digits, (3, 1)))
    noisy = copies + draw.normal(0, 0.02, copies.shape)  # copies are 0.3 apart
    return (
        Family(name="a table with exact copies", x=copies, distance=0.01),
        Family(name="a table with noisy copies", x=noisy, distance=0.5),
        Family(name="a table of chains", x=draw.permutation(_chains(draw, step=0.8)), distance=1.0),
        # above 1 a square is larger than its root
        Family(name="a table of long chains", x=draw.permutation(_chains(draw, step=1.8)),
               distance=2.0),
        Family(name="a table without copies", x=digits, distance=0.01),
    )  # fmt: skip


def _planted(name: str, best: Mapping[int, tuple[int, ...]]) -> Choice:
    """Noise, but for a few columns with these means of the classes, or minus them."""
    classes = len(next(iter(best.values())))
    draw = np.random.default_rng(SEED + classes)
    y = draw.permutation(np.arange(120) % classes)
    x = draw.normal(size=(120, 40)) * np.geomspace(1, 100, 40)  # the spread says nothing
    for number, (column, means) in enumerate(best.items()):
        sign = (-1) ** number
        x[:, column] = sign * np.array(means)[y] + draw.normal(size=120)
    return Choice(
        name=name, x=x, y=y, rows=draw.permutation(120)[:60], k=len(best), best=frozenset(best)
    )


def _chance(name: str, *, columns: int, k: int) -> Choice:
    """Nothing but noise: which columns come out best hangs on every label that is in view."""
    draw = np.random.default_rng(SEED + columns)
    return Choice(
        name=name, x=draw.normal(size=(90, columns)), y=draw.permutation(np.arange(90) % 3),
        rows=draw.permutation(90)[:50], k=k, best=frozenset(),
    )  # fmt: skip


def _chains(draw: np.random.Generator, *, step: float) -> Array:
    """Forty chains of six rows: neighbours are one step apart, the ends of a chain five.

    The places lie on a grid that is 30 wide, so that two chains never touch.
    """
    starts = 30.0 * np.stack(np.divmod(np.arange(40), 8), axis=1)  # (40, 2)
    angles = draw.uniform(0, 2 * np.pi, 40)
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (40, 2)
    steps = step * np.arange(6)[:, None, None]
    chains: Array = (starts + steps * ways).reshape(-1, 2)
    return chains
