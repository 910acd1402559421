"""Ways to take a step with a decay, written as answers to task 1: the right one, usual slips."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Way = Callable[[nn.Module, nn.Module, Optimizer, Tensor, Tensor, float], object]
Share = Callable[[Optimizer, dict[str, Any], Tensor], float]

ORDINARY_RATE = 0.003


def plain(
    model: nn.Module, loss_fn: nn.Module, optimizer: Optimizer, x: Tensor, y: Tensor, decay: float
) -> None:
    """A step of the optimizer alone, with the options that stand in its groups."""
    del decay
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def beside(share: Share) -> Way:
    """A plain step; beside it, each weight loses `share` × decay of what it was."""

    def step(*given: Any) -> None:
        optimizer, decay = given[2], given[5]
        places = [(group, weight) for group in optimizer.param_groups for weight in group["params"]]
        old = [weight.detach().clone() for _, weight in places]
        plain(*given)
        with torch.no_grad():
            for (group, weight), before in zip(places, old, strict=True):
                weight -= share(optimizer, group, weight) * decay * before

    return step


right = beside(lambda _, group, __: group["lr"])


def inside(*given: Any) -> None:
    """The decay as the optimizer's own option: an L2 term, unless it is AdamW."""
    for group in given[2].param_groups:
        group["weight_decay"] = given[5]
    plain(*given)


def before_the_forward_pass(*given: Any) -> None:
    """The weights decay before the gradient is taken."""
    with torch.no_grad():
        for group in given[2].param_groups:
            for weight in group["params"]:
                weight *= 1 - group["lr"] * given[5]
    plain(*given)


def forgetting(*given: Any) -> None:
    """The right step of an optimizer that has lost its averages."""
    given[2].state.clear()
    right(*given)


def of_the_model(*given: Any) -> None:
    """Weights that the optimizer does not hold decay too, at its first rate."""
    model, optimizer, decay = given[0], given[2], given[5]
    held = {weight for group in optimizer.param_groups for weight in group["params"]}
    right(*given)
    with torch.no_grad():
        for weight in set(model.parameters()) - held:
            weight *= 1 - optimizer.param_groups[0]["lr"] * decay


SLIPS: Mapping[str, Way] = {
    "there is no decay in it": plain,
    "the decay stands inside the gradient; Adam rescales it, momentum repeats it": inside,
    "the decay lacks the rate": beside(lambda *_: 1.0),
    "the decay of all weights has the rate of the first group": beside(
        lambda optimizer, _, __: optimizer.param_groups[0]["lr"]
    ),
    "the decay keeps the rate of the start": beside(
        lambda _, group, __: float(group["initial_lr"] if "initial_lr" in group else group["lr"])
    ),
    "the decay has a rate that is not the optimizer's": beside(lambda *_: ORDINARY_RATE),
    "the biases do not decay": beside(
        lambda _, group, weight: group["lr"] if weight.ndim > 1 else 0.0
    ),
    "the gradient is taken at weights that have already decayed": before_the_forward_pass,
    "the optimizer forgets the steps before": forgetting,
    "weights that the optimizer does not hold decay too": of_the_model,
}
