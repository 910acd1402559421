"""The other lines: one measurement each, and its limit.

The limits are wide on purpose: they find what stops a run, not what could be better.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.training.checkup.lines import Line
from coursekit.training.checkup.prices import RANGES, Prices, last_activation, size_of
from coursekit.training.checkup.script import Script

LARGE = 20.0  # a column of larger size shakes the first layer, and most inputs are below 1
TIMES_A_GUESS = 3.0
NEXT_TO_NOTHING = 0.1  # of a guess: the floor of a loss
WEAKEST = 1 / 30  # of the largest gradient norm, for the layer that a vanishing gradient starves
WEAKEST_INSIDE = 1 / 1000  # for another: queries and keys get a hundredth or less in a sound run
FIRST = 10  # steps, after which weights that start at zero pass a gradient on
STEP = (1e-4, 0.3)  # of a layer's weights: below, nothing moves; above, it starts anew
BY_HEART = 0.3  # of a guess, after so many steps on one batch
PATIENCE = 4  # stretches of so many steps, while the loss falls
ENOUGH = 2
FALLING = 0.8
RATE_LEFT = 0.1
SMALL = 0.1  # of the usual size of first weights: chosen, as for the last layer of a policy
FEW = 0.05  # targets that an activation cannot reach: that many may be outliers
NEVER_BELOW_ZERO = (nn.CrossEntropyLoss, nn.NLLLoss, nn.KLDivLoss, nn.BCELoss)


def rows(script: Script) -> Line:
    """What reaches the first layer with weights: a scaler may be a part of the model."""
    lost = sum(_lost(inputs) for inputs, _ in script.batches)
    without = sum(_lost(targets) for _, targets in script.batches)
    sizes = [_largest_column(given) for given in script.at_first_weights()]
    if lost or without:
        words = f"not finite: {_counted(lost, 'value') if lost else _counted(without, 'target')}"
        return Line(name="rows", well=False, words=words, lesson="08")
    if not sizes:
        words = "no layer of weights is fed numbers with a fraction"
        return Line(name="rows", well=True, words=words, lesson="01, 08", judged=False)
    size = max(sizes)
    seen, most = _apart(size, LARGE, digits=3)
    words = f"the largest column has size {seen} (root mean square; at most {most})"
    return Line(name="rows", well=size <= LARGE, words=words, lesson="01, 08")


def _counted(number: int, what: str) -> str:
    """``1 target``, ``2 targets``."""
    return f"{number} {what}{'s' if number > 1 else ''}"


def _lost(values: Tensor) -> int:
    """How many are NaN or infinite."""
    return int((~values.isfinite()).sum())


def _largest_column(arrived: Tensor) -> float:
    """The largest root mean square of a column, shape of what arrived (rows, …)."""
    return arrived.flatten(1).double().square().mean(dim=0).sqrt().max().item()


def first_loss(script: Script, costs: Prices) -> Line:
    """Before any step."""
    with torch.no_grad():
        first = script.loss().item()
    script.moment.back()
    finite = math.isfinite(first)
    words = f"{first:.3g}; a guess costs {costs.guess:.3g}"
    if first < 0 and math.isnan(costs.guess) and isinstance(script.loss_fn, NEVER_BELOW_ZERO):
        words = f"{first:.3g}, which this loss never is: are its inputs (log-)probabilities?"
        return Line(name="first loss", well=False, words=words, lesson="05")
    if math.isnan(costs.guess):
        words = f"{first:.3g}; what a guess costs by this loss is not known"
        return Line(name="first loss", well=finite, words=words, lesson="01, 12", judged=not finite)
    well = finite and not first > TIMES_A_GUESS * costs.guess
    targets = script.batch[1]
    size = size_of(targets) if targets.is_floating_point() else 0.0
    if not well and size > LARGE:  # then it is they that make the loss large
        words = f"{words}; the targets have size {size:.2g}: scale them too"
    return Line(name="first loss", well=well, words=words, lesson="01, 12")


def loss(script: Script, outputs: Any, costs: Prices) -> Line:
    """Whether outputs, targets and loss fit together."""
    misfit = _spread(script, outputs) or _beyond(script, outputs)
    if misfit:
        return Line(name="loss", well=False, words=misfit, lesson="05")
    if math.isnan(costs.certain) or math.isnan(costs.guess):
        words = "what a right answer costs by this loss is not known"
        return Line(name="loss", well=True, words=words, lesson="05", judged=False)
    well = abs(costs.certain) < NEXT_TO_NOTHING * costs.guess
    words = f"a right and certain answer costs {costs.certain:.2g} (next to 0)"
    return Line(name="loss", well=well, words=words, lesson="05")


def _spread(script: Script, outputs: Any) -> str:
    """Where PyTorch warns that it spreads outputs and targets over each other, in words."""
    targets = script.on_device()[1]
    with warnings.catch_warnings(record=True) as said, torch.no_grad():
        warnings.simplefilter("always")
        script.loss_fn(outputs, targets)
    script.moment.back()
    if not any("Using a target size" in str(one.message) for one in said):
        return ""
    shapes = [tuple(one.shape) for one in (outputs, targets) if isinstance(one, Tensor)]
    return f"{' and '.join(map(str, shapes))} are spread over each other: each row meets all others"


def _beyond(script: Script, outputs: Any) -> str:
    """Where the last activation keeps outputs off the targets, in words; "" where it does not."""
    targets = script.batch[1]
    if not (isinstance(outputs, Tensor) and targets.is_floating_point()):
        return ""
    last = last_activation(outputs)
    low, high = RANGES.get(last, (-math.inf, math.inf))
    share = ((targets < low) | (targets > high)).double().mean().item()
    if share < FEW:
        return ""
    reach = f"from {low:g} to {high:g}" if math.isfinite(high) else f"from {low:g} on"
    return f"the model ends in a {last}, {reach}; {share:.0%} of the targets are beyond that"


def gradients(script: Script, batches_a_step: int) -> Line:
    """The layer that gets least against the one that gets most, at the first batch.

    Weights that start at zero, or far below the usual, pass next to nothing on until they have
    moved: then it is a few steps later.
    """
    script.moment.back()
    starts = [w for name, w in script.weights.items() if not name.endswith("bias")]
    if any(_begins_small(w) for w in starts):
        script.after([script.batch] * batches_a_step * FIRST)
        for weight in script.weights.values():
            weight.grad = None
    norms = _gradient_norms(script)
    script.moment.back()
    if not norms or not all(map(math.isfinite, norms.values())):
        words = "no matrix of weights" if not norms else "a gradient is not finite"
        return Line(name="gradients", well=not norms, words=words, lesson="04, 12")
    limits = dict.fromkeys(norms, WEAKEST_INSIDE) | {next(iter(norms)): WEAKEST}
    weak, strong = (
        min(norms, key=lambda n: norms[n] / limits[n]),
        max(norms, key=lambda n: norms[n]),
    )
    share = norms[weak] / norms[strong] if norms[strong] else 0.0
    seen, least = _apart(share, limits[weak])
    words = f"{weak} gets {seen} of what {strong} gets (at least {least})"
    if not norms[strong]:
        words = "all are 0: nothing of the loss reaches a weight, as behind a dead last ReLU"
    elif len(norms) == 1:
        words = f"{weak} is the only layer with a matrix"
    elif weak == strong:  # the first is asked for more
        words = f"{weak}, the first layer, gets most"
    return Line(name="gradients", well=share >= limits[weak], words=words, lesson="04, 12")


def _gradient_norms(script: Script) -> dict[str, float]:
    """The gradient norm of each layer's matrix at the first batch, by name.

    Without tables of an embedding, of which a batch uses few rows; and without tokens and
    positions, which are no layers, where the model has layers at all.
    """
    script.loss().backward()  # type: ignore[no-untyped-call]
    tables = {
        id(layer.weight) for layer in script.model.modules() if isinstance(layer, nn.Embedding)
    }
    norms = {
        name: 0.0 if w.grad is None else w.grad.norm().item()
        for name, w in script.matrices.items() if id(w) not in tables
    }  # fmt: skip
    return {name: norms[name] for name in script.layers_of(norms)}


def _begins_small(weight: Tensor) -> bool:
    """Whether it starts at zero, or at less than a tenth of the size that PyTorch draws."""
    usual = 1 / math.sqrt(3 * max(weight[0].numel(), 1)) if weight.ndim else 1.0
    return size_of(weight.detach()) < SMALL * usual


def step(script: Script, batches_a_step: int) -> Line:
    """The longest first step of a layer, against its weights; none where these are zero.

    Where some layers start at zero, the others get no gradient yet: a short first step is no fault
    then, and only the upper limit counts. Weights that start small on purpose are soon of another
    size: the others are asked, if there are any.
    """
    script.moment.back()
    layers = script.layers_of(script.matrices)
    begun = [name for name in layers if script.matrices[name].any()]
    asked = [name for name in begun if not _begins_small(script.matrices[name])] or begun
    batches = [script.batch] * batches_a_step
    moved = script.moved_by_step(batches) or script.moved(batches)
    ways = {name: moved[name] for name in asked}
    script.moment.back()
    if not ways:
        words = "no matrix of weights that is not zero"
        return Line(name="step", well=True, words=words, lesson="03", judged=False)
    far = max(ways, key=lambda name: ways[name])
    shortest = STEP[0] if asked == layers else 0.0
    well = shortest <= ways[far] <= STEP[1]
    seen, _ = _apart(ways[far], min(STEP, key=lambda limit: abs(limit - ways[far])))
    words = f"the first step changes {far} by {seen} of itself ({STEP[0]:g} to {STEP[1]:g})"
    return Line(name="step", well=well, words=words, lesson="03")


def _apart(value: float, limit: float, digits: int = 1) -> tuple[str, str]:
    """Both with so many digits, or as many more as they need to read differently.

    >>> _apart(0.41, 0.3), _apart(0.32, 0.3), _apart(0.032, 1 / 30), _apart(0.3, 0.3)
    (('0.4', '0.3'), ('0.32', '0.3'), ('0.032', '0.033'), ('0.3', '0.3'))
    """
    for more in range(digits, digits + 6):
        texts = f"{value:.{more}g}", f"{limit:.{more}g}"
        if texts[0] != texts[1]:
            return texts
    return f"{value:.{digits}g}", f"{limit:.{digits}g}"


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The learning rate over the first batches: at its start, at its highest, and at the end."""

    batches: int
    start: float
    highest: float
    end: float

    def line(self) -> Line:
        """A schedule that is to end within so few batches looks like one that falls too early."""
        words = f"{self.start:.2g} at first, {self.end:.2g} after {self.batches} batches"
        well = self.end > RATE_LEFT * self.start
        return Line(name="rate", well=well, words=words, lesson="03, 13")


def follow(script: Script) -> Followed:
    """Watch the learning rate while the loop runs over the first batches."""
    script.moment.back()
    seen = [script.rate]
    handle = script.optimizer.register_step_pre_hook(lambda *_: seen.append(script.rate))
    try:
        script.after(script.batches)
    finally:
        handle.remove()
    end = script.rate
    script.moment.back()
    return Followed(batches=len(script.batches), start=seen[0], highest=max(seen), end=end)


def one_batch(script: Script, costs: Prices, batches: int) -> Line:
    """Whether the model can learn one batch by heart. It says that something is off, not what.

    A run that is on its way gets up to four times as many.
    """
    limit = costs.least + BY_HEART * (costs.guess - costs.least)
    script.moment.back()
    first = _now(script)
    script.after([script.batch] * batches)
    lasts = [_now(script)]
    while len(lasts) < PATIENCE and lasts[-1] > limit and _falls(lasts):
        script.one_pass([script.batch] * batches)
        lasts.append(_now(script))
    script.moment.back()
    last, seen = lasts[-1], f"after {batches * len(lasts)} batches, all the same,"
    words = f"{seen} its loss is {last:.2g}"
    well = math.isfinite(last) and not last > limit
    why = ""
    if math.isnan(limit):
        why = "what a guess costs is not known"
    elif _is_small(script):
        why = "the model has too few weights to learn it by heart"
    if not why or not math.isfinite(last):
        return Line(name="one batch", well=well, words=words, lesson="00")
    if last > first and first != 0:  # then what it should come down to does not matter
        words = f"{seen} its loss has gone up, from {first:.2g} to {last:.2g}"
        return Line(name="one batch", well=False, words=words, lesson="00")
    words = f"{seen} its loss is {last:.2g}, at first {first:.2g}; {why}"
    return Line(name="one batch", well=True, words=words, lesson="00", judged=False)


def _is_small(script: Script) -> bool:
    """Whether the model has fewer weights than the batch has targets."""
    targets: Tensor = script.batch[1]
    return sum(w.numel() for w in script.weights.values()) < targets.numel()


def _now(script: Script) -> float:
    """The loss of the batch."""
    with torch.no_grad():
        return script.loss().item()


def _falls(losses: list[float]) -> bool:
    """Whether the last stretch took a fifth away; true after the first, which none precedes."""
    return len(losses) < ENOUGH or losses[-1] < FALLING * losses[-2]
