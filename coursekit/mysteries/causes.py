"""What may be the matter with a mystery run: the answers in words, and which stand together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coursekit.errors import unknown

HEALTHY = "healthy"
HEALTHY_WORDS = "Nothing: the run is healthy"

# How a run with that cause looks at first sight. A good wrong answer looks like the right one.
Look = Literal["stuck", "wild", "fine"]
Asks = Literal["", "classes", "number", "pictures", "colour"]
_NEAR: Mapping[Look, tuple[Look, ...]] = {
    "stuck": ("stuck", "wild", "fine"),
    "wild": ("wild", "stuck", "fine"),
    "fine": ("fine", "stuck", "wild"),
}

LESSONS: Mapping[str, str] = {
    "01": "unscaled features",
    "02": "mismatched transforms",
    "03": "learning rate",
    "04": "vanishing gradients",
    "05": "wrong loss",
    "06": "broken loop",
    "08": "missing and corrupted data",
    "09": "accuracy that lies",
    "10": "capacity and overfitting",
    "11": "normalisation layers",
    "12": "exploding gradients",
    "13": "optimizers and schedules",
}


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One answer.

    Attributes:
        name: Its name in code: ``"rate-too-low"``.
        lesson: Two digits of the first lesson that teaches it.
        words: What a learner reads beside the letter.
        look: How a run with it looks at first sight.
        apart: Causes that are never asked beside it: both would be true, or nothing that is
            shown could part them.
        asks: What rows must be for it to be possible at all; "" where they may be any.
    """

    name: str
    lesson: str
    words: str
    look: Look
    apart: tuple[str, ...] = ()
    asks: Asks = ""


CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause(
            name="columns-unscaled",
            lesson="01",
            words="The columns that enter are on very different scales",
            look="stuck",
        ),
        Cause(
            name="noise-in-use",
            lesson="02",
            words="The noise of training is still on in use",
            look="fine",
            apart=("training-mode",),
        ),
        Cause(
            name="channels-swapped",
            lesson="02",
            words="In use the colour channels come in another order",
            look="fine",
            asks="colour",
        ),
        Cause(
            name="step-missing",
            lesson="02",
            words="A step of the preparation is missing in use",
            look="fine",
            apart=("divided-twice",),
        ),
        Cause(
            name="divided-twice",
            lesson="02",
            words="In use the values were divided once too often",
            look="fine",
            apart=("scaler-refitted",),
        ),
        Cause(
            name="scaler-refitted",
            lesson="02",
            words="In use the scaler is fitted anew to each request",
            look="fine",
        ),
        Cause(
            name="rate-too-high",
            lesson="03",
            words="The learning rate is too high",
            look="wild",
            apart=(
                "dead-units",
                "columns-unscaled",
                "no-zero-grad",
                "units-saturated",
            ),
        ),
        Cause(
            name="rate-too-low",
            lesson="03",
            words="The learning rate is too low",
            look="stuck",
            apart=("rate-falls", "squared-error", "softmax-twice"),
        ),
        Cause(
            name="rate-falls",
            lesson="03",
            words="The learning rate falls to almost nothing too soon",
            look="stuck",
        ),
        Cause(
            name="units-saturated",
            lesson="04",
            words="The units are saturated from the start",
            look="stuck",
            apart=("squared-error", "weights-too-large"),
        ),
        Cause(
            name="gradient-vanishes",
            lesson="04",
            words="From the start, the gradient dies away before it reaches the first layers",
            look="stuck",
            apart=("weights-zero", "layers-frozen"),
        ),
        Cause(
            name="weights-zero",
            lesson="04",
            words="All weights start at zero",
            look="stuck",
            apart=(
                "layers-frozen",
                "softmax-twice",
            ),
        ),
        Cause(
            name="loss-misused",
            lesson="05",
            words="The loss function gets outputs or labels that it is not made for",
            look="wild",
            apart=("squared-error", "softmax-twice", "shapes-spread"),
        ),
        Cause(
            name="pixels-scrambled",
            lesson="05",
            words="The pixels of the pictures were mixed up on their way in",
            look="stuck",
            apart=(
                "noise-in-use",
                "channels-swapped",
                "rate-too-high",
                "learnt-by-heart",
                "step-missing",
                "squared-error",
                "scaler-refitted",
                "shapes-spread",
                "columns-unscaled",
            ),
            asks="pictures",
        ),
        Cause(
            name="squared-error",
            lesson="05",
            words="Squared error stands where cross-entropy belongs",
            look="stuck",
            apart=("softmax-twice",),
            asks="classes",
        ),
        Cause(
            name="loss-overflows",
            lesson="05",
            words="The loss is computed in a way that overflows",
            look="wild",
            apart=("columns-unscaled", "weights-too-large"),
            asks="classes",
        ),
        Cause(
            name="shapes-spread",
            lesson="05",
            words="Each output is compared with the targets of the whole batch",
            look="stuck",
            asks="number",
        ),
        Cause(
            name="softmax-twice",
            lesson="05",
            words="A softmax stands before a cross-entropy that has its own",
            look="stuck",
            asks="classes",
        ),
        Cause(
            name="batch-too-large",
            lesson="06",
            words="The batches are so large that only a few steps are taken",
            look="stuck",
            apart=("rate-falls", "too-few-rows"),
        ),
        Cause(
            name="batch-too-small",
            lesson="06",
            words="The batches are too small for this learning rate",
            look="stuck",
            apart=("rate-too-high", "dead-units", "rows-sorted"),
        ),
        Cause(
            name="rows-sorted",
            lesson="06",
            words="The rows come sorted by class, not shuffled",
            look="wild",
            asks="classes",
        ),
        Cause(
            name="layers-frozen",
            lesson="06",
            words="Layers are frozen: no gradient is computed for them",
            look="stuck",
        ),
        Cause(
            name="layers-not-held",
            lesson="06",
            words="The optimizer does not hold all layers",
            look="stuck",
        ),
        Cause(
            name="no-zero-grad",
            lesson="06",
            words="The gradients of all steps add up: nobody sets them to zero",
            look="wild",
            apart=(
                "loss-misused",
                "dead-units",
            ),
        ),
        Cause(
            name="training-mode",
            lesson="06",
            words="In use the network is still in training mode",
            look="fine",
        ),
        Cause(
            name="not-a-number",
            lesson="08",
            words="A value that is not a number is among the training rows",
            look="wild",
        ),
        Cause(
            name="rows-corrupted",
            lesson="08",
            words="A few training rows hold far too large values",
            look="stuck",
            apart=("divided-twice",),
        ),
        Cause(
            name="labels-of-others",
            lesson="08",
            words="The labels belong to other rows",
            look="stuck",
            apart=("pixels-scrambled",),
            asks="classes",
        ),
        Cause(
            name="validation-sorted",
            lesson="09",
            words="The validation rows are of other classes than the training rows",
            look="fine",
            asks="classes",
        ),
        Cause(
            name="learnt-by-heart",
            lesson="10",
            words="The network learns the training rows by heart",
            look="fine",
            apart=(
                "too-few-rows",
                "validation-sorted",
                "rate-too-high",
            ),
        ),
        Cause(
            name="too-few-rows",
            lesson="09",
            words="There are far too few training rows",
            look="fine",
            apart=("step-missing",),
        ),
        Cause(
            name="network-too-small",
            lesson="10",
            words="The network is too small for what it should learn",
            look="stuck",
            apart=(
                "dead-units",
                "gradient-vanishes",
                "weights-zero",
                "shapes-spread",
                "layers-frozen",
            ),
        ),
        Cause(
            name="averages-do-not-fit",
            lesson="11",
            words="BatchNorm's running averages do not fit its rows",
            look="fine",
            apart=("loss-misused", "squared-error", "rows-sorted"),
            asks="classes",
        ),
        Cause(
            name="dead-units",
            lesson="12",
            words="The first, too long steps killed the ReLU units",
            look="stuck",
            apart=("weights-zero", "columns-unscaled"),
        ),
        Cause(
            name="weights-too-large",
            lesson="12",
            words="The weights start too large",
            look="wild",
            apart=("rate-too-high",),
        ),
        Cause(
            name="rate-climbs",
            lesson="13",
            words="The learning rate climbs again at the end",
            look="stuck",
        ),
        Cause(
            name="weights-decay",
            lesson="10",
            words="Weight decay pulls all weights to zero",
            look="stuck",
        ),
    )
}


def words_of(answer: str) -> str:
    """What a learner reads for a cause, or for ``"healthy"``.

    >>> words_of("rate-too-low")
    'The learning rate is too low'
    """
    if answer == HEALTHY:
        return HEALTHY_WORDS
    if answer not in CAUSES:
        raise unknown("cause", answer, CAUSES)
    return CAUSES[answer].words


def may_stand_beside(one: Cause, other: Cause) -> bool:
    """Whether the two can be told from each other by what is shown."""
    return one != other and one.name not in other.apart and other.name not in one.apart


def distance(one: Cause, other: Cause) -> int:
    """How far the two differ at first sight: 0 where they look the same."""
    return _NEAR[one.look].index(other.look)
