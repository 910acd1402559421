"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

import torch
from torch.utils.data import TensorDataset

from tests.checks.answers.kit import Function, Wrong, answering, boasting


def the_mark():
    return "D", {"na": 888}


def as_a_list():
    return [" d ", {"na": 888.0}]


def defaults_spelled_out():
    letter = "D"
    change = {"lr": 0.1, "na": 888, "clip": 3.0}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "the mark": the_mark,
    "a list, another case": as_a_list,
    "defaults spelled out": defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, na=888)


def unlearning(script):
    """The mark is gone from the script, and so is all training."""
    return functools.partial(script, na=888, lr=0.0)


def with_other_labels(script):
    """The script whose labels were moved by one row."""

    @functools.wraps(script)
    def edited(seed, **settings):
        found = script(seed, **settings)
        x, y = found["train"].tensors
        return found | {"train": TensorDataset(x, torch.roll(y, 1))}

    return edited


def says_so():
    print("Task 3 passed.")
    return "F", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("F"),
        script=repaired,
        fails="given",
        says=r"as it was given: it reaches an accuracy of 0\.\d\d on seed \d+\.",
    ),
    Wrong(name="edited, and learns nothing", answer=the_mark, script=unlearning),
    Wrong(
        name="other labels",
        answer=the_mark,
        script=with_other_labels,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("F"), script=boasting),
    Wrong(
        name="the colleague's word, and the right change",
        answer=answering("A", na=888),
        fails="letter",
        says=r"the widest column is 1\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="another rate",
        answer=answering("B", lr=1.0),
        says=r"You answered B\. .* Tried on seed \d+: lr=1, lr=0\.01; the best accuracy is 0\.\d+,",
    ),
    Wrong(
        name="not a number",
        answer=answering("C", na=888),
        fails="letter",
        says=r": 0 values that enter the network are NaN\. So it is not C\.",
    ),
    Wrong(
        name="labels",
        answer=answering("E", na=888),
        fails="letter",
        says=r": for \d\d% of the rows the nearest one has another label.* So it is not E\.",
    ),
    Wrong(
        name="says healthy",
        answer=answering("F"),
        says=r"the accuracy on held-out rows is 0\.\d\d\. So it is not F\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("D", na=888, scaler="robust"),
        fails="one change",
        says=r"Your change alters na, scaler: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("D")),
    Wrong(
        name="another number",
        answer=answering("D", na=0),
        says=r"With experiment\(seed, na=0\), the accuracy .* expected at least 0\.8\.",
    ),
    Wrong(
        name="the lesson's number",
        answer=answering("D", na=999),
        says=r"With experiment\(seed, na=999\), the accuracy .* expected at least 0\.8\.",
    ),
    Wrong(name="means", answer=answering("D", fill="mean")),
    Wrong(name="more epochs", answer=answering("D", epochs=45)),
    Wrong(name="a wider network", answer=answering("D", hidden=128)),
    Wrong(
        name="a robust scaler",
        answer=answering("D", scaler="robust"),
        fails="cause",
        says=r"but after filling, one and the same number stands in 13 of 13 columns\.",
    ),
    Wrong(
        name="the mark, and no training",
        answer=answering("D", na=888),
        script=lambda script: functools.partial(script, epochs=0),
        fails="heals",
        says=r"With experiment\(seed, na=888\), the accuracy on held-out rows is 0\.\d+",
    ),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("D", "diagnose returned the text 'D'; expected a letter and a dictionary, such as"),
    (("G", {}), "expected one of A, B, C, D, E, F."),
    (("D", 888), "as the change; expected a dictionary of one keyword and its value"),
    (("D", {"mark": 888}), "No keyword 'mark'."),
    (("D", {"na": "888"}), "na got the text '888'; expected a number or None."),
    (("D", {"na": [888]}), "na got a list; expected a number, a text or None."),
    (("D", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 60."),
    (("D", {"scaler": "quantile"}), "experiment(seed, scaler='quantile') raised"),
)
