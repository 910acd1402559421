"""The command line: ``coursekit lab | cases | verify | info``."""

from coursekit.cli.entry import main

__all__ = ["main"]
