"""Augmentation left on: the noise that training adds to pictures is added in use as well.

Noise and erased squares make the task harder on purpose, so that the network cannot lean on
single pixels. In use they only destroy: what was drawn over is gone, and the same picture,
shown twice, may get two answers. Keras layers and pipelines switch augmentation off only
where they are told that they are in use.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import train as train_plain
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, Source

NOISE = 0.7  # standard deviation, in grey levels from 0 to 1


class Noise(nn.Module):
    """Adds noise to each picture, in training mode only."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:  # (batch, 64)
        return inputs + NOISE * torch.randn_like(inputs) if self.training else inputs


def build(
    seed: int, device: str, *, noise: float = NOISE, hidden: int = 128, epochs: int = 12
) -> Setup:
    """A network on digits, to be trained on noisy copies of them.

    Args:
        seed: Sets the split, the first weights, the order of the batches and the noise.
        device: Where model and data live.
        noise: Standard deviation of the noise, in grey levels from 0 to 1.
        hidden: Hidden units.
        epochs: Passes over the training rows, each with new noise.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=64, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=noise,
    )  # fmt: skip


def train(setup: Setup) -> Iterator[int]:
    """Train on pictures with noise, new in each epoch."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            augmented = inputs + setup.extra * torch.randn_like(inputs)
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(augmented), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1
