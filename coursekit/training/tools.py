"""What one run of `fit` works with: one object for each concern."""

from dataclasses import dataclass

import torch
from torch import nn

from coursekit.training.batches import Batches
from coursekit.training.finite import FiniteLoss
from coursekit.training.guard import Guard, Loss
from coursekit.training.precision import Clipping, Precision
from coursekit.training.progress import Progress
from coursekit.training.ranks import Ranks
from coursekit.training.schedule import Schedule
from coursekit.training.stopping import Patience
from coursekit.training.validation import Validation


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Model, loss and optimizer, and what is called around them.

    Attributes:
        model: Trained in place.
        ranks: The processes that train it together.
        forward: What is called in its place: the model, or what averages its gradients over
            several processes.
        loss_fn: As `fit` got it.
        optimizer: As `fit` got it.
        batches: Training batches, sent to the device, in groups that share an update.
        precision: How forward and backward compute.
        finite: Stops a run whose loss is not finite.
        clipping: Shortens gradients.
        schedule: Steps the learning rate scheduler.
        validation: Scores on held-out rows.
        patience: Ends the run early.
        progress: Shows where the run is.
    """

    model: nn.Module
    ranks: Ranks
    forward: nn.Module
    loss_fn: Loss
    optimizer: torch.optim.Optimizer
    batches: Batches
    precision: Precision
    finite: FiniteLoss
    clipping: Clipping
    schedule: Schedule
    validation: Validation
    patience: Patience
    progress: Progress

    @property
    def guard(self) -> Guard:
        """Looks at the first pass over the training batches."""
        return self.batches.guard
