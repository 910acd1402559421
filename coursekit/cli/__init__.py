"""The command line: ``coursekit COMMAND``; `coursekit.cli.entry` lists the commands."""

from coursekit.cli.entry import main

__all__ = ["main"]
