"""Each rule, on a good notebook and on one that was broken by hand."""

from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbtools import rules
from nbtools.alone import borrowed, each_alone
from nbtools.clean import WIDGET_VIEW
from nbtools.execute import CellFailedError, execute
from nbtools.lesson_rules import plan, sections, shown_too_early
from nbtools.source import KERNEL
from nbtools.targets import ROOT

from coursekit.grading.course import STUB

Breaker = Callable[[NotebookNode], object]


def good() -> NotebookNode:
    """A lesson that keeps every rule."""
    setup = new_code_cell("import math", execution_count=1, metadata={"tags": ["setup"]})
    ask = new_code_cell("widgets.predict('a')", execution_count=2)
    after = new_code_cell("print(7)", execution_count=3, outputs=[_text("7\n")])
    after.metadata["jupyter"] = {"outputs_hidden": True}
    heading = new_markdown_cell("## One", metadata={"minutes": 9})
    return new_notebook(
        cells=[new_markdown_cell("# Title"), setup, heading, ask, after],
        metadata={"kernelspec": dict(KERNEL), "language_info": {"name": "python"}},
    )


def _text(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def _error(name: str = "ValueError") -> NotebookNode:
    return new_output("error", ename=name, evalue="no", traceback=[])


def _shows(**data: str) -> NotebookNode:
    return new_output("display_data", data=data)


def _last(output: NotebookNode) -> Breaker:
    """Puts an output into the last cell."""
    return lambda notebook: notebook.cells[-1].outputs.append(output)


def _source(text: str) -> Breaker:
    """Changes the source of the last cell."""
    return lambda notebook: notebook.cells[-1].update(source=text)


def _tag(tag: str, index: int = -1) -> Breaker:
    """Tags a cell."""
    return lambda notebook: notebook.cells[index].metadata.update(tags=[tag])


BROKEN = [
    (rules.unexecuted, lambda nb: nb.cells[1].update(execution_count=None), "run number None"),
    (rules.unexecuted, lambda nb: nb.cells[3].update(execution_count=4), "run number 4, not 2"),
    (rules.noisy, _last(_text("careful", "stderr")), "Cell 5 writes to stderr: 'careful'"),
    (rules.unexpected_errors, _last(_error()), "Cell 5 raised ValueError: no"),
    (rules.widget_state, lambda nb: nb.metadata.update(widgets={}), "state of widgets"),
    (rules.widget_state, _last(_shows(**{WIDGET_VIEW: "x"})), "stores a widget view"),
    (rules.widget_state, _last(_shows()), "no text/plain"),
    (rules.unstable, _last(_text("<object at 0x7f001234ab>")), "'0x7f001234ab'"),
    (rules.unstable, _last(_shows(**{"text/html": "see /home/me/x"})), "'/home/'"),
    (rules.unstable, _last(_text(f"{ROOT}/x")), "will not repeat"),
    (rules.unstable, lambda nb: nb.metadata.update(at=str(ROOT)), "path of this machine"),
    (rules.undescribed, _last(_shows(**{"image/png": "x"})), "Cell 5 shows a picture"),
    (rules.unchecked, _tag("nbval-ignore-output"), "asserts nothing"),
    (rules.unchecked, _source("# NBVAL_IGNORE_OUTPUT\n'assert'  # assert x"), "asserts nothing"),
    (rules.unchecked, _source("# NBVAL_SKIP\nassert True"), "skipped by nbval"),
    (rules.wrong_kernel, lambda nb: nb.metadata.pop("kernelspec"), "The kernel is None"),
    (rules.wrong_kernel, lambda nb: nb.metadata.language_info.update(version="3"), "version"),
    (shown_too_early, lambda nb: nb.cells[-1].metadata.pop("jupyter"), "Cell 5 comes after"),
    (shown_too_early, _tag("after-prediction", 1), "Cell 2 comes after"),
]


@pytest.mark.parametrize(("rule", "break_it", "message"), BROKEN)
def test_a_rule_sees_its_fault_and_only_that(
    rule: Callable[[NotebookNode], list[str]], break_it: Breaker, message: str
) -> None:
    notebook = good()
    assert rule(notebook) == []
    break_it(notebook)
    (fault,) = rule(notebook)
    assert message in fault


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [
        (_tag("stderr-expected"), rules.noisy),
        (_tag("raises-exception"), rules.unexpected_errors),
        (_source("# NBVAL_IGNORE_OUTPUT\nassert True"), rules.unchecked),
        (_source("# NBVAL_IGNORE_OUTPUT\n%timeit 1\nassert True"), rules.unchecked),
    ],
)
def test_what_a_cell_declares_is_no_fault(
    break_it: Breaker, rule: Callable[[NotebookNode], list[str]]
) -> None:
    notebook = good()
    notebook.cells[-1].outputs = [_text("careful", "stderr"), _error()]
    break_it(notebook)
    assert rule(notebook) == []


def test_a_large_file_is_a_fault() -> None:
    assert rules.too_large(400_000) == []
    assert "400 kB" in rules.too_large(400_001)[0]


def _minutes(value: object) -> Breaker:
    return lambda notebook: notebook.cells[2].metadata.update(minutes=value)


@pytest.mark.parametrize(
    ("name", "break_it", "message"),
    [
        ("01", lambda nb: nb.cells[2].metadata.pop("minutes"), "states no minutes"),
        ("01", _minutes("five"), "states no minutes"),
        ("01", _minutes(31), "take 31 minutes; at most 30"),
        ("00", _minutes(10), "take 10 minutes; at most 10"),
        ("01", _tag("none", 1), "0 cells are tagged 'setup'"),
        ("01", lambda nb: nb.cells[0].update(source="# T\n## Two"), "Start a cell with"),
    ],
)
def test_a_plan_that_does_not_hold(name: str, break_it: Breaker, message: str) -> None:
    notebook = good()
    assert plan(notebook, "lesson", name) == []
    break_it(notebook)
    (fault,) = plan(notebook, "lesson", name)
    assert message in fault


def test_an_optional_task_does_not_count_towards_an_exercise() -> None:
    notebook = good()
    notebook.cells.append(new_markdown_cell("## More", metadata={"minutes": 12}))
    assert "take 21 minutes; at most 20" in plan(notebook, "exercise", "01")[0]
    notebook.cells[-1].metadata["tags"] = ["optional"]
    assert plan(notebook, "exercise", "01") == []


def test_a_notebook_without_sections_is_a_fault() -> None:
    notebook = good()
    del notebook.cells[2]
    assert "There is no section" in plan(notebook, "lesson", "01")[0]


def test_each_section_gets_the_names_of_the_setup_and_no_others() -> None:
    notebook = good()
    notebook.cells[1].source = "kept = [1]"
    notebook.cells += [
        new_markdown_cell("## Two"), new_code_cell("made = 2; kept = 3"), new_markdown_cell("text"),
        new_markdown_cell("## Three"), new_code_cell("print(kept, 'made' in globals())"),
    ]  # fmt: skip
    notebook.cells[3].source = notebook.cells[4].source = "7"
    assert [part.title for part in sections(notebook)] == ["One", "Two", "Three"]
    assert borrowed(notebook) == []
    every = each_alone(notebook)
    execute(every)
    assert every.cells[-1].outputs[0].text == "[1] False\n"


def test_a_section_that_needs_the_one_before_fails() -> None:
    notebook = good()
    notebook.cells[3].source = "made = 2"
    notebook.cells[4].source = "7"
    notebook.cells += [new_markdown_cell("## Two"), new_code_cell("made")]
    assert borrowed(notebook) == ["Section 'Two': Undefined name `made`."]
    with pytest.raises(CellFailedError, match="NameError: name 'made' is not defined"):
        execute(each_alone(notebook))


def _exercise() -> NotebookNode:
    check = new_code_cell("check()", metadata={"tags": ["check"]}, outputs=[_error("NotAnswered")])
    return new_notebook(cells=[new_code_cell(f"def f():\n    {STUB}"), check])


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda nb: nb.cells[1].update(outputs=[]), "Check cell 2 does not raise NotAnswered"),
        (_last(_error()), ""),
        (lambda nb: nb.cells[1].update(outputs=[_error()]), "Check cell 2 does not raise"),
        (lambda nb: nb.cells[0].update(outputs=[_error("NotAnswered")]), "Cell 1 raised, and is"),
        (lambda nb: nb.cells[0].update(source="def f(): ..."), "1 answers, 0 blanks and 1 check"),
    ],
)
def test_the_blanks_that_raise_are_the_ones_declared(break_it: Breaker, message: str) -> None:
    exercise = _exercise()
    assert rules.blanks(exercise, 1) == []
    break_it(exercise)
    assert message in "\n".join(rules.blanks(exercise, 1))
    assert bool(message) == bool(rules.blanks(exercise, 1))
