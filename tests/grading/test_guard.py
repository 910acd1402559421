"""The door: every way to a file or a program that Python reports, tried in one process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import _posixsubprocess, builtins, importlib.machinery, importlib.util, io, sqlite3, subprocess
from coursekit.grading.guard import close_the_door
deeds, secret, outside = json.loads(sys.stdin.readline())
work = os.getcwd()
close_the_door(Path.cwd())
said = {}
for name, source in deeds.items():
    try:
        exec(source)
        said[name] = "done"
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""
REFUSED = {
    "read": "open(secret)",
    "read by descriptor": "os.open(secret, os.O_RDONLY)",
    "write": "open(outside + '/new', 'w')",
    "list": "os.listdir(outside)",
    "list by path": "list(os.scandir(outside))",
    "link in": "os.link(secret, 'x.txt')",
    "symlink in": "os.symlink(secret, 'y.txt')",
    "link out": "open('own', 'w'); os.link('own', outside + '/own')",
    "rename in": "os.rename(secret, 'z.txt')",
    "rename out": "open('own', 'w'); os.rename('own', outside + '/own')",
    "replace": "open('own', 'w'); os.replace('own', secret)",
    "remove": "os.remove(secret)",
    "unlink": "Path(secret).unlink()",
    "truncate": "os.truncate(secret, 0)",
    "chmod": "os.chmod(secret, 0o777)",
    "chmod by descriptor": "os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o644)",
    "utime": "os.utime(secret)",
    "mkdir": "os.mkdir(outside + '/new')",
    "rmdir": "os.rmdir(outside + '/empty')",
    "remove beside a descriptor": (
        "os.remove('lib', dir_fd=os.open(os.path.dirname(os.__file__), os.O_RDONLY))"
    ),
    "open beside a descriptor": (
        "os.open('os.py', os.O_RDONLY, dir_fd=os.open(os.path.dirname(os.__file__), os.O_RDONLY))"
    ),
    "another realpath": (
        "real = os.path.realpath\n"
        "os.path.realpath = lambda path, **_: work + '/a'\n"
        "try:\n    open(secret)\nfinally:\n    os.path.realpath = real"
    ),
    "another built-in": (
        "real = builtins.any\nbuiltins.any = lambda _: True\n"
        "try:\n    open(secret)\nfinally:\n    builtins.any = real"
    ),
    "a path that is two": (
        "class Two:\n"
        "    turn = 0\n"
        "    def __fspath__(self):\n"
        "        self.turn += 1\n"
        "        return secret if self.turn == 1 else work + '/own'\n"
        "io.FileIO(Two())"
    ),
    "own memory": "open('/proc/self/mem', 'rb')",
    "own environment": "open('/proc/self/environ', 'rb')",
    "data base": "sqlite3.connect(outside + '/gradebook.db')",
    "compiled library": (
        "loader = importlib.machinery.ExtensionFileLoader('own', work + '/own.so')\n"
        "importlib.util.module_from_spec(importlib.util.spec_from_loader('own', loader))"
    ),
    "program": "subprocess.run(['true'])",
    "program by multiprocessing": (
        "from multiprocessing import util\nutil.spawnv_passfds(b'/bin/true', [b'true'], [])"
    ),
    "program by a private name": "subprocess._fork_exec()",
    "program by a second import": (
        "kept = sys.modules.pop('_posixsubprocess')\n"
        "try:\n    import _posixsubprocess\nfinally:\n    sys.modules['_posixsubprocess'] = kept"
    ),
}  # fmt: skip
ALLOWED = {
    "read Python's own": "open(os.__file__).read()",
    "write and read": "open('own', 'w').write('1'); assert open('own').read() == '1'",
    "folders": "os.makedirs('a/b'); os.rename('a/b', 'a/c'); os.rmdir('a/c')",
    "remove": "open('own', 'w'); os.chmod('own', 0o600); os.remove('own')",
    "list": "os.listdir(); os.listdir('.'); list(os.scandir(os.path.dirname(os.__file__)))",
    "nothing": "open('/dev/null', 'w').write('x')",
    "own size": "open('/proc/self/statm').read()",
    "a late library": "import decimal",
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="paths and calls as Linux has them")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each deed."""
    outside, scratch = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("scratch")
    (outside / "empty").mkdir()
    secret = outside / "secret.txt"
    secret.write_text("the answer")
    deeds = {**{f"no {name}": source for name, source in REFUSED.items()}, **ALLOWED}
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(ROOT)], cwd=scratch, text=True, check=False,
        input=json.dumps([deeds, str(secret), str(outside)]), capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return {**found, "left": " ".join(sorted(path.name for path in outside.iterdir()))}


@linux
@pytest.mark.parametrize("name", REFUSED)
def test_what_an_answer_may_not_touch(name: str, said: dict[str, str]) -> None:
    assert said[f"no {name}"].startswith("NotAllowed: An answer may not ")


@linux
@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_library_needs_is_open(name: str, said: dict[str, str]) -> None:
    assert said[name] == "done"


@linux
def test_nothing_outside_has_changed(said: dict[str, str]) -> None:
    assert said["left"] == "empty secret.txt"
