"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def a_larger_scale():
    return "C", {"scale": 65536}


def another_format():
    return ["c", {"layers": "bfloat16"}]


def a_larger_weight():
    return "C", {"loss_weight": 1e-3, "lr": 0.01}  # the second changes nothing


def float32():
    return "C", {"layers": "float32"}


RIGHT: dict[str, Function] = {
    "a larger scale": a_larger_scale,
    "another format": another_format,
    "a larger weight": a_larger_weight,
    "float32": float32,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, scale=2.0**20)


def says_so():
    print("Task 3 passed.")
    return "F", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("F"),
        script=repaired,
        fails="given",
        says=r"as it was given: it reaches an accuracy of 0\.9\d? on seed \d+\.",
    ),
    Wrong(
        name="other images",
        answer=a_larger_scale,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("F"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("B", lr=0.001),
        says=r"You answered B\. .*: the first step moves the weights by 0\.\d+ times",
    ),
    Wrong(
        name="the rate, and the right change", answer=answering("B", scale=2.0**16), fails="letter"
    ),
    Wrong(
        name="scales",
        answer=answering("A", scale=2.0**16),
        fails="letter",
        says=r"the widest input is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="overflow",
        answer=answering("D", scale=2.0**16),
        fails="letter",
        says=r"0 entries of gradients and weights are NaN or infinite\. So it is not D\.",
    ),
    Wrong(
        name="probabilities",
        answer=answering("E", scale=2.0**16),
        fails="letter",
        says=r"outputs of some row add up to a number that is .* away from 1\. So it is not E\.",
    ),
    Wrong(
        name="says healthy",
        answer=answering("F"),
        says=r"the accuracy on held-out rows is 0\.\d\d\. So it is not F\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("C", scale=2.0**16, lr=0.02),
        fails="one change",
        says=r"Your change alters scale, lr: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("C")),
    Wrong(
        name="more epochs",
        answer=answering("C", epochs=15),
        says=r"With experiment\(seed, epochs=15\), the accuracy .* expected at least 0\.85\.",
    ),
    Wrong(name="a lower rate", answer=answering("C", lr=0.001)),
    Wrong(name="a wider network", answer=answering("C", hidden=64)),
    Wrong(name="a smaller scale", answer=answering("C", scale=1.0)),
    Wrong(name="a scale too large", answer=answering("C", scale=2.0**50), fails="heals"),
    Wrong(
        name="a scale that hides most of it",
        answer=answering("C", scale=128),
        fails="cause",
        says=r"With experiment\(seed, scale=128\), .* The cause is still there\.",
    ),
    Wrong(name="another letter's fault as well", answer=answering("C", softmax=True)),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("C", "diagnose returned the text 'C'; expected a letter and a dictionary, such as"),
    (("G", {}), "expected one of A, B, C, D, E, F."),
    (("C", "scale"), "diagnose returned the text 'scale' as the change; expected a"),
    (("C", {"scaler": 1}), "No keyword 'scaler'."),
    (("C", {"scale": [1]}), "scale got a list; expected a number, a text or None."),
    (("C", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 20."),
    (("C", {"scale": 0}), "scale=0 was not run: the check runs"),
    (("C", {"layers": "float8"}), "experiment(seed, layers='float8') raised"),
)
