"""The lists of packages agree with each other, and a wheel carries the course."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import coursekit

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
RUNTIME = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["keras"]]


def requirements(path: Path) -> list[Requirement]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def as_pairs(texts: list[str]) -> set[tuple[str, str]]:
    parsed = [Requirement(text) for text in texts]
    return {(canonicalize_name(item.name), str(item.specifier)) for item in parsed}


def test_environment_yml_lists_what_pyproject_lists() -> None:
    body = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, last = body["dependencies"]
    *packages, course = last["pip"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert len(packages) == len(RUNTIME)
    assert as_pairs(packages) == as_pairs(RUNTIME)
    assert course == "--editable ."


def test_oldest_constraints_are_the_lower_bounds() -> None:
    oldest = (ROOT / ".github" / "constraints-oldest.txt").read_text(encoding="utf-8")
    listed = [line for line in oldest.splitlines() if line and not line.startswith("#")]
    assert listed == [text.replace(">=", "==") for text in RUNTIME]


@pytest.mark.parametrize("python", PYTHONS)
def test_the_first_release_of_each_python_can_install_every_pin(python: str) -> None:
    """Debian's Python 3.11 is 3.11.2: a pin that wants 3.11.5 keeps ``make env`` from working."""
    pinned = {canonicalize_name(pin.name) for pin in requirements(ROOT / "constraints.txt")}
    wanted = {
        package.name: SpecifierSet(str(package.metadata.json.get("requires_python", "")))
        for package in distributions()
        if canonicalize_name(package.name) in pinned
    }
    assert len(wanted) > 100
    assert [name for name, pythons in wanted.items() if f"{python}.0" not in pythons] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_one_exact_pin_within_its_range(python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins: dict[str, str] = {}
    for pin in requirements(ROOT / "constraints.txt"):
        if pin.marker is not None and not pin.marker.evaluate(environment):
            continue
        (clause,) = pin.specifier
        name = canonicalize_name(pin.name)
        assert clause.operator == "==", pin
        assert "+" not in clause.version, f"{pin}: a local version is to be had in one place only"
        assert name not in pins, pin
        pins[name] = clause.version
    for text in [*RUNTIME, *PROJECT["optional-dependencies"]["dev"]]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text


def test_what_is_installed_here_is_what_is_pinned() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in requirements(ROOT / "constraints.txt")}
    if not (Path(sys.prefix) / "coursekit-pins").is_file():
        pytest.skip("this is not the environment that `make env` made")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    installed = dict(line.split("==") for line in done.stdout.splitlines() if "==" in line)
    named = {canonicalize_name(name): version for name, version in installed.items()}
    assert {"numpy", "torch", "jupyterlab"} <= named.keys()
    wrong = {
        name: (version, str(pins[name].specifier))
        for name, version in named.items()
        if name in pins and not pins[name].specifier.contains(version, prereleases=True)
    }
    assert not wrong


def test_versions_agree() -> None:
    assert coursekit.__version__ == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]$", changelog, flags=re.MULTILINE)


def test_makefile_has_at_most_eight_targets_each_explained() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE)
    assert len(targets) <= 8
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(targets)
    assert sorted(re.findall(r"^# make ([a-z-]+)", text, flags=re.MULTILINE)) == sorted(targets)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation",
            "--no-index", "--quiet", "--disable-pip-version-check", "--wheel-dir", folder, ROOT,
        ],
        check=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_carries_the_course_and_no_solution(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("notebooks", "exercises", "evidence"):
        tracked = {path.name for path in (ROOT / folder).iterdir() if path.is_file()}
        prefix = f"coursekit/_course/{folder}/"
        assert tracked, folder
        assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} >= tracked
    package = {path for path in (ROOT / "coursekit").rglob("*") if path.is_file()}
    beside = {
        path.relative_to(ROOT).as_posix() for path in package if path.suffix in (".js", ".npz")
    }
    assert beside
    assert set(names) >= beside  # what the code reads, not imports
    assert not [name for name in names if "solution" in name]
    assert not [name for name in names if name.startswith(("tests/", "lessons/", "tools/"))]
    for licence in ("LICENSE", "LICENSE-TEXT", "LICENSES-DATA.md"):
        assert [name for name in names if name.endswith(f"licenses/{licence}")], licence


def sources(path: Path) -> list[str]:
    """What stands in a notebook's cells."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def test_the_course_is_found_in_a_wheel(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "from pathlib import Path\n"
        "from coursekit.shipped import course_files\n"
        "from coursekit.workspace import prepare\n"
        "prepare('work')\n"
        "print(course_files())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == str(site / "coursekit" / "_course")
    lessons = sorted((ROOT / "notebooks").glob("*.ipynb"))
    copied = sorted((tmp_path / "work" / "notebooks").glob("*.ipynb"))
    assert [sources(path) for path in copied] == [sources(path) for path in lessons]
    assert not list((tmp_path / "work").rglob("*solution*"))
