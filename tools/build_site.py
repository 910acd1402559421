"""Build the course as pages to read: ``python tools/build_site.py [--into FOLDER]``.

The stored notebooks, the catalogue with its evidence and the docstrings become static pages, by
Sphinx and MyST-NB. Nothing is trained and nothing is fetched; what JupyterLab shows folded stays
behind a click.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from nbtools.targets import ROOT
from pages.commands import write_commands
from pages.failures import write_failures
from pages.lessons import write_lessons
from pages.symptoms import write_symptoms

from coursekit._optional import require

DOCS = ROOT / "docs" / "site"
INTO = ROOT / "build" / "site"


def prepare(folder: Path) -> None:
    """Lay out what Sphinx reads: its settings, and the pages that are made."""
    shutil.copytree(DOCS, folder, dirs_exist_ok=True)
    write_lessons(folder / "lessons")
    write_failures(folder / "failures")
    write_symptoms(folder / "symptoms.md")
    write_commands(folder / "commands.md")
    shutil.copy(ROOT / "INSTRUCTORS.md", folder / "instructors.md")


def build_site(into: Path) -> int:
    """Build the pages into a folder; returns Sphinx's exit status. A warning is an error."""
    sphinx = require("sphinx.cmd.build", extra="site", purpose="Pages to read")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        prepare(source)
        doctrees = Path(scratch, "doctrees")
        arguments = ["-b", "html", "-q", "-W", "--keep-going", "-d", str(doctrees)]
        status: int = sphinx.main([*arguments, str(source), str(into)])
        return status


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the course as pages to read.")
    parser.add_argument("--into", type=Path, default=INTO, metavar="FOLDER")
    into = parser.parse_args().into
    shutil.rmtree(into, ignore_errors=True)
    status = build_site(into)
    if status == 0:
        print(f"Open {into / 'index.html'} in a browser.")
    return status


if __name__ == "__main__":
    sys.exit(main())
