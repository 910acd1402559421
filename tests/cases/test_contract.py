"""What every case must keep, whichever failure it shows."""

import inspect
import math
import socket
from dataclasses import fields

import numpy as np
import pytest
import torch

from coursekit.cases import CASES, get_case
from coursekit.cases import sources as sources_module
from coursekit.cases.case import Case
from coursekit.cases.script import diff, unbind
from coursekit.device import import_keras
from coursekit.errors import UnknownNameError
from coursekit.evidence import judge, share_of_gap, verify
from coursekit.records import Record
from coursekit.vitals.torch import record

UNSEEN = 31_000  # first of the seeds that no setting was chosen on

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_names_are_unique_and_found() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert all(get_case(name).name == name for name in names)


def test_an_unknown_case_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"No case 'unscaled-featurs'. Did you mean"):
        get_case("unscaled-featurs")


@every_case
def test_sources_are_titles_of_the_sources_module(case: Case) -> None:
    titles = {value for value in vars(sources_module).values() if isinstance(value, str)}
    assert case.sources
    assert {source.title for source in case.sources} <= titles


@every_case
def test_knobs_are_keywords_of_build(case: Case) -> None:
    plain, _ = unbind(case.fixed.build)
    keywords = {
        name
        for name, parameter in inspect.signature(plain).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for knob in case.knobs:
        assert knob.name in keywords
        assert knob.start in knob.values
        assert list(knob.values) == sorted(knob.values)


@every_case
def test_broken_and_fixed_differ_in_at_most_five_lines(case: Case) -> None:
    changed = [line for line in diff(case.broken, case.fixed, context=0).splitlines() if line]
    assert 1 <= len(changed) <= 5


@every_case
def test_splits_do_not_overlap(case: Case) -> None:
    setup = case.fixed.build(UNSEEN, "cpu")
    parts = [setup.train.dataset.tensors[0], setup.val.tensors[0], setup.test.tensors[0]]
    rows = [{tuple(row) for row in part.flatten(1).tolist()} for part in parts]
    for first, second in [(0, 1), (0, 2), (1, 2)]:
        assert rows[first].isdisjoint(rows[second])


@every_case
def test_the_claim_holds_on_an_unseen_seed(case: Case) -> None:
    rows = list(verify(case, seeds=[UNSEEN], only=["broken", "fixed"]))
    assert judge(case.claim, rows).failures == ()


@every_case
def test_the_twin_shows_what_it_says(case: Case) -> None:
    if case.keras.verdict in ("not-applicable",):
        pytest.skip("the case says that it has no Keras form")
    pytest.importorskip("tensorflow")
    import_keras()
    rows = list(verify(case, seeds=[UNSEEN], framework="keras"))
    assert judge(case.claim, rows).held is (case.keras.verdict == "same")


@every_case
def test_a_rival_that_closes_half_of_the_gap_says_why(case: Case) -> None:
    rows = list(verify(case, seeds=range(UNSEEN, UNSEEN + 3)))
    for rival in case.rivals:
        assert rival.why.endswith(".")
        share = share_of_gap(case.claim, rows, rival.name)
        assert math.isfinite(share)
        assert share < 1.1, "a remedy better than the fix: the fix is not one"


@every_case
def test_the_fixed_run_is_healthy(case: Case) -> None:
    """Finite, falling, and better than a rule that never looks at the input."""
    if case.kind != "trains":
        pytest.skip("only a case that trains has a healthy fixed run")
    setup = case.fixed.build(UNSEEN, "cpu")
    with record(setup.model, setup.optimizer, every=1) as vitals:
        for _ in case.fixed.train(setup):
            pass
    loss = vitals.record["loss"].values
    tenth = max(len(loss) // 10, 1)
    assert np.isfinite(loss).all()
    assert loss[-tenth:].mean() < 0.7 * loss[:tenth].mean()
    labels = setup.test.tensors[1]
    trivial = (labels.bincount().max() / len(labels)).item()
    assert case.fixed.evaluate(setup)["test_accuracy"] > trivial + 0.2


@every_case
def test_what_it_shows_tells_broken_from_fixed(case: Case) -> None:
    """Each sign lies on one side for broken and on the other for fixed, on every seed tried."""
    readings: dict[str, list[Record]] = {"broken": [], "fixed": []}
    for name, recipe in [("broken", case.broken), ("fixed", case.fixed)]:
        for seed in range(UNSEEN, UNSEEN + 3):
            setup = recipe.build(seed, "cpu")
            with record(setup.model, setup.optimizer, every=1) as vitals:
                for _ in recipe.train(setup):
                    pass
            readings[name].append(vitals.record)
    for sign in case.shows:
        seen = [[sign.of(item) for item in readings[name]] for name in ("broken", "fixed")]
        low, high = sorted(seen, key=min)
        assert max(low) < min(high), (sign, seen)


@every_case
def test_no_case_reads_the_network(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a case tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    case.fixed.build(UNSEEN, "cpu")


@every_case
@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_claim_holds_on_twenty_seeds(case: Case, framework: str) -> None:
    if framework == "keras":
        pytest.importorskip("tensorflow")
    rows = list(
        verify(case, seeds=range(UNSEEN, UNSEEN + 20), framework=framework,  # type: ignore[arg-type]
               only=["broken", "fixed"])
    )  # fmt: skip
    assert judge(case.claim, rows).failures == ()


def test_one_thread_and_two_agree_on_the_claim() -> None:
    case = get_case("unscaled-features")
    for threads in (1, 2):
        rows = list(verify(case, seeds=[UNSEEN], threads=threads, only=["broken", "fixed"]))
        assert judge(case.claim, rows).held
    torch.set_num_threads(1)


def test_a_case_has_no_field_without_a_value() -> None:
    for case in CASES:
        assert all(getattr(case, field.name) != "" for field in fields(case))
