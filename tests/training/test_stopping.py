"""Early stopping: when, and with which weights."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.training.loop import fit
from coursekit.training.stopping import Patience
from coursekit.vitals.torch import record

ONE = torch.ones(1, 1)


class Rising(nn.Module):
    """One weight, to which SGD with rate 1 adds 1 at each step: see `climb`."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, _: Tensor) -> Tensor:
        """The weight itself."""
        return self.weight


def climb(model: Rising, best: float, **options: Any) -> Any:
    """Training raises the weight by 1 an epoch; the validation loss is its distance to `best`."""

    def loss(weight: Tensor, _: Tensor) -> Tensor:
        return -weight if model.training else (weight - best).abs()

    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    chosen: Any = {"epochs": 20, "val": [(ONE, ONE)]} | options
    return fit(model, [(ONE, ONE)], loss_fn=loss, optimizer=optimizer, **chosen)


@pytest.mark.parametrize(("best", "patience"), [(3, 2), (3, 1), (5, 4)])
def test_it_stops_and_puts_the_best_weights_back(best: int, patience: int) -> None:
    """The weight is `best` after as many epochs; the run ends `patience` epochs later."""
    model = Rising()
    run = climb(model, best, patience=patience)
    assert len(run["val_loss"].values) == best + patience
    assert model.weight.item() == best
    assert f"Stopped early after epoch {best + patience}" in run.notes[-1]
    assert f"after epoch {best};" in run.notes[-1]


def test_a_run_that_ends_by_itself_has_the_best_weights_too() -> None:
    """Six epochs, the third the best, and a patience that is never exhausted."""
    model = Rising()
    run = climb(model, 3, patience=10, epochs=6)
    assert model.weight.item() == 3
    assert "Stopped early" not in run.notes[-1]


@pytest.mark.parametrize("val", [[(ONE, ONE)], None], ids=["validated", "not"])
def test_the_model_is_left_in_training_mode(val: Any) -> None:
    model = Rising()
    climb(model, 3, val=val, epochs=1)
    assert model.training


def test_without_patience_nothing_is_put_back() -> None:
    """The weights are those of the last step."""
    model = Rising()
    climb(model, 3, epochs=6)
    assert model.weight.item() == 6


def test_running_statistics_are_put_back_too() -> None:
    """They belong to the weights that they were gathered with."""
    model = nn.BatchNorm1d(1, momentum=1.0)
    patience = Patience(model, 1)
    model(torch.tensor([[1.0], [3.0]]))
    patience.after_epoch({"val_loss": 1.0})
    model(torch.tensor([[7.0], [9.0]]))
    patience.after_epoch({"val_loss": 2.0})
    assert patience.over()

    with record(model, torch.optim.SGD(model.parameters(), lr=0.1)) as vitals:
        patience.put_back_best(vitals)
    assert model.running_mean.item() == 2.0


def test_a_validation_loss_that_is_not_finite_is_never_the_best() -> None:
    """NaN from the first epoch on: the patience runs out, and no weights are kept."""
    model = Rising()
    run = climb(model, float("nan"), patience=3)
    assert len(run["val_loss"].values) == 3
    assert model.weight.item() == 3
    assert run.notes[-1].startswith("Stopped early after epoch 3: val_loss was never finite.")


def test_patience_needs_validation() -> None:
    """It watches the validation loss."""
    with pytest.raises(BadInputError, match="Pass val="):
        climb(Rising(), 3, patience=2, val=None)
