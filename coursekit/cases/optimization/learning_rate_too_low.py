"""Learning rate too low: every step is right, and too short to arrive.

A step is the gradient times the learning rate. At a rate of 0.0001 a step changes the weights by
some hundred-thousandths of their size, and ten epochs end where they began. Nothing is stuck:
the loss falls in every epoch, by less than one can see. The same way is gone by a larger rate
in fewer steps.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, D3, Source


def build(
    seed: int,
    device: str,
    *,
    lr: float = 0.0001,
    momentum: float = 0.0,
    hidden: int = 64,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        lr: Learning rate of SGD.
        momentum: Momentum of SGD.
        hidden: Hidden units.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str, *, lr: float) -> Setup:
    """Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=lr))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    lr: float = 0.0001,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_ADAM = Recipe(build=build_adam, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="learning-rate-too-low",
    family="optimization",
    kind="trains",
    question="The loss is finite and does not jump, but after ten epochs it has not moved. Why?",
    lesson="03_learning_rate",
    broken=_BROKEN,
    fixed=_BROKEN.having(lr=0.3),
    healthy=_ADAM.having(lr=0.003),
    rivals=(
        Rival(
            name="four times as many epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The way is thousands of times too long for these steps, not four times.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="The network could do it at its first width; its weights do not move.",
        ),
        Rival(
            name="momentum",
            recipe=_BROKEN.having(momentum=0.9),
            why="Momentum of 0.9 makes a step ten times as long, which is still far too short.",
        ),
        Rival(
            name="Adam at the same rate",
            recipe=_ADAM.having(lr=0.0001),
            why="Adam divides the gradient by its size, so that its steps are longer at the same "
            "rate: it hides the cause, and is too slow as well.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.82, margin=0.5
    ),
    shows=(
        Sign(quantity="loss", read="last"),
        Sign(quantity="update_ratio", read="highest"),
    ),
    knobs=(
        Knob(
            name="lr",
            label="learning rate",
            values=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            start=0.3,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(lr=0.3),
        note="Keras starts from larger (Glorot) weights and is as slow.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer Misconfigurations"),
        Source(key="D2", title=D2, section="Optimization Strategy Issues"),
        Source(key="D3", title=D3, section="an inappropriately chosen learning rate"),
    ),
    finding="A low rate neither fails for good nor gets stuck in a local minimum: over four seeds "
    "the loss fell in each of the ten epochs at 0.0001, and a training loss of 0.1 took 10 epochs "
    "at 0.3, 85 to 98 at 0.03 and about 900 at 0.003: slow, in proportion.",
)
