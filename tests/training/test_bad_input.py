"""Each mistake that `fit` meets gets one sentence: what came, what was expected, what to do."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.training.loop import fit

X = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def spoiled(values: torch.Tensor, number: float) -> torch.Tensor:
    """A copy with one entry replaced."""
    copy = values.clone()
    copy[1, 1] = number
    return copy


def trial(**changed: Any) -> Any:
    """A fit that works, with something changed."""
    model = changed.pop("model", None) or nn.Linear(2, 3)
    options = {
        "data": [(X, Y)],
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": 1,
    }
    return fit(model, **options | changed)


def test_the_trial_itself_works() -> None:
    """Else the tests below would prove nothing."""
    assert math.isfinite(trial()["loss"].values[0])


BAD_DATA = {
    "empty list": ([], "data yields no batch"),
    "empty loader": (
        DataLoader(TensorDataset(X, Y), batch_size=8, drop_last=True),
        "data yields no batch",
    ),
    "arrays, not batches": (X, r"data=\[\(x, y\)\]"),
    "a data set": (TensorDataset(X, Y), "does not yield batches"),
    "a pair of arrays": ((X, Y), r"Batch 0 of data is a Tensor of shape \(6, 2\)"),
    "inputs alone": ([(X,)], "tuple of 1, not a pair"),
    "a number": (3, "does not yield batches"),
    "NaN": ([(spoiled(X, math.nan), Y)], r"index \(1, 1\) of a batch, is NaN"),
    "infinity": ([(spoiled(X, math.inf), Y)], r"index \(1, 1\) of a batch, is infinite"),
    "text": ([(np.array([["a", "b"]] * 6), Y)], "not numbers"),
    "objects": ([(np.array([[None, 1]] * 6), Y)], "object, not numbers"),
    "doubles": ([(X.double(), Y)], r"float64, the weights of the model float32"),
    "unequal": ([(X, Y[:5])], "6 rows of inputs and 5 labels"),
    "another device": ([(X.to("meta"), Y)], "are on meta, the model is on cpu"),
    "labels too high": ([(X, Y + 1)], "run from 1 to 3, but the model has 3 outputs"),
    "labels below zero": ([(X, Y - 1)], "run from -1 to 1"),
    "labels of floats": ([(X, Y.float())], "labels of type float32"),
    "labels of int32": ([(X, Y.int())], "labels of type int32"),
    "labels as a column": ([(X, Y[:, None])], r"shape \(6, 1\) for outputs"),
}


@pytest.mark.parametrize(("data", "says"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_data_that_cannot_be_trained_on(data: Any, says: str) -> None:
    """Found in the first pass, before the batch meets an update."""
    with pytest.raises(BadInputError, match=says):
        trial(data=data)


@pytest.mark.parametrize(("data", "says"), list(BAD_DATA.values())[:2], ids=["list", "loader"])
def test_held_out_data_that_yields_nothing(data: Any, says: str) -> None:
    """It is called by its name."""
    with pytest.raises(BadInputError, match=says.replace("data", "val")):
        trial(val=data)


def test_an_iterator_that_is_used_up() -> None:
    """A generator lasts one epoch; the second says so."""
    with pytest.raises(BadInputError, match="used up"):
        trial(data=iter([(X, Y)]), epochs=2)


def test_bad_rows_leave_the_weights_alone() -> None:
    """The check comes before the update."""
    model = nn.Linear(2, 3)
    before = model.weight.detach().clone()
    with pytest.raises(BadInputError):
        trial(model=model, data=[(spoiled(X, math.nan), Y)])
    assert torch.equal(before, model.weight)


def test_ignored_labels_and_probabilities_are_allowed() -> None:
    """What cross-entropy takes must not be refused."""
    assert "loss" in trial(data=[(X, torch.tensor([0, 1, 2, -100, 0, 1]))])
    assert "loss" in trial(data=[(X, torch.full((6, 3), 1 / 3))])


def _scheduler_of_another() -> Any:
    other = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    return torch.optim.lr_scheduler.ExponentialLR(other, 0.5)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"loss_fn": nn.CrossEntropyLoss(reduction="none")}, r"shape \(6,\), and must be one"),
        ({"loss_fn": lambda *_: 1.0}, "The loss is a float"),
        ({"optimizer": torch.optim.SGD(nn.Linear(2, 3).parameters())}, "holds no weight of this"),
        ({"epochs": 0}, "epochs is 0"),
        ({"scheduler": _scheduler_of_another()}, "belongs to another optimizer"),
        ({"every": 0}, "is not a schedule"),
        ({"device": "cuda"}, "this machine offers: cpu"),
    ],
    ids=["loss per row", "loss a float", "optimizer", "epochs", "scheduler", "every", "no cuda"],
)
def test_settings_that_cannot_work(changed: dict[str, Any], says: str) -> None:
    """Each names what to do."""
    if changed.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("CUDA is here")
    with pytest.raises(BadInputError, match=says):
        trial(**changed)


def test_an_unknown_device() -> None:
    """Listed are those that exist."""
    with pytest.raises(UnknownNameError, match="Devices: auto, cpu, cuda, mps"):
        trial(device="gpu")


def test_plateau_needs_validation() -> None:
    """It watches the validation loss."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(BadInputError, match="Pass val="):
        trial(model=model, optimizer=optimizer, scheduler=scheduler)
