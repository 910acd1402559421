"""The inside of the process that marks: it loads what is trusted, and only then runs answers."""

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from coursekit.checks import Check, CheckFailed, NotAnswered
from coursekit.grading.guard import broken, close_the_door, limit_memory, seal
from coursekit.grading.marking import Mark, sign

MOST_WORDS = 4000


class TooLong(BaseException):
    """A cell or a check has used up its seconds; an answer's ``except Exception`` lets it by."""


def main() -> None:
    """Read the order from stdin, write signed verdicts to what was stdout."""
    order = json.loads(sys.stdin.readline())
    out = os.dup(1)
    _silence()
    known = _checks_of(order["exercise"])
    _load_libraries(order["cells"])
    limit_memory(order["memory_bytes"])
    close_the_door(Path.cwd())
    report = _reporter(out, order["key"])
    order["key"] = ""
    whole = seal()
    names: dict[str, Any] = {"__name__": "__main__"}
    notes = _run_cells(order["cells"], names, order["cell_s"])
    changed = broken(whole)
    for name in order["checks"]:
        found = _checked(name, known, names, notes, order["cell_s"])
        if found.passed and not changed:
            changed = broken(whole)  # by this answer, while it was checked
        report(_unless_changed(found, changed))


def _silence() -> None:
    """What an answer prints goes nowhere, and it reads nothing."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _checks_of(exercise: str) -> dict[str, Check[Any]]:
    """The checks of an exercise, by the name that its notebook calls them by."""
    package = importlib.import_module(f"coursekit.checks.{exercise}")
    return {value.name: value for value in vars(package).values() if isinstance(value, Check)}


def _load_libraries(cells: Sequence[str]) -> None:
    """Import what the cells import, before the door closes and the seal is made."""
    trusted = ("torch", "numpy", "sklearn", "coursekit", "matplotlib", "math", "pandas", "scipy")
    for line in "\n".join(cells).splitlines():
        words = line.split()
        if words[:1] in (["import"], ["from"]) and words[1:]:
            name = words[1].rstrip(",")
            if name.split(".")[0] in trusted:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
    optimizers = importlib.import_module("torch.optim")
    weights = [importlib.import_module("torch").zeros(1, requires_grad=True)]
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
        getattr(optimizers, name)(weights)  # torch puts a wrapper around its step the first time


def _reporter(out: int, key: str) -> Callable[[Mark], None]:
    """A function that writes a signed verdict, with what it needs bound now."""
    write, dumps = os.write, json.dumps

    def report(found: Mark) -> None:
        body = {
            "check": found.check, "passed": found.passed, "words": found.words,
            "signature": sign(key, found),
        }  # fmt: skip
        write(out, (dumps(body) + "\n").encode())

    return report


def _run_cells(cells: Sequence[str], names: dict[str, Any], seconds: float) -> list[str]:
    """Run the cells as a notebook does: an error ends its cell and not the next."""
    notes = []
    for number, source in enumerate(cells, 1):
        try:
            with _at_most(seconds):
                exec(compile(_plain(source), f"<cell {number}>", "exec"), names)
        except TooLong:
            notes.append(f"Cell {number} took longer than {seconds:g} s and was stopped.")
        except Exception as error:
            last = traceback.format_exception_only(error)[-1].strip()
            notes.append(f"Cell {number} raised {last}.")
    return notes


def _plain(source: str) -> str:
    """A cell without the lines that only IPython understands."""
    return "\n".join(
        "" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()
    )


def _checked(
    name: str,
    known: dict[str, Check[Any]],
    names: dict[str, Any],
    notes: Sequence[str],
    seconds: float,
) -> Mark:
    """Run one check on the functions that the cells have left."""
    check = known.get(name)
    if check is None:
        return Mark(check=name, passed=False, words=f"There is no check with the name {name}.")
    missing = [each for each in check.takes if each not in names]
    if missing:
        words = " ".join([f"There is no function {missing[0]}.", *notes])
        return Mark(check=name, passed=False, words=words[:MOST_WORDS])
    passed, words = _called(check, [names[each] for each in check.takes], seconds)
    return Mark(check=name, passed=passed, words=words[:MOST_WORDS])


def _called(check: Check[Any], answers: Sequence[object], seconds: float) -> tuple[bool, str]:
    """Whether the check passes, and what it said."""
    said = io.StringIO()
    try:
        with _at_most(seconds), contextlib.redirect_stdout(said):
            check(*answers)
    except TooLong:
        return False, f"The check took longer than {seconds:g} s and was stopped."
    except (CheckFailed, NotAnswered) as verdict:
        return False, str(verdict)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"
    return True, said.getvalue().strip()


def _unless_changed(found: Mark, changed: Sequence[str]) -> Mark:
    """The mark; none that passes once something that checks rely on has been changed."""
    if not (found.passed and changed):
        return found
    words = f"The notebook has changed {changed[0]}, which the check relies on."
    return Mark(check=found.check, passed=False, words=words)


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `TooLong` after so many seconds, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)  # again, should an answer have caught it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
