"""Where a loss that is NaN or infinite began: the last batch, computed once more and watched."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.training.finite import listed, non_finite_statistics, non_finite_weights
from coursekit.training.guard import Loss
from coursekit.training.rehearsal import rehearsal
from coursekit.training.tools import Tools


def origin(tools: Tools) -> str:
    """Where it began, in a sentence: the forward pass of the last batch is run once more.

    With the same random numbers (so the same dropout), and without a trace. Looked at in the
    order of the computation: weights, inputs, each module's inputs and outputs, labels, loss.

    Args:
        tools: Of the run, whose batches hold the one that it happened in.
    """
    model, batches = tools.model, tools.batches
    broken = non_finite_weights(model)
    if broken:
        return (
            f"It began in the weights: {listed(broken)} hold NaN or infinity since an earlier "
            "update, whose loss was still finite, but not its gradient or its length. Try a lower "
            "learning rate, or clip_norm."
        )
    if batches.current is None:
        return "It began before the first batch."
    inputs, labels = batches.sent(*batches.current)
    if not _all_finite(inputs):
        return "It began in the inputs: the batch itself holds NaN or infinity. Look at the data."
    seen = _first_in_forward(tools, inputs, labels)
    running = non_finite_statistics(model)
    spoiled = (
        f" The running statistics {listed(running)} took it up, and would spoil every evaluation: "
        "build the model anew, or call reset_running_stats() on the layer."
    )
    return seen + (spoiled if running else "")


def _first_in_forward(tools: Tools, inputs: Any, labels: Any) -> str:
    """The first module, in the order of the computation, whose output is not finite."""
    found: list[str] = []
    with (
        torch.no_grad(),
        rehearsal(tools.model, inputs.device, dice=tools.batches.dice),
        _listening(tools.model, found),
        tools.precision.autocast,
    ):
        outputs = tools.model(inputs)
        if not found and not _all_finite(outputs):
            found.append("It began in the model's own forward, after its last module.")
        if not found and not _all_finite(labels):
            found.append("It began in the labels, which hold NaN or infinity. Look at the data.")
        finite = bool(torch.isfinite(tools.loss_fn(outputs, labels)).all())
    if not found and finite:
        return "Computed once more it was finite: the model or the loss does not repeat itself."
    return found[0] if found else _in_the_loss(tools.loss_fn)


def _in_the_loss(loss_fn: Loss) -> str:
    """What to say where finite outputs gave a loss that is not."""
    name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
    return (
        f"It began in the loss function, {name}: the model's outputs are finite. Look for a "
        "logarithm or a division by zero, or labels of which none count."
    )


def _listening(model: nn.Module, found: list[str]) -> ExitStack:
    """Hooks that write down where the first value that is not finite comes up."""

    def before(name: str, module: nn.Module, args: tuple[Any, ...]) -> None:
        if not found and not _all_finite(args):
            found.append(f"It began in the code that feeds {_called(name, module)}.")

    def after(name: str, module: nn.Module, output: Any) -> None:
        if not found and not _all_finite(output):
            found.append(
                f"It began in {_called(name, module)}: its input is finite, its output is not."
            )

    stack = ExitStack()
    for name, module in model.named_modules():
        for handle in (
            module.register_forward_pre_hook(lambda m, args, n=name: before(n, m, args)),
            module.register_forward_hook(lambda m, _, output, n=name: after(n, m, output)),
        ):
            stack.callback(handle.remove)
    return stack


def _called(name: str, module: nn.Module) -> str:
    """A module in a sentence."""
    kind = type(module).__name__
    return f"layer {name!r} ({kind})" if name else f"the model's own forward ({kind})"


def _all_finite(value: Any) -> bool:
    """Whether all real numbers in it are finite."""
    return all(bool(torch.isfinite(t).all()) for t in _tensors(value) if t.is_floating_point())


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in a value: one, or in tuples, lists and dicts of them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)
