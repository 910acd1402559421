"""Devices, seeds, and Keras loaded without a line."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from coursekit.device import (
    available,
    describe,
    lesson_device,
    pick_device,
    seed_everything,
)
from coursekit.errors import BadInputError, UnknownNameError

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here")


def python(code: str, *, path: Path | None = None, **variables: str) -> tuple[int, str, str]:
    """Run code in a fresh interpreter; its exit status, output and errors."""
    environment = os.environ | variables | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, env=environment, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_name_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a name the variable decides."""
    monkeypatch.setenv("COURSEKIT_DEVICE", "mps:7")
    assert pick_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("COURSEKIT_DEVICE", "cpu")
    assert pick_device() == torch.device("cpu")


def test_auto_takes_the_fastest_that_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU, where there is nothing else."""
    monkeypatch.delenv("COURSEKIT_DEVICE", raising=False)
    assert pick_device() == pick_device("auto") == torch.device(available()[0])


def test_lessons_use_the_cpu_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is here."""
    monkeypatch.delenv("COURSEKIT_DEVICE")
    assert lesson_device() == torch.device("cpu")
    monkeypatch.setenv("COURSEKIT_DEVICE", "auto")
    assert lesson_device() == torch.device(available()[0])


@no_cuda
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_a_device_that_is_not_here(name: str) -> None:
    """The sentence lists what is."""
    with pytest.raises(BadInputError, match=rf"'{name}' was asked for.*offers: .*cpu"):
        pick_device(name)


def test_a_device_that_does_not_exist() -> None:
    """The sentence lists what may be asked for."""
    with pytest.raises(UnknownNameError, match=r"No device 'cdua'\. Did you mean 'cuda'\?"):
        pick_device("cdua")


def test_seeding_repeats_all_three_generators() -> None:
    """Python, numpy and torch."""

    def draw() -> tuple[float, float, float]:
        seed_everything(3)
        return random.random(), float(np.random.random()), float(torch.rand(()))

    assert draw() == draw()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7"])
def test_what_cannot_be_a_seed(seed: int) -> None:
    """A whole number from 0 to 2**32 - 1."""
    with pytest.raises(BadInputError, match="whole number from 0"):
        seed_everything(seed)


def test_the_description_is_of_this_machine() -> None:
    """As the tests see it: no GPU, one core or more."""
    machine = describe()
    assert machine.picked == "cpu"
    assert "COURSEKIT_DEVICE is set to 'cpu'" in machine.why
    assert machine.torch == torch.__version__
    assert machine.cores >= 1
    assert "tensorflow" in str(machine)


@no_cuda
def test_the_description_survives_a_device_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`coursekit info` is what one runs to find out."""
    monkeypatch.setenv("COURSEKIT_DEVICE", "cuda")
    assert describe().picked == "none"
    assert "offers: cpu" in describe().why


def test_describing_loads_no_tensorflow() -> None:
    """It costs 400 MB."""
    code = "import sys, coursekit.device as d; d.describe(); assert 'tensorflow' not in sys.modules"
    assert python(code) == (0, "", "")


def test_keras_loads_without_a_line() -> None:
    """Nothing on either stream, warnings being errors; it seeds Keras; GPUs are hidden."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    code = """
from coursekit.device import import_keras, seed_everything
keras = import_keras()
assert import_keras() is keras
def draw():
    seed_everything(1)
    return float(keras.random.uniform(()))
assert draw() == draw()
import tensorflow
assert tensorflow.config.get_visible_devices("GPU") == []
"""
    assert python(code) == (0, "", "")


ABSENT = """
import sys
from importlib.machinery import PathFinder

class WithoutKeras(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in ("tensorflow", "keras")
        return None if absent else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutKeras
"""


def test_without_tensorflow_keras_cells_say_so(tmp_path: Path) -> None:
    """The sentence says how to install it; everything else works."""
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    code = """
import torch
import coursekit
from coursekit.device import import_keras, keras_if_installed
from coursekit.errors import MissingPackageError
assert keras_if_installed() is None
for attempt in (import_keras, lambda: coursekit.KerasRecorder(probe=([[1.0]], [0]))):
    try:
        attempt()
    except MissingPackageError as error:
        assert "pip install 'coursekit[keras]'" in str(error)
    else:
        raise AssertionError("it did not notice")
model = torch.nn.Linear(1, 1)
with coursekit.record(model, torch.optim.SGD(model.parameters(), lr=0.1)):
    pass
"""
    status, out, errors = python(code, path=tmp_path)
    assert (status, errors) == (0, "")
    assert "not installed here. Install it with: pip install 'coursekit[keras]'" in out
