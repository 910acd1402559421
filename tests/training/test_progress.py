"""What a run shows: a bar, lines in the log of a CI job, or nothing."""

from typing import Any

import pytest
import torch
from torch import nn

from coursekit.errors import BadInputError
from coursekit.training import progress
from coursekit.training.loop import fit


def short_run(*, spoilt: bool = False, **options: Any) -> None:
    """Four epochs of two batches; of a model with a NaN, if it is to be refused."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    if spoilt:
        nn.init.constant_(model.bias, torch.nan)
    fit(
        model,
        [(torch.ones(3, 2), torch.ones(3, 1))] * 2,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01),
        epochs=4,
        **options,
    )


@pytest.fixture(autouse=True)
def _nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a CI job, whatever runs these tests; pytest itself is no terminal."""
    monkeypatch.delenv("CI", raising=False)


def test_nothing_is_shown_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    """Not on either stream."""
    short_run()
    assert capfd.readouterr() == ("", "")


def test_a_bar_when_it_is_wanted(capfd: pytest.CaptureFixture[str]) -> None:
    """It counts epochs, and is closed."""
    short_run(progress=True)
    assert "4/4" in capfd.readouterr().err


def test_lines_in_a_ci_job(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time between two lines, one for each of the eight steps; else none in a short run."""
    monkeypatch.setenv("CI", "true")
    short_run()
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    short_run()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 8
    assert lines[2].startswith("epoch 2 of 4, step 3, loss ")
    first, last = (float(line.split(", ")[2].split()[1]) for line in (lines[0], lines[-1]))
    assert 0 < last < first
    short_run(progress=False)
    assert capfd.readouterr().err == ""


def test_a_run_that_is_refused_leaves_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInputError, match="NaN"):
        short_run(progress=True, spoilt=True)
    assert capfd.readouterr().err == ""


def test_the_bar_is_closed_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Else the next bar would begin one line lower."""
    shown = progress.Progress(3, shown=True)

    def fail() -> None:
        with shown:
            for _ in shown.epochs(1, over=lambda: False):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert shown._bar.disable
    assert "1/3" in capfd.readouterr().err
