"""Every run of a sweep is the run that a hand-written loop makes."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop
from torch.utils.data import DataLoader, TensorDataset

from coursekit.training.sweeping import stacked
from coursekit.training.sweeping.grid import sweep

_DRAWN = torch.Generator().manual_seed(7)
X = torch.randn(50, 4, generator=_DRAWN)
Y = torch.randint(3, (50,), generator=_DRAWN)
BATCHES = [(X[:20], Y[:20]), (X[20:40], Y[20:40]), (X[40:], Y[40:])]  # the last is smaller
RATES = [0.003, 0.03, 0.3]
EPOCHS = 4

Build = Callable[..., nn.Module]


def builder(*extra: Callable[[], nn.Module]) -> Build:
    """A build function that a process can receive: made here, it travels by value."""

    def build(seed: int, scale: float = 1.0, depth: int = 1) -> nn.Module:
        hidden: list[nn.Module] = []
        for _ in range(depth):
            hidden += [nn.Linear(8, 8), nn.Tanh()]
        first = nn.Linear(4, 8)
        with torch.no_grad():
            first.weight.mul_(scale)
        return nn.Sequential(first, *hidden, *(make() for make in extra), nn.Linear(8, 3))

    return build


def by_hand(
    build: Build, optimizer: Any, lr: float, *, seed: int = 0, epochs: int = EPOCHS, **knobs: Any
) -> list[float]:
    """The oracle: one run in the plainest PyTorch, its mean loss in each epoch."""
    torch.manual_seed(seed)
    model, loss_fn = build(seed, **knobs), nn.CrossEntropyLoss()
    steps = optimizer(model.parameters(), lr=lr)
    means = []
    for _ in range(epochs):
        losses = []
        for x, y in BATCHES:
            steps.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            steps.step()
            losses.append(loss.item())
        means.append(sum(losses) / len(losses))
    return means


def swept(build: Build, **changed: Any) -> Any:
    """A sweep of the oracle's runs, in this process unless told otherwise."""
    options: dict[str, Any] = {"lr": RATES, "epochs": EPOCHS, "loss_fn": nn.CrossEntropyLoss()}
    return sweep(build, BATCHES, **options | {"jobs": 1} | changed)


STACKED = {
    "SGD": SGD,
    "momentum": partial(SGD, momentum=0.9),
    "dampening": partial(SGD, momentum=0.9, dampening=0.5),
    "Nesterov": partial(SGD, momentum=0.8, nesterov=True),
    "SGD, decay": partial(SGD, momentum=0.9, weight_decay=0.1),
    "decay, no momentum": partial(SGD, weight_decay=0.1),
    "Adam": Adam,
    "Adam, decay": partial(Adam, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-4),
    "AdamW": partial(AdamW, weight_decay=0.5),
    "fused": partial(Adam, fused=True),
    "fused SGD": partial(SGD, momentum=0.9, fused=True),
    "rate of its own": lambda parameters, lr: SGD(parameters, lr=lr / 2),
}


@pytest.mark.parametrize("optimizer", STACKED.values(), ids=STACKED.keys())
def test_stacked_runs_are_those_of_torch_optim(optimizer: Any) -> None:
    """Each learning rate trains its rows as the real optimizer trains one model."""
    result = swept(builder(), optimizer=optimizer)
    assert "stacked" in result.how[0]
    expected = [by_hand(builder(), optimizer, lr) for lr in RATES]
    np.testing.assert_allclose(result.curve, expected, rtol=2e-5)


class Halved(SGD):
    """Looks like SGD, and steps half as far."""

    def step(self, closure: Any = None) -> Any:
        with torch.no_grad():
            for parameter in self.param_groups[0]["params"]:
                parameter.grad.mul_(0.5)
        return super().step(closure)


APART = {
    "RMSprop": (RMSprop, "RMSprop is none of SGD"),
    "NAdam": (NAdam, "NAdam is none of SGD"),
    "amsgrad": (partial(Adam, amsgrad=True), "Adam with amsgrad=True"),
    "maximize": (partial(SGD, maximize=True), "SGD with maximize=True"),
    "decoupled": (
        partial(Adam, weight_decay=0.5, decoupled_weight_decay=True),
        "Adam with decoupled_weight_decay=True",
    ),
    "groups": (
        lambda parameters, lr: SGD([{"params": [p]} for p in parameters], lr=lr),
        "parameter groups of its own",
    ),
    "kind that follows": (
        lambda parameters, lr: (SGD if lr < 0.01 else Adam)(parameters, lr=lr),
        "kind or the options of its optimizer change",
    ),
    "a tensor": (
        lambda parameters, lr: SGD(parameters, lr=lr, weight_decay=torch.tensor(0.1)),
        "SGD with a tensor as weight_decay",
    ),
    "a kind of its own": (Halved, "Halved is none of SGD"),
    "decay that follows": (
        lambda parameters, lr: AdamW(parameters, lr=lr, weight_decay=0.1 * lr),
        "kind or the options of its optimizer change",
    ),
}


@pytest.mark.parametrize(("optimizer", "why"), APART.values(), ids=APART.keys())
def test_other_optimizers_run_alone_and_say_why(optimizer: Any, why: str) -> None:
    """No update is approximated: what is not written exactly is left to torch.optim."""
    result = swept(builder(), optimizer=optimizer, lr=RATES[:2])
    assert why in result.how[0]
    expected = [by_hand(builder(), optimizer, lr) for lr in RATES[:2]]
    np.testing.assert_allclose(result.curve, expected, rtol=2e-5)


def test_an_optimizer_changed_by_a_hook_runs_alone() -> None:
    """A step that clips is another step."""

    def clip(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 0.01)

    def clipping(parameters: Any, lr: float) -> torch.optim.Optimizer:
        optimizer = SGD(parameters, lr=lr)
        optimizer.register_step_pre_hook(clip)
        return optimizer

    result = swept(builder(), optimizer=clipping)
    assert "was changed after it was built" in result.how[0]
    expected = [by_hand(builder(), clipping, lr) for lr in RATES]
    np.testing.assert_allclose(result.curve, expected, rtol=2e-5)


def test_knobs_and_seeds_give_one_row_each() -> None:
    """Scales are weights, so they share a stack; depths are programs, so they do not."""
    result = swept(builder(), over={"scale": [0.5, 2.0], "depth": [1, 2]}, seeds=[3, 5])
    assert len(result.start) == 3 * 2 * 2 * 2
    assert len(result.how) == 2
    assert "12 runs (depth 1) stacked" in result.how[0]
    for run, means in enumerate(result.curve):
        setting = {name: column[run].item() for name, column in result.settings.items()}
        np.testing.assert_allclose(means, by_hand(builder(), SGD, **setting), rtol=2e-5)


def test_the_order_of_the_runs_does_not_matter() -> None:
    """The same settings the other way round give the same losses the other way round."""
    one, other = swept(builder(), seeds=[0, 1]), swept(builder(), seeds=[1, 0], lr=RATES[::-1])
    np.testing.assert_allclose(one.curve, other.curve[::-1], rtol=1e-6)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack too large for the memory is trained in parts."""
    whole = swept(builder(), seeds=range(4))
    monkeypatch.setattr(stacked, "CPU_BYTES", 60_000)
    sizes: list[int] = []
    step = stacked.Stack.step

    def counted(self: stacked.Stack, *batch: Any) -> None:
        sizes.append(len(self.weights["0.bias"]))
        step(self, *batch)

    monkeypatch.setattr(stacked.Stack, "step", counted)
    parts = swept(builder(), seeds=range(4))
    assert max(sizes) < 12
    assert sum(sizes) == 12 * EPOCHS * len(BATCHES)
    np.testing.assert_allclose(parts.curve, whole.curve, rtol=1e-6)


def test_a_run_that_diverges_leaves_the_others_alone() -> None:
    """NaN and infinity stay in the rows where they began; no loss after them is kept."""
    calm = swept(builder(), lr=[0.01])
    result = swept(builder(), lr=[1e30, 0.01, 1e38], epochs=EPOCHS)
    assert result.diverged.tolist() == [True, False, True]
    np.testing.assert_allclose(result.curve[1], calm.curve[0], rtol=1e-6)
    assert np.isnan(result.loss[[0, 2]]).all()


def test_a_loss_far_above_its_start_has_diverged_too() -> None:
    """By hand: w ← w − 2·lr·w on the loss w²; at lr 1.5 it doubles, so the loss grows fourfold."""
    ones = [(torch.ones(1, 1), torch.zeros(1, 1))]

    def build(seed: int) -> nn.Module:
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        return model

    options: dict[str, Any] = {"lr": [0.25, 1.5], "loss_fn": nn.MSELoss(), "epochs": 3}
    result = sweep(build, ones, **options)
    np.testing.assert_allclose(result.curve, [[1, 1 / 4, 1 / 16], [1, 4, 16]])
    assert result.start.tolist() == [1, 1]
    assert result.diverged.tolist() == [False, True]
    assert not sweep(build, ones, **options, diverged_above=16).diverged.any()
    assert sweep(build, ones, **options, diverged_above=15.9).diverged.any()
    assert not sweep(build, ones, **options, diverged_above=math.inf).diverged.any()


@pytest.mark.parametrize("optimizer", [SGD, partial(SGD, maximize=True)])
def test_a_run_that_overflowed_is_not_taken_for_one_that_recovered(optimizer: Any) -> None:
    """By hand: w is 1e20, so w² is infinite and its slope is not; at lr 0.5 the next w is 0."""
    sign = -1.0 if "maximize" in str(optimizer) else 1.0

    def build(seed: int) -> nn.Module:
        model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(model.weight, 1e20)
        return model

    result = sweep(
        build, [(torch.ones(1, 1), torch.zeros(1, 1))], lr=[0.5], epochs=3, jobs=1,
        loss_fn=lambda out, labels: sign * (out - labels).square().mean(), optimizer=optimizer,
    )  # fmt: skip
    assert "stacked" in result.how[0] or "maximize" in result.how[0]
    np.testing.assert_array_equal(result.curve, [[sign * np.inf, np.nan, np.nan]])
    assert result.diverged.all()


@pytest.mark.parametrize("optimizer", [SGD, RMSprop])
def test_a_run_begins_with_the_loss_of_the_whole_first_pass(optimizer: Any) -> None:
    """The first batch may be the easy one: data sorted by class are. By hand: (0 + 9) / 2."""
    x = torch.ones(1, 1)
    easy, hard = (x, torch.zeros(1, 1)), (x, torch.full((1, 1), 3.0))

    def build(seed: int) -> nn.Module:
        model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(model.weight)
        return model

    result = sweep(
        build, [easy, hard], loss_fn=nn.MSELoss(), lr=[1e-6], epochs=1, jobs=1, optimizer=optimizer
    )
    assert result.start.tolist() == [4.5]
    assert result.curve[0, 0] == pytest.approx(4.5, rel=1e-3)
    assert not result.diverged.any()


def test_one_pass_over_a_shuffled_loader_serves_all_runs() -> None:
    """Stacked or not, every run sees the batches that one seeded pass gives."""

    def loader() -> DataLoader[Any]:
        drawn = torch.Generator().manual_seed(1)
        return DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True, generator=drawn)

    def build(seed: int, twist: str) -> nn.Module:
        model = builder()(0)
        if twist == "hook":
            model.register_forward_hook(lambda *_: None)
        return model

    result = sweep(
        build, loader(), loss_fn=nn.CrossEntropyLoss(), lr=[0.1], epochs=3, jobs=1,
        over={"twist": ["none", "hook"]},
    )  # fmt: skip
    assert "stacked" in result.how[0]
    assert "its modules have hooks" in result.how[1]
    np.testing.assert_allclose(result.curve[0], result.curve[1], rtol=1e-5)
    assert result.curve[0, 2] < result.curve[0, 0]


def test_nothing_outside_is_touched() -> None:
    """Random numbers go on, the number of threads stays, and gradients are off in no thread."""
    torch.manual_seed(9)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(9)
    swept(builder(), over={"depth": [1, 2]}, optimizer=SGD)
    swept(builder(), optimizer=RMSprop)
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


def test_a_build_that_hands_out_one_model_gets_it_back_untrained() -> None:
    """Runs train copies, stacked or alone."""
    one = nn.Linear(4, 3)
    before = one.weight.detach().clone()
    for optimizer in (SGD, RMSprop):
        result = swept(lambda seed: one, optimizer=optimizer, lr=[0.1, 0.2])
        assert result.start[0] == pytest.approx(result.start[1])
        assert torch.equal(one.weight, before)


class Moved(nn.CrossEntropyLoss):
    """Notes where it is moved to."""

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """As a module does."""
        self.place = args[0]
        return super().to(*args, **kwargs)


def test_a_loss_with_numbers_of_its_own_goes_where_the_models_are() -> None:
    """Class weights would stay behind on another device."""
    loss_fn = Moved(weight=torch.tensor([1.0, 2.0, 3.0]))
    swept(builder(), loss_fn=loss_fn)
    assert loss_fn.place == torch.device("cpu")


def test_the_unit_is_known_for_losses_of_likelihoods() -> None:
    """Cross-entropies are in nat; of another loss nothing is known."""
    assert swept(builder()).unit == "nat"
    assert swept(builder(), loss_fn=nn.functional.cross_entropy).unit == "nat"
    assert swept(builder(), loss_fn=nn.MultiMarginLoss()).unit == ""


def test_a_bar_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """It counts epochs of runs; without a terminal there is none."""
    swept(builder())
    assert capsys.readouterr().err == ""
    swept(builder(), progress=True)
    assert f"{len(RATES) * EPOCHS}/{len(RATES) * EPOCHS}" in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("optimizer", [SGD, partial(AdamW, weight_decay=0.5), RMSprop])
def test_a_gpu_gives_the_losses_of_the_cpu(optimizer: Any) -> None:
    """Stacked and in a process, up to the rounding of another device."""
    here, there = swept(builder(), optimizer=optimizer), swept(
        builder(), optimizer=optimizer, device="cuda"
    )  # fmt: skip
    np.testing.assert_allclose(there.curve, here.curve, rtol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_class_weights_on_a_gpu() -> None:
    """They are moved with the models."""
    weights = torch.tensor([1.0, 2.0, 3.0])
    here, there = (
        swept(builder(), loss_fn=nn.CrossEntropyLoss(weight=weights), device=device)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(there.curve, here.curve, rtol=1e-3)


def test_a_bias_before_batchnorm_is_no_reason_to_run_alone() -> None:
    """Its gradient is 0 but for rounding, which no two programs share."""

    def build(seed: int) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))

    assert swept(build).how == (f"{len(RATES)} runs stacked, with SGD.",)
