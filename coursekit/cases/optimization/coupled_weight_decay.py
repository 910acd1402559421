"""Coupled weight decay: Adam with an L2 term is not Adam with weight decay.

``torch.optim.Adam`` adds ``weight_decay * weight`` to the gradient, and then divides the sum by
its running size. Where the data's gradient is small, the L2 term is most of the sum, and the
division makes a full step of it: such a weight loses about ``lr`` a step, however small the
decay is. ``AdamW`` takes ``lr * weight_decay * weight`` off apart from that division. So a
value that AdamW is used to collapses the same network under Adam.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim import Adam, AdamW
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import (
    Case,
    Choice,
    Claim,
    Knob,
    NoDifference,
    Recipe,
    Rival,
    Setup,
    Sign,
    Twin,
)
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import digits
from coursekit.cases.sources import D1, D2, LOSHCHILOV_2019, Source


def build(
    seed: int,
    device: str,
    *,
    method: type[Adam] = AdamW,
    weight_decay: float = 0.1,
    hidden: int = 64,
    lr: float = 0.003,
    epochs: int = 10,
) -> Setup:
    """A network of three weight layers on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        method: Adam, which couples the decay to the gradient, or AdamW, which does not.
        weight_decay: The decay, in the method's own meaning.
        hidden: Units in each of the two hidden layers.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x, y = torch.tensor(x / 16, dtype=torch.float32, device=device), torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    layers = [nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = method(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_sgd(seed: int, device: str) -> Setup:
    """SGD with momentum and a usual, small weight decay."""
    setup = build(seed, device)
    optimizer = torch.optim.SGD(
        setup.model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.0005
    )
    return replace(setup, optimizer=optimizer)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    method: str = "AdamW",
    weight_decay: float = 0.1,
    lr: float = 0.003,
    epochs: int = 10,
) -> Setup:
    """The same network in Keras, where both optimizers take the decay off apart."""
    import keras

    parts = digits(seed)
    keras.utils.set_random_seed(seed)
    body = [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((64,)), *body, keras.layers.Dense(10)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = getattr(keras.optimizers, method)(lr, weight_decay=weight_decay)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(method=Adam)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="coupled-weight-decay",
    family="optimization",
    kind="trains",
    question="My weight decay is the one from the paper, yet the network learns nothing. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=Recipe(build=build_sgd, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.0003),
            why="The L2 term and the data share each step as before; both only get shorter.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=30),
            why="The network has collapsed, and the L2 term holds it there.",
        ),
        Rival(
            name="ten times the learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="Both terms of the gradient get longer steps; which of them wins stays as it was.",
        ),
        Rival(
            name="a tenth of the decay",
            recipe=_BROKEN.having(weight_decay=0.01),
            why="It trains, but with another decay for each weight: where the data are silent, "
            "all of the weight still goes.",
        ),
        Rival(
            name="no decay at all",
            recipe=_BROKEN.having(weight_decay=0.0),
            why="It trains as well, and gives up the decay that was wanted.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.82, margin=0.5
    ),
    shows=(Sign(quantity="weight_norm", read="last"), Sign(quantity="loss", read="last")),
    knobs=(
        Knob(
            name="weight_decay",
            label="weight decay",
            values=(0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
            start=0.1,
        ),
        Choice(
            name="method",
            label="optimizer",
            positions={"Adam": Adam, "AdamW": AdamW},
            first="AdamW",
        ),
    ),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS.having(method="Adam"),
        fixed=_KERAS,
        claim=NoDifference(score="test_accuracy", better="higher", bound=0.85, tolerance=0.02),
        note="The weight_decay of keras.optimizers.Adam is AdamW's; a kernel_regularizer of L2 "
        "would couple the decay to the gradient as PyTorch's Adam does.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer misconfigurations: weight decay"),
        Source(key="D2", title=D2, section="1. Optimization strategy issues: regularization"),
        LOSHCHILOV_2019,
    ),
)
