"""What recording costs: the same training loop with and without it, in turn.

    python benchmarks/recording.py [--runs N]

For each network: the median over pairs of runs of (recorded / bare), and the extra microseconds of
a step that is read. Weights are compared too: a recording that changes them would be no use.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median

import torch
from results import keep
from torch import nn

from coursekit import record


@dataclass(frozen=True, kw_only=True)
class Run:
    """One timed run: seconds, readings taken (0 without recording), final weights."""

    seconds: float
    readings: int
    weights: list[torch.Tensor]


def network(hidden: tuple[int, ...]) -> nn.Sequential:
    """A ReLU network from 64 inputs to 10 classes."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((64, *hidden), hidden, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], 10))


def train(hidden: tuple[int, ...], batch: int, steps: int, *, every: int | bool | None) -> Run:
    """Train on one random batch; `every` is False for a run without recording."""
    torch.manual_seed(0)
    model, loss_fn = network(hidden), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(batch, 64), torch.randint(10, (batch,))
    watched = nullcontext() if every is False else record(model, optimizer, every=every)
    begin = time.perf_counter()
    with watched as vitals:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - begin
    readings = 0 if vitals is None else len(vitals.record["loss"].steps)
    return Run(seconds=seconds, readings=readings, weights=[*model.parameters()])


def compare(
    hidden: tuple[int, ...], batch: int, steps: int, *, every: int | None, runs: int
) -> dict[str, float | int]:
    """Interleaved pairs: the median ratio, and microseconds a reading."""
    train(hidden, batch, steps // 5, every=every)
    pairs = [
        (train(hidden, batch, steps, every=False), train(hidden, batch, steps, every=every))
        for _ in range(runs)
    ]
    bare, watched = pairs[-1]
    if not all(map(torch.equal, bare.weights, watched.weights)):
        raise SystemExit("Recording changed the weights.")
    extra = median(w.seconds - b.seconds for b, w in pairs)
    return {
        "ratio": round(median(w.seconds / b.seconds for b, w in pairs), 3),
        "readings": watched.readings,
        "steps": steps,
        "extra_us_per_reading": round(1e6 * extra / watched.readings, 1),
        "bare_us_per_step": round(1e6 * median(b.seconds for b, _ in pairs) / steps, 1),
    }


def main() -> None:
    """Time the three settings, print and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    measure: dict[str, Callable[[], dict[str, float | int]]] = {
        "64x2, batch 32, default schedule": lambda: compare(
            (64, 64), 32, 500, every=None, runs=runs
        ),
        "64x2, batch 32, every step": lambda: compare((64, 64), 32, 500, every=1, runs=runs),
        "512x3, batch 128, default schedule": lambda: compare(
            (512, 512, 512), 128, 500, every=None, runs=max(3, runs // 3)
        ),
    }
    keep("recording", {"runs": runs} | {name: one() for name, one in measure.items()})


if __name__ == "__main__":
    main()
