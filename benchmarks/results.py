"""Where a benchmark's figures go: benchmarks/results/NAME.json, with machine, versions and date."""

import json
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from coursekit.device import describe

FOLDER = Path(__file__).parent / "results"


def keep(name: str, figures: dict[str, Any], *, packages: tuple[str, ...] = ("torch",)) -> Path:
    """Print the figures and write them to a file of their own.

    Args:
        name: Name of the file, without its ending.
        figures: What was measured; units in the names.
        packages: Whose versions the figures depend on.
    """
    machine = describe()
    body = {
        "figures": figures,
        "machine": {"cpu": processor(), "cores": machine.cores, "gpus": machine.gpus},
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in packages},
        "date": date.today().isoformat(),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    print("\n".join(f"{key}: {value}" for key, value in figures.items()))
    return path


def processor() -> str:
    """The name of the processor, as the system gives it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
