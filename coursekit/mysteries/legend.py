"""What the words of the tables and pictures mean, each in a line or two."""

from collections.abc import Mapping

from coursekit.mysteries.sparkline import LOG_FROM, LOST

LEGEND: Mapping[str, str] = {
    "a row of marks": (
        "from the lowest reading (bottom) to the highest (top), by orders of magnitude where that "
        f"is over {LOG_FROM:.0f} times as much. Each mark is the reading that stands out most in "
        f"its part of the run; a straight row hardly moves, {LOST} is no number."
    ),
    "layer": (
        "first is next to what enters, last gives the answer. Output spread counts those without "
        "weights too (ReLU, say)."
    ),
    "loss": "the mean of the steps that a reading stands for; with it, the highest of them.",
    "gradient norm": "how long the gradient of a layer's weights is.",
    "update ratio": "how long a step of a layer's weights is, over how long the weights are.",
    "spread": (
        "standard deviation: of a column that enters, or of what a layer puts out. There it is "
        "over rows and units together: rows may all look alike, and it is still large."
    ),
    "dead ReLU unit": "gave 0 for every row of the last few batches.",
    "saturated output": "so near a bound of its tanh or sigmoid that the slope there is almost 0.",
    "size of all weights": "how long they are, taken as one vector.",
    "in use": "rows that the network gets after training, prepared the way it is done there.",
    "first, middle, last third": (
        "the columns in three parts as they come: red, green, blue of a picture in colour. Rows of "
        "one class, so that other classes do not move the mean."
    ),
    "R²": "1 where every answer is right, 0 where answers are no better than the mean.",
}
