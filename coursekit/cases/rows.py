"""Rows of the bundled data in three parts, ready for a network: what most cases start from.

Where preparing the data is the failure itself, a case does it by its own lines instead.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Parts = tuple[Pair, Pair, Pair]


def three_parts(
    x: npt.NDArray[Any], y: npt.NDArray[Any], seed: int, *, classes: bool = True
) -> Parts:
    """Training, validation and test rows: six, two and two tenths.

    Args:
        x: Features, shape (rows, …).
        y: Targets, shape (rows, …).
        seed: Chooses the rows.
        classes: True where y holds class numbers: each part then has them in proportion.

    Returns:
        Three pairs (x, y).

    >>> train, val, test = three_parts(np.zeros((10, 2)), np.arange(10) % 2, 0)
    >>> [len(y) for _, y in (train, val, test)]
    [6, 2, 2]
    """
    rows, rest = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y if classes else None, random_state=seed
    )
    val, test = train_test_split(
        rest, test_size=0.5, stratify=y[rest] if classes else None, random_state=seed
    )
    return (x[rows], y[rows]), (x[val], y[val]), (x[test], y[test])


def standardised(parts: Parts) -> Parts:
    """The same rows, each feature scaled by the mean and deviation of its training rows."""
    mean, std = parts[0][0].mean(axis=0), parts[0][0].std(axis=0)
    train, val, test = (((x - mean) / std, y) for x, y in parts)
    return train, val, test


def digits(seed: int) -> Parts:
    """Digits, 64 grey levels from 0 to 1, ten classes; 1,078 training rows.

    >>> (x, y), _, _ = digits(0)
    >>> x.shape, float(x.max())
    ((1078, 64), 1.0)
    """
    x, y = load_digits(return_X_y=True)
    return three_parts(x / 16, y, seed)


def wine(seed: int) -> Parts:
    """Wine, 13 features on one scale, three classes; 106 training rows."""
    x, y = load_wine(return_X_y=True)
    return standardised(three_parts(x, y, seed))


def breast_cancer(seed: int) -> Parts:
    """Breast cancer, 30 features on one scale, two classes; 341 training rows."""
    x, y = load_breast_cancer(return_X_y=True)
    return standardised(three_parts(x, y, seed))


def diabetes(seed: int) -> Parts:
    """Diabetes, 10 features and the target on one scale, y of shape (rows,); 265 training rows."""
    x, y = load_diabetes(return_X_y=True)
    parts = three_parts(x, y, seed, classes=False)
    mean, std = parts[0][1].mean(), parts[0][1].std()
    train, val, test = ((x, (y - mean) / std) for x, y in standardised(parts))
    return train, val, test


def tensors(pair: Pair, device: str) -> TensorDataset:
    """Rows as tensors: x float32, y int64 where it holds classes and float32 elsewhere."""
    x, y = pair
    kind = torch.float32 if y.dtype.kind == "f" else torch.int64
    return TensorDataset(
        torch.tensor(x, dtype=torch.float32, device=device),
        torch.tensor(y, dtype=kind, device=device),
    )


def batches(
    rows: TensorDataset, *, batch_size: int, seed: int, shuffle: bool = True
) -> DataLoader[Any]:
    """A loader whose order depends on the seed alone."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(rows, batch_size=batch_size, shuffle=shuffle, generator=order)
