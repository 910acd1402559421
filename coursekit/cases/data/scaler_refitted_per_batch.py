"""Scaler refitted per batch: ``fit_transform`` where ``transform`` was meant, in use.

A scaler that is fitted again on the rows of a request takes their own mean away. Of one row
alone that leaves zeros, whatever the wine, so each gets the same answer. Refitting on a whole
test set does no harm one could see, so the slip passes in the notebook and fails in the service.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D0, D1, Source


def build(
    seed: int, device: str, *, rows_in_request: int = 1, hidden: int = 32, epochs: int = 20
) -> Setup:
    """The wine classifier, whose test rows stay raw: they are scaled where they are used.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        rows_in_request: How many rows come together in use.
        hidden: Hidden units.
        epochs: Passes over the training rows.
    """
    x, y = load_wine(return_X_y=True)  # (178, 13), (178,)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    scaler = StandardScaler().fit(x)
    loader = batches(tensors((scaler.transform(x), y), device), batch_size=16, seed=seed)
    val = tensors((scaler.transform(x_val), y_val), device)
    test = tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 3)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, train=loader, val=val, test=test,
        epochs=epochs, batch_size=rows_in_request, extra=scaler,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """The scale is a BatchNorm layer of the model: no scaler is there to be fitted again."""
    setup = build(seed, device)
    x, y = load_wine(return_X_y=True)
    train_rows, val, test = (tensors(part, device) for part in three_parts(x, y, seed))
    torch.manual_seed(seed)
    model = nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    model = model.to(device)
    return replace(
        setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
        train=batches(train_rows, batch_size=16, seed=seed), val=val, test=test,
        extra=StandardScaler(with_mean=False, with_std=False).fit(x),  # leaves rows as they are
    )  # fmt: skip


def evaluate_refitting(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use: each request has a scale of its own."""
    setup.model.eval()
    inputs, labels = setup.test.tensors
    requests = inputs.split(setup.batch_size)
    scaled = [setup.extra.fit_transform(rows.numpy(force=True)) for rows in requests]
    inputs = torch.tensor(np.concatenate(scaled), dtype=torch.float32, device=labels.device)
    with torch.no_grad():
        truth = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
        inputs, labels = setup.val.tensors
        estimate = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def evaluate_scaled(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use: each request has the scale of training."""
    setup.model.eval()
    inputs, labels = setup.test.tensors
    requests = inputs.split(setup.batch_size)
    scaled = [setup.extra.transform(rows.numpy(force=True)) for rows in requests]
    inputs = torch.tensor(np.concatenate(scaled), dtype=torch.float32, device=labels.device)
    with torch.no_grad():
        truth = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
        inputs, labels = setup.val.tensors
        estimate = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    x, y = load_wine(return_X_y=True)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    scaler = StandardScaler().fit(x)
    x, x_val = scaler.transform(x), scaler.transform(x_val)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((13,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    train_rows, val, test = (x, y), (x_val, y_val), (x_test, y_test)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=16, extra=scaler,
    )  # fmt: skip


def evaluate_refitting_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use: each row has a scale of its own."""
    inputs, labels = setup.test
    requests = np.split(inputs, len(inputs))  # one row each
    scaled = np.concatenate([setup.extra.fit_transform(rows) for rows in requests])
    truth = float((setup.model.predict(scaled, verbose=0).argmax(axis=1) == labels).mean())
    inputs, labels = setup.val
    estimate = float((setup.model.predict(inputs, verbose=0).argmax(axis=1) == labels).mean())
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def evaluate_scaled_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use: each row has the scale of training."""
    inputs, labels = setup.test
    requests = np.split(inputs, len(inputs))  # one row each
    scaled = np.concatenate([setup.extra.transform(rows) for rows in requests])
    truth = float((setup.model.predict(scaled, verbose=0).argmax(axis=1) == labels).mean())
    inputs, labels = setup.val
    estimate = float((setup.model.predict(inputs, verbose=0).argmax(axis=1) == labels).mean())
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_refitting)

CASE = Case(
    name="scaler-refitted-per-batch",
    family="data",
    kind="misjudges",
    question="On all test rows at once it is nearly perfect; row by row it gives one answer. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train, evaluate=evaluate_scaled),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_scaled),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=60),
            why="Whatever the network learns, it is given zeros in use.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=128),
            why="More units see the same zeros.",
        ),
        Rival(
            name="two rows in a request",
            recipe=_BROKEN.having(rows_in_request=2),
            why="It hides part of the cause: two rows become each other's opposite, which tells "
            "two kinds apart, and says nothing where both are of one kind.",
        ),
        Rival(
            name="sixteen rows in a request",
            recipe=_BROKEN.having(rows_in_request=16),
            why="It hides the cause: sixteen mixed rows have nearly the training mean, but a row's "
            "answer still depends on its neighbours, and sixteen of one kind are misread.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.55, fixed_bound=0.8, margin=0.25),
    shows=(),  # training is the same run, bit for bit: only the scale in use differs
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_refitting_keras),
        fixed=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_scaled_keras),
        note="Keras fails in the same way; a Normalization layer, adapted once, would prevent it.",
    ),
    sources=(
        Source(key="D0", title=D0, section="Example 1: feature scaling with standard scaling"),
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
    ),
    finding="The document asks for training parameters on the test set. Refitting on all test rows "
    "at once does no visible harm here; what it harms is every request smaller than that.",
)
