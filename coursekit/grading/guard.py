"""What surrounds an answer while it is marked: limits, and a closed door.

Stopped: endless loops; memory that runs away, on Linux; and, as far as Python reports it before it
is done (its audit events): reading files or listing folders that are not Python's own (solutions,
other submissions, the grader's folders), writing, moving or removing files outside a folder of its
own, starting programs, opening sockets, and loading libraries that are not Python's own.

Not stopped: what a compiled library does without a report, as `torch.from_file` opens a file; a
look whether a file is there; an answer that searches the interpreter for the marker (the stack,
tracebacks, signal handlers, the garbage collector); one that changes a function and puts it back
between two looks at the seal (`coursekit.grading.sealing`). Python cannot hold a program out of its
own process. Marks of a class that must not be forged want a container beside this; a forged answer
is plain to see in the submitted cell.

The notebook itself has run before, in a kernel of nbgrader with nothing of this around it.
"""

import builtins
import os
import subprocess  # noqa: F401  so that what starts programs is loaded before the door closes
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

CLOSED = (
    "subprocess.", "socket.", "ctypes.", "os.system", "os.exec", "os.fork", "os.posix_spawn",
    "os.spawn", "os.startfile", "os.kill", "pty.", "shutil.", "ftplib.", "urllib.",
    "sqlite3.", "resource.", "_winapi.CreateProcess",
)  # fmt: skip
WRITES = {  # how many paths an event has, and of how many folders' descriptors it ends
    "os.chflags": (1, 0), "os.chmod": (1, 1), "os.chown": (1, 1), "os.link": (2, 2),
    "os.mkdir": (1, 1), "os.remove": (1, 1), "os.removexattr": (1, 0), "os.rename": (2, 2),
    "os.rmdir": (1, 1), "os.setxattr": (1, 0), "os.symlink": (2, 1), "os.truncate": (1, 0),
    "os.utime": (1, 1),
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
OF_THE_SYSTEM = (
    *(f"/proc/self/{name}" for name in ("cgroup", "maps", "stat", "statm", "status")),
    "/proc/cpuinfo", "/proc/meminfo", "/sys", "/dev/null", "/dev/urandom", "/etc/localtime",
    "/usr/share/zoneinfo", "/usr/lib", "/lib",
)  # fmt: skip

# Bound now, and the built-in names too: an answer may put others in their place.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]
_realpath, _fsdecode, _isabs = os.path.realpath, os.fsdecode, os.path.isabs


class NotAllowed(PermissionError):  # noqa: N818  a verdict on an answer, no fault of the program
    """What an answer may not do while it is marked."""

    def __init__(self, deed: str, what: str) -> None:
        super().__init__(f"An answer may not {deed} while it is marked: {what}.")


def limit_memory(more_bytes: int) -> None:
    """Let this process grow by so many bytes of address space, and write no large file.

    Memory has a limit on Linux only, where a process can read the size that it starts from. Nothing
    happens where the operating system has no such limits (Windows).
    """
    try:
        import resource
    except ImportError:
        return
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        ceiling = pages * resource.getpagesize() + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def close_the_door(scratch: Path) -> None:
    """From now on this process reads Python's own files and coursekit's, and writes to scratch.

    An audit hook stays until the process ends.
    """
    readable = tuple(dict.fromkeys(_realpath(place) for place in _readable()))
    own = (_realpath(scratch),)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = given
            writes = isinstance(flags, int) and flags & WRITING
            places = (*own, os.devnull) if writes else (*own, *readable)
            if not isinstance(path, int):  # a descriptor was judged when it was opened
                alone = mode is not None  # os.open may have a folder's descriptor beside the path
                _judge("write a file" if writes else "read this file", path, places, alone=alone)
        elif event in WRITES:
            paths, folders = WRITES[event]
            alone = all(each == -1 for each in given[len(given) - folders :])
            for path in given[:paths]:
                _judge("change a file", path, own, alone=alone)
        elif event in {"os.listdir", "os.scandir"} and not isinstance(given[0], int):
            _judge("list a folder", "." if given[0] is None else given[0], (*own, *readable))
        elif event == "import" and given[1] is not None:
            _judge("load a library", given[1], readable)
        elif event.startswith(CLOSED) or (event == "import" and given[0] == "_posixsubprocess"):
            raise NotAllowed("do this", event)

    _replace_fork_exec()
    sys.addaudithook(hook)


def _readable() -> Iterator[str]:
    """The folders and files that libraries read while they work."""
    yield from sysconfig.get_paths().values()
    yield from (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))
    yield from OF_THE_SYSTEM


def _judge(deed: str, path: object, places: Iterable[str], *, alone: bool = True) -> None:
    """Let something be done to a file in one of the places, or raise.

    Args:
        deed: What is to be done.
        path: Text or bytes; another object may be one path now and another later.
        places: The files and folders where it may be done.
        alone: Whether a relative path starts from the working folder, and not from another.
    """
    text = _fsdecode(path) if type(path) is bytes else path
    if type(text) is not str or not (alone or _isabs(text)):
        raise NotAllowed("name a file other than by its path", repr(path))
    real = _realpath(text)
    if not any(real == place or real.startswith(place.rstrip(os.sep) + os.sep) for place in places):
        raise NotAllowed(deed, repr(path))


def _replace_fork_exec() -> None:
    """Take the function away that starts programs without an audit event, wherever it is known."""
    real = getattr(sys.modules.get("_posixsubprocess"), "fork_exec", None)
    for module in list(sys.modules.values()):
        if real is not None and isinstance(module, ModuleType):
            for name in [name for name, value in vars(module).items() if value is real]:
                setattr(module, name, _no_programs)


def _no_programs(*_given: object) -> NoReturn:
    """Stands in place of what starts a program."""
    raise NotAllowed("start a program", "fork_exec")
