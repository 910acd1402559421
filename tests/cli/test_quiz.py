"""``coursekit quiz`` as a person types it, and as a pipe does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from coursekit.cli import main
from coursekit.cli.quiz import WIDTH
from coursekit.mysteries import Mystery, Plan, draw, judge
from coursekit.mysteries.describing import facts, tables
from coursekit.mysteries.legend import LEGEND

SEED = "7"
MYSTERIES = draw(Plan(seed=int(SEED), count=3))


def right(mystery: Mystery) -> str:
    return next(letter for letter in mystery.options if judge(mystery, letter).right)


def wrong(mystery: Mystery) -> str:
    return next(letter for letter in mystery.options if not judge(mystery, letter).right)


def typed(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def quiz(
    *options: str, answers: str = "", encoding: str = "utf-8"
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, its answers through a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "coursekit", "quiz", "--seed", SEED, "--count", "3", *options],
        input=answers, capture_output=True, text=True, check=False, encoding=encoding,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip


def test_three_right_answers_through_a_pipe() -> None:
    done = quiz(answers=typed(map(right, MYSTERIES)))
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\nRight. ") == 3
    assert "\nScore: 3 of 3; " in done.stdout
    assert "Read again" not in done.stdout


def test_all_that_is_measured_is_printed() -> None:
    shown = quiz(answers="q\n").stdout
    flat = " ".join(shown.split())
    for fact in facts(MYSTERIES[0].sheet):
        assert fact in flat
    for table in tables(MYSTERIES[0].sheet):
        for name, cells in table.rows.items():
            assert " ".join([name, *" ".join(cells).split()]) in flat
    for letter, words in MYSTERIES[0].options.items():
        assert f"  {letter}. {words}\n" in shown


def test_the_words_are_explained_once_before_the_first_run() -> None:
    shown = quiz(answers=typed(map(right, MYSTERIES))).stdout
    before, _, after = " ".join(shown.split()).partition("=== Mystery 1 of 3 ===")
    for word, meaning in LEGEND.items():
        assert f"{word}: {meaning}" in before
        assert meaning not in after
    assert max(map(len, shown.splitlines())) <= WIDTH + 6  # the tables are a little wider


def test_a_miss_is_explained_and_named_in_the_score() -> None:
    first, *others = MYSTERIES
    verdict = judge(first, wrong(first))
    shown = quiz(answers=typed([wrong(first), *map(right, others)])).stdout
    flat = " ".join(shown.split())
    for sentence in verdict.sentences():
        assert sentence in flat
    assert "Score: 2 of 3; " in flat
    assert f"Read again: lesson {verdict.lesson}, " in flat


@pytest.mark.parametrize("letter", ["{}", " {}  ", "{}."])
def test_a_letter_may_be_small_and_have_blanks_or_a_full_stop(letter: str) -> None:
    answer = letter.format(right(MYSTERIES[0]).lower())
    assert quiz(answers=typed([answer])).stdout.count("\nRight. ") == 1


@pytest.mark.parametrize("bad", ["", "F", "AB", "1", "é", "the learning rate", "\x00", "-1"])
def test_what_is_no_letter_is_asked_for_again(bad: str) -> None:
    done = quiz(answers=typed([bad, right(MYSTERIES[0])]))
    assert done.returncode == 0
    assert "is none of the letters A, B, C, D, E. Type one of them, then Enter." in " ".join(
        done.stdout.split()
    )
    assert "\nScore: 1 of 1 answered (3 were drawn)" in done.stdout


@pytest.mark.parametrize("end", ["", "q\n", "Q\n"])
def test_the_end_of_input_and_q_end_it_with_the_score_so_far(end: str) -> None:
    done = quiz(answers=typed([right(MYSTERIES[0])]) + end)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\nStopped.\n" in done.stdout
    assert "\nScore: 1 of 1 answered (3 were drawn)" in done.stdout


def test_no_answer_at_all_has_a_score_too() -> None:
    assert quiz().stdout.endswith("Score: No run was answered.\n")


def test_ctrl_c_ends_it_with_the_score_so_far() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "coursekit", "quiz", "--seed", SEED],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        # A test run in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    read = ""
    try:
        process.stdin.write(typed([right(draw(Plan(seed=int(SEED)))[0])]))
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while read.count("Your answer") < 2 and time.monotonic() < deadline:
            read += process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopped." in rest
    assert "Score: 1 of 1 answered (10 were drawn)" in rest
    assert said == ""


def test_the_same_seed_prints_the_same_and_another_does_not() -> None:
    one, again = (quiz(answers="q\n").stdout for _ in range(2))
    assert one == again
    assert quiz("--seed", "8", answers="q\n").stdout != one


def test_without_a_seed_it_says_which_one_gives_the_same_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coursekit", "quiz", "--count", "1"],
        input="", capture_output=True, text=True, check=True, encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    seed = done.stdout.split("coursekit quiz --seed ")[1].split()[0]
    assert draw(Plan(seed=int(seed), count=1))[0].options["A"] in done.stdout


def test_up_to_a_lesson() -> None:
    shown = quiz("--up-to", "01", "--count", "20", answers="a\n" * 16).stdout
    assert "16 runs (there are no more up to that lesson than these)." in " ".join(shown.split())
    assert f"For the same runs again: coursekit quiz --seed {SEED} --up-to 01" in " ".join(
        shown.split()
    )
    assert "Mystery 16 of 16" in shown
    assert "  B. Nothing: the run is healthy" in shown


def test_some_lessons_and_one_half() -> None:
    shown = quiz("--lessons", "04,01", "--half", "a", "--count", "10", answers="a\na\n").stdout
    options = f"--seed {SEED} --lessons 01,04 --half A"
    assert f"For the same runs again: coursekit quiz {options}" in " ".join(shown.split())
    first, second = draw(Plan(seed=int(SEED), only="01,04", half="A"))[:2]
    for mystery in (first, second):
        assert all(f"  {letter}. {words}\n" in shown for letter, words in mystery.options.items())


def test_where_half_of_a_few_lessons_has_fewer_runs_it_says_so() -> None:
    shown = " ".join(
        quiz("--lessons", "01", "--half", "B", "--count", "10", answers="q\n").stdout.split()
    )
    assert shown.startswith("8 runs (there are no more of these lessons in half B than these).")


def test_the_last_line_is_one_to_copy() -> None:
    """It stays one line, however long it is."""
    *_, said, line = quiz(answers=typed(map(right, MYSTERIES))).stdout.splitlines()
    assert said == "In one line, for whoever collects scores:"
    ill = sum(judge(one, "A").answer != "healthy" for one in MYSTERIES)
    counts = (
        f"causes {ill} of {ill}, healthy called ill 0 of {3 - ill}, ill called healthy 0 of {ill}"
    )
    assert line == f"seed {SEED}, all lessons: {counts}"
    many = quiz("--lessons", "01,02,03,04,05,06,08,09,10,11,12,13", answers="a\n").stdout
    assert many.splitlines()[-1].endswith(", answered 1 of 3")
    assert len(many.splitlines()[-1]) > WIDTH


def test_a_terminal_without_blocks_gets_plain_letters() -> None:
    done = quiz(answers=typed(map(right, MYSTERIES)), encoding="ascii")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.isascii()
    assert "Score: 3 of 3" in done.stdout


def test_pictures_are_saved_before_and_after_the_answer(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    done = quiz("--save", str(folder), answers=typed([right(MYSTERIES[0])]))
    assert done.returncode == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["mystery-01-answer.png", "mystery-01.png", "mystery-02.png"]
    assert all(path.read_bytes()[1:4] == b"PNG" for path in folder.iterdir())


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    done = quiz("--save", str(tmp_path / "a file" / "folder"), answers="a\n")
    assert done.returncode == 2
    assert done.stderr.startswith("coursekit: The picture was not written: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--up-to", "2"], "Give its two digits as text"),
        (["--seed", "-1"], "Give a whole number from 0"),
        (["--count", "51"], "Give a whole number from 1 to 50"),
        (["--half", "C"], "Give A or B"),
        (["--lessons", "07"], "There are no mystery runs of lesson '07'"),
        (["--lessons", "01,04", "--up-to", "04"], "Leave one of them out"),
    ],
)
def test_bad_options_are_a_sentence_and_exit_two(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quiz", *options]) == 2
    assert said in capsys.readouterr().err


def test_it_loads_no_framework() -> None:
    code = (
        "import sys; from coursekit.cli import main; main(['quiz', '--seed', '7']); "
        "print([n for n in ('torch', 'tensorflow', 'matplotlib', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="", capture_output=True, text=True, check=True,
        encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout.endswith("[]\n")
