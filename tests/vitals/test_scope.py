"""When `record` reads, what it leaves out and says so, and what it refuses."""

import functools
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from coursekit.errors import BadInputError
from coursekit.vitals.schedule import check_every, following
from coursekit.vitals.torch import Vitals, record


def build() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """A small model and its optimizer."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def run(model: nn.Module, optimizer: torch.optim.Optimizer, vitals: Vitals, steps: int) -> None:
    """Train for some steps; `vitals` only says that this runs inside a recording."""
    assert isinstance(vitals, Vitals)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()


def schedule(steps: int, every: int | None = None) -> list[int]:
    """The steps read in a run of so many."""
    read = [0]
    while (step := following(read[-1], every=every)) < steps:
        read.append(step)
    return read


@pytest.mark.parametrize("steps", [500, 1000, 10_000])
def test_the_default_schedule_gives_40_to_100_readings(steps: int) -> None:
    """And never leaves a gap of more than an eighth of the way."""
    read = schedule(steps)
    assert 40 <= len(read) <= 100
    assert read[:17] == list(range(17))
    assert all(b - a <= max(1, a / 8) for a, b in pairwise(read))


@pytest.mark.parametrize("every", [1, 4, None])
def test_the_schedule_is_kept(every: int | None) -> None:
    """What is in the record is what the schedule says, and the step count is that of the run."""
    model, optimizer = build()
    with record(model, optimizer, every=every) as vitals:
        run(model, optimizer, vitals, 30)
    assert vitals.record["loss"].steps.tolist() == schedule(30, every)
    assert vitals.step == 30


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "all"])
def test_a_schedule_must_be_a_whole_number(every: object) -> None:
    """Else it is refused."""
    with pytest.raises(BadInputError, match="is not a schedule"):
        check_every(every)  # type: ignore[arg-type]


def test_validation_is_not_read() -> None:
    """Neither under no_grad, even between forward and backward, nor without a backward."""
    model, optimizer = build()
    far = torch.full((5, 3), 1e6)
    with record(model, optimizer, every=1) as vitals:
        run(model, optimizer, vitals, 1)
        model(far)
        loss = model(torch.randn(5, 3)).square().mean()
        with torch.no_grad():
            model(far)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert vitals.record["input_mean"].values.max() < 100
    assert vitals.record["activation_mean"].values.max() < 100
    assert vitals.record.notes == ()


def test_train_mode_is_read() -> None:
    """A forgotten model.train() shows."""
    model, optimizer = build()
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, 1)
        model.eval()
        run(model, optimizer, vitals, 1)
    assert vitals.record["train_mode"].values.tolist() == [1, 0]


def test_the_learning_rate_follows_a_scheduler() -> None:
    """Halved after each step."""
    model, optimizer = build()
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with record(model, optimizer) as vitals:
        for _ in range(3):
            run(model, optimizer, vitals, 1)
            scheduler.step()
    np.testing.assert_allclose(vitals.record["learning_rate"].values, [0.1, 0.05, 0.025])


def test_the_record_can_be_read_meanwhile() -> None:
    """Before the first step it says that there is nothing; it grows, and stays afterwards."""
    model, optimizer = build()
    with record(model, optimizer) as vitals:
        assert "optimizer has not made a step" in vitals.record.notes[-1]
        run(model, optimizer, vitals, 2)
        assert vitals.record["loss"].steps.tolist() == [0, 1]
        assert not any("not made a step" in note for note in vitals.record.notes)
    assert vitals.record["loss"].steps.tolist() == [0, 1]


def test_numbers_of_ones_own() -> None:
    """At the current step, with a unit; from a tensor too."""
    model, optimizer = build()
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, 3)
        vitals.log("val_accuracy", 0.5)
        run(model, optimizer, vitals, 1)
        vitals.log("val_accuracy", torch.tensor(0.75))  # type: ignore[arg-type]
        vitals.log("seconds", 2, unit="s")
    series = vitals.record["val_accuracy"]
    assert series.steps.tolist() == [3, 4]
    assert series.values.tolist() == [0.5, 0.75]
    assert vitals.record["seconds"].unit == "s"
    assert vitals.record.step_count == vitals.step == 4


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("loss", 1.0, "Choose another"),
        ("mine", "high", "pass one number"),
        ("mine", [1], "list"),
        (3, 1.0, "int as the name; pass text"),
        (None, 1.0, "NoneType as the name"),
    ],
)
def test_what_cannot_be_logged(name: str, value: float, says: str) -> None:
    """A name that recording uses or that is no text, or no number."""
    model, optimizer = build()
    with record(model, optimizer) as vitals, pytest.raises(BadInputError, match=says):
        vitals.log(name, value)


class Functional(nn.Module):
    """ReLU as a function, and a layer that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.spare = nn.Linear(4, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Skip the spare layer."""
        return self.out(functional.relu(self.inner(x)))  # type: ignore[no-any-return]


def test_blind_spots_are_named() -> None:
    """A functional activation, an uncalled layer with no gradient, and a weight left out."""
    model = Functional()
    optimizer = torch.optim.SGD([*model.inner.parameters(), *model.spare.parameters()], lr=0.1)
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, 2)
    text = " ".join(vitals.record.notes)
    assert "torch.relu" in text
    assert "No output was read of: 'spare'" in text
    assert "does not hold, so its steps do not change: out.weight, out.bias" in text
    assert "'spare.weight' had no gradient" in text
    assert "dead_fraction" not in vitals.record
    assert vitals.record["activation_mean"].labels == ("inner", "out")
    assert vitals.record["gradient_norm"].labels == ("inner", "spare", "out")
    assert np.isnan(vitals.record.of_layer("gradient_norm", "spare")).all()
    assert (vitals.record.of_layer("update_ratio", "out") == 0).all()


def test_frozen_weights_are_named_and_are_the_models_own() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, 1)
    (frozen,) = vitals.record.notes
    assert frozen.startswith("Frozen when the recording began, so their gradients and updates")
    assert frozen.endswith("0.weight, 0.bias.")
    assert not any("not the model's" in note for note in vitals.record.notes)


class Reused(nn.Module):
    """One ReLU for two layers of different width."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.relu = nn.Linear(3, 4), nn.Linear(4, 2), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """ReLU after each."""
        return self.relu(self.b(self.relu(self.a(x))))  # type: ignore[no-any-return]


def test_a_layer_called_twice_is_named() -> None:
    """Its last call is what is read."""
    model = Reused()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, 2)
    assert any("'relu' is called more than once" in note for note in vitals.record.notes)


class Recurrent(nn.Module):
    """A GRU, on sequences as they are or packed; a head on what it says at each step."""

    def __init__(self, *, packed: bool) -> None:
        super().__init__()
        self.packed, self.gru, self.head = packed, nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)
        self.states = torch.zeros(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        lengths = torch.tensor([2] * (len(x) - 1) + [5])
        given = pack_padded_sequence(x, lengths, True, False) if self.packed else x
        states = self.gru(given)[0]
        states = states.data if self.packed else states
        self.states = states.detach()
        return self.head(states)  # type: ignore[no-any-return]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rows", [3, 6000])  # outputs laid by, and read at once
def test_the_states_of_a_recurrent_layer_are_read(packed: bool, rows: int) -> None:
    torch.manual_seed(0)
    model = Recurrent(packed=packed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    means, stds = [], []
    with record(model, optimizer, every=1) as vitals:
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.randn(rows, 5, 3)).square().mean().backward()
            means.append(float(model.states.mean()))
            stds.append(float(model.states.std(correction=0)))
            optimizer.step()
    found = vitals.record
    column = found["activation_mean"].labels.index("gru")
    np.testing.assert_allclose(found["activation_mean"].values[:, column], means, atol=1e-6)
    np.testing.assert_allclose(found["activation_std"].values[:, column], stds, rtol=1e-4)
    assert "Layer 'gru' returns a tuple: the first tensor in it is read." in found.notes


def test_inputs_that_are_no_table_are_named() -> None:
    """Pictures have no statistics per feature, and neither have 513 features."""
    for shape, layer in (((2, 1, 4, 4), nn.Conv2d(1, 1, 2)), ((2, 513), nn.Linear(513, 1))):
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        with record(layer, optimizer) as vitals:
            layer(torch.randn(shape)).sum().backward()
            optimizer.step()
        assert "input_mean" not in vitals.record
        assert any("Input statistics were not taken" in note for note in vitals.record.notes)


def test_who_wraps_backward_meanwhile_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With functools.wraps, which copies what a function is known by; and a loss is read once."""
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    calls = []
    with record(model, optimizer):
        ours = Tensor.backward

        @functools.wraps(ours)
        def theirs(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
            calls.append(tensor)
            return ours(tensor, *args, **kwargs)

        monkeypatch.setattr(Tensor, "backward", theirs)
    assert Tensor.backward is theirs
    with record(model, optimizer, every=1) as vitals:
        model(torch.ones(3, 2)).square().mean().backward()
        optimizer.step()
    assert Tensor.backward is theirs
    assert len(calls) == len(vitals.record["loss"].values) == 1


def test_a_step_without_a_loss_is_named() -> None:
    """torch.autograd.grad does not pass through Tensor.backward."""
    model, optimizer = build()
    with record(model, optimizer) as vitals:
        loss = model(torch.randn(5, 3)).square().mean()
        for weight, slope in zip(
            model.parameters(), torch.autograd.grad(loss, list(model.parameters())), strict=True
        ):
            weight.grad = slope
        optimizer.step()
    assert np.isnan(vitals.record["loss"].values).all()
    assert np.isfinite(vitals.record["gradient_norm"].values).all()
    assert any("without a call of loss.backward()" in note for note in vitals.record.notes)


def _mixed() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1, device="meta"))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (_mixed(), "weights are on cpu and meta"),
        (nn.ReLU(), "no weights to train"),
        (nn.LazyLinear(2), "lazy layers"),
        (nn.Linear(1, 1), "holds no weight of this model"),
        (lambda x: x, "pass a torch.nn.Module"),
    ],
    ids=["two devices", "no weights", "lazy", "other weights", "no module"],
)
def test_what_cannot_be_recorded(model: nn.Module, says: str) -> None:
    """The optimizer is another model's throughout; the sentence names what is wrong first."""
    _, optimizer = build()
    with pytest.raises(BadInputError, match=says), record(model, optimizer):
        pass


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_a_scripted_layer_cannot_be_watched() -> None:
    model = nn.Sequential(torch.jit.script(nn.Linear(3, 2)), nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(BadInputError, match=r"before torch\.jit\.script"), record(model, optimizer):
        pass


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("warm", [False, True])
def test_a_compiled_model_is_read_but_for_its_layers(in_place: bool, warm: bool) -> None:
    """However it was compiled, and whether or not it ran before: the same note, the same graph."""
    model: nn.Module = build()[0]
    if in_place:
        model.compile(backend="eager")
    else:
        model = torch.compile(model, backend="eager")  # type: ignore[assignment]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(5, 3)
    if warm:
        model(x)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            model(x).square().mean().backward()
            optimizer.step()
    assert "activation_mean" not in vitals.record
    assert vitals.record["loss"].values.shape == (3,)
    assert np.isfinite(vitals.record["gradient_norm"].values).all()
    assert np.isfinite(vitals.record["update_ratio"].values).all()
    (note,) = (note for note in vitals.record.notes if "layers were not read" in note)
    assert "Record a run that is not compiled" in note
    assert not any("ReLU" in note or "No output" in note for note in vitals.record.notes)


def test_the_optimizer_must_be_one() -> None:
    """Not its class, for instance."""
    model, _ = build()
    with (
        pytest.raises(BadInputError, match=r"pass a torch\.optim\.Optimizer"),
        record(model, torch.optim.SGD),  # type: ignore[arg-type]
    ):
        pass
