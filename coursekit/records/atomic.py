"""Write a file so that nobody ever meets half of it."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write a file so that a reader sees the old one or the new one, never half of one.

    Folders are made as needed. Text is written as UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = content.encode() if isinstance(content, str) else content
    replace_atomically(path, lambda file: file.write(whole))
    return path


def replace_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Have a file written beside its place, then put there in one move.

    Args:
        path: The file. It holds what it held, or all that is written, at any moment.
        write: Is given a binary file. A process that is killed while it writes leaves a hidden
            file that ends in ``.partial``.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        with beside.open("xb") as file:  # not mkstemp: others may read what the umask allows
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
