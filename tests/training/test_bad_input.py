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
    "a dict": ([({"left": torch.ones(6, 2), "right": torch.ones(6, 2)}, Y)], "takes one tensor"),
    "two tensors": ([((torch.ones(6, 2), torch.ones(6, 2)), Y)], "takes one tensor"),
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


@pytest.mark.parametrize("name", ["data", "val"])
def test_an_iterator_lasts_one_epoch(name: str) -> None:
    """For two it is refused before the first: an epoch of hours is not trained in vain."""
    assert len(trial(**{name: iter([(X, Y)])})["loss"].values) == 1
    left = iter([(X, Y)])
    with pytest.raises(BadInputError, match=f"{name} is a list_iterator, which is used up after"):
        trial(**{name: left}, epochs=2)
    assert len(list(left)) == 1


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


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"loss_fn": nn.CrossEntropyLoss(reduction="none")}, r"shape \(6,\), and must be one"),
        ({"loss_fn": lambda *_: 1.0}, "The loss is a float"),
        ({"loss_fn": nn.MSELoss}, r"is the class MSELoss, .* Pass MSELoss\(\), with brackets"),
        ({"loss_fn": "mse"}, "loss_fn is a str. Pass a function"),
        ({"optimizer": torch.optim.SGD}, "The optimizer is the class SGD"),
        ({"optimizer": torch.optim.SGD(nn.Linear(2, 3).parameters())}, "holds no weight of this"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": True}, "epochs is True"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"patience": 1.5, "val": [(X, Y)]}, "patience is 1.5"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0"),
        ({"clip_norm": math.inf}, "clip_norm is inf"),
        ({"every": 0}, "is not a schedule"),
        ({"device": "cuda"}, "this machine offers: cpu"),
    ],
    ids=[
        "loss per row",
        "loss a float",
        "loss a class",
        "loss a name",
        "optimizer a class",
        "optimizer",
        "no epochs",
        "epochs",
        "accumulate",
        "patience",
        "clip at nothing",
        "clip at infinity",
        "every",
        "no cuda",
    ],
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


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda out, y: nn.functional.cross_entropy(out.detach(), y),
        lambda out, y: (out.argmax(dim=1) == y).float().mean(),
        lambda out, y: torch.zeros((), requires_grad=True) * len(out),
    ],
    ids=["detached", "accuracy", "of something else"],
)
def test_a_loss_that_does_not_depend_on_the_weights(loss_fn: Any) -> None:
    """Cut off from the graph, not differentiable, or computed from something else."""
    with pytest.raises(BadInputError, match="does not depend on the weights"):
        trial(loss_fn=loss_fn)


@pytest.mark.parametrize(
    "loss_fn",
    [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss(), nn.functional.mse_loss],
)
def test_labels_that_would_be_stretched(loss_fn: Any) -> None:
    """Outputs (6, 1) less labels (6,) are 36 differences; torch only warns."""
    with pytest.raises(
        BadInputError, match=r"outputs of shape \(6, 1\) and labels of shape \(6,\)"
    ):
        trial(model=nn.Linear(2, 1), loss_fn=loss_fn, data=[(X, Y.float())])


@pytest.mark.parametrize(
    "loss_fn",
    [nn.functional.cross_entropy, lambda out, y: nn.functional.nll_loss(out.log_softmax(1), y)],
    ids=["function", "lambda"],
)
def test_labels_out_of_range_of_a_loss_function(loss_fn: Any) -> None:
    """A function has no name to know it by: it is tried on the host."""
    with pytest.raises(BadInputError, match="run from 1 to 3, but the model has 3 outputs"):
        trial(loss_fn=loss_fn, data=[(X, Y + 1)])


def test_labels_out_of_range_of_weights_in_a_group() -> None:
    """They are counted before the loss meets them."""
    with pytest.raises(BadInputError, match="run from 1 to 3, but the model has 3 outputs"):
        trial(
            loss_fn=nn.CrossEntropyLoss(weight=torch.ones(3)), data=[(X, Y + 1)] * 2, accumulate=2
        )


def test_a_loss_function_that_ignores_a_label_may_have_it() -> None:
    """As 255 in pictures cut into regions; also in validation."""
    labels = torch.where(Y == 2, 255, Y)
    run = trial(
        loss_fn=lambda out, y: nn.functional.cross_entropy(out, y, ignore_index=255),
        data=[(X, labels)],
        val=[(X, labels)],
    )
    assert math.isfinite(run["val_loss"].values[0])


def test_labels_out_of_range_in_validation() -> None:
    """Found before the loss meets them there, too."""
    with pytest.raises(BadInputError, match="run from 1 to 3"):
        trial(val=[(X, Y + 1)])


class Custom(nn.Module):
    """Fails by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Never gives anything."""
        raise RuntimeError("a fault of mine")


@pytest.mark.parametrize(
    ("model", "inputs", "says"),
    [
        (nn.Linear(4, 3), X, r"Layer '', Linear.*input of shape \(6, 2\): .*mat1 and mat2"),
        (
            nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(4, 3)),
            X,
            r"Layer '2', Linear.*input of shape \(6, 5\)",
        ),
        (nn.Sequential(nn.Conv2d(1, 2, 3)), X, r"Layer '0', Conv2d.*of shape \(6, 2\)"),
        (
            nn.Sequential(nn.Embedding(3, 4), nn.Flatten(), nn.Linear(4, 3)),
            Y[:, None] + 5,
            r"Layer '0', Embedding\(3, 4\), cannot take its input of shape \(6, 1\): index out",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2), nn.Linear(2, 3)),
            X[:1],
            "Layer '1', Batch",
        ),
    ],
    ids=["first layer", "a later one", "no picture", "no such number", "one row"],
)
def test_inputs_that_a_layer_cannot_take(model: Any, inputs: Any, says: str) -> None:
    """The layer is named, with its input's shape and what torch says."""
    with pytest.raises(BadInputError, match=says):
        trial(model=model, data=[(inputs, Y[: len(inputs)])])


def test_errors_of_the_models_own_pass_as_they_are() -> None:
    """What a model raises by itself is not about its layers."""
    with pytest.raises(RuntimeError, match="a fault of mine"):
        trial(model=Custom())


def test_an_optimizer_that_needs_another_loop() -> None:
    """It wants a closure."""
    model = nn.Linear(2, 3)
    with pytest.raises(BadInputError, match="through a closure"):
        trial(model=model, optimizer=torch.optim.LBFGS(model.parameters()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
@pytest.mark.parametrize("loss_fn", [nn.CrossEntropyLoss(), nn.functional.cross_entropy])
def test_labels_out_of_range_do_not_kill_a_gpu(loss_fn: Any) -> None:
    """Found on the host, in the first pass and later: the GPU still computes afterwards."""

    class Turning:
        passes = 0

        def __iter__(self) -> Any:
            self.passes += 1
            yield X, Y + (self.passes == 2)

    for data in ([(X, Y + 1)], Turning()):
        with pytest.raises(BadInputError, match="run from 1 to 3"):
            trial(data=data, loss_fn=loss_fn, device="cuda", epochs=3)
    assert torch.ones(2, device="cuda").sum().item() == 2
