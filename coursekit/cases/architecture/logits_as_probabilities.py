"""Logits given to a loss that expects logarithms of probabilities.

``nn.NLLLoss`` is minus the number that the network gives to the right class, and nothing else.
Of log-probabilities none can be above 0, and raising one lowers the others. Of logits there is
no such limit: the loss falls fastest where all of them grow, past every number, and nothing
makes the right one larger than the rest. The logarithm of the softmax was what made the
classes compete. ``nn.CrossEntropyLoss`` takes it itself.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import CrossEntropyLoss, NLLLoss

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, D3, Source


def build(
    seed: int,
    device: str,
    *,
    criterion: type[nn.Module] = CrossEntropyLoss,
    hidden: int = 64,
    lr: float = 0.1,
    weight_decay: float = 0.0,
    epochs: int = 10,
) -> Setup:
    """The digits classifier, which ends in logits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        criterion: The class of the loss.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        weight_decay: Of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = criterion()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str, *, criterion: type[nn.Module] = CrossEntropyLoss) -> Setup:
    """The classifier with Adam in place of SGD."""
    setup = build(seed, device, criterion=criterion)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    from_logits: bool = True,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras, whose cross-entropy takes the logarithm itself."""
    import keras

    train_rows, val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(criterion=NLLLoss)
_ADAM = Recipe(build=build_adam, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="logits-as-probabilities",
    family="architecture",
    kind="trains",
    question="The loss is negative and falls ever faster, yet one answer in ten is right. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_ADAM,
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="The logits grow more slowly, and there is still nothing that they grow towards.",
        ),
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.01),
            why="It pulls at the weights, but what pushes the logits grows with them.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=20),
            why="The loss has no minimum to arrive at.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_ADAM.having(criterion=NLLLoss),
            why="It takes even steps, so the logits grow evenly; they still do not compete.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.2, fixed_bound=0.8, margin=0.6
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="weight_norm", read="last")),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(from_logits=False),
        fixed=_KERAS,
        claim=Claim(
            score="test_accuracy", better="higher", broken_bound=0.6, fixed_bound=0.83, margin=0.3
        ),
        note="Keras takes outputs for probabilities unless from_logits=True: it clips them to lie "
        "between 0 and 1, and what is clipped has no gradient.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
        Source(key="D3", title=D3, section="Choice of the loss function"),
    ),
)
