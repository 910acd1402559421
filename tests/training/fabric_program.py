"""What each process of a Fabric runs in test_fabric.py: ``python fabric_program.py WHAT FOLDER``.

Fabric starts the second process as a copy of the first, with the same arguments.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.records import Record
from coursekit.training.loop import fit

PROCESSES = 2
ROWS, HELD_OUT, BATCH = 1000, 201, 32  # held-out rows that two processes cannot share evenly
WAIT_S = 60


@dataclass(kw_only=True)
class Seen:
    """A loss that writes down which rows it was given: the last input is the row's number."""

    rows: list[int] = field(default_factory=list)

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy; the labels carry the row's number in front of the class."""
        self.rows += labels[:, 0].tolist()
        return nn.functional.cross_entropy(outputs, labels[:, 1])


def digits() -> tuple[Tensor, Tensor]:
    """All digits in one random order, inputs from 0 to 1."""
    inputs, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return torch.tensor(inputs / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]


def network(seed: int = 0) -> nn.Sequential:
    """One hidden layer."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def loaders(batch: int, *, shuffle: bool = False) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Rows to train on, in batches of one process, and rows held out."""
    inputs, labels = digits()
    training = TensorDataset(inputs[:ROWS], labels[:ROWS])
    held_out = TensorDataset(inputs[ROWS : ROWS + HELD_OUT], labels[ROWS : ROWS + HELD_OUT])
    return DataLoader(training, batch_size=batch, shuffle=shuffle), DataLoader(held_out, 50)


def trained(
    model: nn.Module, fabric: Any, *, lr: float, epochs: int, loss_fn: Any = None
) -> tuple[nn.Module, Record]:
    """With SGD on the digits."""
    data, val = loaders(BATCH // processes(fabric))
    run = fit(
        model, data, val=val, epochs=epochs, loss_fn=loss_fn or nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=lr), fabric=fabric,
    )  # fmt: skip
    return model, run


def plain(fabric: Any, folder: Path) -> tuple[nn.Module, Record]:
    """The default `fit`."""
    return trained(network(), fabric, lr=0.5, epochs=3)


def rich(fabric: Any, folder: Path) -> tuple[nn.Module, Record]:
    """With all that counts updates or changes gradients, stopped and gone on with."""
    for epochs in (2, 5):
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        data, val = loaders(BATCH // processes(fabric))
        run = fit(
            model, data, val=val, epochs=epochs, loss_fn=nn.CrossEntropyLoss(),
            optimizer=optimizer, clip_norm=0.5, accumulate=2, patience=2,
            scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
            checkpoint=folder / f"rich-{processes(fabric)}.pt", resume=True, fabric=fabric,
        )  # fmt: skip
    return model, run


def summed(fabric: Any, folder: Path) -> tuple[nn.Module, Record]:
    """A loss that adds up its rows."""
    loss_fn = nn.CrossEntropyLoss(reduction="sum")
    return trained(network(), fabric, lr=0.01, epochs=2, loss_fn=loss_fn)


def overflowing(fabric: Any, folder: Path) -> tuple[nn.Module, Record]:
    """One row, dealt to the second process, whose numbers are finite but not their sum."""
    model = network()
    inputs, labels = digits()
    inputs[33] = 3e38
    data = DataLoader(TensorDataset(inputs[:64], labels[:64]), BATCH // processes(fabric))
    run = fit(
        model, data, epochs=2, loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.5), fabric=fabric,
    )  # fmt: skip
    return model, run


def normed(fabric: Any, folder: Path) -> tuple[nn.Module, Record]:
    """With running statistics, which each process takes over its own rows."""
    model = network()
    model.insert(1, nn.BatchNorm1d(32))
    return trained(model, fabric, lr=0.1, epochs=2)


def shuffled(fabric: Any, folder: Path) -> tuple[nn.Module, Record]:
    """Rows in an order of their own in each epoch, from a seed and from another."""
    inputs, labels = digits()
    numbered = torch.stack((torch.arange(len(labels)), labels), dim=1)
    for seed in (0, 1):
        model, seen = network(seed), Seen()
        run = fit(
            model, DataLoader(TensorDataset(inputs[:80], numbered[:80]), 8, shuffle=True),
            epochs=2, loss_fn=seen, optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            fabric=fabric,
        )  # fmt: skip
        torch.save(seen.rows, folder / f"rows-{seed}-{fabric.global_rank}.pt")
    return model, run


WAYS: dict[str, Callable[[Any, Path], tuple[nn.Module, Record]]] = {
    "plain": plain, "rich": rich, "summed": summed, "overflowing": overflowing,
    "normed": normed, "shuffled": shuffled,
}  # fmt: skip


def long(fabric: Any, folder: Path) -> Record:
    """A run that goes on until somebody ends it; each process says when it has begun."""
    model = network()
    begun = folder / f"begun-{fabric.global_rank}"

    def loss_fn(outputs: Tensor, labels: Tensor) -> Tensor:
        if not begun.exists():
            begun.write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(0.005)
        return nn.functional.cross_entropy(outputs, labels)

    return fit(
        model, loaders(BATCH)[0], epochs=10_000, loss_fn=loss_fn,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1), fabric=fabric,
    )  # fmt: skip


def processes(fabric: Any) -> int:
    """How many share a batch."""
    return 1 if fabric is None else int(fabric.world_size)


def main(arguments: Sequence[str]) -> None:
    """Train in two processes, and leave model and record of each in the folder."""
    from lightning import Fabric

    what, folder = arguments[0], Path(arguments[1])
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=PROCESSES)
    fabric.launch()
    rank = fabric.global_rank
    if what == "long":
        long(fabric, folder).save(folder / f"long-{rank}.json")
        return
    for name, train in WAYS.items():
        model, run = train(fabric, folder)
        run.save(folder / f"{name}-{rank}.json")
        torch.save(model.state_dict(), folder / f"{name}-{rank}.pt")


if __name__ == "__main__":
    main(sys.argv[1:])
