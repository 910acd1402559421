"""Where a benchmark's figures go: benchmarks/results/NAME.json, with machine, versions and date."""

import json
import platform
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


def keep(
    name: str,
    figures: dict[str, Any],
    *,
    packages: tuple[str, ...] = ("torch",),
    bars: tuple[Bar, ...] = (),
    folder: Path = FOLDER,
) -> Path:
    """Print the figures and write them to a file of their own.

    Args:
        name: Name of the file, without its ending.
        figures: What was measured; units in the names.
        packages: Whose versions the figures depend on.
        bars: What figures must reach; written with whether they do.
        folder: Where the file goes.
    """
    machine = describe()
    body = {
        "figures": figures,
        "bars": [asdict(bar) | {"met": bar.met} for bar in bars],
        "machine": {"cpu": processor(), "cores": machine.cores, "gpus": machine.gpus},
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in packages},
        "date": date.today().isoformat(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    print("\n".join(f"{key}: {value}" for key, value in figures.items()))
    for bar in bars:
        sign = "≤" if bar.better == "lower" else "≥"
        print(f"{bar.of}: {bar.figure}, bar {sign} {bar.bar}: {'met' if bar.met else 'MISSED'}")
    return path


def processor() -> str:
    """The name of the processor, as the system gives it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
