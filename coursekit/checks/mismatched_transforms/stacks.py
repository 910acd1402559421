"""Stacks of pictures whose mismatch is known without the learner's function: for task 2."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit.cases.data.channel_order import patches

Array = npt.NDArray[np.float64]

SEED = 202
SIDE = 10  # pixels: 100 a picture, so that n and n - 1 give the same to two digits


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """Two stacks, and how far the second lies from the first.

    Attributes:
        name: What messages call it.
        trained_on: Pictures as the network got them in training, shape (pictures, channels, height,
            width).
        in_use: Pictures as it gets them in use.
        shift: The right answer, shape (channels,).
        ratio: The right answer, shape (channels,).
    """

    name: str
    trained_on: Tensor
    in_use: Tensor
    shift: Array
    ratio: Array


def by_hand() -> tuple[Pair, ...]:
    """Stacks that a person can work out; their test does so.

    >>> [(pair.shift.tolist(), pair.ratio.tolist()) for pair in by_hand()]
    [([3.0, 0.0], [2.0, 0.5]), ([-1.0], [1.0]), ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])]
    """
    return (
        Pair(
            name="pictures of two channels",
            trained_on=_stack([(1, 0), (1, 4)], [(3, 0), (3, 4)]),
            in_use=_stack([(3, 1), (7, 1)], [(3, 3), (7, 3)]),
            shift=np.array([3.0, 0.0]), ratio=np.array([2.0, 0.5]),
        ),
        Pair(
            name="pictures of one channel",
            trained_on=_stack([(-1,), (3,)], [(-1,), (3,)]),
            in_use=_stack([(-3,), (1,)], [(-3,), (1,)], [(-3,), (1,)]),
            shift=np.array([-1.0]), ratio=np.array([1.0]),
        ),
        Pair(
            name="the same pictures twice",
            trained_on=_stack([(1, 5, 0), (2, 9, 1)]), in_use=_stack([(1, 5, 0), (2, 9, 1)]),
            shift=np.zeros(3), ratio=np.ones(3),
        ),
    )  # fmt: skip


def photographs() -> tuple[Pair, ...]:
    """Patches of the temple and the flower, normalised in training and spoilt in use."""
    grey_levels = np.random.default_rng(SEED).permutation(patches()[0]) / 255
    kept, new = grey_levels[:600], grey_levels[600:1000]
    training = (kept - 0.5) / 0.5
    spoilt = {
        "pictures that are prepared alike": (new - 0.5) / 0.5,
        "a forgotten Normalize": new,
        "another order of channels": (new[:, ::-1] - 0.5) / 0.5,
        "a second division by 255": (new / 255 - 0.5) / 0.5,
    }
    return tuple(_measured(name, training, in_use) for name, in_use in spoilt.items())


def _measured(name: str, trained_on: Array, in_use: Array) -> Pair:
    """A pair with its answer, worked out channel by channel in numpy."""
    before, after = ([stack[:, c].ravel() for c in range(3)] for stack in (trained_on, in_use))
    shift = [(b.mean() - a.mean()) / a.std() for a, b in zip(before, after, strict=True)]
    ratio = [b.std() / a.std() for a, b in zip(before, after, strict=True)]
    tensors = (torch.tensor(stack.copy(), dtype=torch.float32) for stack in (trained_on, in_use))
    first, second = tensors
    return Pair(
        name=name, trained_on=first, in_use=second, shift=np.array(shift), ratio=np.array(ratio)
    )


def _stack(*pictures: list[tuple[int, ...]]) -> Tensor:
    """Pictures whose upper half has one value a channel, and whose lower half another.

    Args:
        *pictures: For each the values of its upper and of its lower half, one a channel.
    """
    halves = torch.tensor(pictures, dtype=torch.float32)  # (pictures, 2, channels)
    columns = halves.transpose(1, 2).repeat_interleave(SIDE // 2, dim=2)  # (pictures, channels, 10)
    return columns[..., None].repeat(1, 1, 1, SIDE)
