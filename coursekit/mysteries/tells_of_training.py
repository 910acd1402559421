"""What gives a fault of the network, the loss, the loop or the steps away."""

from coursekit.mysteries.readings import Reading, at, gap, number, ratio, surer_than_right
from coursekit.mysteries.tell import Tell

LEARNING_RATE_AT_END = Reading(
    words="The learning rate at the end over the one at the start",
    of=ratio(at("learning_rate", "end"), at("learning_rate", "start")),
    panel="learning_rate",
)
LAST_GRADIENT_AT_START = Reading(
    words="The gradient norm of the last layer at the start",
    of=at("gradient_norm_last", "start"),
    panel="gradient_norm",
)
FIRST_OVER_LAST_GRADIENT = Reading(
    words="The gradient norm of the first layer over that of the last, at the start",
    of=ratio(at("gradient_norm_first", "start"), at("gradient_norm_last", "start")),
    panel="gradient_norm",
)
LOWEST_LOSS = Reading(words="The lowest loss", of=at("loss", "lowest"), panel="loss")
WEIGHTS_AT_END = Reading(
    words="The size of all weights at the end over that at the start",
    of=ratio(at("weight_norm", "end"), at("weight_norm", "start")),
    panel="weight_norm",
)

OF_TRAINING: tuple[Tell, ...] = (
    Tell(
        case="edge-of-stability",
        cause="rate-too-high",
        reading=Reading(
            words="The highest loss over the loss at the start",
            of=ratio(at("loss", "highest"), at("loss", "start")),
            panel="loss",
        ),
        limit=20.0,
        side="above",
        why="Every step lands further from the minimum than it began, by a constant factor.",
    ),
    Tell(
        case="learning-rate-too-high",
        cause="rate-too-high",
        reading=Reading(
            words="The update ratio of the first layer at the start",
            of=at("update_ratio_first", "start"),
            panel="update_ratio",
        ),
        limit=0.15,
        side="above",
        why="A step changes the weights by a large part of themselves: what they knew is gone.",
    ),
    Tell(
        case="learning-rate-too-low",
        cause="rate-too-low",
        reading=Reading(
            words="The highest update ratio of the last layer",
            of=at("update_ratio_last", "highest"),
            panel="update_ratio",
        ),
        limit=1e-3,
        side="below",
        why="The gradients have an ordinary size, but a step hardly changes any weight.",
    ),
    Tell(
        case="dead-relu",
        cause="dead-units",
        reading=Reading(
            words="The share of dead ReLU units at the end",
            of=at("dead_fraction", "end"),
            panel="idle",
        ),
        limit=0.7,
        side="above",
        why="A unit that is zero for every row has no slope, so no later rate brings it back.",
    ),
    Tell(
        case="saturated-activations",
        cause="units-saturated",
        reading=Reading(
            words="The share of saturated outputs at the start",
            of=at("saturated_fraction", "start"),
            panel="idle",
        ),
        limit=0.5,
        side="above",
        why="At its bounds a tanh is flat: it passes hardly any gradient on.",
    ),
    Tell(
        case="vanishing-gradients",
        cause="gradient-vanishes",
        reading=FIRST_OVER_LAST_GRADIENT,
        limit=0.01,
        side="below",
        why="Each layer passes on a small part of the gradient, and the first gets next to "
        "nothing.",
    ),
    Tell(
        case="vanishing-initialisation",
        cause="gradient-vanishes",
        reading=FIRST_OVER_LAST_GRADIENT,
        limit=0.01,
        side="below",
        why="Small weights pass on a small part of the gradient in each layer, and the first "
        "gets next to nothing.",
    ),
    Tell(
        case="zero-initialisation",
        cause="weights-zero",
        reading=Reading(
            words="The size of all weights at the start",
            of=at("weight_norm", "start"),
            panel="weight_norm",
        ),
        limit=1.0,
        side="below",
        why="Zero weights pass nothing forwards and no gradient backwards: only the last "
        "layer moves.",
    ),
    Tell(
        case="bce-integer-labels",
        cause="loss-misused",
        reading=LOWEST_LOSS,
        limit=0.0,
        side="below",
        why="Such a loss is never below zero when it gets what it is made for.",
    ),
    Tell(
        case="logits-as-probabilities",
        cause="loss-misused",
        reading=LOWEST_LOSS,
        limit=0.0,
        side="below",
        why="Such a loss is never below zero when it gets what it is made for.",
    ),
    Tell(
        case="mse-for-classes",
        cause="squared-error",
        reading=LAST_GRADIENT_AT_START,
        limit=0.05,
        side="below",
        why="A wrong answer costs next to nothing in squared error, so its gradient is tiny "
        "where that of a cross-entropy is large.",
    ),
    Tell(
        case="saturated-mse",
        cause="squared-error",
        reading=LAST_GRADIENT_AT_START,
        limit=0.05,
        side="below",
        why="A sure wrong answer has a flat squared error, so its gradient is tiny where that "
        "of a cross-entropy is large.",
    ),
    Tell(
        case="naive-softmax-overflow",
        cause="loss-overflows",
        reading=Reading(
            words="Points of the run at which the loss is a number",
            of=lambda sheet: float((~(abs(sheet.curve("loss")) == float("inf"))).sum()),
            panel="loss",
        ),
        limit=1.0,
        side="below",
        why="The very first loss is no number, though weights and rows are: it is lost in "
        "the computing of the loss.",
    ),
    Tell(
        case="silent-broadcast",
        cause="shapes-spread",
        reading=Reading(
            words="The spread of the answers over that of the targets",
            of=number("answer_spread"),
        ),
        limit=0.4,
        side="below",
        why="The one answer that fits the targets of the whole batch is their mean, and the "
        "network says it for every row.",
    ),
    Tell(
        case="softmax-before-cross-entropy",
        cause="softmax-twice",
        reading=Reading(
            words="The spread of the network's outputs at the start",
            of=at("activation_std_last", "start"),
            panel="activation_std",
        ),
        limit=0.02,
        side="below",
        why="Outputs of a softmax lie between 0 and 1: to a cross-entropy, which takes a "
        "softmax of them again, they are all nearly the same.",
    ),
    Tell(
        case="frozen-parameters",
        cause="layers-frozen",
        reading=Reading(
            words="The highest gradient norm of the first layer",
            of=at("gradient_norm_first", "highest"),
            panel="gradient_norm",
        ),
        limit=1e-9,
        side="below",
        why="No gradient is computed for the first layer, while the last one has its own.",
    ),
    Tell(
        case="stale-optimizer",
        cause="layers-not-held",
        reading=Reading(
            words="The highest update ratio of the first layer over its highest gradient norm",
            of=ratio(at("update_ratio_first", "highest"), at("gradient_norm_first", "highest")),
            panel="update_ratio",
        ),
        limit=1e-20,
        side="below",
        why="The first layer has a gradient and yet never moves: the optimizer does not know "
        "of it.",
    ),
    Tell(
        case="missing-zero-grad",
        cause="no-zero-grad",
        reading=WEIGHTS_AT_END,
        limit=50.0,
        side="above",
        why="Each step takes all earlier gradients once more: gradient and steps grow, and "
        "carry the weights away.",
    ),
    Tell(
        case="exploding-initialisation",
        cause="weights-too-large",
        reading=Reading(
            words="The gradient norm of the first layer at the start",
            of=at("gradient_norm_first", "start"),
            panel="gradient_norm",
        ),
        limit=1e3,
        side="above",
        why="Before any step was taken, each layer had made the signal larger.",
    ),
    Tell(
        case="cosine-comes-back",
        cause="rate-climbs",
        reading=Reading(
            words="The learning rate at the end less its lowest before",
            of=gap(at("learning_rate", "end"), at("learning_rate", "lowest")),
            panel="learning_rate",
        ),
        limit=0.1,
        side="above",
        why="The rate has been near zero in between, and returns to its full size.",
    ),
    *(
        Tell(
            case=case,
            cause="rate-falls",
            reading=LEARNING_RATE_AT_END,
            limit=1e-3,
            side="below",
            why="Nothing moves any more, although the gradient has kept its size.",
        )
        for case in ("decay-too-early", "plateau-wrong-mode", "scheduler-per-batch")
    ),
    Tell(
        case="weight-decay-too-high",
        cause="weights-decay",
        reading=WEIGHTS_AT_END,
        limit=0.1,
        side="below",
        why="The weights shrink in every step, whatever the gradient says.",
    ),
    # New ones come last: the place of a case sets the seeds of its runs.
    Tell(
        case="coupled-weight-decay",
        cause="weights-decay",
        reading=WEIGHTS_AT_END,
        limit=0.1,
        side="below",
        why="The weights shrink in every step, whatever the gradient says.",
    ),
    Tell(
        case="plateau-per-batch",
        cause="rate-falls",
        reading=LEARNING_RATE_AT_END,
        limit=1e-3,
        side="below",
        why="Nothing moves any more, although the gradient has kept its size.",
    ),
    *(
        Tell(
            case=case,
            cause="averages-do-not-fit",
            reading=Reading(
                words="exp(−loss) at the end, less the share of training rows rightly answered",
                of=surer_than_right,
                panel="loss",
            ),
            limit=0.15,
            side="above",
            why="The loss, which is taken in training mode, is that of a network that is nearly "
            "always right. In evaluation the same rows go wrong: there BatchNorm uses its running "
            "averages, and they are not those of the rows.",
        )
        for case in ("batchnorm-momentum", "recurrent-layernorm")
    ),
)
