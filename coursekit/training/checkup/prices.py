"""What a guess costs by a loss function, and what a right and certain answer costs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LossFn = Callable[[Tensor, Tensor], Tensor]
SURE = 50.0  # a logit of a certain answer: exp(-50) is nothing
NOTHING = 1e-6
ALIKE = 0.05  # nat
ORDINARY = 20.0  # targets of at most this size (root mean square) may be answered by 0 at first
RESHAPES = ("Squeeze", "Unsqueeze", "View", "Reshape", "Select")
# What an activation puts out, as PyTorch's graph names it.
RANGES = {
    "Relu": (0.0, math.inf), "Softplus": (0.0, math.inf), "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0), "Softmax": (0.0, 1.0),
}  # fmt: skip
DISTANCES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Losses that need no training; NaN where it is not known what the loss takes.

    Attributes:
        guess: The loss of an answer that does not look at the inputs, in the loss's own unit.
        certain: The loss of the right answer, given without a doubt; next to 0 where outputs,
            targets and loss fit together.
        least: The least loss there is: 0, but for targets that are themselves in doubt.
    """

    guess: float = math.nan
    certain: float = math.nan
    least: float = 0.0


UNKNOWN = Prices()


def prices(loss_fn: LossFn, outputs: Any, targets: Tensor) -> Prices:
    """The prices of a batch.

    Args:
        loss_fn: Called with outputs and targets.
        outputs: What the model gives for a batch, shape (rows, …).
        targets: Class numbers, shape (rows, …); or numbers, shape (rows,) or that of the outputs.

    >>> logits = torch.tensor([[0.1, -0.2], [0.3, 0.1]])
    >>> found = prices(nn.CrossEntropyLoss(), logits, torch.tensor([0, 1]))
    >>> round(found.guess, 2), round(found.certain, 2)
    (0.69, 0.0)
    >>> shares = logits.softmax(dim=1)  # one softmax too many: certain answers are not free
    >>> round(prices(nn.CrossEntropyLoss(), shares, torch.tensor([0, 1])).certain, 2)
    0.31
    """
    if not isinstance(outputs, Tensor):
        return UNKNOWN
    with torch.no_grad():
        if not targets.is_floating_point():
            return _of_classes(loss_fn, outputs, targets)
        if _is(loss_fn, nn.BCEWithLogitsLoss, functional.binary_cross_entropy_with_logits):
            logits = last_activation(outputs) != "Sigmoid"  # of which no output is above 1
            return _of_shares(loss_fn, outputs, targets, logits=logits)
        if _is(loss_fn, nn.BCELoss, functional.binary_cross_entropy):
            return _of_shares(loss_fn, outputs, targets, logits=False)
        if isinstance(loss_fn, nn.Module) and not isinstance(loss_fn, DISTANCES):
            return UNKNOWN
        return _of_numbers(loss_fn, outputs, targets)


def size_of(values: Tensor) -> float:
    """The root mean square."""
    return values.double().square().mean().sqrt().item()


def _is(loss_fn: LossFn, kind: type[nn.Module], function: Callable[..., Tensor]) -> bool:
    """Whether it is that loss, as a module or as a function."""
    plain = loss_fn.func if isinstance(loss_fn, partial) else loss_fn
    return isinstance(plain, kind) or plain is function


def last_activation(outputs: Tensor) -> str:
    """The activation that made them, as their graph says: ``"Sigmoid"``; "" if it was none.

    >>> last_activation(torch.ones(2, 1, requires_grad=True).relu().squeeze(1))
    'Relu'
    """
    node = outputs.grad_fn
    while node is not None and node.name().startswith(RESHAPES):
        node = node.next_functions[0][0]
    name = "" if node is None else node.name().partition("Backward")[0]
    return name if name in RANGES else ""


def _of_shares(loss_fn: LossFn, outputs: Tensor, targets: Tensor, *, logits: bool) -> Prices:
    """Of a binary cross-entropy, whose targets may be shares between 0 and 1."""
    sure = targets.logit().clamp(-SURE, SURE) if logits else targets
    even = torch.full_like(outputs, 0.0 if logits else 0.5)
    best = _loss(loss_fn, sure, outputs, targets)
    certain = bool(((targets == 0) | (targets == 1)).all())
    return Prices(
        guess=_loss(loss_fn, even, outputs, targets),
        certain=best if certain else math.nan,
        least=0.0 if certain or math.isnan(best) else best,
    )


def _of_numbers(loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> Prices:
    """Of a distance, which is 0 where outputs are targets; other losses have no known price.

    A loop may reshape the outputs inside ``loss_fn``. Where it does not, and shapes spread, the
    targets cost something in the shape of the outputs, and nothing in their own.
    """
    as_given = _loss(loss_fn, targets, outputs, targets)
    if abs(as_given) < NOTHING:
        return Prices(guess=_blind(loss_fn, outputs, targets), certain=as_given)
    own = _loss(loss_fn, targets, targets, targets)
    guess = _blind(loss_fn, targets, targets)
    return Prices(guess=guess, certain=as_given) if abs(own) < NOTHING else UNKNOWN


def _blind(loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> float:
    """What the mean of the targets costs, or 0 where targets are small; NaN where it is nothing."""
    mean = targets.mean(dim=0, keepdim=True).expand_as(targets)
    answers = [mean]
    if size_of(targets) <= ORDINARY:
        answers.append(torch.zeros_like(targets))
    cost = max(_loss(loss_fn, answer, outputs, targets) for answer in answers)
    return cost if cost > NOTHING else math.nan


def _of_classes(loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> Prices:
    """Of class numbers; where the classes are, and what the outputs are, is read off them."""
    known = [
        _of_classes_along(axis, loss_fn, outputs, targets)
        for axis in sorted({1, outputs.ndim - 1})
        if 0 < axis < outputs.ndim and outputs.shape[axis] > 1
        and outputs.select(axis, 0).shape == targets.shape
        and targets.max() < outputs.shape[axis]
    ]  # fmt: skip
    known = [found for found in known if found != UNKNOWN]
    return min(known, key=lambda found: found.certain) if known else UNKNOWN


def _of_classes_along(axis: int, loss_fn: LossFn, outputs: Tensor, targets: Tensor) -> Prices:
    """Of class numbers, with one output a class along this axis: logits, shares, or their logs."""
    classes = outputs.shape[axis]
    wanted = targets.long().clamp(0, classes - 1)
    right = functional.one_hot(wanted, classes).movedim(-1, axis).to(outputs)
    ones = torch.ones_like(outputs.select(axis, 0))
    even = torch.full_like(outputs, 1 / classes)
    if outputs.max() <= 0 and torch.allclose(outputs.exp().sum(dim=axis), ones, atol=1e-3):
        sure, even = (right - 1) * SURE, even.log()
    elif outputs.min() >= 0 and torch.allclose(outputs.sum(dim=axis), ones, atol=1e-3):
        sure = right
    else:
        sure = right * SURE
    fair = _loss(loss_fn, even, outputs, targets)
    # A function of one's own may cost less than a cross-entropy, or be a distance to 0 and 1.
    guess = max(fair, math.log(classes))
    smoothing = float(getattr(loss_fn, "label_smoothing", 0.0))
    if smoothing:  # then a certain answer costs something on purpose
        soft = (1 - smoothing) * right + smoothing / classes
        return Prices(guess=guess, least=_loss(loss_fn, soft.log(), outputs, targets))
    certain = min((_loss(loss_fn, answer, outputs, targets) for answer in (sure, right)), key=abs)
    # What is no cross-entropy may take its outputs for something else than one a class.
    is_one = _is(loss_fn, nn.CrossEntropyLoss, functional.cross_entropy) or _is(
        loss_fn, nn.NLLLoss, functional.nll_loss
    )
    fits = is_one or abs(fair - math.log(classes)) < ALIKE or abs(certain) < ALIKE
    return Prices(guess=guess, certain=certain) if fits else UNKNOWN


def _loss(loss_fn: LossFn, answer: Tensor, outputs: Tensor, targets: Tensor) -> float:
    """The loss of an answer, given in the shape of the outputs; NaN where it does not take it."""
    if answer.numel() != outputs.numel():
        return math.nan
    answer = answer.reshape(outputs.shape).to(outputs).contiguous()  # the loss may call view
    try:
        return loss_fn(answer, targets).mean().item()
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, AssertionError):
        return math.nan
