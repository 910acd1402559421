"""Real bundled data: what each column is called, its unit, and where the data come from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from coursekit.errors import unknown


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A data set that scikit-learn ships.

    Attributes:
        name: The name that `load_dataset` takes.
        x: The features, shape (rows, features), float64.
        y: The targets, shape (rows,): class numbers, or values to predict.
        feature_names: One name a column.
        units: One unit a column; "" for a ratio or where the source gives none.
        target_names: Class names; empty for regression.
        task: What the targets are.
        source: Where the data come from.
        units_source: Who says that the units are these.
    """

    name: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[Any]
    feature_names: tuple[str, ...]
    units: tuple[str, ...]
    target_names: tuple[str, ...]
    task: Literal["classification", "regression"]
    source: str
    units_source: str


def load_dataset(name: str) -> Dataset:
    """Load a data set by name; nothing is downloaded.

    Raises:
        UnknownNameError: There is no such data set.

    >>> wine = load_dataset("wine")
    >>> wine.x.shape, wine.feature_names[12], wine.units[12]
    ((178, 13), 'proline', 'mg/l')
    """
    if name not in _LOADERS:
        raise unknown("data set", name, _LOADERS)
    return _LOADERS[name]()


def dataset_names() -> tuple[str, ...]:
    """The names that `load_dataset` takes."""
    return tuple(_LOADERS)


def _wine() -> Dataset:
    """Chemical analysis of 178 wines of three cultivars."""
    from sklearn.datasets import load_wine

    bunch = load_wine()
    return Dataset(
        name="wine",
        x=bunch.data,
        y=bunch.target,
        feature_names=tuple(name.replace("_", " ") for name in bunch.feature_names),
        units=("% vol", "g/l", "g/l", "meq/l", "mg/l", "", "", "", "", "", "", "", "mg/l"),
        target_names=tuple(str(name) for name in bunch.target_names),
        task="classification",
        source="UCI Machine Learning Repository, Wine (Forina et al., 1988)",
        units_source="scikit-learn gives no units; these are the usual ones of wine analysis",
    )


def _breast_cancer() -> Dataset:
    """Measurements of cell nuclei in 569 digitised images of breast masses."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return Dataset(
        name="breast_cancer",
        x=bunch.data,
        y=bunch.target,
        feature_names=tuple(str(name) for name in bunch.feature_names),
        units=("",) * 30,
        target_names=tuple(str(name) for name in bunch.target_names),
        task="classification",
        source="UCI Machine Learning Repository, Breast Cancer Wisconsin (Diagnostic)",
        units_source="scikit-learn gives none",
    )


def _diabetes() -> Dataset:
    """Ten measurements of 442 patients, and the disease a year later."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    known = {
        "age": ("age", "years"),
        "bmi": ("body mass index", "kg/m²"),
        "bp": ("mean blood pressure", "mmHg"),
    }
    pairs = [known.get(name, (name, "")) for name in bunch.feature_names]
    return Dataset(
        name="diabetes",
        x=bunch.data,
        y=bunch.target,
        feature_names=tuple(pair[0] for pair in pairs),
        units=tuple(pair[1] for pair in pairs),
        target_names=(),
        task="regression",
        source="Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression (2004)",
        units_source="scikit-learn says years for age; the others are the usual ones",
    )


def _digits() -> Dataset:
    """Handwritten digits, 1,797 images of 8 × 8 pixels with 17 grey levels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Dataset(
        name="digits",
        x=bunch.data,
        y=bunch.target,
        feature_names=tuple(str(name) for name in bunch.feature_names),
        units=("grey level, 0 to 16",) * 64,
        target_names=tuple(str(name) for name in bunch.target_names),
        task="classification",
        source="UCI Machine Learning Repository, Optical Recognition of Handwritten Digits",
        units_source="scikit-learn's description of the data set",
    )


_LOADERS: dict[str, Callable[[], Dataset]] = {
    "wine": _wine,
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "digits": _digits,
}
