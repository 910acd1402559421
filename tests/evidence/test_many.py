"""Many cases at once: what is planned, and that processes change nothing but the time."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from coursekit.cases import CASES, get_case
from coursekit.device import import_keras
from coursekit.evidence import Row, Store, plan, read, run_all, standing, verify, write

CASE = get_case("unscaled-features")
SEEDS = range(42_000, 42_002)


def scores(rows: Iterator[Row]) -> dict[tuple[str, int], dict[str, float]]:
    return {(row.recipe, row.seed): row.scores for row in rows}


def test_two_processes_make_the_same_runs_as_one() -> None:
    tasks = plan([CASE], seeds=SEEDS, wanted=["torch"], pair_only=True)
    one = scores(run_all(tasks, threads=1, jobs=1))
    two = scores(run_all(tasks, threads=1, jobs=2))
    assert len(one) == 4
    assert one == two


def test_stored_runs_are_not_made_again_by_any_number_of_processes() -> None:
    """A repeated run would have another time."""
    rows = list(run_all(plan([CASE], seeds=SEEDS, wanted=["torch"], pair_only=True),
                        threads=1, jobs=1))  # fmt: skip
    tasks = plan([CASE], seeds=SEEDS, wanted=["torch"], pair_only=True, known={CASE.name: rows})
    again = list(run_all(tasks, threads=1, jobs=2))
    assert sorted(row.time_s for row in again) == sorted(row.time_s for row in rows)


def test_a_plan_leaves_out_what_has_no_twin_and_puts_keras_last() -> None:
    tasks = plan(CASES, seeds=[0], wanted=["keras", "torch"])
    kinds = [task.framework for task in tasks]
    assert kinds == sorted(kinds, reverse=True)
    without = {case.name for case in CASES if case.keras.broken is None}
    assert without.isdisjoint(task.case.name for task in tasks if task.framework == "keras")


def test_a_run_in_keras_leaves_tensorflow_and_the_garbage_collector_as_they_were() -> None:
    tf = pytest.importorskip("tensorflow")
    import_keras()

    def state() -> tuple[bool, int, bool]:
        asked = tf.config.optimizer.get_experimental_options()
        frozen = gc.get_freeze_count() > 0
        return asked.get("disable_meta_optimizer", False), tf.get_logger().level, frozen

    before = state()
    (row,) = verify(CASE, seeds=SEEDS[:1], framework="keras", only=["fixed"])
    assert state() == before
    assert CASE.keras.fixed is not None
    assert row.scores == pytest.approx(CASE.keras.fixed.run(SEEDS[0]), rel=1e-4)


def test_the_pair_alone_leaves_the_wrong_fixes_out() -> None:
    (task,) = plan([CASE], seeds=[0], wanted=["torch"], pair_only=True)
    assert task.only == ("broken", "fixed")


def test_a_store_writes_at_the_end_and_reads_what_was_there(tmp_path: Path) -> None:
    rows = list(run_all(plan([CASE], seeds=SEEDS, wanted=["torch"], pair_only=True),
                        threads=1, jobs=1))  # fmt: skip
    with Store(tmp_path) as store:
        for row in rows[:2]:
            store.add(row)
        assert read(tmp_path / f"{CASE.name}.jsonl") == []
    assert len(read(tmp_path / f"{CASE.name}.jsonl")) == 2
    with Store(tmp_path) as store:
        store.add(rows[2])
    assert len(read(tmp_path / f"{CASE.name}.jsonl")) == 3


def test_a_store_writes_what_waits_for_two_seconds_and_at_an_error(tmp_path: Path) -> None:
    times = iter([0.0, 1.0, 2.5, 2.5, 2.6, 2.6])
    (row, *_) = run_all(
        plan([CASE], seeds=[42_000], wanted=["torch"], pair_only=True), threads=1, jobs=1
    )
    path = tmp_path / f"{CASE.name}.jsonl"
    store = Store(tmp_path, clock=lambda: next(times))
    store.add(row)
    assert read(path) == []
    store.add(_on(row, 1))
    assert len(read(path)) == 2
    with pytest.raises(KeyboardInterrupt):
        _interrupted(store, _on(row, 2))
    assert len(read(path)) == 3


def _interrupted(store: Store, row: Row) -> None:
    with store:
        store.add(row)
        raise KeyboardInterrupt


def _on(row: Row, seed: int) -> Row:
    return Row(**{**row.__dict__, "seed": seed})


def test_a_store_drops_recipes_that_are_gone(tmp_path: Path) -> None:
    rows = list(run_all(plan([CASE], seeds=[42_000], wanted=["torch"], pair_only=True),
                        threads=1, jobs=1))  # fmt: skip
    write(tmp_path / f"{CASE.name}.jsonl", rows)
    with Store(tmp_path) as store:
        store.keep_only(CASE.name, [("torch", "fixed")])
    assert [row.recipe for row in read(tmp_path / f"{CASE.name}.jsonl")] == ["fixed"]


def test_a_standing_names_the_wrong_fixes_that_hide_the_cause() -> None:
    """Of the raw wine case: BatchNorm on the input and Adam, recomputed on two seeds."""
    rows = list(run_all(plan([CASE], seeds=SEEDS, wanted=["torch"]), threads=1, jobs=1))
    found = standing(CASE, rows, framework="torch", threads=1)
    assert found is not None
    assert found.judgement.held
    assert set(found.hiding) == {name for name, share in found.shares.items() if share > 0.5}
    assert "BatchNorm on the raw input" in found.hiding
    assert found.repaired is not None
    assert found.repaired > 0.9
    assert standing(CASE, rows, framework="torch", threads=2) is None
