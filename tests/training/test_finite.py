"""A loss that is not finite: the run ends before the weights take it, and says where it began."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.training.finite import NotFinite, check_weights
from coursekit.training.loop import fit

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def said(run: Any) -> str:
    """The note on why the run was stopped."""
    (sentence,) = (note for note in run.notes if note.startswith("Stopped"))
    return str(sentence)


class Logarithm(nn.Module):
    """Of numbers that may be negative."""

    def forward(self, x: Tensor) -> Tensor:
        """NaN below zero."""
        return x.log()


class Bare(nn.Module):
    """Computes outside its layers: before the second one, or after it."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 3)
        self.where = where

    def forward(self, x: Tensor) -> Tensor:
        """A logarithm of negative numbers, in one of two places."""
        hidden = self.first(x)
        if self.where == "between":
            hidden = hidden.abs().neg().log()
        outputs: Tensor = self.second(hidden)
        return outputs.abs().neg().log() if self.where == "after" else outputs


def trial(model: nn.Module, data: Any = None, **options: Any) -> Any:
    """Three epochs, and the weights before them."""
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    chosen: Any = {"loss_fn": nn.CrossEntropyLoss(), "epochs": 3, "every": 1} | options
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = fit(model, data or [(X, Y)], optimizer=optimizer, **chosen)
    return run, before


def test_the_layer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A logarithm in the middle: its input is finite, its output is not. The weights stay."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), Logarithm(), nn.Linear(4, 3))
    run, before = trial(model)
    assert "It began in layer '2' (Logarithm)" in said(run)
    assert "after 0 steps, in epoch 1 of 3" in said(run)
    assert said(run) in " ".join(capsys.readouterr().out.split())
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.grad is None


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Bare("between"), "in the code that feeds layer 'second' (Linear)"),
        (Bare("after"), "in the model's own forward (Bare)"),
        (nn.Sequential(nn.Sequential(Logarithm()), nn.Linear(3, 3)), "layer '0.0' (Logarithm)"),
    ],
    ids=["between layers", "after the layers", "nested"],
)
def test_code_outside_of_layers(model: nn.Module, says: str) -> None:
    """Named by the layer that it feeds, or by the module whose forward it stands in."""
    run, _ = trial(model)
    assert says in said(run)


def test_the_inputs() -> None:
    """Good in the first pass, which is checked, and NaN in the second."""

    class Spoiled:
        passes = 0

        def __iter__(self) -> Any:
            self.passes += 1
            yield (X if self.passes == 1 else X * math.nan), Y

    run, _ = trial(nn.Linear(3, 3), Spoiled())
    assert "It began in the inputs" in said(run)
    assert run["loss"].steps.tolist() == [0]


def test_the_loss_function() -> None:
    """Outputs are finite, the loss of no counted label is 0 / 0."""
    run, _ = trial(nn.Linear(3, 3), [(X, torch.full((6,), -100))])
    assert "It began in the loss function, CrossEntropyLoss" in said(run)


def test_weights_that_an_update_made_infinite() -> None:
    """The square root's gradient at 0 is infinite while the loss is 0: NaN weights, then stop."""
    model = nn.Linear(3, 1, bias=False)
    nn.init.zeros_(model.weight)
    run, _ = trial(
        model, [(X, torch.zeros(6, 1))], loss_fn=lambda out, _: out.square().sum().sqrt()
    )
    assert run["loss"].values.tolist() == [0.0]
    assert "It began in the weights: 'weight' hold" in said(run)


class Sometimes(nn.Module):
    """Divides by zero where dropout let a marked number through."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = nn.Dropout(0.5)
        self.linear = nn.Linear(3, 3)
        self.judge = Judge()

    def forward(self, x: Tensor) -> Tensor:
        """Infinite for some draws only."""
        return self.judge(self.linear(x), self.chance(torch.ones(8)))


class Judge(nn.Module):
    """Infinity if all eight numbers were dropped or kept: one draw in 128."""

    def forward(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Divides by how many differ from the first."""
        return x / (drawn != drawn[0]).sum()


def test_the_same_dropout_is_drawn_again() -> None:
    """One draw in 128 fails; another draw would find nothing. And later draws are not shifted."""
    torch.manual_seed(0)
    model = Sometimes()
    run, _ = trial(model, epochs=5000, every=1000)
    assert "It began in layer 'judge' (Judge)" in said(run)
    state = torch.get_rng_state()
    torch.manual_seed(0)
    model = Sometimes()
    failed = int(said(run).split("after ")[1].split()[0])
    for _ in range(failed + 1):
        model.chance(torch.ones(8))
    assert torch.equal(state, torch.get_rng_state())


def test_no_trace_in_running_statistics() -> None:
    """The loss fails, not the model: the layer has seen the batch once, not twice."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))
    trial(model, loss_fn=lambda out, _: out.sum() / 0.0)
    assert model[0].num_batches_tracked.item() == 1
    torch.testing.assert_close(model[0].running_mean, 0.1 * X.mean(dim=0))


def test_running_statistics_that_took_it_up_are_named() -> None:
    """They were updated by the forward pass itself: no step was needed."""
    model = nn.Sequential(Logarithm(), nn.BatchNorm1d(3), nn.Linear(3, 3))
    run, _ = trial(model)
    assert "layer '0' (Logarithm)" in said(run)
    assert "'1.running_mean', '1.running_var' took it up" in said(run)


def test_in_a_group_of_batches_no_step_is_made() -> None:
    """The second of two batches fails: the first one's gradient is dropped with it."""
    model = nn.Linear(3, 3)
    data = [(X, torch.ones(6, 3)), (X, torch.full((6, 3), 1e30))]  # whose squares overflow
    run, before = trial(model, data, accumulate=2, loss_fn=nn.MSELoss())
    assert torch.equal(model.weight, before["weight"])
    assert "after 0 steps" in said(run)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_with_lower_precision(precision: str) -> None:
    """The trial runs in the precision of the run: 3e5 is beyond float16, not beyond bfloat16."""
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3))
    nn.init.constant_(model[0].weight, 1e5)
    run, _ = trial(model, [(torch.ones(6, 3), Y)], precision=precision, epochs=1)
    assert any("layer '0' (Linear)" in note for note in run.notes) == (precision == "float16")


def test_a_loss_that_does_not_repeat_itself() -> None:
    """It says so, and names no layer."""
    calls = []

    def loss(out: Tensor, _: Tensor) -> Tensor:
        calls.append(1)
        return out.sum() * (math.nan if len(calls) == 1 else 1.0)

    run, _ = trial(nn.Linear(3, 3), loss_fn=loss)
    assert "does not repeat itself" in said(run)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_broken_from_the_start(value: float) -> None:
    """Refused, by name."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3))
    nn.init.constant_(model[1].bias, value)
    with pytest.raises(BadInputError, match=r"before the first step, in '1.bias'"):
        trial(model)


def test_running_statistics_that_are_broken_from_the_start() -> None:
    """As a run that was stopped may leave them; resetting mends it."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))
    model[0].running_mean.fill_(math.nan)
    with pytest.raises(BadInputError, match=r"'0.running_mean'"):
        trial(model)
    model[0].reset_running_stats()
    assert "loss" in trial(model)[0]


ON_A_GPU = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device is visible here"
)
LAST_GPU = f"cuda:{max(torch.cuda.device_count() - 1, 0)}"  # not torch's current one, of several


@ON_A_GPU
@pytest.mark.parametrize("device", ["cuda", LAST_GPU])
def test_on_a_gpu_the_weights_stay_good_too(device: str) -> None:
    """The loss is awaited before the step."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), Logarithm(), nn.Linear(4, 3))
    run, before = trial(model, device=device)
    assert "It began in layer '2' (Logarithm)" in said(run)
    for name, weight in model.named_parameters():
        assert torch.equal(weight.cpu(), before[name])


@ON_A_GPU
def test_on_a_gpu_each_loss_is_waited_for() -> None:
    """On its own device's stream, whichever device is torch's current one."""
    model = nn.Linear(3, 3)
    run, _ = trial(model, [(X, Y)] * 20, device=LAST_GPU, epochs=2)
    assert run.step_count == 40


@ON_A_GPU
def test_on_a_gpu_that_is_the_default_device() -> None:
    """What waits for the loss stays on the host."""
    with torch.device("cuda"):
        assert "loss" in trial(nn.Linear(3, 3))[0]


class Spoilt(torch.autograd.Function):
    """A loss whose value is finite and whose gradient is not, from one call on."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, broken: bool) -> Tensor:
        ctx.broken = broken
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return gradient * (math.nan if ctx.broken else 1.0), None


def spoiling(at: int) -> Any:
    """A mean squared error whose gradient is NaN in that training step."""
    calls = []

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        value = (outputs - labels).square().mean()
        if not value.requires_grad:
            return value
        calls.append(1)
        spoilt: Tensor = Spoilt.apply(value, len(calls) == at)  # type: ignore[no-untyped-call]
        return spoilt

    return loss


def test_weights_that_an_epoch_ends_with_are_looked_at_before_a_checkpoint(tmp_path: Path) -> None:
    """No later loss has met them yet: the file of the epoch before stays, to be gone on from."""
    path = tmp_path / "run.pt"
    data: Any = [(X, torch.ones(6, 1))]
    run, _ = trial(nn.Linear(3, 1), data, loss_fn=spoiling(3), epochs=5, checkpoint=path)
    assert "weights are NaN or infinite. It began in the weights" in said(run)
    saved = torch.load(path, weights_only=True)
    assert saved["done"] == 2
    assert all(weight.isfinite().all() for weight in saved["parts"]["model"].values())
    options: Any = {"loss_fn": spoiling(99), "epochs": 5, "checkpoint": path, "resume": True}
    run, _ = trial(nn.Linear(3, 1), data, **options)
    assert len(run["loss"].values) == 5


def test_the_very_last_update_is_looked_at_too() -> None:
    run, _ = trial(nn.Linear(3, 1), [(X, torch.ones(6, 1))], loss_fn=spoiling(3), epochs=3)
    assert "after 3 steps, in epoch 3 of 3: weights are NaN" in said(run)


def test_with_patience_the_best_weights_are_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    model, data = nn.Linear(3, 1), [(X, torch.ones(6, 1))]
    run, _ = trial(model, data, loss_fn=spoiling(3), epochs=5, patience=4, val=data)
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert any("after epoch 2; the weights of that epoch are in the model" in n for n in run.notes)
    assert "has the weights of its best epoch" in " ".join(capsys.readouterr().out.split())


def test_weights_whose_squares_overflow_are_finite() -> None:
    model = nn.Linear(3, 1)
    nn.init.constant_(model.weight, 1e30)
    check_weights(model)
    nn.init.constant_(model.bias, math.inf)
    with pytest.raises(NotFinite):
        check_weights(model)
