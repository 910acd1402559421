"""256 learning rates for a small network on the wine data: all at once, and one after another.

    python benchmarks/sweep.py [--runs N] [--rates N] [--epochs N] [--save]

Three ways of the same work, in turn: `sweep`; a plain PyTorch loop, run after run, measured whole;
and joblib with two processes of one thread each, its processes started beforehand. The losses of
all ways are compared: a sweep that computes something else would be no use.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import torch
from results import Bar, add_save, report
from timing import Run, against, take_turns
from torch import Tensor, nn

from coursekit.datasets import load_dataset
from coursekit.training.sweeping.grid import sweep

Batches = list[tuple[Tensor, Tensor]]

JOBS = 2
BAR = 12.0
# Rounding grows where a run is chaotic, close to divergence. Runs below this loss are calm.
CALM, CLOSE = 1.5, 1e-4


def wine() -> Batches:
    """Standardised features and classes, in a fixed random order, 32 rows a batch."""
    data = load_dataset("wine")
    order = np.random.default_rng(0).permutation(len(data.x))
    x = ((data.x - data.x.mean(axis=0)) / data.x.std(axis=0))[order]
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(data.y[order])
    rows = range(0, len(inputs), 32)
    return [(inputs[row : row + 32], labels[row : row + 32]) for row in rows]


def build(seed: int) -> nn.Module:
    """Thirteen features, sixteen hidden units, three classes."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))


def train(batches: Batches, lr: float, epochs: int) -> list[float]:
    """One run in plain PyTorch: the mean loss of each epoch."""
    model, loss_fn = build(0), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    means = []
    for _ in range(epochs):
        total = 0.0
        for x, y in batches:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        means.append(total / len(batches))
    return means


def train_several(batches: Batches, rates: Sequence[float], epochs: int) -> list[list[float]]:
    """Some runs, one after another on one thread."""
    torch.set_num_threads(1)
    return [train(batches, lr, epochs) for lr in rates]


def at_once(batches: Batches, rates: list[float], epochs: int) -> npt.NDArray[np.float64]:
    """The sweep."""
    result = sweep(build, batches, loss_fn=nn.CrossEntropyLoss(), lr=rates, epochs=epochs)
    if "stacked" not in result.how[0]:
        raise SystemExit(f"The runs were not stacked: {result.how[0]}")
    return result.curve


def one_by_one(batches: Batches, rates: list[float], epochs: int) -> npt.NDArray[np.float64]:
    """Run after run."""
    return np.array(train_several(batches, rates, epochs))


def in_processes(batches: Batches, rates: list[float], epochs: int) -> npt.NDArray[np.float64]:
    """Joblib, as one would write it: four parts a process, so that none waits long."""
    size = math.ceil(len(rates) / (4 * JOBS))
    parts = [rates[start : start + size] for start in range(0, len(rates), size)]
    found = joblib.Parallel(n_jobs=JOBS)(
        joblib.delayed(train_several)(batches, part, epochs) for part in parts
    )
    return np.concatenate(found)


WAYS: dict[str, Callable[[Batches, list[float], int], npt.NDArray[np.float64]]] = {
    "sweep": at_once,
    "one after another": one_by_one,
    f"joblib, {JOBS} processes": in_processes,
}


def timed(way: str, batches: Batches, rates: list[float], epochs: int) -> Run:
    """One way, by the clock; what is compared are its losses, of shape (rates, epochs)."""
    begin = time.perf_counter()
    curve = WAYS[way](batches, rates, epochs)
    return Run(seconds=time.perf_counter() - begin, weights=[torch.from_numpy(curve)])


def compared(one: Run, other: Run, *, close: float = CLOSE) -> dict[str, float | int]:
    """How far the losses of the calm runs are apart, as a share of their value.

    Raises:
        SystemExit: Too far.
    """
    mine, theirs = one.weights[0], other.weights[0]
    calm = (theirs < CALM).all(dim=1)
    apart = float(((mine - theirs).abs() / theirs)[calm].max()) if calm.any() else math.inf
    if not apart < close:
        raise SystemExit(f"The losses are apart by {apart:.1e} of their value.")
    return {"largest_difference": float(f"{apart:.1e}"), "runs_compared": int(calm.sum())}


def main() -> None:
    """Time the ways in turn, compare, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rates", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=20)
    add_save(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    batches, rates = wine(), np.logspace(-4, 1, options.rates).tolist()
    ways = {way: partial(timed, way, batches, rates, options.epochs) for way in WAYS}
    taken = take_turns(ways, runs=options.runs)
    swept, plain = taken["sweep"], taken["one after another"]
    figures: dict[str, Any] = {
        "learning_rates": options.rates,
        "epochs": options.epochs,
        "runs": options.runs,
        "torch_threads": torch.get_num_threads(),
    }
    for way, runs in taken.items():
        figures[way] = {"seconds": round(median(run.seconds for run in runs), 3)}
        if way != "sweep":
            beside = {"times_as_long_as_sweep": against(runs, swept)}
            figures[way] |= beside | compared(swept[-1], runs[-1])
    faster: Any = against(plain, swept)["ratio"]
    bar = Bar(figure=faster, bar=BAR, better="higher", of="times as fast as one after another")
    report("sweep", figures, save=options.save, packages=("torch", "joblib"), bars=(bar,))


if __name__ == "__main__":
    main()
