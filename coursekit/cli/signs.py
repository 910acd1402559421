"""``coursekit verify --signs``: which readings of a record tell broken from fixed on every seed."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case
from coursekit.cases.claim import Raises
from coursekit.evidence.progress import Progress
from coursekit.evidence.signs import Telling, declared, recorded, telling


def signs(name: str | None, seeds: Sequence[int], *, threads: int, as_json: bool) -> int:
    """Print them, the widest gap first; 1 where one that a case names in `shows` separates nothing.

    Raises:
        UnknownNameError: There is no such case, or it names a quantity that is not measured.
    """
    import torch

    torch.set_num_threads(threads)
    chosen = CASES if name is None else (get_case(name),)
    failed = False
    data: dict[str, Any] = {}
    with Progress(len(chosen)) as progress:
        for case in chosen:
            named, found = _looked_at(case, seeds)
            progress.step(case.name)
            failed |= not all(one.separates for one in named)
            data[case.name] = [_plain(one) for one in found]
            if not as_json:
                print("\n".join(_lines(case, named, found, len(seeds))), flush=True)
    if as_json:
        print(json.dumps(data, indent=2))
    return 1 if failed else 0


def _looked_at(case: Case, seeds: Sequence[int]) -> tuple[list[Telling], list[Telling]]:
    """What the case names, and what separates; nothing where its broken run ends in an error."""
    if isinstance(case.claim, Raises):
        return [], []
    records = recorded(case, seeds)
    return declared(case, records), telling(records)


def _lines(
    case: Case, named: Sequence[Telling], found: Sequence[Telling], seeds: int
) -> Iterator[str]:
    """A table to read."""
    if isinstance(case.claim, Raises):
        yield f"{case.name}: its broken run ends in an error, and no reading is compared."
        return
    yield f"{case.name}: {len(found)} readings lie apart on {seeds} seeds"
    if found:
        yield f"  {'quantity':<20} {'read':<8} {'layer':<10} {'gap':>5}  broken; fixed"
    ours = {one.sign for one in named}
    for one in found:
        mark = "  in shows" if one.sign in ours else ""
        yield (
            f"  {one.sign.quantity:<20} {one.sign.read:<8} {one.sign.layer or 'all':<10} "
            f"{one.gap:>5.0%}  {_range(one.broken)}; {_range(one.fixed)}{mark}"
        )
    for one in named:
        if not one.separates:
            yield (
                f"  FAILED: {one.sign} is in shows, and does not lie apart: "
                f"{_range(one.broken)}; {_range(one.fixed)}"
            )


def _range(values: Sequence[float]) -> str:
    """From the least to the largest."""
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def _plain(one: Telling) -> dict[str, Any]:
    """As plain data; a reading that is not finite becomes a word."""
    sides = {"broken": one.broken, "fixed": one.fixed}
    numbers = {
        name: [value if abs(value) < float("inf") else str(value) for value in values]
        for name, values in sides.items()
    }
    sign = one.sign
    where = {"quantity": sign.quantity, "read": sign.read, "layer": sign.layer}
    return where | numbers | {"gap": one.gap}
