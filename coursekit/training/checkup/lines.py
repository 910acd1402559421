"""What a check-up found: one line of the checklist after the other."""

import html
from collections.abc import Iterator
from dataclasses import dataclass

from coursekit.errors import unknown, wrapped


@dataclass(frozen=True, kw_only=True)
class Line:
    """One question of the checklist, measured.

    Attributes:
        name: What was looked at: ``"rows"``, ``"first loss"``.
        well: Whether it lies where a run that learns has it; True as well where it is open.
        words: What was measured, and what it should be.
        lesson: The lessons of the course that are about it, two digits each.
        judged: Whether it could be judged. If not, it is open, and the words say why.
    """

    name: str
    well: bool
    words: str
    lesson: str
    judged: bool = True

    @property
    def verdict(self) -> str:
        """``"well"``, ``"OFF"`` or ``"open"``."""
        if not self.well:
            return "OFF"
        return "well" if self.judged else "open"

    def __str__(self) -> str:
        """The line as text, at most 100 characters wide with the usual words."""
        return f"{self.name:<12}{self.verdict:<6}{self.words}"


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckUp:
    """The lines of a check-up, in the order in which to mend them.

    >>> found = CheckUp(lines=(
    ...     Line(name="rows", well=False, words="a column of size 700", lesson="01"),
    ...     Line(name="one batch", well=False, words="loss 2.3", lesson="00"),
    ... ))
    >>> print(found)
    rows        OFF   a column of size 700
    one batch   OFF   loss 2.3
    Mend first: rows (lesson 01). Then check again from the top.
    >>> found.off
    ('rows', 'one batch')
    >>> found["rows"].well
    False
    """

    lines: tuple[Line, ...]

    @property
    def off(self) -> tuple[str, ...]:
        """Names of the lines that are not well, the one to mend first at the front."""
        return tuple(line.name for line in self.lines if not line.well)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __getitem__(self, name: str) -> Line:
        """A line by its name."""
        lines = {line.name: line for line in self.lines}
        if name not in lines:
            raise unknown("line", name, lines)
        return lines[name]

    @property
    def advice(self) -> str:
        """What to do next, as a sentence."""
        if self.off == ("one batch",):
            return (
                "Only one batch is off. It says that something is wrong, not what: go on from the "
                "symptom (coursekit symptoms), and measure a run with coursekit.record."
            )
        for line in self.lines:
            if not line.well:
                lessons = "lessons" if "," in line.lesson else "lesson"
                first = f"Mend first: {line.name} ({lessons} {line.lesson})."
                return f"{first} Then check again from the top."
        still_open = ", ".join(line.name for line in self.lines if not line.judged)
        if still_open:
            return f"No line is off. Open, as they could not be judged: {still_open}."
        return (
            "Every line is well: the network can learn these rows. Whether they are the right ones "
            "is another question."
        )

    def __str__(self) -> str:
        """All lines, and what to do next."""
        return "\n".join([*map(str, self.lines), wrapped(self.advice)])

    def __repr__(self) -> str:
        """The same: it is what one asks for."""
        return str(self)

    def _repr_html_(self) -> str:
        """A table for Jupyter; the verdict is a word, not a colour alone."""
        rows = "".join(
            f'<tr><td style="text-align:left">{line.name}</td><td><b>{line.verdict}</b></td>'
            f'<td style="text-align:left">{html.escape(line.words)}</td><td>{line.lesson}</td></tr>'
            for line in self.lines
        )
        titles = ("line", "", "measured", "lesson")
        heads = "".join(f'<th style="text-align:left">{title}</th>' for title in titles)
        head = f"<tr>{heads}</tr>"
        return f"<table>{head}{rows}</table><p>{html.escape(self.advice)}</p>"
