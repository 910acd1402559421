"""Devices, precision and memory, and Keras loaded without a line."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from coursekit.device import available, best_dtype, lesson_device, memory_bytes, pick_device
from coursekit.device.pick import choose
from coursekit.device.tensorflow import share_memory
from coursekit.errors import BadInputError, UnknownNameError

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
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


@pytest.mark.parametrize(
    ("name", "picked"),
    [
        ("auto", "cuda"),
        ("CUDA", "cuda"),
        (" cuda:1 ", "cuda:1"),
        ("cpu", "cpu"),
        ("cpu:0", "cpu:0"),
    ],
)
def test_a_name_on_a_machine_with_two_gpus(name: str, picked: str) -> None:
    """As one types it, and as torch prints it."""
    assert choose(name, ["cuda", "cuda:0", "cuda:1", "cpu"]) == picked


@pytest.mark.parametrize("name", ["cuda:2", "cuda:", "cuda:x", "mps", "cpu:1", "auto:1"])
def test_what_a_machine_with_two_gpus_does_not_offer(name: str) -> None:
    """The sentence lists what it does."""
    with pytest.raises(BadInputError, match="offers: cuda, cuda:0, cuda:1, cpu"):
        choose(name, ["cuda", "cuda:0", "cuda:1", "cpu"])


def test_a_device_that_does_not_exist() -> None:
    """The sentence lists what may be asked for."""
    with pytest.raises(UnknownNameError, match=r"No device 'cdua'\. Did you mean 'cuda'\?"):
        pick_device("cdua")


def test_a_processor_has_no_counted_memory_and_computes_in_full() -> None:
    """Also where torch is asked by the name that it prints."""
    assert memory_bytes(torch.device("cpu", 0)) is None
    assert best_dtype(torch.device("cpu", 0)) is best_dtype(torch.device("mps")) is torch.float32


@cuda
def test_memory_of_a_gpu_is_counted_to_the_byte() -> None:
    """A tensor of one MiB, there and gone."""
    device = torch.device("cuda", 0)
    before = memory_bytes(device) or 0
    tensor = torch.zeros(2**18, device=device)
    assert memory_bytes(device) == torch.cuda.memory_allocated(device) == before + 2**20
    del tensor
    assert memory_bytes(device) == before


@cuda
def test_the_precision_of_a_gpu_is_what_torch_says() -> None:
    """An oracle that reads the properties of the current device."""
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    best = best_dtype(torch.device("cuda", torch.cuda.current_device()))
    assert best is (torch.bfloat16 if native else torch.float16)


def test_keras_loads_without_a_line() -> None:
    """Nothing on either stream, warnings being errors; GPUs are hidden; a second call is free."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    code = """
from coursekit.device import import_keras
keras = import_keras()
import tensorflow
assert tensorflow.config.get_visible_devices("GPU") == []
tensorflow.constant(1.0) + 1.0
assert import_keras() is keras
"""
    assert python(code) == (0, "", "")


def test_torch_trains_after_keras_was_loaded() -> None:
    """An optimizer loads triton where torch's GPU build brought it: after TensorFlow, a crash."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    code = """
from coursekit.device import import_keras
import_keras()
import torch
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
"""
    assert python(code) == (0, "", "")


def test_tensorflow_before_triton_is_told_of_before_the_crash() -> None:
    """And triton before TensorFlow, by one's own hand, is fine."""
    for package in ("tensorflow", "triton"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    code = """
import warnings
import {first}
import {second}
from coursekit.device import import_keras
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import_keras()
print(["import triton first" in str(one.message) for one in caught])
"""
    assert python(code.format(first="tensorflow", second="sys"))[:2] == (0, "[True]\n")
    assert python(code.format(first="triton", second="tensorflow"))[:2] == (0, "[]\n")


class UsedTensorFlow:
    """TensorFlow after its first use of a GPU, which no machine without one can bring about.

    Its `set_memory_growth` raises what TensorFlow's documents for it.
    """

    def __init__(self, error: Exception | None) -> None:
        self.grown: list[str] = []
        self.config = SimpleNamespace(
            get_visible_devices=lambda kind: ["GPU:0", "GPU:1"] if kind == "GPU" else [],
            experimental=SimpleNamespace(set_memory_growth=self._set_memory_growth),
        )
        self._error = error

    def _set_memory_growth(self, gpu: str, enable: bool) -> None:
        if self._error is not None:
            raise self._error
        assert enable
        self.grown.append(gpu)


def test_tensorflow_shares_every_gpu_or_says_that_it_is_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not where each GPU has a limit of its own, nor where the variable set it in time."""
    fresh = UsedTensorFlow(None)
    assert share_memory(fresh)
    assert fresh.grown == ["GPU:0", "GPU:1"]
    assert share_memory(UsedTensorFlow(ValueError("virtual devices configured")))
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    assert not share_memory(UsedTensorFlow(RuntimeError("already initialized")))
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    assert share_memory(UsedTensorFlow(RuntimeError("already initialized")))


@cuda
@pytest.mark.parametrize("used", [False, True])
def test_tensorflow_and_torch_on_one_gpu(used: bool) -> None:
    """Before first use memory grows; after it, one warning."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    code = f"""
import warnings
from contextlib import suppress
with suppress(ImportError):
    import triton
import tensorflow
gpus = tensorflow.config.list_physical_devices("GPU")
if not gpus:
    raise SystemExit(5)
if {used}:
    tensorflow.constant(1.0) + 1.0
from coursekit.device import import_keras
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import_keras()
assert [("Restart the kernel" in str(one.message)) for one in caught] == [True] * {used}
assert bool(tensorflow.config.experimental.get_memory_growth(gpus[0])) is not {used}
"""
    status, _, errors = python(code, COURSEKIT_DEVICE="cuda")
    if status == 5:
        pytest.skip("this TensorFlow sees no GPU")
    assert status == 0, errors


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
