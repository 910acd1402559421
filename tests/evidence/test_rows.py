"""Rows on disk, runs that are not made twice, and committed evidence that is not stale."""

from pathlib import Path
from typing import Any

import pytest

from coursekit.cases import get_case
from coursekit.errors import BadInputError, UnknownNameError
from coursekit.evidence import read, source_hash, verify, write

CASE = get_case("unscaled-features")
QUICK = CASE.broken.having(epochs=1)


def test_rows_come_back_from_a_file(tmp_path: Path) -> None:
    rows = list(verify(CASE, seeds=[0], only=["fixed"]))
    write(tmp_path / "case.jsonl", rows)
    assert read(tmp_path / "case.jsonl") == rows
    assert read(tmp_path / "absent.jsonl") == []


def test_a_cut_off_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "case.jsonl"
    write(path, verify(CASE, seeds=[0, 1], only=["fixed"]))
    path.write_text(path.read_text()[:-40])
    with pytest.raises(BadInputError, match=r"Line 2 of case.jsonl is not a run"):
        read(path)


def test_a_known_run_is_not_made_again() -> None:
    """A repeated run would have another time: equal rows are the stored ones."""
    rows = list(verify(CASE, seeds=[0], only=["broken"]))
    again = list(verify(CASE, seeds=[0, 1], only=["broken"], known=rows))
    assert again[0] is rows[0]
    assert len(again) == 2


def test_an_unknown_framework_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"No framework 'jax'\. Frameworks: torch, keras"):
        next(verify("unscaled-features", seeds=[0], framework="jax"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seeds": 3}, r"seeds is 3\. Give them one by one: range\(3\)"),
        ({"threads": 0}, "threads is 0. A run needs at least 1"),
        ({"only": "broken"}, r"Give a list of names: \['broken'\]"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        next(verify("unscaled-features", **{"seeds": [0], **wrong}))


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"No recipe 'fixd'\. Did you mean 'fixed'"):
        list(verify(CASE, seeds=[0], only=["fixd"]))


def test_the_hash_follows_settings_and_code() -> None:
    hashes = [
        source_hash(CASE.broken),
        source_hash(CASE.fixed),
        source_hash(CASE.broken.having(lr=0.5)),
        *(source_hash(rival.recipe) for rival in CASE.rivals[1:]),
    ]
    assert len(set(hashes)) == len(hashes)
    assert source_hash(CASE.broken) == source_hash(CASE.broken.having(lr=0.01))
