"""The measurements: pure functions from tensors to small tensors, all left on their device.

`coursekit.vitals.torch.stage` has the same formulas for many readings at once, on the host.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The Euclidean norm of each tensor, as 0-d tensors.

    Squares of entries below 1e-23 or above 1e19 are lost in single precision: see
    `coursekit.vitals.torch.gauge.refined`. On CUDA the sum is in double precision at once: reading
    the entries takes longer, and to ask again would wait for the device.

    Args:
        tensors: Dense tensors of any shape, on one device.

    >>> [float(norm) for norm in norms([torch.tensor([3.0, 4.0]), torch.zeros(2, 2)])]
    [5.0, 0.0]
    """
    if tensors and tensors[0].is_cuda:
        real = [torch.view_as_real(t.resolve_conj()) if t.is_complex() else t for t in tensors]
        return list(torch._foreach_norm(real, 2, torch.float64))
    wide = [tensor.float() if tensor.itemsize < 4 else tensor for tensor in tensors]
    return list(torch._foreach_norm(wide)) if wide else []


def mean_and_std(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (divided by n) of all entries, as 0-d tensors.

    Two passes: the one-pass formula E[x²] − E[x]² loses all digits where the mean is large
    (Higham, Accuracy and Stability of Numerical Algorithms, section 1.9).

    Args:
        values: Real numbers, any shape with at least one entry.

    >>> mean, std = mean_and_std(torch.tensor([[1.0, 3.0], [5.0, 7.0]]))
    >>> float(mean), round(float(std) ** 2, 4)
    (4.0, 5.0)
    """
    wide = values.float() if values.itemsize < 4 else values
    mean = wide.mean()
    return mean, torch.linalg.vector_norm(wide - mean) / wide.numel() ** 0.5


def feature_mean_and_std(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (divided by n) of each column.

    Args:
        rows: Real numbers, shape (rows, features), at least one row.

    Returns:
        Two tensors of shape (features,).

    >>> mean, std = feature_mean_and_std(torch.tensor([[1.0, 10.0], [3.0, 30.0]]))
    >>> mean.tolist(), std.round(decimals=4).tolist()
    ([2.0, 20.0], [1.0, 10.0])
    """
    wide = rows.float() if rows.itemsize < 4 else rows
    mean = wide.mean(dim=0)
    return mean, torch.linalg.vector_norm(wide - mean, dim=0) / len(wide) ** 0.5


def peaks(activations: Tensor, *, unit_axis: int) -> Tensor:
    """The largest activation of each unit over the rows of a batch.

    A ReLU gives no negative number, so a unit whose peak is 0 gave 0 for every row: no
    gradient passed through it. A NaN makes the peak NaN.

    Args:
        activations: Any shape with at least one axis.
        unit_axis: The axis that counts units: see `coursekit.vitals.torch.layers.unit_axis`.

    Returns:
        Shape (units,).

    >>> peaks(torch.tensor([[0.0, 2.0], [0.0, 0.0]]), unit_axis=1).tolist()
    [0.0, 2.0]
    """
    others = [axis for axis in range(activations.dim()) if axis != unit_axis]
    return activations.amax(dim=others) if others else activations.clone()


def share_outside(values: Tensor, low: float, high: float) -> Tensor:
    """The share of entries below `low` or above `high`, as a 0-d tensor from 0 to 1.

    >>> float(share_outside(torch.tensor([-1.0, 0.0, 0.5, 2.0]), -0.9, 0.9))
    0.5
    """
    return ((values < low) | (values > high)).float().mean()


def class_counts(labels: Tensor, classes: int) -> Tensor:
    """How many labels there are of each class; a label that is no class counts nowhere.

    Args:
        labels: Class numbers, any shape.
        classes: Number of classes.

    Returns:
        Shape (classes,), as 32-bit floats: exact up to 16 million.

    >>> class_counts(torch.tensor([0, 2, 2, -100]), 3).tolist()
    [1.0, 0.0, 2.0]
    """
    real = ((labels >= 0) & (labels < classes)).flatten()
    places = torch.where(real, labels.flatten(), 0)
    counts = torch.zeros(classes, dtype=torch.int64, device=labels.device)
    return counts.scatter_add_(0, places, real.long()).float()


def count_non_finite(tensors: Sequence[Tensor]) -> Tensor:
    """How many entries are NaN or infinite, over all tensors, as a 0-d tensor.

    >>> int(count_non_finite([torch.tensor([1.0, torch.nan]), torch.tensor(torch.inf)]))
    2
    """
    counts = [(~torch.isfinite(tensor)).sum() for tensor in tensors]
    return torch.stack(counts).sum() if counts else torch.tensor(0)
