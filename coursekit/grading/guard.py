"""What surrounds an answer while it is marked: limits, a closed door, and a seal.

Stopped: endless loops, memory that runs away, reading files that are not Python's own (solutions,
other submissions, the grader's folders), listing folders, starting programs, opening sockets,
loading C libraries, and changing the functions of coursekit, PyTorch, NumPy, scikit-learn or
Python that a check relies on.

Not stopped: an answer that looks through the stack of the running check, or that changes a function
and puts it back between two looks at the seal. Python cannot hold a program out of its own
process. Marks of a class that must not be forged want a container beside this; a forged answer
is plain to see in the submitted cell.
"""

import inspect
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

SEALED = ("coursekit", "torch", "numpy", "sklearn", "builtins", "math", "copy", "inspect", "random")
CLOSED = (
    "subprocess.", "socket.", "ctypes.", "os.system", "os.exec", "os.fork", "os.posix_spawn",
    "os.spawn", "os.startfile", "os.kill", "pty.", "gc.", "shutil.", "ftplib.", "urllib.",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class NotAllowed(PermissionError):  # noqa: N818  a verdict on an answer, no fault of the program
    """What an answer may not do while it is marked."""


def limit_memory(more_bytes: int) -> None:
    """Let this process grow by so many bytes of address space, and write no large file.

    Nothing happens where the operating system has no such limits (Windows).
    """
    try:
        import resource
    except ImportError:
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if _LINUX else 0
    if pages:
        ceiling = pages * resource.getpagesize() + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_LINUX = sys.platform == "linux"


def close_the_door(scratch: Path) -> None:
    """From now on this process reads Python's own files and coursekit's, and writes to scratch.

    It cannot be opened again: an audit hook stays until the process ends.
    """
    readable = tuple(dict.fromkeys(os.path.realpath(place) for place in _readable()))
    writable = os.path.realpath(scratch)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            _judge_open(given[0], given[2], readable, writable)
        elif event in {"os.listdir", "os.scandir"}:
            _judge_open(given[0] if given[0] is not None else ".", 0, readable, writable)
        elif event.startswith(CLOSED):
            raise NotAllowed(f"An answer may not do this while it is marked: {event}.")

    sys.addaudithook(hook)


def _readable() -> Iterator[str]:
    """The folders and files that libraries read while they work."""
    yield from sysconfig.get_paths().values()
    yield from (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))
    yield from ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys", "/dev/null", "/dev/urandom")
    yield from ("/etc/localtime", "/usr/share/zoneinfo", "/usr/lib", "/lib")


def _judge_open(path: object, flags: object, readable: Iterable[str], writable: str) -> None:
    """Let a file be opened, or raise."""
    if isinstance(path, int) or path is None:
        return  # a descriptor that is open already
    real = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]
    if _inside(real, writable):
        return
    if isinstance(flags, int) and flags & WRITING and real != "/dev/null":
        raise NotAllowed(f"An answer may not write a file while it is marked: {path!r}.")
    if not any(_inside(real, place) for place in readable):
        raise NotAllowed(f"An answer may not read this file while it is marked: {path!r}.")


def _inside(path: str, place: str) -> bool:
    """Whether a path is a place or lies in it."""
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)


Seal = dict[str, int]


def seal() -> Seal:
    """What every function that a check may rely on is now: its name, and which code it runs."""
    return {
        f"{module.__name__}.{name}": which
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType) and module.__name__.split(".")[0] in SEALED
        for name, which in _parts(vars(module))
    }


def broken(before: Seal) -> list[str]:
    """The names that are something else than when they were sealed."""
    now = seal()
    return [name for name, which in before.items() if now.get(name) != which]


def _parts(scope: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The functions and classes in a scope, and the functions in those classes."""
    for name, value in list(scope.items()):
        if isinstance(value, FunctionType):
            yield name, hash((id(value), id(value.__code__)))
        elif inspect.isbuiltin(value) or isinstance(value, ModuleType):
            yield name, id(value)
        elif inspect.isclass(value):
            yield name, id(value)
            if (value.__module__ or "").split(".")[0] in SEALED:
                for own, inner in list(vars(value).items()):
                    if isinstance(inner, FunctionType):
                        yield f"{name}.{own}", hash((id(inner), id(inner.__code__)))
