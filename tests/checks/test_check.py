"""The machinery of a check: how it is called, what it prints, what it raises."""

import traceback
from dataclasses import replace

import numpy as np
import pytest

from coursekit.checks import Check, CheckFailed, Clause, NotAnswered
from coursekit.errors import BadInputError, CoursekitError

CHECK = Check[int](
    task="Task 9",
    takes=("answer",),
    gather=lambda answer: answer(),
    clauses=(
        Clause(name="even", test=lambda n: f"{n} is odd." if n % 2 else None, hint="Halve it."),
        Clause(name="small", test=lambda n: f"{n} is large." if n > 9 else None, hint="Less."),
    ),
    verified=lambda n: f"{n} is even and small.",
    hints=("First.", "Second.", "Third."),
)


def test_a_pass_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    CHECK(lambda: 4)
    assert capsys.readouterr().out == "Task 9 passed. 4 is even and small.\n"


def test_the_first_clause_that_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckFailed) as failed:
        CHECK(lambda: 11)
    assert str(failed.value) == (
        "Task 9: 11 is odd.\nHint: Halve it.\nMore hints: check_answer.hint(1), then 2 and 3"
    )
    assert capsys.readouterr().out == ""


def test_every_clause_is_asked() -> None:
    with pytest.raises(CheckFailed, match=r"12 is large\.\nHint: Less\."):
        CHECK(lambda: 12)


def test_what_gather_finds_wrong_names_the_task() -> None:
    def broken() -> int:
        raise CheckFailed("answer returned None.")

    with pytest.raises(CheckFailed) as failed:
        CHECK(broken)
    assert str(failed.value) == (
        "Task 9: answer returned None.\nHints: check_answer.hint(1), then 2 and 3"
    )


def test_hints_come_one_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    for step, text in ((1, "First.\n"), (2, "Second.\n"), (3, "Third.\n")):
        CHECK.hint(step)
        assert capsys.readouterr().out == text


@pytest.mark.parametrize("step", [0, 4, "next"])
def test_there_are_three_hints(step: int) -> None:
    text = rf"There is no hint {step!r}\. Ask for check_answer\.hint\(1\), 2 or 3\."
    with pytest.raises(BadInputError, match=text):
        CHECK.hint(step)


@pytest.mark.parametrize(
    ("given", "came"),
    [
        (np.zeros((2, 3)), "an array of shape (2, 3)"),
        (float("nan"), "a float"),
        ("text", "the text 'text'"),
        (None, "None"),
    ],
)
def test_a_result_in_place_of_the_function(given: object, came: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        CHECK(given)
    assert str(failed.value) == (
        "Task 9: the check takes answer without brackets after the name: check_answer(answer). "
        f"What came: {came}."
    )


def test_too_few_functions() -> None:
    pair = replace(CHECK, takes=("answer", "script"))
    with pytest.raises(CheckFailed, match=r"takes answer and script .*answer, script\)\. 1 came"):
        pair(print)


def test_a_check_says_what_it_is() -> None:
    assert repr(CHECK) == "check_answer(answer): Task 9"


def test_both_verdicts_are_errors_of_coursekit() -> None:
    assert issubclass(NotAnswered, CoursekitError)
    assert issubclass(CheckFailed, CoursekitError)


def test_jupyter_shows_the_learners_lines_and_the_verdict_alone() -> None:
    """Without the library's frames, in lines that fit; a plain Python shows all of them."""

    def divides() -> int:
        try:
            return 1 // 0
        except ZeroDivisionError as error:
            raise CheckFailed("answer raised.") from error

    try:
        CHECK(divides)
    except CheckFailed as failed:
        shown = failed._render_traceback_()
        plain = "".join(traceback.format_exception(failed))
    text = "\n".join(shown)
    assert text.startswith(f"{__file__}, line ")
    assert "ZeroDivisionError: integer division or modulo by zero" in text
    assert shown[-1].startswith("CheckFailed: Task 9: ")
    assert "check.py" not in text.replace("test_check.py", "")
    assert "checks/check.py" in plain.replace("\\", "/")
    assert max(map(len, shown[-1].splitlines())) <= 92
