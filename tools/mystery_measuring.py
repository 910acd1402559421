"""One run of a recipe, measured for a mystery: what goes in, how it trains, what comes out."""

import copy
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch.utils.data import TensorDataset

from coursekit.cases.case import Recipe, Setup
from coursekit.mysteries.sheet import CURVES, NUMBERS, PLACES, POINTS, WHERE, Sheet
from coursekit.records import Record
from coursekit.vitals.torch import record

Array = npt.NDArray[np.float64]
LAYERED = ("gradient_norm", "update_ratio", "activation_std")
TINY = 1e-20
ONE_CLASS = 1


@dataclass(kw_only=True, eq=False)
class Doorway:
    """What went into a model and came out, call by call."""

    inputs: list[Array] = field(default_factory=list)
    outputs: list[Array] = field(default_factory=list)
    labels: list[Array] = field(default_factory=list)

    @contextmanager
    def watching(self, model: torch.nn.Module, *, training: bool) -> Iterator["Doorway"]:
        """Note the calls of the training loop alone, or those outside of it."""

        def note(_module: Any, given: tuple[Any, ...], came: Any) -> None:
            if torch.is_grad_enabled() == training:
                self.inputs.append(_flat(given[0]))
                self.outputs.append(_flat(came))

        handle = model.register_forward_hook(note)
        try:
            yield self
        finally:
            handle.remove()

    @contextmanager
    def hearing(self, loss_fn: Any) -> Iterator[None]:
        """Note the labels that come with the inputs, where the criterion is a module."""
        if not isinstance(loss_fn, torch.nn.Module):
            yield
            return

        def note(_module: Any, given: tuple[Any, ...]) -> None:
            if torch.is_grad_enabled():
                self.labels.append(given[1].detach().numpy())

        handle = loss_fn.register_forward_pre_hook(note)
        try:
            yield
        finally:
            handle.remove()

    def labelled(self, setup: Setup) -> tuple[Array, Array]:
        """The rows as they entered, with their class numbers; else as they lie in the data."""
        if [len(part) for part in self.inputs] == [len(part) for part in self.labels]:
            labels = np.concatenate(self.labels)
            if labels.ndim == 1:
                return np.concatenate(self.inputs), labels
        rows, labels = setup.train.dataset.tensors[:2]
        return _flat(rows), labels.numpy()


def measure(recipe: Recipe, seed: int) -> Sheet:
    """Run a recipe to its end, and measure what a mystery shows."""
    torch.manual_seed(seed)
    setup = recipe.build(seed, "cpu")
    door = Doorway()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            record(setup.model, setup.optimizer, every=1) as vitals,
            door.watching(setup.model, training=True),
            door.hearing(setup.loss_fn),
        ):
            for _ in recipe.train(setup):
                pass
        numbers = {**_facts(setup, vitals.record), **_scores(recipe, setup)}
    rows, labels = door.labelled(setup)
    numbers |= _entering("training", np.concatenate(door.inputs), rows, labels)
    if numbers["classes"]:
        once = len(setup.train.dataset)  # the first epoch; later ones bring the same rows
        numbers["neighbours"] = strangers(rows[:once], labels[:once])
    owners = [name for name, _ in _owners(setup.model)]
    return Sheet(
        curves=rounded(_curves(vitals.record, owners)),
        numbers=rounded(np.array([numbers.get(name, math.nan) for name in NUMBERS])),
    )


def rounded(values: Array) -> npt.NDArray[np.float32]:
    """Three digits of each: more would name a run, not its cause."""
    texts = [f"{value:.2e}" for value in values.ravel().tolist()]
    with np.errstate(over="ignore"):
        digits = np.array([float(text) for text in texts], dtype=np.float32)
    return np.where(np.abs(digits) < TINY, np.float32(0), digits).reshape(values.shape)


def strangers(rows: Array, labels: Array) -> float:
    """Share of the rows whose nearest other row has another label, of those that are numbers."""
    whole = np.isfinite(rows).all(axis=1)
    nearest = KNeighborsClassifier(n_neighbors=1).fit(rows[whole], labels[whole])
    (places,) = nearest.kneighbors(return_distance=False).T  # of each row, itself left out
    return float(np.mean(labels[whole][places] != labels[whole]))


def _flat(tensor: torch.Tensor) -> Array:
    """Rows and columns, whatever the shape."""
    values = tensor.detach().double().numpy()
    return values.reshape(len(values), -1)


def _owners(model: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """The layers that own weights, in the order of the model."""
    return [
        (name, layer) for name, layer in model.named_modules()
        if any(True for _ in layer.parameters(recurse=False))
    ]  # fmt: skip


def _curves(found: Record, owners: Sequence[str]) -> Array:
    """Every curve, shape (curves, points)."""
    loss = np.where(np.isnan(found["loss"].values), math.inf, found["loss"].values)
    weights = np.sqrt(np.square(found["weight_norm"].values).sum(axis=1))
    lines: dict[str, Array] = {
        "loss": thinned(loss, np.mean),
        "loss_high": thinned(loss, np.max),
        "weight_norm": thinned(weights, np.median),
    }
    for quantity in LAYERED:
        table = _all_layers(found, quantity, owners)
        places = (0, (table.shape[1] - 1) // 2, table.shape[1] - 1)
        for where, place in zip(WHERE, places, strict=True):
            lines[f"{quantity}_{where}"] = thinned(table[:, place], np.median)
    for quantity in ("dead_fraction", "saturated_fraction"):
        if quantity in found:
            lines[quantity] = thinned(found[quantity].values.mean(axis=1), np.median)
    lost = np.isinf(lines["loss"])  # nothing that follows means anything
    lines = {name: np.where(lost, math.inf, line) for name, line in lines.items()}
    lines["learning_rate"] = thinned(found["learning_rate"].values, np.median)
    nothing = np.full(POINTS, math.nan)
    return np.stack([lines.get(name, nothing) for name in CURVES])


def _all_layers(found: Record, quantity: str, owners: Sequence[str]) -> Array:
    """Readings of all layers; one that no gradient reaches, and that nothing moves, has 0."""
    series = found[quantity]
    if quantity == "activation_std":
        return series.values
    columns = [
        series.of(name) if name in series.labels else np.zeros(len(series.steps)) for name in owners
    ]
    return np.stack(columns, axis=1)


def thinned(values: Array, reduce: Any) -> Array:
    """As many points for a short run as for a long one; the first is the very start.

    Where one of a point's readings is not finite, the point is the first of them, so that what was
    there before a run broke down stays to be seen.
    """
    if len(values) < POINTS:
        values = values[np.arange(POINTS) * len(values) // POINTS]
    points = [
        float(reduce(part)) if np.isfinite(part).all() else float(part[0])
        for part in np.split(values, np.arange(1, POINTS) * len(values) // POINTS)
    ]
    if reduce is not np.max:
        points[0] = float(values[0])
    return np.array(points)


def _facts(setup: Setup, found: Record) -> dict[str, float]:
    """Sizes, and what the labels look like."""
    rows, labels = setup.train.dataset.tensors[:2]
    lost = np.flatnonzero(found["non_finite"].values > 0)
    facts = {
        "columns": float(rows[0].numel()),
        "weight_layers": float(len(_owners(setup.model))),
        "weights": float(sum(part.numel() for part in setup.model.parameters())),
        "rows": float(len(rows)),
        "steps": float(found.step_count),
        "lost_at": float(found["non_finite"].steps[lost[0]]) if len(lost) else math.nan,
    }
    batches = [batch[1] for batch in setup.train]
    facts["batch_rows"] = float(np.median([len(batch) for batch in batches]))
    if not labels.is_floating_point() or set(labels.unique().tolist()) <= {0.0, 1.0}:
        facts |= _label_facts(setup, labels.long(), batches)
    else:
        facts |= {"classes": 0.0, "score_trivial": 0.0}
    return facts


def _label_facts(
    setup: Setup, labels: torch.Tensor, batches: Sequence[torch.Tensor]
) -> dict[str, float]:
    """Classes and their shares."""
    counts = labels.bincount()
    first = {
        "training": labels, "validation": setup.val.tensors[1], "use": setup.test.tensors[1]
    }  # fmt: skip
    in_batches = [part.long().bincount().max().item() / len(part) for part in batches]
    return {
        "classes": max(float(part.max()) for part in first.values()) + 1,
        "class_share": counts.max().item() / len(labels),
        "score_trivial": counts.max().item() / len(labels),
        "batch_share": float(np.mean(in_batches)),
        **{
            f"first_class_{place}": (part.long() == 0).float().mean().item()
            for place, part in first.items()
        },
    }


def _scores(recipe: Recipe, setup: Setup) -> dict[str, float]:
    """What the recipe's own evaluation says of training, validation and use; what it saw there."""
    train = TensorDataset(*setup.train.dataset.tensors)
    outside, again = _evaluated(recipe, setup), _evaluated(recipe, setup)
    scores = outside[0]
    if "truth" in scores:
        kinds = {
            "use": scores["truth"],
            "validation": scores["estimate"],
            "training": _evaluated(recipe, replace(setup, val=train))[0]["estimate"],
        }
    else:
        key = next(name for name in ("test_accuracy", "test_r2") if name in scores)
        kinds = {
            "use": scores[key],
            "validation": _evaluated(recipe, replace(setup, test=setup.val))[0][key],
            "training": _evaluated(recipe, replace(setup, test=train))[0][key],
        }
    inputs, outputs = _in_use(outside[1], setup)
    _, second = _in_use(again[1], setup)
    val = _flat(setup.val.tensors[0])
    return {
        **{f"score_{place}": kinds[place] for place in PLACES},
        **_entering("validation", val, val, setup.val.tensors[1].numpy()),
        **_entering("use", inputs, inputs, setup.test.tensors[1].numpy()),
        **_answers(outputs, second, setup.test.tensors[1].double().numpy()),
    }


def _evaluated(recipe: Recipe, setup: Setup) -> tuple[dict[str, float], Doorway]:
    """The recipe's evaluation, on a copy of the model: some change it."""
    door = Doorway()
    mine = replace(setup, model=copy.deepcopy(setup.model))
    with door.watching(mine.model, training=False):
        return recipe.evaluate(mine), door


def _in_use(door: Doorway, setup: Setup) -> tuple[Array, Array]:
    """What entered in use and what came out: every call but those of the validation rows."""
    val = _flat(setup.val.tensors[0])
    calls = [
        (given, came) for given, came in zip(door.inputs, door.outputs, strict=True)
        if given.shape != val.shape or not np.array_equal(given, val, equal_nan=True)
    ]  # fmt: skip
    inputs, outputs = (np.concatenate(side) for side in zip(*calls, strict=True))
    rows = len(setup.test.tensors[1])
    return inputs[:rows], outputs[:rows]


def _answers(first: Array, again: Array, targets: Array) -> dict[str, float]:
    """Whether the answers stay the same, and how much they differ from row to row."""
    if first.shape[1] == 1:
        spread = float(np.std(first) / np.std(targets)) if np.std(targets) else math.nan
        moved = np.abs(first - again) > 0.1 * np.std(first)
        whole = set(np.unique(targets).tolist()) <= {0.0, 1.0}
        middle = (first > 0.5) if first.min() >= 0 and first.max() <= 1 else (first > 0)
        share = max(middle.mean(), 1 - middle.mean()) if whole else math.nan
        return {
            "changed": float(moved.mean()),
            "same_answer": float(share),
            "answer_spread": math.nan if whole else spread,
        }
    chosen, anew = first.argmax(axis=1), again.argmax(axis=1)
    return {
        "changed": float((chosen != anew).mean()),
        "same_answer": float(np.bincount(chosen).max() / len(chosen)),
    }


def _entering(place: str, rows: Array, labelled: Array, labels: Array) -> dict[str, float]:
    """What enters: how far columns spread, and each third of them in the rows of one class."""
    with np.errstate(invalid="ignore", over="ignore"):
        spreads = np.sort(rows.std(axis=0))
        one = labelled[labels == ONE_CLASS] if labels.dtype.kind in "iu" else labelled
        means, deviations = one.mean(axis=0), one.std(axis=0)
    ranks = {"least": spreads[0], "middle": np.median(spreads), "most": spreads[-1]}
    numbers = {f"spread_{rank}_{place}": value for rank, value in ranks.items()}
    for where, third in zip(WHERE, _thirds(len(means)), strict=True):
        numbers[f"mean_{where}_{place}"] = round(float(means[third].mean()), 6)
        numbers[f"third_{where}_{place}"] = deviations[third].mean()
    return {name: _finite(float(value)) for name, value in numbers.items()}


def _thirds(columns: int) -> list[slice]:
    """Which columns are the first, the middle and the last third."""
    edges = [round(columns * part / 3) for part in range(4)]
    return [slice(low, max(high, low + 1)) for low, high in pairwise(edges)]


def _finite(value: float) -> float:
    """Infinite where it is no number: NaN says that there was nothing to measure."""
    return math.inf if math.isnan(value) else value
