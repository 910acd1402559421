"""What every case must keep, whichever failure it shows: its form. Nothing is trained here."""

import inspect
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from torch import Tensor

from coursekit import cases as cases_module
from coursekit.cases import CASES, get_case
from coursekit.cases import sources as sources_module
from coursekit.cases.case import Case, Claim, Knob, NoDifference, Raises, Recipe
from coursekit.cases.script import diff, unbind
from coursekit.errors import BadInputError, UnknownNameError

UNSEEN = 31_000  # first of the seeds that no setting was chosen on
FAMILIES = ("data", "optimization", "architecture", "normalization")
SMALLEST = {"accuracy": 0.2, "r2": 0.3}  # margins that are worth teaching

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def recipes_of(case: Case) -> list[Recipe]:
    """Every PyTorch recipe of a case."""
    there = [case.broken, case.fixed, *(rival.recipe for rival in case.rivals)]
    return there if case.healthy is None else [*there, case.healthy]


def keywords(recipe: Recipe) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a recipe's build."""
    plain, _ = unbind(recipe.build)
    parameters = inspect.signature(plain).parameters
    return {name: item for name, item in parameters.items() if item.kind is item.KEYWORD_ONLY}


def test_there_are_forty_five_cases_in_four_families() -> None:
    assert len(CASES) >= 45
    assert {case.family for case in CASES} == set(FAMILIES)


def test_names_are_unique_and_found() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert all(get_case(name).name == name for name in names)


def test_every_file_of_a_family_is_in_the_catalogue() -> None:
    folder = Path(sources_module.__file__).parent
    files = {
        (path.parent.name, path.stem.replace("_", "-"))
        for family in FAMILIES
        for path in (folder / family).glob("*.py")
        if path.stem != "__init__"
    }
    listed = {(case.family, case.name) for case in CASES}
    places = [f"{family}.{name.replace('-', '_')}" for family, name in sorted(files - listed)]
    assert not places, (
        f"Add to _PLACES in coursekit/cases/__init__.py, under its lesson: {places}. A file is "
        "called as its case, with _ for -, and lies in the folder of its family."
    )
    assert listed == files


def test_a_place_without_a_file_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("data.unscaled_featurs", "dta.unscaled_features"):
        monkeypatch.setitem(cases_module._HOMES, "typo", f"coursekit.cases.{place}")
        with pytest.raises(BadInputError, match=rf"lists '{place}', and there is no .*\.py\."):
            get_case("typo")


def test_a_package_that_a_case_needs_is_not_taken_for_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: str) -> None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")

    monkeypatch.setattr(cases_module, "import_module", fail)
    with pytest.raises(ModuleNotFoundError, match="sklearn"):
        get_case("unscaled-features")


def test_each_case_stands_under_its_lesson() -> None:
    """Lessons in order, and their cases side by side."""
    lessons = [case.lesson for case in CASES]
    assert lessons == sorted(lessons)


def test_one_case_is_loaded_without_the_others() -> None:
    code = (
        "import sys; from coursekit import get_case; get_case('unscaled-features'); "
        "print(*(name for name in sys.modules if name.startswith('coursekit.cases.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert "unscaled_features" in loaded
    assert not loaded & {case.name.replace("-", "_") for case in CASES[1:]}


def test_an_unknown_case_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"No case 'unscaled-featurs'. Did you mean"):
        get_case("unscaled-featurs")


@every_case
def test_sources_are_titles_of_the_sources_module(case: Case) -> None:
    known = vars(sources_module).values()
    documents = {value for value in known if isinstance(value, str)}
    works = [value for value in known if isinstance(value, sources_module.Source)]
    assert case.sources
    assert all(source in works or source.title in documents for source in case.sources)


@every_case
def test_words_are_there_and_end_where_sentences_end(case: Case) -> None:
    assert case.question.endswith("?")
    sentences = [rival.why for rival in case.rivals]
    sentences += [case.finding, case.mitigation, case.long_diff, case.keras.note]
    assert all(text.endswith(".") for text in sentences if text), sentences
    assert case.keras.note or case.keras.verdict == "same"


@every_case
def test_knobs_are_keywords_of_build(case: Case) -> None:
    for knob in case.knobs:
        assert knob.name in keywords(case.fixed)
        assert knob.first in knob.positions
        if isinstance(knob, Knob):
            assert len(knob.positions) == len(knob.values)  # no two positions read the same
            assert list(knob.values) == sorted(knob.values)


@every_case
def test_there_is_no_switch_between_broken_and_fixed(case: Case) -> None:
    names = {name for recipe in recipes_of(case) for name in keywords(recipe)}
    assert names.isdisjoint({"broken", "fixed", "healthy", "fix", "bug", "faulty"})


@every_case
def test_broken_and_fixed_can_be_written_out(case: Case) -> None:
    for which, recipe in {"broken": case.broken, "fixed": case.fixed}.items():
        assert _has_script(recipe), (
            f"The build of the {which} recipe must end with 'return Setup(…)', so that its program "
            "can be shown. Only the healthy recipe and the wrong fixes may delegate to another "
            "build. Give build a keyword for what differs, and bind it: _BROKEN.having(lr=0.1)."
        )


@every_case
def test_broken_and_fixed_differ_in_at_most_five_lines(case: Case) -> None:
    changed = [line for line in diff(case.broken, case.fixed, context=0).splitlines() if line]
    assert changed
    assert len(changed) <= 5 or case.long_diff, f"{len(changed)} lines with - or +: say why"
    assert len(changed) > 5 or not case.long_diff, "an excuse that is not needed"


@every_case
def test_a_kind_has_what_it_must_have(case: Case) -> None:
    match case.kind:
        case "raises":
            assert isinstance(case.claim, Raises)
            assert not case.rivals
        case "trains" | "misjudges":
            assert isinstance(case.claim, Claim)
            assert case.healthy is not None
            # of three faults, each repair and each pair of them is a rival, beside the others
            most = 10 if case.name == "three-faults" else 5
            assert 1 <= len(case.rivals) <= most, f"one to {most} wrong fixes"
        case "myth":
            assert isinstance(case.claim, Claim | NoDifference)
            assert case.finding
    assert case.closes >= 0.9 or case.mitigation


@every_case
def test_healthy_is_not_the_fixed_run_by_another_name(case: Case) -> None:
    if case.healthy is not None:
        assert diff(case.fixed, case.healthy) if _has_script(case.healthy) else True
        assert case.healthy != case.fixed


@every_case
def test_a_margin_is_worth_teaching_or_says_why_not(case: Case) -> None:
    claim = case.claim
    if not isinstance(claim, Claim):
        pytest.skip("this form of claim has no margin")
    if claim.ratio:
        assert (claim.better, claim.margin >= 2 or bool(claim.reason)) == ("lower", True)
        return
    assert claim.reason or claim.margin >= (0.3 if "r2" in claim.score else 0.2)
    sign = 1 if claim.better == "higher" else -1
    assert sign * (claim.fixed_bound - claim.broken_bound) > 0


@every_case
def test_a_twin_has_what_its_verdict_says(case: Case) -> None:
    twin = case.keras
    there = [twin.broken is not None, twin.fixed is not None]
    assert there == [twin.verdict != "not-applicable"] * 2
    assert (twin.verdict == "prevented") is isinstance(twin.claim, NoDifference) or (
        case.kind == "myth"
    )


@every_case
def test_validation_and_test_rows_do_not_overlap(case: Case) -> None:
    for recipe in {case.fixed, case.healthy or case.fixed}:  # mixed rows may be the failure
        setup = recipe.build(UNSEEN, "cpu")
        val, test = ({row.numpy().tobytes() for row in rows_of(part)} for part in (
            setup.val, setup.test))  # fmt: skip
        assert val.isdisjoint(test)


def rows_of(part: object) -> Tensor:
    """The inputs of a TensorDataset."""
    return part.tensors[0]  # type: ignore[attr-defined, no-any-return]


@every_case
def test_no_case_reads_the_network(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a case tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for recipe in recipes_of(case):
        recipe.build(UNSEEN, "cpu")


def _has_script(recipe: Recipe) -> bool:
    """Whether a build can be written out."""
    plain, _ = unbind(recipe.build)
    return "return Setup(" in inspect.getsource(plain)


def test_a_case_is_shown_in_a_line() -> None:
    assert all(len(repr(case)) < 240 and case.name in repr(case) for case in CASES)
