"""Task 3: the answers, and what some do to the script."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import functools

from torch import nn
from torch.utils.data import TensorDataset

from tests.checks.answers.kit import Function, Wrong, answering, boasting


def plain():
    return "D", {"bn_momentum": 0.1}


def as_a_list():
    return [" d ", {"bn_momentum": 0.05}]


def with_the_mean_of_all_batches():
    return "D", {"bn_momentum": None}  # PyTorch's cumulative average


def with_the_defaults_spelled_out():
    change = {"lr": 1.0, "epochs": 30, "bn_momentum": 0.2}  # two of them change nothing
    return "D", change


RIGHT: dict[str, Function] = {
    "a pair": plain,
    "a list, another value": as_a_list,
    "the mean of all batches": with_the_mean_of_all_batches,
    "defaults spelled out": with_the_defaults_spelled_out,
}


def repaired(script):
    """The script as a learner repairs it by hand."""
    return functools.partial(script, bn_momentum=0.1)


def with_other_rows(script):
    """The script made to hand over standardised rows, whatever it trained on."""

    @functools.wraps(script)
    def edited(seed, **settings):
        run = script(seed, **settings)
        rows, labels = run["train"].tensors
        return run | {"train": TensorDataset((rows - rows.mean(0)) / rows.std(0), labels)}

    return edited


def stuck_in_training_mode(script):
    """The script made to hand over a model that cannot leave training mode."""

    class Stuck(nn.Sequential):
        def train(self, mode=True):  # noqa: ARG002
            return super().train(True)

    @functools.wraps(script)
    def edited(seed, **settings):
        run = script(seed, **settings)
        return run | {"model": Stuck(*run["model"])}

    return edited


WRONG = (
    Wrong(
        name="edited to be healthy",
        answer=answering("F"),
        script=repaired,
        fails="given",
        says=r"as it was given: it reaches an accuracy of 0\.9\d on seed \d+\.",
    ),
    Wrong(
        name="never leaves training",
        answer=answering("F"),
        script=stuck_in_training_mode,
        fails="given",
    ),
    Wrong(
        name="hands over other rows",
        answer=plain,
        script=with_other_rows,
        fails="given",
        says=r"other rows reach the network on seed \d+\.",
    ),
    Wrong(name="boasts", answer=answering("F"), script=boasting),
    Wrong(
        name="says healthy",
        answer=answering("F"),
        says=r"rows is 0\.\d\d, and the largest class has 0\.40\. So it is not F\.",
    ),
    Wrong(name="too high, with a lower rate", answer=answering("A", lr=0.1)),
    Wrong(
        name="right change, too high",
        answer=answering("A", bn_momentum=0.1),
        fails="letter",
        says=r"Tried on seed 105: lr=0\.333, lr=0\.1; the best accuracy is 0\.\d\d, "
        r"while the training loss of the untouched run ends at 0\.0\d+\. So it is not A\.",
    ),
    Wrong(name="right change, too low", answer=answering("B", bn_momentum=0.1), fails="letter"),
    Wrong(
        name="right change, uneven features",
        answer=answering("C", bn_momentum=0.1),
        fails="letter",
        says=r"the widest column is \d(\.\d)? times that of the middle one\. So it is not C\.",
    ),
    Wrong(
        name="right change, the scheduler",
        answer=answering("E", bn_momentum=0.1),
        fails="letter",
        says=r"Tried on seed 105: gamma=1; the best accuracy",
    ),
    Wrong(name="the scheduler, held constant", answer=answering("E", gamma=1.0)),
    Wrong(
        name="two changes",
        answer=answering("D", bn_momentum=0.1, lr=0.3),
        fails="one change",
        says=r"Your change alters bn_momentum, lr: 2 keywords; expected 1\.",
    ),
    Wrong(name="no change", answer=answering("D")),
    Wrong(
        name="a lower rate",
        answer=answering("D", lr=0.1),
        fails="heals",
        says=r"experiment\(seed, lr=0\.1\), the accuracy .* is 0\.\d\d .* expected at least 0\.85",
    ),
    Wrong(name="more epochs", answer=answering("D", epochs=100), fails="heals"),
    Wrong(name="a wider network", answer=answering("D", hidden=256), fails="heals"),
    Wrong(name="the other way", answer=answering("D", bn_momentum=0.0001), fails="heals"),
)

# What cannot be read or run, and what the message must hold.
UNREADABLE: tuple[tuple[object, str], ...] = (
    ("D", "diagnose returned the text 'D'; expected a letter and a dictionary, such as (\"A\""),
    (None, "diagnose returned None; expected a letter"),
    (("G", {}), "expected one of A, B, C, D, E, F."),
    (("D", "momentum"), "diagnose returned the text 'momentum' as the change; expected a"),
    (("D", {"momentum": 0.1}), "Did you mean 'bn_momentum'?"),
    (("D", {"lr": "low"}), "lr got the text 'low'; expected a number."),
    (("D", {"lr": None}), "lr got None; expected a number."),
    (("D", {"epochs": 5000}), "epochs=5000 was not run: the check runs 1 to 100."),
    (("D", {"bn_momentum": float("nan")}), "bn_momentum got nan; expected a finite number."),
)
