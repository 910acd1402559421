"""Loss and accuracy on held-out rows, after each epoch."""

import math

import torch
from torch import Tensor, nn

from coursekit.training.batches import Batches
from coursekit.training.guard import Loss
from coursekit.training.precision import Precision
from coursekit.training.ranks import Ranks
from coursekit.training.terms import Count
from coursekit.vitals.torch import Vitals


class Validation:
    """Evaluates the model on held-out rows; without any, does nothing.

    Args:
        model: Put into evaluation mode, and back into training mode.
        loss_fn: The loss of the training.
        batches: The held-out batches; None for no validation.
        precision: Of the run.
        ranks: The processes of the run; the first scores for all.

    Attributes:
        batches: As given.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Loss,
        *,
        batches: Batches | None,
        precision: Precision,
        ranks: Ranks,
    ) -> None:
        self.batches = batches
        self._model, self._loss_fn, self._precision = model, loss_fn, precision
        self._ranks = ranks

    def after_epoch(self, vitals: Vitals) -> dict[str, float]:
        """``val_loss`` and, for class numbers, ``val_accuracy``; logged, and returned."""
        batches = self.batches
        if batches is None:
            return {}
        scores = self._ranks.scores(lambda: self._scores(batches))
        for name, score in scores.items():
            vitals.log(name, score)
        return scores

    @torch.no_grad()
    def _scores(self, batches: Batches) -> dict[str, float]:
        """Sums on the device, and one transfer at the end."""
        self._model.eval()
        terms = batches.guard.terms
        sums: list[Tensor] = []  # of losses, what they count by, right answers, rows; shape (4,)
        classes = True
        for inputs, labels in batches:
            with self._precision.autocast:
                outputs = self._model(inputs)
                batches.guard.outputs(outputs)
                loss = self._loss_fn(outputs, labels).reshape(())
            count = terms.of(labels)
            classes = classes and _are_classes(outputs, labels)
            right = (outputs.argmax(dim=1) == labels).sum() if classes else 0
            parts = (_whole(loss, count), count, right, terms.rows(labels))
            sums = [_added(sums, torch.stack([_wide(part, loss) for part in parts]))]
        total, counted, right_in_all, rows = sums[0].tolist()
        mean = total / counted if counted else math.nan
        accuracy = {"val_accuracy": right_in_all / rows} if classes and rows else {}
        self._model.train()
        return {"val_loss": total if terms.summed else mean, **accuracy}


def _added(sums: list[Tensor], more: Tensor) -> Tensor:
    """The sum so far and more."""
    return sums[0] + more if sums else more


def _whole(loss: Tensor, count: Count) -> Tensor:
    """What a mean was taken of; nothing, where it was taken over nothing."""
    whole = _wide(loss, loss) * count
    return whole if isinstance(count, int) else torch.where(count > 0, whole, 0.0)


def _wide(value: Count, loss: Tensor) -> Tensor:
    """Beside the loss, in double precision where its device has it: thousands are added."""
    dtype = torch.float32 if loss.device.type == "mps" else torch.float64
    return value.to(dtype) if isinstance(value, Tensor) else loss.new_full((), value, dtype=dtype)


def _are_classes(outputs: object, labels: Tensor) -> bool:
    """Whether the labels are class numbers, one a row of the outputs."""
    several = isinstance(outputs, Tensor) and outputs.dim() == 2 and outputs.shape[1] > 1
    return several and labels.dim() == 1 and labels.dtype is torch.int64
