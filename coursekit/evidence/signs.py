"""Which readings of a record tell broken from fixed: what a case may name in `shows`."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from coursekit.cases.case import Case, Recipe
from coursekit.cases.sign import Reading, Sign
from coursekit.records import Record

PAIR = ("broken", "fixed")
OF_THE_MACHINE = {"data_time_s", "compute_time_s", "device_memory_bytes"}  # another one's differ


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What a reading was in the broken runs and in the fixed ones.

    Attributes:
        sign: The reading.
        broken: One number a seed.
        fixed: The same of the fixed runs.

    >>> seen = Telling(sign=Sign(quantity="loss", read="last"), broken=(2.0, 4.0), fixed=(0.0, 1.0))
    >>> seen.separates, seen.gap
    (True, 0.25)
    """

    sign: Sign
    broken: tuple[float, ...]
    fixed: tuple[float, ...]

    @property
    def separates(self) -> bool:
        """Whether all broken runs lie on one side, and all fixed ones on the other."""
        low, high = self._sides
        return max(low) < min(high)

    @property
    def gap(self) -> float:
        """The empty part between the two sides, as a share of the whole range; 0 without one."""
        low, high = self._sides
        whole = max(high) - min(low)
        if not max(low) < min(high):
            return 0.0
        return 1.0 if math.isinf(whole) else (min(high) - max(low)) / whole

    @property
    def _sides(self) -> list[tuple[float, ...]]:
        """The lower runs, and the higher ones."""
        return sorted([self.broken, self.fixed], key=min)


def declared(case: Case, records: Mapping[str, Sequence[Record]]) -> list[Telling]:
    """What the case names in `shows`, in these records: see `recorded`.

    Raises:
        UnknownNameError: The case names a quantity or a layer that was not measured.
    """
    return [_seen(sign, records) for sign in case.shows]


def telling(records: Mapping[str, Sequence[Record]]) -> list[Telling]:
    """Every reading that separates on all seeds, the widest gap first.

    The layers of a quantity are looked at one by one only where no reading of all layers
    together separates. Times and memory are left out: another machine has others.

    Args:
        records: From `recorded`.
    """
    shared = [name for name in records["broken"][0].series if _everywhere(name, records)]
    found: list[Telling] = []
    for quantity in shared:
        together = _separating(quantity, [""], records)
        labels = records["broken"][0][quantity].labels
        found += together or _separating(quantity, labels, records)
    return sorted(found, key=lambda one: -one.gap)


def recorded(case: Case, seeds: Sequence[int]) -> dict[str, list[Record]]:
    """A record of each broken and each fixed run in PyTorch, of every step."""
    return {
        "broken": [_record(case.broken, seed) for seed in seeds],
        "fixed": [_record(case.fixed, seed) for seed in seeds],
    }


def _record(recipe: Recipe, seed: int) -> Record:
    """One run, watched."""
    from coursekit.vitals.torch import record

    setup = recipe.build(seed, "cpu")
    with record(setup.model, setup.optimizer, every=1) as vitals:
        for _ in recipe.train(setup):
            pass
    return vitals.record


def _everywhere(quantity: str, records: Mapping[str, Sequence[Record]]) -> bool:
    """Whether each record has a reading of it, with the same labels, that may be compared."""
    there = [record for name in PAIR for record in records[name]]
    if quantity in OF_THE_MACHINE or any(quantity not in record.series for record in there):
        return False
    same = len({record[quantity].labels for record in there}) == 1
    return same and all(len(record[quantity].steps) for record in there)


def _separating(
    quantity: str, layers: Iterable[str], records: Mapping[str, Sequence[Record]]
) -> list[Telling]:
    """The readings of a quantity, in these layers, that separate."""
    seen = (_seen(sign, records) for sign in _signs(quantity, layers))
    return [one for one in seen if one.separates]


def _signs(quantity: str, layers: Iterable[str]) -> Iterator[Sign]:
    """Each way to read a quantity."""
    for layer in layers:
        for read in get_args(Reading):
            yield Sign(quantity=quantity, read=read, layer=layer)


def _seen(sign: Sign, records: Mapping[str, Sequence[Record]]) -> Telling:
    """A reading in every record."""
    broken, fixed = (tuple(sign.of(record) for record in records[name]) for name in PAIR)
    return Telling(sign=sign, broken=broken, fixed=fixed)
