"""Task 1: ``pack(network, mean, spread)`` makes one model of a scale and a network."""

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-3  # of the largest answer; float32 keeps 1e-5
SEED = 201
ROWS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Packed:
    """What the answer made of one network.

    Attributes:
        data: Name of the data set.
        expected: The network's answers to the scaled rows, shape (rows, classes).
        seen: The packed model's answers to the raw rows, in evaluation mode.
        training: The same in training mode.
        reloaded: The answers of another packed network after it has loaded the state of this one;
            None where it could not load it.
        trainable: How many numbers an optimizer would train.
        trainable_before: How many of the network alone.
        altered: What was changed in place: arguments of pack, or the rows given to its model.
    """

    data: str
    expected: Array
    seen: Array
    training: Array
    reloaded: Array | None
    trainable: int
    trainable_before: int
    altered: tuple[str, ...]


class Network(nn.Module):
    """A module of one's own: it has layers and a forward, and none of Sequential's brackets."""

    def __init__(self, hidden: nn.Module, bend: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.hidden, self.bend, self.last = hidden, bend, last

    def forward(self, x: Tensor) -> Tensor:
        """Rows of shape (rows, features)."""
        answers: Tensor = self.last(self.bend(self.hidden(x)))
        return answers


NETWORKS: dict[str, type[nn.Module]] = {"breast_cancer": nn.Sequential, "wine": Network}

Evidence = tuple[Packed, ...]


def gather(pack: object) -> Evidence:
    """Pack two networks, ask the results, and send the state of each to another packed network."""
    return tuple(_packed(pack, name, kind) for name, kind in NETWORKS.items())


def answers_are_right(evidence: Evidence) -> str | None:
    """Raw rows get the answers that the network gives to scaled ones."""
    for one in evidence:
        row, column = _worst(one.seen, one.expected)
        if not _alike(one.seen, one.expected):
            return (
                f"On {one.data}, your model's output {column} for raw row {row} is "
                f"{two_digits(one.seen[row, column])}; the network's for the same row, scaled, is "
                f"{two_digits(one.expected[row, column])}."
            )
    return None


def state_holds_the_scale(evidence: Evidence) -> str | None:
    """A model that loads the state of another gives its answers."""
    for one in evidence:
        if one.reloaded is None:
            return f"On {one.data}, a second packed network could not load the first one's state."
        if not _alike(one.reloaded, one.seen):
            return (
                f"On {one.data}, a second packed network loaded the state of the first and answers "
                "differently. Something that the answers depend on is not in state_dict()."
            )
    return None


def modes_agree(evidence: Evidence) -> str | None:
    """Training mode changes nothing about the scale."""
    for one in evidence:
        row, column = _worst(one.training, one.seen)
        if not _alike(one.training, one.seen):
            return (
                f"On {one.data}, output {column} for raw row {row} is "
                f"{two_digits(one.training[row, column])} in training mode and "
                f"{two_digits(one.seen[row, column])} in evaluation mode."
            )
    return None


def scale_is_not_trained(evidence: Evidence) -> str | None:
    """An optimizer finds the network's own weights, and nothing else."""
    for one in evidence:
        if one.trainable != one.trainable_before:
            return (
                f"On {one.data}, an optimizer would train {one.trainable} numbers of your model; "
                f"the network has {one.trainable_before}."
            )
    return None


def arguments_are_untouched(evidence: Evidence) -> str | None:
    """What came in is as it was: network, mean, spread, and later the rows."""
    for one in evidence:
        if one.altered:
            return f"On {one.data}, {' and '.join(one.altered)} changed in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    count = sum(len(one.seen) for one in evidence)
    return (
        f"{count} raw rows of {' and '.join(one.data for one in evidence)} get the network's "
        "answers, in either mode, and after saving and loading; only the network would be trained."
    )


check_pack = Check(
    task="Task 1",
    takes=("pack",),
    gather=gather,
    clauses=(
        Clause(
            name="answers",
            test=answers_are_right,
            hint="Raw rows come in. What happens to them first, and with which numbers?",
        ),
        Clause(
            name="state",
            test=state_holds_the_scale,
            hint="Print the keys of your model's state_dict(). Are mean and spread among them?",
        ),
        Clause(
            name="mode",
            test=modes_agree,
            hint="Which layer computes something else in training mode?",
        ),
        Clause(
            name="trained",
            test=scale_is_not_trained,
            hint="What training may change, and all of that, are the network's weights.",
        ),
        Clause(
            name="untouched",
            test=arguments_are_untouched,
            hint="Somebody may still use the network alone, or the raw rows. Make new tensors.",
        ),
    ),
    verified=verified,
    hints=(
        "Two modules, one after the other. Which comes first?",
        "Print your model(x) beside network((x - mean) / spread) for a few rows, and the keys of "
        "your model's state_dict(). The lesson's section 'One object' shows the line.",
        "nn.Sequential takes modules in their order: a Scale made of mean and spread, then the "
        "network.",
    ),
)


def _packed(pack: object, name: str, kind: type[nn.Module]) -> Packed:
    """Pack one network, ask it, and load its state into another one."""
    x, y = _table(name)
    sizes = (x.shape[1], int(y.max()) + 1)
    network, other = (_network(*sizes, seed, kind) for seed in (SEED, SEED + 1))
    mean, spread = x[ROWS:].mean(dim=0), x[ROWS:].std(dim=0)
    x = x[:ROWS]  # rows that mean and spread were not taken from
    title = name.replace("_", " ")
    with torch.no_grad():
        expected = network((x - mean) / spread)
    outcome = call(pack, {"network": network, "mean": mean, "spread": spread}, name="pack")
    model = _model(outcome.result)
    state = copy.deepcopy(model.state_dict())
    trainable = _trainable(model)
    rows = x.clone()
    seen = _answers(model.eval(), rows, expected, f"On {title}, your model")
    altered = outcome.altered if torch.equal(rows, x) else (*outcome.altered, "the raw rows")
    training = _answers(
        model.train(), x.clone(), expected, f"On {title}, in training mode, your model"
    )
    second = call(
        pack, {"network": other, "mean": mean + spread, "spread": 2 * spread}, name="pack"
    )
    return Packed(
        data=title, expected=expected.double().numpy(), seen=seen, training=training,
        reloaded=_reloaded(_model(second.result), state, x, expected),
        trainable=trainable, trainable_before=_trainable(network), altered=altered,
    )  # fmt: skip


def _table(name: str) -> tuple[Tensor, Tensor]:
    """A table in a random order: x of shape (rows, features), y of shape (rows,)."""
    data = load_dataset(name)
    order = np.random.default_rng(SEED).permutation(len(data.y))
    return torch.tensor(data.x[order], dtype=torch.float32), torch.tensor(data.y[order])


def _network(features: int, classes: int, seed: int, kind: type[nn.Module]) -> nn.Module:
    """A network that was never trained: only whether the answers agree matters here."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes))


def _model(value: object) -> nn.Module:
    """The returned model, or one sentence about what came instead."""
    if isinstance(value, nn.Module):
        return value
    forgotten = " Is the return missing?" if value is None else ""
    raise CheckFailed(f"pack returned {kind_of(value)}; expected an nn.Module.{forgotten}")


def _answers(model: nn.Module, x: Tensor, like: Tensor, source: str) -> Array:
    """A model's answers; what its forward raises is reported as the learner's.

    The call hands over a copy; what the model does to that is done to x as well.
    """
    with torch.no_grad():
        outcome = call(model, {"x": x}, name="The model that pack returned")
    x.copy_(outcome.handed["x"])
    return as_array(outcome.result, shape=tuple(like.shape), source=source)


def _reloaded(model: nn.Module, state: dict[str, Tensor], x: Tensor, like: Tensor) -> Array | None:
    """The answers of a model that has loaded a state; None where it does not take it."""
    try:
        model.load_state_dict(state)
    except RuntimeError:
        return None
    return _answers(model.eval(), x.clone(), like, "After loading a state, your model")


def _trainable(model: nn.Module) -> int:
    """How many numbers an optimizer would train."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def _alike(one: Array, other: Array) -> bool:
    """Whether two sets of answers are the same, but for rounding."""
    return bool(np.abs(one - other).max() <= TOLERANCE * max(float(np.abs(other).max()), 1.0))


def _worst(one: Array, other: Array) -> tuple[int, int]:
    """Row and column of the largest gap."""
    row, column = np.unravel_index(int(np.abs(one - other).argmax()), one.shape)
    return int(row), int(column)
