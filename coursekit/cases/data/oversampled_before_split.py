"""Oversampling before the split: the rare class is tested on rows it was trained on.

One image in eight is rare by lot, so nothing tells it from the others and the truth is one in
two. Its rows are repeated until both classes are equally many. Split after that, nearly every
rare validation row has a copy in training; the network knows those by heart, and the rare
class, the one that the repair was for, looks nearly perfect.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import batches, tensors
from coursekit.cases.sources import D1, D2, Source


def balanced(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The rows, with those of class 1 repeated until there are about as many as of class 0."""
    times = np.where(y == 1, (y == 0).sum() // (y == 1).sum(), 1)
    return x.repeat(times, axis=0), y.repeat(times)


def build(
    seed: int,
    device: str,
    *,
    oversample: Literal["before_split", "after_split"] = "before_split",
    weight_decay: float = 0.0,
    dropout: float | None = None,
    lr: float = 0.003,
    epochs: int = 30,
) -> Setup:
    """A rare class that nothing in the images decides.

    Args:
        seed: Sets the rows, the split, the first weights and the order of the batches.
        device: Where model and data live.
        oversample: When the rare rows are repeated; after the split, only those in training.
        weight_decay: Weight decay of AdamW.
        dropout: Share of the hidden units that are dropped in training; None has no dropout.
        lr: Learning rate of AdamW.
        epochs: Passes over the training rows.
    """
    x, _ = load_digits(return_X_y=True)
    y = np.random.default_rng(seed).permutation(np.arange(len(x)) % 8 == 0).astype(int)  # by lot
    x, x_test, y, y_test = train_test_split(
        x / 8 - 1, y, train_size=800, stratify=y, random_state=seed
    )
    if oversample == "before_split":
        x, y = balanced(x, y)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.5, stratify=y, random_state=seed)
    if oversample == "after_split":
        x, y = balanced(x, y)
    loader = batches(tensors((x, y), device), batch_size=64, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 2)).to(device)
    if dropout is not None:
        model.insert(2, nn.Dropout(dropout))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def evaluate(setup: Setup) -> dict[str, float]:
    """Balanced accuracy on ``val``, which is the estimate, and on ``test``, which is the truth."""
    setup.model.eval()
    with torch.no_grad():
        estimate, truth = (
            balanced_accuracy_score(labels.cpu(), setup.model(inputs).argmax(dim=1).cpu())
            for inputs, labels in (setup.val.tensors, setup.test.tensors)
        )
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def build_healthy(seed: int, device: str) -> Setup:
    """Nothing repeated before the split, and plain gradient descent."""
    setup = build(seed, device, oversample="after_split")
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.1))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    oversample: Literal["before_split", "after_split"] = "before_split",
    epochs: int = 30,
) -> Setup:
    """The same rows and the same network in Keras."""
    import keras

    x, _ = load_digits(return_X_y=True)
    y = np.random.default_rng(seed).permutation(np.arange(len(x)) % 8 == 0).astype(int)  # by lot
    x, x_test, y, y_test = train_test_split(
        x / 8 - 1, y, train_size=800, stratify=y, random_state=seed
    )
    if oversample == "before_split":
        x, y = balanced(x, y)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.5, stratify=y, random_state=seed)
    if oversample == "after_split":
        x, y = balanced(x, y)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(256, activation="relu"), keras.layers.Dense(2)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=(x_val, y_val), test=(x_test, y_test), epochs=epochs, batch_size=64,
    )  # fmt: skip


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Balanced accuracy on ``val``, which is the estimate, and on ``test``, which is the truth."""
    estimate, truth = (
        balanced_accuracy_score(labels, setup.model.predict(inputs, verbose=0).argmax(axis=1))
        for inputs, labels in (setup.val, setup.test)
    )
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="oversampled-before-split",
    family="data",
    kind="misjudges",
    question="Since the rare class was oversampled, validation finds it; in use nobody does. Why?",
    lesson="07_leakage",
    broken=_BROKEN,
    fixed=_BROKEN.having(oversample="after_split"),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.3),
            why="The repeated rows are on both sides of the split, however small the weights are.",
        ),
        Rival(
            name="dropout",
            recipe=_BROKEN.having(dropout=0.3),
            why="A rare row is seen so often that it is learned by heart all the same.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="The copies are there from the first epoch; it only takes longer to learn them.",
        ),
    ),
    claim=Claim(
        score="overestimate",
        better="lower",
        broken_bound=0.25,
        fixed_bound=0.12,
        margin=0.15,
        reason="On each seed the two lie at least .25 apart. But the labels are dealt out by lot, "
        "and the test rows of one seed in forty were kind to what was learnt by heart.",
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(oversample="after_split"),
        note="The rows are repeated before Keras sees them; its class_weight would repeat none.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: data leakage"),
        Source(key="D2", title=D2, section="Data issues: unintentional data leakage"),
    ),
)
