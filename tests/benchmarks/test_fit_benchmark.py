"""The benchmark of `fit`: every way does the same training, and one that does not is refused."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import fit as benchmark
import pytest
import torch
from peers import LIGHTNING, SKORCH, Peer
from timing import final_weights, largest_difference

SCRIPT = Path(benchmark.__file__)
ROWS = 80  # two and a half batches


@pytest.mark.parametrize("peer", [LIGHTNING, SKORCH], ids=lambda peer: peer.title)
def test_another_library_ends_with_the_same_weights(peer: Peer) -> None:
    """Two epochs from the same first weights, against the hand-written loop."""
    if peer.missing is not None:
        pytest.skip(peer.missing)
    data, bare = benchmark.loader(ROWS), benchmark.network()
    benchmark.by_hand(bare, data, 2)
    ways = benchmark.others([peer], threads=1)
    assert ways
    for train in ways.values():
        model = benchmark.network()
        train(model, data, 2)
        assert largest_difference(final_weights(model), final_weights(bare)) == 0


def test_ours_do_the_same_work() -> None:
    """Compared on a loader and on ready batches; steps are counted, weights are equal."""
    data = benchmark.loader(ROWS)
    for batches in (data, list(data)):
        figures = benchmark.compare(benchmark.OURS, batches, epochs=2, runs=2)
        assert figures["steps"] == 6
        assert figures["coursekit.fit"]["largest_weight_difference"] == 0
        assert figures["coursekit.fit, same work"]["ratio"] > 0


def test_a_way_that_does_other_work_is_refused() -> None:
    """One epoch too many: no figure comes of it."""

    def longer(model: torch.nn.Module, data: benchmark.Batches, epochs: int) -> float:
        return benchmark.by_fit(model, data, epochs + 1)

    ways = benchmark.OURS | {"coursekit.fit": longer}
    with pytest.raises(SystemExit, match="away from the hand-written loop's weights"):
        benchmark.compare(ways, list(benchmark.loader(ROWS)), epochs=1, runs=2)


def test_a_peer_has_a_little_slack_and_no_more() -> None:
    """Another order of sums may move a weight by 1e-4, not by 0.01."""

    def off_by(much: float, model: torch.nn.Module, data: benchmark.Batches, epochs: int) -> float:
        seconds = benchmark.by_hand(model, data, epochs)
        with torch.no_grad():
            next(model.parameters())[0, 0] += much
        return seconds

    data = list(benchmark.loader(ROWS))
    near = benchmark.OURS | {"peer": partial(off_by, 1e-4)}
    assert "peer" in benchmark.compare(near, data, epochs=1, runs=2)
    far = benchmark.OURS | {"peer": partial(off_by, 0.01)}
    with pytest.raises(SystemExit, match=r"peer ends 0\.01 away"):
        benchmark.compare(far, data, epochs=1, runs=2)


def test_the_command_keeps_its_figures_and_leaves_out_what_is_missing(tmp_path: Path) -> None:
    """A process of its own, Keras included where it is: what it writes has bar and verdict."""
    options = ["--runs", "2", "--epochs", "1", "--rows", str(ROWS), "--save", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stderr
    body = json.loads((tmp_path / "fit.json").read_text(encoding="utf-8"))
    [bar] = body["bars"]
    assert bar["bar"] == 1.03
    assert bar["met"] is (bar["figure"] <= 1.03)
    for title in ("Lightning", "skorch", "Keras"):
        figure = any(name.startswith(title) for name in body["figures"])
        left_out = any(line.startswith(title) for line in body["figures"]["left_out"])
        assert figure is not left_out
