"""A network tested in training mode: BatchNorm and dropout go on as if it still trained.

In training mode BatchNorm takes mean and variance from the batch at hand, and dropout throws
half of the units away. Test rows often come sorted: here by class. Then a batch holds little
but one class, BatchNorm takes away what its rows have in common, and that was the class.
Training itself is sound; only the reading of it is wrong.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D0, Source


def build(
    seed: int,
    device: str,
    *,
    dropout: float = 0.5,
    test_batch: int = 36,
    epochs: int = 15,
) -> Setup:
    """Digits with BatchNorm and dropout; the test rows stand in the order of their class.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        dropout: Share of the hidden units that dropout leaves out.
        test_batch: Rows in a batch of the test.
        epochs: Passes over the training rows.
    """
    train, val, (x, y) = digits(seed)
    order = np.argsort(y, kind="stable")
    val, test = tensors(val, device), tensors((x[order], y[order]), device)  # type: ignore[assignment]
    loader = batches(tensors(train, device), batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=test_batch,
    )  # fmt: skip


def evaluate_after_training(setup: Setup) -> dict[str, float]:
    """Loss and accuracy, the model as training left it."""
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = torch.cat([setup.model(rows) for rows in inputs.split(setup.extra)])
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def evaluate_after_eval(setup: Setup) -> dict[str, float]:
    """Loss and accuracy, the model in evaluation mode."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = torch.cat([setup.model(rows) for rows in inputs.split(setup.extra)])
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def evaluate_in_inference_mode(setup: Setup) -> dict[str, float]:
    """Loss and accuracy under `torch.inference_mode`, the model as training left it."""
    with torch.inference_mode():
        inputs, labels = setup.test.tensors
        logits = torch.cat([setup.model(rows) for rows in inputs.split(setup.extra)])
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def build_healthy(seed: int, device: str) -> Setup:
    """A network without BatchNorm and dropout, which has but one mode."""
    setup = build(seed, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    return replace(setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    epochs: int = 8,
) -> Setup:
    """The same network in Keras."""
    import keras

    train, val, (x, y) = digits(seed)
    order = np.argsort(y, kind="stable")
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,))])
    for share in (0.5, 0.0):
        model.add(keras.layers.Dense(64))
        model.add(keras.layers.BatchNormalization(momentum=0.9))
        model.add(keras.layers.Activation("relu"))
        model.add(keras.layers.Dropout(share))
    model.add(keras.layers.Dense(10))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, train=train, val=val,
        test=(x[order], y[order]), epochs=epochs, batch_size=32, extra=36,
    )  # fmt: skip


def evaluate_calling_in_training(setup: Setup) -> dict[str, float]:
    """Loss and accuracy by a loop that calls the model as in training."""
    inputs, labels = setup.test
    parts = range(0, len(inputs), setup.extra)
    logits = np.concatenate(
        [np.array(setup.model(inputs[i : i + setup.extra], training=True)) for i in parts]
    )
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return {"test_accuracy": accuracy, "test_loss": float(setup.loss_fn(labels, logits))}


def evaluate_calling(setup: Setup) -> dict[str, float]:
    """Loss and accuracy by a loop that calls the model as for use."""
    inputs, labels = setup.test
    parts = range(0, len(inputs), setup.extra)
    logits = np.concatenate(
        [np.array(setup.model(inputs[i : i + setup.extra], training=False)) for i in parts]
    )
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return {"test_accuracy": accuracy, "test_loss": float(setup.loss_fn(labels, logits))}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_after_training)

CASE = Case(
    name="eval-forgotten",
    family="normalization",
    kind="trains",
    question="The training loss is near zero, yet the test finds chance, and I have leaked "
    "nothing. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train, evaluate=evaluate_after_eval),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_after_training),
    rivals=(
        Rival(
            name="torch.inference_mode in place of no_grad",
            recipe=Recipe(build=build, train=train, evaluate=evaluate_in_inference_mode),
            why="It turns gradients off; the mode of the layers is another switch.",
        ),
        Rival(
            name="no dropout",
            recipe=_BROKEN.having(dropout=0.0),
            why="Half of the cause: BatchNorm still reads the test batch.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The network was good already; it is read in the wrong mode.",
        ),
        Rival(
            name="the whole test set in one batch",
            recipe=_BROKEN.having(test_batch=360),
            why="A batch of all classes has the statistics of training, so this hides the cause: "
            "a prediction still depends on the rows beside it, and dropout is still on.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.85, margin=0.6
    ),
    shows=(),  # training is the same run, to the last bit
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_calling_in_training),
        fixed=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_calling),
        note="Evaluate and predict choose the mode by themselves; it goes wrong in a loop of "
        "one's own that calls model(x, training=True).",
    ),
    sources=(
        Source(key="D0", title=D0, section="Batch normalization"),
        Source(key="D0", title=D0, section="Layer normalization: both training and testing"),
    ),
)
