"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from torch.utils.data import TensorDataset

from tests.checks.answers.kit import Function, Wrong, answering, boasting


def plain():
    return "C", {"batchnorm": "input"}


def as_a_list():
    return [" c ", {"batchnorm": "input"}]


def with_the_defaults_spelled_out():
    letter = "C"
    change = {"lr": 0.1, "clip": None, "batchnorm": "input"}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "a pair": plain,
    "a list, another case": as_a_list,
    "defaults spelled out": with_the_defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand: scaled rows reach the network."""
    return functools.partial(script, batchnorm="input")


def with_scaled_tensors(script):
    """The script made to hand over standardised rows, whatever it trained on."""

    @functools.wraps(script)
    def edited(seed, **settings):
        run = script(seed, **settings)
        rows, labels = run["train"].tensors
        return run | {"train": TensorDataset((rows - rows.mean(0)) / rows.std(0), labels)}

    return edited


def says_so():
    print("Task 3 passed.")
    return "E", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("E"),
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
        script=repaired,
    ),
    Wrong(
        name="boasts",
        answer=answering("E"),
        script=boasting,
        says=r"it reaches an accuracy of 0\.97 on seed \d+\.",
    ),
    Wrong(name="hands over other rows", answer=plain, script=with_scaled_tensors),
    Wrong(
        name="says healthy",
        answer=answering("E"),
        says=r"is 0\.63, and 0\.63 of these rows are of the larger class\. So it is not E\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="right change, wrong cause B",
        answer=answering("B", batchnorm="input"),
        fails="letter",
        says=r"moved the first layer's weights by \d+ times their size\. So it is not B\.",
    ),
    Wrong(
        name="right change, wrong cause A",
        answer=answering("A", batchnorm="input"),
        fails="letter",
        says=r"You answered A\. Measured on seed \d+: at least \d\d% of the rows .* it is not A\.",
    ),
    Wrong(
        name="right change, wrong cause D",
        answer=answering("D", batchnorm="input"),
        fails="letter",
        says=r"differ by at most 0\.\d+ standard deviations in any column\. So it is not D\.",
    ),
    Wrong(
        name="two changes",
        answer=answering("C", batchnorm="input", epochs=16),
        fails="one change",
        says=r"Your change alters batchnorm, epochs: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("C")),
    Wrong(
        name="cut to one",
        answer=answering("C", clip=1.0),
        fails="heals",
        says=r"clip=1\.0\), the accuracy .* is 0\.\d\d on seed \d+; expected at least 0\.85\.",
    ),
    Wrong(name="more epochs", answer=answering("C", epochs=40)),
    Wrong(name="wider", answer=answering("C", hidden=256)),
    Wrong(
        name="BatchNorm elsewhere",
        answer=answering("C", batchnorm="hidden"),
        fails="cause",
        says=r"is 0\.9\d, but .* widest column is \d+00 times .* still there\.",
    ),
    Wrong(name="smaller learning rate", answer=answering("C", lr=0.001), fails="cause"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("C", "diagnose returned the text 'C'; expected a letter and a dictionary, such as (\"A\""),
    (None, "diagnose returned None; expected a letter"),
    (("the scale", {}), "diagnose returned the text 'the scale' as the letter; expected one"),
    (("F", {}), "expected one of A, B, C, D, E."),
    ((float("nan"), {}), "diagnose returned a float as the letter"),
    (("C", "batchnorm"), "diagnose returned the text 'batchnorm' as the change; expected a"),
    (("C", {"learning_rate": 1.0}), "No keyword 'learning_rate'."),
    (("C", {"lr": [1.0]}), "lr got a list; expected a number, a text or None."),
    (("C", {"epochs": 5000}), "epochs=5000 was not run: the check runs 0 to 100."),
    (("C", {"lr": "fast"}), "experiment(seed, lr='fast') raised"),
)
