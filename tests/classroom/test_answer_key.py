"""INSTRUCTORS.md, "The right letters": computed from what the lessons say of themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.classroom.instructions import ROOT, rows

LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))


class Happened(NamedTuple):
    """What `look_back` says of one question."""

    letter: str
    text: str


def calls(lesson: Path, name: str) -> Iterator[ast.Call]:
    """Calls of ``widgets.NAME`` in a lesson's source, in order."""
    tree = ast.parse(lesson.read_text(encoding="utf-8"))
    found = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"widgets.{name}"
    ]  # fmt: skip
    yield from sorted(found, key=lambda node: node.lineno)


def happened(lesson: Path) -> dict[str, Happened]:
    """Each question of a lesson, in the order of the last section, and what came true."""
    said = {}
    for call in calls(lesson, "look_back"):
        (table,) = call.args
        assert isinstance(table, ast.Dict)
        for key, value in zip(table.keys, table.values, strict=True):
            assert isinstance(value, ast.Call)
            said[ast.literal_eval(key)] = Happened(*map(ast.literal_eval, value.args))
    return said


def asked(lesson: Path) -> dict[str, dict[str, str]]:
    """The questions that stand in a lesson as text: key to letters and options."""
    found = {}
    for call in calls(lesson, "predict"):
        if isinstance(call.args[0], ast.Constant):
            (options,) = (word.value for word in call.keywords if word.arg == "options")
            found[ast.literal_eval(call.args[0])] = ast.literal_eval(options)
    return found


def line(lesson: Path) -> list[str]:
    """The row of a lesson in the table."""
    said = happened(lesson).values()
    return [lesson.stem[:2], " ".join(one.letter for one in said), "; ".join(o.text for o in said)]


def test_the_table_holds_the_letters_of_the_lessons() -> None:
    expected = [line(lesson) for lesson in LESSONS if happened(lesson)]
    to_paste = "\n".join(f"| {' | '.join(row)} |" for row in expected)
    assert rows("The right letters") == expected, f"The table should be:\n{to_paste}"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem[:2])
def test_every_question_is_in_it_in_the_order_of_the_lesson(lesson: Path) -> None:
    questions, said = asked(lesson), happened(lesson)
    assert list(said)[: len(questions)] == list(questions)
    for key, options in questions.items():
        assert said[key].letter in options


def test_the_last_four_of_lesson_15_are_statements() -> None:
    (options,) = (
        ast.literal_eval(word.value)
        for call in calls(LESSONS[-1], "predict") if not isinstance(call.args[0], ast.Constant)
        for word in call.keywords if word.arg == "options"
    )  # fmt: skip
    assert options == {"A": "true", "B": "false", "C": "it depends"}
    assert len(happened(LESSONS[-1])) - len(asked(LESSONS[-1])) == 4
