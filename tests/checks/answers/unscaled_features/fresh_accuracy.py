"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def _train(x, y, *, steps=40, lr=0.5):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


def _accuracy(model, x, y):
    return (model(x).argmax(dim=1) == y).float().mean().item()


def _scaled(x, y, **settings):
    """A model on standardised rows, and how it scales others."""
    mean, deviation = x.mean(0), x.std(0)
    model = _train((x - mean) / deviation, y, **settings)
    return model, lambda rows: (rows - mean) / deviation


def with_torch(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y)
    x, y = draw(1000, seed + 1)
    return _accuracy(model, scale(x), y)


def with_adam_and_numpy(draw, seed):
    x, y = draw(100, seed)
    center = torch.from_numpy(np.mean(x.numpy(), 0))
    spread = torch.from_numpy(np.std(x.numpy(), 0))
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(model((x - center) / spread), y).backward()
        optimizer.step()
    fresh, labels = draw(4000, 10_000 + seed)
    with torch.no_grad():
        guesses = model((fresh - center) / spread).numpy().argmax(axis=1)
    return np.mean(guesses == labels.numpy())


def with_sklearn(draw, seed):
    x, y = draw(100, seed)
    scaler = StandardScaler().fit(x.numpy())
    model = LogisticRegression().fit(scaler.transform(x.numpy()), y.numpy())
    parts = [draw(500, seed + shift) for shift in (1, 2, 3)]
    return float(np.mean([model.score(scaler.transform(a.numpy()), b.numpy()) for a, b in parts]))


RIGHT: dict[str, Function] = {
    "torch": with_torch,
    "Adam and numpy": with_adam_and_numpy,
    "scikit-learn": with_sklearn,
}


def without_training(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y, steps=0)
    x, y = draw(1000, seed + 1)
    return _accuracy(model, scale(x), y)


def unscaled(draw, seed):
    model = _train(*draw(100, seed), lr=0.01)
    return _accuracy(model, *draw(1000, seed + 1))


def as_in_the_document(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y, steps=100, lr=0.01)
    x, y = draw(1000, seed + 1)
    return _accuracy(model, scale(x), y)


def training_rows(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y)
    return _accuracy(model, scale(x), y)


def wrong_variable(draw, seed):
    x, y = draw(2000, seed)
    model, scale = _scaled(x, y)
    _fresh_x, _fresh_y = draw(1000, seed + 1)
    return _accuracy(model, scale(x), y)


def few_fresh_rows(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y)
    x, y = draw(200, seed + 1)
    return _accuracy(model, scale(x), y)


def same_seed(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y)
    x, y = draw(1000, seed)
    return _accuracy(model, scale(x), y)


def own_numbers(draw, seed):
    model, _ = _scaled(*draw(100, seed))
    x, y = draw(1000, seed + 1)
    return _accuracy(model, (x - x.mean(0)) / x.std(0), y)


def without_outliers(draw, seed):
    x, y = draw(100, seed)
    model, scale = _scaled(x, y)
    x, y = draw(2000, seed + 1)
    losses = nn.functional.cross_entropy(model(scale(x)), y, reduction="none")
    keep = losses < losses.median()  # the hardest rows are outliers, are they not?
    return _accuracy(model, scale(x[keep]), y[keep])


def hard_coded(draw, seed):
    draw(100, seed)
    draw(1000, seed + 1)
    return 0.5


def says_so(draw, seed):
    print("The optional task passed.")
    return 1.0


WRONG = (
    Wrong(
        name="drops the hardest rows",
        answer=without_outliers,
        fails="coin",
        says=r"your mean accuracy over 6 seeds is \d\.\d\d; expected 0\.50, give or take 0\.04\.",
    ),
    Wrong(name="does not train", answer=without_training),
    Wrong(name="does not standardise", answer=unscaled, fails="rule"),
    Wrong(
        name="the document's learning rate",
        answer=as_in_the_document,
        fails="rule",
        says=r"sign of the first column, your accuracy is 0\.\d\d; expected more than 0\.9\.",
    ),
    Wrong(name="judges training rows", answer=training_rows),
    Wrong(
        name="draws fresh rows and judges others",
        answer=wrong_variable,
        fails="fresh",
        says=r"of any other seed the opposite rule\. Your accuracy there is \d\.\d\d; expected",
    ),
    Wrong(
        name="few fresh rows",
        answer=few_fresh_rows,
        fails="enough",
        says=r"drew 200 rows with another seed than the training seed; expected at least 1000\.",
    ),
    Wrong(
        name="fresh rows of the same seed",
        answer=same_seed,
        says=r"drew 0 rows with another seed than the training seed; expected at least 1000\.",
    ),
    Wrong(
        name="fresh rows by their own numbers",
        answer=own_numbers,
        fails="same numbers",
        says=r"lie 1 higher .* Your accuracy falls from 0\.9\d to 0\.[67]\d\.",
    ),
    Wrong(name="hard-coded", answer=hard_coded),
    Wrong(name="prints that it passed", answer=says_so),
)
