"""What gives a fault of the rows away: of those that train, that validate, that come in use."""

from coursekit.mysteries.readings import Reading, gap, number, ratio, shift
from coursekit.mysteries.tell import Tell

SHIFT = Reading(
    words="The largest move of a mean from training to use, in deviations of training",
    of=shift,
    panel="thirds",
)

OF_ROWS: tuple[Tell, ...] = (
    Tell(
        case="unscaled-features",
        cause="columns-unscaled",
        reading=Reading(
            words="The spread of the widest column over that of the middle one, in training",
            of=ratio(number("spread_most_training"), number("spread_middle_training")),
            panel="spreads",
        ),
        limit=20.0,
        side="above",
        why="One column outweighs all others, so one step fits it and throws the rest away.",
    ),
    Tell(
        case="augmentation-left-on",
        cause="noise-in-use",
        reading=Reading(
            words="The spread of the middle column in use over that in validation",
            of=ratio(number("spread_middle_use"), number("spread_middle_validation")),
            panel="spreads",
        ),
        limit=2.0,
        side="above",
        why="The rows in use spread like the noisy ones of training; those of validation do not.",
    ),
    Tell(
        case="channel-order",
        cause="channels-swapped",
        reading=Reading(
            words="The spread of the first third of the columns over that of the last, in use "
            "and divided by the same in training",
            of=ratio(
                ratio(number("third_first_use"), number("third_last_use")),
                ratio(number("third_first_training"), number("third_last_training")),
            ),
            panel="thirds",
        ),
        limit=0.4,
        side="below",
        why="In training it is the first third that spreads the most, in use it is the last: "
        "the thirds, which are the channels, have changed places.",
    ),
    Tell(
        case="forgotten-normalize",
        cause="step-missing",
        reading=SHIFT,
        limit=1.0,
        side="above",
        why="In use the rows have another mean than the one that the network learnt with.",
    ),
    Tell(
        case="raw-test-set",
        cause="step-missing",
        reading=SHIFT,
        limit=1.0,
        side="above",
        why="In use the rows have another mean than the one that the network learnt with.",
    ),
    Tell(
        case="value-range",
        cause="divided-twice",
        reading=Reading(
            words="The spread of the middle column in use over that in training",
            of=ratio(number("spread_middle_use"), number("spread_middle_training")),
            panel="spreads",
        ),
        limit=0.1,
        side="below",
        why="In use every row is nearly the same to the network: the values are all but "
        "squeezed into one.",
    ),
    Tell(
        case="scaler-refitted-per-batch",
        cause="scaler-refitted",
        reading=Reading(
            words="The spread of the widest column in use",
            of=number("spread_most_use"),
            panel="spreads",
        ),
        limit=1e-4,
        side="below",
        why="A row from which its own mean is taken away is all zeros, whatever it was.",
    ),
    Tell(
        case="batch-too-large",
        cause="batch-too-large",
        reading=Reading(words="The number of steps", of=number("steps")),
        limit=25.0,
        side="below",
        why="An epoch of one batch is one step: the curve ends where others begin to fall.",
    ),
    Tell(
        case="batch-too-small",
        cause="batch-too-small",
        reading=Reading(words="Rows in a batch", of=number("batch_rows")),
        limit=2.0,
        side="below",
        why="One row says little about the others, and each step follows it at full length.",
    ),
    Tell(
        case="flattened-batch",
        cause="pixels-scrambled",
        reading=Reading(
            words="The spread of the narrowest column over that of the widest, in training",
            of=ratio(number("spread_least_training"), number("spread_most_training")),
            panel="spreads",
        ),
        limit=0.5,
        side="above",
        why="At the rim of a picture pixels hardly change, in the middle they do. Here all "
        "columns are alike, so a column is no longer one pixel.",
    ),
    Tell(
        case="unshuffled-loader",
        cause="rows-sorted",
        reading=Reading(
            words="The share of the most frequent class in a batch",
            of=number("batch_share"),
        ),
        limit=0.8,
        side="above",
        why="Each batch is nearly of one class, and the network forgets the others.",
    ),
    Tell(
        case="one-nan",
        cause="not-a-number",
        reading=Reading(
            words="The spread of the widest column in training",
            of=number("spread_most_training"),
            panel="spreads",
        ),
        limit=1e30,
        side="above",
        lost=True,
        why="What enters is already no number, before the network has done anything.",
    ),
    Tell(
        case="outliers-under-scaling",
        cause="rows-corrupted",
        reading=Reading(
            words="The spread of the middle column in validation over that in training",
            of=ratio(number("spread_middle_validation"), number("spread_middle_training")),
            panel="spreads",
        ),
        limit=0.1,
        side="below",
        why="The spread that the scaler made equal to one is that of a few rows; all others lie "
        "close together.",
    ),
    Tell(
        case="misaligned-labels",
        cause="labels-of-others",
        reading=Reading(
            words="The share of training rows whose nearest other row has another label",
            of=number("neighbours"),
        ),
        limit=0.85,
        side="above",
        why="Rows that look alike should have the same label, and here hardly any do.",
    ),
    Tell(
        case="sorted-validation-split",
        cause="validation-sorted",
        reading=Reading(
            words="The share of class 0 in validation over that in training",
            of=ratio(number("first_class_validation"), number("first_class_training")),
        ),
        limit=0.2,
        side="below",
        why="A class of the training rows is missing in validation, which holds others.",
    ),
    Tell(
        case="overfitting",
        cause="learnt-by-heart",
        reading=Reading(
            words="The score in training less the score in validation",
            of=gap(number("score_training"), number("score_validation")),
            panel="scores",
        ),
        limit=0.35,
        side="above",
        why="The training rows are answered perfectly, and new rows of the same kind are not.",
    ),
    Tell(
        case="too-little-data",
        cause="too-few-rows",
        reading=Reading(words="The number of training rows", of=number("rows")),
        limit=50.0,
        side="below",
        why="So few rows are soon known, and they do not say what the others are like.",
    ),
    Tell(
        case="too-little-capacity",
        cause="network-too-small",
        reading=Reading(
            words="The number of weights over the number of training rows",
            of=ratio(number("weights"), number("rows")),
        ),
        limit=0.02,
        side="below",
        why="So few weights cannot bend to what so many rows say, however long they are trained.",
    ),
    Tell(
        case="eval-forgotten",
        cause="training-mode",
        reading=Reading(
            words="The share of rows that get another answer when they are asked again",
            of=number("changed"),
        ),
        limit=0.1,
        side="above",
        why="The same rows enter, and other answers come out: something in the network still "
        "draws lots, or looks at the batch.",
    ),
)
