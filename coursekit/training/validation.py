"""Loss and accuracy on held-out rows, after each epoch."""

import torch
from torch import Tensor, nn

from coursekit.training.batches import Batches, rows
from coursekit.training.guard import Loss
from coursekit.training.precision import Precision
from coursekit.training.ranks import Ranks
from coursekit.vitals.torch import Vitals


class Validation:
    """Evaluates the model on held-out rows; without any, does nothing.

    Args:
        model: Put into evaluation mode, and left there.
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
        sums: list[Tensor] = []  # of losses and of right answers, shape (2,)
        seen, classes = 0, True
        for inputs, labels in batches:
            with self._precision.autocast:
                outputs = self._model(inputs)
                batches.guard.outputs(outputs)
                loss = self._loss_fn(outputs, labels).reshape(())
            seen += rows(inputs)
            weight = rows(inputs) if batches.guard.by_rows else 1
            classes = classes and _are_classes(outputs, labels)
            right = (outputs.argmax(dim=1) == labels).sum() if classes else torch.zeros_like(loss)
            sums = [_added(sums, torch.stack([_wide(loss) * weight, _wide(right)]))]
        total, right_in_all = sums[0].tolist()
        accuracy = {"val_accuracy": right_in_all / seen} if classes else {}
        return {"val_loss": total / seen if batches.guard.by_rows else total, **accuracy}


def _added(sums: list[Tensor], more: Tensor) -> Tensor:
    """The sum so far and more."""
    return sums[0] + more if sums else more


def _wide(value: Tensor) -> Tensor:
    """In double precision, where the device has it: thousands of terms are added."""
    return value.float() if value.device.type == "mps" else value.double()


def _are_classes(outputs: object, labels: Tensor) -> bool:
    """Whether the labels are class numbers, one a row of the outputs."""
    several = isinstance(outputs, Tensor) and outputs.dim() == 2 and outputs.shape[1] > 1
    return several and labels.dim() == 1 and labels.dtype is torch.int64
