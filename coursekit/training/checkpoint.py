"""Checkpoints: all that a run needs to go on where it was, in one file, written whole or not."""

import contextlib
import errno
import os
import pickle
from collections import Counter, OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from coursekit.errors import BadInputError, CoursekitError
from coursekit.records.atomic import replace_atomically
from coursekit.vitals.torch import Vitals

SCHEMA = "coursekit-checkpoint"
VERSION = 1


class Part(Protocol):
    """What has a state that a checkpoint keeps."""

    def state_dict(self) -> Any:
        """Its state: plain types and tensors."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Go on from a state."""


class Checkpoint:
    """Writes a file after each epoch, and goes on from one.

    Only between epochs: a ``DataLoader`` cannot say where in an epoch it is, so a run that went on
    from within one would see other batches. The file is written beside its place and then
    renamed, so a run that is killed leaves the old file or the new one; at most one epoch is lost.

    Args:
        path: The file; None for no checkpoints.
        resume: Go on from the file, if it is there.
        writes: Whether this process writes the file; others only read it.
        parts: Each by its name, in the order in which they are loaded; there is a ``"model"``.

    Attributes:
        done: Epochs that are behind the run.

    Raises:
        BadInputError: The file is there and `resume` is not set, or cannot be gone on from.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        *,
        resume: bool,
        parts: Mapping[str, Part],
        writes: bool = True,
    ) -> None:
        self.done = 0
        self._writes = writes
        self._parts = dict(parts)
        self._kinds = {name: _kind(part) for name, part in parts.items()}
        self._record: Any = None
        self._path = Path(path) if path is not None else None
        if self._path is None:
            if resume:
                raise BadInputError("resume=True needs the file to go on from: pass checkpoint=….")
            return
        if writes:
            _make_ready(self._path)
        if self._path.exists():
            self._begin_from(self._path, resume=resume)

    def resume_record(self, vitals: Vitals) -> None:
        """Let the record go on, too."""
        if self._record is not None and self._path is not None:
            vitals.load_state_dict(self._record)
            vitals.note(f"Went on from {self._path.name} after epoch {self.done}.")
            self._record = None

    def after_epoch(self, vitals: Vitals) -> None:
        """Write the file, if one is wanted.

        Raises:
            BadInputError: A part's state holds what cannot be written.
            CoursekitError: The file cannot be written; the one before is whole.
        """
        if self._path is not None and self._writes:
            self._write(self._path, vitals)
        self.done += 1

    def _write(self, path: Path, vitals: Vitals) -> None:
        """Write the state after one more epoch."""
        states = {name: part.state_dict() for name, part in self._parts.items()}
        body = {
            "schema": SCHEMA,
            "version": VERSION,
            "done": self.done + 1,
            "kinds": self._kinds,
            "parts": {name: plain(state, of=name) for name, state in states.items()},
            "record": plain(vitals.state_dict(), of="record"),
        }
        try:
            replace_atomically(path, lambda file: torch.save(body, file))
            _sync_folder(path.parent)
        except (OSError, RuntimeError) as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # torch's writer hides it
                raise error.__context__ from None
            raise CoursekitError(
                f"The checkpoint after epoch {self.done + 1} could not be written to "
                f"{str(path)!r}: {error}. What the file held before is whole."
            ) from error

    def _begin_from(self, path: Path, *, resume: bool) -> None:
        """Load all parts but the record, which does not exist yet."""
        if not resume:
            raise BadInputError(
                f"The checkpoint {str(path)!r} is there already. Pass resume=True to go on from "
                "it, or delete it (or choose another name) to begin anew."
            )
        body = read(path)
        _check_kinds(path, body["kinds"], self._kinds)
        _check_model(path, body["parts"]["model"], self._parts["model"].state_dict())
        before: dict[str, Any] = {}
        try:
            for name, part in self._parts.items():
                before[name] = deepcopy(part.state_dict())
                part.load_state_dict(body["parts"][name])
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            for loaded, state in before.items():
                self._parts[loaded].load_state_dict(state)
            raise BadInputError(
                f"{path.name} does not fit this run: its {name} cannot be loaded ({error}). Resume "
                "with what the run was begun with, or delete the file."
            ) from error
        self.done, self._record = body["done"], body["record"]


def read(path: Path) -> dict[str, Any]:
    """The body of a checkpoint; code in a file is never run.

    Raises:
        BadInputError: The file is cut off, is something else, or of a newer version.
    """
    try:
        body = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch's for a cut-off file
            raise BadInputError(
                f"{path.name} cannot be read: {error}. What is in it may be whole: see that the "
                "disk is there and that you may read the file, and run again."
            ) from error
        raise BadInputError(
            f"{path.name} cannot be read as a checkpoint: it is cut off, or something else. Delete "
            "it to begin anew."
        ) from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise BadInputError(
            f"{path.name} is a file of torch, but no checkpoint of fit. Weights alone are loaded "
            "by model.load_state_dict; for checkpoint= choose another name."
        )
    if not isinstance(body.get("version"), int) or body["version"] > VERSION:
        raise BadInputError(
            f"{path.name} has version {body.get('version')!r}; this coursekit reads up to "
            f"{VERSION}. Upgrade coursekit."
        )
    return body


def plain(value: Any, *, of: str) -> Any:
    """A state in types that are loaded without running code.

    Raises:
        BadInputError: Something in it is of another type.

    >>> plain({"lr": np.float64(0.5), "done": (1, None)}, of="scheduler")
    {'lr': 0.5, 'done': (1, None)}
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, Counter):
        return Counter({key: plain(count, of=of) for key, count in value.items()})
    if isinstance(value, dict):
        copy: Any = OrderedDict() if isinstance(value, OrderedDict) else {}
        copy.update((plain(key, of=of), plain(item, of=of)) for key, item in value.items())
        if hasattr(value, "_metadata"):  # a model's: the versions of its layers
            copy._metadata = value._metadata
        return copy
    if isinstance(value, list | tuple):
        items = [plain(item, of=of) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if value is None or isinstance(value, Tensor | str | int | float | complex | bytes):
        return value
    raise BadInputError(
        f"The state of the {of} holds a {type(value).__name__}, which a checkpoint does not keep: "
        "only numbers, texts, tensors, and lists and dicts of them. Train without checkpoint=."
    )


def _make_ready(path: Path) -> None:
    """Make the folder, and clean up after runs that were killed while writing."""
    if path.is_dir():
        raise BadInputError(f"checkpoint={str(path)!r} is a folder. Give the name of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.iterdir():
            if left.name.startswith(f".{path.name}.") and left.suffix == ".partial":
                left.unlink(missing_ok=True)
        replace_atomically(path.with_name(f".{path.name}.trial"), lambda _: None)
        path.with_name(f".{path.name}.trial").unlink(missing_ok=True)
    except OSError as error:
        raise BadInputError(
            f"No checkpoint can be written to {str(path)!r}: {error}. Choose another folder."
        ) from error


def _sync_folder(folder: Path) -> None:
    """Have the new name written down too; Windows has no such call, and needs none."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _kind(part: Part) -> str:
    """What sort of part it is: the class of an optimizer, for one."""
    return str(getattr(part, "kind", type(part).__name__))


def _check_kinds(path: Path, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse a file of a run with another optimizer, scheduler or precision."""
    for what in dict.fromkeys([*then, *now]):
        if then.get(what) != now.get(what):
            raise BadInputError(
                f"{path.name} is of a run whose {what} is {then.get(what)}; here it is "
                f"{now.get(what)}. "
                "Resume with what the run was begun with, or delete the file."
            )


def _check_model(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse a file of another model, and name the first difference."""
    shapes = [{name: _shape(value) for name, value in state.items()} for state in (then, now)]
    for name in dict.fromkeys([*shapes[0], *shapes[1]]):
        saved, here = (some.get(name, "missing") for some in shapes)
        if saved != here:
            raise BadInputError(
                f"{path.name} is of another model: {name!r} is {saved} there and {here} here. "
                "Build the model as it was, or delete the file."
            )


def _shape(value: Any) -> str:
    """The shape of a weight, in words."""
    return f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else "no tensor"
