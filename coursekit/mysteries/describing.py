"""What is shown of a run, as text: the same numbers as in the pictures, and those that have none.

For the command line, and for whoever does not see the pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coursekit.mysteries.sheet import LAYERED, PLACES, RANKS, WHERE, Floats, Sheet
from coursekit.mysteries.sparkline import BLOCKS, MARKS, sparkline
from coursekit.mysteries.wording import cell, counted, two_digits, whole

_CURVE_WORDS = {
    "loss": "loss",
    "loss_high": "loss, highest",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "update_ratio": "update ratio",
    "activation_std": "output spread",
    "dead_fraction": "dead ReLU units, share",
    "saturated_fraction": "saturated outputs, share",
    "weight_norm": "size of all weights",
}
_RANK_WORDS = {"least": "narrowest", "middle": "middle", "most": "widest"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text.

    Attributes:
        title: What it holds.
        heads: The heads of the columns after the first.
        rows: Name of a row to its cells.
    """

    title: str
    heads: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]


def facts(sheet: Sheet) -> tuple[str, ...]:
    """What is one number, as sentences."""
    of = sheet.number
    classes = of("classes")
    predicts = f"{whole(classes)} classes" if classes else "a number"
    sentences = [
        f"The network has {counted(of('weight_layers'), 'layer')} with weights "
        f"({counted(of('weights'), 'weight')} in all), gets {counted(of('columns'), 'column')} and "
        f"predicts {predicts}.",
        f"It is trained on {counted(of('rows'), 'row')}, {whole(of('batch_rows'))} in a batch, "
        f"for {counted(of('steps'), 'step')}.",
        _lost(of("lost_at")),
        "Share of the rows in use that get another answer when they are asked again: "
        f"{two_digits(of('changed'))}.",
    ]
    if classes:
        sentences += [
            f"Share of the most frequent class: {two_digits(of('class_share'))} of the training "
            f"rows, {two_digits(of('batch_share'))} of a batch.",
            f"Share of the rows in use that get the most frequent answer: "
            f"{two_digits(of('same_answer'))}.",
            "Share of the training rows whose nearest other training row has another label: "
            f"{two_digits(of('neighbours'))}.",
        ]
    else:
        spread = two_digits(of("answer_spread"))
        sentences.append(f"In use, the answers spread {spread} times as far as the targets.")
    return tuple(sentences)


def tables(sheet: Sheet, *, blocks: str = BLOCKS) -> tuple[Table, ...]:
    """The curves, and what entered and came out in training, in validation and in use."""
    return (_over_the_run(sheet, blocks), _by_place(sheet))


def _over_the_run(sheet: Sheet, blocks: str) -> Table:
    """Each curve as a line of blocks, with its start, end and range."""
    rows = {}
    for name, words in _CURVE_WORDS.items():
        if name in LAYERED:
            for where, layer in sheet.layers(name).items():
                rows[f"{words}, {layer}"] = _cells(name, sheet.curve(f"{name}_{where}"), blocks)
        else:
            rows[words] = _cells(name, sheet.curve(name), blocks)
    heads = ("", "start", "end", "lowest", "highest")
    return Table(
        title=f"Over the run: {MARKS} marks, from its start to its end", heads=heads, rows=rows
    )


def _cells(name: str, points: Floats, blocks: str) -> tuple[str, ...]:
    """One curve."""
    if np.isnan(points).all():
        return ("", "weights are 0" if name == "update_ratio" else "none here", "", "", "")
    there = points[~np.isnan(points)]
    finite = there[np.isfinite(there)]
    low, high = (finite.min(), finite.max()) if finite.size else (there[0], there[0])
    ends = (points[0], points[-1], low, high)
    return (sparkline(points, blocks=blocks), *(cell(float(value)) for value in ends))


def _by_place(sheet: Sheet) -> Table:
    """What entered and came out, by where."""

    def row(name: Callable[[str], str]) -> tuple[str, ...]:
        return tuple(cell(sheet.number(name(place))) for place in PLACES)

    which = "rows of class 1" if sheet.number("classes") else "all rows"
    rows = {f"spread, {_RANK_WORDS[rank]} column": row(_named("spread", rank)) for rank in RANKS}
    for kind, words in (("mean", "mean"), ("third", "spread")):
        for where in WHERE:
            rows[f"{words}, {where} third, {which}"] = row(_named(kind, where))
    if sheet.number("classes"):
        rows["share of class 0"] = row(lambda place: f"first_class_{place}")
    rows[score_words(sheet)] = row(lambda place: f"score_{place}")
    title = "What enters the network, and how well it answers"
    return Table(title=title, heads=("training", "validation", "in use"), rows=rows)


def _named(kind: str, which: str) -> Callable[[str], str]:
    """The number's name for a place."""
    return lambda place: f"{kind}_{which}_{place}"


def score_words(sheet: Sheet) -> str:
    """What the score is, and what the simplest rule reaches."""
    if sheet.number("classes"):
        return f"rightly answered (a guess: {two_digits(sheet.number('score_trivial'))})"
    return "R² (the mean: 0)"


def _lost(step: float) -> str:
    """Whether loss and gradients stayed numbers."""
    if np.isnan(step):
        return "Loss and gradients are numbers in every step."
    return f"In step {whole(step)}, the loss or a gradient is not a number."
