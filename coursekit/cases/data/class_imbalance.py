"""Class imbalance: a hundred other digits to one six, and an accuracy that hides it.

The loss is a mean over rows. When one row in a hundred is a six, the answer "no six" is nearly
right on average, and gradient descent gets there first: at the start the pull of the sixes is a
hundredth of the whole, and at a probability of .01 the two pulls cancel. The accuracy is .99 from
the first epochs on, and not one six is found. Accuracy counts rows, so the frequent class fills
it; balanced accuracy, the mean of the recall of each class, is .5 for a network that always gives
the same answer.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import train
from coursekit.cases.rows import Pair, Parts, three_parts
from coursekit.cases.sources import D2, Source

SIX = 6


def one_in(pair: Pair, ratio: int) -> Pair:
    """Rows with labels 0 and 1, of which one 1 is kept for every so many 0."""
    x, y = pair
    zeros, ones = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    kept = np.concatenate([zeros, ones[: round(len(zeros) / ratio)]])
    return x[kept], y[kept]


def sixes(seed: int, ratio: int) -> Parts:
    """Digits labelled 1 where they are a six, and rarely so, except in the test rows."""
    x, y = load_digits(return_X_y=True)
    rows, val, test = three_parts(x / 16, (y == SIX).astype(int), seed)
    return one_in(rows, ratio), one_in(val, ratio), test


def build(
    seed: int,
    device: str,
    *,
    ratio: int = 100,
    six_weight: float = 1.0,
    hidden: int = 32,
    lr: float = 0.05,
    epochs: int = 20,
) -> Setup:
    """A classifier of sixes; the test rows keep all of theirs, so that recall can be measured.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        ratio: Other digits to one six among the training and validation rows.
        six_weight: Weight of a six in the loss; of another digit it is 1.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    y = (y == SIX).astype(int)
    rows, rest = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )  # fmt: skip
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    rows, val_rows = (part[np.argsort(y[part], kind="stable")] for part in (rows, val_rows))
    rows, val_rows = (
        part[: round((1 + 1 / ratio) * (y[part] == 0).sum())] for part in (rows, val_rows)
    )
    x = torch.tensor(x / 16, dtype=torch.float32, device=device)
    y = torch.tensor(y, device=device)
    data, order = TensorDataset(x[rows], y[rows]), torch.Generator().manual_seed(seed)
    loader = DataLoader(data, batch_size=32, shuffle=True, generator=order)
    val, test = TensorDataset(x[val_rows], y[val_rows]), TensorDataset(x[test_rows], y[test_rows])
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 2)).to(device)
    loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([1.0, six_weight]).to(device))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def evaluate(setup: Setup) -> dict[str, float]:
    """Accuracy on ``val``, the estimate; on ``test`` the truth, where each class counts alike."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.val.tensors
        estimate = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
        inputs, labels = setup.test.tensors
        answers = setup.model(inputs).argmax(dim=1)
    truth = float(balanced_accuracy_score(labels.cpu(), answers.cpu()))
    recall = answers[labels == 1].float().mean().item()
    return {
        "estimate": estimate, "truth": truth, "overestimate": estimate - truth, "recall": recall,
    }  # fmt: skip


def build_adam(seed: int, device: str) -> Setup:
    """The rare sixes with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.001))


def build_healthy(seed: int, device: str) -> Setup:
    """All sixes that there are, one in ten, and Adam."""
    setup = build(seed, device, ratio=9)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    ratio: int = 100,
    six_weight: float = 1.0,
    lr: float = 0.01,
    epochs: int = 12,
) -> Setup:
    """The same classifier in Keras; the weights of the classes go to ``fit``."""
    import keras

    rows, val, test = sixes(seed, ratio)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(2)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    class_weight = {0: 1.0, 1: six_weight}
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32, extra=class_weight,
    )  # fmt: skip


def train_keras(setup: Setup) -> Iterator[int]:
    """One ``model.fit`` that knows what a row of each class weighs."""
    inputs, labels = setup.train
    setup.model.fit(
        inputs, labels, class_weight=setup.extra,
        batch_size=setup.batch_size, epochs=setup.epochs, verbose=0,
    )  # fmt: skip
    yield setup.epochs


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on ``val``, the estimate; on ``test`` the truth, where each class counts alike."""
    inputs, labels = setup.val
    estimate = float((setup.model.predict(inputs, verbose=0).argmax(axis=1) == labels).mean())
    inputs, labels = setup.test
    answers = setup.model.predict(inputs, verbose=0).argmax(axis=1)
    truth = float(balanced_accuracy_score(labels, answers))
    recall = float(answers[labels == 1].mean())
    return {
        "estimate": estimate, "truth": truth, "overestimate": estimate - truth, "recall": recall,
    }  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="class-imbalance",
    family="data",
    kind="misjudges",
    question="The accuracy is .99, but it never finds what I look for. Why?",
    lesson="09_accuracy_that_lies",
    broken=_BROKEN,
    fixed=_BROKEN.having(six_weight=100.0),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More units are pulled to the same balance, the share of the sixes.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.005),
            why="It gets less far: the sixes are near zero still.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="Longer steps find some sixes on some seeds; the loss weighs them no more.",
        ),
        Rival(
            name="ten times the learning rate",
            recipe=_BROKEN.having(lr=0.5),
            why="The sixes are learnt last, and it gets there; the accuracy does not say when.",
        ),
        Rival(
            name="three times the epochs",
            recipe=_BROKEN.having(epochs=60),
            why="It hides the cause: sixes creep up past .5, and nobody knows when it is enough.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.6, fixed_bound=0.81, margin=0.3),
    shows=(Sign(quantity="gradient_norm"),),
    knobs=(
        Knob(
            name="six_weight",
            label="weight of a six in the loss",
            values=(1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
            start=100.0,
        ),
        Knob(
            name="ratio",
            label="other digits to one six",
            values=(10, 20, 50, 100, 200),
            start=100,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(six_weight=100.0),
        note=(
            "Keras takes the weights in fit, and does not divide by their sum as PyTorch does: "
            "a weighted step is longer there, and so the learning rate is smaller."
        ),
    ),
    sources=(Source(key="D2", title=D2, section="1. Data issues: class imbalance"),),
)
