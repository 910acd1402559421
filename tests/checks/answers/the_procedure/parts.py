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
    first=(),
    outputs=None,
    inside=lambda outputs: outputs,
    penalty=0.0,
    clip=None,
    beforehand=0,
):
    """An answer with these parts; by default a right one."""

    def parts(x, y):
        torch.manual_seed(0)
        features, classes = x.shape[1], int(y.max()) + 1
        layers = [nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs or classes)]
        model = nn.Sequential(*first, *layers, *last)
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
                squares = sum(weight.square().sum() for weight in model.parameters())
                (criterion(inside(model(inputs)), targets) + penalty * squares).backward()
                if clip:
                    nn.utils.clip_grad_value_(model.parameters(), clip)
                optimizer.step()
                if emptied == "last":
                    optimizer.zero_grad()

        for _ in range(beforehand):
            one_pass(loader)
        return one_pass, model, loader, criterion, optimizer

    return parts


def with_adam(x, y):
    return building(optimizer_of=adam(0.01))(x, y)


def with_log_softmax(x, y):
    """Log-softmax and its own criterion."""
    return building(last=[nn.LogSoftmax(1)], loss_fn=nn.NLLLoss())(x, y)


def with_batch_norm(x, y):
    return building(first=[nn.BatchNorm1d(x.shape[1])])(x, y)


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


def sgd(lr):
    return lambda model: torch.optim.SGD(model.parameters(), lr=lr)


def adam(lr):
    return lambda model: torch.optim.Adam(model.parameters(), lr=lr)


RIGHT: dict[str, Function] = {
    "SGD": building(),
    "SGD, 0.03": building(optimizer_of=sgd(0.03)),
    "SGD, 0.3": building(optimizer_of=sgd(0.3)),
    "Adam, its own rate": building(optimizer_of=adam(0.001)),
    "Adam": with_adam,
    "log-softmax and NLLLoss": with_log_softmax,
    "a list, emptied behind the step": as_a_list,
    "tanh, batches in a list": with_tanh_and_a_list_of_batches,
    "a penalty in the loop": building(penalty=0.005),
    "clipped, with dropout": building(clip=0.1, first=[nn.Dropout(0.1)], hidden=64),
    "batch normalisation": with_batch_norm,
}


def as_given(x, y):
    return building(last=[nn.Softmax(1)], optimizer_of=sgd(0.0001), early=True)(x, y)


class Times(nn.Module):
    def forward(self, x):
        return 25 * x


def decaying(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1.0)


SLOW = (
    r"On wine, 3 classes, the line one batch is off: .* its loss is \S+\. Hint: Look at the line st"
)

WRONG = (
    Wrong(
        name="as given",
        answer=as_given,
        says=r"On wine, 3 classes, the line loss is off: a right and certain answer costs 0\.\d+",
    ),
    Wrong(
        name="the softmax stays",
        answer=building(last=[nn.Softmax(1)], optimizer_of=sgd(1.0)),
        says=r"the line loss is off: a right and certain answer costs 0\.\d+",
    ),
    Wrong(
        name="NLLLoss on shares",
        answer=building(last=[nn.Softmax(1)], loss_fn=nn.NLLLoss()),
        fails="loss",
        says=r"the line loss is off: a right and certain answer costs -1",
    ),
    *(
        Wrong(
            name=f"the softmax moves into the loop, {lr}",
            answer=building(inside=lambda outputs: outputs.softmax(1), optimizer_of=sgd(lr)),
            fails="same loss",
            says=r"On wine, 3 classes, one_pass does not go along the gradient of loss_fn\(m",
        )
        for lr in (0.1, 0.5)
    ),
    Wrong(
        name="trained beforehand",
        answer=building(beforehand=15),
        fails="fresh",
        says=r"On wine, 3 classes, the model that comes is another one where the labels are dealt",
    ),
    Wrong(
        name="trained beforehand, a little",
        answer=building(beforehand=1),
        fails="fresh",
    ),
    Wrong(
        name="the optimizer first",
        answer=building(early=True, hidden=64),
        fails="loop",
        says=r"On wine, 3 classes, the line loop is off: the optimizer does not hold 0\.weight",
    ),
    Wrong(
        name="a frozen layer",
        answer=building(frozen=True, hidden=64),
        fails="loop",
        says=r"On wine, 3 classes, 15 passes did not move 0\.weight, 0\.bias",
    ),
    Wrong(
        name="no zero_grad",
        answer=building(emptied="never", optimizer_of=sgd(0.003)),
        fails="loop",
        says=r"the line loop is off: a gradient is added to that of the step before",
    ),
    Wrong(name="the rate stays", answer=building(optimizer_of=sgd(0.0001))),
    Wrong(name="a rate of 0.001", answer=building(optimizer_of=sgd(0.001)), says=SLOW),
    Wrong(name="Adam, too slow", answer=building(optimizer_of=adam(0.0001)), says=SLOW),
    Wrong(
        name="a rate far too high",
        answer=building(optimizer_of=sgd(2.0)),
        fails="step",
        says=r"the line step is off: the first step changes \S+ by \S+ of itself",
    ),
    Wrong(
        name="larger columns",
        answer=building(first=[Times()], optimizer_of=adam(0.003)),
        fails="other lines",
        says=r"On wine, 3 classes, the line rows is off: .* What did you change besides\?",
    ),
    Wrong(
        name="three outputs",
        answer=building(outputs=3),
        fails="outputs",
        says=r"On breast masses, 2 classes, the network has 3 outputs a row",
    ),
    Wrong(
        name="labels shuffled",
        answer=building(labels=lambda y: y[torch.randperm(len(y))], hidden=64),
        fails="score",
        says=r"the accuracy on held-out rows is 0\.\d+ after 15 passes; expected at least 0\.85",
    ),
    Wrong(name="one hidden unit", answer=building(hidden=1)),
    Wrong(name="far too much decay", answer=building(optimizer_of=decaying)),
)
