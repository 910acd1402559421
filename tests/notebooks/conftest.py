"""A small course of its own: what the builder makes of it is known by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
from nbtools.targets import Target, targets

LESSON = """\
# %% [markdown]
# # A sample

# %% tags=["setup"]
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

# %% [markdown] minutes=5
# ## First look

# %%
widgets.IntSlider(value=3)

# %% jupyter={"outputs_hidden": true} tags=["after-prediction"]
values = np.random.default_rng(0).normal(scale=0.5, size=(400, 2)).cumsum(axis=0)
fig, ax = plt.subplots(figsize=(6, 3.5))
points = ax.scatter(*values.T, c=np.arange(400), s=9)

# %% [markdown]
# **Figure.** Two *walks* of 0.5 steps. More.

# %% [markdown] minutes=3
# ## Second look

# %%
print(np.arange(3))
"""

PLANNED = """\
# %% tags=["setup"]
import math

# %% [markdown] minutes=5
# ## A section
"""

SOLUTION = '''\
# %% [markdown]
# # Exercise

# %% tags=["setup"]
class NotAnswered(Exception):
    """Not yet."""

# %% [markdown] minutes=10
# ## Task one

# %% nbgrader={"grade": false, "grade_id": "a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(values):
    """Twice the values."""
    ### BEGIN SOLUTION
    doubled_values = [2 * value for value in values]
    return doubled_values
    ### END SOLUTION

# %% tags=["check"] nbgrader={"grade": true, "grade_id": "b", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert double([1, 2]) == [2, 4]
### BEGIN HIDDEN TESTS
assert double([100, 200]) == [200, 400]
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": true, "grade_id": "c", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# Because doubling goes element by element.

# %% [markdown] tags=["solution-only"]
# A remark that gives it all away.
'''  # noqa: E501


@pytest.fixture
def course(tmp_path: Path) -> list[Target]:
    """A lesson, a solution and an exercise, not built."""
    solution = tmp_path / "lessons" / "solutions" / "01_sample.py"
    solution.parent.mkdir(parents=True)
    solution.write_text(SOLUTION, encoding="utf-8")
    (tmp_path / "lessons" / "01_sample.py").write_text(LESSON, encoding="utf-8")
    return targets(tmp_path)


@pytest.fixture
def lesson(tmp_path: Path) -> Callable[..., Target]:
    """Makes a lesson of a text, below a set-up cell and a heading, and gives its target."""

    def make(text: str, *, planned: str = PLANNED) -> Target:
        source = tmp_path / "lessons" / "02_made.py"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(f"{planned}\n{text}" if planned else text, encoding="utf-8")
        return next(target for target in targets(tmp_path) if target.source == source)

    return make
