"""What recording costs: the same training loop with and without it, in turn.

    python benchmarks/recording.py [--runs N] [--steps N] [--threads N] [--save]

The bare loop is that of lesson 00, on the digits, through a `DataLoader`. Because a loader takes
time of its own, the small network is also measured on one batch that lies ready: the worst case,
with the same bars. For each: the median over rounds of (recorded / bare), the making of the
`Record` included, and the extra microseconds of a step that is read. Beside it, where they are
installed, on the batch that lies ready: Cockpit's "economy" measurements on the same steps, against
the same bare loop; and Lightning's logging of gradient norms, against its own Trainer without it.
Weights are compared too: a recording that changes them would be no use.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from statistics import median
from typing import Any

import torch
from peers import COCKPIT, LIGHTNING, Peer, split
from results import Bar, add_save, report
from timing import Run, Way, cost_of_readings, final_weights, largest_difference, take_turns
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit import load_dataset, record
from coursekit.vitals.schedule import following

LR = 0.1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A network, a schedule, and the bar for them.

    Attributes:
        name: For the results.
        hidden: Sizes of the hidden layers.
        batch: Rows of a batch.
        every: Which steps are read; None for the default schedule.
        bar: Recorded may take this many times as long as bare.
        share: Of the rounds; fewer for a network whose runs are long.
        loader: Whether batches come through a DataLoader; else the same one lies ready.
        peers: Whether other libraries are run beside it.
    """

    name: str
    hidden: tuple[int, ...]
    batch: int
    every: int | None
    bar: float
    share: float = 1.0
    loader: bool = True
    peers: bool = False


SMALL = Setting(
    name="64x2, batch 32, default schedule", hidden=(64, 64), batch=32, every=None, bar=1.08
)
EACH = replace(SMALL, name="64x2, batch 32, every step", every=1, bar=1.45)
LARGE = Setting(
    name="512x3, batch 128, default schedule",
    hidden=(512, 512, 512),
    batch=128,
    every=None,
    bar=1.03,
    share=0.3,
)
SETTINGS = (
    SMALL,
    EACH,
    LARGE,
    replace(SMALL, name=f"{SMALL.name}, batch ready", loader=False, peers=True),
    replace(EACH, name=f"{EACH.name}, batch ready", loader=False, peers=True),
)


def problem(setting: Setting) -> tuple[nn.Sequential, Tensor, Tensor]:
    """A ReLU network from 64 inputs to 10 classes, and one random batch; always the same."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs in zip((64, *setting.hidden), setting.hidden, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(setting.hidden[-1], 10))
    return model, torch.randn(setting.batch, 64), torch.randint(10, (setting.batch,))


def batches(setting: Setting, x: Tensor, y: Tensor, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """As many batches as steps: the one given, or those of the digits, epoch after epoch."""
    if not setting.loader:
        return repeat((x, y), steps)
    digits = load_dataset("digits")
    rows = TensorDataset(torch.tensor(digits.x, dtype=torch.float32), torch.tensor(digits.y))
    loader = DataLoader(rows, batch_size=setting.batch, shuffle=True, drop_last=True)
    return islice(chain.from_iterable(repeat(loader)), steps)


def train(setting: Setting, *, steps: int, recorded: bool) -> Run:
    """A hand-written loop, with `record` around it or without."""
    model, x, y = problem(setting)
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=LR)
    data = batches(setting, x, y, steps)
    begin = time.perf_counter()
    watched = record(model, optimizer, every=setting.every) if recorded else nullcontext()
    with watched as vitals:
        for inputs, labels in data:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
    readings = 0 if vitals is None else len(vitals.record["loss"].steps)
    seconds = time.perf_counter() - begin
    return Run(seconds=seconds, weights=final_weights(model), readings=readings)


def train_with_cockpit(setting: Setting, *, steps: int) -> Run:
    """The loop with Cockpit around each backward pass, on the steps that `record` reads."""
    from peers import cockpit

    model, x, y = problem(setting)
    reads = recorded_steps(setting, steps).__contains__
    seconds, readings = cockpit.train(model, x, y, lr=LR, steps=steps, reads=reads)
    return Run(seconds=seconds, weights=final_weights(model), readings=readings)


def train_with_lightning(
    setting: Setting, *, steps: int, reads: Callable[[int], bool] | None, log_every: int
) -> Run:
    """Lightning's Trainer with a CSV logger; norms of gradients at the steps that `reads` names."""
    from peers import lightning

    model, x, y = problem(setting)
    with tempfile.TemporaryDirectory() as folder:
        seconds, readings = lightning.fit_logging(
            model, [(x, y)] * steps, lr=LR, reads=reads, log_every=log_every, folder=Path(folder)
        )
    return Run(seconds=seconds, weights=final_weights(model), readings=readings)


def recorded_steps(setting: Setting, steps: int) -> set[int]:
    """The steps that `record` reads."""
    step, read = 0, set()
    while step < steps:
        read.add(step)
        step = following(step, every=setting.every)
    return read


def compare(setting: Setting, *, steps: int, runs: int) -> dict[str, Any]:
    """Bare and recorded in turn.

    Raises:
        SystemExit: The recording changed the weights.
    """
    bare, ours = partial(train, setting, recorded=False), partial(train, setting, recorded=True)
    taken = take_turns(
        {"bare": partial(bare, steps=steps), "record": partial(ours, steps=steps)}, runs=runs
    )
    if largest_difference(taken["bare"][-1].weights, taken["record"][-1].weights):
        raise SystemExit("Recording changed the weights.")
    return {
        "steps": steps,
        "bare_us_per_step": round(1e6 * median(r.seconds for r in taken["bare"]) / steps, 1),
        "record": cost_of_readings(taken["record"], taken["bare"]),
    }


def cockpit_ways(setting: Setting, *, steps: int) -> dict[str, Way]:
    """Cockpit on the steps that `record` reads; its base is the bare loop."""
    return {"Cockpit, economy": partial(train_with_cockpit, setting, steps=steps)}


def lightning_ways(setting: Setting, *, steps: int) -> dict[str, Way]:
    """Lightning without norms, with them as its manual shows, and on the steps that are read here.

    Its logger writes every fiftieth step, as it does by default, or every step where each is read;
    between those steps the norms are taken and kept in memory.
    """
    way = partial(train_with_lightning, setting, steps=steps, log_every=setting.every or 50)
    ways: dict[str, Way] = {
        "Lightning": partial(way, reads=None),
        "Lightning, norms at every step": partial(way, reads=lambda _: True),
    }
    if setting.every is None:
        reads = recorded_steps(setting, steps).__contains__
        ways["Lightning, norms on the same steps"] = partial(way, reads=reads)
    return ways


def compare_peers(setting: Setting, peers: list[Peer], *, steps: int, runs: int) -> dict[str, Any]:
    """Each peer in turn with what it is held against: the bare loop, or itself without norms."""
    ways: dict[str, Way] = {"bare": partial(train, setting, steps=steps, recorded=False)}
    if COCKPIT in peers:
        ways |= cockpit_ways(setting, steps=steps)
    if LIGHTNING in peers:
        ways |= lightning_ways(setting, steps=steps)
    taken = take_turns(ways, runs=runs)
    figures: dict[str, Any] = {}
    for name in ways.keys() - {"bare", "Lightning"}:
        base = taken["Lightning" if "Lightning" in name else "bare"]
        apart = largest_difference(taken[name][-1].weights, taken["bare"][-1].weights)
        figures[name] = cost_of_readings(taken[name], base) | {"largest_weight_difference": apart}
    return dict(sorted(figures.items()))


def main() -> None:
    """Time the settings, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=61)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--peer-runs", type=int, default=11, help="rounds with other libraries")
    parser.add_argument("--threads", type=int, default=1)
    add_save(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peers, left_out = split(COCKPIT, LIGHTNING)
    figures: dict[str, Any] = {"runs": options.runs, "threads": options.threads}
    for setting in SETTINGS:
        runs = max(2, round(options.runs * setting.share))
        one = compare(setting, steps=options.steps, runs=runs)
        if setting.peers:
            one |= compare_peers(setting, peers, steps=options.steps, runs=options.peer_runs)
        figures[setting.name] = one
    report(
        "recording" if options.threads == 1 else f"recording_{options.threads}_threads",
        figures | {"left_out": left_out},
        packages=("torch", *(name for peer in peers for name in peer.packages)),
        bars=tuple(
            Bar(of=f"recording, {s.name}", figure=figures[s.name]["record"]["ratio"], bar=s.bar)
            for s in SETTINGS
        ),
        save=options.save,
    )


if __name__ == "__main__":
    main()
