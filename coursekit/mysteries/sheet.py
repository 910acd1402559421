"""What is shown of a run: the same measurements for every one, in arrays of one shape.

A learner may look at all of it. The shape is fixed, so that it tells nothing: a network of forty
layers and one of two are both shown by their first, middle and last layer, and a run of twelve
steps has as many points as one of twelve thousand.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError, unknown
from coursekit.records import Record, Series

Floats = npt.NDArray[np.float32]

POINTS = 60  # of a curve; each stands for a sixtieth of the run
WHERE = ("first", "middle", "last")
RANKS = ("least", "middle", "most")
PLACES = ("training", "validation", "use")
LAYERED = ("gradient_norm", "update_ratio", "activation_std")

# What is drawn over the run. A layer is one that owns weights; first is next to the input.
CURVES = (
    "loss",  # mean of the steps that a point stands for
    "loss_high",  # the highest of them
    "learning_rate",
    *(f"{quantity}_{where}" for quantity in LAYERED for where in WHERE),
    "dead_fraction",
    "saturated_fraction",
    "weight_norm",
)

# What is one number. Columns are those of a table, or the pixels of a picture, channel by channel.
NUMBERS = (
    "classes",  # 0 where the network predicts a number
    "columns",
    "weight_layers",
    "weights",  # numbers that are trained
    "rows",  # that it is trained on
    "batch_rows",
    "steps",
    "lost_at",  # the first step whose loss or gradient is not finite; NaN where all are
    *(f"spread_{rank}_{place}" for place in PLACES for rank in RANKS),  # of all rows
    # The columns in three parts, in the rows of class 1; in all rows where there is no class.
    *(f"mean_{third}_{place}" for place in PLACES for third in WHERE),
    *(f"third_{third}_{place}" for place in PLACES for third in WHERE),
    *(f"score_{place}" for place in PLACES),
    "score_trivial",
    "changed",  # share of the rows in use that get another answer when they are asked again
    "same_answer",  # share of the rows in use that get the most frequent answer
    "class_share",  # of the most frequent class, in the training rows
    *(f"first_class_{place}" for place in PLACES),
    "batch_share",  # of the most frequent class in a batch, on average
    "neighbours",  # share of the training rows whose nearest other one has another label
    "answer_spread",  # deviation of the answers over that of the targets, where both are numbers
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """The measurements of one run.

    Attributes:
        curves: Shape (``len(CURVES)``, ``POINTS``); NaN where there is nothing to measure,
            infinite where a reading was not finite.
        numbers: Shape (``len(NUMBERS)``,); NaN where there is nothing to measure.
    """

    curves: Floats
    numbers: Floats

    def __post_init__(self) -> None:
        shapes = (self.curves.shape, self.numbers.shape)
        expected = ((len(CURVES), POINTS), (len(NUMBERS),))
        if shapes != expected:
            raise BadInputError(f"The arrays have shapes {shapes}; expected {expected}.")

    def curve(self, name: str) -> Floats:
        """One measurement over the run, shape (``POINTS``,)."""
        if name not in CURVES:
            raise unknown("curve", name, CURVES)
        row: Floats = self.curves[CURVES.index(name)]
        return row

    def number(self, name: str) -> float:
        """One measurement that is a single number."""
        if name not in NUMBERS:
            raise unknown("number", name, NUMBERS)
        return float(self.numbers[NUMBERS.index(name)])

    def layers(self, quantity: str) -> dict[str, str]:
        """The layers that a measurement has, each once: its place to its words.

        A network of one layer has it at all three places, and one of two has the first in the
        middle too. Outputs are those of any layer, so that the output spread has more of them.
        """
        if quantity not in LAYERED:
            raise unknown("measurement of layers", quantity, LAYERED)
        count = self.number("weight_layers")
        if quantity == "activation_std":
            count = self._outputs(count)
        if count == 1:
            return {"first": "only layer"}
        return {where: f"{where} layer" for where in WHERE if where != "middle" or count > 2}

    def _outputs(self, weight_layers: float) -> int:
        """How many of the three outputs are of different layers.

        With two layers of weights there is another between them. With one there need not be, and
        curves that are equal are shown once.
        """
        if weight_layers > 1:
            return len(WHERE)
        curves = {self.curve(f"activation_std_{where}").tobytes() for where in WHERE}
        return len(curves)

    def record(self) -> Record:
        """The curves as a record: a reading each sixtieth of the run, layers by their place."""
        steps = (np.arange(POINTS) * self.number("steps") / POINTS).astype(np.int64)
        series = {}
        for name, labels in _SERIES.items():
            curves = [self.curve(f"{name}_{label}") for label in labels] or [self.curve(name)]
            values = np.stack(curves, axis=1).astype(np.float64)
            if not np.isnan(values).all():
                values = values if labels else values[:, 0]
                series[name] = Series(steps=steps, values=values, labels=labels)
        return Record(series=series, layers=WHERE, framework="torch")


_SERIES: dict[str, tuple[str, ...]] = {
    "loss": (), "learning_rate": (), "gradient_norm": WHERE, "update_ratio": WHERE,
    "activation_std": WHERE, "dead_fraction": (), "saturated_fraction": (), "weight_norm": (),
}  # fmt: skip
