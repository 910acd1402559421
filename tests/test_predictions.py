"""The store of predictions: nothing is lost, whatever happens while it is written."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from coursekit.errors import BadInputError
from coursekit.predictions import Prediction, PredictionError, Predictions, home

SCALE = Prediction(key="01-fix", choice="D", answer="scale", confidence="think", reason="a hunch")

WRITER = """
import sys
from pathlib import Path
from coursekit.predictions import Prediction, Predictions
store, name, times = Predictions(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(times):
    store.save(Prediction(key="01-fix", choice="A", answer=name, confidence="guess",
                          reason=str(number)))
    print(number, flush=True)
"""


def writer(folder: Path, name: str, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_saved_prediction_comes_back_and_earlier_ones_are_kept(tmp_path: Path) -> None:
    store = Predictions(tmp_path)
    first = store.save(SCALE)
    second = store.save(replace(SCALE, choice="A", answer="epochs", confidence="sure"))
    store.save(replace(SCALE, key="02-first"))

    again = Predictions(tmp_path)
    assert again.history("01-fix") == (first, second)
    assert again.latest("01-fix") == second
    assert again.latest("03-none") is None
    assert second.time >= first.time > "2000"
    assert (second.lesson, second.reason) == ("01", "a hunch")


def test_the_folder_is_the_one_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "mine"))
    Predictions().save(SCALE)
    assert (tmp_path / "mine" / "predictions.json").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is Linux's")
def test_without_it_the_folder_is_the_platforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSEKIT_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "coursekit"


@pytest.mark.parametrize("key", ["fix", "1-fix", "01-", "01-Fix", "01_fix", "01-fix\n", ""])
def test_a_key_that_names_no_lesson_is_refused(key: str) -> None:
    with pytest.raises(BadInputError, match=r"names no lesson and question\. Write two digits"):
        replace(SCALE, key=key)


def test_an_unknown_confidence_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"'certain'\. It must be one of: guess, think, sure"):
        replace(SCALE, confidence="certain")  # type: ignore[arg-type]


GOOD = json.dumps(
    {"schema": "coursekit-predictions", "version": 1, "answers": {"01-fix": [{"key": "01-fix"}]}}
)


@pytest.mark.parametrize(
    "damaged",
    [GOOD[:40].encode(), b"", b"\xff\xfe\x00", b"[]", b'{"schema": "other"}', GOOD.encode()],
    ids=["cut off", "empty", "not text", "a list", "another schema", "an entry without fields"],
)
def test_a_damaged_file_is_set_aside_whole(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "predictions.json").write_bytes(damaged)
    store = Predictions(tmp_path)
    assert store.latest("01-fix") is None

    (aside,) = tmp_path.glob("predictions.damaged-*.json")
    assert aside.read_bytes() == damaged
    assert aside.name in store.notice
    assert str(tmp_path) in store.notice

    store.save(SCALE)
    assert store.notice == ""
    assert len(Predictions(tmp_path).history("01-fix")) == 1
    assert aside.read_bytes() == damaged


def test_a_damaged_file_met_while_saving_is_set_aside_and_the_answer_kept(tmp_path: Path) -> None:
    (tmp_path / "predictions.json").write_text("{", encoding="utf-8")
    store = Predictions(tmp_path)
    store.save(SCALE)
    assert "was damaged" in store.notice
    assert len(list(tmp_path.glob("predictions.damaged-*.json"))) == 1
    assert len(store.history("01-fix")) == 1


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    newer = GOOD.replace('"version": 1', '"version": 2')
    path = tmp_path / "predictions.json"
    path.write_text(newer, encoding="utf-8")
    for access in (lambda s: s.latest("01-fix"), lambda s: s.save(SCALE)):
        with pytest.raises(PredictionError, match="has version 2; this coursekit reads up to 1"):
            access(Predictions(tmp_path))
    assert path.read_text(encoding="utf-8") == newer
    assert not list(tmp_path.glob("predictions.damaged-*"))


def test_a_folder_that_cannot_be_written_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    store = Predictions(tmp_path / "a file" / "home")  # holds for root too, unlike a mode
    with pytest.raises(PredictionError, match=r"was not saved: .*set COURSEKIT_HOME to a folder"):
        store.save(SCALE)


@pytest.mark.parametrize("rounds", [1, 25])
def test_a_kill_while_writing_leaves_all_that_was_saved(tmp_path: Path, rounds: int) -> None:
    process = writer(tmp_path, "victim", 100_000)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(rounds)]
    time.sleep(0.003)  # into the middle of the next ones
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    process.stdout.close()
    process.wait()

    store = Predictions(tmp_path)
    kept = [int(prediction.reason) for prediction in store.history("01-fix")]
    assert store.notice == ""
    assert kept == list(range(len(kept)))
    assert len(kept) >= len(said) + len(rest)
    store.save(SCALE)  # and the lock of the dead process holds nobody up
    assert store.latest("01-fix") is not None


def test_two_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    both = [writer(tmp_path, name, 40) for name in ("left", "right")]
    for process in both:
        process.communicate(timeout=120)
        assert process.returncode == 0
    saved = Predictions(tmp_path).history("01-fix")
    for name in ("left", "right"):
        own = [int(each.reason) for each in saved if each.answer == name]
        assert own == list(range(40))


def test_two_threads_in_one_process_take_turns_too(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Predictions(tmp_path).save(SCALE), range(40)))
    assert len(Predictions(tmp_path).history("01-fix")) == 40
