"""Checkpoint files that cannot be used, and writes that fail: each one sentence, nothing lost."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

from coursekit.errors import BadInputError, CoursekitError
from coursekit.records.atomic import replace_atomically
from coursekit.training.checkpoint import VERSION, plain
from coursekit.training.loop import fit

X, Y = torch.randn(12, 4, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3


def build(**changed: Any) -> dict[str, Any]:
    """The keywords of a fit with batch normalisation and Adam."""
    torch.manual_seed(0)
    model = changed.get("model") or network(6)
    return {
        "model": model,
        "data": [(X, Y)],
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=0.05),
    } | changed


def network(width: int, *more: nn.Module) -> nn.Sequential:
    """Two layers of that width, and what is appended."""
    return nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Linear(width, 3), *more)


def names_in(folder: Path) -> list[str]:
    """The names of all files in it."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint after one epoch."""
    fit(**build(), epochs=1, checkpoint=tmp_path / "run.pt")
    return tmp_path / "run.pt"


def go_on(path: Path, **changed: Any) -> Any:
    """Resume, with something changed."""
    options = build(**changed)
    return fit(**options, epochs=2, checkpoint=path, resume=True)


def test_a_file_that_is_there_is_not_overwritten(saved: Path) -> None:
    """Unless the run goes on from it."""
    before = saved.read_bytes()
    with pytest.raises(BadInputError, match="Pass resume=True"):
        fit(**build(), epochs=2, checkpoint=saved)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off(saved: Path, share: float) -> None:
    """Wherever it was cut."""
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadInputError, match=r"run.pt cannot be read as a checkpoint"):
        go_on(saved)


class Evil:
    """Pickled, it would run code when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text", "cannot be read as a checkpoint"),
        ({"schema": Evil()}, "cannot be read as a checkpoint"),
        (nn.Linear(1, 1).state_dict(), "no checkpoint of fit"),
        (torch.ones(3), "no checkpoint of fit"),
        ({"schema": "coursekit-checkpoint", "version": VERSION + 1}, "Upgrade coursekit"),
        ({"schema": "coursekit-checkpoint", "version": None}, "Upgrade coursekit"),
    ],
    ids=["text", "code", "weights", "tensor", "newer", "no version"],
)
def test_foreign_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, says: str
) -> None:
    """Each gets a sentence, and code in a file is not run."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.pt"
    if content == "text":
        path.write_text("not a checkpoint\n" * 100, encoding="utf-8")
    else:
        torch.save(content, path)
    with pytest.raises(BadInputError, match=says):
        go_on(path)
    assert not Path("evil").exists()


def _other_optimizer(make: Callable[[Any], torch.optim.Optimizer]) -> dict[str, Any]:
    model = network(6)
    return {"model": model, "optimizer": make(model)}


def _groups(model: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam([{"params": model[at].parameters()} for at in (0, 2)])


def _with_scheduler() -> dict[str, Any]:
    options = build()
    return options | {"scheduler": lr_scheduler.StepLR(options["optimizer"], 2)}


def _with_generator() -> dict[str, Any]:
    own = torch.Generator()
    return {"data": DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True, generator=own)}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (lambda: {"model": network(7)}, r"'0.weight' is of shape \(6, 4\) there and of shape \(7"),
        (lambda: {"model": network(6, nn.Linear(3, 3))}, r"'3.weight' is missing there"),
        (
            lambda: _other_optimizer(lambda m: torch.optim.SGD(m.parameters(), lr=0.1)),
            "whose optimizer is Adam; here it is SGD",
        ),
        (lambda: _other_optimizer(_groups), "its optimizer cannot be loaded"),
        (_with_scheduler, "whose scheduler is none; here it is StepLR"),
        (lambda: {"precision": "bfloat16"}, "whose precision is float32; here it is bfloat16"),
        (_with_generator, "its random numbers cannot be loaded"),
    ],
    ids=["width", "depth", "optimizer", "groups", "scheduler", "precision", "loader"],
)
def test_files_of_another_run(saved: Path, changed: Callable[[], Any], says: str) -> None:
    """The first difference is named."""
    with pytest.raises(BadInputError, match=says):
        go_on(saved, **changed())


def test_a_resume_that_fails_leaves_the_run_as_it_was(saved: Path) -> None:
    """The model is loaded before the optimizer that does not fit."""
    body = torch.load(saved, weights_only=True)
    body["parts"]["optimizer"]["param_groups"].append({"params": [0]})
    torch.save(body, saved)
    options = build()
    before = [weight.clone() for weight in options["model"].parameters()]
    with pytest.raises(BadInputError, match="its optimizer cannot be loaded"):
        fit(**options, epochs=2, checkpoint=saved, resume=True)
    assert all(map(torch.equal, options["model"].parameters(), before))


def test_a_file_that_cannot_be_read_is_not_called_broken(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that is away: nobody should delete the file for it."""

    def away(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(torch, "load", away)
    with pytest.raises(BadInputError, match="Permission denied") as caught:
        go_on(saved)
    assert "elete" not in str(caught.value)


def test_resume_without_a_path() -> None:
    """There is nothing to go on from."""
    with pytest.raises(BadInputError, match="pass checkpoint="):
        fit(**build(), epochs=1, resume=True)


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    """Found before the first epoch, not after it."""
    with pytest.raises(BadInputError, match="is a folder"):
        fit(**build(), epochs=1, checkpoint=tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInputError, match="No checkpoint can be written"):
        fit(**build(), epochs=1, checkpoint=tmp_path / "file" / "run.pt")


def test_a_folder_that_vanishes_while_training(tmp_path: Path) -> None:
    """As a full disk would: one sentence, and what was there before stays."""
    folder = tmp_path / "gone"

    class Vanishing:
        def __iter__(self) -> Iterator[Any]:
            """In the first pass the folder goes."""
            folder.rmdir()
            yield X, Y

    with pytest.raises(CoursekitError, match="after epoch 1 could not be written"):
        fit(**build(data=Vanishing()), epochs=1, checkpoint=folder / "run.pt")


def test_a_state_that_cannot_be_kept(tmp_path: Path) -> None:
    """Said at the first write; nothing is left behind."""
    options = build()
    options["optimizer"].param_groups[0]["why"] = object()
    with pytest.raises(BadInputError, match="state of the optimizer holds a object"):
        fit(**options, epochs=1, checkpoint=tmp_path / "run.pt")
    assert names_in(tmp_path) == []


def test_what_a_killed_run_left_is_cleaned_up(tmp_path: Path) -> None:
    """Its own leftovers only."""
    (tmp_path / ".run.pt.123.partial").write_bytes(b"half")
    (tmp_path / ".other.pt.123.partial").write_bytes(b"half")
    fit(**build(), epochs=1, checkpoint=tmp_path / "run.pt")
    assert names_in(tmp_path) == [".other.pt.123.partial", "run.pt"]


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "run.pt"
    path.write_bytes(b"old")

    def fail(file: Any) -> None:
        file.write(b"new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["run.pt"]


def test_ctrl_c_while_a_file_is_written_is_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's writer meets it half-way, and raises an error of its own."""
    write, files = torch.save, []

    def interrupted(body: Any, file: Any) -> None:
        files.append(file)
        if len(files) < 3:
            write(body, file)
            return
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", interrupted)
    run = fit(**build(), epochs=5, checkpoint=tmp_path / "run.pt")
    assert any(
        note.startswith("Stopped by hand after 3 steps, in epoch 3 of 5") for note in run.notes
    )
    monkeypatch.undo()
    assert torch.load(tmp_path / "run.pt", weights_only=True)["done"] == 2
    assert names_in(tmp_path) == ["run.pt"]


def test_plain_keeps_values() -> None:
    """Numpy's numbers become Python's, its arrays tensors; dicts keep their order and kind."""
    state = plain({"b": np.float32(0.5), "a": [np.arange(2), (1, None, True)]}, of="state")
    assert list(state) == ["b", "a"]
    assert type(state["b"]) is float
    assert torch.equal(state["a"][0], torch.arange(2))
    assert state["a"][1] == (1, None, True)
