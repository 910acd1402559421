"""Run many cases, one after another or in several processes at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from joblib import delayed

from coursekit.cases.case import Case
from coursekit.evidence.rows import Framework, Row
from coursekit.evidence.runs import frameworks, recipes, verify
from coursekit.evidence.source import source_hash, versions
from coursekit.spread import spread

PAIR = ("broken", "fixed")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process does at a time: some recipes of a case, on one seed.

    Attributes:
        case: The case.
        framework: In which of its two forms.
        seed: The seed.
        only: Names of the recipes.
        known: Stored rows of this case, framework and seed.
    """

    case: Case
    framework: Framework
    seed: int
    only: tuple[str, ...]
    known: tuple[Row, ...]


def plan(
    cases: Sequence[Case],
    *,
    seeds: Sequence[int],
    wanted: Sequence[Framework],
    pair_only: bool = False,
    known: Mapping[str, Sequence[Row]] | None = None,
) -> list[Task]:
    """The tasks, PyTorch's first: so no process needs TensorFlow before they are done.

    Args:
        cases: The cases.
        seeds: Each case is run on every one.
        wanted: Frameworks; a case is left out of one that it has no form in.
        pair_only: True runs broken and fixed alone, without the wrong fixes.
        known: Case name to rows of earlier runs.
    """
    stored = known or {}
    return [
        Task(
            case=case, framework=framework, seed=seed,
            only=tuple(name for name in recipes(case, framework) if not pair_only or name in PAIR),
            known=tuple(
                row for row in stored.get(case.name, ())
                if (row.framework, row.seed) == (framework, seed)
            ),
        )
        for framework in sorted(wanted, reverse=True)
        for case in cases
        if framework in frameworks(case)
        for seed in seeds
    ]  # fmt: skip


def run_all(tasks: Sequence[Task], *, threads: int, jobs: int) -> Iterator[Row]:
    """Every run of the tasks, as it ends: with several processes not in the tasks' order.

    Args:
        tasks: From `plan`.
        threads: Threads that each process computes with.
        jobs: Processes; 1 stays in this one. Another number goes through joblib: inside
            ``joblib.parallel_config(backend="dask")``, or ``"ray"``, they are made on a cluster.
    """
    if jobs == 1:
        for task in tasks:
            yield from _run(task, threads)
        return
    left = []
    for task in tasks:
        if _is_known(task, threads):
            yield from _run(task, threads)
        else:
            left.append(task)
    run = delayed(_run_listed)
    for rows in spread((run(task, threads) for task in left), jobs=jobs, in_order=False):
        yield from rows


def _run_listed(task: Task, threads: int) -> list[Row]:
    """The runs of a task, in a process of its own."""
    return list(_run(task, threads))


def _run(task: Task, threads: int) -> Iterator[Row]:
    """The runs of a task."""
    yield from verify(
        task.case, seeds=[task.seed], framework=task.framework, threads=threads,
        only=task.only, known=task.known,
    )  # fmt: skip


def _is_known(task: Task, threads: int) -> bool:
    """Whether every run of a task is stored, so that no process need be asked."""
    there = recipes(task.case, task.framework)
    stored = {
        (row.recipe, row.source)
        for row in task.known
        if row.threads == threads and row.versions == versions(task.framework)
    }
    return {(name, source_hash(there[name])) for name in task.only} <= stored
