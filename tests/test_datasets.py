"""Data sets carry a name and a unit for each column, and are what scikit-learn ships."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from coursekit.datasets import dataset_names, load_dataset
from coursekit.errors import UnknownNameError


@pytest.mark.parametrize("name", dataset_names())
def test_each_column_has_a_name_and_a_unit(name: str) -> None:
    data = load_dataset(name)
    assert data.x.shape == (len(data.y), len(data.feature_names))
    assert len(data.units) == len(data.feature_names)
    assert np.isfinite(data.x).all()
    if data.task == "classification":
        assert set(np.unique(data.y)) == set(range(len(data.target_names)))


def test_values_are_those_of_scikit_learn() -> None:
    assert np.array_equal(load_dataset("wine").x, load_wine().data)
    assert np.array_equal(load_dataset("diabetes").x, load_diabetes(scaled=False).data)


def test_an_unknown_data_set_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"No data set 'whine'. Did you mean 'wine'\?"):
        load_dataset("whine")
