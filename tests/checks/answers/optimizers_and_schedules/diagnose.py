"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from tests.checks.answers.kit import Function, Wrong, answering, boasting, with_other_images


def adamw():
    return "E", {"method": "AdamW"}


def as_a_list():
    return [" e ", {"weight_decay": 0.001}]


def defaults_spelled_out():
    change = {"weight_decay": 0.0, "lr": 0.003}  # one of them changes nothing
    return "E", change


RIGHT: dict[str, Function] = {
    "AdamW": adamw,
    "a small decay, as a list": as_a_list,
    "no decay, and a default": defaults_spelled_out,
    "a decay of a two-hundredth": answering("E", weight_decay=0.005),
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, method="AdamW")


def says_so():
    print("Task 3 passed.")
    return "G", {}


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("G"),
        script=repaired,
        fails="given",
        says=r"as it was given: it reaches an accuracy of 0\.\d+ on seed \d+\.",
    ),
    Wrong(
        name="other images",
        answer=adamw,
        script=with_other_images,
        says=r"as it was given: other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("G"), script=boasting),
    Wrong(
        name="the colleague's word",
        answer=answering("D", method="AdamW"),
        fails="letter",
        says=r"You answered D\. .* Tried on seed \d+: lr=0\.03, lr=0\.0003; the best accuracy is",
    ),
    Wrong(
        name="too deep",
        answer=answering("C", method="AdamW"),
        fails="letter",
        says=r"You answered C\. .* the gradient norm of the first layer is .* times that of",
    ),
    Wrong(name="too small", answer=answering("F", hidden=128)),
    Wrong(name="scales", answer=answering("A", method="AdamW"), fails="letter"),
    Wrong(name="start", answer=answering("B", weight_size=0.5)),
    Wrong(name="says healthy", answer=answering("G")),
    Wrong(name="prints that it passed", answer=says_so),
    Wrong(
        name="two changes",
        answer=answering("E", method="AdamW", weight_decay=0.01),
        fails="one change",
        says=r"Your change alters method, weight_decay: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("E")),
    Wrong(
        name="more epochs",
        answer=answering("E", epochs=16),
        fails="heals",
        says=r"With experiment\(seed, epochs=16\), the accuracy .* expected at least 0\.8",
    ),
    Wrong(name="a smaller rate", answer=answering("E", lr=0.0003), fails="heals"),
    Wrong(
        name="SGD",
        answer=answering("E", method="SGD"),
        fails="method",
        says=r"all weights have 0\.96 times .*, but at this rate SGD hardly trains\.",
    ),
    Wrong(
        name="NAdam",
        answer=answering("E", method="NAdam"),
        fails="method",
        says=r"all weights have 0\.0\d+ times .* NAdam too has the decay inside the gradient\.",
    ),
    Wrong(
        name="louder data",
        answer=answering("E", divide_by=1),
        fails="heals",
        says=r"divide_by=1\), .* 0\.9\d, but the decay is as it was: in .* There are two\.",
    ),
    Wrong(name="larger weights", answer=answering("E", weight_size=4.0), fails="heals"),
    Wrong(
        name="a little less",
        answer=answering("E", weight_decay=0.08),
        fails="size",
        says=r"The keyword acts on the cause; its value does not do yet\. Hint: Compare",
    ),
    Wrong(name="more of it", answer=answering("E", weight_decay=1.0), fails="size"),
)

UNREADABLE = (
    ("E", "diagnose returned the text 'E'; expected a letter and a dictionary, such as"),
    (("H", {}), "expected one of A, B, C, D, E, F, G."),
    (("E", "AdamW"), "diagnose returned the text 'AdamW' as the change; expected a"),
    (("E", {"optimizer": "AdamW"}), "No keyword 'optimizer'."),
    (("E", {"weight_decay": [0.1]}), "weight_decay got a list; expected a number, a text or None."),
    (("E", {"epochs": 500}), "epochs=500 was not run: the check runs 1 to 20."),
    (("E", {"method": "Adamw"}), "torch.optim has no optimizer 'Adamw'; capitals count."),
    (("E", {"method": 5}), "torch.optim has no optimizer 5;"),
    (("E", {"weight_decay": None}), "weight_decay got None; expected a number."),
    (("E", {"lr": "0.01"}), "lr got the text '0.01'; expected a number."),
    (("E", {"method": "LBFGS"}), "experiment(seed, method='LBFGS') raised"),
)
