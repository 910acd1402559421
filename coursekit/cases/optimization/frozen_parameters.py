"""Frozen parameters: the body of the network stands still, and it was never trained.

Freezing a body saves time where its weights come from another task. The same lines on fresh
weights keep random features for ever: ``requires_grad = False`` means no gradient and no step.
Each random layer blurs the classes more, and the one layer that learns cannot bring them back.
Nothing fails aloud: the loss falls a little, because the last layer does learn.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    frozen: int = 0,
    hidden: int = 32,
    lr: float = 0.003,
    epochs: int = 12,
) -> Setup:
    """A network of four weight layers on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        frozen: How many weight layers stand still, from the input on; 0 freezes none.
        hidden: Units in each of the three hidden layers.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, 10),
    ).to(device)  # fmt: skip
    if frozen:
        for parameter in model[: 2 * frozen].parameters():  # a ReLU follows each layer
            parameter.requires_grad = False
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_sgd(seed: int, device: str) -> Setup:
    """The same network, free from the start, with SGD and momentum."""
    setup = build(seed, device)
    return replace(
        setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.05, momentum=0.9)
    )


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    frozen: int = 0,
    hidden: int = 32,
    lr: float = 0.003,
    epochs: int = 10,
) -> Setup:
    """The same network in Keras, where ``trainable`` belongs to a layer."""
    import keras

    parts = digits(seed)
    keras.utils.set_random_seed(seed)
    body = [keras.layers.Dense(hidden, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((64,)), *body, keras.layers.Dense(10)])
    for layer in body[:frozen]:
        layer.trainable = False
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_FREE = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FREE.having(frozen=3)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="frozen-parameters",
    family="optimization",
    kind="trains",
    question="The loss creeps down and stays high, whatever learning rate I try. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=_FREE,
    healthy=Recipe(build=build_sgd, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="Only the last layer takes the longer steps.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=36),
            why="The last layer comes closer to its best, which is poor on random features.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=128),
            why="More random features for the last layer to choose from; none of them learns.",
        ),
    ),
    claim=Claim(
        score="test_loss", better="lower", broken_bound=1.9, fixed_bound=0.45, margin=4, ratio=True
    ),
    shows=(Sign(quantity="loss", read="last"),),  # of a frozen layer there is no other reading
    knobs=(
        Knob(
            name="frozen",
            label="frozen weight layers (of four)",
            values=(0, 1, 2, 3),
            start=0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(frozen=3),
        fixed=_KERAS,
        claim=Claim(
            score="test_loss",
            better="lower",
            broken_bound=0.9,
            fixed_bound=0.4,
            margin=2.5,
            ratio=True,
        ),
        note="Glorot weights and zero biases keep more of the input, so Keras loses less; and "
        "there trainable = True after a first fit does nothing until the model is compiled again.",
    ),
    sources=(
        Source(key="D1", title=D1, section="3. Architectural flaws: earlier layers"),
        Source(key="D2", title=D2, section="Model architecture problems: layer configurations"),
    ),
)
