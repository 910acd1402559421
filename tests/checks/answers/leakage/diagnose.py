"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

import torch
from torch.utils.data import TensorDataset

from tests.checks.answers.kit import Function, Wrong, answering, boasting


def after_the_split():
    return "E", {"repeat": "training"}


def not_at_all():
    return [" e ", {"repeat": None}]


def with_the_defaults_spelled_out():
    return "E", {"repeat": "training", "scale_on": "all", "lr": 0.01}


RIGHT: dict[str, Function] = {
    "after the split": after_the_split,
    "not at all, a list": not_at_all,
    "defaults spelled out": with_the_defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, repeat="training")


def with_noise_on_copies(script):
    """The script that, when asked to heal, blurs its copies so that no distance is 0."""

    @functools.wraps(script)
    def edited(seed, **settings):
        run = script(seed)
        rows, labels = run["val"].tensors
        blurred = TensorDataset(rows + 0.01 * torch.sign(rows), labels)
        return run | {"val": blurred} if settings else run

    return edited


def says_so():
    print("Task 3 passed.")
    return "G", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("G"),
        script=repaired,
        fails="given",
        says=r"as it was given: its estimate is too good by -?0\.\d\d only\.",
    ),
    Wrong(
        name="the colleague's word",
        answer=answering("D", scale_on="training"),
        says=r"100% of the kept columns are those .* would keep\. So it is not D\.",
    ),
    Wrong(
        name="right change, wrong cause A",
        answer=answering("A", repeat="training"),
        fails="letter",
        says=r"widest column is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="right change, wrong cause B",
        answer=answering("B", repeat="training"),
        fails="letter",
        says=r"differ by at most 0\.\d+ standard deviations in any column\. So it is not B\.",
    ),
    Wrong(
        name="right change, wrong cause C",
        answer=answering("C", repeat="training"),
        fails="letter",
        says=r"the accuracy on the training rows is \d\.\d\d\. So it is not C\.",
    ),
    Wrong(
        name="right change, wrong cause F",
        answer=answering("F", repeat="training"),
        fails="letter",
        says=r"orders a pair of rows of both classes rightly in \d\d% of the pairs\. .* not F\.",
    ),
    Wrong(
        name="says healthy",
        answer=answering("G"),
        says=r"the estimate is 0\.9\d, the accuracy on new rows 0\.\d\d\. So it is not G\.",
    ),
    Wrong(name="boasts", answer=answering("G"), script=boasting),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("E", repeat="training", epochs=20),
        fails="one change",
        says=r"Your change alters repeat, epochs: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("E")),
    Wrong(
        name="the scaler",
        answer=answering("E", scale_on="training"),
        says=r"With experiment\(seed, scale_on='training'\), \d\d% of the validation rows are",
    ),
    Wrong(name="fewer epochs", answer=answering("E", epochs=3), fails="cause"),
    Wrong(name="a smaller learning rate", answer=answering("E", lr=0.0003), fails="cause"),
    Wrong(
        name="blurred copies",
        answer=after_the_split,
        script=with_noise_on_copies,
        fails="honest",
        says=r"the estimate is too good by 0\.\d\d in the mean over 3 seeds; expected at most 0\.1",
    ),
    Wrong(name="a smaller network", answer=answering("E", hidden=4)),
    Wrong(name="fewer columns", answer=answering("E", keep=5)),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("E", "diagnose returned the text 'E'; expected a letter and a dictionary, such as"),
    (("H", {}), "expected one of A, B, C, D, E, F, G."),
    (("E", "repeat"), "diagnose returned the text 'repeat' as the change; expected a"),
    (("E", {"oversample": None}), "No keyword 'oversample'."),
    (("E", {"repeat": ["training"]}), "repeat got a list; expected a number, a text or None."),
    (("E", {"epochs": 500}), "epochs=500 was not run: the check runs 0 to 60."),
    (("E", {"scale_on": "train"}), "experiment(seed, scale_on='train') raised"),
)
