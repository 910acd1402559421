"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.checks.answers.kit import Function, Wrong


def building(
    *,
    last=(),
    optimizer_of=lambda model: torch.optim.SGD(model.parameters(), lr=0.1),
    loss_fn=None,
    emptied="first",
    early=False,
    frozen=False,
    labels=lambda y: y,
    hidden=16,
):
    """An answer with these parts; by default a right one."""

    def parts(x, y):
        torch.manual_seed(0)
        features, classes = x.shape[1], int(y.max()) + 1
        model = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes), *last
        )
        optimizer = optimizer_of(model)
        if early:
            model[0] = nn.Linear(features, hidden)
        if frozen:
            model[0].requires_grad_(False)
        criterion = loss_fn or nn.CrossEntropyLoss()
        loader = DataLoader(TensorDataset(x, labels(y)), batch_size=16, shuffle=True)

        def one_pass(batches):
            for inputs, targets in batches:
                if emptied == "first":
                    optimizer.zero_grad()
                criterion(model(inputs), targets).backward()
                optimizer.step()
                if emptied == "last":
                    optimizer.zero_grad()

        return one_pass, model, loader, criterion, optimizer

    return parts


def with_adam(x, y):
    return building(optimizer_of=lambda m: torch.optim.Adam(m.parameters(), lr=0.01))(x, y)


def with_log_softmax(x, y):
    """Log-softmax and its own criterion."""
    return building(last=[nn.LogSoftmax(1)], loss_fn=nn.NLLLoss())(x, y)


def as_a_list(x, y):
    return list(building(emptied="last", hidden=64)(x, y))


def with_tanh_and_a_list_of_batches(x, y):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(x.shape[1], 24), nn.Tanh(), nn.Linear(24, int(y.max()) + 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    batches = [(x[i : i + 10], y[i : i + 10]) for i in range(0, len(x), 10)]

    def one_pass(some):
        for inputs, labels in some:
            model.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()

    return one_pass, model, batches, nn.functional.cross_entropy, optimizer


RIGHT: dict[str, Function] = {
    "SGD": building(),
    "Adam": with_adam,
    "log-softmax and NLLLoss": with_log_softmax,
    "a list, emptied behind the step": as_a_list,
    "tanh, batches in a list": with_tanh_and_a_list_of_batches,
}


def sgd(lr):
    return lambda model: torch.optim.SGD(model.parameters(), lr=lr)


def as_given(x, y):
    return building(last=[nn.Softmax(1)], optimizer_of=sgd(0.0001), early=True)(x, y)


def decaying(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1.0)


WRONG = (
    Wrong(
        name="as given",
        answer=as_given,
        says=r"On wine, 3 classes, a right and certain answer costs 0\.\d+ times the first loss",
    ),
    Wrong(
        name="the softmax stays",
        answer=building(last=[nn.Softmax(1)], optimizer_of=sgd(1.0)),
        fails="loss",
        says=r"a right and certain answer costs 0\.\d+ times the first loss; expected",
    ),
    Wrong(
        name="the optimizer first",
        answer=building(early=True, hidden=64),
        fails="loop",
        says=r"On wine, 3 classes, 0\.weight, 0\.bias: not moved by the loop",
    ),
    Wrong(name="a frozen layer", answer=building(frozen=True, hidden=64), fails="loop"),
    Wrong(
        name="no zero_grad",
        answer=building(emptied="never", optimizer_of=sgd(0.003)),
        fails="loop",
        says=r"a step uses the gradients of an earlier batch, too",
    ),
    Wrong(name="the rate stays", answer=building(optimizer_of=sgd(0.0001))),
    Wrong(
        name="a rate far too high",
        answer=building(optimizer_of=sgd(2.0)),
        fails="step",
        says=r"the longest first step of a layer is \S+ of its weights; expected between 0\.0001",
    ),
    Wrong(
        name="labels shuffled",
        answer=building(labels=lambda y: y[torch.randperm(len(y))]),
        fails="score",
        says=r"the accuracy on held-out rows is 0\.\d+ after 15 passes; expected at least 0\.88",
    ),
    Wrong(name="one hidden unit", answer=building(hidden=1), fails="score"),
    Wrong(name="far too much decay", answer=building(optimizer_of=decaying), fails="score"),
)
