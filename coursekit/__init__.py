"""Why Won't It Train? The helper library: it measures, draws and checks; the training is yours.

The public names, loaded on first use (``import coursekit`` alone loads no framework):

- `record`: watch any PyTorch training loop; `KerasRecorder`: the same for ``model.fit``.
- `Record`: what they return: the vital signs of one run, as numpy.
- `check_up`: the first lines of the checklist, measured around your own loop before you train.
- `fit`: a plain training loop, where you do not want to write your own; `sweep`: many small runs at
  once, and the `Sweep` they give.
- `load_dataset`: real bundled data with names, units and sources.
- `get_case`, `CASES`: the documented failures; `verify`: a case over many seeds.
- `pick_device`, `seed_everything`: where a run happens, and what makes it repeat.
- `plots`, `widgets`, `checks`: pictures, live controls, exercise checks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursekit import checks, plots, widgets
    from coursekit.cases import CASES, get_case
    from coursekit.datasets import load_dataset
    from coursekit.device import pick_device, seed_everything
    from coursekit.evidence import verify
    from coursekit.records import Record
    from coursekit.sweeps import Sweep
    from coursekit.training.checkup import check_up
    from coursekit.training.loop import fit
    from coursekit.training.sweeping.grid import sweep
    from coursekit.vitals.keras import KerasRecorder
    from coursekit.vitals.torch import record

__version__ = "0.1.0"

__all__ = [
    "CASES",
    "KerasRecorder",
    "Record",
    "Sweep",
    "check_up",
    "checks",
    "fit",
    "get_case",
    "load_dataset",
    "pick_device",
    "plots",
    "record",
    "seed_everything",
    "sweep",
    "verify",
    "widgets",
]

_HOMES = {
    "CASES": "coursekit.cases",
    "KerasRecorder": "coursekit.vitals.keras",
    "Record": "coursekit.records",
    "Sweep": "coursekit.sweeps",
    "check_up": "coursekit.training.checkup",
    "fit": "coursekit.training.loop",
    "get_case": "coursekit.cases",
    "load_dataset": "coursekit.datasets",
    "pick_device": "coursekit.device",
    "record": "coursekit.vitals.torch",
    "seed_everything": "coursekit.device",
    "sweep": "coursekit.training.sweeping.grid",
    "verify": "coursekit.evidence",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'coursekit' has no attribute {name!r}")
    import_module("coursekit.kernel").prepare_kernel()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    return import_module(f"coursekit.{name}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
