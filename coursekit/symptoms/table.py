"""The map of the course: what one sees, where to look first, and which failures look so there."""

from collections.abc import Iterator
from dataclasses import dataclass

from coursekit.cases import get_case

_KERAS = "(Keras)"


@dataclass(frozen=True, kw_only=True)
class Lead:
    """What a measurement may show, and where that leads.

    Attributes:
        shows: What the measurement shows, in words; no colon, as one follows them on the page.
        cases: The names of the cases that look so.
        also: Notebooks, without an ending, that treat it without a case of their own.
    """

    shows: str
    cases: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def keras(self) -> bool:
        """Whether it looks so in Keras only: its words end in (Keras)."""
        return self.shows.endswith(_KERAS)

    @property
    def lessons(self) -> tuple[str, ...]:
        """The notebooks of those cases, without an ending, and the others, in order.

        >>> Lead(shows="columns on different scales", cases=("unscaled-features",)).lessons
        ('01_unscaled_features',)
        """
        return tuple(sorted({get_case(name).lesson for name in self.cases} | {*self.also}))


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """What a person with a failing model sees.

    Attributes:
        words: The symptom, as one would say it.
        look: The measurement to make first.
        leads: What it may show. The cheapest to rule out comes first.
    """

    words: str
    look: str
    leads: tuple[Lead, ...]

    @property
    def lessons(self) -> tuple[str, ...]:
        """The notebooks that any of its leads names, in order."""
        return tuple(sorted({lesson for lead in self.leads for lesson in lead.lessons}))


SOFTMAX = "05_wrong_loss"  # its section on a softmax over the wrong axis has no case


def _leads(*parts: tuple[str, str] | tuple[str, str, str]) -> tuple[Lead, ...]:
    """Leads from what is shown, the names of cases with blanks between them, and other lessons."""
    return tuple(
        Lead(shows=shows, cases=tuple(names.split()), also=tuple(also))
        for shows, names, *also in parts
    )


FOR_KERAS = (
    "In `model.fit` of Keras, `KerasRecorder` measures on a probe batch, so that the loss, "
    "`label_count` and `input_mean` are of the probe. Whether rows are sorted, or hold NaN, look "
    "for in the data that you train on."
)

SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        words="The loss is NaN or infinite",
        look="`non_finite` in a record: at which step it began; then each layer of that step",
        leads=_leads(
            ("it is in the inputs already", "one-nan"),
            (
                "outputs are finite, the loss is not, and it was written by hand",
                "naive-softmax-overflow",
            ),
            ("the first loss is in the thousands or more", "exploding-initialisation weight-norm"),
            (
                "weights or state in 16 bits, and it begins with the first step",
                "half-precision-overflow",
            ),
            (
                "a recurrent network, and the loss jumps for a few steps before",
                "exploding-recurrent",
            ),
        ),
    ),
    Symptom(
        words="The loss stands still from the start, and the accuracy is that of a guess",
        look="`gradient_norm` and `update_ratio` of each layer, at the first steps",
        leads=_leads(
            (
                "steps of a hundred-thousandth of the weights in every layer",
                "learning-rate-too-low",
            ),
            (
                "the gradient falls from layer to layer towards the input",
                "vanishing-gradients vanishing-initialisation",
            ),
            ("it is exactly zero in hidden layers", "zero-initialisation"),
            ("it is zero in float16, and not in float32", "gradient-underflow"),
            ("`weight_norm` falls to nothing", "weight-decay-too-high coupled-weight-decay"),
            ("`weight_norm` is NaN, and the loss is not (Keras)", "one-nan"),
            (
                "all is of a good size (look at a few inputs beside their labels)",
                "misaligned-labels flattened-batch",
            ),
            ("one huge value in a column, after scaling too", "outliers-under-scaling"),
            ("more units dropped than kept", "too-much-dropout"),
        ),
    ),
    Symptom(
        words="The loss jumps in the first steps, then stays at a guess",
        look="the first loss beside ln K; the spread of each input; `dead_fraction`",
        leads=_leads(
            (
                "the first loss is far too high, the inputs are large or differ in scale",
                "unscaled-features normalisation-learning-rate",
            ),
            (
                "the first loss is far too high, and the units are saturated",
                "saturated-activations",
            ),
            (
                "the first loss is right, and a step is nearly as long as the weights",
                "learning-rate-too-high exploding-updates",
            ),
            ("the first loss is right, and batches have only a few rows", "batch-too-small"),
            ("units are dead, and a lower rate afterwards does not help", "dead-relu"),
        ),
    ),
    Symptom(
        words="The loss falls too little: it creeps, or stands still too early",
        look="`learning_rate` and `update_ratio`; the loss on the training rows",
        leads=_leads(
            (
                "the rate is gone after an epoch, or long before the end",
                "scheduler-per-batch plateau-per-batch plateau-wrong-mode decay-too-early",
            ),
            ("layers that never move", "frozen-parameters stale-optimizer"),
            (
                "a softmax before the loss, which has a floor far above zero",
                "softmax-before-cross-entropy",
            ),
            (
                "a squared error of classes, and the loss is small from the start",
                "mse-for-classes saturated-mse",
            ),
            ("few steps (count them)", "batch-too-large"),
            ("one value that was filled in is far off its column", "global-imputation"),
            ("dozens of layers, and the gradient is of a good size in each", "deep-plain-net"),
            ("all is well, and the training rows are not learnt either", "too-little-capacity"),
        ),
    ),
    Symptom(
        words="The loss falls, then climbs, jumps or swings",
        look="`gradient_norm` and `learning_rate` over the steps; labels per batch",
        leads=_leads(
            ("the gradient norm grows with the number of steps", "missing-zero-grad"),
            ("each swing is larger than the last", "edge-of-stability"),
            (
                "wide and slow swings at a rate that always worked (the momentum)",
                "momentum-too-high",
            ),
            ("the rate climbs back", "cosine-comes-back"),
            ("the rate never falls, and the loss jitters at the end", "no-decay"),
            ("a few batches have a loss far above the others", "corrupted-rows"),
            ("one class a batch", "unshuffled-loader"),
        ),
    ),
    Symptom(
        words="The loss is below zero",
        look="what the loss function is made for: logits or probabilities, labels of which type",
        leads=_leads(
            (
                "outputs or labels that it does not take",
                "bce-integer-labels logits-as-probabilities",
            )
        ),
    ),
    Symptom(
        words="Training is good, validation is not",
        look="`model.training`, then the distance of the two losses over the epochs",
        leads=_leads(
            ("the model is in training mode when it is tested", "eval-forgotten"),
            ("validation rows of classes that training never saw", "sorted-validation-split"),
            ("the distance grows with each epoch", "overfitting too-little-data label-noise"),
            (
                "it is there in the first epochs (BatchNorm's running averages)",
                "batchnorm-momentum batchnorm-tiny-batch recurrent-layernorm",
            ),
        ),
    ),
    Symptom(
        words="Validation is good, use is not",
        look="mean, spread and range of what reaches the network, in validation and in use",
        leads=_leads(
            (
                "they differ",
                "forgotten-normalize raw-test-set value-range channel-order "
                "scaler-refitted-per-batch",
            ),
            (
                "the same; and with shuffled labels validation still finds it good",
                "selection-before-split",
            ),
            (
                "the same; validation rows have a twin among the training rows",
                "augmented-before-split oversampled-before-split duplicates-across-split",
            ),
            (
                "a row alone gets another answer than in a batch",
                "scaler-refitted-per-batch",
                SOFTMAX,
            ),
            ("the same; without one column far more is lost", "target-in-disguise"),
            ("the same; patients, makers or days stand on both sides", "groups-across-split"),
        ),
    ),
    Symptom(
        words="The same input gets another answer each time",
        look="one row twice; then the row alone, and among others",
        leads=_leads(
            ("two answers for one row", "augmentation-left-on eval-forgotten"),
            (
                "the answer depends on the other rows of its batch",
                "scaler-refitted-per-batch eval-forgotten",
                SOFTMAX,
            ),
        ),
    ),
    Symptom(
        words="Accuracy is high, and what I look for is never found",
        look="the share of the largest class; recall of each class",
        leads=_leads(
            ("accuracy is that share", "class-imbalance"),
            (
                "the class gets a higher probability than other rows, but never the highest",
                "imbalance-threshold",
            ),
        ),
    ),
    Symptom(
        words="Every row gets nearly the same answer",
        look="shapes of outputs and targets; `weight_norm`; inputs in use",
        leads=_leads(
            ("(n, 1) against (n,)", "silent-broadcast"),
            ("the weights fall to nothing", "weight-decay-too-high coupled-weight-decay"),
            ("inputs in use are not those of training", "raw-test-set value-range"),
            ("each repair alone changes nothing (more than one fault at once)", "three-faults"),
        ),
    ),
    Symptom(
        words="An error stops it",
        look="shape and dtype of the batch that it stopped at",
        leads=_leads(
            ("mat1 and mat2 shapes cannot be multiplied", "input-size-mismatch"),
            ("expected … Long … but … Float", "label-dtype"),
            ("target out of bounds", "label-out-of-range"),
            ("expected more than 1 value per channel", "last-small-batch"),
            ("is incompatible with the layer (Keras)", "input-size-mismatch"),
            ("label value … outside the valid range (Keras)", "label-out-of-range"),
        ),
    ),
    Symptom(
        words="I froze a part, and it changed all the same",
        look="BatchNorm's running averages before and after",
        leads=_leads(("they moved, as frozen weights do not stop them", "batchnorm-frozen")),
    ),
    Symptom(
        words="I was told to do it this way",
        look="both ways, on several seeds",
        leads=_leads(
            ("a scaler must never see test rows", "scaler-on-all-rows"),
            ("Adam is better than SGD", "optimizer-choice"),
            ("BatchNorm works because inputs stop moving", "covariate-shift-myth"),
            ("weight normalisation does what BatchNorm does", "weight-norm"),
            ("a critic's loss is a distance", "spectral-norm"),
        ),
    ),
)


def places(name: str) -> Iterator[tuple[Symptom, Lead]]:
    """Where a case stands in the table; leads that are of Keras only are left out.

    >>> [symptom.words for symptom, _ in places("one-nan")]
    ['The loss is NaN or infinite']
    """
    for symptom in SYMPTOMS:
        for lead in symptom.leads:
            if name in lead.cases and not lead.keras:
                yield symptom, lead
