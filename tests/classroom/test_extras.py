"""Each optional extra, missing: what needs it says in a sentence how it is installed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Python finds none of the named packages, as where they are not installed.
ABSENT = """
import os
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in os.environ["ABSENT"].split()
        return None if absent else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""

PEERS = "from peers import LIGHTNING, SKORCH\n"
FIT = """
import torch
from coursekit import fit
model = torch.nn.Linear(1, 1)
row = (torch.ones(1, 1), torch.ones(1, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
fit(
    model, [row], loss_fn=torch.nn.MSELoss(), optimizer=optimizer, epochs=1, fabric=object()
)
"""
COMMAND = "from coursekit.cli import main\nraise SystemExit(main(%s))"

# Extra, what is missing, and code that needs it.
NEEDS = [
    ("keras", "tensorflow keras", "from coursekit.device import import_keras\nimport_keras()"),
    ("keras", "tensorflow keras", "import coursekit\ncoursekit.KerasRecorder()"),
    ("pandas", "pandas", "from coursekit.records import Record\n"
     "Record(series={}, layers=(), framework='torch').to_pandas()"),
    ("grading", "nbgrader", COMMAND % "['grading', 'course']"),
    ("scale", "distributed dask", COMMAND % "['verify', '--dask', 'tcp://127.0.0.1:1']"),
    ("scale", "lightning", FIT),
    ("bench", "lightning", f"{PEERS}raise SystemExit(LIGHTNING.missing)"),
    ("bench", "skorch", f"{PEERS}raise SystemExit(SKORCH.missing)"),
    ("site", "sphinx", "from pathlib import Path\nfrom build_site import build_site\n"
     "build_site(Path('pages'))"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "absent", "code"),
    NEEDS,
    ids=[f"{extra}-{absent.split()[0]}" for extra, absent, _ in NEEDS],
)
def test_a_missing_extra_gives_the_sentence_that_installs_it(
    extra: str, absent: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    path = os.pathsep.join(map(str, (tmp_path, ROOT / "benchmarks", ROOT / "tools")))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path, "ABSENT": absent},
    )  # fmt: skip
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert f"Install it with: pip install 'coursekit[{extra}]'" in last, done.stderr
    assert any(name in last for name in absent.split())


def test_every_extra_is_tried() -> None:
    """All but two: `make env` brings "dev", and nothing here needs "classroom"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tried = {extra for extra, _, _ in NEEDS}
    assert tried == project["optional-dependencies"].keys() - {"dev", "classroom"}
