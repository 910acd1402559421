"""Squared error on a softmax: a classifier that is told too little about its errors.

The gradient of squared error through a softmax has the factor p (1 − p), and the mean over ten
classes takes another factor of ten. At the start every p is near a tenth; for a class that is
certain and wrong, p (1 − p) is near nothing. Cross-entropy divides by p, which cancels that
factor: its gradient is p minus the label. With plain SGD the difference is that between a
network that learns and one that stands almost still.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.nn import CrossEntropyLoss, MSELoss, Softmax
from torch.nn.functional import one_hot

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_keras, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, Source


def build(
    seed: int,
    device: str,
    *,
    criterion: type[nn.Module] = CrossEntropyLoss,
    last: type[nn.Module] | None = None,
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        criterion: The class of the loss, which compares outputs with one-hot labels.
        last: A layer after the last linear one; None ends the network in logits.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    if last is not None:
        model.append(last(dim=1))
    loss_fn = criterion()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(
    seed: int,
    device: str,
    *,
    criterion: type[nn.Module] = CrossEntropyLoss,
    last: type[nn.Module] | None = None,
) -> Setup:
    """The classifier with Adam in place of SGD."""
    setup = build(seed, device, criterion=criterion, last=last)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def train(setup: Setup) -> Iterator[int]:
    """Train on one-hot labels; yields the number of epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), one_hot(labels, 10).float())
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def evaluate(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows; the two losses are not comparable."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        outputs = setup.model(inputs)  # (rows, classes)
        accuracy = (outputs.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(outputs, one_hot(labels, 10).float())
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    loss: str = "categorical_crossentropy",
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras; both losses follow the same softmax."""
    import keras

    train_rows, val, test = ((x, keras.utils.to_categorical(y, 10)) for x, y in digits(seed))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(criterion=MSELoss, last=Softmax)
_ADAM = Recipe(build=build_adam, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="mse-for-classes",
    family="architecture",
    kind="trains",
    question="The loss starts at .09, stays at .09 and is small, yet most answers are wrong. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_ADAM,
    rivals=(
        Rival(
            name="twice the epochs",
            recipe=_BROKEN.having(epochs=20),
            why="The gradient is as small in the second half as in the first.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="The network has room enough; what it is told about its errors is too weak.",
        ),
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=1.0),
            why="It makes up for the small gradient at the start, and not where p is near 0 or 1.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_ADAM.having(criterion=MSELoss, last=Softmax),
            why="It rescales small gradients, so it hides the cause.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.5, fixed_bound=0.84, margin=0.4
    ),
    shows=(Sign(quantity="gradient_norm", read="first"),),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(loss="mean_squared_error"),
        fixed=_KERAS,
        claim=Claim(
            score="test_accuracy", better="higher", broken_bound=0.6, fixed_bound=0.85, margin=0.3
        ),
        note="Keras starts from Glorot weights and is a little less slow; both losses follow a "
        "softmax.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
    ),
    finding="Squared error is said to be detrimental for classes. It is after a softmax and "
    "with plain SGD. With Adam at .003 the same network learns as well as by cross-entropy "
    "(.964 against .953 on held-out digits, medians of five seeds), and without the softmax "
    "squared error reaches .87 under SGD.",
)
