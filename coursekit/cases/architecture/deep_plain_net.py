"""A deep plain network: forty layers with good weights, and still no learning.

He's weights keep the size of the signal and of the gradient. They do not keep what the gradient
says: behind forty ReLU layers every digit points in nearly the same direction, and one batch
pulls the first layer where the next does not want it. A residual layer adds its part to what it
got, so that the input runs through to the end. The sum must not grow: forty parts of full size
double the signal forty times, and the loss is NaN. Each part scaled by 1/√40 keeps it in bounds.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.init import kaiming_normal_
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D3, HE_2016, Source


class Block(nn.Module):
    """A ReLU layer; ``keep`` of its input is added to ``scale`` of its output."""

    def __init__(self, *, keep: float, scale: float) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 64)
        kaiming_normal_(self.linear.weight)
        self.keep, self.scale = keep, scale

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Activations of shape (batch, 64)."""
        return self.keep * inputs + self.scale * torch.relu(self.linear(inputs))


def build(
    seed: int,
    device: str,
    *,
    keep: float = 0.0,
    scale: float = 1.0,
    depth: int = 40,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.05,
    epochs: int = 12,
) -> Setup:
    """A very deep classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        keep: How much of a layer's input is added to its output.
        scale: What a layer's own output is multiplied by.
        depth: Hidden layers, of 64 units each.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    blocks = [Block(keep=keep, scale=scale) for _ in range(depth)]
    model = nn.Sequential(*blocks, nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optimizer_type(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    scale: float | None = None,
    lr: float = 0.05,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Not used.
        scale: What each layer's output is multiplied by before its input is added; None
            leaves the layers plain.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    inputs = hidden = keras.Input((64,))
    for _ in range(40):
        layer = keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal")
        hidden = layer(hidden) if scale is None else hidden + scale * layer(hidden)
    model = keras.Model(inputs, keras.layers.Dense(10)(hidden))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="deep-plain-net",
    family="architecture",
    kind="trains",
    question="I have ReLU and He's weights, and forty layers do not learn at all. Why?",
    lesson="04_vanishing_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(keep=1.0, scale=0.158),
    healthy=_BROKEN.having(depth=2, optimizer_type=Adam, lr=0.001),
    rivals=(
        Rival(
            name="a residual connection without scaling",
            recipe=_BROKEN.having(keep=1.0),
            why="Every layer adds a part as large as its input, and forty doublings overflow.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(optimizer_type=Adam, lr=0.001),
            why="It enlarges small gradients and so hides the cause: the layers lose as much.",
        ),
        Rival(
            name="twice the epochs",
            recipe=_BROKEN.having(epochs=24),
            why="The layers lose as much in a late epoch as in the first.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.4, fixed_bound=0.75, margin=0.4
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="depth",
            label="hidden layers",
            values=(2, 5, 10, 20, 40),
            start=40,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(scale=0.158),
        note="Keras needs its functional form for the addition; ten epochs.",
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        Source(key="D3", title=D3, section="The paragraph on model architecture"),
        HE_2016,
    ),
    finding=(
        "Two documents say that residual connections mend a deep network. It depends on their "
        "scale: forty bare ones on He's weights overflow; scaled by 1/√40 they learn."
    ),
)
