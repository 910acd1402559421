"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def new_targets(build, fit, loss_fn, x, y):
    dealt = y[torch.randperm(len(y))]
    model = build()
    fit(model, x, dealt)
    model.eval()
    with torch.no_grad():
        return loss_fn(model(x), dealt).item()


def new_rows(build, fit, loss_fn, x, y):
    model = build()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(3))
    fit(model, x[order], y)
    return loss_fn(model.eval()(x[order]), y)


def a_copy_shuffled(build, fit, loss_fn, x, y):
    numbers = y.clone().numpy()
    torch.manual_seed(1)
    numbers[:] = numbers[torch.randperm(len(numbers)).numpy()]
    dealt = torch.tensor(numbers)
    model = build()
    fit(model, x, dealt)
    model.train(False)
    return loss_fn(model(x), dealt).detach().numpy()


def compared(build, fit, loss_fn, x, y):
    with_true = build()
    fit(with_true, x, y)
    dealt, model = y[torch.randperm(len(y))], build()
    for _ in range(3):
        fit(model, x, dealt)
    print(loss_fn(with_true.eval()(x), y).item())
    return loss_fn(model.eval()(x), dealt).item()


def compared_afterwards(build, fit, loss_fn, x, y):
    dealt, model = y[torch.randperm(len(y))], build()
    fit(model, x, dealt)
    lowest = loss_fn(model.eval()(x), dealt).item()
    with_true = build()
    fit(with_true, x, y)
    print(loss_fn(with_true.eval()(x), y).item())
    return lowest


def built_together(build, fit, loss_fn, x, y):
    model, with_true = build(), build()
    fit(with_true, x, y)
    order = torch.randperm(len(y))
    fit(model, x, y[order])
    return loss_fn(model.eval()(x), y[order])


RIGHT: dict[str, Function] = {
    "compared afterwards": compared_afterwards,
    "built together": built_together,
    "targets in a new order": new_targets,
    "rows in a new order": new_rows,
    "a copy in numpy": a_copy_shuffled,
    "longer, and beside one with the true targets": compared,
}


def dealing(deal, judge=None, mode="eval", train=True):
    """The right answer with another way of dealing, judging or asking."""

    def by_lot(build, fit, loss_fn, x, y):
        model = build()
        rows, dealt = deal(x, y)
        if train:
            fit(model, rows, dealt)
        model.train(mode == "train")
        with torch.no_grad():
            return loss_fn(model(rows), dealt if judge is None else judge(y)).item()

    return by_lot


def lot(x, y):
    return x, y[torch.randperm(len(y))]


def as_they_are(x, y):
    return x, y


def together(x, y):
    order = torch.randperm(len(y))
    return x[order], y[order]


def turned_round(x, y):
    return x, y.flip(0)


def one_on(x, y):
    return x, y.roll(1)


def a_quarter_on(x, y):
    return x, y.roll(len(y) // 4)


def half_way_on(x, y):
    return x, y.roll(len(y) // 2)


def drawn_again(x, y):
    return x, y[torch.randint(len(y), (len(y),))]


def made_up(x, y):
    return x, torch.randn(len(y)) if y.is_floating_point() else torch.randint(3, (len(y),))


def made_up_numbers(x, y):
    return x, torch.randn_like(y)  # raises an error where y are classes


def a_part(x, y):
    return x[:50], y[torch.randperm(len(y))[:50]]


def by_the_true_ones(build, fit, loss_fn, x, y):
    model, with_true = build(), build()
    fit(model, x, y[torch.randperm(len(y))])
    fit(with_true, x, y)
    return loss_fn(with_true.eval()(x), y).item()


def with_other_losses(build, fit, loss_fn, x, y):
    usual = nn.MSELoss() if y.is_floating_point() else nn.CrossEntropyLoss()
    return new_targets(build, fit, usual, x, y)


def true_ones_first(build, fit, loss_fn, x, y):
    model = build()
    fit(model, x, y)
    dealt = y[torch.randperm(len(y))]
    fit(model, x, dealt)
    return loss_fn(model.eval()(x), dealt).item()


def in_place(build, fit, loss_fn, x, y):
    y[:] = y[torch.randperm(len(y))]
    model = build()
    fit(model, x, y)
    model.eval()
    with torch.no_grad():
        return loss_fn(model(x), y).item()


def untrained(build, fit, loss_fn, x, y):
    model = build()
    model.eval()
    with torch.no_grad():
        return loss_fn(model(x), y[torch.randperm(len(y))]).item()


def says_so(build, fit, loss_fn, x, y):
    print("Task 2 passed.")
    return 0.0


WRONG = (
    Wrong(
        name="true targets",
        answer=dealing(as_they_are),
        fails="pairs",
        says=r"On diabetes, the targets that fit got still go .*: a correlation of 1, whatever",
    ),
    Wrong(name="rows and targets together", answer=dealing(together), fails="pairs"),
    Wrong(name="turned round", answer=dealing(turned_round), fails="pairs"),
    Wrong(name="moved on by one", answer=dealing(one_on), fails="pairs"),
    Wrong(
        name="moved on by half",
        answer=dealing(half_way_on),
        fails="pairs",
        says=r"a correlation of 0\.40?, whatever its sign; expected less than 0\.33\.",
    ),
    Wrong(
        name="moved on by a quarter",
        answer=dealing(a_quarter_on),
        fails="pairs",
        says=r"in the order of the true ones in stretches: a correlation of .* between neighbours",
    ),
    Wrong(name="the loss of the true targets", answer=by_the_true_ones, fails="pairs"),
    Wrong(name="the usual losses", answer=with_other_losses, fails="loss"),
    Wrong(
        name="drawn with repetition",
        answer=dealing(drawn_again),
        fails="numbers",
        says=r"On diabetes, fit got other rows or targets than those that were handed over\.",
    ),
    Wrong(name="made up", answer=dealing(made_up), fails="numbers"),
    Wrong(
        name="made up, for numbers only",
        answer=dealing(made_up_numbers),
        fails="numbers",
        says=r"On diabetes, fit got other .* Each must be there once\.",
    ),
    Wrong(name="a part of the rows", answer=dealing(a_part), fails="numbers"),
    Wrong(
        name="judged on the true targets",
        answer=dealing(lot, judge=lambda y: y),
        fails="loss",
        says=r"On diabetes, \d\.\d+ came back; the model that was trained last has a loss of \d",
    ),
    Wrong(name="in training mode", answer=dealing(lot, mode="train"), fails="loss"),
    Wrong(
        name="another deal to judge by",
        answer=dealing(lot, judge=lambda y: y[torch.randperm(len(y))]),
        fails="loss",
    ),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On diabetes, by_lot changed y in place\.",
    ),
    Wrong(
        name="not trained",
        answer=untrained,
        fails="trained",
        says=r"On diabetes, no model of build\(\) was trained with fit\(\)\.",
    ),
    Wrong(
        name="the true targets first",
        answer=true_ones_first,
        fails="new",
        says=r"On diabetes, the model was trained on other targets before\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="trained"),
)
