"""A target in disguise: a column that is the answer in another unit.

The network shall predict the worst radius of a biopsy's nuclei from their ten mean
measurements. Left in the table is the worst perimeter: the same nuclei, measured along the rim.
Nothing else is worth a look then, and the network puts its weight there. In use that column is
not known yet, since it comes with the answer; its mean stands in, and the network that did
without the other ten columns has little left to go by.
"""

from dataclasses import replace

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import batches, tensors
from coursekit.cases.sources import D1, D2, KAUFMAN_2012, Source

MEANS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
MEANS_AND_PERIMETER = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 22)
WORST_RADIUS = 20


def build(
    seed: int,
    device: str,
    *,
    columns: tuple[int, ...] = MEANS_AND_PERIMETER,
    weight_decay: float = 0.0,
    input_dropout: float | None = None,
    lr: float = 0.05,
    epochs: int = 60,
) -> Setup:
    """A linear model for the worst radius.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        columns: The columns that the model sees.
        weight_decay: Weight decay of SGD.
        input_dropout: Share of the inputs dropped in training; None has no dropout.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    table = load_breast_cancer().data  # (569, 30)
    rows, rest = train_test_split(table, test_size=0.6, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, random_state=seed)
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    rows, val_rows, test_rows = ((part - mean) / std for part in (rows, val_rows, test_rows))
    x, x_val, x_test = (part[:, columns] for part in (rows, val_rows, test_rows))
    y, y_val, y_test = (part[:, WORST_RADIUS] for part in (rows, val_rows, test_rows))
    x_test[:, 10:] = 0  # in use, what comes after the ten means is not measured yet
    loader = batches(tensors((x, y), device), batch_size=16, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(len(columns), 1), nn.Flatten(0)).to(device)
    if input_dropout is not None:
        model.insert(0, nn.Dropout(input_dropout))
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def evaluate(setup: Setup) -> dict[str, float]:
    """R² on ``val``, which is the estimate, and on ``test``, which is the truth."""
    setup.model.eval()
    with torch.no_grad():
        estimate, truth = (
            1 - ((setup.model(inputs) - targets) ** 2).mean().item() / targets.var().item()
            for inputs, targets in (setup.val.tensors, setup.test.tensors)
        )
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def build_healthy(seed: int, device: str) -> Setup:
    """Only what is known in time, for a network with a hidden layer."""
    setup = build(seed, device, columns=MEANS)
    hidden = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0)).to(device)
    adam = torch.optim.Adam(hidden.parameters(), lr=0.003)
    return replace(setup, model=hidden, optimizer=adam)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    columns: tuple[int, ...] = MEANS_AND_PERIMETER,
    lr: float = 0.06,
    epochs: int = 15,
) -> Setup:
    """The same linear model in Keras; smaller batches, because an epoch costs more there."""
    import keras

    table = load_breast_cancer().data  # (569, 30)
    rows, rest = train_test_split(table, test_size=0.6, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, random_state=seed)
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    rows, val_rows, test_rows = ((part - mean) / std for part in (rows, val_rows, test_rows))
    x, x_val, x_test = (part[:, columns] for part in (rows, val_rows, test_rows))
    y, y_val, y_test = (part[:, WORST_RADIUS] for part in (rows, val_rows, test_rows))
    x_test[:, 10:] = 0  # in use, what comes after the ten means is not measured yet

    keras.utils.set_random_seed(seed)
    first = keras.initializers.RandomUniform(-0.3, 0.3)
    model = keras.Sequential(
        [keras.Input((len(columns),)), keras.layers.Dense(1, kernel_initializer=first)]
    )
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=(x_val, y_val), test=(x_test, y_test), epochs=epochs, batch_size=8,
    )  # fmt: skip


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """R² on ``val``, which is the estimate, and on ``test``, which is the truth."""
    estimate, truth = (
        1 - float(((setup.model.predict(x, verbose=0)[:, 0] - y) ** 2).mean() / y.var())
        for x, y in (setup.val, setup.test)
    )
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="target-in-disguise",
    family="data",
    kind="misjudges",
    question="R² was .99 in validation, and in use the predictions are useless. Why?",
    lesson="07_leakage",
    broken=_BROKEN,
    fixed=_BROKEN.having(columns=MEANS),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=120),
            why="Every further step moves more of the weight onto the one column.",
        ),
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.1),
            why="It spreads the weight over columns that say the same, so it hides a part of the "
            "cause; the answer is still in the table.",
        ),
        Rival(
            name="dropout on the inputs",
            recipe=_BROKEN.having(input_dropout=0.2),
            why="It makes the model do without any one column, and so hides the cause: the "
            "estimate still counts on a column that will not be there.",
        ),
    ),
    claim=Claim(
        score="overestimate", better="lower", broken_bound=0.35, fixed_bound=0.17, margin=0.3
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(columns=MEANS),
        note="The column is in the table before Keras sees it; batches of 8, 15 epochs.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: data leakage"),
        Source(key="D2", title=D2, section="Data issues: unintentional data leakage"),
        KAUFMAN_2012,
    ),
)
