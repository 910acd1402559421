"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def a_tenth():
    return "D", {"lr": 0.4}


def as_a_list():
    return [" d ", {"lr": 0.2}]


def defaults_spelled_out():
    letter = "D"
    change = {"lr": 0.3, "decay": 0.5, "clip": None}  # two of them change nothing
    return letter, change


RIGHT: dict[str, Function] = {
    "a tenth": a_tenth,
    "a list, another case": as_a_list,
    "defaults spelled out": defaults_spelled_out,
    "short steps by clipping": answering("D", clip=0.1),
    "a small rate": answering("D", lr=0.1),
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, lr=0.3)


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
        answer=a_tenth,
        script=with_other_images,
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("F"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("C", lr=0.4),
        fails="letter",
        says=r"You answered C\. .*: before the first step, the gradient norm of the first layer",
    ),
    Wrong(
        name="weights",
        answer=answering("B", weight_size=0.3),
        says=r"before the first step the loss is 2\.\d, and a guess costs 2\.3\. So it is not B\.",
    ),
    Wrong(name="scales", answer=answering("A", lr=0.4), fails="letter"),
    Wrong(
        name="falls too soon",
        answer=answering("E", decay=0.75),
    ),
    Wrong(name="says healthy", answer=answering("F")),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("D", lr=0.3, clip=1.0),
        fails="one change",
        says=r"Your change alters lr, clip: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("D")),
    Wrong(
        name="more epochs",
        answer=answering("D", epochs=15),
        says=r"With experiment\(seed, epochs=15\), the accuracy .* expected at least 0\.75\.",
    ),
    Wrong(
        name="so bright that all becomes NaN",
        answer=answering("D", divide_by=1e-38),
        fails="heals",
    ),
    Wrong(name="falls faster", answer=answering("D", decay=0.2)),
    Wrong(
        name="a long limit",
        answer=answering("D", clip=1.0),
        says=r"With experiment\(seed, clip=1\.0\), .*\. The right keyword; its steps are still too "
        r"long: they kill units\. Hint: .* rate × limit",
    ),
    Wrong(
        name="a rate that is still too high",
        answer=answering("D", lr=2.0),
        says=r"The right keyword; its steps are still too long: they kill units\.",
    ),
    Wrong(
        name="no learning left",
        answer=answering("D", lr=0.001),
        fails="size",
        says=r"The right keyword; its steps are now too short for six epochs\.",
    ),
    Wrong(name="a limit that is too short", answer=answering("D", clip=0.01), fails="size"),
    Wrong(
        name="a quarter of the rate",
        answer=answering("D", lr=1.0),
        fails="cause",
        says=r"With experiment\(seed, lr=1\.0\), .* but \d+% of the hidden units are 0 for every",
    ),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("D", "diagnose returned the text 'D'; expected a letter and a dictionary, such as"),
    (("G", {}), "expected one of A, B, C, D, E, F."),
    (("D", "lr"), "diagnose returned the text 'lr' as the change; expected a"),
    (("D", {"rate": 0.1}), "No keyword 'rate'."),
    (("D", {"lr": [0.1]}), "lr got a list; expected a number, a text or None."),
    (("D", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 20."),
    (("D", {"clip": "yes"}), "experiment(seed, clip='yes') raised"),
)
