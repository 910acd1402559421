"""``coursekit symptoms`` as a person types it."""

from pathlib import Path

import pytest

from coursekit.cli import main
from coursekit.symptoms import SYMPTOMS


def test_it_prints_the_map(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["symptoms"]) == 0
    shown = capsys.readouterr().out
    assert all(symptom.words in shown for symptom in SYMPTOMS)


def test_a_card_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none" / "card.html"
    assert main(["symptoms", "--card", str(missing)]) == 2
    assert f"Cannot write {missing}: No such file or directory." in capsys.readouterr().err
