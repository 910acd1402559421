"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit.checks.columns import uneven_inputs
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, linear_layers, outcome, reading
from coursekit.checks.trained import accurate, first_step, named_rightly
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.85  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LEAP = 0.5  # first step over the weights; at Adam's rate .01 it is .1
PARTNERS = 0.5  # share of the first BatchNorm's output that the partners decide; 64 rows give .03
APART = 0.15  # accuracy on the training rows, in training mode less in evaluation mode
BY_HEART = 0.15  # accuracy in evaluation mode, on the training rows less on held-out ones
WIDER = ({"hidden": 64}, {"hidden": 128})  # what would heal a network that is too small
IMAGES, DRAWS = 20, 10  # what the partners' share is measured on


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        in_training: Share of the training rows that it names rightly in training mode.
        in_evaluation: The same in evaluation mode.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        first_step: Length of the first step over the size of the weights.
        partners: Share of the first BatchNorm's output that an image's partners decide, in
            batches of the script's size.
    """

    accuracy: float
    in_training: float
    in_evaluation: float
    rows: Array
    labels: Labels
    first_step: float
    partners: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, batch_size, losses, weights and accuracy"):
        model, weights = found["model"].eval(), list(found["weights"])
        (rows, labels), (held_out, answers) = found["train"].tensors, found["test"].tensors
        first = linear_layers(model)[0]
        with torch.no_grad():
            reaching = first(rows)  # the first BatchNorm, (rows, units)
        return Run(
            accuracy=named_rightly(model, held_out, answers),
            in_training=named_rightly(copy.deepcopy(model).train(), rows, labels),
            in_evaluation=named_rightly(model, rows, labels),
            rows=rows.numpy(),
            labels=labels.numpy(),
            first_step=first_step(weights),
            partners=made_by_partners(reaching, int(found["batch_size"])),
        )


def made_by_partners(reaching: Tensor, batch_size: int) -> float:
    """Share of what a BatchNorm gives for an image that the others in its batch decide.

    The variance over draws of the partners, over the variance over images and draws.

    Args:
        reaching: What reaches the layer, shape (rows, units).
        batch_size: Rows in a batch, the image among them.

    >>> torch.manual_seed(0).initial_seed()
    0
    >>> made_by_partners(torch.randn(500, 4), 2) > 0.5 > made_by_partners(torch.randn(500, 4), 32)
    True
    """
    order = torch.Generator().manual_seed(0)
    size = (IMAGES, DRAWS, max(batch_size, 2) - 1)
    partners = reaching[torch.randint(IMAGES, len(reaching), size, generator=order)]
    image = reaching[:IMAGES, None, None].expand(-1, DRAWS, -1, -1)  # (images, draws, 1, units)
    batch = torch.cat([image, partners], dim=2).double()
    spread = (batch.var(dim=2, unbiased=False) + 1e-5).sqrt()
    given = (batch[:, :, 0] - batch.mean(dim=2)) / spread  # (images, draws, units)
    whole = given.flatten(0, 1).var(dim=0).mean()
    return float(given.var(dim=1).mean() / whole)


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_inputs(above=UNEVEN),
    "B": Cause(
        holds=lambda run: not run.first_step <= LEAP,
        measured=lambda run: (
            f"the first step moves the weights by {two_digits(run.first_step)} times their size"
        ),
    ),
    "C": Cause(
        holds=lambda run: run.partners > PARTNERS,
        measured=lambda run: (
            f"in batches of the script's size, the partners decide {run.partners:.0%} of what the "
            "first BatchNorm gives for an image"
        ),
    ),
    "D": Cause(
        holds=lambda run: run.in_training - run.in_evaluation > APART,
        measured=lambda run: (
            f"the accuracy on the training rows is {run.in_training:.2f} in training mode and "
            f"{run.in_evaluation:.2f} in evaluation mode"
        ),
    ),
    "E": Cause(
        holds=lambda run: run.in_evaluation - run.accuracy > BY_HEART,
        measured=lambda run: (
            f"in evaluation mode the accuracy is {run.in_evaluation:.2f} on the training rows and "
            f"{run.accuracy:.2f} on held-out ones"
        ),
    ),
    "F": Cause(
        others=lambda _: WIDER,
        measured=lambda run: f"as the script was given it is {run.accuracy:.2f}",
    ),
    "G": accurate(enough=HEALTHY),
}
