"""What the routine does not ask of parts: is the model fresh, does the loop use this loss?"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.checks.calling import SEED
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of
from coursekit.training.checkup.prices import LossFn


def same_by_lot(build: Callable[[Tensor], nn.Module], y: Tensor) -> bool:
    """Whether the model that comes is the same for labels dealt out by lot: a fresh one is.

    Where two builds for the same labels differ too, nothing can be said, and it counts as fresh.
    """
    dealt = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(SEED))]
    first, again, other = (list(build(one).state_dict().values()) for one in (y, y, dealt))
    return not _alike(first, again) or _alike(first, other)


def _alike(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether they are equal."""
    return len(one) == len(other) and all(
        torch.equal(a, b) for a, b in zip(one, other, strict=True)
    )


def agreement(
    one_pass: Callable[[Any], object], model: nn.Module, loader: Any, loss_fn: LossFn, classes: int
) -> float:
    """The cosine between the loop's gradient and that of ``loss_fn``, for a batch.

    At fresh weights a loss with a softmax too many points the same way. So it is asked where
    answers are certain and wrong: at doubled weights of a trained model, with the next class as
    the label. Lengths do not count, nor what happens to a gradient after ``backward``. The model is
    of no use afterwards. 1 where there is nothing to compare.

    Raises:
        CheckFailed: The loader has no batch any more.
    """
    inputs, labels = _first_of(loader)
    wrong = labels.roll(1, dims=-1) if labels.ndim > 1 else (labels + 1) % classes
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)  # as `call` does for the loop: dropout draws the same
        own = _gradient(model, lambda: loss_fn(model(inputs), wrong).mean().backward())  # type: ignore[no-untyped-call]
    loops = _gradient(model, lambda: one_pass([(inputs, wrong)]))
    if not own.norm() > 0 or not loops.norm() > 0:  # also where they are no numbers
        return 1.0
    return float(nn.functional.cosine_similarity(own, loops, dim=0))


def _first_of(loader: Any) -> tuple[Tensor, Tensor]:
    """A batch; after many passes a generator has none left."""
    batch = next(iter(loader), None)
    if batch is None:
        raise CheckFailed(
            f"parts returned {kind_of(loader)} as loader, and after a pass no batch is left in it; "
            "expected one that every pass can go through anew."
        )
    inputs, labels = batch
    return inputs, labels


def _gradient(model: nn.Module, act: Callable[[], object]) -> Tensor:
    """What the first backward inside leaves in each weight, as one vector."""
    found: dict[int, Tensor] = {}
    weights = [weight for weight in model.parameters() if weight.requires_grad]

    def note(weight: Tensor) -> None:
        if weight.grad is not None:
            found.setdefault(id(weight), weight.grad.detach().clone())

    for weight in weights:
        weight.grad = None
    handles = [
        weight.register_post_accumulate_grad_hook(note)  # type: ignore[no-untyped-call]
        for weight in weights
    ]
    try:
        act()
    finally:
        for handle in handles:
            handle.remove()
    empty = torch.zeros(0)
    return torch.cat([empty, *(found.get(id(w), torch.zeros_like(w)).flatten() for w in weights)])
