"""Where a benchmark's figures go: to the screen, beside those that are stored.

With ``--save`` they go to benchmarks/results/NAME.json too, with machine, versions and date. Those
files are committed, and the README quotes them: save what was run whole, on an idle machine.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from coursekit.device import describe

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What one figure must reach.

    Attributes:
        figure: What was measured.
        bar: What it must reach.
        better: Which way is better; the bar itself is good enough.
        of: What the figure is, in words.
    """

    figure: float
    bar: float
    of: str
    better: Literal["lower", "higher"] = "lower"

    @property
    def met(self) -> bool:
        """Whether the figure reaches the bar."""
        return self.figure <= self.bar if self.better == "lower" else self.figure >= self.bar


def add_save(parser: argparse.ArgumentParser) -> None:
    """The option that every benchmark has: ``--save``, or ``--save FOLDER``; without it, None."""
    parser.add_argument(
        "--save", type=Path, nargs="?", const=FOLDER, metavar="FOLDER",
        help="write the figures to a file: in benchmarks/results, where no folder is given",
    )  # fmt: skip


def report(
    name: str,
    figures: dict[str, Any],
    *,
    save: Path | None,
    packages: tuple[str, ...] = ("torch",),
    bars: tuple[Bar, ...] = (),
) -> Path | None:
    """Print the figures beside the stored ones; write them where that was asked for.

    Args:
        name: Name of the file, without its ending.
        figures: What was measured; units in the names.
        save: The folder that the file goes to; None writes nothing.
        packages: Whose versions the figures depend on.
        bars: What figures must reach; written with whether they do.

    Returns:
        The file that was written; None where there is none.
    """
    stored = read(name)
    print("\n".join(_beside(figures, stored.get("figures", {}))))
    for bar in bars:
        sign = "≤" if bar.better == "lower" else "≥"
        print(f"{bar.of}: {bar.figure}, bar {sign} {bar.bar}: {'met' if bar.met else 'MISSED'}")
    if save is None:
        print(unsaved(f"{name}.json", stored))
        return None
    return _write(save / f"{name}.json", _body(figures, packages, bars))


def read(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """What is stored under a name; nothing where there is no such file."""
    path = folder / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def unsaved(name: str, stored: dict[str, Any]) -> str:
    """That nothing was written, and what the stored figures are of."""
    of = f"{stored['date']} on {stored['machine']['cpu']}" if stored else "no earlier run"
    return f"Nothing was written. Stored in benchmarks/results/{name}: {of}. To replace it: --save"


def _beside(figures: dict[str, Any], stored: dict[str, Any]) -> Iterator[str]:
    """A line a figure, with the stored one after it."""
    before = dict(_flat(stored))
    for name, value in _flat(figures):
        yield f"{name}: {value}" + (f"  (stored: {before[name]})" if name in before else "")


def _flat(figures: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The figures of a nested dict by their path."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}: ")
        else:
            yield f"{above}{name}", value


def _body(
    figures: dict[str, Any], packages: tuple[str, ...], bars: tuple[Bar, ...]
) -> dict[str, Any]:
    """What a file holds."""
    machine = describe()
    return {
        "figures": figures,
        "bars": [asdict(bar) | {"met": bar.met} for bar in bars],
        "machine": {"cpu": processor(), "cores": machine.cores, "gpus": machine.gpus},
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in packages},
        "date": date.today().isoformat(),
    }


def _write(path: Path, body: dict[str, Any]) -> Path:
    """Write a file, and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    print(f"Written: {path}")
    return path


def processor() -> str:
    """The name of the processor, as the system gives it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
