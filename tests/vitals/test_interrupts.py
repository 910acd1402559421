"""Ctrl-C in the middle of a reading: nothing is written twice, and autograd is on afterwards."""

from typing import Any

import pytest
import torch
from torch import nn

from coursekit.vitals.torch import record
from coursekit.vitals.torch.clerk import Clerk
from coursekit.vitals.torch.gauge import outside_of_autograd


def build() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small model and its optimizer."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


def run(model: nn.Module, optimizer: torch.optim.Optimizer, *, steps: int) -> None:
    """Train on the same rows."""
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.full((4, 3), 5.0)).mean().backward()
        optimizer.step()


def test_readings_are_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reducing takes the mean off the rows in place: a second time it would find other numbers."""
    write, calls = Clerk._write_rest, []

    def interrupted(clerk: Clerk, *args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(clerk, *args)

    monkeypatch.setattr(Clerk, "_write_rest", interrupted)
    model, optimizer = build()
    with record(model, optimizer, every=1) as vitals:
        with pytest.raises(KeyboardInterrupt):
            run(model, optimizer, steps=100)
        run(model, optimizer, steps=3)
    found = vitals.record
    assert len(calls) > 2
    for quantity, series in found.series.items():
        steps = series.steps.tolist()
        assert steps == sorted(set(steps)), quantity
    assert set(found["input_mean"].values.ravel()) == {5.0}
    assert len(set(found["activation_mean"].values.ravel())) == len(found["loss"].steps)


class Interrupted(torch.optim.Optimizer):
    """Plain gradient descent; Ctrl-C comes in its second step."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.01})
        self.steps = 0

    def step(self, closure: Any = None) -> Any:
        """A step, if it comes to an end."""
        self.steps += 1
        if closure is not None:
            closure()
        if self.steps == 2:
            raise KeyboardInterrupt
        with torch.no_grad():
            for parameter in self.param_groups[0]["params"]:
                parameter -= 0.01 * parameter.grad


@pytest.mark.parametrize("rows", [4, 80_000], ids=["laid by", "at once"])
@pytest.mark.parametrize("by_closure", [False, True])
def test_a_loop_that_goes_on_after_an_interrupt_is_read(by_closure: bool, rows: int) -> None:
    """In the same recording: what the interrupted step had read is not taken for the next.

    A GPU's readings are taken at once, as those of a large batch are.
    """
    model, _ = build()
    optimizer = Interrupted(model.parameters())
    losses: list[float] = []

    def evaluated() -> torch.Tensor:
        optimizer.zero_grad()
        loss = model(torch.randn(rows, 3)).square().mean()
        loss.backward()
        losses.append(loss.item())
        return loss  # type: ignore[no-any-return]

    def loop(steps: int) -> None:
        for _ in range(steps):
            if by_closure:
                optimizer.step(evaluated)
            else:
                evaluated()
                optimizer.step()

    with record(model, optimizer, every=1) as vitals:
        with pytest.raises(KeyboardInterrupt):
            loop(3)
        losses.pop()
        loop(3)
    assert len(losses) == 4
    assert vitals.record["loss"].values.tolist() == pytest.approx(losses)
    assert not any("more than once" in note for note in vitals.record.notes)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, *, switching: bool) -> None:
    """Ctrl-C once, right after autograd was switched off, or right before it is switched on."""
    switch = torch._C._set_grad_enabled
    done: list[bool] = []

    def interrupted(mode: bool) -> None:
        if mode and not switching and not done:
            done.append(mode)
            raise KeyboardInterrupt
        switch(mode)
        if not mode and switching and not done:
            done.append(mode)
            raise KeyboardInterrupt

    monkeypatch.setattr(torch._C, "_set_grad_enabled", interrupted)


def test_autograd_is_on_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after it was switched off."""
    interrupt_after(monkeypatch, switching=True)
    try:
        with pytest.raises(KeyboardInterrupt):
            outside_of_autograd(lambda _, __: None, [], [])
        assert torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


def test_autograd_is_on_after_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever Ctrl-C came: here before the line that switches it on."""
    model, optimizer = build()

    def recorded() -> None:
        with record(model, optimizer, every=1):
            run(model, optimizer, steps=2)
            interrupt_after(monkeypatch, switching=False)
            run(model, optimizer, steps=1)

    try:
        with pytest.raises(KeyboardInterrupt):
            recorded()
        assert torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


def test_autograd_stays_off_where_it_was_off() -> None:
    """The recording gives it back as it was."""
    model, optimizer = build()
    with torch.no_grad():
        with record(model, optimizer):
            pass
        assert not torch.is_grad_enabled()
