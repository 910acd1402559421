"""What `coursekit verify` says at its end and while it runs: doctored runs, so nothing trains."""

import io
from pathlib import Path

import pytest

from coursekit.cases import get_case
from coursekit.cli import main
from coursekit.evidence import Progress, Row, recipes, source_hash, versions, write

CASE = get_case("unscaled-features")
ORDER = ["verify", "--case", CASE.name, "--framework", "torch", "--save"]


def stored(folder: Path, **other: float) -> Path:
    """Three seeds of runs that need not be made again; the others keep .95 where not said."""
    scores = {"broken": 0.4, "fixed": 0.95, "healthy": 0.97} | other
    rows = [
        Row(
            case=CASE.name, framework="torch", recipe=name, seed=seed, threads=1,
            scores={"test_accuracy": scores.get(name.replace(" ", "_"), 0.4)}, time_s=0.0,
            source=source_hash(recipe), versions=versions("torch"),
        )
        for name, recipe in recipes(CASE, "torch").items() for seed in range(1000, 1003)
    ]  # fmt: skip
    write(folder / f"{CASE.name}.jsonl", rows)
    return folder


def test_a_case_that_keeps_the_rules_holds_and_says_its_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """(.95 − .4) / (.97 − .4) is .965."""
    assert main([*ORDER, str(stored(tmp_path))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "    the fix closes 96% of the gap to healthy" in lines
    assert lines[-2] == "1 of 1 claim held."
    runs = 3 * len(recipes(CASE, "torch"))
    assert lines[-1] == f"{runs} runs are kept in {(tmp_path / CASE.name).as_posix()}.jsonl."


def test_a_wrong_fix_better_than_the_fix_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """(1.01 − .4) / (.95 − .4) is 1.11."""
    assert main([*ORDER, str(stored(tmp_path, more_epochs=1.01))]) == 1
    shown = capsys.readouterr().out
    assert "FAILED" in shown
    assert "wrong fix 'more epochs' closes 111% of the gap: it is better than the fix" in shown
    assert "0 of 1 claim held." in shown


def test_a_fix_that_closes_too_little_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*ORDER, str(stored(tmp_path, healthy=1.2))]) == 1
    assert "the fix closes 69% of the gap to healthy; on 3 seeds" in capsys.readouterr().out


def test_a_log_gets_a_line_every_half_minute() -> None:
    """Runs end after 20, 40, 60 and 80 seconds: at 40 and at 80 thirty have passed."""
    times = iter([0.0, 20.0, 40.0, 60.0, 80.0])
    log = io.StringIO()
    with Progress(4, stream=log, clock=lambda: next(times)) as progress:
        for _ in range(4):
            progress.step("one-nan, torch")
    assert log.getvalue().splitlines() == [
        "2 of 4 runs, 40 s: one-nan, torch",
        "4 of 4 runs, 80 s: one-nan, torch",
    ]


def test_a_terminal_gets_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    with Progress(2, stream=screen) as progress:
        progress.step("one-nan, torch")
    assert "0/2" in screen.getvalue()
    assert " runs, " not in screen.getvalue()


def test_the_doctored_runs_are_taken_for_real(tmp_path: Path) -> None:
    """Else the tests above would train, and pass for another reason."""
    file = stored(tmp_path) / f"{CASE.name}.jsonl"
    before = file.read_text(encoding="utf-8")
    main([*ORDER, str(tmp_path)])
    assert file.read_text(encoding="utf-8") == before
