"""A record as a data frame, and without pandas a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coursekit.records import Record, Series

ABSENT = """
import sys
from importlib.machinery import PathFinder

class WithoutPandas(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] == "pandas"
        return None if absent else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutPandas
"""


def sample() -> Record:
    """Loss at steps 0 and 2, a norm of two layers at 0 and 1, a score twice at 2, one never."""
    return Record(
        series={
            "loss": Series(steps=np.array([0, 2]), values=np.array([1.5, np.inf]), unit="nat"),
            "gradient_norm": Series(
                steps=np.array([0, 1]), values=np.array([[1.0, 2.0], [3.0, 4.0]]), labels=("a", "b")
            ),
            "score": Series(steps=np.array([2, 2]), values=np.array([7.0, 8.0])),
            "never": Series(steps=np.array([], np.int64), values=np.array([])),
        },
        layers=("a", "b"),
        framework="torch",
    )


def test_one_frame_by_hand() -> None:
    """Step 2 was read twice by one quantity: two rows, the second with that reading alone."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    nan = np.nan
    expected = pandas.DataFrame(
        [[1.5, 1, 2, nan, nan], [nan, 3, 4, nan, nan],
         [np.inf, nan, nan, 7, nan], [nan, nan, nan, 8, nan]],
        index=pandas.Index([0, 1, 2, 2], name="step"),
        columns=pandas.MultiIndex.from_tuples(
            [("loss", ""), ("gradient_norm", "a"), ("gradient_norm", "b"), ("score", ""),
             ("never", "")],
            names=["quantity", "label"],
        ),
    )  # fmt: skip
    pandas.testing.assert_frame_equal(sample().to_pandas(), expected)


def test_it_is_used_as_one_would_guess() -> None:
    """A quantity is a column or a block of columns; a layer is a column of the block."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = sample().to_pandas()
    assert isinstance(frame["loss"], pandas.Series)
    assert frame["loss"].dropna().to_dict() == {0: 1.5, 2: np.inf}
    assert frame["gradient_norm"].columns.tolist() == ["a", "b"]
    assert frame["gradient_norm"]["b"].loc[1] == frame["gradient_norm", "b"].loc[1] == 4.0
    assert frame["gradient_norm"].max().to_dict() == {"a": 3.0, "b": 4.0}


def test_a_record_of_nothing_is_an_empty_frame() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = Record(series={}, layers=(), framework="keras").to_pandas()
    assert frame.shape == (0, 0)
    assert (frame.index.name, list(frame.columns.names)) == ("step", ["quantity", "label"])


def test_without_pandas_it_says_how_to_install_it(tmp_path: Path) -> None:
    """And everything else works."""
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    code = """
from coursekit.errors import MissingPackageError
from coursekit.records import Record
record = Record(series={}, layers=(), framework="torch")
Record.load(record.save(__import__("sys").argv[1]))
try:
    record.to_pandas()
except MissingPackageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "one.npz")],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.startswith("Data frames need the package 'pandas', which is not installed")
    assert "pip install 'coursekit[pandas]'" in done.stdout
