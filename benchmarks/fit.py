"""What `fit` costs, against hand-written loops and against other libraries.

    python benchmarks/fit.py [--runs N] [--epochs N] [--threads N] [--save]

A network of two hidden layers of 64 on the digits, batches of 32 from a DataLoader, SGD. The bar
holds against a hand-written loop that does the same work, so one with `record` around it. Each
other library is held against the bare loop. All train from the same first weights on the same
batches, and what comes out is compared. A DataLoader takes much of a step; so the harder comparison
stands beside it, on batches that are ready.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from peers import KERAS, LIGHTNING, SKORCH, Peer, split
from results import Bar, add_save, report
from timing import Run, Way, against, final_weights, largest_difference, take_turns
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit import fit, load_dataset, record

LR = 0.1
BAR = 1.03
SLACK = 1e-3  # of a weight: what another order of float32 sums may come to

Loader = DataLoader[tuple[Tensor, ...]]
Batches = list[list[Tensor]]
Training = Callable[[nn.Module, Any, int], float]  # trains in place, returns seconds


def loader(rows: int | None = None) -> Loader:
    """The digits in one fixed order: every epoch of every library sees the same batches."""
    digits = load_dataset("digits")
    order = np.random.default_rng(0).permutation(len(digits.x))[:rows]
    x = torch.tensor(digits.x[order] / 16, dtype=torch.float32)
    y = torch.tensor(digits.y[order], dtype=torch.int64)
    return DataLoader(TensorDataset(x, y), batch_size=32)


def network() -> nn.Sequential:
    """64 inputs, two hidden layers of 64, 10 classes; always the same first weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def by_hand(
    model: nn.Module, data: Loader | Batches, epochs: int, *, recorded: bool = False
) -> float:
    """The loop of lesson 00."""
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=LR)
    begin = time.perf_counter()
    with record(model, optimizer) if recorded else nullcontext() as vitals:
        model.train()
        for _ in range(epochs):
            for inputs, labels in data:
                optimizer.zero_grad()
                loss = loss_fn(model(inputs), labels)
                loss.backward()
                optimizer.step()
        if vitals is not None:
            _ = vitals.record  # fit returns it, so making it belongs to the same work
    return time.perf_counter() - begin


def by_fit(model: nn.Module, data: Loader | Batches, epochs: int) -> float:
    """`coursekit.fit`, as it comes."""
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=LR)
    begin = time.perf_counter()
    fit(model, data, loss_fn=loss_fn, optimizer=optimizer, epochs=epochs, progress=False)
    return time.perf_counter() - begin


OURS: dict[str, Training] = {
    "hand-written loop": by_hand,
    "hand-written loop, recorded": partial(by_hand, recorded=True),
    "coursekit.fit": by_fit,
}


def others(peers: list[Peer], *, threads: int) -> dict[str, Training]:
    """The other libraries' ways to train, by name."""
    ways: dict[str, Training] = {}
    if LIGHTNING in peers:
        from peers import lightning

        ways["Lightning Trainer"] = _with_lr(lightning.fit)
        ways["Lightning Trainer, barebones"] = _with_lr(partial(lightning.fit, barebones=True))
    if SKORCH in peers:
        from peers import skorch

        ways["skorch"] = _with_lr(skorch.fit)
    if KERAS in peers:
        from peers import keras

        keras.use_threads(threads)
        ways["Keras fit"] = _with_lr(keras.fit)
    return ways


def compare(
    ways: dict[str, Training], data: Loader | Batches, *, epochs: int, runs: int
) -> dict[str, Any]:
    """Time them in turn, and hold each against the bare loop, and `fit` against the recorded one.

    Raises:
        SystemExit: The weights at the end say that one of them did other work.
    """
    taken = take_turns({name: _way(way, data, epochs) for name, way in ways.items()}, runs=runs)
    bare, steps = taken["hand-written loop"], epochs * len(data)
    figures: dict[str, Any] = {
        "steps": steps,
        "hand_written_us_per_step": round(1e6 * median(r.seconds for r in bare) / steps, 1),
        "coursekit.fit, same work": against(
            taken["coursekit.fit"], taken["hand-written loop, recorded"]
        ),
    }
    for name in [name for name in ways if name != "hand-written loop"]:
        apart = largest_difference(taken[name][-1].weights, bare[-1].weights)
        if apart > (0 if name in OURS else SLACK):
            raise SystemExit(f"{name} ends {apart:.2g} away from the hand-written loop's weights.")
        figures[name] = against(taken[name], bare) | {"largest_weight_difference": apart}
    return figures


def _with_lr(train: Callable[..., float]) -> Training:
    """A peer's training with the benchmark's learning rate."""
    return lambda model, data, epochs: train(model, data, lr=LR, epochs=epochs)


def _way(train: Training, data: Loader | Batches, epochs: int) -> Way:
    """One run from the same first weights."""

    def run() -> Run:
        model = network()
        seconds = train(model, data, epochs)
        return Run(seconds=seconds, weights=final_weights(model))

    return run


def main() -> None:
    """Time them all, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rows", type=int, help="fewer rows of the digits, for a trial")
    parser.add_argument("--threads", type=int, default=1)
    add_save(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peers, left_out = split(LIGHTNING, SKORCH, KERAS)
    ways = OURS | others(peers, threads=options.threads)
    data = loader(options.rows)
    figures = compare(ways, data, epochs=options.epochs, runs=options.runs)
    figures["on ready batches"] = compare(
        OURS, list(data), epochs=options.epochs, runs=options.runs
    )
    ratio = figures["coursekit.fit, same work"]["ratio"]
    report(
        "fit" if options.threads == 1 else f"fit_{options.threads}_threads",
        {"runs": options.runs, "threads": options.threads} | figures | {"left_out": left_out},
        packages=("torch", *(name for peer in peers for name in peer.packages)),
        bars=(Bar(of="fit against a hand-written loop, same work", figure=ratio, bar=BAR),),
        save=options.save,
    )


if __name__ == "__main__":
    main()
