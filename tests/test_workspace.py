"""The learner's copy: a property over all histories of one file, then the special cases."""

import io
import json
from pathlib import Path

import nbformat
import pytest

from coursekit.errors import BadInputError
from coursekit.shipped import course_files
from coursekit.workspace import (
    Answer,
    Ask,
    Handout,
    answer_later,
    ask_in_terminal,
    prepare,
    sync,
)

LESSON = "notebooks/00_start_here.ipynb"
EXERCISE = "exercises/01_a.ipynb"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = tmp_path / "course"
    for name in (LESSON, EXERCISE, "solutions/01_a.ipynb", "notebooks/.ipynb_checkpoints/x.ipynb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name} v1", encoding="utf-8")
    return root


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def never(name: str) -> Answer:
    pytest.fail(f"asked about {name}")


def saying(answer: Answer, asked: list[str] | None = None) -> Ask:
    def ask(name: str) -> Answer:
        if asked is not None:
            asked.append(name)
        return answer

    return ask


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def test_first_copy_holds_lessons_and_exercises_and_no_solution(course: Path, work: Path) -> None:
    handout = sync(course, work, ask=never)
    assert handout.outcomes == {LESSON: "new", EXERCISE: "new"}
    assert set(files(work)) == {LESSON, EXERCISE, ".coursekit.json"}
    assert files(work)[LESSON] == f"{LESSON} v1"


def test_second_run_has_nothing_to_do(course: Path, work: Path) -> None:
    sync(course, work, ask=never)
    assert sync(course, work, ask=never).outcomes == {}


def notebook(path: Path, source: str, output: str, *, hidden: bool = True) -> None:
    """A notebook with one cell, its output folded as those after a prediction are."""
    cell = nbformat.v4.new_code_cell(
        source, outputs=[nbformat.v4.new_output("stream", text=output)], execution_count=3
    )
    cell.metadata["jupyter"] = {"outputs_hidden": hidden, "source_hidden": True}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def test_a_hidden_output_is_not_handed_out(course: Path, work: Path) -> None:
    """JupyterLab would show its first line."""
    notebook(course / LESSON, "print(answer)", "the answer is B")
    notebook(course / EXERCISE, "print(seen)", "shown to all", hidden=False)
    sync(course, work, ask=never)
    (folded,) = nbformat.read(work / LESSON, as_version=4).cells
    assert (folded.source, folded.outputs, folded.execution_count) == ("print(answer)", [], None)
    assert folded.metadata["jupyter"] == {"source_hidden": True}
    (shown,) = nbformat.read(work / EXERCISE, as_version=4).cells
    assert shown.outputs[0].text == "shown to all"


def test_no_lesson_of_the_course_gives_an_output_away(work: Path) -> None:
    sync(course_files(), work, ask=never)
    folded = [
        cell
        for path in sorted((work / "notebooks").glob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if "after-prediction" in cell.metadata.get("tags", [])
    ]
    assert len(folded) > 100
    assert not any(cell.outputs for cell in folded)


def test_a_notebook_that_was_only_run_is_brought_up_to_date_unasked(
    course: Path, work: Path
) -> None:
    notebook(course / LESSON, "print(1)", "1")
    sync(course, work, ask=never)
    notebook(work / LESSON, "print(1)", "run by the learner, and saved", hidden=False)
    assert sync(course, work, ask=never).outcomes == {}
    notebook(course / LESSON, "print(2)", "2")
    assert sync(course, work, ask=never).outcomes == {LESSON: "updated"}
    notebook(work / LESSON, "print(3)", "changed by the learner")
    notebook(course / LESSON, "print(4)", "4")
    asked: list[str] = []
    sync(course, work, ask=saying("keep", asked))
    assert asked == [LESSON]


@pytest.mark.parametrize("answer", ["keep", "replace", "beside", "later"])
@pytest.mark.parametrize("course_changes", [False, True])
@pytest.mark.parametrize("learner_does", ["nothing", "edits", "deletes", "edits alike"])
def test_no_history_loses_an_edit_without_an_answer(
    course: Path, work: Path, course_changes: bool, learner_does: str, answer: Answer
) -> None:
    sync(course, work, ask=never)
    if course_changes:
        write(course / LESSON, "course v2")
    if learner_does == "edits":
        write(work / LESSON, "mine")
    elif learner_does == "edits alike":
        write(work / LESSON, "course v2")
    elif learner_does == "deletes":
        (work / LESSON).unlink()
    newest = (course / LESSON).read_text(encoding="utf-8")

    asked: list[str] = []
    handout = sync(course, work, ask=saying(answer, asked))
    copies = {text for name, text in files(work).items() if "00_start_here" in name}

    conflict = course_changes and learner_does == "edits"
    alone = not course_changes and learner_does == "edits alike"
    assert asked == ([LESSON] if conflict else [])
    if learner_does == "edits" and not (conflict and answer == "replace"):
        assert (work / LESSON).read_text(encoding="utf-8") == "mine"
    elif alone:
        assert (work / LESSON).read_text(encoding="utf-8") == "course v2"
    else:
        assert (work / LESSON).read_text(encoding="utf-8") == newest
    assert ("course v2" in copies) == (alone or (course_changes and not conflict) or (
        conflict and answer in ("replace", "beside")
    ))  # fmt: skip
    assert EXERCISE not in handout.outcomes


@pytest.mark.parametrize(("answer", "again"), [("keep", 0), ("beside", 0), ("later", 1)])
def test_an_answer_is_remembered_and_no_answer_is_asked_again(
    course: Path, work: Path, answer: Answer, again: int
) -> None:
    sync(course, work, ask=never)
    write(course / LESSON, "course v2")
    write(work / LESSON, "mine")
    sync(course, work, ask=saying(answer))
    asked: list[str] = []
    sync(course, work, ask=saying(answer, asked))
    assert len(asked) == again


def test_a_new_version_beside_never_takes_a_name_that_is_in_use(course: Path, work: Path) -> None:
    sync(course, work, ask=never)
    write(work / LESSON, "mine")
    for version in ("v2", "v3"):
        write(course / LESSON, version)
        assert sync(course, work, ask=saying("beside")).outcomes == {LESSON: "beside"}
    found = files(work)
    assert found["notebooks/00_start_here.new.ipynb"] == "v2"
    assert found["notebooks/00_start_here.new2.ipynb"] == "v3"


def test_unknown_files_are_left_alone(course: Path, work: Path) -> None:
    sync(course, work, ask=never)
    write(work / "notebooks" / "own.ipynb", "own")
    write(course / LESSON, "course v2")
    (course / EXERCISE).unlink()
    sync(course, work, ask=never)
    assert files(work)["notebooks/own.ipynb"] == "own"
    assert files(work)[EXERCISE] == f"{EXERCISE} v1"


def test_a_file_of_the_same_name_that_was_there_before_is_the_learners(
    course: Path, work: Path
) -> None:
    (work / "notebooks").mkdir(parents=True)
    write(work / LESSON, "older than the course")
    assert sync(course, work, ask=answer_later).outcomes[LESSON] == "later"
    assert files(work)[LESSON] == "older than the course"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', "\x00"])
def test_a_damaged_manifest_costs_a_question_not_a_file(
    course: Path, work: Path, text: str
) -> None:
    sync(course, work, ask=never)
    write(work / ".coursekit.json", text)
    write(work / LESSON, "mine")
    assert sync(course, work, ask=answer_later).outcomes == {LESSON: "later"}
    assert files(work)[LESSON] == "mine"
    assert list(json.loads(files(work)[".coursekit.json"])["files"]) == [EXERCISE]


def test_ctrl_c_at_a_question_keeps_what_was_done(course: Path, work: Path) -> None:
    sync(course, work, ask=never)
    write(course / EXERCISE, "course v2")  # comes second: notebooks first
    write(work / EXERCISE, "mine")
    write(course / LESSON, "course v2")

    def interrupt(name: str) -> Answer:
        raise KeyboardInterrupt(name)

    with pytest.raises(KeyboardInterrupt):
        sync(course, work, ask=interrupt)
    assert files(work)[LESSON] == "course v2"
    assert files(work)[EXERCISE] == "mine"
    assert set(files(work)) == {LESSON, EXERCISE, ".coursekit.json"}, "no temporary file is left"
    write(course / LESSON, "course v3")
    assert sync(course, work, ask=answer_later).outcomes[LESSON] == "updated"


def test_a_read_only_course_gives_a_writable_copy(course: Path, work: Path) -> None:
    (course / LESSON).chmod(0o444)
    sync(course, work, ask=never)
    assert (work / LESSON).stat().st_mode & 0o200


def test_the_course_itself_is_refused(course: Path) -> None:
    with pytest.raises(BadInputError, match=r"is the course itself\. Name another folder"):
        sync(course, course, ask=never)


def test_a_work_that_is_a_file_is_refused(course: Path, work: Path) -> None:
    write(work, "")
    with pytest.raises(BadInputError, match=r"Cannot write .*work.*run again"):
        sync(course, work, ask=never)


def test_a_folder_in_place_of_a_notebook_is_refused(course: Path, work: Path) -> None:
    (work / LESSON).mkdir(parents=True)
    with pytest.raises(BadInputError, match=r"Cannot write .*00_start_here"):
        sync(course, work, ask=never)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("", "keep"), ("k", "keep"), ("R", "replace"), ("beside", "beside"), ("x\nr", "replace")],
)
def test_what_is_typed_is_understood(
    monkeypatch: pytest.MonkeyPatch, typed: str, answer: Answer
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
    assert ask_in_terminal(LESSON) == answer


def test_the_end_of_input_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert ask_in_terminal(LESSON) == "later"


def test_a_wrong_letter_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\nk\n"))
    ask_in_terminal(LESSON)
    assert "'yes' is none of k, r and b." in capsys.readouterr().out


def test_every_outcome_has_its_sentence() -> None:
    outcomes = {"a": "new", "b": "updated", "c": "kept", "d": "beside", "e": "later"}
    sentences = Handout(outcomes=outcomes).sentences()  # type: ignore[arg-type]
    assert [sentence[-2] for sentence in sentences] == ["a", "b", "c", "d", "e"]


def test_prepare_without_a_terminal_overwrites_nothing_and_says_so(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(work)
    mine = next(path for path in sorted((work / "notebooks").iterdir()) if path.is_file())
    write(mine, "mine")
    (work / ".coursekit.json").unlink()  # as if another version had been handed out
    capsys.readouterr()
    prepare(work)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert f"notebooks/{mine.name}" in capsys.readouterr().out


def test_the_course_is_found_in_this_checkout() -> None:
    assert course_files() == Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("damaged", ["{}", "[]", "null", '{"cells": [1]}', '{"cells": [{}]}'])
def test_a_notebook_that_is_json_and_no_notebook_stops_nobody(tmp_path: Path, damaged: str) -> None:
    """It is the learner's own, like any other file that they changed."""
    work = tmp_path / "work"
    sync(course_files(), work, ask=never)
    lesson = work / "notebooks" / "01_unscaled_features.ipynb"
    lesson.write_text(damaged)
    sync(course_files(), work, ask=never)
    assert lesson.read_text() == damaged
