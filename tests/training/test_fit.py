"""`fit`: the same weights as the loop of lesson 00, and what it adds to it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.training.loop import fit

EPOCHS = 4


def rows() -> tuple[Tensor, Tensor]:
    """Sixty random rows of five features, three classes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(60, 5, generator=generator), torch.randint(3, (60,), generator=generator)


def loader() -> DataLoader[Any]:
    """Shuffled by the global generator, as most people do it."""
    return DataLoader(TensorDataset(*rows()), batch_size=16, shuffle=True)


def build() -> nn.Module:
    """With dropout and batch normalisation."""
    return nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    )


def hand_written(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """The loop of lesson 00."""
    loss_fn = nn.CrossEntropyLoss()
    data = loader()
    for _ in range(EPOCHS):
        for inputs, labels in data:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()


@pytest.mark.parametrize(
    "make", [lambda p: torch.optim.SGD(p, lr=0.1), torch.optim.Adam], ids=["sgd", "adam"]
)
def test_fit_is_the_hand_written_loop(make: Callable[..., torch.optim.Optimizer]) -> None:
    """Bit for bit, with shuffling, dropout and batch normalisation."""
    results = []
    for by_hand in (True, False):
        torch.manual_seed(0)
        model = build()
        optimizer = make(model.parameters())
        if by_hand:
            hand_written(model, optimizer)
        else:
            loss_fn = nn.CrossEntropyLoss()
            run = fit(model, loader(), loss_fn=loss_fn, optimizer=optimizer, epochs=EPOCHS)
        results.append(model.state_dict())
    for name, weight in results[0].items():
        assert torch.equal(weight, results[1][name]), name
    assert run["loss"].steps.tolist() == list(range(16))


def setup() -> dict[str, Any]:
    """The keywords of a small fit on full batches."""
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    return {
        "model": model,
        "data": [rows()],
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": EPOCHS,
    }


def test_validation_is_a_mean_over_rows() -> None:
    """In batches of unequal size, against all rows at once; in evaluation mode, then back."""
    x, y = rows()
    modes = []

    class Watched(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            modes.append(self.training)
            return super().forward(inputs)

    options = setup() | {"model": Watched(5, 3)}
    options["optimizer"] = torch.optim.SGD(options["model"].parameters(), lr=0.1)
    run = fit(**options, val=[(x[:50], y[:50]), (x[50:], y[50:])])
    with torch.no_grad():
        logits = nn.functional.linear(x, options["model"].weight, options["model"].bias)
    loss = nn.functional.cross_entropy(logits, y).item()
    accuracy = (logits.argmax(dim=1) == y).double().mean().item()
    assert run["val_loss"].steps.tolist() == [1, 2, 3, 4]
    assert run["val_loss"].values[-1] == pytest.approx(loss, rel=1e-5)
    assert run["val_accuracy"].values[-1] == pytest.approx(accuracy)
    assert modes == [True, False, False] * EPOCHS


def test_regression_has_no_accuracy() -> None:
    """Labels that are real numbers."""
    x, _ = rows()
    options = setup() | {"data": [(x, torch.randn(60, 3))], "loss_fn": nn.MSELoss()}
    assert "val_accuracy" not in fit(**options, val=options["data"])


def test_numpy_arrays_are_taken() -> None:
    """All rows at once, in single precision."""
    x, y = rows()
    run = fit(**setup() | {"data": [(x.numpy(), y.numpy())]})
    assert run["loss"].values[-1] < run["loss"].values[0]


def test_a_scheduler_is_stepped_after_each_epoch() -> None:
    """Halved each time."""
    options = setup()
    scheduler = torch.optim.lr_scheduler.ExponentialLR(options["optimizer"], 0.5)
    run = fit(**options, scheduler=scheduler)
    np.testing.assert_allclose(run["learning_rate"].values, [0.1, 0.05, 0.025, 0.0125])


def test_plateau_is_given_the_validation_loss() -> None:
    """A loss that never improves: halved after each epoch but the first."""
    options = setup()
    options["optimizer"].param_groups[0]["lr"] = 1e-12
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        options["optimizer"], factor=0.5, patience=0, eps=0
    )
    run = fit(**options, scheduler=scheduler, val=options["data"])
    np.testing.assert_allclose(run["learning_rate"].values / 1e-12, [1, 1, 0.5, 0.25])


class Interrupted:
    """Batches, until Ctrl-C is pressed in the second epoch."""

    def __init__(self) -> None:
        self.epochs = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Three batches; the second pass stops after one."""
        self.epochs += 1
        yield rows()
        if self.epochs == 2:
            raise KeyboardInterrupt
        yield rows()
        yield rows()


def test_ctrl_c_leaves_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Four steps, their readings, the weights, and a sentence that says so."""
    options = setup()
    before = options["model"].weight.detach().clone()
    run = fit(**options | {"data": Interrupted()})
    assert run["loss"].steps.tolist() == [0, 1, 2, 3]
    assert not torch.equal(before, options["model"].weight)
    assert "Stopped by hand after 4 steps, in epoch 2 of 4" in run.notes[-1]
    assert "Stopped by hand" in capsys.readouterr().out


def test_the_bar_is_shown_only_when_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    """Under pytest nobody looks, so by default there is none."""
    fit(**setup())
    assert capsys.readouterr().err == ""
    fit(**setup(), progress=True)
    assert "4/4" in capsys.readouterr().err


def test_the_model_is_moved_where_it_is_asked_for() -> None:
    """The CPU is always there; the tests see no other."""
    assert "loss" in fit(**setup(), device="cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
def test_fit_on_a_gpu() -> None:
    """Batches stay on the CPU until they are needed; the weights end up on the GPU."""
    options = setup()
    run = fit(**options, device="cuda", val=options["data"])
    assert options["model"].weight.is_cuda
    assert run["val_loss"].values[-1] < run["val_loss"].values[0]
