"""The optional task: ``deep_network(seed)`` gives a model of thirty layers that learns."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.cases.rows import digits
from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits

SEEDS = (105, 106)
DEPTH = 30
EPOCHS = 5
BATCH = 32
LEARNT = 0.75  # accuracy; what learns at all reaches .85 and more, what does not, .6 or less
COUNTS = 1e-4  # of the logits' spread: what zeroing a layer must change at the least


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One model, before and after training.

    Attributes:
        depth: Longest chain of nn.Linear(64, 64), each fed by the one before.
        least: Least change of the logits when one of these layers gives 0, in their spread.
        held: Whether the optimizer holds every weight of the model.
        accuracy: On rows that it never saw.
    """

    depth: int
    least: float
    held: bool
    accuracy: float


Evidence = tuple[Trained, ...]


def gather(deep_network: object) -> Evidence:
    """Build and train on each seed."""
    return tuple(_trained(deep_network, seed) for seed in SEEDS)


def deep_enough(evidence: Evidence) -> str | None:
    """Thirty layers, one behind the other."""
    for one in evidence:
        if one.depth < DEPTH:
            return (
                f"The longest chain of nn.Linear(64, 64), each fed by the one before, has "
                f"{one.depth} layers; expected at least {DEPTH}."
            )
    return None


def weights_are_held(evidence: Evidence) -> str | None:
    """The optimizer holds the model's weights."""
    if all(one.held for one in evidence):
        return None
    return "The optimizer does not hold all parameters of the model, so some are never trained."


def layers_count(evidence: Evidence) -> str | None:
    """No layer could be left out unnoticed."""
    for one in evidence:
        if not one.least > COUNTS:
            return (
                "When one of the layers gives 0, the logits change by "
                f"{two_digits(one.least)} of their spread: that layer does not count."
            )
    return None


def learns(evidence: Evidence) -> str | None:
    """Held-out rows are named rightly on both seeds."""
    for seed, one in zip(SEEDS, evidence, strict=True):
        if not one.accuracy >= LEARNT:
            return (
                f"After {EPOCHS} epochs the accuracy on seed {seed} is {one.accuracy:.2f}; "
                f"expected at least {LEARNT}."
            )
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    depth = min(one.depth for one in evidence)
    return (
        f"{depth} layers, each of which counts, reach an accuracy of {LEARNT} or more on both "
        f"seeds after {EPOCHS} epochs."
    )


check_deep_network = Check(
    task="The optional task",
    takes=("deep_network",),
    gather=gather,
    clauses=(
        Clause(
            name="depth",
            test=deep_enough,
            hint="Count the nn.Linear(64, 64) on the way from the input to the output.",
        ),
        Clause(
            name="held",
            test=weights_are_held,
            hint="Make the optimizer last, from model.parameters() of the whole model.",
        ),
        Clause(
            name="learns",
            test=learns,
            hint="Measure the gradient norms of your model before training, and whether two "
            "batches agree about the first layer.",
        ),
        Clause(
            name="counts",
            test=layers_count,
            hint="Each layer must have a share in the result: a scale of 0 takes it away.",
        ),
    ),
    verified=verified,
    hints=(
        "What did the lesson do so that forty layers learnt?",
        "Print the gradient norm of each layer (task 2), then the accuracy after one epoch.",
        "Let each layer add to its input: inputs + torch.relu(self.linear(inputs)) / 30**0.5, with "
        "He's weights.",
    ),
)


def _trained(deep_network: object, seed: int) -> Trained:
    """Build, train with the plain loop, and look."""
    (x, y), (held_x, held_y), _ = (
        (torch.tensor(rows, dtype=torch.float32), torch.tensor(labels))
        for rows, labels in digits(seed)
    )
    model, optimizer = _answer(call(deep_network, {"seed": seed}, name="deep_network").result)
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    chain = _chain(model, x[:BATCH])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _train(model, optimizer, x, y)
    model.eval()
    with torch.no_grad():
        guesses = _logits(model, held_x).argmax(dim=1)
    return Trained(
        depth=len(chain),
        least=min((_effect(model, layer, held_x[:64]) for layer in chain), default=0.0),
        held=all(id(weight) in held for weight in model.parameters()),
        accuracy=float((guesses == held_y).float().mean()),
    )


def _answer(value: object) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The model and the optimizer, or one sentence about what came instead."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise CheckFailed(
            f"deep_network returned {kind_of(value)}; expected a model and an optimizer."
        )
    model, optimizer = value
    if not isinstance(model, nn.Module) or not isinstance(optimizer, torch.optim.Optimizer):
        raise CheckFailed(
            f"deep_network returned {kind_of(model)} and {kind_of(optimizer)}; expected a model "
            "and an optimizer."
        )
    return model, optimizer


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    """The plain loop."""
    model.train()
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(x)), BATCH):
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(_logits(model, x[batch]), y[batch])
            loss.backward()
            optimizer.step()


def _logits(model: nn.Module, x: Tensor) -> Tensor:
    """What the model says, of the shape that a loss can take."""
    try:
        logits = model(x)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckFailed(
            f"The model cannot take rows of shape {tuple(x.shape)}: {error}"
        ) from error
    if not isinstance(logits, Tensor) or logits.shape != (len(x), 10):
        raise CheckFailed(f"The model gave {kind_of(logits)}; expected shape ({len(x)}, 10).")
    return logits


def _chain(model: nn.Module, x: Tensor) -> list[nn.Module]:
    """The hidden layers, in the order in which they are called, up to one not fed by the last."""
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((layer, inputs[0], output))

    wanted = [m for m in model.modules() if isinstance(m, nn.Linear) and _is_hidden(m)]
    hooks = [layer.register_forward_hook(note) for layer in wanted]
    try:
        model.train()
        _logits(model, x)
    finally:
        for hook in hooks:
            hook.remove()
    chain: list[nn.Module] = []
    for number, (layer, inputs, _) in enumerate(calls):
        if layer in chain or (number and not _feeds(calls[number - 1][2], inputs)):
            break
        chain.append(layer)
    return chain


def _is_hidden(layer: nn.Linear) -> bool:
    """Whether it is one of the layers that the task counts."""
    return (layer.in_features, layer.out_features) == (64, 64)


def _feeds(output: Tensor, inputs: Tensor) -> bool:
    """Whether what one layer gives goes into what another one gets."""
    if not inputs.requires_grad:
        return False
    (slope,) = torch.autograd.grad(inputs.sum(), output, retain_graph=True, allow_unused=True)
    return slope is not None


def _effect(model: nn.Module, layer: nn.Module, x: Tensor) -> float:
    """How much the logits change when a layer gives 0, in their spread; 0 where one is NaN."""
    hook = layer.register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output))
    with torch.no_grad():
        try:
            without = model(x)
        finally:
            hook.remove()
        logits = model(x)
    change = float((logits - without).abs().max() / logits.std().clamp_min(1e-12))
    return change if math.isfinite(change) else 0.0
