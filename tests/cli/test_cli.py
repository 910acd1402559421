"""The commands as a person types them: real processes, real runs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coursekit.cases import CASES
from coursekit.cli import main
from coursekit.evidence import read

ONE = ["verify", "--case", "unscaled-features", "--framework", "torch"]


def coursekit(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "coursekit", *arguments], capture_output=True, text=True, check=False
    )


def test_cases_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(named) == sorted(case.name for case in CASES)
    assert lines[-1] == f"{len(CASES)} cases. One in full: coursekit cases NAME"


def test_cases_as_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert {"name", "family", "kind", "question", "lesson", "frameworks", "rivals", "sources"} <= (
        first.keys()
    )
    assert first["frameworks"] == ["torch", "keras"]
    assert first["sources"][0].keys() == {"key", "title", "section"}


def test_one_case_shows_diff_claim_and_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "unscaled-features"]) == 0
    shown = capsys.readouterr().out
    assert "+x = StandardScaler().fit(x[rows]).transform(x)" in shown
    for framework in ("torch", "keras"):
        line = next(line for line in shown.splitlines() if f"Evidence, {framework}" in line)
        assert "held on 20 seeds (1 thread)" in line
    assert "a smaller learning rate (closes " in shown


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_script_of_a_case_runs_as_a_file(framework: str, tmp_path: Path) -> None:
    if framework == "keras":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    done = coursekit("cases", "label-dtype", "--script", "fixed", "--framework", framework)
    program = tmp_path / "program.py"
    program.write_text(done.stdout)
    ran = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("{'test_accuracy': ")


def test_the_diff_may_be_that_of_keras(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "unscaled-features", "--framework", "keras"]) == 0
    shown = capsys.readouterr().out
    assert "torch.tensor" not in shown
    assert "of the gap to healthy in PyTorch." in shown
    assert "% of the gap in PyTorch): " in shown
    assert shown.endswith("unscaled-features --script broken --framework keras\n")


def test_what_holds_in_keras_is_the_claim_of_the_twin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "input-size-mismatch", "--framework", "keras"]) == 0
    shown = capsys.readouterr().out
    assert "Claim: every broken run ends in RuntimeError ('mat1 and mat2" in shown
    assert "Claim in Keras: every broken run ends in ValueError ('is incompatible" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--script", "broken"], "--script prints one program: coursekit cases unscaled-features"),
        (["one-nan", "--script", "broken", "--json"], "--script prints one program"),
        (["weight-norm", "--framework", "keras"], "'weight-norm' has no broken program in Keras"),
    ],
    ids=["no-name", "json", "no-twin"],
)
def test_a_script_that_there_is_none_of(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cases", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_an_unknown_case_is_a_sentence_and_exit_two() -> None:
    done = coursekit("cases", "vanishing")
    assert done.returncode == 2
    assert done.stderr.startswith("coursekit: No case 'vanishing'.")
    assert "Traceback" not in done.stderr


def test_verify_prints_the_verdict_and_exits_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ONE, "--seeds", "1", "--first-seed", "41000"]) == 0
    shown = capsys.readouterr().out
    assert "held" in shown
    assert "wrong fix: more epochs closes" in shown


def test_verify_as_json_and_resumed_from_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = [*ONE, "--seeds", "1", "--first-seed", "41000", "--save", str(tmp_path), "--json"]
    assert main(plan) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["standings"][0]["judgement"]["held"] is True
    assert main(plan) == 0
    again = json.loads(capsys.readouterr().out)
    assert [row["time_s"] for row in again["rows"]] == [row["time_s"] for row in first["rows"]]


def test_a_claim_that_fails_exits_one(tmp_path: Path) -> None:
    """The stored fixed runs are doctored to the broken score: the verdict must turn."""
    plan = [*ONE, "--seeds", "1", "--first-seed", "41000", "--save", str(tmp_path), "--json"]
    assert coursekit(*plan).returncode == 0
    path = tmp_path / "unscaled-features.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["scores"]["test_accuracy"] = 0.4
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    done = coursekit(*plan)
    assert done.returncode == 1
    assert json.loads(done.stdout)["standings"][0]["judgement"]["held"] is False


def test_interrupt_keeps_what_was_done_and_says_so(tmp_path: Path) -> None:
    command = [*ONE, "--seeds", "500", "--save", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "coursekit", *command], stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env=os.environ,
        # A test run in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    path = tmp_path / "unscaled-features.jsonl"
    deadline = time.monotonic() + 120
    try:
        while len(read(path)) < 8 and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    kept = len(read(path))
    assert kept >= 8
    assert f"Stopped after {kept} of 4000 runs." in said
    assert "Traceback" not in said
    assert "held" in shown


@pytest.mark.parametrize("seeds", ["0", "-1", "many"])
def test_a_bad_number_of_seeds_is_refused(seeds: str) -> None:
    done = coursekit("verify", f"--seeds={seeds}")
    assert done.returncode == 2
    assert "is not a whole number of at least 1" in done.stderr


def test_info_names_the_picked_device() -> None:
    done = coursekit("info", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["picked"] == "cpu"


def test_info_says_in_words_that_the_named_device_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COURSEKIT_DEVICE", "tpu")
    done = coursekit("info")
    assert done.returncode == 0
    assert "No device 'tpu'" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes")
def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "coursekit", "cases"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert said == ""


def test_lab_makes_the_copy_and_opens_nothing(tmp_path: Path) -> None:
    """JupyterLab would not end by itself: the command would run into the limit."""
    command = [sys.executable, "-m", "coursekit", "lab", "--work", "mine", "--no-open"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("Copied: notebooks/00_start_here.ipynb, ")
    made = {path.name for path in (tmp_path / "mine").iterdir()}
    assert made == {".coursekit.json", "exercises", "notebooks"}
