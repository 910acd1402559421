"""Missing zero_grad: each step goes along the sum of all gradients so far.

``backward()`` adds to ``parameter.grad``; it does not replace it. Without ``zero_grad()`` the
sum never forgets: that is momentum with a factor of exactly 1. A step is as long as the whole
history, so the weights fly past the minimum, and the ReLUs die on the way. The loss falls for
some steps first, which makes the loop look sound.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, train
from coursekit.cases.sources import D2, TORCH_OPTIM, Source

BATCHES = 34  # in an epoch
ALL = 340  # batches in the ten epochs of a run


def build(seed: int, device: str, *, lr: float = 0.3, every: int = 1, epochs: int = 10) -> Setup:
    """A small network on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        lr: Learning rate of SGD.
        every: Batches from one emptying of the gradients to the next; read by
            `train_emptying_seldom` alone.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x = torch.tensor(x / 16, dtype=torch.float32, device=device)
    y = torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=every,
    )  # fmt: skip


def build_adam(seed: int, device: str) -> Setup:
    """The same network with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.01))


def train_without_zero_grad(setup: Setup) -> Iterator[int]:
    """The plain loop, but nothing empties the gradients."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_clipped(setup: Setup) -> Iterator[int]:
    """Still nothing empties the gradients; their sum is cut to length 1."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), max_norm=1.0)
            setup.optimizer.step()
        yield epoch + 1


def train_emptying_seldom(setup: Setup) -> Iterator[int]:
    """The gradients are emptied, but only before the first of every so many batches."""
    steps = count()
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            if next(steps) % setup.extra == 0:
                setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


_BROKEN = Recipe(build=build, train=train_without_zero_grad, evaluate=evaluate)

CASE = Case(
    name="missing-zero-grad",
    family="optimization",
    kind="trains",
    question="The loss falls for some steps, then climbs and never comes back. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train, evaluate=evaluate),
    healthy=Recipe(build=build_adam, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="zero_grad once per epoch",
            recipe=Recipe(build=build, train=train_emptying_seldom, evaluate=evaluate).having(
                every=BATCHES
            ),
            why="Within an epoch the sum still grows for 34 steps.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipped, evaluate=evaluate),
            why="It shortens the old sum in place, which makes it fade: that hides the cause.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train_without_zero_grad, evaluate=evaluate),
            why="It divides the sum by its size, but the sum still points where it pointed before.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="It hides the cause for a while: most classes come out right, but the loss climbs.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.45, fixed_bound=0.84, margin=0.45
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="gradient_norm", read="last")),
    knobs=(
        Knob(
            name="every",
            label="batches from one zero_grad to the next (340: never again)",
            values=(1, 2, 4, 8, 12, 17, BATCHES, 2 * BATCHES, ALL),
            start=1,
        ),
        Knob(
            name="lr",
            label="learning rate",
            values=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
            start=0.3,
        ),
    ),
    keras=Twin(
        verdict="not-applicable",
        note="model.fit computes each batch's gradients anew; its gradient_accumulation_steps "
        "averages over a set number of batches and then empties the sum.",
    ),
    sources=(
        Source(key="D2", title=D2, section="Example 1, where the loop calls zero_grad"),
        TORCH_OPTIM,
    ),
)
