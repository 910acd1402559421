"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def none_at_all():
    return "C", {"penalty": 0.0}


def as_a_list():
    return [" c ", {"penalty": 0}]


def a_little():
    letter = "C"
    change = {"penalty": 0.005, "dropout": 0.2}  # the second one changes nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "none at all": none_at_all,
    "a list, another case": as_a_list,
    "a little, and a default spelled out": a_little,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, penalty=0.0)


def says_so():
    print("Task 3 passed.")
    return "G", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("G"),
        script=repaired,
        fails="given",
        says=r"as it was given: it reaches an accuracy of 0\.\d\d on seed \d+\.",
    ),
    Wrong(
        name="other images",
        answer=none_at_all,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("G"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("F", hidden=256),
        says=r"hidden=128, hidden=256; .* while as the script was given it is 0\.\d\d\. So",
    ),
    Wrong(name="too small, and the right change", answer=answering("F", penalty=0), fails="letter"),
    Wrong(
        name="scales",
        answer=answering("A", penalty=0),
        fails="letter",
        says=r"the widest input is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="steps too large",
        answer=answering("B", penalty=0),
        fails="letter",
        says=r"the first step moves the weights by 0\.0\d+ times their size\. So it is not B\.",
    ),
    Wrong(
        name="dropout",
        answer=answering("D", dropout=0.0),
        says=r"of what reaches the last layer in training, 63% is zero; ReLU alone makes 54%\. So",
    ),
    Wrong(
        name="by heart",
        answer=answering("E", penalty=0.001),
        fails="letter",
        says=r"the accuracy is 0\.\d\d on the training rows and 0\.\d\d on held-out ones\. So it",
    ),
    Wrong(
        name="says healthy",
        answer=answering("G"),
        says=r"the accuracy on held-out rows is 0\.\d\d\. So it is not G\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("C", penalty=0, dropout=0),
        fails="one change",
        says=r"Your change alters penalty, dropout: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("C")),
    Wrong(
        name="two fifths of it",
        answer=answering("C", penalty=0.02),
        fails="heals",
        says=r"With experiment\(seed, penalty=0\.02\), the accuracy .* expected at least 0\.7\.",
    ),
    Wrong(name="a smaller rate", answer=answering("C", lr=0.02), fails="heals"),
    Wrong(name="a larger rate", answer=answering("C", lr=0.5), fails="heals"),
    Wrong(name="more epochs", answer=answering("C", epochs=16), fails="heals"),
    Wrong(name="raw pixels", answer=answering("C", divide_by=1.0), fails="heals"),
    Wrong(name="brighter images", answer=answering("C", divide_by=4.0), fails="heals"),
    Wrong(name="all rows in one batch", answer=answering("C", batch_size=400), fails="heals"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE: tuple[tuple[object, str], ...] = (
    ("C", "diagnose returned the text 'C'; expected a letter and a dictionary, such as"),
    (("H", {}), "expected one of A, B, C, D, E, F, G."),
    (("C", "penalty"), "diagnose returned the text 'penalty' as the change; expected a"),
    (("C", {"weight_decay": 0}), "No keyword 'weight_decay'."),
    (("C", {"penalty": None}), "penalty got None; expected a number."),
    (("C", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 30."),
    (("C", {"hidden": 1.5}), "experiment(seed, hidden=1.5) raised"),
)
