"""The page of commands: what each says of itself with ``--help``."""

import os
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from coursekit.cli.entry import COMMANDS, main

HOW = "# Commands\n\nWhat each says of itself with `--help`. The lessons need none of them."


def write_commands(path: Path) -> None:
    """Write the page."""
    sections = [f"## coursekit {name}\n\n```text\n{_help(name)}\n```" for name in COMMANDS]
    path.write_text("\n\n".join([HOW, *sections]) + "\n", encoding="utf-8")


def _help(name: str) -> str:
    """The help of a command, as wide as a page."""
    said = StringIO()
    with patch.dict(os.environ, {"COLUMNS": "76"}), redirect_stdout(said), suppress(SystemExit):
        main([name, "--help"])
    return said.getvalue().rstrip()
