"""What a learner predicted, kept where the platform keeps user data. No widget in here.

One JSON file holds every answer with its earlier versions. It is written whole or not at all, by
one process at a time; a damaged one is set aside under another name, never overwritten.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict, cast, final, get_args

from coursekit.errors import BadInputError, CoursekitError
from coursekit.records import write_atomically

SCHEMA = "coursekit-predictions"
VERSION = 1
FILE = "predictions.json"

Confidence = Literal["guess", "think", "sure"]
CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)

_KEY = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")


class _Body(TypedDict):
    """What is on file.

    Attributes:
        answers: Key to every answer, oldest first.
        settled: Key to the letter that came true.
    """

    answers: dict[str, list[dict[str, Any]]]
    settled: dict[str, str]


class PredictionError(CoursekitError, OSError):
    """The predictions cannot be read or written."""


class _DamagedError(Exception):
    """The file is there and is not what `Predictions.save` writes."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One answer to one question.

    Attributes:
        key: Lesson and question: ``"01-fix"``.
        choice: The letter that was chosen.
        answer: The text beside the letter, so that a later rewording shows.
        confidence: How sure the learner was.
        reason: A line of their own, or "".
        time: When it was saved, in UTC, as ISO 8601.

    >>> prediction = Prediction(key="01-fix", choice="B", answer="Scale", confidence="think")
    >>> prediction.lesson
    '01'
    >>> Prediction(key="fix", choice="B", answer="", confidence="think")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    coursekit.errors.BadInputError: The key 'fix' names no lesson and question. ...
    """

    key: str
    choice: str
    answer: str
    confidence: Confidence
    reason: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        check_key(self.key)
        if self.confidence not in CONFIDENCES:
            raise BadInputError(
                f"The confidence is {self.confidence!r}. It must be one of: "
                f"{', '.join(CONFIDENCES)}."
            )

    @property
    def lesson(self) -> str:
        """The two digits of the lesson."""
        return self.key[:2]


def check_key(key: str) -> None:
    """Raise unless the key is a lesson and a question, such as ``"01-fix"``."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise BadInputError(
            f"The key {key!r} names no lesson and question. "
            "Write two digits, a hyphen and a short name in lower case: '01-fix'."
        )


def home() -> Path:
    """The folder of the learner's own data: ``COURSEKIT_HOME``, or the platform's."""
    chosen = os.environ.get("COURSEKIT_HOME")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_path  # 10 ms that `import coursekit` need not pay

    return user_data_path("coursekit", appauthor=False)


@final
class Predictions:
    """The predictions in one folder.

    Attributes:
        path: The file.
        notice: What the learner should know about the last access, or "".

    >>> import tempfile
    >>> store = Predictions(Path(tempfile.mkdtemp()))
    >>> store.latest("01-fix") is None
    True
    >>> scale = Prediction(key="01-fix", choice="B", answer="Scale", confidence="think")
    >>> store.save(scale).choice
    'B'
    >>> [p.confidence for p in store.history("01-fix")]
    ['think']
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (home() if folder is None else folder) / FILE
        self.notice = ""

    def save(self, prediction: Prediction) -> Prediction:
        """Add an answer; earlier ones to the same question are kept. Returns it with its time.

        Raises:
            PredictionError: The folder or the file cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        stamped = Prediction(**{**asdict(prediction), "time": now})
        with self._access("saved"), _only_one_writer(self.path):
            body = self._read_or_set_aside()
            body["answers"].setdefault(prediction.key, []).append(asdict(stamped))
            self._write(body)
        return stamped

    def settle(self, happened: Mapping[str, str]) -> list[tuple[Prediction, str]]:
        """Note which letters came true, of questions that were answered.

        Args:
            happened: Key to letter.

        Returns:
            The newest answer to every question that was ever settled, with its letter.

        Raises:
            PredictionError: The file cannot be read or written.
        """
        for key in happened:
            check_key(key)
        with self._access("saved"):
            if not self.path.exists():
                return []
            with _only_one_writer(self.path):
                body = self._read_or_set_aside()
                new = {key: letter for key, letter in happened.items() if key in body["answers"]}
                if not new.items() <= body["settled"].items():
                    body["settled"].update(new)
                    self._write(body)
        return [
            (Prediction(**body["answers"][key][-1]), letter)
            for key, letter in sorted(body["settled"].items())
            if key in body["answers"]
        ]

    def history(self, key: str) -> tuple[Prediction, ...]:
        """Every answer to one question, oldest first.

        Raises:
            PredictionError: The file is there and cannot be read, or a newer coursekit wrote it.
        """
        check_key(key)
        with self._access("read"):
            try:
                body = self._read()
            except _DamagedError:
                with _only_one_writer(self.path):
                    body = self._read_or_set_aside()
            return tuple(Prediction(**entry) for entry in body["answers"].get(key, []))

    def latest(self, key: str) -> Prediction | None:
        """The newest answer to one question, or None."""
        answers = self.history(key)
        return answers[-1] if answers else None

    @contextmanager
    def _access(self, verb: str) -> Iterator[None]:
        """Word what the operating system refuses."""
        self.notice = ""
        try:
            yield
        except PredictionError:
            raise
        except OSError as error:
            raise PredictionError(
                f"The prediction was not {verb}: {error.strerror or error} ({self.path.parent}). "
                "The lesson goes on without it. To keep predictions, set COURSEKIT_HOME to a "
                "folder that you may write to and restart the kernel."
            ) from error

    def _read(self) -> _Body:
        """What is on file."""
        try:
            return _body(json.loads(self.path.read_bytes().decode("utf-8")))
        except FileNotFoundError:
            return {"answers": {}, "settled": {}}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _DamagedError from error

    def _read_or_set_aside(self) -> _Body:
        """What is on file; nothing where it was damaged. Only under the lock: it may be moved."""
        try:
            return self._read()
        except _DamagedError:
            self._set_aside()
            return {"answers": {}, "settled": {}}

    def _write(self, body: _Body) -> None:
        """Replace the file."""
        whole = {"schema": SCHEMA, "version": VERSION, **body}
        write_atomically(self.path, json.dumps(whole, indent=1, ensure_ascii=False))

    def _set_aside(self) -> None:
        """Move a damaged file out of the way, to a name that is not taken."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = self.path.with_name(f"predictions.damaged-{stamp}.json")
        self.path.rename(aside)
        self.notice = (
            f"The file of your predictions was damaged. It is kept as {aside.name} in "
            f"{aside.parent}, and a new one was begun."
        )


def _body(body: object) -> _Body:
    """What a file's JSON holds; every entry is read once, so that damage shows here."""
    if not isinstance(body, dict) or body["schema"] != SCHEMA:
        raise ValueError("not a file of predictions")
    if body["version"] > VERSION:
        raise PredictionError(
            f"The file of your predictions has version {body['version']}; this coursekit reads "
            f"up to {VERSION}. Upgrade coursekit. Nothing was changed."
        )
    answers = cast("dict[str, list[dict[str, Any]]]", body["answers"])
    settled = cast("dict[str, str]", body.get("settled", {}))
    for entries in answers.values():
        for entry in entries:
            Prediction(**entry)
    if not all(isinstance(letter, str) for letter in settled.values()):
        raise ValueError("a letter is no text")
    return {"answers": answers, "settled": settled}


@contextmanager
def _only_one_writer(path: Path) -> Iterator[None]:
    """Hold a lock that the operating system drops by itself when its process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # waits up to ten seconds
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file drops the lock
