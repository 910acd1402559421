"""The commands and the link of INSTRUCTORS.md: the tests run what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def section(title: str) -> str:
    """What stands under a heading, up to the next."""
    page = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
    return re.split(r"^## ", page.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]


def blocks(title: str, language: str = "sh") -> list[str]:
    """The fenced blocks of one language under a heading, in order."""
    fenced = rf"^```{language}\n(.*?)^```$"
    return re.findall(fenced, section(title), flags=re.MULTILINE | re.DOTALL)


def rows(title: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    table = re.search(r"^\|.*\n\|[-|]*\n((?:\|.*\n)*)", section(title), flags=re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()]


def shell(commands: str, *, cwd: Path, scripts: Path | None = None, **more: str) -> str:
    """Run commands as a person types them, the scripts of an environment first in the path."""
    path = os.pathsep.join([str(scripts or Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-euc", commands], cwd=cwd, text=True, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "PATH": path, **more},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout
