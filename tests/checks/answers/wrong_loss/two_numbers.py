"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def with_eye(ending, loss_fn, classes):
    labels = torch.arange(classes)
    guess = loss_fn(ending(torch.zeros(classes, classes)), labels)
    return guess, loss_fn(ending(50 * torch.eye(classes)), labels)


def one_row(ending, loss_fn, classes):
    logits = torch.zeros(1, classes)
    label = torch.tensor([0])
    guess = loss_fn(ending(logits), label).item()
    logits[0, 0] = 1000.0
    return [guess, loss_fn(ending(logits), label).item()]


def with_one_hot(ending, loss_fn, classes):
    labels = torch.randint(classes, (64,))
    sure = nn.functional.one_hot(labels, classes) * 30.0
    return torch.stack([loss_fn(ending(scale * sure), labels) for scale in (0.0, 1.0)])


def by_training(ending, loss_fn, classes):
    labels = torch.arange(classes)
    answers = torch.full((classes, classes), 3.0)
    guess = loss_fn(ending(answers), labels)
    others = torch.full((classes, classes), -40.0).fill_diagonal_(0)
    return float(guess), float(loss_fn(ending(others), labels))


def with_gradient(ending, loss_fn, classes):
    logits = torch.zeros(classes, classes, requires_grad=True)
    labels = torch.arange(classes)
    sure = logits + 50 * torch.eye(classes)
    return loss_fn(ending(logits), labels), loss_fn(ending(sure), labels)


RIGHT: dict[str, Function] = {
    "with a gradient": with_gradient,
    "eye": with_eye,
    "one row": one_row,
    "one_hot": with_one_hot,
    "other logits that say the same": by_training,
}


def swapped(ending, loss_fn, classes):
    return with_eye(ending, loss_fn, classes)[::-1]


def without_the_ending(ending, loss_fn, classes):
    return with_eye(nn.Identity(), loss_fn, classes)


def a_one_for_certain(ending, loss_fn, classes):
    labels = torch.arange(classes)
    guess = loss_fn(ending(torch.zeros(classes, classes)), labels)
    return guess, loss_fn(ending(torch.eye(classes)), labels)


def not_quite_certain(ending, loss_fn, classes):
    labels = torch.arange(classes)
    guess = loss_fn(ending(torch.zeros(classes, classes)), labels)
    return guess, loss_fn(ending(4 * torch.eye(classes)), labels)


def infinitely_certain(ending, loss_fn, classes):
    labels = torch.arange(classes)
    sure = torch.zeros(classes, classes).fill_diagonal_(torch.inf)
    return with_eye(ending, loss_fn, classes)[0], loss_fn(ending(sure), labels)


def no_idea(ending, loss_fn, classes):
    labels = torch.arange(classes)
    none = torch.full((classes, classes), -torch.inf)
    return loss_fn(ending(none), labels), with_eye(ending, loss_fn, classes)[1]


def certain_and_wrong(ending, loss_fn, classes):
    guess, _ = with_eye(ending, loss_fn, classes)
    labels = torch.arange(classes)
    return guess, loss_fn(ending(50 * torch.eye(classes)), (labels + 1) % classes)


def by_formula(ending, loss_fn, classes):
    return math.log(classes), with_eye(ending, loss_fn, classes)[1]


def ideal(ending, loss_fn, classes):
    return with_eye(ending, loss_fn, classes)[0], 0.0


def ones_for_a_guess(ending, loss_fn, classes):
    labels = torch.arange(classes)
    guess = loss_fn(torch.full((classes, classes), 1 / classes), labels)
    return guess, with_eye(ending, loss_fn, classes)[1]


def random_for_a_guess(ending, loss_fn, classes):
    labels = torch.arange(classes)
    guess = loss_fn(ending(torch.randn(classes, classes)), labels)
    return guess, with_eye(ending, loss_fn, classes)[1]


def summed(ending, loss_fn, classes):
    guess, certain = with_eye(ending, loss_fn, classes)
    return guess * classes, certain * classes


def a_softmax_of_ones_own(ending, loss_fn, classes):
    labels = torch.arange(classes)
    guess = torch.zeros(classes, classes).softmax(dim=1)
    sure = (50 * torch.eye(classes)).softmax(dim=1)
    return loss_fn(ending(guess), labels), loss_fn(ending(sure), labels)


def hard_coded(ending, loss_fn, classes):
    return 2.3, 1.46


def says_so(ending, loss_fn, classes):
    print("Task 2 passed.")
    return 0.0, 0.0


WRONG = (
    Wrong(name="swapped", answer=swapped),
    Wrong(name="without the ending", answer=without_the_ending),
    Wrong(
        name="a logit of one",
        answer=a_one_for_certain,
        fails="certain",
        says=r"On logits into CrossEntropyLoss, 10 classes, your function says that a right answer "
        r"costs 1\.5; expected 0\.",
    ),
    Wrong(name="a logit of four", answer=not_quite_certain, fails="certain"),
    Wrong(
        name="an infinite logit",
        answer=infinitely_certain,
        fails="certain",
        says=r"10 classes, your function says that a right answer costs nan; expected 0\.",
    ),
    Wrong(
        name="infinite logits alike",
        answer=no_idea,
        fails="guess",
        says=r"10 classes, your function says that a guess costs nan; expected 2\.3\.",
    ),
    Wrong(name="certain and wrong", answer=certain_and_wrong, fails="certain"),
    Wrong(
        name="the logarithm of the classes",
        answer=by_formula,
        fails="guess",
        says=r"On Softmax into a squared error, .* that a guess costs 2\.3; expected 0\.09\.",
    ),
    Wrong(name="what it should be", answer=ideal, fails="certain"),
    Wrong(name="probabilities without the ending", answer=ones_for_a_guess, fails="guess"),
    Wrong(name="random logits", answer=random_for_a_guess, fails="guess"),
    Wrong(name="a sum", answer=summed),
    Wrong(name="a softmax of one's own", answer=a_softmax_of_ones_own, fails="certain"),
    Wrong(name="hard-coded", answer=hard_coded),
    Wrong(name="prints that it passed", answer=says_so),
)
