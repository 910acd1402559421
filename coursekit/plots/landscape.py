"""Pictures of a loss over two weights."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from coursekit.errors import BadInputError
from coursekit.plots.style import BROKEN, axes_or_new

Loss = Callable[[npt.NDArray[np.float64]], float]


def plot_contours(
    loss: Loss,
    path: npt.NDArray[np.float64],
    *,
    ax: Axes | None = None,
    names: tuple[str, str] = ("weight 1", "weight 2"),
    minimum: npt.NDArray[np.float64] | None = None,
) -> Axes:
    """Contours of a loss over two weights, with the path that an optimizer took.

    Args:
        loss: From two weights, shape (2,), to the loss.
        path: The weights after each step, shape (steps, 2).
        ax: Where to draw; None makes a figure.
        names: What the two axes are.
        minimum: Where the loss is least, shape (2,); marked where given.

    Raises:
        BadInputError: The path is not of two weights, or is not finite.
    """
    path = np.asarray(path, dtype=float)
    if path.ndim != 2 or path.shape[1] != 2 or not np.isfinite(path).all():
        raise BadInputError(
            f"The path has shape {path.shape}; expected finite weights of shape (steps, 2). "
            "Stop the run before it diverges."
        )
    ax = axes_or_new(ax)
    points = path if minimum is None else np.vstack([path, minimum])
    first, second = _windows(points)
    grid = np.array([[loss(np.array([a, b])) for a in first] for b in second])
    ax.contour(first, second, np.log10(grid - np.nanmin(grid) + 1e-3), levels=12, cmap="Greys")
    ax.plot(*path.T, color=BROKEN.colour, marker="o", markersize=3, linewidth=1.2, label="path")
    ax.plot(*path[0], color="black", marker="s", linestyle="", label="start")
    if minimum is not None:
        ax.plot(*minimum, color="black", marker="*", markersize=12, linestyle="", label="minimum")
    ax.set(xlabel=names[0], ylabel=names[1])
    ax.set_aspect("equal")
    ax.grid(visible=False)
    return ax


def _windows(
    points: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Positions around the points along both weights, each of shape (80,).

    Both spans are equal: an axis stretched to fit would hide how long the valley is.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    half = 0.62 * max(*(high - low), 1e-9)
    middle = (low + high) / 2
    first, second = (np.linspace(centre - half, centre + half, 80) for centre in middle)
    return first, second
