"""What several exercises measure of a script's run: its accuracy, its first step, its batches."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.diagnosing import Cause, R


def accurate(*, enough: float) -> Cause[R]:
    """The cause that nothing is the matter: the accuracy on held-out rows is high.

    Args:
        enough: The accuracy from which on it holds.
    """
    return Cause(
        holds=lambda run: run.accuracy >= enough,
        measured=lambda run: f"the accuracy on held-out rows is {run.accuracy:.2f}",
    )


def named_rightly(model: nn.Module, rows: Tensor, labels: Tensor) -> float:
    """Share of rows that a network names rightly, in the mode that it is in.

    Args:
        model: The network.
        rows: Inputs, shape (rows, features).
        labels: Class numbers, shape (rows,).

    >>> named_rightly(nn.Identity(), torch.eye(2), torch.tensor([0, 0]))
    0.5
    """
    with torch.no_grad():
        return float((model(rows).argmax(dim=1) == labels).float().mean())


def first_step(weights: Sequence[Tensor]) -> float:
    """Length of the first step over the size of the weights; 0 where none was taken.

    Args:
        weights: All weights as one long vector, at the start and after each step.

    >>> first_step([torch.tensor([0.0, 4.0]), torch.tensor([0.0, 3.0])])
    0.25
    """
    if len(weights) < 2:
        return 0.0
    return float((weights[1] - weights[0]).norm() / weights[0].norm())


def one_class(batches: Sequence[Tensor]) -> float:
    """Share of the most frequent class in a batch, mean over the batches.

    Args:
        batches: The class numbers of each, shape (rows,).

    >>> one_class([torch.tensor([1, 1]), torch.tensor([0, 1])])
    0.75
    """
    return float(np.mean([float(labels.bincount().max()) / len(labels) for labels in batches]))


def at_weights(model: nn.Module, weights: Tensor) -> nn.Module:
    """A copy of a model with other weights, in the same mode.

    Args:
        model: The model.
        weights: All of them as one long vector.

    >>> at_weights(nn.Linear(1, 1), torch.tensor([2.0, 3.0]))(torch.tensor([5.0])).item()
    13.0
    """
    twin = copy.deepcopy(model)
    nn.utils.vector_to_parameters(weights.clone(), twin.parameters())
    return twin
