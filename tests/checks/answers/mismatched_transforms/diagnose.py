"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting


def plain():
    return "D", {"keep_start": False}


def as_a_list():
    return [" d ", {"keep_start": False}]


def with_the_defaults_spelled_out():
    return "D", {"lr": 0.1, "refit_in_use": False, "keep_start": False}


RIGHT: dict[str, Function] = {
    "a pair": plain,
    "a list, another case": as_a_list,
    "defaults spelled out": with_the_defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, keep_start=False)


def says_so():
    print("Task 3 passed.")
    return "A", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("E"),
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
        script=repaired,
    ),
    Wrong(name="boasts", answer=answering("E"), script=boasting),
    Wrong(name="says healthy", answer=answering("E")),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="the lesson's own failure",
        answer=answering("A", keep_start=False),
        fails="letter",
        says=r"You answered A\. .* differ by at most 0\.\d+ standard deviations .* it is not A\.",
    ),
    Wrong(name="guessed from the file name", answer=answering("A", refit_in_use=True)),
    Wrong(
        name="right change, wrong cause B",
        answer=answering("B", keep_start=False),
        fails="letter",
        says=r"moved the first layer's weights by \d+ times their size\. So it is not B\.",
    ),
    Wrong(
        name="right change, wrong cause C",
        answer=answering("C", keep_start=False),
        fails="letter",
        says=r"at least \d\d% of the rows .* So it is not C\.",
    ),
    Wrong(
        name="two changes",
        answer=answering("D", keep_start=False, epochs=16),
        fails="one change",
        says=r"Your change alters keep_start, epochs: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("D")),
    Wrong(
        name="a scale set in use",
        answer=answering("D", refit_in_use=True),
        fails="heals",
        says=r"refit_in_use=True\), the accuracy .* is 0\.6\d on seed \d+; expected at least",
    ),
    Wrong(name="more epochs", answer=answering("D", epochs=30)),
    Wrong(name="wider", answer=answering("D", hidden=128)),
    Wrong(
        name="a smaller learning rate",
        answer=answering("D", lr=0.001),
        fails="cause",
        says=r"is 0\.[89]\d, but .* widest column is \d+00 times .* still there\.",
    ),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("D", "diagnose returned the text 'D'; expected a letter and a dictionary, such as (\"A\""),
    (("F", {}), "expected one of A, B, C, D, E."),
    (("D", {"keep": False}), "No keyword 'keep'."),
    (("D", {"keep_start": [False]}), "keep_start got a list; expected a number, a text or None."),
    (("D", {"epochs": 5000}), "epochs=5000 was not run: the check runs 0 to 100."),
)
