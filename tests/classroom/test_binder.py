"""What Binder would build: repo2docker's own build file, and postBuild run in a copy."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from coursekit.launch import _LAB_EXTENSIONS

pytest.importorskip("repo2docker", reason="jupyter-repo2docker is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="postBuild needs a POSIX shell")

ROOT = Path(__file__).parents[2]
NEWS = "@jupyterlab/apputils-extension:announcements"


@dataclass(frozen=True, kw_only=True)
class BuildFile:
    """The steps of a Dockerfile, each an instruction and its words, and what was said about it."""

    steps: list[tuple[str, str]]
    said: str

    def where(self, instruction: str, pattern: str) -> int:
        """The position of the one step that matches."""
        (found,) = (
            number for number, (name, words) in enumerate(self.steps)
            if name == instruction and re.search(pattern, words)
        )  # fmt: skip
        return found

    def user(self, at: int) -> str:
        """Who runs the step."""
        return [words for name, words in self.steps[:at] if name == "USER"][-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone has: the files that git knows, or would with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("this is no clone: git does not say which files Binder would see")
    folder = tmp_path_factory.mktemp("home")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def build_file(checkout: Path) -> BuildFile:
    """What repo2docker would hand to Docker."""
    done = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", checkout],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", done.stdout, flags=re.MULTILINE))
    lines = [line.partition(" ") for line in joined.splitlines() if re.match(r"[A-Z]+ ", line)]
    return BuildFile(steps=[(name, words) for name, _, words in lines], said=done.stderr)


def test_the_steps_come_in_an_order_that_can_work(build_file: BuildFile) -> None:
    listed = build_file.where("COPY", r"src/binder/environment\.yml \S+/binder/environment\.yml$")
    made = build_file.where("RUN", r"env update .*--file \"binder/environment\.yml\"")
    course = build_file.where("COPY", r" src/ \$\{REPO_DIR\}/$")
    finished = build_file.where("RUN", r"^\./binder/postBuild$")
    assert listed < made < course < finished
    assert build_file.user(finished) == build_file.user(made) == "${NB_USER}"


def test_it_starts_from_a_python_that_the_course_runs_on(build_file: BuildFile) -> None:
    """The frozen base has JupyterLab for one Python; repo2docker reads only an exact one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (picked,) = re.findall(r"Building conda environment for python=(\S+)", build_file.said)
    assert SpecifierSet(project["requires-python"]).contains(f"{picked}.0")
    assert "Python version unspecified" not in build_file.said


def test_the_environment_is_that_of_the_root_but_for_the_exact_python() -> None:
    """And for the course, which postBuild installs."""
    root, binder = (
        yaml.safe_load((folder / "environment.yml").read_text(encoding="utf-8"))
        for folder in (ROOT, ROOT / "binder")
    )
    ranged, exact = root["dependencies"].pop(0), binder["dependencies"].pop(0)
    assert root["dependencies"][-1]["pip"].pop() == "--editable ."
    assert binder == root
    version = exact.removeprefix("python=")
    assert SpecifierSet(ranged.removeprefix("python")).contains(f"{version}.0")


@pytest.fixture(scope="module")
def opened(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which postBuild was run.

    It sees the packages that are installed here, and not coursekit. Binder has a network at this
    point, from which pip fetches what builds the package; here that must lie ready.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "installed-here.pth").write_text("\n".join(packages))
    python = folder / "bin" / "python"
    before = subprocess.run([python, "-c", "import coursekit"], cwd=folder, check=False,
                            capture_output=True)  # fmt: skip
    assert before.returncode == 1
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),
        "HOME": str(checkout), "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip
    done = subprocess.run(
        ["./binder/postBuild"], cwd=checkout, capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def ask(python: Path, code: str, *, cwd: Path) -> Any:
    """What code prints as JSON."""
    done = subprocess.run(
        [python, "-c", f"import json\n{code}"], cwd=cwd, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_after_postbuild_a_lesson_finds_the_package_and_the_course(
    checkout: Path, opened: Path
) -> None:
    code = """
import coursekit
from coursekit.cases import get_case
from coursekit.datasets import load_dataset
from coursekit.shipped import course_files
load_dataset("wine")
print(json.dumps([coursekit.__file__, str(course_files()), get_case("unscaled-features").name]))
"""
    found = ask(opened, code, cwd=checkout / "notebooks")
    assert found == [
        str(checkout / "coursekit" / "__init__.py"), str(checkout), "unscaled-features"
    ]  # fmt: skip


def test_after_postbuild_jupyterlab_does_not_ask_about_news(checkout: Path, opened: Path) -> None:
    assert NEWS in _LAB_EXTENSIONS  # what `coursekit lab` switches off
    code = """
from jupyter_core.paths import jupyter_config_path
from jupyterlab_server.config import get_page_config
print(json.dumps(list(get_page_config(jupyter_config_path())["disabledExtensions"])))
"""
    assert NEWS in ask(opened, code, cwd=checkout)


@pytest.mark.usefixtures("opened")
def test_the_link_of_the_readme_opens_a_lesson_without_its_answers(checkout: Path) -> None:
    """Not the repository's own, of whose folded outputs JupyterLab shows the first line."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (path,) = re.findall(r"\?urlpath=lab/tree/([^`\s]+)", readme)
    copy = (checkout / path).parent
    assert (checkout / path).is_file()
    folded = [
        cell
        for lesson in copy.glob("*.ipynb")
        for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        if cell["metadata"].get("jupyter", {}).get("outputs_hidden")
    ]
    assert len(list(copy.glob("*.ipynb"))) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    assert folded == []
