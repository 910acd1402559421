"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def as_pytorch_has_it():
    return "D", {"momentum": 0.1}


def as_a_list():
    return [" d ", {"momentum": 0.3}]


def defaults_spelled_out():
    letter = "D"
    change = {"momentum": 0.2, "decay": 0.0, "layers": 4}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "as PyTorch has it": as_pytorch_has_it,
    "a list, another case": as_a_list,
    "defaults spelled out": defaults_spelled_out,
    "the newest batch alone": answering("D", momentum=1.0),
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, momentum=0.2)


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
        answer=as_pytorch_has_it,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("G"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("E", decay=0.3),
        says=r"You answered E\. .*: in evaluation mode the accuracy is 0\.\d\d on the training "
        r"rows and 0\.\d\d on held-out ones\. So it is not E\.",
    ),
    Wrong(
        name="the central failure of the lesson",
        answer=answering("C", momentum=0.1),
        fails="letter",
        says=r"in batches of the script's size, the partners decide \d% of what the first",
    ),
    Wrong(name="scales", answer=answering("A", momentum=0.1), fails="letter"),
    Wrong(
        name="the rate",
        answer=answering("B", lr=0.001),
        says=r"the first step moves the weights by 0\.0\d+ times their size\. So it is not B\.",
    ),
    Wrong(
        name="too few units",
        answer=answering("F", hidden=128),
        says=r"Tried on seed 110: hidden=64, hidden=128; the best accuracy is",
    ),
    Wrong(name="says healthy", answer=answering("G")),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("D", momentum=0.3, epochs=4),
        fails="one change",
        says=r"Your change alters .*: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("D")),
    Wrong(
        name="the averages even slower, as Keras counts",
        answer=answering("D", momentum=0.001),
        fails="size",
        says=r"The right keyword, and the accuracy on the training rows is 0\.\d\d in training "
        r"mode and 0\.\d\d in evaluation mode\. Hint: After n steps",
    ),
    Wrong(
        name="not far enough",
        answer=answering("D", momentum=0.02),
        fails="size",
        says=r"With experiment\(seed, momentum=0\.02\), the accuracy on held-out rows",
    ),
    Wrong(
        name="more epochs",
        answer=answering("D", epochs=12),
        fails="heals",
        says=r"With experiment\(seed, epochs=12\), the accuracy .* expected at least 0\.85\.",
    ),
    Wrong(name="weight decay", answer=answering("D", decay=0.3), fails="heals"),
    Wrong(name="a larger rate", answer=answering("D", lr=0.1), fails="heals"),
    Wrong(name="fewer layers", answer=answering("D", layers=2), fails="heals"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("D", "diagnose returned the text 'D'; expected a letter and a dictionary, such as"),
    (("H", {}), "expected one of A, B, C, D, E, F, G."),
    (("D", "momentum"), "diagnose returned the text 'momentum' as the change; expected a"),
    (("D", {"averages": 0.1}), "No keyword 'averages'."),
    (("D", {"momentum": [0.1]}), "momentum got a list; expected a number"),
    (("D", {"momentum": None}), "momentum got None; expected a number"),
    (("D", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 12."),
    (("D", {"layers": 1}), "layers=1 was not run: the check runs 2 to 6."),
)
