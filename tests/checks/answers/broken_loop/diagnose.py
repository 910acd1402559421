"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def each_batch():
    return "C", {"gather": 1}


def as_a_list():
    return [" c ", {"gather": 1.0}]


def defaults_spelled_out():
    letter = "C"
    change = {"lr": 0.3, "gather": 1, "clip": None}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "each batch": each_batch,
    "a list, another case": as_a_list,
    "defaults spelled out": defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, gather=1)


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
    Wrong(
        name="other images",
        answer=each_batch,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("F"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("B", lr=0.03),
        says=r"You answered B\. .*: the first step moves the weights by 0\.02\d? times",
    ),
    Wrong(
        name="the rate, and the right change",
        answer=answering("B", gather=1),
        fails="letter",
    ),
    Wrong(
        name="scales",
        answer=answering("A", gather=1),
        fails="letter",
        says=r"the widest input is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="stands still",
        answer=answering("D", gather=1),
        fails="letter",
        says=r"the layer that moved least came \d+ times its own size .* So it is not D\.",
    ),
    Wrong(
        name="sorted",
        answer=answering("E", gather=1),
        fails="letter",
        says=r"the most frequent class makes up 0\.19 of a batch\. So it is not E\.",
    ),
    Wrong(
        name="says healthy",
        answer=answering("F"),
        says=r"the accuracy on held-out rows is 0\.\d\d\. So it is not F\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("C", gather=1, lr=0.1),
        fails="one change",
        says=r"Your change alters gather, lr: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("C")),
    Wrong(
        name="more epochs",
        answer=answering("C", epochs=16),
        says=r"With experiment\(seed, epochs=16\), the accuracy .* expected at least 0\.85\.",
    ),
    Wrong(name="a wider network", answer=answering("C", hidden=128)),
    Wrong(name="sorted rows", answer=answering("C", shuffle=False)),
    Wrong(name="seldom", answer=answering("C", gather=200)),
    Wrong(
        name="a tenth of the rate",
        answer=answering("C", lr=0.03),
        fails="cause",
        says=r"With experiment\(seed, lr=0\.03\), .* but the first steps go \d+° away from",
    ),
    Wrong(name="clipping", answer=answering("C", clip=1.0), fails="cause"),
    Wrong(name="every second batch", answer=answering("C", gather=2), fails="cause"),
    Wrong(
        name="each batch, but a rate too high",
        answer=answering("C", gather=1, lr=3.0),
    ),
    Wrong(
        name="frozen",
        answer=answering("D", frozen=1),
    ),
    Wrong(name="one batch an epoch", answer=answering("C", batch_size=1078)),
    Wrong(name="no steps at all", answer=answering("C", lr=0.0), fails="heals"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("C", "diagnose returned the text 'C'; expected a letter and a dictionary, such as"),
    (("G", {}), "expected one of A, B, C, D, E, F."),
    (("C", "gather"), "diagnose returned the text 'gather' as the change; expected a"),
    (("C", {"zero_grad": 1}), "No keyword 'zero_grad'."),
    (("C", {"gather": [1]}), "gather got a list; expected a number, a text or None."),
    (("C", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 30."),
    (("C", {"gather": 0}), "gather=0 was not run: the check runs 1 to 10000."),
    (("C", {"gather": "each"}), "experiment(seed, gather='each') raised"),
)
