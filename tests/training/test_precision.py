"""Mixed precision, against a loop by hand; float16 with a scaler runs on the CPU too."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.training.loop import fit
from coursekit.training.precision import Precision, picked

CPU = torch.device("cpu")
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def rows() -> tuple[Tensor, Tensor]:
    """Forty rows of six features, three classes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(40, 6, generator=generator), torch.randint(3, (40,), generator=generator)


def setup(seed: int = 0) -> dict[str, Any]:
    """Two layers and dropout."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    return {
        "model": model,
        "data": list(zip(*(part.split(10) for part in rows()), strict=True)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=0.01),
    }


def by_hand(setup: dict[str, Any], dtype: torch.dtype, clip: float | None) -> None:
    """Six epochs as torch's documentation has it."""
    model, optimizer = setup["model"], setup["optimizer"]
    scaler = torch.amp.GradScaler("cpu", enabled=dtype is torch.float16)
    for _ in range(6):
        for inputs, labels in setup["data"]:
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=dtype):
                loss = setup["loss_fn"](model(inputs), labels)
            scaler.scale(loss).backward()
            if clip is not None:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            scaler.step(optimizer)
            scaler.update()


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("name", DTYPES)
def test_it_is_the_loop_by_hand(name: Any, clip: float | None) -> None:
    """Bit for bit, dropout and clipping included; and not what float32 gives."""
    expected, got, plain = setup(), setup(), setup()
    torch.manual_seed(1)
    by_hand(expected, DTYPES[name], clip)
    torch.manual_seed(1)
    run = fit(**got, epochs=6, precision=name, clip_norm=clip)
    torch.manual_seed(1)
    fit(**plain, epochs=6, clip_norm=clip)
    for key, weight in expected["model"].state_dict().items():
        assert torch.equal(weight, got["model"].state_dict()[key])
        assert not torch.equal(weight, plain["model"].state_dict()[key])
    assert f"ran in {name} on cpu" in " ".join(run.notes)


def test_the_record_is_told_of_the_scaler() -> None:
    """Losses are given without the scale: near ln 3 for three classes, not 65,536 times that."""
    run = fit(**setup(), epochs=2, precision="float16")
    assert run["amp_scale"].values[0] == 65536
    assert run["loss"].values[0] == pytest.approx(1.1, abs=0.3)


def test_a_step_that_overflows_is_left_out_and_does_not_step_the_scheduler() -> None:
    """Labels of 3e4 give gradients beyond float16's 65,504 until the scale has been halved."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    run = fit(
        model,
        [(torch.ones(4, 1), torch.full((4, 1), 3e4))] * 24,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        epochs=1,
        precision="float16",
        scheduler=scheduler,
        scheduler_per="batch",
        every=1,
    )
    made = len(run["loss"].values)
    assert 0 < made < 24
    assert scheduler.last_epoch == made
    assert any(f"skipped {24 - made} step" in note for note in run.notes)


def test_validation_has_the_same_precision() -> None:
    """Outputs of an evaluation are as coarse as those of the training."""
    seen = []

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        seen.append(outputs.dtype)
        return nn.functional.cross_entropy(outputs, labels)

    options = setup() | {"loss_fn": loss}
    fit(**options, epochs=1, precision="bfloat16", val=[rows()])
    assert seen == [torch.bfloat16] * 5


def test_mixed_on_a_cpu_is_float32_and_says_so() -> None:
    """The weights are those of plain training."""
    plain, mixed = setup(), setup()
    torch.manual_seed(1)
    fit(**plain, epochs=2)
    torch.manual_seed(1)
    run = fit(**mixed, epochs=2, precision="mixed")
    for key, weight in plain["model"].state_dict().items():
        assert torch.equal(weight, mixed["model"].state_dict()[key])
    assert "on cpu that is float32" in " ".join(run.notes)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
def test_mixed_on_a_gpu_lowers_the_outputs() -> None:
    """To bfloat16 or float16, whichever it picked; the run learns and the weights stay float32."""
    dtype, note = picked("mixed", torch.device("cuda"))
    seen = set()
    options = setup()

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        seen.add(outputs.dtype)
        return nn.functional.cross_entropy(outputs, labels)

    run = fit(**options | {"loss_fn": loss}, epochs=20, precision="mixed", device="cuda")
    assert seen == {dtype}
    assert note in run.notes
    assert options["model"][0].weight.dtype is torch.float32
    assert run["loss"].values[-1] < run["loss"].values[0]


def test_an_unknown_precision() -> None:
    """Listed are those that exist."""
    with pytest.raises(UnknownNameError, match="float32, mixed, bfloat16, float16"):
        fit(**setup(), epochs=1, precision="half")


def test_weights_that_a_scaler_cannot_serve() -> None:
    """They are float16 already."""
    with pytest.raises(BadInputError, match=r"Call model.float\(\)"):
        Precision("float16", CPU, weights=nn.Linear(1, 1).half().parameters())
