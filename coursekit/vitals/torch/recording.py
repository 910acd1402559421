"""``with record(model, optimizer): …`` around any PyTorch loop, which stays as it is."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.vitals.schedule import check_every, following
from coursekit.vitals.torch.backward import listen, listeners, unlisten
from coursekit.vitals.torch.clerk import Clerk, Reading
from coursekit.vitals.torch.clock import Clock
from coursekit.vitals.torch.desk import Desk
from coursekit.vitals.torch.forward import ForwardWatch
from coursekit.vitals.torch.labels import labels_behind
from coursekit.vitals.torch.scaling import ScalerWatch
from coursekit.vitals.torch.weights import Marks, Weights, check_pair, held_by


@contextmanager
def record(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    scaler: torch.amp.GradScaler | None = None,
    every: int | None = None,
) -> Iterator["Vitals"]:
    """Watch a training loop. Nothing about the run changes: not one bit of the final weights.

    A reading is taken around an optimizer step, and filed under the number of steps done
    before it: the gradient at step 0 is the one that the first update used. What is read:

    - ``loss``: what ``backward`` was called on (entry by entry times its ``gradient=``, if that
      was given); over several calls before one step, their sum. Where the gradients were cleared
      between two calls, the sum begins anew.
    - ``learning_rate``, of the first parameter group of the model.
    - ``gradient_norm``, ``weight_norm``, ``update_ratio``: per layer that owns weights, all its
      weights together. The gradient is as the optimizer gets it (clipped, if it was clipped);
      the update ratio is ‖weights after − before‖ / ‖before‖, measured around the step.
    - ``activation_mean``, ``activation_std``: of the output of each leaf module, over all entries.
    - ``dead_fraction``: per ReLU module, the share of its units that gave exactly 0 for every
      row of the last 8 recorded batches (`coursekit.vitals.readings.WINDOW`).
    - ``saturated_fraction``: per bounded activation (Tanh, Sigmoid, Hardtanh, Hardsigmoid,
      Softsign), the share of its outputs within 1.5 % of its range from a bound: ``|tanh| > 0.97``.
    - ``input_mean``, ``input_std``: per column of a table of up to 512 features.
    - ``label_count``: labels per class, where the loss is a cross-entropy on class numbers.
    - ``non_finite``: how many entries of loss and gradients are NaN or infinite.
    - ``train_mode``: 1 in ``model.train()``, 0 in ``model.eval()``.
    - ``data_time_s``, ``compute_time_s``: between steps, and in forward, backward and step: see
      `coursekit.vitals.torch.clock.Clock`.
    - ``amp_scale``: what ``scaler`` multiplied the loss by; loss and gradients are given without.
    - ``device_memory_bytes``: held by tensors after the step, on a GPU.

    Forward passes under ``torch.no_grad()`` are not read. One copy of the weights is kept while
    recording; activations are reduced at once and never kept. A copy of the model, and a file of
    it, may be made inside: they are not recorded. Calls of ``backward`` are heard in the thread
    that entered the ``with``, and in the one that calls the model: others may record at the same
    time. If Ctrl-C leaves autograd switched off, it is on again at the end.

    Args:
        model: The model that is trained, where it stays until the end.
        optimizer: Holds the model's parameters.
        scaler: The GradScaler of a loop in half precision.
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
    vitals = Vitals(model, optimizer, scaler=scaler, every=check_every(every))
    autograd = torch.is_grad_enabled()
    try:
        vitals._start()
        yield vitals
    finally:
        if autograd:
            torch._C._set_grad_enabled(True)
        vitals._stop()


class Vitals:
    """The recording of one run; `record` makes it. Read `Vitals.record` at any time."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        scaler: torch.amp.GradScaler | None = None,
        every: int | None = None,
    ) -> None:
        self.armed = True
        self.calls = 0  # since the last step
        self._thread = get_ident()
        self._model, self._optimizer, self._every = model, optimizer, every
        self._weights = Weights(model)
        self._clock = Clock(self._weights.parameters[0].device)
        self._forward = ForwardWatch(model, self._clock)
        self._scaler = ScalerWatch(scaler, optimizer=optimizer, steps=lambda: self._step)
        self._clerk = Clerk(model, self._weights, self._forward)
        self._desk = Desk(self._weights, self._forward, self._clerk)
        self._group = _group_of(self._weights, optimizer)
        held = held_by(optimizer)
        self._moving = next(p for p in self._weights.parameters if id(p) in held)
        self._version = self._moving._version
        self._mark: tuple[int, int] | None = None
        self._handles: list[Any] = []
        self._reading = Reading()
        self._step = 0
        self._next = 0
        self._in_step = self._in_closure = False
        for sentence in _blind_spots(self._weights, self._forward, optimizer):
            self.note(sentence)

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return self._step

    @property
    def record(self) -> Record:
        """What has been read so far."""
        self._desk.flush()
        return self._clerk.ledger.record(seen=self._clerk.seen, notes=self._late_notes())

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

    def note(self, sentence: str) -> None:
        """Add a sentence to the notes of the record; the same one is kept once."""
        self._clerk.ledger.note(sentence)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on with this recording in another process, in plain types."""
        self._desk.flush()
        return {
            "step": self._step,
            "next": self._next,
            "ledger": self._clerk.ledger.record().to_json(),
            "dead": self._clerk.dead.state_dict(),
            "seen": sorted(self._clerk.seen),
            "forward notes": list(self._forward.notes),
            "skipped": self._scaler.skipped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, before the first step of this recording."""
        self._step, self._next = state["step"], state["next"]
        self._clerk.ledger.restore(Record.from_json(state["ledger"]))
        self._clerk.dead.load_state_dict(state["dead"])
        self._clerk.seen = set(state["seen"])
        self._forward.notes = dict.fromkeys(state["forward notes"])
        self._scaler.skipped = state["skipped"]
        self._disarm()
        self._arm_if_due()

    def watches(self, model: nn.Module) -> bool:
        """Whether this recording is of that model."""
        return self._model is model

    def hears(self, thread: int) -> bool:
        """Whether ``backward`` in that thread concerns this recording."""
        return thread == self._thread or thread == self._forward.thread

    def before_backward(self, loss: Tensor) -> Any:
        """Remember the gradients; where there are none yet, a new sum of losses begins."""
        marks = self._weights.marks()
        if self._reading.losses and not self._in_closure and self._cleared(marks):
            self._reading.restart()
        if self._forward.replaced:
            self._forward.look_back(loss)
        return marks, labels_behind(loss), self._scaler.scale()

    def _cleared(self, marks: Marks) -> bool:
        """Whether the gradients of the losses so far are gone: there are none, or only zeros.

        Values are looked at only where somebody has written to a gradient since, as
        ``zero_grad(set_to_none=False)`` does: on a GPU that waits for the device.
        """
        return marks is None or (self._weights.mark() != self._mark and self._weights.cleared())

    def after_backward(self, loss: Tensor, before: Any) -> None:
        """Take the loss, if its gradient reached this model."""
        marks, labels, scale = before
        reading = self._reading
        further = self._in_closure and reading.gradients is not None
        if further or not self._weights.reached(marks):
            return
        if not self._in_closure:
            self._clock.mark("backward")
        value = loss if loss.dim() == 0 else loss.sum()
        reading.losses.append(value if scale is None else value / scale.to(value.device))
        reading.passes.append(self._forward.take())
        if labels is not None:
            reading.labels.append(labels)
        reading.scale, reading.training = scale, self._model.training
        self._mark = self._weights.mark()
        if self._in_closure:  # its first evaluation is the one at the old weights
            self._desk.read_gradients(reading, scale=self._grad_scale())

    def _start(self) -> None:
        """Put the hooks on."""
        listen(self)
        self._scaler.attach()
        self._handles = [self._optimizer.register_step_post_hook(self._after_step)]
        self._arm_if_due()

    def _stop(self) -> None:
        """Take all hooks off, and say what the recording missed."""
        unlisten(self)
        self._disarm()
        self._scaler.detach()
        for handle in self._handles:
            handle.remove()
        for sentence in self._missed():
            self.note(sentence)

    def _arm_if_due(self) -> None:
        """Hook on to the coming step if it is to be read."""
        self.armed = self._step == self._next
        if self.armed:
            self._forward.attach()
            if len(self._handles) == 1:
                hook = self._optimizer.register_step_pre_hook(self._before_step)
                self._handles.append(hook)
            self._clock.restart()

    def _disarm(self) -> None:
        """Leave the layers and the step alone."""
        self.armed = False
        self._forward.detach()
        for handle in self._handles[1:]:
            handle.remove()
        del self._handles[1:]

    def _before_step(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Read the gradients and keep the weights."""
        self._clock.mark("step")
        self._in_step = True
        self._in_closure = len(args) > 1 or kwargs.get("closure") is not None
        if self._in_closure:
            self._reading = Reading()
        self._reading.lr = float(self._optimizer.param_groups[self._group].get("lr", math.nan))
        if self._in_closure:
            self._desk.before_closure()
            self.note(
                "The optimizer calls a closure: loss, gradients and activations are those of "
                "its first evaluation in a step."
            )
        else:
            self._desk.before_step(self._reading, scale=self._grad_scale())
        self._clock.mark("read")

    def _grad_scale(self) -> Tensor | None:
        """By how much gradients are multiplied still: a fused optimizer divides by itself."""
        return getattr(self._optimizer, "grad_scale", None)

    def _after_step(self, *_: Any) -> None:
        """Count the step; write the reading, and decide about the next."""
        step, reading = self._step, self._reading
        self._step += 1
        self.calls, self._version = 0, self._moving._version
        if self._in_step:
            self._clock.mark("end")
            self._next = following(step, every=self._every)
            self._in_step = self._in_closure = False
            self._reading = Reading()
            self._desk.after_step(step, reading, self._clock)  # last: Ctrl-C may end it anywhere
        if self.armed and self._step != self._next:
            self._disarm()
        elif self._step == self._next:
            self._arm_if_due()

    def _missed(self) -> list[str]:
        """What changed while the model was recorded, so that it was not read."""
        joined = ", ".join(self._weights.joined())
        notes = {
            "Trainable only since some time after the recording began, so their gradients and "
            f"updates were not read: {joined}. Begin another recording there.": joined,
            f"After the last step of this optimizer ({self._step} in all) the weights went on "
            "changing, which was not read. Where a loop goes on with another optimizer, begin "
            "another recording.": self.calls > 1 and self._moving._version > self._version + 1,
        }
        return [sentence for sentence, holds in notes.items() if holds]

    def _late_notes(self) -> list[str]:
        """What is known only once the run has begun."""
        number = self._scaler.skipped
        skipped = f"The GradScaler skipped {number} step(s), whose gradients were not finite."
        if self._step == 0:
            nothing = "Nothing was recorded: the optimizer has not made a step."
            return [nothing, *([skipped] if number else [])]
        missed = [layer for layer in self._forward.reads.leaves if layer not in self._clerk.seen]
        unread = f"No output was read of: {', '.join(map(repr, missed))}."
        return [
            *self._forward.notes,
            *([unread] if missed else []),
            *([skipped] if number else []),
        ]


def _group_of(weights: Weights, optimizer: torch.optim.Optimizer) -> int:
    """The number of the first parameter group that holds a weight of the model."""
    mine = {id(parameter) for parameter in weights.parameters}
    held = [{id(p) for p in group["params"]} for group in optimizer.param_groups]
    return next(number for number, group in enumerate(held) if mine & group)


def _blind_spots(
    weights: Weights, forward: ForwardWatch, optimizer: torch.optim.Optimizer
) -> list[str]:
    """What is known from the start not to be seen, or to be odd."""
    held = held_by(optimizer)
    mine = {id(weight) for weight in (*weights.parameters, *weights.frozen.values())}
    left_out = [
        name
        for name, parameter in zip(weights.names, weights.parameters, strict=True)
        if id(parameter) not in held
    ]
    rates = {float(group.get("lr", 0)) for group in optimizer.param_groups}
    notes = {
        f"This optimizer does not hold, so its steps do not change: {', '.join(left_out)}. If "
        "another one trains them, record the layers of each optimizer by themselves.": left_out,
        "Frozen when the recording began, so their gradients and updates were not read: "
        f"{', '.join(weights.frozen)}.": weights.frozen,
        "The optimizer also holds weights that are not the model's; they are not read.": held
        - mine,
        "The parameter groups have different learning rates; the first is read.": len(rates) > 1,
        "The model is compiled: the outputs of its layers were not read, nor, after "
        "model.compile(), inputs and times. Record a run that is not compiled to see them.": (
            forward.reads.compiled
        ),
        "No ReLU module: dead units were not measured. A function such as torch.relu called in "
        "forward cannot be seen.": not (forward.reads.relus or forward.reads.compiled),
    }
    return [sentence for sentence, holds in notes.items() if holds]
