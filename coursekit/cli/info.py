"""``coursekit info``: what this machine offers, and what was picked."""

import json
from dataclasses import asdict

from coursekit.device import describe


def info(*, as_json: bool) -> int:
    """Print what `coursekit.device.describe` found."""
    machine = describe()
    print(json.dumps(asdict(machine), indent=2) if as_json else machine)
    return 0
