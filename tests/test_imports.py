"""What `import coursekit` loads, and that its table of contents is true."""

import importlib
import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

import coursekit
from coursekit import errors

HEAVY = {"torch", "tensorflow", "keras", "matplotlib", "ipywidgets", "sklearn", "numpy", "IPython"}
BEYOND_ONE_LAPTOP = {
    "dask", "distributed", "jupyterhub", "lightning", "myst_nb", "nbgitpuller", "nbgrader", "ray",
    "sphinx",
}  # fmt: skip
TRAIN_AND_LOOK = """
import torch
from torch import nn
from coursekit import fit, plots, sweep, widgets
rows = [(torch.randn(8, 4), torch.arange(8) % 2)]
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
run = fit(model, rows, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=2)
plots.plot_loss(run)
sweep(lambda seed: nn.Linear(4, 2), rows, lr=[0.1], loss_fn=nn.CrossEntropyLoss(), epochs=1)
"""
NEEDS_KERAS = {"KerasRecorder"}


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a line of code loads in a fresh interpreter."""
    listing = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_import_loads_no_framework() -> None:
    assert not loaded_by("import coursekit") & HEAVY


def test_help_of_the_command_line_loads_no_framework() -> None:
    code = "from coursekit.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(code) & HEAVY


def test_opening_the_course_loads_no_framework() -> None:
    assert not loaded_by("import coursekit.workspace") & (HEAVY - {"numpy"})


@pytest.mark.parametrize("name", ["Record", "plots"])
def test_records_and_pictures_load_no_framework(name: str) -> None:
    loaded = loaded_by(f"from coursekit import {name}")
    assert not loaded & {"torch", "tensorflow", "keras"}


def test_what_serves_clusters_and_classrooms_is_not_loaded_on_a_laptop() -> None:
    assert not loaded_by(TRAIN_AND_LOOK) & BEYOND_ONE_LAPTOP


@pytest.mark.parametrize("name", coursekit.__all__)
def test_every_public_name_is_there(name: str) -> None:
    if name in NEEDS_KERAS and find_spec("tensorflow") is None:
        pytest.skip("needs TensorFlow: pip install 'coursekit[keras]'")
    assert getattr(coursekit, name) is not None
    assert name in dir(coursekit)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'coursekit' has no attribute 'recrod'"):
        getattr(coursekit, "recrod")  # noqa: B009


def test_no_public_name_is_hidden_by_a_module_of_that_name() -> None:
    for name in coursekit.__all__:
        value = getattr(coursekit, name)
        is_module = type(value) is type(sys)
        assert is_module == (find_spec(f"coursekit.{name}") is not None), name


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.UnknownNameError, LookupError),
        (errors.BadInputError, ValueError),
        (errors.MissingPackageError, ImportError),
    ],
)
def test_each_family_of_errors_can_be_caught_both_ways(
    error: type[errors.CoursekitError], builtin: type[Exception]
) -> None:
    assert issubclass(error, errors.CoursekitError)
    assert issubclass(error, builtin)


def test_a_missing_package_says_how_to_install_it() -> None:
    optional = importlib.import_module("coursekit._optional")
    with pytest.raises(errors.MissingPackageError) as caught:
        optional.require("no_such_package", extra="keras", purpose="The Keras cells")
    assert str(caught.value) == (
        "The Keras cells need the package 'no_such_package', which is not installed here. "
        "Install it with: pip install 'coursekit[keras]'. Everything else works without it."
    )


def test_in_a_notebook_it_says_what_to_type_into_a_cell() -> None:
    from jupyter_client.manager import start_new_kernel

    code = """
from coursekit._optional import require
try:
    require("no_such_package", extra="keras", purpose="The Keras cells")
except ImportError as error:
    print(error)
"""
    said = []
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive(
            code, timeout=60, output_hook=lambda heard: said.append(heard["content"])
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    text = "".join(content.get("text", "") for content in said)
    assert 'Install it with: %pip install "coursekit[keras]". Everything else' in text


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (["0", "2"], "No layer 'fc9'. Layers: 0, 2."),
        (["fc1"], "No layer 'fc9'. Did you mean 'fc1'? Layers: fc1."),
        ([], "No layer 'fc9'. Layers: none."),
        (["0"] * 30, f"No layer 'fc9'. Layers: {', '.join(['0'] * 24)} … and 6 more."),
    ],
)
def test_an_unknown_name_says_what_there_is(known: list[str], expected: str) -> None:
    assert str(errors.unknown("layer", "fc9", known)) == expected
