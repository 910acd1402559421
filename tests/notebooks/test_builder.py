"""The builder on a course of its own: same bytes twice, faults named, old files kept."""

from collections.abc import Callable

import build_notebooks
import jupytext
import nbformat
import pytest
from jupytext.compare import compare_notebooks
from nbtools.build import build, is_current, write
from nbtools.export import to_html
from nbtools.images import PNG, pictures
from nbtools.source import BuildError, prepare
from nbtools.targets import Target, select, targets

from coursekit.errors import UnknownNameError

PLANNED = '# %% tags=["setup"]\nimport math\n\n# %% [markdown] minutes=5\n# ## One\n\n'


def test_builds_the_same_bytes_twice_and_knows_when_the_source_changed(
    course: list[Target],
) -> None:
    lesson = course[0]
    assert not is_current(lesson)
    text = build(lesson)
    assert build(lesson) == text
    write(lesson, text)
    assert is_current(lesson)
    lesson.source.write_text(lesson.source.read_text() + "\n# %%\n1 + 1\n")
    assert not is_current(lesson)


def test_a_stored_lesson_is_its_source_with_outputs(course: list[Target]) -> None:
    notebook = nbformat.reads(build(course[0]), as_version=4)
    expected = jupytext.read(course[0].source)
    for one in (notebook, expected):
        one.metadata = {}
    compare_notebooks(notebook, expected, fmt="py:percent")
    widget, scatter = (cell.outputs[0] for cell in notebook.cells[3:5])
    assert dict(widget.data) == {"text/plain": "IntSlider(value=3)"}
    assert scatter.metadata[PNG]["alt"] == "Two walks of 0.5 steps."
    assert notebook.cells[4].metadata["jupyter"] == {"outputs_hidden": True}
    assert notebook.cells[2].metadata["minutes"] == 5


def test_what_is_said_of_this_machine_stays_as_stored_unless_forced(
    lesson: Callable[..., Target],
) -> None:
    """The time of the build, in a cell that nbval does not compare; a cell that changed is new."""
    cell = '# %% tags=["nbval-ignore-output"]\nimport time\nassert True\nprint(time.time_ns())\n'
    target = lesson(cell)
    first = build(target)
    write(target, first)
    assert build(target) == first
    assert build(target, anew=True) != first
    lesson(f"{cell}print(1)\n")
    assert nbformat.reads(build(target), as_version=4).cells[2].outputs[0].text.endswith("\n1\n")


def test_the_alt_text_arrives_in_an_exported_page(course: list[Target]) -> None:
    page = to_html(nbformat.reads(build(course[0]), as_version=4))
    assert 'alt="Two walks of 0.5 steps."' in page
    assert "No description has been provided" not in page
    assert "<script" not in page.partition("<body")[0]  # nothing to fetch from a network


def test_the_exercise_raises_in_its_check_and_nowhere_else(course: list[Target]) -> None:
    exercise = nbformat.reads(build(course[2]), as_version=4)
    raised = [cell for cell in exercise.cells if cell.get("outputs")]
    assert [cell.outputs[0].ename for cell in raised] == ["NotAnswered"]
    assert raised[0].metadata["tags"] == ["check", "raises-exception"]
    assert raised[0].outputs[0].traceback == ["NotAnswered"]
    assert exercise.cells[-1].source == "*Your answer here.*"


def test_the_solution_runs_without_an_error(course: list[Target]) -> None:
    solution = nbformat.reads(build(course[1]), as_version=4)
    assert not any(cell.get("outputs") for cell in solution.cells)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# %% [markdown]\n# T\n\n# %%\nx = 1\n\ny = x / 0\n", r"cell 4 \(02_made.py, line 13\)"),
        ("# %%\nimport warnings\nwarnings.warn('so')\n", "Cell 3 writes to stderr"),
        ("# %%\nimport os\nos._exit(3)\n", "the kernel died"),
        ("# %%\nobject()\n", "Cell 3 shows '0x"),
        ("# %%\nimport matplotlib.pyplot as plt\n_ = plt.plot([1])\n", "Cell 3 shows a picture"),
        ("# %%\nprint(('x' * 99 + chr(10)) * 5050)\n", "The file has 56. kB; at most 400 kB"),
        ("# %%\n1\n\n# %% [markdown]\n# It is 0.97.\n", "Cell 4 says '0.97', and no code cell"),
        (
            "# %%\nfrom coursekit import widgets\nif False:\n    widgets.predict('a')\n\n# %%\n7\n",
            "Cell 4 comes after a prediction",
        ),
    ],
)
def test_a_fault_is_named_and_the_old_file_stays(
    lesson: Callable[..., Target], text: str, message: str
) -> None:
    target = lesson(text)
    target.path.parent.mkdir()
    target.path.write_text("old")
    with pytest.raises(BuildError, match=message):
        write(target, build(target))
    assert [path.read_text() for path in target.path.parent.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        ("", "There is no section"),
        ('# %% tags=["setup"]\nimport math\n\n# %% [markdown]\n# ## One\n', "states no minutes"),
        ("# %% [markdown] minutes=5\n# ## One\n", "0 cells are tagged 'setup'"),
        (f'{PLANNED}# %% tags=["after-prediction"]\n1\n', "its output is not hidden"),
    ],
)
def test_what_the_source_breaks_is_said_before_a_cell_runs(
    lesson: Callable[..., Target], planned: str, message: str
) -> None:
    """The cell would end the kernel, and its words would be others."""
    target = lesson("# %%\nimport os\nos._exit(3)\n", planned=planned)
    with pytest.raises(BuildError, match=message) as caught:
        build(target)
    assert "the kernel died" not in str(caught.value)


def test_a_number_that_a_cell_prints_may_stand_in_the_text(lesson: Callable[..., Target]) -> None:
    """So the text is judged with the outputs, and not before."""
    assert "0.97" in build(lesson("# %%\nprint(1 - 0.03)\n\n# %% [markdown]\n# It is 0.97.\n"))


def test_a_cell_tagged_for_it_may_write_to_stderr(lesson: Callable[..., Target]) -> None:
    tagged = '# %% tags=["stderr-expected"]\nimport sys\nprint("so", file=sys.stderr)\n'
    assert "so" in build(lesson(tagged))


def test_a_marker_line_inside_a_cell_is_named(lesson: Callable[..., Target]) -> None:
    with pytest.raises(BuildError, match="Start each cell with such a line"):
        prepare(lesson('# %%\nx = """\n# %% a\n# %% b\n"""\n'))


def test_a_solution_marker_that_is_not_closed_is_named(course: list[Target]) -> None:
    source = course[2].source
    source.write_text(source.read_text().replace("### END SOLUTION", ""))
    with pytest.raises(BuildError, match="the answers stay in: no end solution"):
        prepare(course[2])


def test_check_lists_what_is_out_of_date(
    course: list[Target], capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_notebooks.check(course) == 1
    assert "out of date: notebooks/01_sample.ipynb" in capsys.readouterr().out
    write(course[1], build(course[1]))
    assert build_notebooks.check([course[1]]) == 0


def test_a_half_written_notebook_is_out_of_date(course: list[Target]) -> None:
    write(course[1], build(course[1])[:200])
    assert not is_current(course[1])


def test_one_failure_does_not_stop_the_others(
    course: list[Target], capsys: pytest.CaptureFixture[str]
) -> None:
    course[0].source.write_text(f"{PLANNED}# %%\n1 / 0\n")
    assert build_notebooks.build_all(course[:2], force=False) == 1
    printed = capsys.readouterr()
    assert "cell 3 (01_sample.py, line 8) failed: ZeroDivisionError" in printed.err
    assert is_current(course[1])


def test_names_choose_targets(course: list[Target]) -> None:
    assert select(course, []) == course
    assert select(course, ["01"]) == course
    assert select(course, ["exercises/01_sample.ipynb"]) == [course[2]]
    with pytest.raises(UnknownNameError, match=r"No notebook '7'.*Notebooks: notebooks/01_sample"):
        select(course, ["7"])


def test_sources_without_a_number_are_no_lessons(course: list[Target]) -> None:
    lessons = course[0].source.parent
    (lessons / "notes.py").write_text("")
    assert targets(lessons.parent) == course


def test_pictures_finds_no_picture_in_a_text(course: list[Target]) -> None:
    assert list(pictures(prepare(course[0])[0])) == []
