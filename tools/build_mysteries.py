"""Make the stored mystery runs from the catalogue: ``python tools/build_mysteries.py``.

Two broken and two healthy runs of each case that a tell is known for, on seeds that nothing was
tuned on, each run on one of its own: two runs of one seed would share their rows. A run is checked
as it is made: its tell must say what it is. Where one does not, nothing is written and the exit
status is 1. About five minutes, on one thread; with the names of cases only theirs are made, and
the others stay as they are stored: ``python tools/build_mysteries.py dead-relu``.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from mystery_measuring import measure

from coursekit.cases import get_case
from coursekit.cases.case import Recipe
from coursekit.errors import unknown
from coursekit.mysteries.pool import FILE, Labelled, make_pool, stored
from coursekit.mysteries.tells import TELLS
from coursekit.records import write_atomically

FIRST_SEED = 3000
EACH = 2  # broken, and as many healthy
MORE = {"unscaled-features": 6}  # lesson 01 has this case alone, and a quiz of ten runs
MORE_SEED = 3700  # beyond those of all cases

# Healthy runs of the broken recipe with other settings, where the repaired one does not serve:
# LeakyReLU has no dead units to show; just below the edge, a run still looks a little ill.
HEALTHY_SETTINGS = {"dead-relu": {"lr": 0.3}, "edge-of-stability": {"edge": 0.5}}


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """One run to make."""

    case: str
    healthy: bool
    recipe: Recipe
    seed: int


def orders(names: list[str]) -> Iterator[Order]:
    """Every run, each with a seed of its own whichever of them are made."""
    for place, name in enumerate(TELLS):
        if name not in names:
            continue
        case = get_case(name)
        settings = HEALTHY_SETTINGS.get(name)
        sound = case.fixed if settings is None else case.broken.having(**settings)
        firsts = [FIRST_SEED + 2 * (EACH * place + turn) for turn in range(EACH)]
        firsts += [MORE_SEED + 2 * turn for turn in range(MORE.get(name, 0))]
        for seed in firsts:
            yield Order(case=name, healthy=False, recipe=case.broken, seed=seed)
            yield Order(case=name, healthy=True, recipe=sound, seed=seed + 1)


def make(order: Order) -> Labelled:
    """Run it."""
    sheet = measure(order.recipe, order.seed)
    return Labelled(sheet=sheet, case=order.case, healthy=order.healthy)


def fault(order: Order, run: Labelled) -> str:
    """What is wrong with a run whose tell does not say what it is; "" where it does."""
    tell = TELLS[order.case]
    if tell.met(run.sheet) != order.healthy:
        return ""
    return (
        f"{order.case}, seed {order.seed}: {'healthy' if order.healthy else 'broken'}, but "
        f"{tell.reading.words} is {tell.reading.of(run.sheet):.3g} (limit {tell.limit:g})"
    )


def kept(names: Sequence[str]) -> list[Labelled]:
    """The stored runs of all other cases."""
    return [
        Labelled(sheet=stored().sheet(run.name), case=run.case, healthy=run.healthy)
        for run in stored() if run.case not in names
    ]  # fmt: skip


def main() -> int:
    """Make all runs, or those of a few cases, and write them."""
    parser = argparse.ArgumentParser(description="Make the stored mystery runs.")
    parser.add_argument("names", nargs="*", help="cases to make anew; all where they are left out")
    parser.add_argument("--to", type=Path, default=FILE, help="the file to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if strangers := [name for name in options.names if name not in TELLS]:
        parser.error(f"{unknown('case of the quiz', strangers[0], TELLS)}")
    runs = kept(options.names) if options.names else []
    faults: list[str] = []
    for order in orders(options.names or list(TELLS)):
        runs.append(make(order))
        print(f"{len(runs)} {order.case} {order.seed}", flush=True)
        faults += filter(None, [fault(order, runs[-1])])
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        print(
            f"{len(faults)} runs are not what they should be, and nothing was written. Look at the "
            "tells in coursekit/mysteries, or at what has changed in these cases.",
            file=sys.stderr,
        )
        return 1
    content = make_pool(runs).to_bytes()
    write_atomically(options.to, content)
    print(f"{options.to.name}: {len(runs)} runs, {len(content) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
