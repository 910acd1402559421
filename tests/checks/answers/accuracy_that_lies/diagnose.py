"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def mixed():
    return "F", {"mix": True}


def all_rows():
    return ["f", {"limit": 1078}]


def a_slice_of_all():
    return "F", {"limit": 1797}  # the script stops at the last row


def nearly_all_rows():
    return "F", {"limit": 1050}


def defaults_spelled_out():
    letter = "F"
    change = {"lr": 0.3, "mix": True, "limit": 700}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "mixed": mixed,
    "all rows": all_rows,
    "a slice of all": a_slice_of_all,
    "nearly all rows": nearly_all_rows,
    "defaults spelled out": defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, mix=True)


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
        answer=mixed,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("G"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("D", limit=900),
        says=r"You answered D\. .* stands among the training rows, 0\.9\d are named rightly.* D\.",
    ),
    Wrong(name="too few rows, and a right change", answer=answering("D", mix=True), fails="letter"),
    Wrong(
        name="scales",
        answer=answering("A", mix=True),
        fails="letter",
        says=r"the widest input is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="not learnt",
        answer=answering("B", mix=True),
        fails="letter",
        says=r"the accuracy on the training rows is 0\.9\d\. So it is not B\.",
    ),
    Wrong(
        name="sorted batches",
        answer=answering("C", mix=True),
        fails="letter",
        says=r"the most frequent class makes up 0\.2\d of a batch\. So it is not C\.",
    ),
    Wrong(
        name="rare",
        answer=answering("E", mix=True),
        fails="letter",
        says=r"the rarest of the classes that stand among the training rows has 0\.07 of them",
    ),
    Wrong(
        name="says healthy",
        answer=answering("G"),
        says=r"the accuracy on validation rows is 0\.\d\d\. So it is not G\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("F", mix=True, epochs=10),
        fails="one change",
        says=r"Your change alters mix, epochs: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("F")),
    Wrong(
        name="more epochs",
        answer=answering("F", epochs=12),
        says=r"With experiment\(seed, epochs=12\), the accuracy .* expected at least 0\.8\.",
    ),
    Wrong(name="a wider network", answer=answering("F", hidden=128)),
    Wrong(name="batches not shuffled", answer=answering("F", shuffle=False)),
    Wrong(name="half of the rows", answer=answering("F", limit=350)),
    Wrong(
        name="more rows",
        answer=answering("F", limit=900),
        fails="cause",
        says=r"With experiment\(seed, limit=900\), .* but no training row is of class 9\.",
    ),
    Wrong(
        name="one row of the last class",
        answer=answering("F", limit=971),
        fails="each class",
        says=r"limit=971\), the accuracy on seed 109 is 0\.8\d, but of the validation rows of "
        r"class 9 only 0\.00 are found; expected at least 0\.5\. Of the 971 training rows, 1 is of "
        r"this class: F has become E\. Hint",
    ),
    Wrong(name="ten rows of it", answer=answering("F", limit=980), fails="each class"),
    Wrong(name="twenty rows of it", answer=answering("F", limit=990), fails="each class"),
    Wrong(
        name="thirty rows of it, three in a hundred",
        answer=answering("F", limit=1000),
        fails="each class",
        says=r"Of the 1000 training rows, 30 are of this class\. Hint",
    ),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("F", "diagnose returned the text 'F'; expected a letter and a dictionary, such as"),
    (("H", {}), "expected one of A, B, C, D, E, F, G."),
    (("F", "mix"), "diagnose returned the text 'mix' as the change; expected a"),
    (("F", {"stratify": True}), "No keyword 'stratify'."),
    (("F", {"limit": [1]}), "limit got a list; expected a number, a text or None."),
    (("F", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 30."),
    (("F", {"limit": 0}), "limit=0 was not run: the check runs 32 to 10000."),
)
