"""Rows: one run each, and the file that keeps them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from coursekit.errors import BadInputError
from coursekit.records import write_atomically
from coursekit.shipped import course_files

Framework = Literal["torch", "keras"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run.

    Attributes:
        case: Name of the case.
        framework: ``"torch"`` or ``"keras"``.
        recipe: ``"broken"``, ``"fixed"``, ``"healthy"`` or the name of a rival.
        seed: Sets split, first weights and batch order together.
        threads: Threads that the framework computed with.
        scores: What evaluate returned; empty where the run ended in an error.
        time_s: Wall-clock seconds of the run.
        source: Hash of the functions and settings of the recipe.
        versions: Framework, numpy, scikit-learn and Python.
        error: Type and message of the error that the run ended in; "" where it did not.
    """

    case: str
    framework: Framework
    recipe: str
    seed: int
    threads: int
    scores: dict[str, float]
    time_s: float
    source: str
    versions: dict[str, str]
    error: str = ""


def load(case: str) -> list[Row]:
    """The committed rows of a case: seeds that nobody tuned on."""
    return read(course_files() / "evidence" / f"{case}.jsonl")


def stored_scores(
    case: str, *, score: str, framework: Framework = "torch", threads: int = 1
) -> dict[str, list[float]]:
    """The committed scores of a case: recipe to one score a seed, in the order of the seeds.

    >>> scores = stored_scores("unscaled-features", score="test_accuracy")
    >>> max(scores["broken"]) < min(scores["fixed"])
    True
    """
    found: dict[str, list[float]] = {}
    for row in sorted(load(case), key=lambda row: row.seed):
        if (row.framework, row.threads) == (framework, threads):
            found.setdefault(row.recipe, []).append(row.scores[score])
    return found


def read(path: Path) -> list[Row]:
    """Rows from a file, one JSON object a line; an absent file holds none."""
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(Row(**json.loads(line)))
        except (json.JSONDecodeError, TypeError) as error:
            raise BadInputError(
                f"Line {number} of {path.name} is not a run of a case: {error}. "
                "Delete that line and verify again: the run is then made anew."
            ) from error
    return rows


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows to a file, whole or not at all, in an order that does not depend on time."""
    ordered = sorted(rows, key=lambda row: (row.framework, row.threads, row.recipe, row.seed))
    lines = [json.dumps(asdict(row), allow_nan=True) for row in ordered]
    write_atomically(path, "\n".join(lines) + "\n")


def identity(row: Row) -> tuple[Any, ...]:
    """What makes two runs the same run."""
    same = (row.case, row.framework, row.recipe, row.seed, row.threads, row.source)
    return (*same, *sorted(row.versions.items()))
