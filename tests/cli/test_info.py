"""`coursekit info`, as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from coursekit.cli import main
from coursekit.device import available


def test_info_as_json_holds_every_fact(capsys: pytest.CaptureFixture[str]) -> None:
    """The same names as the attributes of `Machine`, GPUs as data of their own."""
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["devices"] == list(available())
    assert (facts["picked"], facts["torch"]) == ("cpu", torch.__version__)
    assert len(facts["accelerators"]) == len(facts["gpus"])
    assert isinstance(facts["problems"], list)


def test_info_is_a_table_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A fact a line, its name first."""
    assert main(["info"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[:6] == ["python", "system", "cores", "memory", "torch", "tensorflow"]
    assert "picked" in names


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.skipif(torch.version.cuda is not None, reason="torch is a CUDA build")
def test_a_gpu_that_torch_cannot_use_is_a_problem_in_words(tmp_path: Path) -> None:
    """A whole process, on a machine whose driver answers; it is no failure."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 4060, GPU-1, 8000'\n")
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "coursekit", "info"],
        capture_output=True, text=True, check=False, env=os.environ | {"PATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    (problem,) = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert "GeForce RTX 4060" in problem
