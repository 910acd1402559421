"""Weights too small at the start: ten ReLU layers that pass nothing on.

PyTorch draws the weights of a linear layer from ±1/√inputs, which have a variance of
1/(3 · inputs). Behind a ReLU half of the signal's square is gone, so every layer leaves a sixth
of the variance; ten layers leave a sixty-millionth. The logits are then the same for every
row, and the gradient shrinks by the same factor on its way back. The activation is not
to blame: its slope is 1. He's weights have a variance of 2/inputs, so that each layer hands on
a signal as large as it got.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import LeakyReLU, ReLU
from torch.nn.init import kaiming_normal_
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, GLOROT_2010, HE_2015, Source


def build(
    seed: int,
    device: str,
    *,
    initialise: Callable[[torch.Tensor], torch.Tensor] | None = None,
    activation: type[nn.Module] = ReLU,
    depth: int = 10,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.05,
    epochs: int = 30,
) -> Setup:
    """A deep classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        initialise: Fills the weights of a layer; None leaves what PyTorch drew.
        activation: What follows each hidden layer.
        depth: Hidden layers, of 64 units each.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    hidden = [layer for _ in range(depth) for layer in (nn.Linear(64, 64), activation())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10)).to(device)
    if initialise is not None:
        for layer in model:
            if isinstance(layer, nn.Linear):
                initialise(layer.weight)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optimizer_type(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    initialiser: str = "random_normal",
    depth: int = 10,
    lr: float = 0.05,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras; its "random_normal" has a standard deviation of 0.05."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    hidden = [
        keras.layers.Dense(64, activation="relu", kernel_initializer=initialiser)
        for _ in range(depth)
    ]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="vanishing-initialisation",
    family="architecture",
    kind="trains",
    question="I use ReLU everywhere, and my ten layers still do not learn. Why?",
    lesson="04_vanishing_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(initialise=kaiming_normal_),
    healthy=_BROKEN.having(depth=2, optimizer_type=Adam, lr=0.001),
    rivals=(
        Rival(
            name="LeakyReLU in place of ReLU",
            recipe=_BROKEN.having(activation=LeakyReLU),
            why="Units that cannot die change little: each layer leaves a sixth of the variance.",
        ),
        Rival(
            name="a learning rate ten times larger",
            recipe=_BROKEN.having(lr=0.5),
            why="Gradients a thousand times too small need more than ten times the step.",
        ),
        Rival(
            name="twice the epochs",
            recipe=_BROKEN.having(epochs=60),
            why="The gradient is no larger in the sixtieth epoch than in the first.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(optimizer_type=Adam, lr=0.001),
            why="It rescales each gradient, so it hides the cause; the start is as flat as before.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.25, fixed_bound=0.8, margin=0.5
    ),
    shows=(
        Sign(quantity="gradient_norm", read="first", layer="0"),
        Sign(quantity="activation_std", read="first", layer="19"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="depth",
            label="hidden layers",
            values=(1, 2, 3, 4, 6, 8, 10, 15, 20),
            start=10,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(initialiser="he_normal"),
        claim=Claim(
            score="test_accuracy", better="higher", broken_bound=0.25, fixed_bound=0.4, margin=0.25
        ),
        note=(
            'Keras fails with its initialiser "random_normal"; its default, Glorot, is larger than '
            "PyTorch's and leaves half of the variance a layer, not a sixth."
        ),
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        Source(key="D2", title=D2, section="2. Code examples: example 2"),
        GLOROT_2010,
        HE_2015,
    ),
    finding=(
        "A document says that ReLU mitigates vanishing gradients. It depends on the first weights: "
        "with PyTorch's own, ten ReLU layers stay at chance; with He's they learn."
    ),
)
