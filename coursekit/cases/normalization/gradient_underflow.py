"""Gradients that underflow: float16 without loss scaling rounds them to zero.

The smallest number that float16 can hold is 6e-8. Here the loss counts for a hundred thousandth,
as a term beside a larger one does, or a mean over very many pixels. The loss itself is float32
and looks right. Its gradients pass the layers in float16 and are rounded to zero on the way; what
reaches the last layer is rounded up, and wrong. Adam would not mind small gradients; it cannot
divide zeros. Loss scaling multiplies the loss before the way back, and divides the gradients after
it, in float32. ``torch.amp.GradScaler`` does both, and looks for the scale by itself.
"""

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_half, evaluate_keras, train, train_keras
from coursekit.cases.rows import digits
from coursekit.cases.sources import D3, MICIKEVICIUS_2018, TORCH_AMP, Source

WEIGHT = 1e-5  # what the loss counts for


def build(
    seed: int, device: str, *, exponent: int = 16, lr: float = 0.005, epochs: int = 20
) -> Setup:
    """The digits classifier, to be trained in mixed precision.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        exponent: The loss is scaled by 2 to the power of this; read by `train_scaled` alone.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x = torch.tensor(x / 16, dtype=torch.float32, device=device)
    y = torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=256, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10)
    ).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=exponent,
    )  # fmt: skip


def train_mixed(setup: Setup) -> Iterator[int]:
    """The loop of mixed precision: layers in float16, weights and loss in float32."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            with torch.autocast(inputs.device.type, dtype=torch.float16):
                logits = setup.model(inputs)
            loss = WEIGHT * setup.loss_fn(logits.float(), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_scaled(setup: Setup) -> Iterator[int]:
    """The same loop; the loss is scaled for the way back, and the gradients are divided again."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            with torch.autocast(inputs.device.type, dtype=torch.float16):
                logits = setup.model(inputs)
            loss = WEIGHT * setup.loss_fn(logits.float(), labels)
            (2**setup.extra * loss).backward()
            for weight in setup.model.parameters():
                weight.grad /= 2**setup.extra
            setup.optimizer.step()
        yield epoch + 1


def train_clipping_mixed(setup: Setup) -> Iterator[int]:
    """The loop without scaling, the gradient's length cut to 1."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            with torch.autocast(inputs.device.type, dtype=torch.float16):
                logits = setup.model(inputs)
            loss = WEIGHT * setup.loss_fn(logits.float(), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), 1.0)
            setup.optimizer.step()
        yield epoch + 1


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    auto_scale_loss: bool = False,
    epochs: int = 20,
) -> Setup:
    """The same classifier in Keras under the policy mixed_float16."""
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Dense(64, activation="tanh", dtype="mixed_float16"),
        keras.layers.Dense(64, activation="tanh", dtype="mixed_float16"),
        keras.layers.Dense(10, dtype="mixed_float16"),
        keras.layers.Activation("linear", dtype="float32"),
    ]
    inputs = outputs = keras.Input((64,))
    for layer in layers:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.005, epsilon=1e-10)  # its own 1e-7 hides such gradients
    model.compile(
        optimizer=optimizer, loss=loss_fn, loss_weights=1e-6, metrics=["accuracy"],
        auto_scale_loss=auto_scale_loss, jit_compile=False,
    )  # fmt: skip
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=256,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_mixed, evaluate=evaluate_half)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="gradient-underflow",
    family="normalization",
    kind="trains",
    question="In float32 my model learns. In mixed precision the loss stands still, and there is "
    "no NaN anywhere. Why?",
    lesson="14_precision_and_devices",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_scaled, evaluate=evaluate_half),
    healthy=Recipe(build=build, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a learning rate ten times as high",
            recipe=_BROKEN.having(lr=0.05),
            why="Where a gradient is zero no rate helps; elsewhere it points the wrong way.",
        ),
        Rival(
            name="three times as many epochs",
            recipe=_BROKEN.having(epochs=60),
            why="In nearly every step the gradients of the first layers are zero.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipping_mixed, evaluate=evaluate_half),
            why="Clipping shortens long gradients; these are too short to be held.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.84, margin=0.6
    ),
    shows=(
        Sign(quantity="gradient_norm", read="first", layer="0"),
        Sign(quantity="update_ratio", read="first", layer="0"),
    ),
    knobs=(
        Knob(
            name="exponent",
            label="the loss is scaled by 2 to the power of",
            values=(0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40),
            start=16,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(auto_scale_loss=True),
        note="Keras scales the loss by itself under the policy mixed_float16; one must switch "
        "that off to see the failure.",
    ),
    sources=(
        Source(key="D3", title=D3, section="Introduction: numerical stability"),
        MICIKEVICIUS_2018,
        TORCH_AMP,
    ),
)
