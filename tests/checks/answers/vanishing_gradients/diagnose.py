"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def no_decay():
    return "E", {"decay": 1.0}


def as_a_list():
    return [" e ", {"decay": 1}]


def slow_decay():
    letter = "E"
    change = {"lr": 0.1, "init": "xavier", "decay": 0.995}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "no decay": no_decay,
    "a list, another case": as_a_list,
    "a slow decay, defaults spelled out": slow_decay,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, decay=1.0)


def modest(script):
    """The script repaired, and made to hide how well it does."""

    @functools.wraps(script)
    def edited(seed, **settings):
        run = script(seed, **({"decay": 1.0} | settings))
        return run | {"accuracy": run["accuracy"] if settings else 0.4}

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
    Wrong(name="boasts", answer=answering("F"), script=boasting, fails="given"),
    Wrong(
        name="other images",
        answer=no_decay,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(
        name="repaired in secret",
        answer=no_decay,
        script=modest,
        says=r"its weights travel in another way on seed \d+\.",
    ),
    Wrong(
        name="the colleague's word",
        answer=answering("C", decay=1.0),
        fails="letter",
        says=r"You answered C\. .* first layer is \d.* times that of the last\. So it is not C\.",
    ),
    Wrong(
        name="too large",
        answer=answering("D", decay=1.0),
        fails="letter",
        says=r"no epoch moved the weights by more than 0\.0\d+ times their size\. .* not D\.",
    ),
    Wrong(
        name="scales",
        answer=answering("A", decay=1.0),
        fails="letter",
        says=r"the widest input is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="held-out rows",
        answer=answering("B", decay=1.0),
        fails="letter",
        says=r"agree in their mean and spread to within 0\.\d+ standard deviations\. .* not B\.",
    ),
    Wrong(
        name="says healthy",
        answer=answering("F"),
        says=r"the accuracy on held-out rows is 0\.\d\d\. So it is not F\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("E", decay=1.0, epochs=10),
        fails="one change",
        says=r"Your change alters decay, epochs: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("E")),
    Wrong(
        name="more epochs",
        answer=answering("E", epochs=12),
        fails="heals",
        says=r"With experiment\(seed, epochs=12\), the accuracy .* expected at least 0\.85\.",
    ),
    Wrong(name="a larger learning rate", answer=answering("E", lr=0.5), fails="heals"),
    Wrong(name="a much larger one", answer=answering("E", lr=3.0), fails="heals"),
    Wrong(name="momentum", answer=answering("E", momentum=0.9), fails="heals"),
    Wrong(name="BatchNorm", answer=answering("E", batchnorm=True), fails="heals"),
    Wrong(name="ReLU", answer=answering("E", activation="relu"), fails="heals"),
    Wrong(name="fewer layers", answer=answering("E", depth=2), fails="heals"),
    Wrong(name="half the decay", answer=answering("E", decay=0.9), fails="heals"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("E", "diagnose returned the text 'E'; expected a letter and a dictionary, such as"),
    (("G", {}), "expected one of A, B, C, D, E, F."),
    (("E", "decay"), "diagnose returned the text 'decay' as the change; expected a"),
    (("E", {"gamma": 1.0}), "No keyword 'gamma'."),
    (("E", {"decay": [1.0]}), "decay got a list; expected a number, a text or None."),
    (("E", {"epochs": 500}), "epochs=500 was not run: the check runs 0 to 30."),
    (("E", {"decay": "slow"}), "experiment(seed, decay='slow') raised"),
)
