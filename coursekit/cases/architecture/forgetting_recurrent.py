"""Forgetting in time: an LSTM that halves its memory at every step.

The network reads the eight rows of a digit and then twenty blank rows before it may answer. What
it keeps in memory is multiplied at every step by the forget gate, a sigmoid. With a bias near
zero the gate is near 1/2, so after twenty steps a millionth is left, of the memory and of the
gradient that goes back to the digit. A forget bias of 4 opens the gate to 0.98 at the start:
a gate that keeps nearly all can learn what to drop; one that drops nearly all learns nothing.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import GRU, LSTM
from torch.optim import Adam

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, Source


class RowReader(nn.Module):
    """Reads the rows of a digit, then blank rows, then answers."""

    def __init__(self, cell: type[nn.RNNBase], *, blanks: int, units: int) -> None:
        super().__init__()
        self.blanks = blanks
        self.cell = cell(8, units, batch_first=True)
        self.answer = nn.Linear(units, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, 10) for pixels of shape (batch, 64)."""
        rows = nn.functional.pad(pixels.reshape(-1, 8, 8), (0, 0, 0, self.blanks))
        states, _ = self.cell(rows)  # (batch, 8 + blanks, units)
        logits: torch.Tensor = self.answer(states[:, -1])
        return logits


def build(
    seed: int,
    device: str,
    *,
    forget_bias: float | None = None,
    cell: type[nn.RNNBase] = LSTM,
    blanks: int = 20,
    units: int = 32,
    lr: float = 0.01,
    epochs: int = 15,
) -> Setup:
    """A recurrent classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        forget_bias: First bias of the forget gate; None leaves what PyTorch drew.
        cell: The recurrent layer.
        blanks: Blank rows after the digit.
        units: Size of the memory.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = RowReader(cell, blanks=blanks, units=units).to(device)
    if forget_bias is not None:
        bias = model.cell.get_parameter("bias_ih_l0")  # the gates: input, forget, cell, output
        nn.init.constant_(bias[units : 2 * units], forget_bias)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def train_clipping(setup: Setup) -> Iterator[int]:
    """The plain loop; a gradient longer than 1 is scaled down to it."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), max_norm=1.0)
            setup.optimizer.step()
        yield epoch + 1


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    forget_bias: float | None = None,
    blanks: int = 20,
    lr: float = 0.01,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras, with its own forget bias of 1 switched off."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    lstm = keras.layers.LSTM(32, unit_forget_bias=False)
    layers = [keras.layers.Reshape((8, 8)), keras.layers.ZeroPadding1D((0, blanks)), lstm]
    model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
    if forget_bias is not None:
        kernel, recurrent, bias = lstm.get_weights()
        bias[32:64] = forget_bias
        lstm.set_weights([kernel, recurrent, bias])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="forgetting-recurrent",
    family="architecture",
    kind="trains",
    question="My LSTM learns short sequences. With longer ones it stays at chance. Why?",
    lesson="04_vanishing_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(forget_bias=4.0),
    healthy=_BROKEN.having(cell=GRU),
    rivals=(
        Rival(
            name="clipping the gradient",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate),
            why="Clipping shortens long gradients; this one is too short.",
        ),
        Rival(
            name="twice the hidden units",
            recipe=_BROKEN.having(units=64),
            why="More units forget at the same rate.",
        ),
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="Adam's steps do not depend on the gradient's size; its direction is what is lost.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.6, margin=0.4
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="blanks",
            label="blank rows after the digit",
            values=(0, 2, 5, 10, 15, 20, 30, 40),
            start=20,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(forget_bias=4.0),
        note="Keras sets the forget bias to 1 by default; here that is switched off.",
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
    ),
)
