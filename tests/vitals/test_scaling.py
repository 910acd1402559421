"""`record` around a loop with a GradScaler, whose scale must not show in what is read."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.vitals.torch import record

SCALE = 1024.0


def scaled_run(
    *, recorded: bool = True, overflow_at: int = -1, fused: bool = False, scaled: bool = True
) -> tuple[Record | None, nn.Module]:
    """Twelve steps in single precision; the loss is made infinite at one of them."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=SCALE, growth_interval=1000, enabled=scaled)

    def loop() -> None:
        for step in range(12):
            x, y = torch.randn(6, 4), torch.randint(3, (6,))
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            if step == overflow_at:
                loss = loss * torch.inf
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    if not recorded:
        loop()
        return None, model
    with record(model, optimizer, scaler=scaler, every=1) as vitals:
        loop()
    assert "step" not in vars(scaler)
    return vitals.record, model


@pytest.mark.parametrize("fused", [False, True])
def test_loss_and_gradients_are_given_without_the_scale(fused: bool) -> None:
    """A power of two changes no bit of them: the record is that of the run without a scaler."""
    with_scaler, _ = scaled_run(fused=fused)
    without, _ = scaled_run(fused=fused, scaled=False)
    assert with_scaler is not None
    assert without is not None
    assert with_scaler["amp_scale"].values.tolist() == [SCALE] * 12
    assert "amp_scale" not in without
    for quantity in ("loss", "gradient_norm", "update_ratio", "label_count"):
        np.testing.assert_allclose(
            with_scaler[quantity].values, without[quantity].values, rtol=1e-5, err_msg=quantity
        )


@pytest.mark.parametrize("overflow_at", [-1, 5])
@pytest.mark.parametrize("fused", [False, True])
def test_the_run_is_bit_identical(overflow_at: int, fused: bool) -> None:
    """With a skipped step and without one."""
    _, watched = scaled_run(overflow_at=overflow_at, fused=fused)
    _, bare = scaled_run(recorded=False, overflow_at=overflow_at, fused=fused)
    for a, b in zip(watched.parameters(), bare.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_skipped_step_is_no_step() -> None:
    """Eleven steps of twelve; the loss that was thrown away shows nowhere, and the scale halves."""
    run, _ = scaled_run(overflow_at=5)
    assert run is not None
    assert run["loss"].steps.tolist() == list(range(11))
    assert np.isfinite(run["loss"].values).all()
    assert run["amp_scale"].values.tolist() == [SCALE] * 5 + [SCALE / 2] * 6
    assert "The GradScaler skipped 1 step(s), whose gradients were not finite." in run.notes


def two_losses(scaler: torch.amp.GradScaler, *pairs: tuple[nn.Module, torch.optim.SGD]) -> None:
    """Three steps of each optimizer, of one scaled sum."""
    for _ in range(3):
        for _, optimizer in pairs:
            optimizer.zero_grad()
        x = torch.randn(4, 2)
        scaler.scale(sum(model(x).square().mean() for model, _ in pairs)).backward()
        for _, optimizer in pairs:
            scaler.step(optimizer)
        scaler.update()


def pair() -> tuple[nn.Module, torch.optim.SGD]:
    model = nn.Linear(2, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def test_a_scaler_may_step_several_optimizers() -> None:
    """As in a GAN: the steps of the other one are none that were skipped."""
    one, other = pair(), pair()
    scaler = torch.amp.GradScaler("cpu")
    with record(*one, scaler=scaler) as vitals:
        two_losses(scaler, one, other)
    assert not any("skipped" in note for note in vitals.record.notes)


@pytest.mark.parametrize("first", [0, 1], ids=["outer", "inner"])
def test_two_recordings_share_a_scaler(first: int) -> None:
    """Whichever ends first, the other goes on counting; then the scaler is as it was."""
    pairs = [pair(), pair()]
    scaler = torch.amp.GradScaler("cpu")
    both = [record(*one, scaler=scaler) for one in pairs]
    seen = [recording.__enter__() for recording in both]
    both[first].__exit__(None, None, None)
    model, optimizer = pairs[1 - first]
    scaler.scale(model(torch.ones(1, 2)).sum() * torch.inf).backward()
    scaler.step(optimizer)
    scaler.update()
    both[1 - first].__exit__(None, None, None)
    assert any("skipped 1 step" in note for note in seen[1 - first].record.notes)
    assert "step" not in vars(scaler)


def test_autocast_in_bfloat16() -> None:
    """Weights in single precision, activations in half: measured in single, and laid by."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(64, 64), torch.randint(3, (64,))
    with record(model, optimizer, every=1) as vitals:
        for _ in range(5):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                output = model[1](model[0](x))
                hidden = model(x)
            functional.cross_entropy(hidden.float(), y).backward()
            want = output.detach().double().mean().item()
            optimizer.step()
    assert vitals.record.of_layer("activation_mean", "1")[-1] == pytest.approx(want, rel=1e-5)


def test_what_is_no_scaler_is_refused() -> None:
    """And the hooks are gone."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with (
        pytest.raises(BadInputError, match=r"scaler is a float; pass the torch\.amp\.GradScaler"),
        record(model, optimizer, scaler=2.0),  # type: ignore[arg-type]
    ):
        pass
    with record(model, optimizer):
        pass
