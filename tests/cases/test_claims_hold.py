"""What every case must show when it is run: on seeds that no setting was chosen on."""

import math
from functools import cache
from itertools import groupby

import numpy as np
import pytest

from coursekit.cases import CASES
from coursekit.cases.case import Case, Raises
from coursekit.device import import_keras
from coursekit.evidence import Row, claim_in, judge, standing, verify
from coursekit.records import Record
from coursekit.symptoms import SYMPTOMS, places
from coursekit.vitals.torch import record

UNSEEN = 31_000
CHEAP = 1_600  # steps × layers: a run so small is watched in about half a second
PAIR = ("broken", "fixed")

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
with_twin = [case for case in CASES if case.keras.broken is not None]
one_a_family = [
    next(members)
    for _, members in groupby(sorted(with_twin, key=lambda c: c.family), key=lambda c: c.family)
]


@cache
def watched(case: Case, which: str, seed: int) -> tuple[Record, dict[str, float]]:
    """A run with its record, made once for all tests."""
    recipe = {"broken": case.broken, "fixed": case.fixed}[which]
    setup = recipe.build(seed, "cpu")
    with record(setup.model, setup.optimizer, every=1) as vitals:
        for _ in recipe.train(setup):
            pass
    return vitals.record, recipe.evaluate(setup)


def watched_row(case: Case, which: str) -> Row:
    """The watched run as a row of evidence: watching changes no bit of it."""
    return Row(
        case=case.name, framework="torch", recipe=which, seed=UNSEEN, threads=1,
        scores=watched(case, which, UNSEEN)[1], time_s=0.0, source="", versions={},
    )  # fmt: skip


@every_case
def test_the_claim_holds_on_an_unseen_seed(case: Case) -> None:
    if isinstance(case.claim, Raises):
        rows = list(verify(case, seeds=[UNSEEN], only=PAIR))
    else:
        rows = [watched_row(case, which) for which in PAIR]
    assert judge(case.claim, rows).failures == ()


def twin_holds(case: Case) -> None:
    """One unseen seed in Keras."""
    pytest.importorskip("tensorflow")
    import_keras()
    rows = list(verify(case, seeds=[UNSEEN], framework="keras"))
    assert judge(claim_in(case, "keras"), rows).failures == ()


@pytest.mark.parametrize("case", one_a_family, ids=lambda case: case.name)
def test_the_twin_shows_what_it_says(case: Case) -> None:
    twin_holds(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", with_twin, ids=lambda case: case.name)
def test_every_twin_shows_what_it_says(case: Case) -> None:
    twin_holds(case)


@every_case
def test_the_fixed_run_is_healthy(case: Case) -> None:
    """Finite, falling, and better than a rule that never looks at the input."""
    if case.kind != "trains":
        pytest.skip("only a case that trains has a healthy fixed run")
    found, scores = watched(case, "fixed", UNSEEN)
    assert {"test_accuracy", "test_r2"} & scores.keys(), (
        "evaluate of a case that trains must return 'test_accuracy' or 'test_r2'"
    )
    loss = found["loss"].values
    tenth = max(len(loss) // 10, 1)
    assert np.isfinite(loss).all()
    assert loss[-tenth:].mean() < 0.7 * loss[:tenth].mean()
    assert all(math.isfinite(score) for score in scores.values())
    assert better_than_trivial(case, scores)


def better_than_trivial(case: Case, scores: dict[str, float]) -> bool:
    """Against the most frequent class, or the mean."""
    if "test_r2" in scores:
        return scores["test_r2"] > 0.1
    labels = case.fixed.build(UNSEEN, "cpu").test.tensors[1]
    trivial = (labels.long().bincount().max() / len(labels)).item()
    return scores["test_accuracy"] > min(trivial + 0.2, (1 + trivial) / 2)


@every_case
def test_the_fixed_estimate_is_calibrated(case: Case) -> None:
    if case.kind != "misjudges":
        pytest.skip("only a case that misjudges has an estimate")
    scores = case.fixed.run(UNSEEN)
    assert {"estimate", "truth"} <= scores.keys(), (
        "evaluate of a case that misjudges must return 'estimate' and 'truth'"
    )
    assert abs(scores["estimate"] - scores["truth"]) <= 0.12


def signs_separate(case: Case, seeds: range) -> None:
    """Each sign lies on one side for broken and on the other for fixed."""
    for sign in case.shows:
        seen = [[sign.of(watched(case, which, seed)[0]) for seed in seeds] for which in PAIR]
        low, high = sorted(seen, key=min)
        assert max(low) < min(high), (
            f"{sign} is {seen[0]} where broken, {seen[1]} where fixed. What does tell them apart: "
            f"coursekit verify --case {case.name} --signs"
        )


def is_cheap(case: Case) -> bool:
    """Whether both runs are so small that two more seeds of it cost a second."""
    both = [watched(case, which, UNSEEN)[0] for which in PAIR]
    return all(found.step_count * len(found.layers) <= CHEAP for found in both)


@every_case
def test_what_it_shows_tells_broken_from_fixed(case: Case) -> None:
    """On three seeds where that is cheap, as most cases are that somebody adds; else on one."""
    seeds = 3 if case.shows and is_cheap(case) else 1
    signs_separate(case, range(UNSEEN, UNSEEN + seeds))


@every_case
def test_a_case_that_shows_nothing_trains_well_in_both(case: Case) -> None:
    """Then the failure is not in training, and only another look at the scores tells."""
    if case.shows or case.kind != "trains":
        pytest.skip("its record tells the runs apart, or its training is not the matter")
    for which in PAIR:
        loss = watched(case, which, UNSEEN)[0]["loss"].values
        tenth = max(len(loss) // 10, 1)
        assert loss[-tenth:].mean() < 0.5 * loss[:tenth].mean()


@every_case
@pytest.mark.slow
def test_what_it_shows_tells_them_apart_on_three_seeds(case: Case) -> None:
    signs_separate(case, range(UNSEEN, UNSEEN + 3))


@every_case
@pytest.mark.slow
def test_standings_recomputed_on_three_seeds(case: Case) -> None:
    """No wrong fix is better than the fix, and the fix closes what the case says."""
    if isinstance(case.claim, Raises):
        pytest.skip("a case that raises has no rivals")
    rows: list[Row] = list(verify(case, seeds=range(UNSEEN, UNSEEN + 3)))
    found = standing(case, rows, framework="torch", threads=1)
    assert found is not None
    assert found.judgement.failures == ()
    for name, share in found.shares.items():
        assert math.isfinite(share)
        assert share < 1.1, f"{name} is better than the fix: the fix is not one"
    if found.repaired is not None:
        assert found.repaired >= case.closes - 0.1  # three seeds; the evidence has twenty


@every_case
@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_the_claim_holds_on_twenty_seeds(case: Case, threads: int) -> None:
    rows = list(verify(case, seeds=range(UNSEEN, UNSEEN + 20), only=PAIR, threads=threads))
    assert judge(case.claim, rows).failures == ()


def means(loss: np.ndarray, count: int) -> np.ndarray:
    """The mean loss of so many parts of a run."""
    return np.array([part.mean() for part in np.array_split(loss, min(count, len(loss)))])


def not_finite(loss: np.ndarray) -> bool:
    return not np.isfinite(loss).all()


def stands_still(loss: np.ndarray) -> bool:
    """No tenth of the run is more than a tenth away from the first."""
    return bool((abs(means(loss, 10) / means(loss, 10)[0] - 1) < 0.1).all())


def jumps_then_stays(loss: np.ndarray) -> bool:
    """High in the first half, and level in the second."""
    first, second = np.array_split(loss, 2)
    late = means(second, 5)
    return bool(first.max() > 1.5 * late.mean() and late.max() < 1.1 * late.min())


def falls_too_little(loss: np.ndarray) -> bool:
    """A third of it is left at the end, or more, but never much more."""
    tenths = means(loss, 10)
    return bool(0.35 * tenths[0] < tenths[-1] < 1.01 * tenths[0])


def climbs_or_jumps(loss: np.ndarray) -> bool:
    """A thirtieth of the run lies far above an earlier one, or one batch far above the usual."""
    parts = means(loss, 30)
    climbs = (parts / np.minimum.accumulate(parts)).max() > 1.5
    return bool(climbs or loss.max() > 5 * np.median(loss))


def below_zero(loss: np.ndarray) -> bool:
    return bool(loss.min() < 0)


SEEN = {
    "The loss is NaN or infinite": not_finite,
    "The loss stands still from the start, and the accuracy is that of a guess": stands_still,
    "The loss jumps in the first steps, then stays at a guess": jumps_then_stays,
    "The loss falls too little: it creeps, or stands still too early": falls_too_little,
    "The loss falls, then climbs, jumps or swings": climbs_or_jumps,
    "The loss is below zero": below_zero,
}


@every_case
def test_the_loss_looks_as_the_map_of_symptoms_says(case: Case) -> None:
    told = [symptom.words for symptom, _ in places(case.name) if symptom.words in SEEN]
    if not told or case.kind == "myth":
        pytest.skip("its symptom is not one of the loss, or it is a myth")
    found, scores = watched(case, "broken", UNSEEN)
    assert all(SEEN[words](found["loss"].values) for words in told)
    if any("guess" in words for words in told):
        assert not better_than_trivial(case, scores)


def test_each_look_at_a_loss_belongs_to_a_symptom() -> None:
    assert set(SEEN) <= {symptom.words for symptom in SYMPTOMS}
