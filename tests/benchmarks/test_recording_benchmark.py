"""The benchmark of recording: what is compared is the same training, measured on the same steps."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import recording
import torch
from peers import COCKPIT, LIGHTNING
from timing import largest_difference
from torch import nn

from coursekit import record

TINY = recording.Setting(name="tiny", hidden=(8,), batch=4, every=None, bar=1.0)
READY = replace(TINY, loader=False)  # one batch that lies ready, which is what peers get
EVERY_THIRD = recording.Setting(name="tiny", hidden=(8,), batch=4, every=3, bar=1.0)
needs_lightning = pytest.mark.skipif(LIGHTNING.missing is not None, reason=str(LIGHTNING.missing))
needs_cockpit = pytest.mark.skipif(COCKPIT.missing is not None, reason=str(COCKPIT.missing))


def first_gradient_norms() -> list[float]:
    """Of each weight of TINY before any step, from autograd alone."""
    model, x, y = recording.problem(TINY)
    loss = nn.functional.cross_entropy(model(x), y)
    return [float(g.norm()) for g in torch.autograd.grad(loss, list(model.parameters()))]


@pytest.mark.parametrize("setting", [TINY, EVERY_THIRD])
def test_the_steps_named_are_those_that_record_reads(setting: recording.Setting) -> None:
    """Else a peer would be measured on others."""
    model, x, y = recording.problem(setting)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=setting.every) as vitals:
        for _ in range(40):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert set(vitals.record["loss"].steps.tolist()) == recording.recorded_steps(setting, 40)


def test_the_settings_are_long_enough_for_their_bars() -> None:
    """At least 40 readings in the 500 steps of a run, by the default schedule."""
    assert {setting.bar for setting in recording.SETTINGS} == {1.08, 1.03, 1.45}
    assert all(len(recording.recorded_steps(one, 500)) >= 40 for one in recording.SETTINGS)


def test_bare_and_recorded_runs_are_the_same_training() -> None:
    """Equal weights; only one of them takes readings."""
    bare = recording.train(TINY, steps=20, recorded=False)
    watched = recording.train(TINY, steps=20, recorded=True)
    assert largest_difference(bare.weights, watched.weights) == 0
    assert (bare.readings, watched.readings) == (0, len(recording.recorded_steps(TINY, 20)))


def test_figures_of_a_setting() -> None:
    """The comparison runs, and says how many steps and readings stand behind its ratio."""
    figures = recording.compare(TINY, steps=20, runs=2)
    assert figures["steps"] == 20
    assert figures["record"]["readings"] == len(recording.recorded_steps(TINY, 20))
    assert figures["record"]["ratio"] > 0


def test_without_peers_there_is_nothing_beside_it() -> None:
    """Only the bare loop runs, and that is no figure."""
    assert recording.compare_peers(TINY, [], steps=5, runs=2) == {}


@needs_cockpit
def test_cockpit_trains_the_same_and_measures_the_same_steps() -> None:
    """Equal weights, as many measurements as `record` takes."""
    bare = recording.train(READY, steps=20, recorded=False)
    theirs = recording.train_with_cockpit(READY, steps=20)
    assert largest_difference(bare.weights, theirs.weights) == 0
    assert theirs.readings == len(recording.recorded_steps(READY, 20))


@needs_lightning
@pytest.mark.parametrize("norms", [False, True])
def test_lightning_trains_the_same(norms: bool) -> None:
    """Equal weights with its norms and without."""
    bare = recording.train(READY, steps=20, recorded=False)
    reads = recording.recorded_steps(READY, 20).__contains__ if norms else None
    theirs = recording.train_with_lightning(READY, steps=20, reads=reads, log_every=50)
    assert largest_difference(bare.weights, theirs.weights) == 0
    assert theirs.readings == (len(recording.recorded_steps(READY, 20)) if norms else 0)


@needs_lightning
def test_lightning_writes_the_norms_that_autograd_gives(tmp_path: Path) -> None:
    """Its work is really done: one row a step, the first one right."""
    from peers import lightning

    model, x, y = recording.problem(READY)
    lightning.fit_logging(
        model, [(x, y)] * 5, lr=0.1, reads=lambda _: True, log_every=1, folder=tmp_path
    )
    [path] = tmp_path.rglob("metrics.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 1, 2, 3, 4]
    written = [float(rows[0][f"grad_2.0_norm/{name}"]) for name, _ in model.named_parameters()]
    assert written == pytest.approx(first_gradient_norms(), rel=1e-4)


@needs_lightning
def test_lightning_is_held_against_itself_without_norms() -> None:
    """Both forms of its logging stand beside ours, with how often they measured."""
    figures = recording.compare_peers(READY, [LIGHTNING], steps=12, runs=2)
    assert {name: one["readings"] for name, one in figures.items()} == {
        "Lightning, norms at every step": 12,
        "Lightning, norms on the same steps": 12,  # the default schedule reads all of the first 16
    }
