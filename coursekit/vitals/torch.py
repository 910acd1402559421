"""``with record(model, optimizer): …`` around any PyTorch loop, which stays as it is."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.vitals.backward import listen, listeners, unlisten
from coursekit.vitals.forward import ForwardWatch
from coursekit.vitals.reading import Clerk, Reading
from coursekit.vitals.schedule import check_every, following
from coursekit.vitals.weights import Weights, check_pair, held_by


@contextmanager
def record(
    model: nn.Module, optimizer: torch.optim.Optimizer, *, every: int | None = None
) -> Iterator["Vitals"]:
    """Watch a training loop. Nothing about the run changes: not one bit of the final weights.

    A reading is taken around an optimizer step, and filed under the number of steps done
    before it: the gradient at step 0 is the one that the first update used. What is read:

    - ``loss``: what ``backward`` was called on; over several calls before one step, their sum.
    - ``learning_rate``, of the first parameter group of the model.
    - ``gradient_norm``, ``weight_norm``, ``update_ratio``: per layer that owns weights, all its
      weights together. The gradient is as the optimizer gets it (clipped, if it was clipped);
      the update ratio is ‖weights after − before‖ / ‖before‖, measured around the step.
    - ``activation_mean``, ``activation_std``: of the output of each leaf module, over all entries.
    - ``dead_fraction``: per ReLU module, the share of its units that gave exactly 0 for every
      row of the last 8 recorded batches (`coursekit.vitals.readings.WINDOW`).
    - ``input_mean``, ``input_std``: per column of a table of up to 512 features.
    - ``non_finite``: how many entries of loss and gradients are NaN or infinite.
    - ``train_mode``: 1 in ``model.train()``, 0 in ``model.eval()``.

    Forward passes under ``torch.no_grad()`` are not read. One copy of the weights is kept while
    recording; activations are reduced at once and never kept.

    Args:
        model: The model that is trained, where it stays until the end.
        optimizer: Holds the model's parameters.
        every: Read each step whose number is a multiple of this. By default every step at first
            and ever less often: see `coursekit.vitals.schedule.following`.

    Raises:
        BadInputError: The optimizer does not hold the model's weights, the weights are on
            several devices, or the model is being recorded already.

    >>> model = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.constant_(model.weight, 2.0)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    >>> with record(model, optimizer) as vitals:
    ...     for _ in range(2):
    ...         optimizer.zero_grad()
    ...         loss = model(torch.ones(1, 1)).square().sum()
    ...         loss.backward()
    ...         optimizer.step()
    >>> vitals.record["loss"].values.tolist()
    [4.0, 1.0]
    >>> vitals.record["update_ratio"].values.tolist()
    [[0.5], [0.5]]
    """
    check_pair(model, optimizer)
    if any(isinstance(one, Vitals) and one.watches(model) for one in listeners()):
        raise BadInputError(
            "This model is being recorded already. Leave the first `with record(…)` before "
            "beginning another (fit records by itself)."
        )
    vitals = Vitals(model, optimizer, every=check_every(every))
    try:
        vitals._start()
        yield vitals
    finally:
        vitals._stop()


class Vitals:
    """The recording of one run; `record` makes it. Read `Vitals.record` at any time."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, *, every: int | None
    ) -> None:
        self._model, self._optimizer, self._every = model, optimizer, every
        self._weights = Weights(model)
        self._forward = ForwardWatch(model)
        self._clerk = Clerk(model, self._weights, self._forward)
        self._group = _group_of(self._weights, optimizer)
        self._handles: list[Any] = []
        self._reading = Reading()
        self._step = 0
        self._next = 0
        self._in_step = False
        for sentence in _blind_spots(self._weights, self._forward, optimizer):
            self._clerk.ledger.note(sentence)

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return self._step

    @property
    def record(self) -> Record:
        """What has been read so far."""
        return self._clerk.ledger.record(seen=self._forward.seen, notes=self._late_notes())

    def log(self, name: str, value: float, *, unit: str = "") -> None:
        """Add a number of your own at the current step: ``vitals.log("val_accuracy", 0.9)``.

        Args:
            name: Any name that the recording itself does not use.
            value: A number, or a tensor of one.
            unit: Its unit, for the axis of a plot.

        Raises:
            BadInputError: The name is taken, or the value is not one number.
        """
        self._clerk.ledger.log(name, self._step, value, unit=unit)

    def watches(self, model: nn.Module) -> bool:
        """Whether this recording is of that model."""
        return self._model is model

    @property
    def armed(self) -> bool:
        """Whether the current step is to be read."""
        return self._step == self._next

    def before_backward(self) -> Any:
        """Remember the gradients; where there are none yet, a new sum of losses begins."""
        marks = self._weights.marks()
        if not any(marks) and self._reading.gradients is None:
            self._reading.restart()
        return marks

    def after_backward(self, loss: Tensor, before: Any) -> None:
        """Take the loss, if its gradient reached this model."""
        if before == self._weights.marks() or self._reading.gradients is not None:
            return
        batch = self._forward.take()
        self._reading.hear(loss.sum(), batch, training=self._model.training)
        if self._in_step:  # a closure: its first evaluation is the one at the old weights
            self._reading.gradients = self._weights.gradient_norms()

    def _start(self) -> None:
        """Put the hooks on."""
        listen(self)
        self._handles = [
            self._optimizer.register_step_pre_hook(self._before_step),
            self._optimizer.register_step_post_hook(self._after_step),
        ]
        self._forward.attach()

    def _stop(self) -> None:
        """Take all hooks off."""
        unlisten(self)
        for handle in self._handles:
            handle.remove()
        self._forward.detach()

    def _before_step(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Read the gradients and keep the weights, if this step is to be read."""
        if not self.armed:
            return
        self._in_step = True
        self._weights.keep()
        self._reading.lr = float(self._group.get("lr", math.nan))
        if len(args) > 1 or kwargs.get("closure") is not None:
            self._reading.restart()
            self._clerk.ledger.note(
                "The optimizer calls a closure: loss, gradients and activations are those of its "
                "first evaluation in a step."
            )
        else:
            self._reading.gradients = self._weights.gradient_norms()

    def _after_step(self, *_: Any) -> None:
        """Write the reading, count the step, and decide about the next."""
        if self._in_step:
            self._clerk.write(self._step, self._reading)
            self._next = following(self._step, every=self._every)
            self._in_step = False
            self._reading = Reading()
        self._step += 1
        if self.armed:
            self._forward.attach()
        else:
            self._forward.detach()

    def _late_notes(self) -> list[str]:
        """What is known only once the run has begun."""
        if self._step == 0:
            return ["Nothing was recorded: the optimizer has not made a step."]
        missed = [layer for layer in self._forward.layers if layer not in self._forward.seen]
        never = ["No output was read of: " + ", ".join(map(repr, missed)) + "."] if missed else []
        return [*self._forward.notes, *never]


def _group_of(weights: Weights, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The first parameter group that holds a weight of the model."""
    mine = {id(parameter) for parameter in weights.parameters}
    return next(
        group for group in optimizer.param_groups if mine & {id(p) for p in group["params"]}
    )


def _blind_spots(
    weights: Weights, forward: ForwardWatch, optimizer: torch.optim.Optimizer
) -> list[str]:
    """What is known from the start not to be seen, or to be odd."""
    held, mine = held_by(optimizer), {id(parameter) for parameter in weights.parameters}
    left_out = [
        name
        for name, parameter in zip(weights.names, weights.parameters, strict=True)
        if id(parameter) not in held
    ]
    rates = {float(group.get("lr", 0)) for group in optimizer.param_groups}
    notes = {
        f"The optimizer does not hold, so it does not train: {', '.join(left_out)}.": left_out,
        "The optimizer also holds weights that are not the model's; they are not read.": held
        - mine,
        "The parameter groups have different learning rates; the first is read.": len(rates) > 1,
        "No ReLU module: dead units were not measured. A function such as torch.relu called in "
        "forward cannot be seen.": not forward.relus,
    }
    return [sentence for sentence, holds in notes.items() if holds]
