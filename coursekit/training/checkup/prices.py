"""What a guess costs by a loss function, and what a right and certain answer costs."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LossFn = Callable[[Tensor, Tensor], Tensor]
SURE = 50.0  # a logit of a certain answer: exp(-50) is nothing
NOTHING = 1e-6
DISTANCES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Two losses that need no training; NaN where it is not known what the loss takes.

    Attributes:
        guess: The loss of an answer that does not look at the inputs, in the loss's own unit.
        certain: The loss of the right answer, given without a doubt; next to 0 where outputs,
            targets and loss fit together.
    """

    guess: float
    certain: float


def prices(loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> Prices:
    """Both prices, for a batch.

    Args:
        loss_fn: Called with outputs and targets.
        outputs: What the model gives for a batch, shape (rows, …).
        targets: Class numbers, shape (rows,); or numbers, shape (rows,) or that of the outputs.

    >>> logits = torch.tensor([[0.1, -0.2], [0.3, 0.1]])
    >>> found = prices(nn.CrossEntropyLoss(), logits, torch.tensor([0, 1]))
    >>> round(found.guess, 2), round(found.certain, 2)
    (0.69, 0.0)
    >>> shares = logits.softmax(dim=1)  # one softmax too many: certain answers are not free
    >>> round(prices(nn.CrossEntropyLoss(), shares, torch.tensor([0, 1])).certain, 2)
    0.31
    """
    unknown = Prices(guess=math.nan, certain=math.nan)
    name = getattr(loss_fn, "__name__", type(loss_fn).__name__).lower()
    with torch.no_grad():
        if not targets.is_floating_point():
            return _of_classes(loss_fn, outputs, targets) if outputs.ndim > 1 else unknown
        if "bce" in name or "binary_cross_entropy" in name:
            sure = (2 * targets - 1) * SURE if "logits" in name else targets
            return Prices(guess=math.log(2), certain=_loss(loss_fn, sure, outputs, targets))
        if isinstance(loss_fn, nn.Module) and not isinstance(loss_fn, DISTANCES):
            return unknown
        return _of_numbers(loss_fn, outputs, targets)


def _of_numbers(loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> Prices:
    """Of a distance, which is 0 where outputs are targets; other losses have no known price.

    A loop may reshape the outputs inside ``loss_fn``. Where it does not, and shapes spread, the
    targets cost something in the shape of the outputs, and nothing in their own.
    """
    mean = targets.mean(dim=0, keepdim=True).expand_as(targets)
    as_given = _loss(loss_fn, targets, outputs, targets)
    if abs(as_given) < NOTHING:
        return Prices(guess=_loss(loss_fn, mean, outputs, targets), certain=as_given)
    try:
        own = _loss(loss_fn, targets, targets, targets)
        guess = _loss(loss_fn, mean, targets, targets)
    except (RuntimeError, ValueError, TypeError, IndexError):
        own = guess = math.nan
    distance = abs(own) < NOTHING
    return Prices(guess=guess if distance else math.nan, certain=as_given if distance else math.nan)


def _of_classes(loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> Prices:
    """Of class numbers; what the outputs are is read off them: logits, shares, or their logs."""
    classes = outputs.shape[1]
    known = targets.long().clamp(0, classes - 1)
    right = nn.functional.one_hot(known, classes).movedim(-1, 1).to(outputs)
    ones = torch.ones_like(outputs[:, 0])
    if outputs.max() <= 0 and torch.allclose(outputs.exp().sum(dim=1), ones, atol=1e-3):
        sure = (right - 1) * SURE
    elif outputs.min() >= 0 and torch.allclose(outputs.sum(dim=1), ones, atol=1e-3):
        sure = right
    else:
        sure = right * SURE
    smoothed = getattr(loss_fn, "label_smoothing", 0.0) > 0  # then it costs something on purpose
    certain = math.nan if smoothed else _loss(loss_fn, sure, outputs, targets)
    return Prices(guess=math.log(classes), certain=certain)


def _loss(loss_fn: LossFn, answer: Tensor, outputs: Tensor, targets: Tensor) -> float:
    """The loss of an answer, given in the shape of the outputs; NaN where it has not that many."""
    if answer.numel() != outputs.numel():
        return math.nan
    return loss_fn(answer.reshape(outputs.shape).to(outputs), targets).mean().item()
