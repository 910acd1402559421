"""``coursekit verify``: run cases over seeds, print who wins, exit 1 where a claim fails."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case
from coursekit.cli.cases import frameworks
from coursekit.cli.entry import INTERRUPTED
from coursekit.errors import BadInputError
from coursekit.evidence import (
    Framework,
    Judgement,
    Row,
    judge,
    read,
    recipes,
    share_of_gap,
    write,
)
from coursekit.evidence import verify as run_case


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run: see ``coursekit verify --help``."""

    case: str | None
    seeds: int
    first_seed: int
    framework: Literal["torch", "keras", "both"]
    threads: int
    save: Path | None


def verify(plan: Plan, *, as_json: bool) -> int:
    """Run the plan; whatever was done before Ctrl-C is reported and, with --save, kept."""
    chosen = CASES if plan.case is None else (get_case(plan.case),)
    rows: list[Row] = []
    total = sum(_runs(case, plan) for case in chosen)
    bar = tqdm(total=total, unit="run", disable=None, leave=False)
    interrupted = False
    try:
        for case in chosen:
            for row in _rows(case, plan):
                rows.append(row)
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
    bar.close()
    reports = [report for case in chosen for report in _reports(case, rows)]
    print(json.dumps(_as_data(reports, rows), indent=2) if as_json else _as_table(reports))
    if interrupted:
        kept = (
            f"They are kept in {plan.save}; the same command goes on from there."
            if plan.save
            else "Give --save FOLDER to keep them and go on later."
        )
        print(f"Stopped after {len(rows)} of {total} runs. {kept}", file=sys.stderr)
        return INTERRUPTED
    return 0 if all(report.judgement.held for report in reports) else 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """The verdict on one case in one framework."""

    case: str
    framework: Framework
    judgement: Judgement
    shares: dict[str, float]


def _wanted(case: Case, plan: Plan) -> list[Framework]:
    """The frameworks of the plan in which the case runs.

    Raises:
        BadInputError: The plan names a framework that the case does not run in.
    """
    there = frameworks(case)
    wanted = [item for item in there if plan.framework in (item, "both")]
    if not wanted and plan.case is not None:
        raise BadInputError(
            f"Case {case.name!r} does not run in {plan.framework}: its twin is "
            f"{case.keras.verdict!r}. Frameworks: {', '.join(there)}."
        )
    return wanted


def _runs(case: Case, plan: Plan) -> int:
    """How many runs the plan makes of a case."""
    return sum(len(recipes(case, item)) for item in _wanted(case, plan)) * plan.seeds


def _rows(case: Case, plan: Plan) -> Iterator[Row]:
    """The runs of one case, kept as they come where the plan says so."""
    path = plan.save / f"{case.name}.jsonl" if plan.save else None
    stored = read(path) if path else []
    fresh: list[Row] = []
    seeds = range(plan.first_seed, plan.first_seed + plan.seeds)
    for framework in _wanted(case, plan):
        for row in run_case(
            case, seeds=seeds, framework=framework, threads=plan.threads, known=stored
        ):
            fresh.append(row)
            if path:
                write(path, _merged(stored, fresh))
            yield row


def _merged(stored: list[Row], fresh: list[Row]) -> list[Row]:
    """Stored rows, replaced where the same run was made anew."""

    def key(row: Row) -> tuple[Any, ...]:
        return (row.framework, row.threads, row.recipe, row.seed)

    return list(({key(row): row for row in stored} | {key(row): row for row in fresh}).values())


def _reports(case: Case, rows: list[Row]) -> Iterator[Report]:
    """Verdicts on the frameworks that have at least one whole seed."""
    for framework in frameworks(case):
        mine = [row for row in rows if row.case == case.name and row.framework == framework]
        names = {row.recipe for row in mine}
        if not {"broken", "fixed"} <= names:
            continue
        whole = _whole_seeds(mine)
        shares = {
            name: share_of_gap(case.claim, whole, name)
            for name in recipes(case, framework)
            if name not in ("broken", "fixed") and any(row.recipe == name for row in whole)
        }
        yield Report(
            case=case.name, framework=framework, judgement=judge(case.claim, whole), shares=shares
        )


def _whole_seeds(rows: list[Row]) -> list[Row]:
    """The rows of seeds that have both a broken and a fixed run."""
    by_recipe = {name: {r.seed for r in rows if r.recipe == name} for name in ("broken", "fixed")}
    seeds = by_recipe["broken"] & by_recipe["fixed"]
    return [row for row in rows if row.seed in seeds]


def _as_data(reports: list[Report], rows: list[Row]) -> dict[str, Any]:
    """The outcome as plain data; a score that is not finite becomes a word."""
    runs = [asdict(row) | {"scores": {k: _plain(v) for k, v in row.scores.items()}} for row in rows]
    verdicts = [
        asdict(report) | {"shares": {k: _plain(v) for k, v in report.shares.items()}}
        for report in reports
    ]
    return {"reports": verdicts, "rows": runs}


def _plain(value: float) -> float | str:
    """JSON has no NaN."""
    return value if abs(value) < float("inf") else str(value)


def _as_table(reports: list[Report]) -> str:
    """The outcome as lines to read."""
    if not reports:
        return "No seed was finished."
    lines = [f"{'case':<24} {'framework':<10} {'seeds':>5} {'best broken':>12} {'worst fixed':>12}"]
    for report in reports:
        found = report.judgement
        verdict = "held" if found.held else "FAILED"
        lines.append(
            f"{report.case:<24} {report.framework:<10} {found.seeds:>5} "
            f"{found.best_broken:>12.3f} {found.worst_fixed:>12.3f}   {verdict}"
        )
        lines += [f"    {sentence}" for sentence in found.failures]
        lines += [
            f"    wrong fix: {name} closes {share:.0%} of the gap"
            for name, share in report.shares.items()
        ]
    return "\n".join(lines)
