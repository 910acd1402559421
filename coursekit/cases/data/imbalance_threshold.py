"""A threshold of .5 under imbalance: the network ranks well, and still answers "no" to all rows.

Argmax of two classes is a threshold of .5 on the probability. Where one row in a hundred is a six,
a network that starts to tell sixes apart gives them .1 and the other digits .01: the order is
right, and no row passes .5. Training is not at fault, and is not changed. The threshold is a
choice, made like any other on validation rows, by the score that counts: balanced accuracy.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.data.class_imbalance import SIX, one_in
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import Parts, batches, tensors, three_parts
from coursekit.cases.sources import D2, Source


def rare_sixes(seed: int, ratio: int) -> Parts:
    """Digits labelled 1 where they are a six; rarely so among the training rows."""
    x, y = load_digits(return_X_y=True)
    rows, val, test = three_parts(x / 16, (y == SIX).astype(int), seed)
    return one_in(rows, ratio), val, test


def build(
    seed: int,
    device: str,
    *,
    ratio: int = 100,
    hidden: int = 32,
    lr: float = 0.05,
    epochs: int = 20,
) -> Setup:
    """A classifier of sixes, which are rare among the rows that it is trained on.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        ratio: Other digits to one six among the training rows; of the others it is nine.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    rows, val_rows, test_rows = rare_sixes(seed, ratio)
    loader = batches(tensors(rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 2)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def evaluate_at_half(setup: Setup) -> dict[str, float]:
    """Accuracy on ``val``, the estimate, and balanced accuracy on ``test``, at .5."""
    setup.model.eval()
    with torch.no_grad():
        val_six = setup.model(setup.val.tensors[0]).softmax(dim=1)[:, 1].cpu().numpy()
        test_six = setup.model(setup.test.tensors[0]).softmax(dim=1)[:, 1].cpu().numpy()
    val_labels = setup.val.tensors[1].cpu().numpy()
    test_labels = setup.test.tensors[1].cpu().numpy()
    threshold = 0.5
    estimate = float(((val_six > threshold) == val_labels).mean())
    truth = float(balanced_accuracy_score(test_labels, test_six > threshold))
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def evaluate_at_chosen(setup: Setup) -> dict[str, float]:
    """The same, at the threshold that is best for balanced accuracy on ``val``."""
    setup.model.eval()
    with torch.no_grad():
        val_six = setup.model(setup.val.tensors[0]).softmax(dim=1)[:, 1].cpu().numpy()
        test_six = setup.model(setup.test.tensors[0]).softmax(dim=1)[:, 1].cpu().numpy()
    val_labels = setup.val.tensors[1].cpu().numpy()
    test_labels = setup.test.tensors[1].cpu().numpy()
    thresholds = np.linspace(0.01, 0.99, 99)
    balanced = [balanced_accuracy_score(val_labels, val_six > each) for each in thresholds]
    threshold = thresholds[np.argmax(balanced)]
    estimate = float(((val_six > threshold) == val_labels).mean())
    truth = float(balanced_accuracy_score(test_labels, test_six > threshold))
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def build_healthy(seed: int, device: str) -> Setup:
    """All sixes that there are, one in ten, and Adam: .5 is a fair threshold then."""
    setup = build(seed, device, ratio=9)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    ratio: int = 100,
    lr: float = 0.05,
    epochs: int = 20,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    rows, val, test = rare_sixes(seed, ratio)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    loss_fn = keras.losses.BinaryCrossentropy()
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


def evaluate_at_half_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on ``val``, the estimate, and balanced accuracy on ``test``, at .5."""
    (x_val, y_val), (x_test, y_test) = setup.val, setup.test
    val_six = setup.model.predict(x_val, verbose=0)[:, 0]
    test_six = setup.model.predict(x_test, verbose=0)[:, 0]
    threshold = 0.5
    estimate = float(((val_six > threshold) == y_val).mean())
    truth = float(balanced_accuracy_score(y_test, test_six > threshold))
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def evaluate_at_chosen_keras(setup: Setup) -> dict[str, float]:
    """The same, at the threshold that is best for balanced accuracy on ``val``."""
    (x_val, y_val), (x_test, y_test) = setup.val, setup.test
    val_six = setup.model.predict(x_val, verbose=0)[:, 0]
    test_six = setup.model.predict(x_test, verbose=0)[:, 0]
    thresholds = np.linspace(0.01, 0.99, 99)
    balanced = [balanced_accuracy_score(y_val, val_six > each) for each in thresholds]
    threshold = thresholds[np.argmax(balanced)]
    estimate = float(((val_six > threshold) == y_val).mean())
    truth = float(balanced_accuracy_score(y_test, test_six > threshold))
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_at_half)

CASE = Case(
    name="imbalance-threshold",
    family="data",
    kind="misjudges",
    question="It gives sixes more than other digits, but never answers six. Why?",
    lesson="09_accuracy_that_lies",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train, evaluate=evaluate_at_chosen),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_at_half),
    closes=0.8,
    mitigation="The network is no surer than before; the threshold only reads it better.",
    rivals=(
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="It ranks a little better, and its probabilities of a six stay under .5.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.005),
            why="The probabilities then stay nearer to the frequency of a six, one in a hundred.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=60),
            why="It hides the cause: surer probabilities pass .5, and the threshold is no better.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.65, fixed_bound=0.76, margin=0.2),
    shows=(),  # the two runs train alike; they differ in how the answers are read
    knobs=(
        Knob(
            name="ratio",
            label="other digits to one six",
            values=(10, 20, 50, 100, 200),
            start=100,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_at_half_keras),
        fixed=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_at_chosen_keras),
        note="One sigmoid output here; the metric 'accuracy' of Keras has the same threshold, .5.",
    ),
    sources=(Source(key="D2", title=D2, section="1. Data issues: class imbalance"),),
)
