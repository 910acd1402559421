"""`fit`: the same weights as the loop of lesson 00, and what it adds to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.errors import BadInputError
from coursekit.training.batches import moved
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


def test_one_logit_has_no_accuracy() -> None:
    """The largest of one output is the first: the share of class 0, whatever the model says."""
    x, _ = rows()
    model = nn.Linear(5, 1)
    options = setup() | {
        "model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "data": [(x, (x[:, 0] > 0).long())],
        "loss_fn": lambda o, t: nn.functional.binary_cross_entropy_with_logits(o[:, 0], t.float()),
    }  # fmt: skip
    assert "val_accuracy" not in fit(**options, val=options["data"])


def test_a_loss_of_one_entry_is_one_number() -> None:
    """Of shape (1,), which ``backward`` takes as well as ()."""
    options = setup() | {"loss_fn": lambda out, y: nn.functional.cross_entropy(out, y)[None]}
    run = fit(**options, val=options["data"])
    assert run["val_loss"].values[-1] < run["val_loss"].values[0]


def test_numpy_arrays_are_taken() -> None:
    """All rows at once, in single precision."""
    x, y = rows()
    run = fit(**setup() | {"data": [(x.numpy(), y.numpy())]})
    assert run["loss"].values[-1] < run["loss"].values[0]


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


def test_the_model_is_moved_where_it_is_asked_for() -> None:
    """The CPU is always there; the tests see no other."""
    assert "loss" in fit(**setup(), device="cpu")


class Lookup(nn.Module):
    """Finds a vector for each of two numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 3)

    def forward(self, numbers: Tensor) -> Tensor:
        """Of shape (rows, 2) to (rows, 3)."""
        return self.table(numbers).mean(dim=1)


def test_inputs_may_be_whole_numbers() -> None:
    """As an embedding takes them."""
    model = Lookup()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    data = [(torch.tensor([[0, 1], [2, 9]]), torch.tensor([0, 2]))]
    run = fit(model, data, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=9)
    assert run["loss"].values[-1] < run["loss"].values[0]


def test_a_loss_with_numbers_of_its_own_goes_where_the_model_is() -> None:
    """Class weights stay behind when a model is moved by hand; here the loss is moved too."""
    options = setup() | {"loss_fn": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))}
    assert "loss" in fit(**options, device="cpu")
    assert options["loss_fn"].weight.device.type == "cpu"


def test_arrays_stay_on_the_host_under_a_default_device() -> None:
    """There they are looked at, and from there they are sent."""
    x, y = rows()
    options = setup() | {"data": [(x.numpy(), y.numpy())]}
    with torch.device("meta"):
        run = fit(**options)
    assert len(run["loss"].steps) == EPOCHS


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
def test_fit_on_a_gpu() -> None:
    """Batches stay on the CPU until they are needed; the weights end up on the GPU."""
    options = setup() | {"loss_fn": nn.CrossEntropyLoss(weight=torch.ones(3))}
    run = fit(**options, device="cuda", val=options["data"])
    assert options["model"].weight.is_cuda
    assert run["val_loss"].values[-1] < run["val_loss"].values[0]


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_an_optimizer_with_numbers_on_another_gpu_stays_there() -> None:
    """What Adam keeps of the gradients does not move with the model."""
    options = setup() | {"epochs": 1}
    options["optimizer"] = torch.optim.Adam(options["model"].parameters())
    fit(**options, device="cuda:0")
    fit(**options, device="cuda")
    with pytest.raises(BadInputError, match="has made steps on cuda:0 already"):
        fit(**options, device="cuda:1")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
def test_copies_to_a_gpu_are_pinned() -> None:
    """What is not pinned yet is pinned, and the values arrive."""
    for sent in (torch.arange(1000.0), torch.arange(1000.0).pin_memory()):
        there = moved(sent, torch.device("cuda", 0))
        assert torch.equal(there.cpu(), torch.arange(1000.0))
