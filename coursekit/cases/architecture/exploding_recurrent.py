"""Exploding gradients in time: one recurrent matrix, multiplied by itself for every row.

The network reads a digit row by row and keeps what it has read in 64 hidden units. The same
recurrent weights act at every row, so the gradient that goes back to the first row is
multiplied by them seven times. Where they stretch it, it grows with every row; a long step
makes them stretch more. Soon the loss is NaN, or no unit is alive. Clipping the gradient's norm
keeps its direction and bounds the step.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.init import normal_, orthogonal_
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_clipping, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, PASCANU_2013, Source


class RowReader(nn.Module):
    """Reads a digit of 8 × 8 pixels from its first row to its last, then answers."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(8, 64, nonlinearity="relu", batch_first=True)
        self.answer = nn.Linear(64, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, 10) for pixels of shape (batch, 64)."""
        states, _ = self.rnn(pixels.reshape(-1, 8, 8))  # (batch, 8 rows, 64)
        logits: torch.Tensor = self.answer(states[:, -1])
        return logits


def build(
    seed: int,
    device: str,
    *,
    initialise: Callable[..., torch.Tensor] | None = None,
    weight_std: float = 0.3,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.5,
    epochs: int = 20,
) -> Setup:
    """A recurrent classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        initialise: Fills the recurrent weights in place of normal ones; None leaves those.
        weight_std: Standard deviation of the normal recurrent weights.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = RowReader().to(device)
    recurrent = model.rnn.get_parameter("weight_hh_l0")  # (64, 64)
    normal_(recurrent, std=weight_std)
    if initialise is not None:
        initialise(recurrent)
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
    clipnorm: float | None = None,
    lr: float = 0.5,
    epochs: int = 20,
) -> Setup:
    """The same classifier in Keras, where the optimizer clips."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    normal = keras.initializers.RandomNormal(stddev=0.3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Reshape((8, 8)),
            keras.layers.SimpleRNN(64, activation="relu", recurrent_initializer=normal),
            keras.layers.Dense(10),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr, global_clipnorm=clipnorm)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="exploding-recurrent",
    family="architecture",
    kind="trains",
    question="My recurrent network learns for a few batches, then the loss jumps. Why?",
    lesson="12_exploding_gradients",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_clipping, evaluate=evaluate),
    healthy=_BROKEN.having(initialise=orthogonal_, optimizer_type=Adam, lr=0.003),
    rivals=(
        Rival(
            name="orthogonal recurrent weights",
            recipe=_BROKEN.having(initialise=orthogonal_),
            why="They keep the first gradients in size, and the first long step ends that.",
        ),
        Rival(
            name="Adam at the same learning rate",
            recipe=_BROKEN.having(optimizer_type=Adam),
            why="Its steps are bounded, by half a unit in every single weight: far too long.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.05),
            why="It shortens every step for the sake of a few long ones, and so hides the cause.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.69, margin=0.4
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="weight_std",
            label="standard deviation of the recurrent weights",
            values=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4),
            start=0.3,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(clipnorm=1.0),
        note="Keras clips in the optimizer; its default recurrent weights are orthogonal.",
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        PASCANU_2013,
    ),
)
