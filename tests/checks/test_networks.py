"""The shares that task 2 expects, from two sources that share no code with them."""

import numpy as np
import pytest
import torch

from coursekit.checks.networks import Measured, wine
from coursekit.checks.unscaled_features.networks import by_hand


def test_closed_form() -> None:
    """By hand.

    One row: the gradient of a first-layer weight is (error of its unit) times (input). So entry
    (unit, feature) squared is e_u² x_f², and the units' sum is x_f² times a common factor: the
    shares are 9/25 and 16/25 for x = (3, 4), with or without a hidden layer.

    Two rows (1, 1) and (1, -1), a model that says 0, targets 1: both errors are equal, so the
    gradient is e (1 + 1, 1 - 1) = (2e, 0): the second feature has no share, although each row
    alone would give it one half.

    A table of zeros in front: the same row reaches the Linear layer. Of the table's own gradient
    each feature has one half.
    """
    one_row, cancelling, deep, with_a_table = by_hand()
    assert one_row.expected == pytest.approx([9 / 25, 16 / 25])
    assert cancelling.expected == pytest.approx([1, 0])
    assert deep.expected == pytest.approx([9 / 25, 16 / 25])
    assert with_a_table.expected == pytest.approx([9 / 25, 16 / 25])


@pytest.mark.parametrize("known", [*by_hand(), wine(standardised=False), wine(standardised=True)],
                         ids=lambda known: known.name)  # fmt: skip
def test_against_finite_differences(known: Measured) -> None:
    """Nudge each first-layer weight and see how the loss moves, in float64."""
    model, x = known.model.double(), known.x.double()
    y = known.y if known.y.dtype == torch.long else known.y.double()
    layer = next(layer for layer in model.modules() if isinstance(layer, torch.nn.Linear))
    step = 1e-6 / x.abs().max().item()
    gradient = np.zeros(layer.weight.shape)
    with torch.no_grad():
        for place in np.ndindex(*layer.weight.shape):
            losses = []
            for sign in (1, -2, 1):  # up, down, back
                layer.weight[place] += sign * step
                losses.append(known.loss_fn(model(x), y).item())
            gradient[place] = (losses[0] - losses[1]) / (2 * step)
    squares = (gradient**2).sum(axis=0)
    assert squares / squares.sum() == pytest.approx(known.expected, abs=1e-4)


def test_one_wine_feature_drives_the_raw_network_and_none_the_standardised() -> None:
    raw, scaled = wine(standardised=False), wine(standardised=True)
    assert raw.expected.argmax() == 12
    assert raw.expected[12] > 0.9
    assert scaled.expected.max() < 0.3
