"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def no_softmax():
    return "F", {"ends_in": "logits"}


def as_a_list():
    return [" f ", {"ends_in": "logits", "lr": 0.1}]  # the rate is the script's own


def with_logarithms():
    letter = "F"
    return letter, {"ends_in": "log-probabilities"}


RIGHT: dict[str, Function] = {
    "no softmax": no_softmax,
    "a list, another case, a default spelled out": as_a_list,
    "log-probabilities": with_logarithms,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, ends_in="logits")


def hurried(script):
    """The script as the colleague repairs it: a larger rate."""
    return functools.partial(script, lr=1.0)


def slowed(script):
    """The script with another rate in its cell: it learns too little to be healed by one change."""
    return functools.partial(script, lr=0.001)


def modest(script):
    """The script repaired, and made to hide how well it does."""

    @functools.wraps(script)
    def edited(seed, **settings):
        run = script(seed, **({"ends_in": "logits"} | settings))
        return run | {"accuracy": run["accuracy"] if settings else 0.4}

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
        says=r"as it was given: it reaches an accuracy of 0\.\d\d on seed \d+\.",
    ),
    Wrong(name="edited to be fast", answer=answering("E"), script=hurried),
    Wrong(
        name="edited to be slow",
        answer=no_softmax,
        script=slowed,
        fails="heals",
        says=r"With experiment\(seed, ends_in='logits'\), the accuracy .* at least 0\.85\.",
    ),
    Wrong(name="boasts", answer=answering("G"), script=boasting),
    Wrong(
        name="other images",
        answer=no_softmax,
        script=with_other_images,
        fails="given",
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(
        name="repaired in secret",
        answer=no_softmax,
        script=modest,
        says=r"something else reaches the loss on seed \d+\.",
    ),
    Wrong(
        name="the colleague's word",
        answer=answering("E", lr=1.0),
        says=r"You answered E\. .* the last epoch moved the weights by 0\.0\d+ times their size; "
        r"and what the loss gets .* So it is not E\.",
    ),
    Wrong(
        name="vanishing",
        answer=answering("C", ends_in="logits"),
        fails="letter",
        says=r"first layer is \d\.?\d* times that of the last\. So it is not C\.",
    ),
    Wrong(
        name="too large",
        answer=answering("D", ends_in="logits"),
        fails="letter",
        says=r"no epoch moved the weights by more than 0\.\d+ times their size\. .* not D\.",
    ),
    Wrong(
        name="scales",
        answer=answering("A", ends_in="logits"),
        fails="letter",
        says=r"the widest input is \d\.?\d* times that of the middle one\. So it is not A\.",
    ),
    Wrong(
        name="held-out rows",
        answer=answering("B", ends_in="logits"),
        fails="letter",
        says=r"agree in their mean and spread to within 0\.\d+ standard deviations\. .* not B\.",
    ),
    Wrong(name="says healthy", answer=answering("G")),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("F", ends_in="logits", epochs=10),
        fails="one change",
        says=r"Your change alters ends_in, epochs: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("F")),
    Wrong(
        name="a larger rate",
        answer=answering("F", lr=1.0),
        fails="cause",
        says=r"With experiment\(seed, lr=1\.0\), the accuracy on seed \d+ is 0\.9\d, but what the "
        r"loss gets lies between .* costs 1\.5 if it is right\. The cause is still there\.",
    ),
    Wrong(name="Adam", answer=answering("F", optimizer="adam"), fails="cause"),
    Wrong(name="momentum", answer=answering("F", momentum=0.9), fails="cause"),
    Wrong(
        name="a smaller rate",
        answer=answering("F", lr=0.01),
    ),
    Wrong(name="one layer", answer=answering("F", depth=1)),
    Wrong(name="ReLU", answer=answering("F", activation="relu")),
    Wrong(name="raw pixels", answer=answering("F", divide_by=1.0), fails="cause"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE = (
    ("F", "diagnose returned the text 'F'; expected a letter and a dictionary, such as"),
    (("H", {}), "expected one of A, B, C, D, E, F, G."),
    (("F", "logits"), "diagnose returned the text 'logits' as the change; expected a"),
    (("F", {"last": "logits"}), "No keyword 'last'."),
    (("F", {"lr": [1.0]}), "lr got a list; expected a number, a text or None."),
    (("F", {"epochs": 500}), "epochs=500 was not run: the check runs 0 to 30."),
    (("F", {"ends_in": "numbers"}), "experiment(seed, ends_in='numbers') raised"),
)
