"""Which notebooks there are, and which text source each is built from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coursekit.errors import unknown

Kind = Literal["lesson", "solution", "exercise"]

ROOT = Path(__file__).resolve().parents[2]
NUMBERED = "[0-9][0-9]_*.py"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One notebook to build.

    Attributes:
        kind: A lesson; a solution; or an exercise, which is a solution without its answers.
        source: The py:percent file.
        path: The notebook file.
    """

    kind: Kind
    source: Path
    path: Path

    @property
    def label(self) -> str:
        """What messages call it: ``notebooks/01_name.ipynb``."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def folder(self) -> str:
        """The folder of a learner's copy in which it runs: there are no solutions."""
        return "notebooks" if self.kind == "lesson" else "exercises"


def targets(root: Path = ROOT) -> list[Target]:
    """Every notebook that the sources under a root call for, lessons first.

    >>> [target.label for target in targets(Path("/nowhere"))]
    []
    """
    lessons = sorted((root / "lessons").glob(NUMBERED))
    solutions = sorted((root / "lessons" / "solutions").glob(NUMBERED))
    return [
        *(_target(root, "lesson", "notebooks", source) for source in lessons),
        *(_target(root, "solution", "solutions", source) for source in solutions),
        *(_target(root, "exercise", "exercises", source) for source in solutions),
    ]


def select(available: list[Target], names: Iterable[str]) -> list[Target]:
    """The targets that names call for; all of them without a name.

    Args:
        available: The targets to choose from.
        names: Each a stem or its beginning (``01``), or a label (``exercises/01_name``).

    Raises:
        UnknownNameError: A name matches nothing.
    """
    wanted = list(names)
    for name in wanted:
        if not any(_matches(target, name) for target in available):
            raise unknown("notebook", name, [target.label for target in available])
    return [t for t in available if not wanted or any(_matches(t, name) for name in wanted)]


def _target(root: Path, kind: Kind, folder: str, source: Path) -> Target:
    """The target of a kind that a source is for."""
    return Target(kind=kind, source=source, path=root / folder / f"{source.stem}.ipynb")


def _matches(target: Target, name: str) -> bool:
    """Whether a name on the command line means this target."""
    plain = name.removesuffix(".ipynb")
    return target.path.stem.startswith(plain) or target.label.startswith(plain)
