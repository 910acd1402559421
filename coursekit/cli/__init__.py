"""The command line: ``coursekit lab | cases | verify | documents | quiz | info``."""

from coursekit.cli.entry import main

__all__ = ["main"]
