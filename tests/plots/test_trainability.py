"""The trainability map draws what the sweep holds: the artists are read back."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyQuadMesh, QuadMesh
from matplotlib.colors import LogNorm, Normalize

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.plots.scales import scale_of
from coursekit.plots.trainability import plot_trainability
from coursekit.sweeps import Sweep

RATES, SCALES = [0.01, 0.1, 1.0], [0.5, 1.0, 2.0, 50.0]
#                 rate 0.01, 0.1, 1.0; a row a scale; infinite is diverged
LOSSES = np.array([[9.0, 1.0, np.inf], [8.0, 0.1, np.inf], [7.0, 3.0, 2.0], [5.0, 5.0, 5.0]])


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def made(losses: np.ndarray = LOSSES, *, knob: str = "scale", values: Any = None) -> Sweep:
    """A sweep of one seed with these final losses; shape (values, rates), or (seeds, …)."""
    stack = losses if losses.ndim == 3 else losses[None]
    values = SCALES if values is None else values
    seed, row, column = (index.ravel() for index in np.indices(stack.shape))
    settings = {"lr": np.array(RATES)[column], knob: np.array(values)[row], "seed": seed}
    final = stack.ravel()
    return Sweep(
        settings=settings, start=np.full(final.size, 3.0), diverged=np.isinf(final),
        curve=np.where(np.isinf(final), np.nan, final)[:, None], diverged_above=2.0, how=(),
        unit="nat",
    )  # fmt: skip


def the(kind: type, ax: Axes) -> Any:
    """The one collection of this type."""
    (found,) = [item for item in ax.collections if type(item) is kind]
    return found


def marks(ax: Axes, label: str) -> list[list[float]]:
    """The places of the markers with this label."""
    return [
        place
        for item in ax.collections
        if isinstance(item, PathCollection) and item.get_label() == label
        for place in item.get_offsets().tolist()
    ]


def test_colours_are_the_losses_and_diverged_cells_have_none() -> None:
    mesh = the(QuadMesh, plot_trainability(made()))
    np.testing.assert_array_equal(mesh.get_array().filled(np.inf), LOSSES)
    assert isinstance(mesh.norm, LogNorm)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (0.1, 9.0)


def test_diverged_cells_are_hatched_and_named() -> None:
    """Told apart without colour, cell for cell, and explained in the key."""
    ax = plot_trainability(made())
    cells = the(PolyQuadMesh, ax)
    assert cells.get_hatch()
    middles = [path.vertices[:4].mean(axis=0) for path in cells.get_paths()]
    assert len(middles) == 2
    assert all(10**-0.5 < x < 10**0.5 and y < 2**0.5 for x, y in middles)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["diverged", "lowest of its row"]


def test_axes_are_logarithmic_where_they_should_be_and_named() -> None:
    ax = plot_trainability(made())
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "scale")
    np.testing.assert_allclose(ax.get_xlim(), [10**-2.5, 10**0.5])
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel() == "loss at the end (nat)"
    depths = plot_trainability(made(knob="depth", values=[1, 2, 3, 4]))
    assert depths.get_yscale() == "linear"
    assert [text.get_text() for text in depths.get_yticklabels()] == ["1", "2", "3", "4"]
    np.testing.assert_allclose(depths.get_ylim(), [0.5, 4.5])


def test_whole_numbers_keep_their_ticks_on_a_logarithmic_axis() -> None:
    ax = plot_trainability(made(knob="depth", values=[1, 2, 8, 32]))
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["1", "2", "8", "32"]


def test_names_stand_evenly() -> None:
    ax = plot_trainability(made(knob="activation", values=["relu", "tanh", "gelu", "silu"]))
    texts = [text.get_text() for text in ax.get_yticklabels()]
    assert texts == ["relu", "tanh", "gelu", "silu"]
    assert ax.get_ylim() == (-0.5, 3.5)


def test_the_lowest_of_each_row_is_marked_but_not_in_a_flat_row() -> None:
    assert marks(plot_trainability(made()), "lowest of its row") == [
        [0.1, 0.5], [0.1, 1.0], [1.0, 2.0],
    ]  # fmt: skip


def test_a_cell_that_diverged_for_few_seeds_is_marked() -> None:
    seeds = np.stack([LOSSES, LOSSES, LOSSES])
    seeds[0, 3, 0] = np.inf
    ax = plot_trainability(made(seeds))
    assert marks(ax, "some seeds diverged") == [[0.01, 50.0]]
    assert the(QuadMesh, ax).get_array()[3, 0] == 5.0
    assert "some seeds diverged" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_losses_of_one_size_or_below_zero_get_a_linear_scale() -> None:
    norm = the(QuadMesh, plot_trainability(made(LOSSES.clip(2, 9)))).norm
    assert type(norm) is Normalize
    assert type(the(QuadMesh, plot_trainability(made(LOSSES - 5))).norm) is Normalize


def test_a_map_in_which_all_diverged_is_all_hatched() -> None:
    ax = plot_trainability(made(np.full((4, 3), np.inf)))
    assert len(the(PolyQuadMesh, ax).get_paths()) == 12
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["diverged"]


def test_options_reach_the_artist_and_the_axes_are_those_given() -> None:
    _, ax = plt.subplots()
    assert plot_trainability(made(), ax=ax, norm=LogNorm(0.01, 10), cmap="cividis") is ax
    mesh = the(QuadMesh, ax)
    assert (mesh.norm.vmin, mesh.cmap.name) == (0.01, "cividis")
    _, other = plt.subplots()
    plot_trainability(made(), where={"scale": 0.5}, ax=other, color="red")
    assert other.lines[0].get_color() == "red"


def test_axes_can_be_exchanged() -> None:
    mesh = the(QuadMesh, plot_trainability(made(), x="scale", y="lr"))
    np.testing.assert_array_equal(mesh.get_array().filled(np.inf), LOSSES.T)


def test_one_setting_is_drawn_as_a_line_with_diverged_runs_marked() -> None:
    """The × stand at the top of the axis: a run without a loss has no height."""
    seeds = np.stack([LOSSES[:1], LOSSES[:1] * 2, LOSSES[:1] * 100])
    ax = plot_trainability(made(seeds, values=[1.0]))
    by_label = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(by_label["median over seeds"].get_xdata(), RATES)
    np.testing.assert_array_equal(by_label["median over seeds"].get_ydata(), [18.0, 2.0, np.nan])
    assert np.sort(by_label["one seed"].get_ydata()).tolist() == [1, 2, 9, 18, 100, 900]
    assert by_label["diverged"].get_xdata().tolist() == [1.0] * 3
    assert by_label["diverged"].get_marker() == "X"
    assert set(by_label["diverged"].get_ydata()) == {0.96}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_ylabel() == "loss at the end (nat)"


def test_one_seed_without_divergence_is_a_bare_line() -> None:
    ax = plot_trainability(made(), where={"scale": 50.0})
    assert len(ax.lines) == 1
    assert ax.get_legend() is None


def test_what_cannot_be_drawn_is_refused() -> None:
    result = made()
    both = Sweep(
        settings=dict(result.settings) | {"depth": np.arange(12)}, start=result.start,
        curve=result.curve, diverged=result.diverged, diverged_above=2.0, how=(),
    )  # fmt: skip
    with pytest.raises(BadInputError, match=r"scale and depth vary beside lr. Pass one of them"):
        plot_trainability(both)
    with pytest.raises(BadInputError, match="depth varies too"):
        plot_trainability(both, y="scale")
    with pytest.raises(UnknownNameError, match="No setting 'dept'"):
        plot_trainability(both, y="dept")


def test_a_single_value_has_a_cell_of_its_own() -> None:
    assert scale_of("scale", np.array([3])).edges.tolist() == [2.5, 3.5]
    assert scale_of("lr", np.array([1.0])).edges.tolist() == pytest.approx([10**-0.5, 10**0.5])
    assert np.isnan(scale_of("depth", np.array([1, 2])).positions(np.array([2, 7]))[1])
