"""Answers come out of the learner's copy, and one that stays is found wherever it hides."""

from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbtools.build import answers, solution_of
from nbtools.exercise import answer_lines, leaks
from nbtools.source import prepare
from nbtools.targets import Target

ANSWER = "doubled_values = [2 * value for value in values]"


def test_the_answers_are_what_only_the_solution_holds(course: list[Target]) -> None:
    solution, _ = prepare(course[1])
    assert answer_lines(solution) == [
        ANSWER,
        "return doubled_values",
        "assert double([100, 200]) == [200, 400]",
        "Because doubling goes element by element.",
        "A remark that gives it all away.",
    ]
    assert answers(solution) == 1


def test_a_cell_for_solutions_is_an_answer_to_its_end(course: list[Target]) -> None:
    source = course[1].source
    cell = '# %% tags=["solution-only"]\n### BEGIN SOLUTION\n### END SOLUTION\nother = "the end"\n'
    source.write_text(f"{source.read_text()}\n{cell}")
    assert answer_lines(prepare(course[1])[0])[-1] == 'other = "the end"'


def test_a_line_that_the_task_shows_as_well_is_no_answer(course: list[Target]) -> None:
    source = course[1].source
    source.write_text(source.read_text().replace("Task one", "Start: return doubled_values"))
    assert "return doubled_values" not in answer_lines(prepare(course[1])[0])


HIDING_PLACES = {
    "a source": lambda cell: cell.update(source=f"x = 1\n    {ANSWER}"),
    "an output": lambda cell: cell.outputs.append(new_output("stream", text=f"{ANSWER}\n")),
    "a repr in an output": lambda cell: cell.outputs.append(
        new_output("execute_result", data={"text/plain": repr(f"x\n{ANSWER}\ny")})
    ),
    "metadata": lambda cell: cell.metadata.update(hint={"deep": [ANSWER]}),
    "a key in metadata": lambda cell: cell.metadata.update({ANSWER: 1}),
    "an attachment": lambda cell: cell.update(attachments={"a.txt": {"text/plain": ANSWER}}),
}


@pytest.mark.parametrize("hide", HIDING_PLACES.values(), ids=HIDING_PLACES.keys())
def test_an_answer_is_found_wherever_it_hides(
    course: list[Target], hide: Callable[[NotebookNode], object]
) -> None:
    exercise, _ = prepare(course[2])
    solution = solution_of(course[2])
    assert leaks(solution, exercise) == []
    hide(exercise.cells[1])
    assert leaks(solution, exercise) == [f"The answer {ANSWER!r} is in the exercise."]


def test_metadata_that_no_tool_reads_does_not_come_along(course: list[Target]) -> None:
    source = course[2].source
    source.write_text(source.read_text().replace('tags=["check"]', 'tags=["check"] model="[2, 4]"'))
    exercise, _ = prepare(course[2])
    assert "[2, 4]" not in str([cell.metadata for cell in exercise.cells])
