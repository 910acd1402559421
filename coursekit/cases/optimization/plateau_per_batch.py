"""ReduceLROnPlateau stepped per batch: its patience is over within a few batches.

Patience counts steps of the scheduler. Meant for epochs, a patience of one is spent by any two
batches in a row that are a little harder than the easiest one so far. The loss of a single
batch goes up and down all the time, so the rate is cut several times within the first epoch.
Stepped once an epoch, on the loss of all validation rows, the scheduler waits for a real
plateau.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, train, train_watching
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(seed: int, device: str, *, lr: float = 0.1, patience: int = 1, epochs: int = 15) -> Setup:
    """The digits classifier with a scheduler that waits for a plateau.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        lr: First learning rate of SGD.
        patience: Steps without improvement that are let pass before the rate is cut.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", patience=patience)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=scheduler,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Adam at an ordinary rate that no scheduler touches."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def train_stepping_per_batch(setup: Setup) -> Iterator[int]:
    """The scheduler gets the loss of each batch."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
            setup.scheduler.step(loss.detach())
        yield epoch + 1


_BROKEN = Recipe(build=build, train=train_stepping_per_batch, evaluate=evaluate)

CASE = Case(
    name="plateau-per-batch",
    family="optimization",
    kind="trains",
    question="I let the scheduler find the plateaus, and the network learns nothing at all. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_watching, evaluate=evaluate),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=30),
            why="The rate has fallen to nothing within the first epochs.",
        ),
        Rival(
            name="a first rate three times as high",
            recipe=_BROKEN.having(lr=0.3),
            why="The first batches get further, and the rate is gone after as few of them.",
        ),
        Rival(
            name="a patience of ten",
            recipe=_BROKEN.having(patience=10),
            why="It hides the cause: the noise of single batches needs longer to use up ten, but "
            "it still decides, and the rate is gone well before the end.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.55, fixed_bound=0.85, margin=0.35
    ),
    shows=(
        Sign(quantity="learning_rate", read="last"),
        Sign(quantity="update_ratio", read="last"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(),
    keras=Twin(
        verdict="not-applicable",
        note="The callback ReduceLROnPlateau acts at the end of an epoch only: there is no call "
        "that one could misplace.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer Misconfigurations"),
        Source(key="D2", title=D2, section="Optimization Strategy Issues; example 3"),
    ),
)
