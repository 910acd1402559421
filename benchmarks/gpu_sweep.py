"""4,096 small networks on a CUDA GPU: all at once, and one after another on the same GPU.

    python benchmarks/gpu_sweep.py [--runs N] [--sample N] [--save]

One after another is measured on a sample, every so many of the learning rates, and extrapolated:
each run does the same work, so 4,096 of them take 4,096 / sample times as long. The losses of the
sample are compared with those of the sweep. Without a CUDA GPU it says so and stops.
"""

import argparse
import time
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from results import Bar, add_save, report
from sweep import build, compared, wine
from timing import Run, against, take_turns
from torch import nn

from coursekit.training.sweeping.grid import sweep

MODELS, RATES, EPOCHS = 4096, 512, 5
BAR = 100.0
CLOSE = 1e-3  # a GPU adds in another order in one large product than in many small ones


def at_once(batches: list[Any], rates: list[float], seeds: range) -> Run:
    """The sweep, from building the models to the losses on the host."""
    begin = time.perf_counter()
    result = sweep(
        build, batches, loss_fn=nn.CrossEntropyLoss(), lr=rates, seeds=seeds, epochs=EPOCHS,
        device="cuda",
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    if "stacked" not in result.how[0]:
        raise SystemExit(f"The runs were not stacked: {result.how[0]}")
    return Run(seconds=seconds, weights=[torch.from_numpy(result.curve)])


def one_by_one(batches: list[Any], settings: list[tuple[int, float]]) -> Run:
    """The sample in plain PyTorch, its losses taken to the host once an epoch."""
    on_gpu = [(x.cuda(), y.cuda()) for x, y in batches]
    torch.cuda.synchronize()
    begin = time.perf_counter()
    curve = [train(on_gpu, seed, lr) for seed, lr in settings]
    seconds = time.perf_counter() - begin
    return Run(seconds=seconds, weights=[torch.tensor(curve, dtype=torch.float64)])


def train(batches: list[Any], seed: int, lr: float) -> list[float]:
    """One run: the mean loss of each epoch."""
    model, loss_fn = build(seed).cuda(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    means = []
    for _ in range(EPOCHS):
        total = torch.zeros((), device="cuda")
        for x, y in batches:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        means.append(float(total) / len(batches))
    return means


def main() -> None:
    """Time both in turn, compare, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sample", type=int, default=64)
    add_save(parser)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("Skipped: this benchmark needs a CUDA GPU, and torch sees none on this machine.")
        return
    batches, rates = wine(), np.logspace(-4, 1, RATES).tolist()
    seeds = range(MODELS // RATES)
    places = list(range(0, MODELS, MODELS // options.sample))[: options.sample]
    # The order of a sweep: the learning rate changes fastest.
    settings = [(seeds[place // RATES], rates[place % RATES]) for place in places]
    taken = take_turns(
        {
            "sweep": partial(at_once, batches, rates, seeds),
            "one after another": partial(one_by_one, batches, settings),
        },
        runs=options.runs,
    )
    swept, sample = taken["sweep"], taken["one after another"]
    scale = MODELS / len(places)
    picked = Run(seconds=swept[-1].seconds, weights=[swept[-1].weights[0][places]])
    faster: Any = against(sample, swept)["ratio"]
    figures = {
        "models": MODELS,
        "epochs": EPOCHS,
        "runs": options.runs,
        "gpu": torch.cuda.get_device_name(),
        "sweep_s": round(median(run.seconds for run in swept), 3),
        "sample": len(places),
        "sample_s": round(median(run.seconds for run in sample), 3),
        "one_after_another_extrapolated_s": round(scale * median(r.seconds for r in sample), 1),
        "times_as_fast": round(scale * faster, 1),
    } | compared(picked, sample[-1], close=CLOSE)
    bar = Bar(
        figure=round(scale * faster, 1), bar=BAR, better="higher",
        of="times as fast as one after another on the same GPU (extrapolated from the sample)",
    )  # fmt: skip
    report("gpu_sweep", figures, save=options.save, bars=(bar,))


if __name__ == "__main__":
    main()
