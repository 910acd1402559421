"""``coursekit verify``: run cases over seeds, print who wins, exit 1 where one does not hold."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case
from coursekit.cli.cluster import cluster
from coursekit.cli.entry import INTERRUPTED
from coursekit.errors import BadInputError
from coursekit.evidence import (
    Framework,
    Progress,
    Row,
    Standing,
    Store,
    Task,
    frameworks,
    plan,
    recipes,
    run_all,
    standing,
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run: see ``coursekit verify --help``."""

    case: str | None
    seeds: int
    first_seed: int
    framework: Literal["torch", "keras", "both"]
    threads: int
    jobs: int
    dask: str | None
    pair_only: bool
    save: Path | None


def verify(order: Order, *, as_json: bool) -> int:
    """Run the order; whatever was done before Ctrl-C is reported and, with --save, kept."""
    chosen = CASES if order.case is None else (get_case(order.case),)
    with Store(order.save) as store:
        tasks = _tasks(chosen, order, store)
        total = sum(len(task.only) for task in tasks)
        with cluster(order.dask):
            rows, interrupted = _run(tasks, order, store, total)
    standings = [found for case in chosen for found in _standings(case, rows)]
    if as_json:
        print(json.dumps(_as_data(standings, rows), indent=2))
    else:
        print("\n".join([_as_table(standings), *_kept(chosen, store, order.save)]))
    if interrupted:
        kept = (
            f"They are kept in {order.save}; the same command goes on from there."
            if order.save
            else "Give --save FOLDER to keep them and go on later."
        )
        print(f"Stopped after {len(rows)} of {total} runs. {kept}", file=sys.stderr)
        return INTERRUPTED
    return 0 if all(found.held for found in standings) else 1


def _tasks(chosen: Sequence[Case], order: Order, store: Store) -> list[Task]:
    """What there is to run.

    Raises:
        BadInputError: The order names a framework in which none of the cases runs.
    """
    wanted: list[Framework] = ["torch", "keras"]
    if order.framework != "both":
        wanted = [order.framework]
    for case in chosen:
        there = [(item, name) for item in frameworks(case) for name in recipes(case, item)]
        store.keep_only(case.name, there)
    tasks = plan(
        chosen, seeds=range(order.first_seed, order.first_seed + order.seeds), wanted=wanted,
        pair_only=order.pair_only, known={case.name: store.of(case.name) for case in chosen},
    )  # fmt: skip
    if not tasks:
        (case,) = chosen  # only a single case can be without a framework
        raise BadInputError(
            f"Case {case.name!r} does not run in {order.framework}: its twin is "
            f"{case.keras.verdict!r}. Frameworks: {', '.join(frameworks(case))}."
        )
    return tasks


def _run(tasks: list[Task], order: Order, store: Store, total: int) -> tuple[list[Row], bool]:
    """The rows, and whether Ctrl-C ended them."""
    rows: list[Row] = []
    with Progress(total) as progress:
        try:
            jobs = order.jobs if order.dask is None else -1  # as many as the cluster has
            for row in run_all(tasks, threads=order.threads, jobs=jobs):
                rows.append(row)
                store.add(row)
                progress.step(f"{row.case}, {row.framework}")
        except KeyboardInterrupt:
            return rows, True
    return rows, False


def _standings(case: Case, rows: list[Row]) -> Iterator[Standing]:
    """Where a case stands in each framework that has at least one whole seed."""
    mine = [row for row in rows if row.case == case.name]
    for framework, threads in sorted({(row.framework, row.threads) for row in mine}, reverse=True):
        found = standing(case, mine, framework=framework, threads=threads)
        if found is not None:
            yield found


def _as_data(standings: list[Standing], rows: list[Row]) -> dict[str, Any]:
    """The outcome as plain data; a score that is not finite becomes a word."""
    return {
        "standings": [_plain(asdict(found)) for found in standings],
        "rows": [_plain(asdict(row)) for row in rows],
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    return value


def _as_table(standings: list[Standing]) -> str:
    """The outcome as lines to read."""
    if not standings:
        return "No seed was finished."
    width = max(len(found.case) for found in standings)
    lines = [
        f"{'case':<{width}}  {'framework':<9} {'seeds':>5} {'best broken':>12} {'worst fixed':>12}"
    ]
    for found in standings:
        judged = found.judgement
        lines.append(
            f"{found.case:<{width}}  {found.framework:<9} {judged.seeds:>5} "
            f"{_number(judged.best_broken)} {_number(judged.worst_fixed)}   "
            f"{'held' if found.held else 'FAILED'}"
        )
        lines += [f"    {sentence}" for sentence in (*judged.failures, *found.breaches)]
        if found.repaired is not None:
            lines.append(f"    the fix closes {found.repaired:.0%} of the gap to healthy")
        for name, share in found.shares.items():
            reason = f": {found.hiding[name]}" if name in found.hiding else ""
            lines.append(f"    wrong fix: {name} closes {share:.0%} of the gap{reason}")
    held = sum(found.held for found in standings)
    lines.append(f"{held} of {len(standings)} {'claim' if len(standings) == 1 else 'claims'} held.")
    return "\n".join(lines)


def _kept(chosen: Sequence[Case], store: Store, folder: Path | None) -> Iterator[str]:
    """What the folder holds now, in a sentence; none where nothing is kept."""
    if folder is None:
        return
    runs = sum(len(store.of(case.name)) for case in chosen)
    place = folder / f"{chosen[0].name}.jsonl" if len(chosen) == 1 else folder
    yield f"{runs} runs are kept in {place.as_posix()}."


def _number(value: float) -> str:
    """A score in twelve places; a claim without a score has a dash."""
    return f"{'–':>12}" if value != value else f"{value:>12.4g}"
