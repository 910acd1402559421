"""Record: kept through JSON and files, and refused when it is not whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.records import Record, Series, write_atomically


def sample() -> Record:
    """Two steps, two layers, and every kind of number."""
    steps = np.array([0, 3])
    return Record(
        series={
            "loss": Series(steps=steps, values=np.array([1.5, np.nan]), unit="nat"),
            "gradient_norm": Series(
                steps=steps, values=np.array([[0.1, np.inf], [-np.inf, 1e-300]]), labels=("0", "2")
            ),
            "val_loss": Series(steps=np.array([], dtype=np.int64), values=np.array([])),
        },
        layers=("0", "2"),
        framework="torch",
        notes=("A note with ünïcode.",),
    )


def same(a: Record, b: Record) -> bool:
    """Whether two records hold the same."""
    series = all(
        np.array_equal(a[name].steps, b[name].steps)
        and np.array_equal(a[name].values, b[name].values, equal_nan=True)
        and (a[name].labels, a[name].unit) == (b[name].labels, b[name].unit)
        for name in a.series
    )
    parts = [(r.layers, r.framework, r.notes, tuple(r.series)) for r in (a, b)]
    return series and parts[0] == parts[1]


def test_json_and_back() -> None:
    """NaN and infinities too, in text that any JSON reader takes."""
    text = sample().to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert same(sample(), Record.from_json(text))


def test_file_and_back(tmp_path: Path) -> None:
    """In a folder that is made."""
    path = sample().save(tmp_path / "runs" / "one.json")
    assert same(sample(), Record.load(path))
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]


def test_every_cut_is_noticed() -> None:
    """Wherever the file ends too early."""
    text = sample().to_json()
    for end in range(0, len(text) - 1, 7):
        with pytest.raises(BadInputError, match="cut off or is not JSON"):
            Record.from_json(text[:end])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "not a coursekit record"),
        ('{"loss": 1}', "not a coursekit record"),
        ("null", "not a coursekit record"),
    ],
)
def test_foreign_json_is_refused(text: str, says: str) -> None:
    """JSON, but of something else."""
    with pytest.raises(BadInputError, match=says):
        Record.from_json(text)


@pytest.mark.parametrize("version", [2, 99, 0, True, 1.0, "1", None])
def test_a_newer_version_is_refused(version: object) -> None:
    """Rather than read wrongly."""
    body = json.loads(sample().to_json()) | {"version": version}
    with pytest.raises(BadInputError, match="Upgrade coursekit"):
        Record.from_json(json.dumps(body))


@pytest.mark.parametrize("key", ["series", "layers", "framework", "notes"])
def test_a_missing_part_is_named(key: str) -> None:
    """Whole JSON, but not a whole record."""
    body = json.loads(sample().to_json())
    del body[key]
    with pytest.raises(BadInputError, match=f"damaged: '{key}'"):
        Record.from_json(json.dumps(body))


@pytest.mark.parametrize(
    "change",
    [
        {"layers": "fc"}, {"layers": [1]}, {"notes": None}, {"framework": "jax"}, {"series": []},
        {"series": {"loss": {"steps": [0.5], "values": [1], "labels": [], "unit": ""}}},
        {"series": {"loss": {"steps": [2**63], "values": [1], "labels": [], "unit": ""}}},
        {"series": {"loss": {"steps": [0], "values": [10**400], "labels": [], "unit": ""}}},
        {"series": {"loss": {"steps": [0], "values": [1], "labels": [], "unit": None}}},
    ],
    ids=["layers", "numbers", "notes", "framework", "list", "half step", "far", "huge", "unit"],
)  # fmt: skip
def test_a_part_of_another_kind_is_refused(change: dict[str, object]) -> None:
    """Rather than taken for what Python can make of it."""
    body = json.loads(sample().to_json()) | change
    with pytest.raises(BadInputError, match="This record is damaged"):
        Record.from_json(json.dumps(body))


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000], ids=["brackets", "digits"])
def test_json_that_python_will_not_read(text: str) -> None:
    """Nested or long beyond its limits."""
    with pytest.raises(BadInputError, match=r"Use record\.save"):
        Record.from_json(text)


def test_readings_that_do_not_fit_their_steps() -> None:
    """A value too few."""
    body = json.loads(sample().to_json())
    body["series"]["gradient_norm"]["values"].pop()
    with pytest.raises(BadInputError, match="damaged"):
        Record.from_json(json.dumps(body))
    with pytest.raises(BadInputError, match=r"2 steps and 0 labels need \(2,\)"):
        Series(steps=np.array([0, 1]), values=np.array([1.0]))


def test_files_that_are_no_record(tmp_path: Path) -> None:
    """None there, binary, and truncated; the name of the file is in the sentence."""
    with pytest.raises(BadInputError, match="There is no file"):
        Record.load(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(BadInputError, match=r"binary\.json is not text"):
        Record.load(tmp_path / "binary.json")
    (tmp_path / "cut.json").write_text(sample().to_json()[:50])
    with pytest.raises(BadInputError, match=r"cut\.json: The text ends or breaks"):
        Record.load(tmp_path / "cut.json")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Text that cannot be encoded fails in the middle of the write."""
    path = tmp_path / "one.json"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["one.json"]


def test_unknown_names_list_the_known() -> None:
    """Quantities and layers."""
    with pytest.raises(UnknownNameError, match=r"No quantity 'los'\. Did you mean 'loss'\?"):
        sample()["los"]
    with pytest.raises(UnknownNameError, match=r"No layer 'fc9'\. Layers: 0, 2\. See record"):
        sample().of_layer("gradient_norm", "fc9")
    assert sample().of_layer("gradient_norm", "0").tolist() == [0.1, -np.inf]
    assert "loss" in sample()
    assert "los" not in sample()


def test_steps_are_those_that_were_made() -> None:
    """A gradient of step 15 shows 16 steps; a validation after them stands at step 16."""

    def steps(**at: int) -> int:
        series = {
            name: Series(steps=np.array([step]), values=np.array([1.0]))
            for name, step in at.items()
        }
        return Record(series=series, layers=(), framework="torch").step_count

    assert steps(loss=15) == steps(loss=15, val_loss=16) == 16
    assert steps(loss=12, val_loss=16) == 16  # the last steps were not read
    assert steps(val_loss=0) == 0
    assert steps() == 0


def test_repr_is_one_line() -> None:
    """Also of a record without readings."""
    assert repr(sample()) == "Record(torch, 4 steps: loss, gradient_norm, val_loss)"
    assert repr(Record(series={}, layers=(), framework="keras")) == "Record(keras, 0 steps: )"
