"""The inside of the process that marks: it loads what is trusted, and only then runs answers."""

import contextlib
import importlib
import io
import json
import linecache
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from coursekit.checks import Check, CheckFailed, NotAnswered
from coursekit.checks.calling import SET_UP, set_up_ran
from coursekit.grading.guard import close_the_door, limit_memory
from coursekit.grading.marking import Mark
from coursekit.grading.sealing import broken, seal

MOST_WORDS = 4000
NO_END = (
    "Your function did not come back. Look for a loop without an end, and call it once on a small "
    "input."
)


class TooLong(BaseException):
    """A cell or a check has used up its seconds; an answer's ``except Exception`` lets it by."""


def main() -> None:
    """Read the order from stdin, write verdicts to what was stdout."""
    order = json.loads(sys.stdin.readline())
    report = _reporter(os.dup(1), order.pop("passwords"))
    _silence()
    known = _checks_of(order["exercise"])
    _load_libraries(order["cells"])
    limit_memory(order["memory_bytes"])
    close_the_door(Path.cwd())
    _hide()
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
    weights = [importlib.import_module("torch").zeros(1, 1, requires_grad=True)]
    for optimizer in vars(importlib.import_module("torch.optim")).values():
        with contextlib.suppress(Exception):  # no optimizer, or one that takes more
            optimizer(weights)  # torch puts a wrapper around its step the first time


def _reporter(out: int, passwords: Mapping[str, str]) -> Callable[[Mark], None]:
    """A function that writes a verdict; a pass with the word that is sent for no other reason."""
    write, dumps = os.write, json.dumps

    def report(found: Mark) -> None:
        word = passwords.get(found.check) if found.passed else None
        write(out, (dumps([found.check, found.words, word]) + "\n").encode())

    return report


def _hide() -> None:
    """Take the marker out of the loaded modules: what imports it gets another copy."""
    for name in [name for name in sys.modules if name.startswith("coursekit.grading")]:
        del sys.modules[name]
    vars(sys.modules["coursekit"]).pop("grading", None)


def _run_cells(cells: Sequence[str], names: dict[str, Any], seconds: float) -> list[str]:
    """Run the cells as a notebook does: an error ends its cell and not the next."""
    notes = []
    for number, source in enumerate(cells, 1):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            with _at_most(seconds):
                exec(compiled(source, name), names)
        except TooLong:
            notes.append(f"Cell {number} took longer than {seconds:g} s and was stopped.")
        except BaseException as error:  # a kernel outlives quit() too
            last = traceback.format_exception_only(error)[-1].strip()
            notes.append(f"Cell {number} raised {last.rstrip('.')}.")
    return notes if set_up_ran(names) else [*notes, SET_UP]


def compiled(source: str, name: str) -> CodeType:
    """A cell's code, without the lines that only IPython understands."""
    lines = source.splitlines()
    while True:
        try:
            return compile("\n".join(lines), name, "exec")
        except SyntaxError as error:
            at = (error.lineno or 1) - 1
            line = lines[at] if at < len(lines) else ""
            if not line.lstrip().startswith(("%", "!")):
                raise
            lines[at] = line[: len(line) - len(line.lstrip())] + "pass"


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
        words = f"{check.task}: The check took longer than {seconds:g} s and was stopped."
        return False, f"{words} {NO_END}\nHints: {check.name}.hint(1), then 2 and 3"
    except (CheckFailed, NotAnswered) as verdict:
        return False, str(verdict)
    except BaseException as error:  # SystemExit too
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
