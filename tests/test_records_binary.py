"""The compact form of a record: exact to the bit, and refused when it is not whole."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from coursekit.errors import BadInputError
from coursekit.records import Record, Series, write_atomically

# NaN, infinities, both zeros, the smallest and the largest number, and one that has no short form.
ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -1.7976931348623157e308, 0.1 + 0.2])


def sample() -> Record:
    """With and without labels, on shared steps and on their own, and one without readings."""
    steps, none = np.arange(0, 8 * 2**40, 2**40), np.array([], np.int64)
    return Record(
        series={
            "loss": Series(steps=steps, values=ODD, unit="nat"),
            "gradient_norm": Series(
                steps=steps, values=np.stack([ODD, ODD[::-1]], axis=1), labels=("0", "fc.ünï")
            ),
            "val_loss": Series(steps=np.array([3]), values=np.array([1.0])),
            "never_read": Series(steps=none, values=np.zeros((0, 1)), labels=("0",)),
        },
        layers=("0", "fc.ünï"),
        framework="keras",
        notes=("A note with ünïcode.", "Another."),
    )  # fmt: skip


def bits(record: Record) -> list[object]:
    """Everything in a record, readings as bytes: equal lists are equal records, to the bit."""
    items = record.series.values()
    numbers = [(item.steps.tobytes(), item.values.tobytes()) for item in items]
    kinds = [(item.steps.dtype, item.values.dtype, item.values.shape) for item in items]
    words = [(name, item.labels, item.unit) for name, item in record.series.items()]
    return [numbers, kinds, words, record.layers, record.framework, record.notes]


def content(record: Record, folder: Path) -> bytes:
    """The bytes of a saved record."""
    return record.save(folder / "whole.npz").read_bytes()


def refused(path: Path) -> str:
    """The sentence with which a file is refused; "" where it is read."""
    try:
        Record.load(path)
    except BadInputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("ending", [".json", ".npz", ".NPZ"])
def test_every_bit_comes_back(tmp_path: Path, ending: str) -> None:
    """In both forms, and nothing else is left in the folder."""
    path = sample().save(tmp_path / "runs" / f"one{ending}")
    assert bits(Record.load(path)) == bits(sample())
    assert [file.name for file in path.parent.iterdir()] == [f"one{ending}"]


def test_the_same_record_is_the_same_file(tmp_path: Path) -> None:
    """No time of day in it: a record under version control does not change by itself."""
    assert content(sample(), tmp_path) == content(sample(), tmp_path)


def test_it_is_smaller_than_text(tmp_path: Path) -> None:
    """A constant learning rate over 1,000 steps: 8 kB as numbers, far less compressed."""
    steps = np.arange(1000)
    rates = {f"q{n}": Series(steps=steps, values=np.full(1000, 0.1)) for n in range(5)}
    record = Record(series=rates, layers=(), framework="torch")
    assert len(content(record, tmp_path)) < 0.2 * len(record.to_json())


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    """Pickles forbidden: steps that two quantities share are kept once."""
    path = sample().save(tmp_path / "one.npz")
    with np.load(path, allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        assert header["series"]["loss"]["steps"] == header["series"]["gradient_norm"]["steps"]
        assert np.array_equal(arrays[header["series"]["loss"]["values"]], ODD, equal_nan=True)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    """Wherever the file ends too early."""
    whole, path = content(sample(), tmp_path), tmp_path / "cut.npz"
    for end in range(0, len(whole), 3):
        path.write_bytes(whole[:end])
        assert "cut.npz: The file is cut off, damaged" in refused(path), end


@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_a_changed_byte_is_noticed_or_harmless(tmp_path: Path, flip: int) -> None:
    """Each byte in turn: an equal record or a sentence, never other numbers."""
    whole, path = content(sample(), tmp_path), tmp_path / "changed.npz"
    noticed = 0
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= flip
        path.write_bytes(changed)
        sentence = refused(path)
        noticed += sentence != ""
        assert sentence or bits(Record.load(path)) == bits(sample()), place
    assert noticed > len(whole) / 2


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80])
def test_a_changed_character_of_text_raises_nothing_else(tmp_path: Path, flip: int) -> None:
    """JSON has no checksum: another digit is another number, but never a traceback."""
    whole, path = sample().to_json().encode(), tmp_path / "changed.json"
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= flip
        path.write_bytes(changed)
        refused(path)


def packed(header: object, **arrays: np.ndarray) -> bytes:
    """A .npz with a header of one's own."""
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez_compressed(file, header=text, **arrays)
    return file.getvalue()


def test_foreign_archives_are_refused(tmp_path: Path) -> None:
    """Numbers of someone else, a zip of something else, and pickles, which are never run."""
    path = tmp_path / "foreign.npz"
    np.savez(path, weights=np.ones(3))
    assert "not a coursekit record" in refused(path)
    np.savez(path, header=np.ones(3))
    assert "not a coursekit record" in refused(path)
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    assert "not a .npz file of numbers" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "not a .npz file of numbers" in refused(path)
    path.write_bytes(packed({"schema": "other"}))
    assert "not a coursekit record" in refused(path)


def test_a_newer_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.npz"
    path.write_bytes(packed({"schema": "coursekit-record", "version": 2}))
    assert refused(path) == (
        "newer.npz: The record has version 2; this coursekit reads up to 1. Upgrade coursekit."
    )


HEAD = {"schema": "coursekit-record", "version": 1, "framework": "torch", "layers": [], "notes": []}
LOSS = {"values": "v", "steps": "s", "labels": [], "unit": ""}


@pytest.mark.parametrize(
    ("change", "arrays"),
    [
        ({}, {"s": np.arange(2)}),
        ({}, {"s": np.arange(2), "v": np.ones(3)}),
        ({}, {"s": np.arange(2.0), "v": np.ones(2)}),
        ({}, {"s": np.arange(2), "v": np.array(["1", "2"])}),
        ({"framework": "jax"}, {"s": np.arange(2), "v": np.ones(2)}),
        ({"layers": "fc"}, {"s": np.arange(2), "v": np.ones(2)}),
        ({"series": []}, {}),
    ],
    ids=["no values", "one too many", "steps no integers", "text", "framework", "layers", "series"],
)  # fmt: skip
def test_an_archive_that_does_not_fit_together(
    tmp_path: Path, change: dict[str, object], arrays: dict[str, np.ndarray]
) -> None:
    """Whole, with good checksums, but no record."""
    path = tmp_path / "odd.npz"
    path.write_bytes(packed({**HEAD, "series": {"loss": LOSS}, **change}, **arrays))
    assert refused(path).startswith("odd.npz: This record is damaged: ")


def test_quantities_of_a_later_coursekit_are_read(tmp_path: Path) -> None:
    """Any name is a quantity, so a new one needs no new version; keys not known are passed over."""
    path = tmp_path / "later.npz"
    header = {**HEAD, "series": {"curvature": {**LOSS, "colour": "red"}}, "machine": "new"}
    path.write_bytes(packed(header, s=np.arange(2), v=np.ones(2), extra=np.ones(1)))
    assert Record.load(path)["curvature"].values.tolist() == [1.0, 1.0]
    text = sample().to_json().replace('"never_read"', '"curvature"', 1)
    assert "curvature" in Record.from_json(text)


@pytest.mark.parametrize("name", ["one.txt", "one", "one.npy", "one.json.gz"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written or read."""
    for attempt in (sample().save, Record.load):
        with pytest.raises(BadInputError, match=r"as '\.json' or '\.npz', but the path is 'one"):
            attempt(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A real failure in the middle of a write: files of this process may have 4,096 bytes."""
    resource = pytest.importorskip("resource", reason="limits of this kind are for Unix")
    assert resource
    path = write_atomically(tmp_path / "one.json", "old")
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from coursekit.records import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_atomically(Path(sys.argv[1]), b'x' * 100_000)\n"
        "except OSError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 7
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["one.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_others_may_read_what_the_umask_allows(tmp_path: Path) -> None:
    """As with any file: an instructor reads what a learner saved."""
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    saved = sample().save(tmp_path / "one.npz")
    assert saved.stat().st_mode == plain.stat().st_mode
