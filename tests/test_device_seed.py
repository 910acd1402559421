"""What `seed_everything` repeats, in processes of their own, and that it says so."""

import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from coursekit.device import seed_everything
from coursekit.device.seed import promise
from coursekit.errors import BadInputError

THREE = ("python", "numpy", "torch")

TRAIN = """
import random, sys
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from coursekit.device import seed_everything

class Noisy(Dataset):
    def __len__(self):
        return 32
    def __getitem__(self, index):
        noise = random.random() + np.random.rand() + float(torch.rand(()))
        return torch.full((4,), index / 32 + noise)

if __name__ == "__main__":
    seeded = seed_everything(5, deterministic=DETERMINISTIC)
    device = torch.device("DEVICE")
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(), torch.nn.Linear(8, 1))
    model = model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    loader = DataLoader(Noisy(), batch_size=8, shuffle=True, num_workers=2)
    for epoch in range(2):
        for batch in loader:
            optimizer.zero_grad()
            model(batch.to(device)).square().mean().backward()
            optimizer.step()
    weights = torch.cat([weight.detach().flatten() for weight in model.parameters()]).cpu()
    print(weights.numpy().tobytes().hex())
"""


def output(code: str, **variables: str) -> str:
    """What a fresh interpreter prints; it must not complain."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=False, timeout=180, env=os.environ | variables,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def training(device: str, *, deterministic: bool) -> str:
    """The final weights of a run with shuffling, dropout, and workers that draw noise."""
    code = TRAIN.replace("DETERMINISTIC", str(deterministic)).replace("DEVICE", device)
    return output(code)


def test_two_runs_in_two_processes_are_equal_to_the_bit() -> None:
    """Shuffling, dropout, and two workers of a loader that draw from three generators."""
    first = training("cpu", deterministic=False)
    assert len(first) == 2 * 4 * (4 * 8 + 8 + 8 + 1) + 1
    assert first == training("cpu", deterministic=False)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_two_deterministic_runs_on_a_gpu_are_equal_to_the_bit() -> None:
    assert training("cuda", deterministic=True) == training("cuda", deterministic=True)


def test_seeding_repeats_all_three_generators() -> None:
    """Python, numpy and torch; another seed gives other numbers."""

    def draw(seed: int) -> tuple[float, float, float]:
        seed_everything(seed)
        return random.random(), float(np.random.random()), float(torch.rand(()))

    assert draw(3) == draw(3)
    assert not set(draw(3)) & set(draw(4))
    assert draw(np.int64(3)) == draw(3)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7"])
def test_what_cannot_be_a_seed(seed: int) -> None:
    """A whole number from 0 to 2**32 - 1."""
    with pytest.raises(BadInputError, match="whole number from 0"):
        seed_everything(seed)


def test_keras_and_tensorflow_are_seeded_and_made_deterministic() -> None:
    """Where they are loaded; the last word is TensorFlow's own."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    code = """
from coursekit.device import import_keras, seed_everything
assert seed_everything(1).generators == ("python", "numpy", "torch")
assert any(line.startswith("Keras") for line in seed_everything(1).varies)
keras = import_keras()
import tensorflow
from tensorflow.python.framework.config import is_op_determinism_enabled
def draw():
    seeded = seed_everything(1)
    assert seeded.generators == ("python", "numpy", "torch", "tensorflow", "keras")
    assert not any(line.startswith("Keras") for line in seeded.varies)
    return float(keras.random.uniform(())), float(tensorflow.random.uniform(()))
assert draw() == draw()
assert not is_op_determinism_enabled()
seed_everything(1, deterministic=True)
assert is_op_determinism_enabled()
"""
    assert output(code) == ""


def test_deterministic_makes_torch_raise_where_it_has_no_fixed_order() -> None:
    """`put_` without accumulation has none, on the CPU either. Later calls say that it is on."""
    code = """
import os, torch
from coursekit.device import seed_everything
def put():
    torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
assert not seed_everything(0).deterministic
put()
assert seed_everything(0, deterministic=True).deterministic
assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (True, False)
try:
    put()
except RuntimeError as error:
    assert "deterministic" in str(error)
else:
    raise AssertionError("it ran")
assert seed_everything(0).deterministic
"""
    assert output(code) == ""


def test_a_workspace_that_repeats_is_left_as_the_user_set_it() -> None:
    """The other that cuBLAS knows stays; anything else is replaced."""
    code = """
import os
from coursekit.device import seed_everything
seed_everything(0, deterministic=True)
print(os.environ["CUBLAS_WORKSPACE_CONFIG"])
"""
    assert output(code, CUBLAS_WORKSPACE_CONFIG=":16:8") == ":16:8\n"
    assert output(code, CUBLAS_WORKSPACE_CONFIG=":0:0") == ":4096:8\n"


def test_its_repr_is_one_short_line_and_print_says_all() -> None:
    """The last line of a cell shows it."""
    seeded = seed_everything(7)
    assert "\n" not in repr(seeded)
    assert repr(seeded).startswith("Seeded(7): python, numpy, torch")
    shown = str(seeded).splitlines()
    assert shown[0] == repr(seeded)
    assert len(shown) == 1 + len(seeded.repeats) + len(seeded.varies)


def test_it_knows_of_a_fixed_hash() -> None:
    """The order of a set of strings repeats only if Python was started so."""
    code = (
        "from coursekit.device import seed_everything\n"
        "print(any('PYTHONHASHSEED' in line for line in seed_everything(0).varies))"
    )
    assert output(code, PYTHONHASHSEED="0") == "False\n"
    assert output(code, PYTHONHASHSEED="random") == "True\n"


@pytest.mark.parametrize(
    ("kinds", "deterministic", "late", "cuda_repeats"),
    [
        (["cuda", "cpu"], False, False, False),
        (["cuda", "cpu"], True, False, True),
        (["cuda", "cpu"], True, True, False),
        (["mps", "cpu"], True, False, None),
        (["cpu"], True, False, None),
    ],
)
def test_what_is_promised_on_which_device(
    kinds: list[str], deterministic: bool, late: bool, cuda_repeats: bool | None
) -> None:
    """The CPU always; CUDA only if told in time; MPS never; no word on a device not here."""
    seeded = promise(0, generators=THREE, kinds=kinds, deterministic=deterministic, late=late)
    same = {line.split(":")[0] for line in seeded.repeats}
    other = {line.split(":")[0] for line in seeded.varies}
    assert "On the CPU" in same
    assert ("On cuda" in same) is (cuda_repeats is True)
    assert ("On cuda" in other) is (cuda_repeats is False)
    assert ("On mps" in other) is ("mps" in kinds)
    assert ("on another machine" in seeded.summary) is (
        "mps" not in kinds and cuda_repeats is not False
    )
    all_of_them = replace(seeded, generators=(*THREE, "tensorflow", "keras"))
    assert len(repr(all_of_them)) <= 100
