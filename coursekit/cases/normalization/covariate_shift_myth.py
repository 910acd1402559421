"""BatchNorm works, and not because the inputs of a layer hold still.

It is said to help by reducing covariate shift: each layer's input is kept from moving while
the layers before it learn. So give a deep network BatchNorm and undo that: after each such layer
add to every unit a new random offset in every step. Its inputs now jump about far more than
those of the network without BatchNorm, whose layers barely move at all. It trains all the same,
and the still one does not. What BatchNorm gives is a scale at which gradients get through.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import BatchNorm1d, Identity

from coursekit.cases.case import Case, Claim, Recipe, Setup, Sign, Twin
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D0, Source


class Jolt(nn.Module):
    """Adds a new random offset to each unit in each training step, and measures the shift."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size
        self.mean = torch.zeros(64)
        self.path = 0.0
        self.steps = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What comes in, shape (rows, 64), and in training an offset."""
        if self.training:
            x = x + self.size * torch.randn(64, device=x.device)
            mean = x.detach().mean(dim=0)
            if self.steps:
                self.path += (mean - self.mean).abs().mean().item()
            self.mean = mean
            self.steps += 1
        return x


def build(
    seed: int,
    device: str,
    *,
    norm: type[BatchNorm1d] | type[Identity] = Identity,
    jolt: float = 0.0,
    epochs: int = 15,
) -> Setup:
    """Digits, ten hidden layers of sigmoids.

    Args:
        seed: Sets the split, the first weights, the order of the batches and the offsets.
        device: Where model and data live.
        norm: What stands between a linear layer and its sigmoid.
        jolt: Deviation of the random offset of a unit, after the norm.
        epochs: Passes over the training rows.
    """
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=64, seed=seed)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(10):
        layers += [nn.Linear(64, 64), norm(64), Jolt(jolt), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def evaluate_with_shift(setup: Setup) -> dict[str, float]:
    """Accuracy, and how far a unit's mean moved from one step to the next, on average."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = setup.model(inputs)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        jolts = [layer for layer in setup.model if isinstance(layer, Jolt)]
        shift = sum(jolt.path / (jolt.steps - 1) for jolt in jolts) / len(jolts)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item(), "shift": shift}
