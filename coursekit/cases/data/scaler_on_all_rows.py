"""A scaler fitted on all rows: right to avoid, but it is not what ruins a result.

A scaler that has seen validation and test rows knows their mean and deviation, and no label.
From a thousand rows both come out nearly the same with and without those rows, so nearly the
same numbers reach the network. The practice is right, since other steps that are fitted in
the same place, such as a selection of features, do see labels. The harm is not in the scaler.
"""

from typing import Literal

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from torch import nn

from coursekit.cases.case import Case, Knob, NoDifference, Recipe, Setup, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D0, D3, Source


def build(
    seed: int,
    device: str,
    *,
    fit_on: Literal["all", "train"] = "all",
    training_rows: int | None = None,
    lr: float = 0.1,
    epochs: int = 12,
) -> Setup:
    """Digits, each pixel standardised.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        fit_on: The rows that the scaler is fitted on.
        training_rows: How many training rows there are; None keeps all 1,078.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    if training_rows is not None:
        x, y = x[:training_rows], y[:training_rows]
    if fit_on == "all":
        scaler = StandardScaler().fit(np.concatenate([x, x_val, x_test]))
    if fit_on == "train":
        scaler = StandardScaler().fit(x)
    loader = batches(tensors((scaler.transform(x), y), device), batch_size=32, seed=seed)
    val = tensors((scaler.transform(x_val), y_val), device)
    test = tensors((scaler.transform(x_test), y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    fit_on: Literal["all", "train"] = "all",
    lr: float = 0.1,
    epochs: int = 12,
) -> Setup:
    """The same digits and the same network in Keras."""
    import keras

    x, y = load_digits(return_X_y=True)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    if fit_on == "all":
        scaler = StandardScaler().fit(np.concatenate([x, x_val, x_test]))
    if fit_on == "train":
        scaler = StandardScaler().fit(x)
    x, x_val, x_test = (scaler.transform(part) for part in (x, x_val, x_test))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=(x_val, y_val), test=(x_test, y_test), epochs=epochs, batch_size=32,
    )  # fmt: skip


_ALL = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="scaler-on-all-rows",
    family="data",
    kind="myth",
    question="My scaler has seen the test rows. Is my accuracy worth anything?",
    lesson="07_leakage",
    broken=_ALL,
    fixed=_ALL.having(fit_on="train"),
    healthy=None,
    rivals=(),
    claim=NoDifference(score="test_accuracy", better="higher", bound=0.9, tolerance=0.025),
    shows=(),  # nothing tells the two apart: that is the finding
    knobs=(
        Knob(
            name="training_rows",
            label="training rows",
            values=(20, 50, 100, 200, 500, 1078),
            start=1078,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(fit_on="train"),
        note="The scaler is fitted before Keras sees a row.",
    ),
    sources=(
        Source(key="D0", title=D0, section="Example 1: feature scaling with standard scaling"),
        Source(key="D3", title=D3, section="Feature normalization: from training data only"),
    ),
    finding="With a thousand training rows the accuracy is the same to within a point. It would "
    "matter with very few: with 20 rows of digits, seeing the others moves it by up to .08, more "
    "often down than up.",
)
