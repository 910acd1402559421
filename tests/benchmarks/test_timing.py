"""Turns, ratios and bars, on numbers worked out by hand."""

import argparse
import ast
import json
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
import results
import torch
from peers import Peer, split
from results import FOLDER, Bar, add_save, report
from timing import Run, Way, against, cost_of_readings, largest_difference, take_turns


def runs(*seconds: float, readings: int = 0) -> list[Run]:
    """Runs of so many seconds."""
    return [Run(seconds=one, weights=[], readings=readings) for one in seconds]


def test_every_other_round_goes_backwards_and_the_first_is_thrown_away() -> None:
    """Three rounds of a and b with one before them: ab, ba, ab, ba."""
    order: list[str] = []

    def way(name: str) -> Way:
        def run() -> Run:
            order.append(name)
            return Run(seconds=len(order), weights=[])

        return run

    taken = take_turns({"a": way("a"), "b": way("b")}, runs=3)
    assert "".join(order) == "abbaabba"
    assert [run.seconds for run in taken["a"]] == [4, 5, 8]
    assert [run.seconds for run in taken["b"]] == [3, 6, 7]


def test_a_ratio_is_the_median_over_rounds_not_the_ratio_of_medians() -> None:
    """Rounds give 2, 3 and 1; the medians 3 and 2 would give 1.5."""
    figures = against(runs(2, 3, 4), runs(1, 1, 4))
    assert figures == {"ratio": 2.0, "middle_half": [1.5, 2.5]}


def test_the_cost_of_a_reading() -> None:
    """Half a second more over five readings is 100,000 µs each."""
    figures = cost_of_readings(runs(1.5, 1.5, readings=5), runs(1.0, 1.0))
    assert figures["extra_us_per_reading"] == 100_000
    assert figures["readings"] == 5
    assert figures["ratio"] == 1.5


def test_the_largest_difference_of_weights() -> None:
    """The second tensor differs most, downwards."""
    one = [torch.tensor([1.0, 2.0]), torch.tensor([[0.0]])]
    other = [torch.tensor([1.5, 2.0]), torch.tensor([[2.0]])]
    assert largest_difference(one, other) == 2.0


@pytest.mark.parametrize(
    ("figure", "better", "met"),
    [
        (1.03, "lower", True),
        (1.031, "lower", False),
        (1.03, "higher", True),
        (1.0, "higher", False),
    ],
)
def test_a_bar_is_met_when_reached(figure: float, better: str, met: bool) -> None:
    """The bar itself is good enough, from either side."""
    assert Bar(of="x", figure=figure, bar=1.03, better=better).met is met


def test_a_kept_result_carries_its_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A README can quote figure, bar and verdict from the file; a miss is loud on the screen."""
    bars = (Bar(of="cost", figure=1.5, bar=1.45), Bar(of="speed", figure=2, bar=1, better="higher"))
    path = report("trial", {"a_s": 1}, bars=bars, save=tmp_path / "new")
    assert path is not None
    body = json.loads(path.read_text(encoding="utf-8"))
    assert [(bar["of"], bar["figure"], bar["bar"], bar["met"]) for bar in body["bars"]] == [
        ("cost", 1.5, 1.45, False),
        ("speed", 2, 1, True),
    ]
    assert body["figures"] == {"a_s": 1}
    assert body["versions"]["torch"] == version("torch")
    assert "cost: 1.5, bar ≤ 1.45: MISSED" in capsys.readouterr().out


def test_without_save_nothing_is_written_and_the_stored_figures_stand_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trial on a busy machine must not replace what the README quotes."""
    assert report("trial", {"net": {"ratio": 1.0}}, save=tmp_path) == tmp_path / "trial.json"
    before = (tmp_path / "trial.json").read_bytes()
    monkeypatch.setattr("results.read", partial(results.read, folder=tmp_path))
    capsys.readouterr()
    assert report("trial", {"net": {"ratio": 2.0, "new": 3}}, save=None) is None
    printed = capsys.readouterr().out
    assert "net: ratio: 2.0  (stored: 1.0)\nnet: new: 3\n" in printed
    assert "Nothing was written." in printed
    assert (tmp_path / "trial.json").read_bytes() == before
    assert report("other", {}, save=None) is None
    assert "no earlier run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "folder"), [([], None), (["--save"], FOLDER), (["--save", "x"], Path("x"))]
)
def test_save_is_off_unless_it_is_asked_for(arguments: list[str], folder: Path | None) -> None:
    parser = argparse.ArgumentParser()
    add_save(parser)
    assert parser.parse_args(arguments).save == folder


def test_every_benchmark_has_the_option() -> None:
    """Whoever reports figures lets `--save` decide where they go."""
    for path in FOLDER.parent.glob("*.py"):
        called = {
            node.func.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }  # fmt: skip
        if "main" in called:
            assert "add_save" in called, path.name


def test_a_peer_that_is_not_there_is_left_out_with_the_command_that_brings_it() -> None:
    """One peer is in the standard library, one nowhere."""
    here = Peer(title="Here", modules=("json",), packages=(), install="nothing")
    gone = Peer(title="Gone", modules=("json", "no_such_module"), packages=(), install="pip do it")
    assert split(here, gone) == (
        [here],
        ["Gone is left out: no_such_module cannot be imported here. Install it with: pip do it"],
    )
