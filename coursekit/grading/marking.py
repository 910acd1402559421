"""Checks the answers of a notebook in a fresh process, and survives whatever they do there."""

import contextlib
import hmac
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
START = """
import sys
from importlib.machinery import SourceFileLoader

read_stats = SourceFileLoader.path_stats

def from_source(self, path):  # a compiled file may lie beside its source and hold something else
    if self.name.startswith("coursekit"):
        raise OSError
    return read_stats(self, path)

SourceFileLoader.path_stats = from_source
sys.path.insert(0, sys.argv[1])  # the copy that asks marks, should another be installed
import coursekit
sys.path.append(sys.path.pop(0))
__import__("coursekit.grading.inside", fromlist=["main"]).main()
"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an answer may use.

    Attributes:
        cell_s: Seconds for one cell, and for one check.
        start_s: Seconds that the process may take to load its libraries.
        memory_mib: Memory beyond what the libraries take, in MiB; on Linux only.
    """

    cell_s: float = 20.0
    start_s: float = 60.0
    memory_mib: int = 2048


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What came of one check.

    Attributes:
        check: Its name: ``"check_prepare"``.
        passed: Whether the answer passes.
        words: What the check said, or why there is no pass.
    """

    check: str
    passed: bool
    words: str


def mark(
    cells: Sequence[str],
    checks: Sequence[str],
    *,
    exercise: str,
    limits: Limits | None = None,
) -> list[Mark]:
    """Run a submission's code cells in a fresh process, and check its answers there.

    A check whose process dies or takes too long counts as not passed; the others are then run in
    another process, so that one bad answer spoils no other.

    Args:
        cells: The source of the submission's code cells, in order, without those that check.
        checks: The names of the checks to run.
        exercise: The package of `coursekit.checks` that holds them: ``"unscaled_features"``.
        limits: Time and memory.

    Returns:
        One mark for each check, in the order given.

    >>> mark([], ["check_nothing"], exercise="unscaled_features")[0].words
    'There is no check with the name check_nothing.'
    """
    allowed = limits or Limits()
    found: dict[str, Mark] = {}
    left = list(checks)
    while left:
        marks, why = _one_process(cells, left, exercise, allowed)
        found.update({each.check: each for each in marks})
        left = [name for name in left if name not in found]
        if left:  # the process ended in the middle of this one
            found[left[0]] = Mark(check=left[0], passed=False, words=why)
            left = left[1:]
    return [found[name] for name in checks]


def _one_process(
    cells: Sequence[str], checks: Sequence[str], exercise: str, limits: Limits
) -> tuple[list[Mark], str]:
    """The marks that one process gave before it ended, and how it ended."""
    passwords = {name: secrets.token_hex(16) for name in checks}
    order = {
        "cells": list(cells), "checks": list(checks), "exercise": exercise,
        "passwords": passwords, "cell_s": limits.cell_s, "memory_bytes": limits.memory_mib * MIB,
    }  # fmt: skip
    whole_s = limits.start_s + limits.cell_s * (len(cells) + len(checks))
    with tempfile.TemporaryDirectory(prefix="coursekit-marking-") as scratch:
        said, why = _run(json.dumps(order), scratch, whole_s)
    return [found for line in said.splitlines() if (found := _read(line, passwords))], why


def _run(order: str, scratch: str, whole_s: float) -> tuple[str, str]:
    """Run the process to its end, or end it: what it said, and how it ended in words."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", START, str(Path(__file__).parents[2])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        cwd=scratch, env=_bare_environment(scratch), start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(order.encode(), timeout=whole_s)
        why = f"The answer ended the process that marked it (exit status {process.returncode})."
    except subprocess.TimeoutExpired:
        _end(process)
        said, _ = process.communicate()
        why = "The answer took too long and was stopped."
    finally:
        _end(process)
    return said.decode(errors="replace"), why


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and what it started, as far as any of it is left."""
    with contextlib.suppress(OSError):  # nothing is left
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _bare_environment(scratch: str) -> dict[str, str]:
    """Nothing of the grader's own environment but where programs and the system lie."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return {
        **kept, "HOME": scratch, "TMPDIR": scratch, "MPLBACKEND": "agg", "MPLCONFIGDIR": scratch,
        "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip


def _read(line: str, passwords: Mapping[str, str]) -> Mark | None:
    """A verdict, or None where the line is none, or says that a check passed and lacks its word.

    An answer can write such lines too; it does not know the words.
    """
    try:
        check, words, word = json.loads(line)
        passed = word is not None
        right = not passed or hmac.compare_digest(word, passwords[check])
        return Mark(check=str(check), passed=passed, words=str(words)) if right else None
    except (ValueError, KeyError, TypeError):
        return None
