"""A sweep is kept and read as it was, and its tables are those that were worked out by hand."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.sweeps import Sweep

NAN, INF = math.nan, math.inf

# Two rates × two depths × three seeds; the final losses are in the second column of the curve.
LR = [0.1, 0.2] * 6
DEPTH = [1] * 6 + [4] * 6
SEED = [0, 0, 1, 1, 2, 2] * 2
FINAL = [3.0, 9.0, 1.0, NAN, 2.0, NAN, 5.0, 6.0, 7.0, 4.0, 9.0, 50.0]
LOST = [False] * 3 + [True, False, True] + [False] * 5 + [True]


def made(**changed: Any) -> Sweep:
    """The sweep above, with something changed."""
    parts: dict[str, Any] = {
        "settings": {"lr": np.array(LR), "depth": np.array(DEPTH), "seed": np.array(SEED)},
        "start": np.full(12, 10.0),
        "curve": np.stack([np.arange(12.0), np.array(FINAL)], axis=1),
        "diverged": np.array(LOST),
        "diverged_above": 2.0,
        "how": ("12 runs stacked, with SGD.",),
        "unit": "nat",
    }
    return Sweep(**parts | changed)


def test_it_says_what_it_holds() -> None:
    assert repr(made()) == "Sweep(12 runs: 2 lr × 2 depth × 3 seed; 2 epochs, 3 diverged)"
    np.testing.assert_array_equal(made().loss, FINAL)


def test_a_table_holds_medians_in_which_divergence_is_infinite() -> None:
    """By hand: depth 1 at lr 0.2 has 9, ∞ and ∞, so ∞; depth 4 has 4, 6 and ∞, so 6."""
    table = made().table(y="depth")
    assert (table.x_name, table.y_name) == ("lr", "depth")
    assert table.x.tolist() == [0.1, 0.2]
    assert table.y.tolist() == [1, 4]
    assert table.loss.tolist() == [[2.0, INF], [7.0, 6.0]]
    np.testing.assert_allclose(table.diverged, [[0, 2 / 3], [0, 1 / 3]])


def test_half_of_the_seeds_are_enough_to_diverge() -> None:
    """The median of an even number lies between the middle two: half-way to infinity is there."""
    one = {"settings": {"lr": np.full(2, 0.1), "seed": np.arange(2)}, "start": np.ones(2)}
    result = made(**one, curve=np.array([[1.0], [NAN]]), diverged=np.array([False, True]))
    assert result.table().loss.tolist() == [[INF]]


def test_one_setting_makes_one_row_where_the_others_are_picked() -> None:
    table = made().table(where={"depth": 4})
    assert table.loss.tolist() == [[7.0, 6.0]]
    assert (table.y_name, table.y.tolist()) == ("", [""])
    assert made().table(x="depth", where={"lr": 0.1}).loss.tolist() == [[2.0, 7.0]]
    assert made().runs({"depth": 4, "lr": 0.1}).nonzero()[0].tolist() == [6, 8, 10]


def test_text_stays_in_order_and_a_missing_cell_is_nan() -> None:
    result = made(settings={"init": np.array(["z", "a", "z"]), "lr": np.array([1.0, 2.0, 2.0])},
                  start=np.ones(3), curve=np.ones((3, 1)), diverged=np.zeros(3, bool))  # fmt: skip
    table = result.table(y="init")
    assert table.y.tolist() == ["z", "a"]
    np.testing.assert_array_equal(table.loss, [[1, 1], [NAN, 1]])


def test_settings_that_are_not_there_or_not_picked() -> None:
    with pytest.raises(UnknownNameError, match=r"No setting 'deph'. Did you mean 'depth'\?"):
        made().table(y="deph")
    with pytest.raises(BadInputError, match=r"No run has depth 2\. There are: 1, 4\."):
        made().runs({"depth": 2})
    with pytest.raises(BadInputError, match=r"depth varies too: 1, 4.*where=\{'depth': 1\}"):
        made().table()
    many = made(settings={"lr": np.linspace(1, 12, 12)})
    with pytest.raises(BadInputError, match=r"There are: 1.0, .*, 8.0 and 4 more\.$"):
        many.runs({"lr": 0.5})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"diverged": np.zeros(3, bool)}, r"'diverged' has shape \(3,\), but there are 12 runs"),
        ({"curve": np.ones((2, 2))}, r"'curve' has shape \(2,\)"),
        ({"curve": np.ones(12)}, r"curves have shape \(12,\)"),
        ({"curve": np.ones((12, 0))}, r"neither 0"),
        ({"settings": {"lr": np.ones(1)}}, "'lr' has shape"),
    ],
)
def test_columns_of_unequal_length(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        made(**changed)


def test_it_comes_back_from_a_file_bit_for_bit(tmp_path: Path) -> None:
    kept = made(curve=np.random.default_rng(0).normal(size=(12, 3)), diverged_above=INF)
    read = Sweep.load(kept.save(tmp_path / "sweep.json"))
    for name, column in kept.settings.items():
        assert read.settings[name].dtype == column.dtype
        np.testing.assert_array_equal(read.settings[name], column)
    for name in ("start", "curve", "diverged"):
        np.testing.assert_array_equal(getattr(read, name), getattr(kept, name))
    assert (read.how, read.unit, read.diverged_above) == (kept.how, kept.unit, INF)


def test_text_truth_and_losses_that_are_not_finite_come_back() -> None:
    settings = {"init": np.array(["a", "é"] * 6), "bias": np.array([True, False] * 6)}
    read = Sweep.from_json(made(settings=settings).to_json())
    assert read.settings["init"].tolist() == ["a", "é"] * 6
    assert read.settings["bias"].dtype == np.bool_
    np.testing.assert_array_equal(read.curve, made().curve)


def test_a_text_that_is_cut_off_anywhere_is_refused() -> None:
    text = made().to_json()
    for end in range(0, len(text), 7):
        with pytest.raises(BadInputError, match="cut off or is not JSON"):
            Sweep.from_json(text[:end])


def changed_json(**changed: Any) -> str:
    """The text of a sweep, with something replaced."""
    return json.dumps(json.loads(made().to_json()) | changed)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "not a coursekit sweep"),
        (changed_json(schema="coursekit-record"), "not a coursekit sweep"),
        (changed_json(version=2), "version 2; this coursekit reads up to 1. Upgrade"),
        (changed_json(version=True), "version True"),
        (changed_json(version=None), "version None"),
        (changed_json(curve=[[1.0]] * 3), "damaged"),
        (changed_json(curve=[[1.0], [1.0, 2.0]]), "damaged"),
        (changed_json(curve=[]), "damaged"),
        (changed_json(start=["x"] * 12), "damaged"),
        (changed_json(diverged=[0] * 12), "damaged: a flag is neither true nor false"),
        (changed_json(settings={"lr": [None] * 12}), "damaged: a setting is neither"),
        (changed_json(settings=[1]), "damaged"),
        (changed_json(how=[1]), "damaged: '1' is not text"),
        (changed_json(unit=None), "damaged"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_sweep_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        Sweep.from_json(text)


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="There is no file"):
        Sweep.load(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match=r"bytes.json is not text"):
        Sweep.load(tmp_path / "bytes.json")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"other.json: This is JSON, but not"):
        Sweep.load(tmp_path / "other.json")
