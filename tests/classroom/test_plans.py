"""The plans of INSTRUCTORS.md: times that add up, commands that do what the page says of them."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from coursekit import evidence, get_case
from coursekit.cli.entry import COMMANDS
from coursekit.mysteries import Mystery, Plan, draw
from coursekit.mysteries.pool import stored
from tests.classroom.instructions import ROOT, blocks, rows, section, shell

PAGE = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
QUIZZES = sorted(set(re.findall(r"coursekit quiz ([^`\n]*)", PAGE)))


def minutes(clock: str) -> int:
    hours, rest = clock.split(":")
    return 60 * int(hours) + int(rest)


def timetables() -> list[list[tuple[str, str]]]:
    """Each day of the two-day routes: clock times and what happens then."""
    days = []
    for part in section("Routes").split("**Two days, ")[1:]:
        table = re.findall(r"^\| (\d.*) \|$", part, flags=re.MULTILINE)
        cells = [[cell.strip() for cell in row.split("|")] for row in table]
        for place in (0, 2):
            pairs = [(row[place], row[place + 1]) for row in cells]
            days.append([pair for pair in pairs if pair[0]])
    return days


def test_each_day_adds_up() -> None:
    days = timetables()
    assert len(days) == 4
    for day in days:
        *stretches, (_, last) = day
        assert last == "the end"
        for (clock, what), (then, _) in zip(stretches, day[1:], strict=True):
            (length,) = re.findall(r"\((\d+)\)", what)
            assert minutes(clock) + int(length) == minutes(then), what
        assert minutes(day[-1][0]) <= minutes("16:00")
        breaks = [what for _, what in day if "break" in what or "lunch" in what]
        assert len(breaks) == 3


@pytest.mark.parametrize(("name", "total"), [("90 minutes", 90), ("180 minutes", 180)])
def test_a_shorter_route_adds_up(name: str, total: int) -> None:
    (what,) = (row[1] for row in rows("Routes") if row[0] == name)
    assert sum(map(int, re.findall(r"\((\d+)\)", what))) == total


def drawn(options: str) -> tuple[Mystery, ...]:
    """What a command of the page asks; NN is the number of a lesson."""
    parser = argparse.ArgumentParser()
    COMMANDS["quiz"][1](parser)
    given = parser.parse_args(shlex.split(options.replace("NN", "03")))
    return draw(
        Plan(
            seed=given.seed if given.seed is not None else 1, count=given.count,
            lessons=given.up_to, only=given.lessons, half=given.half,
        )
    )  # fmt: skip


def test_every_quiz_of_the_page_can_be_drawn() -> None:
    assert len(QUIZZES) >= 7
    for options in QUIZZES:
        count = re.search(r"--count (\d+)", options)
        assert len(drawn(options)) == (int(count[1]) if count else 10), options


def test_each_route_asks_about_what_it_teaches() -> None:
    days = timetables()
    taught = [days[0] + days[1], days[2] + days[3]]
    asked = [row[2] for row in rows("Routes") if row[0].startswith("two days")]
    for route, quiz in zip(taught, asked, strict=True):
        (lessons,) = re.findall(r"--lessons ([\d,]+) --half A", quiz)
        shown = {what[:2] for _, what in route if re.match(r"\d\d \(", what)}
        without_runs = {"00", "07", "15"}
        assert set(lessons.split(",")) == shown - without_runs


def test_the_last_two_runs_of_the_workshop_are_a_healthy_one_and_an_ill_one() -> None:
    """Two answers, and an hour about one of them."""
    (options,) = re.findall(r"`coursekit quiz ([^`]*)`", section("Lesson 01 in 60 minutes"))
    kinds = [stored().opened(one.name).healthy for one in drawn(options)]
    assert sorted(kinds) == [False, True]


def test_the_line_to_collect_is_one_that_the_quiz_prints() -> None:
    """As many runs, ill and healthy, as the command above it draws."""
    (line,) = blocks("Mystery runs", "text")
    first = blocks("Mystery runs")[0].splitlines()[1]
    runs = [stored().opened(m.name) for m in drawn(first.removeprefix("coursekit quiz "))]
    sound = sum(run.healthy for run in runs)
    ill = len(runs) - sound
    pattern = rf"seed 11, up to 04, half A: causes \d of {ill}, healthy called ill \d of {sound}, "
    assert re.fullmatch(pattern + rf"ill called healthy \d of {ill}\n", line)


def test_the_numbers_that_are_said_about_lesson_01_are_measured() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    case = get_case("unscaled-features")
    found = []
    for recipe in (case.broken, case.fixed):
        setup = recipe.build(seed=0, device="cpu")
        train, test = (part.tensors for part in (setup.train.dataset, setup.test))
        neighbour = KNeighborsClassifier(1).fit(*(tensor.numpy() for tensor in train))
        found.append(neighbour.score(*(tensor.numpy() for tensor in test)))
    found.append(test[1].bincount().max().item() / len(test[1]))
    adam = evidence.stored_scores(case.name, score="test_accuracy")["Adam in place of SGD"]
    found += [min(adam), max(adam)]
    said = section("Lesson 01 in 60 minutes")
    for number in found:
        assert f"{number:.2f}" in said
    share = evidence.stored_shares(case)["a smaller learning rate"]
    assert f"closes {share:.0%}".replace("%", " %") in section("Lesson by lesson")


def test_what_everyone_is_sent_names_what_there_is() -> None:
    (mail,) = blocks("A week ahead", "text")
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    (name,) = re.findall(r"^name: (.*)$", environment, flags=re.MULTILINE)
    assert f"conda activate {name}\n" in mail
    for command in re.findall(r"coursekit (\w+)\n", mail):
        assert command in COMMANDS
    assert re.search(r"^env:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_a_spoilt_notebook_comes_back(tmp_path: Path) -> None:
    shell("coursekit lab --work work --no-open", cwd=tmp_path)
    (notebook,) = (tmp_path / "work" / "notebooks").glob("03_*.ipynb")
    whole = notebook.read_bytes()
    other = tmp_path / "work" / "notebooks" / "01_unscaled_features.ipynb"
    notebook.write_text("{")
    other.write_text("mine")
    (commands,) = blocks("When something goes wrong")
    shell(commands, cwd=tmp_path)
    assert notebook.read_bytes() == whole
    assert other.read_text() == "mine"
