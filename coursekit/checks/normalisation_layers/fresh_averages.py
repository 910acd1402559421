"""Optional: ``fresh_averages(model, batches)`` takes BatchNorm's running averages anew."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.networks import linear
from coursekit.checks.normalisation_layers.changed import AVERAGES, first_change
from coursekit.checks.wording import told_apart
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 111
TOLERANCE = 0.005  # of a mean or a variance, and as much in all; float32 keeps 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A network, its batches, and the averages that they must leave.

    Attributes:
        name: What messages call it.
        model: The network; its averages come from elsewhere.
        batches: Each of shape (rows, features).
        means: The running mean of each BatchNorm.
        variances: The running variance of each.
    """

    name: str
    model: nn.Sequential
    batches: list[Tensor]
    means: list[Array]
    variances: list[Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One call of the answer."""

    known: Known
    outcome: Call

    @property
    def layers(self) -> list[nn.BatchNorm1d]:
        """The BatchNorm layers, as the answer left them."""
        return _norms(self.outcome.handed["model"])


Evidence = tuple[Probe, ...]


def situations() -> tuple[Known, ...]:
    """One BatchNorm that can be worked out by hand, two that have trained, and one that is frozen.

    >>> known = situations()[0]
    >>> known.means[0].tolist(), known.variances[0].tolist()
    ([3.5], [5.0])
    """
    pairs = [torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [8.0]])]
    pixels = torch.tensor(load_dataset("digits").x[:192] / 16, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        deep = nn.Sequential(
            nn.Linear(64, 5), nn.BatchNorm1d(5), nn.ReLU(),
            nn.Linear(5, 5), nn.BatchNorm1d(5, momentum=0.02), nn.ReLU(), nn.Linear(5, 10),
        )  # fmt: skip
    with torch.no_grad():
        for part in pixels[96:].reshape(3, 32, 64):
            deep(3 * part)  # averages of other rows, and a count that is not 0
    return (
        _known("one BatchNorm, batches (0, 2) and (4, 8)", nn.Sequential(nn.BatchNorm1d(1)), pairs),
        _known(
            "two BatchNorm layers before digits",
            deep.eval(),
            [pixels[:8], pixels[8:64], pixels[64:80], pixels[80:96]],  # batches of three sizes
        ),
        _known(
            "a frozen BatchNorm (in evaluation mode) in a model in training mode",
            nn.Sequential(linear([[2.0]]), nn.BatchNorm1d(1, momentum=0.5).eval()),
            [*pairs, torch.tensor([[1.0], [1.5], [5.0]]), torch.tensor([[0.0], [9.0]])],
        ),
    )


def gather(fresh_averages: Callable[..., object]) -> Evidence:
    """Call the answer on each."""
    return tuple(
        Probe(
            known=known,
            outcome=call(
                fresh_averages,
                {"model": known.model, "batches": known.batches},
                name=f"On {known.name}, fresh_averages",
            ),
        )
        for known in situations()
    )


def averages_are_right(evidence: Evidence) -> str | None:
    """Each running mean and variance is the plain mean over the batches."""
    for probe in evidence:
        known = probe.known
        for place, layer in enumerate(probe.layers):
            for what, held, right in (
                ("mean", layer.running_mean, known.means[place]),
                ("variance", layer.running_var, known.variances[place]),
            ):
                seen = None if held is None else held.double().numpy()
                if seen is None or not np.allclose(seen, right, rtol=TOLERANCE, atol=TOLERANCE):
                    return _wrong(known, place, what, seen, right)
    return None


def nothing_else_changes(evidence: Evidence) -> str | None:
    """Weights, modes, momenta and the batches are as they were."""
    for probe in evidence:
        known, handed = probe.known, probe.outcome.handed
        batches = [[batch.tolist() for batch in one] for one in (known.batches, handed["batches"])]
        if batches[0] != batches[1]:
            return f"On {known.name}, fresh_averages changed batches."
        changed = first_change(known.model, handed["model"], but=AVERAGES)
        if changed:
            return f"On {known.name}: {changed}."
    return None


def verified(_: Evidence) -> str:
    """What a pass has shown."""
    return "The averages are those of the batches, no weight has moved, and each layer is in the \
mode that it came in."


check_fresh_averages = Check(
    task="The optional task",
    takes=("fresh_averages",),
    gather=gather,
    clauses=(
        Clause(
            name="averages",
            test=averages_are_right,
            hint="Forget the old averages, and how many batches they counted; then one pass in "
            "training mode for each batch, each with the same weight. A variance by hand is over "
            "rows − 1, as BatchNorm keeps it.",
        ),
        Clause(
            name="nothing else",
            test=nothing_else_changes,
            hint="Whatever you change: note how it was in each layer, and put it back.",
        ),
    ),
    verified=verified,
    hints=(
        "In which mode do the averages move? How does the first batch count as much as the last?",
        "Print running_mean after each batch, for batches (0, 2) and (4, 8): 1, then 3.5.",
        "reset_running_stats() forgets. With momentum = None a BatchNorm takes the plain mean of "
        "all batches since. Run the batches through in training mode, then put each layer's "
        "momentum and mode back.",
    ),
)


def _wrong(known: Known, place: int, what: str, seen: Array | None, right: Array) -> str:
    """A sentence on the first average that is not right."""
    if seen is None:
        return f"On {known.name}, BatchNorm {place + 1} has no running {what} left."
    unit = int(np.argmax(np.abs(np.nan_to_num(seen, nan=np.inf) - right)))
    here, expected = told_apart(float(seen[unit]), float(right[unit]))
    return (
        f"On {known.name}, the running {what} of BatchNorm {place + 1} is {here} at unit {unit}; "
        f"expected {expected}."
    )


def _norms(model: nn.Module) -> list[nn.BatchNorm1d]:
    """The BatchNorm layers of a model."""
    return [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]


def _known(name: str, model: nn.Sequential, batches: list[Tensor]) -> Known:
    """The averages in numpy, so that check and answer share no code."""
    means: list[Array] = []
    variances: list[Array] = []
    signals = [batch.double().numpy() for batch in batches]
    for layer in model:
        match layer:
            case nn.Linear():
                weight, shift = (part.detach().double().numpy() for part in layer.parameters())
                signals = [signal @ weight.T + shift for signal in signals]
            case nn.ReLU():
                signals = [np.maximum(signal, 0) for signal in signals]
            case nn.BatchNorm1d():
                means.append(np.mean([signal.mean(axis=0) for signal in signals], axis=0))
                variances.append(
                    np.mean([signal.var(axis=0, ddof=1) for signal in signals], axis=0)
                )
                signals = [
                    (signal - signal.mean(axis=0)) / np.sqrt(signal.var(axis=0) + layer.eps)
                    for signal in signals
                ]  # fmt: skip
    return Known(name=name, model=model, batches=batches, means=means, variances=variances)
