"""Where readings are taken: at once or, where that is cheaper, laid by and reduced together."""

from torch import Tensor

from coursekit.device.memory import memory_bytes
from coursekit.vitals.torch.clerk import Clerk, Reading
from coursekit.vitals.torch.clock import Clock
from coursekit.vitals.torch.direct import Direct
from coursekit.vitals.torch.forward import ForwardWatch
from coursekit.vitals.torch.stage import Stage, stage_for
from coursekit.vitals.torch.weights import Weights


class Desk:
    """Takes each reading in the way that suits it, and hands it to the clerk in order.

    If the first shows a small model on the CPU, it and all like it are laid by in a `Stage`; any
    that is not like it (the last, smaller batch of an epoch, several batches before one step, a
    weight without a gradient) is measured at once.
    """

    def __init__(self, weights: Weights, forward: ForwardWatch, clerk: Clerk) -> None:
        self._weights, self._forward, self._clerk = weights, forward, clerk
        self._device = weights.parameters[0].device
        self._direct = Direct(weights, forward.reads)
        self._stage: Stage | None = None
        self._staged = self._closure = False
        self._laid_by: list[tuple[int, Reading]] = []

    def before_closure(self) -> None:
        """A step begins that computes its gradients by itself: see `read_gradients`."""
        self._staged, self._closure, self._forward.survey = False, True, None
        self._direct.keep_weights()

    def read_gradients(self, reading: Reading, *, scale: Tensor | None) -> None:
        """Measure the gradients as they are now; they were multiplied by `scale`."""
        self._direct.read_gradients(reading, scale=scale)

    def before_step(self, reading: Reading, *, scale: Tensor | None) -> None:
        """Take all that is there before the step."""
        self._closure = False
        grads = self._weights.gradients()
        if len(reading.passes) != 1 or scale is not None:
            grads = self._forward.survey = None
        self._staged = grads is not None and self._fits(reading, grads)
        if self._staged and self._stage is not None and grads is not None:
            self._stage.before_step(len(self._laid_by), reading, grads)
            if reading.labels:
                labels, classes = reading.labels[0]
                reading.copied_labels = labels.numpy().copy(), classes
        else:
            self._direct.keep_weights()
            self._direct.read_gradients(reading, scale=scale)
            self._direct.read_passes(reading)

    def _fits(self, reading: Reading, grads: list[Tensor]) -> bool:
        """Whether the reading can be laid by; the first complete one decides about all."""
        survey, self._forward.survey = self._forward.survey, None
        if survey is None:
            return self._stage is not None and self._stage.fits(reading.passes[0])
        inputs = reading.passes[0].inputs
        if not any(grad.is_sparse for grad in grads):
            self._stage = stage_for(survey, inputs, self._weights, self._forward.reads)
        if self._stage is not None:
            self._forward.keep_outputs(table=inputs is not None, in_place=survey.in_place())
        return self._stage is not None

    def after_step(self, step: int, reading: Reading, clock: Clock) -> None:
        """Take what the step did, and write the reading or lay it by."""
        if self._staged and self._stage is not None:
            self._stage.after_step(reading)
            reading.passes = []
            reading.lap = clock.lap()
            self._laid_by.append((step, reading))
            if len(self._laid_by) == self._stage.capacity:
                self.flush()
            return
        self.flush()
        if self._closure:
            self._direct.read_passes(reading)
        reading.memory = memory_bytes(self._device)
        numbers = self._direct.send(reading)
        reading.lap = clock.lap()
        self._clerk.write([step], [reading], numbers)

    def flush(self) -> None:
        """Reduce and write what was laid by, once: reducing overwrites the rows."""
        if self._stage is not None and self._laid_by:
            laid_by, self._laid_by = self._laid_by, []  # first: Ctrl-C may come between two lines
            steps, readings = zip(*laid_by, strict=True)
            self._clerk.write(steps, readings, self._stage.reduce(readings))
