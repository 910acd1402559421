"""Dead ReLUs: units that a few long steps have switched off for good.

A ReLU that is below zero for every row gives 0, and its slope is 0 too: no gradient reaches its
weights, whatever the loss is. One step that is too long can push a unit there. Here the first
steps are too long on purpose, and the learning rate then decays to an ordinary one. It comes
too late: nine units in ten are dead, and a dead unit does not notice a better learning rate. A
LeakyReLU keeps a slope of 0.01 below zero, enough to come back.
"""

import torch
from torch import nn
from torch.nn import ELU, LeakyReLU, ReLU
from torch.optim import SGD
from torch.optim.lr_scheduler import ExponentialLR

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train_decaying, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    activation: type[nn.Module] = ReLU,
    lr: float = 3.0,
    decay: float = 0.8,
    hidden: int = 32,
    weight_decay: float = 0.0,
    epochs: int = 20,
) -> Setup:
    """A classifier of digits whose learning rate starts high and decays.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        activation: What follows the hidden layer.
        lr: Learning rate of the first epoch.
        decay: What the learning rate is multiplied by after each epoch.
        hidden: Hidden units.
        weight_decay: Pulls the weights towards zero.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=16, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), activation(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    scheduler = ExponentialLR(optimizer, gamma=decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=scheduler,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    slope: float | None = None,
    lr: float = 4.0,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Not used.
        slope: What a LeakyReLU has below zero; None makes it a ReLU.
        lr: Learning rate of the first epoch.
        epochs: Passes over the training rows.
    """
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    activation = keras.layers.ReLU()
    if slope is not None:
        activation = keras.layers.LeakyReLU(negative_slope=slope)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32), activation, keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    steps = -(-len(train_rows[1]) // 16)  # batches in an epoch
    decaying = keras.optimizers.schedules.ExponentialDecay(lr, steps, 0.8, staircase=True)
    optimizer = keras.optimizers.SGD(decaying)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_decaying, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="dead-relu",
    family="architecture",
    kind="trains",
    question="I lowered the learning rate after a bad start. Why does the loss not come back?",
    lesson="12_exploding_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(activation=LeakyReLU),
    healthy=_BROKEN.having(lr=0.1, decay=1.0),
    rivals=(
        Rival(
            name="a learning rate that decays twice as fast",
            recipe=_BROKEN.having(decay=0.64),
            why="The units die in the first epoch, before the learning rate has changed.",
        ),
        Rival(
            name="twice the epochs",
            recipe=_BROKEN.having(epochs=40),
            why="A dead unit gets no gradient in any epoch.",
        ),
        Rival(
            name="four times as many hidden units",
            recipe=_BROKEN.having(hidden=128),
            why="The same steps switch more units off.",
        ),
        Rival(
            name="ELU in place of ReLU",
            recipe=_BROKEN.having(activation=ELU),
            why="Far below zero an ELU is flat as well: its slope is the exponential of the input.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.5, fixed_bound=0.75, margin=0.35
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="lr",
            label="learning rate of the first epoch",
            values=(0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0),
            start=3.0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(slope=0.01),
        claim=Claim(
            score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.6, margin=0.3
        ),
        note="LeakyReLU's slope is 0.3 by default in Keras, here 0.01. The rate starts at 4: from "
        "3, two broken networks of forty came back.",
    ),
    sources=(
        Source(key="D2", title=D2, section="2. Code examples: example 2"),
        Source(key="D1", title=D1, section="2. Optimizer misconfigurations: learning rate"),
    ),
    finding=(
        "A document names LeakyReLU and ELU in one breath. Only the leak helps here: an ELU pushed "
        "far below zero is as flat as a ReLU. LeakyReLU, too, fails if the first steps are longer."
    ),
)
