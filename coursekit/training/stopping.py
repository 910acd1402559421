"""Early stopping: the run ends when the validation loss falls no more, at its best weights."""

import copy
import math
from typing import Any

from torch import nn

from coursekit.vitals.torch import Vitals


class Patience:
    """Waits for a lower ``val_loss``, and keeps a copy of the best weights meanwhile.

    A loss that is not finite is never better. Where no patience is asked for, all of this does
    nothing. Keras calls it ``EarlyStopping(restore_best_weights=True)``.

    Args:
        model: Whose weights (and running statistics) are kept.
        epochs: How many epochs without a lower ``val_loss`` end the run; None for no limit.
    """

    def __init__(self, model: nn.Module, epochs: int | None) -> None:
        self._model, self._epochs = model, epochs
        self._best, self._best_epoch, self._epoch = math.inf, 0, 0
        self._weights: dict[str, Any] = {}

    def over(self) -> bool:
        """Whether the run has waited long enough."""
        return self._epochs is not None and self._epoch - self._best_epoch >= self._epochs

    def after_epoch(self, scores: dict[str, float]) -> None:
        """Compare the ``val_loss`` of an epoch with the best so far."""
        if self._epochs is None:
            return
        self._epoch += 1
        if scores["val_loss"] < self._best:
            self._best, self._best_epoch = scores["val_loss"], self._epoch
            self._weights = copy.deepcopy(self._model.state_dict())

    def put_back_best(self, vitals: Vitals) -> bool:
        """At the end of a run: the best weights into the model, and a sentence into the record.

        Returns:
            Whether there were any.
        """
        if not self._weights:
            if self.over():
                vitals.note(
                    f"Stopped early after epoch {self._epoch}: val_loss was never finite. The "
                    "weights are those of the last epoch."
                )
            return False
        self._model.load_state_dict(self._weights)
        ended = f"Stopped early after epoch {self._epoch}: " if self.over() else ""
        vitals.note(
            f"{ended}val_loss was lowest, {self._best:.4g}, after epoch {self._best_epoch}; the "
            "weights of that epoch are in the model."
        )
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best so far, and its weights."""
        return {
            "best": self._best,
            "best_epoch": self._best_epoch,
            "epoch": self._epoch,
            "weights": self._weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on waiting from there."""
        self._best, self._best_epoch = state["best"], state["best_epoch"]
        self._epoch, self._weights = state["epoch"], state["weights"]
