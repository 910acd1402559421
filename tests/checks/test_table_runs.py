"""Each cause of exercises 01 and 02 holds for a script with that fault, and for no other."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks.table_runs import read
from coursekit.checks.unscaled_features.diagnose import CAUSES
from coursekit.checks.verdicts import CheckFailed


def train(fault: str, *, epochs: int = 8) -> dict[str, Any]:
    """A script with a fault of the given letter; E is healthy."""
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(3).permutation(len(y))
    rows, held_out = order[:284], order[284:]
    raw = torch.tensor(x, dtype=torch.float32)
    scaled = (raw - raw[rows].mean(0)) / raw[rows].std(0)
    labels = torch.tensor(y)[order.argsort() if fault == "A" else np.arange(len(y))]
    inputs = raw if fault == "C" else scaled
    data = TensorDataset(inputs[rows], labels[rows])
    test = TensorDataset((raw if fault == "D" else inputs)[held_out], labels[held_out])
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6 if fault == "B" else 0.1)
    for _ in range(epochs):
        for batch in torch.randperm(len(data)).split(48):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data[batch][0]), data[batch][1]).backward()
            optimizer.step()
    accuracy = (model(test.tensors[0]).argmax(1) == test.tensors[1]).float().mean().item()
    return {"model": model, "train": data, "test": test, "accuracy": accuracy}


@pytest.mark.parametrize("fault", CAUSES)
def test_exactly_one_letter_holds(fault: str) -> None:
    run = read(train(fault), partial(train, fault, epochs=0))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_labels_that_are_wrong_in_the_training_rows_alone_are_noticed() -> None:
    run = read(train("E"), partial(train, "E", epochs=0))
    mixed = replace(run, labels=np.random.default_rng(3).permutation(run.labels))
    assert CAUSES["A"].holds(mixed)
    assert not CAUSES["A"].holds(run)


def test_exactly_one_letter_holds_for_the_exercise(
    solutions: Callable[[str], dict[str, Any]],
) -> None:
    experiment = solutions("unscaled_features")["experiment"]
    for seed in (0, 1, 2):
        run = read(experiment(seed), partial(experiment, seed, epochs=0))
        assert sum(cause.holds(run) for cause in CAUSES.values()) == 1


@pytest.mark.parametrize("letter", CAUSES)
def test_each_measurement_is_a_plain_number_in_a_sentence(letter: str) -> None:
    text = CAUSES[letter].measured(read(train("E"), partial(train, "E", epochs=0)))
    assert any(sign.isdigit() for sign in text)
    assert "nan" not in text


@pytest.mark.parametrize(
    "spoil",
    [lambda _: None, lambda run: run["model"], lambda run: run | {"train": "rows"},
     lambda _: {"accuracy": 1.0}, lambda run: run | {"model": nn.Sequential()}],
    ids=["nothing", "a model", "text", "a part", "no layer"],
)  # fmt: skip
def test_a_script_that_returns_something_else(spoil: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did: a dictionary"):
        read(spoil(train("E", epochs=0)), partial(train, "E", epochs=0))
