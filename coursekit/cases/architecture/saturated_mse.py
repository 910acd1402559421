"""Squared error on a sigmoid that starts certain, and wrong.

A sigmoid at −10 says 0.00005. The gradient of squared error through it has the factor
p (1 − p), here 0.00005 too: the rows that the model gets most wrong are those that it learns
least from. Cross-entropy divides by p (1 − p), so that its gradient is p minus the label: the
more wrong, the larger.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.nn import BCELoss, MSELoss

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_keras, train_keras
from coursekit.cases.rows import batches, breast_cancer, tensors
from coursekit.cases.sources import D2, D3, Source


def build(
    seed: int,
    device: str,
    *,
    criterion: type[nn.Module] = BCELoss,
    bias: float = -10.0,
    lr: float = 0.1,
    momentum: float = 0.0,
    epochs: int = 40,
) -> Setup:
    """Logistic regression of breast cancer.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        criterion: The class of the loss.
        bias: Where the sigmoid starts.
        lr: Learning rate of SGD.
        momentum: Of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors(part, device) for part in breast_cancer(seed))
    loader = batches(train_rows, batch_size=16, seed=seed)
    torch.manual_seed(seed)
    linear = nn.Linear(30, 1)
    nn.init.constant_(linear.bias, bias)
    model = nn.Sequential(linear, nn.Sigmoid(), nn.Flatten(0)).to(device)  # (rows,)
    loss_fn = criterion()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(
    seed: int, device: str, *, criterion: type[nn.Module] = BCELoss, bias: float = 0.0
) -> Setup:
    """The classifier with Adam in place of SGD."""
    setup = build(seed, device, criterion=criterion, bias=bias)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.01))


def train(setup: Setup) -> Iterator[int]:
    """Train on labels as numbers; yields the number of epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels.float())
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def evaluate(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows; the two losses are not comparable."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        outputs = setup.model(inputs)  # (rows,)
        accuracy = ((outputs > 0.5) == labels).float().mean()
        loss = setup.loss_fn(outputs, labels.float())
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    loss: str = "binary_crossentropy",
    epochs: int = 15,
) -> Setup:
    """The same model in Keras."""
    import keras

    train_rows, val, test = ((x, y[:, None].astype("float32")) for x, y in breast_cancer(seed))

    keras.utils.set_random_seed(seed)
    start = keras.initializers.Constant(-10.0)
    model = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(1, activation="sigmoid", bias_initializer=start)]
    )
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=16,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(criterion=MSELoss)
_ADAM = Recipe(build=build_adam, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="saturated-mse",
    family="architecture",
    kind="trains",
    question="The loss is finite and the gradient is not zero, but nothing moves. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_ADAM,
    rivals=(
        Rival(
            name="three times the epochs",
            recipe=_BROKEN.having(epochs=120),
            why="The gradient is ten thousand times too small, and three is not ten thousand.",
        ),
        Rival(
            name="momentum",
            recipe=_BROKEN.having(momentum=0.9),
            why="It makes steps ten times as long, and they are too short by far more.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_ADAM.having(criterion=MSELoss, bias=-10.0),
            why="It rescales small gradients, so it hides the cause.",
        ),
        Rival(
            name="a bias of 0 at the start",
            recipe=_BROKEN.having(bias=0.0),
            why="It removes the occasion: this model is not certain. One that gets so stays so.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.5, fixed_bound=0.82, margin=0.4
    ),
    shows=(
        Sign(quantity="gradient_norm", read="first"),
        Sign(quantity="saturated_fraction", read="last"),
    ),
    knobs=(
        Knob(name="bias", label="bias at the start", values=(-20.0, -10.0, -5.0, 0.0), start=-10.0),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(loss="mean_squared_error"),
        fixed=_KERAS,
        note="The same arithmetic; 15 epochs.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
        Source(key="D3", title=D3, section="Saturated activations; choice of the loss function"),
    ),
)
