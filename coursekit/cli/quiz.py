"""``coursekit quiz``: runs without a label; the learner says what is the matter with each."""

import secrets
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from coursekit.cli.entry import INTERRUPTED
from coursekit.errors import BadInputError
from coursekit.mysteries import Mystery, Plan, Verdict, draw, judge, line_to_copy, score_in_words
from coursekit.mysteries.describing import Table, facts, tables
from coursekit.mysteries.halves import Half
from coursekit.mysteries.legend import LEGEND
from coursekit.mysteries.scope import numbers
from coursekit.mysteries.sparkline import BLOCKS, LOST, PLAIN_BLOCKS
from coursekit.mysteries.wording import counted
from coursekit.records import write_atomically

WIDTH = 94
STOP = "Q"
MOST_SEED = 100_000  # short enough to be read aloud to a class


def quiz(
    seed: int | None, *, count: int, save: Path | None,
    lessons: str | None = None, only: str | None = None, half: Half | None = None,
) -> int:  # fmt: skip
    """Ask until all runs are answered, or the learner stops; then say the score."""
    chosen = secrets.randbelow(MOST_SEED) if seed is None else seed
    plan = Plan(seed=chosen, count=count, lessons=lessons, only=only, half=half)
    mysteries = draw(plan)
    _begin(plan, mysteries)
    verdicts: list[Verdict] = []
    status = 0
    try:
        for mystery in mysteries:
            verdict = _round(mystery, save)
            verdicts.append(verdict)
    except (EOFError, _StoppedError):
        _print("\nStopped.")
    except KeyboardInterrupt:
        _print("\nStopped.")
        status = INTERRUPTED
    _print("\nScore: ", end="")
    for sentence in score_in_words(verdicts, of=len(mysteries)):
        _print(sentence)
    if line := line_to_copy(plan, verdicts, of=len(mysteries)):
        _print(f"\nIn one line, for whoever collects scores:\n{line}", wrap=False)
    return status


class _StoppedError(Exception):
    """The learner has had enough."""


def _begin(plan: Plan, mysteries: tuple[Mystery, ...]) -> None:
    """What this is and what its words mean, once."""
    few = "" if len(mysteries) == plan.count else f" (there are no more {_where(plan)} than these)"
    again = f"coursekit quiz --seed {plan.seed}{_options(plan)}"
    _print(
        f"{counted(len(mysteries), 'run')}{few}. What is the matter with each, or is it "
        f"healthy? Nothing is trained, kept or sent. For the same runs again: {again}"
    )
    _print("\nThe words:")
    for word, meaning in LEGEND.items():
        for line in textwrap.wrap(f"{word}: {meaning}", WIDTH - 4, subsequent_indent="  "):
            _print(f"  {line}")


def _where(plan: Plan) -> str:
    """Where the runs were drawn from, where that leaves only a few."""
    lessons = "of these lessons" if plan.only else "up to that lesson"
    return f"{lessons} in half {plan.half}" if plan.half else lessons


def _options(plan: Plan) -> str:
    """What gives the same runs again, beside the seed."""
    options = {
        "--up-to": plan.lessons,
        "--lessons": ",".join(numbers(plan.only)) if plan.only else None,
        "--half": plan.half,
    }
    return "".join(f" {name} {value}" for name, value in options.items() if value)


def _round(mystery: Mystery, save: Path | None) -> Verdict:
    """Show one run, ask, and show what told."""
    for line in _shown(mystery):
        _print(line, wrap=False)
    if save is not None:
        _print(f"Picture: {_save(mystery, None, save)}")
    verdict = judge(mystery, _ask(mystery))
    _print("")
    for sentence in verdict.sentences():
        _print(sentence)
    if save is not None:
        _print(f"Picture, the other run in thin black: {_save(mystery, verdict, save)}")
    return verdict


def _ask(mystery: Mystery) -> str:
    """The letter of an answer; asks again until it is one."""
    letters = ", ".join(mystery.options)
    while True:
        _print(f"Your answer ({letters}; {STOP} stops): ", end="")
        sys.stdout.flush()
        typed = input().strip().upper().rstrip(".")
        if typed == STOP:
            raise _StoppedError
        if typed in mystery.options:
            return typed
        _print(f"{typed!r} is none of the letters {letters}. Type one of them, then Enter.")


def _shown(mystery: Mystery) -> Iterator[str]:
    """All lines of one run, its options last."""
    blocks = BLOCKS if _can_print(BLOCKS + LOST) else PLAIN_BLOCKS
    yield f"\n=== Mystery {mystery.number} of {mystery.of} ==="
    yield from textwrap.wrap(" ".join(facts(mystery.sheet)), WIDTH)
    for table in tables(mystery.sheet, blocks=blocks):
        yield ""
        yield from _lines(table)
    yield ""
    for letter, words in mystery.options.items():
        yield f"  {letter}. {words}"


def _lines(table: Table) -> Iterator[str]:
    """A table as text; a column of curves is as wide as they are."""
    names = max(len(name) for name in table.rows)
    columns = [
        [head, *cells] for head, *cells in zip(table.heads, *table.rows.values(), strict=True)
    ]
    widths = [max(10, *(len(cell) for cell in column)) for column in columns]
    yield table.title
    for name, cells in {"": table.heads, **table.rows}.items():
        line = " ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"  {name.ljust(names)} {line}".rstrip()


def _save(mystery: Mystery, verdict: Verdict | None, folder: Path) -> Path:
    """Write the picture of a run, or the one that goes with its answer."""
    from coursekit.mysteries.picture import picture  # matplotlib takes a second to load

    name = f"mystery-{mystery.number:02d}" + ("-answer" if verdict else "") + ".png"
    content = (
        picture(mystery.sheet)
        if verdict is None
        else picture(mystery.sheet, marked=verdict.panel, beside=verdict.beside)
    )
    try:
        return write_atomically(folder / name, content)
    except OSError as error:
        raise BadInputError(
            f"The picture was not written: {error.strerror or error} ({folder}). Give --save a "
            "folder that you may write to."
        ) from error


def _print(text: str, *, end: str = "\n", wrap: bool = True) -> None:
    """Print, in whatever characters the terminal has; long sentences go on several lines."""
    if not _can_print(text):
        encoding = sys.stdout.encoding or "ascii"
        text = (
            text.replace("²", "2").replace(LOST, "x").encode(encoding, "replace").decode(encoding)
        )
    if wrap and len(text) > WIDTH and end == "\n":
        text = textwrap.fill(text, WIDTH)
    print(text, end=end)


def _can_print(text: str) -> bool:
    """Whether the terminal has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
