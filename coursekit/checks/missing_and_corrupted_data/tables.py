"""Tables with something the matter: the file of task 3, and tables with holes."""

import numpy as np
import numpy.typing as npt

from coursekit.datasets import load_dataset

Table = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

SHARE = 0.05  # of the cells, for each of the two things that happen to a cell
MARK = 888.0  # not the 999 of the lesson: it is to be found, and na=999 heals nothing


def read_wine_file(seed: int) -> tuple[Table, Labels]:
    """The wine table as it came from a laboratory, with cells that nobody measured.

    Args:
        seed: Chooses the cells.

    Returns:
        Measurements, shape (178, 13), and class numbers, shape (178,).

    >>> x, y = read_wine_file(0)
    >>> x.shape, bool(np.isnan(x).any())
    ((178, 13), True)
    """
    data = load_dataset("wine")
    x, y = data.x.astype(np.float64), data.y.copy()
    lot = np.random.default_rng(seed).random(x.shape)
    x[lot < SHARE] = np.nan
    x[lot > 1 - SHARE] = MARK
    return x, y


def wine_with_holes(seed: int) -> Table:
    """The wine table with a tenth of its cells empty, shape (178, 13).

    >>> float(np.isnan(wine_with_holes(0)).mean().round(1))
    0.1
    """
    x: Table = load_dataset("wine").x.astype(np.float64)
    x[np.random.default_rng(seed).random(x.shape) < 2 * SHARE] = np.nan
    return x
