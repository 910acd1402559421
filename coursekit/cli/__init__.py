"""The command line: ``coursekit lab | cases | verify | documents | symptoms | quiz | info``."""

from coursekit.cli.entry import main

__all__ = ["main"]
