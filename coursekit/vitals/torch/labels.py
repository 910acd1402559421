"""The labels behind a loss, as autograd kept them for the backward pass.

A training loop shows its labels to nobody but the loss function, and that may be a plain
function. What it needs again for its gradient, autograd keeps: ``loss.grad_fn._saved_target``
(PyTorch, autograd mechanics, "Saved tensors").
"""

from typing import Any

from torch import Tensor

from coursekit.vitals.readings import MOST_CLASSES

_DEEP_ENOUGH = 12  # label smoothing, an averaging and a GradScaler put a few nodes on top


def labels_behind(loss: Tensor) -> tuple[Tensor, int] | None:
    """The class numbers that a loss was computed from, and the number of classes.

    Found for cross-entropy (with class numbers) and for binary cross-entropy with one output;
    None for another loss, and after its gradient has been computed.

    >>> import torch
    >>> logits = torch.zeros(2, 3, requires_grad=True)
    >>> labels_behind(torch.nn.functional.cross_entropy(logits, torch.tensor([2, 0])))
    (tensor([2, 0]), 3)
    >>> labels_behind(logits.sum())
    """
    waiting: list[Any] = [loss.grad_fn]  # breadth first; the list grows while it is walked
    for node in waiting:
        found = _READERS.get(type(node).__name__)
        if found is not None:
            return found(node)
        if len(waiting) > _DEEP_ENOUGH or node is None:
            return None
        waiting += [below for below, _ in node.next_functions if below is not None]
    return None


def _of_cross_entropy(node: Any) -> tuple[Tensor, int] | None:
    """The class numbers; of the log-probabilities (rows, classes, …) only the shape is used."""
    try:
        labels, shape = node._saved_target, node._saved_self.shape
    except RuntimeError:  # freed already, or changed in place
        return None
    classes = shape[1] if len(shape) > 1 else shape[0]
    return (labels, classes) if classes <= MOST_CLASSES else None


def _of_binary(node: Any) -> tuple[Tensor, int] | None:
    """Labels 0 and 1 of one output; several outputs are several questions, not classes."""
    try:
        labels: Tensor = node._saved_target
    except RuntimeError:
        return None
    one_output = labels.dim() < 2 or labels.shape[1:].numel() == 1
    return (labels.round().long(), 2) if one_output else None


_READERS = {
    "NllLossBackward0": _of_cross_entropy,
    "NllLoss2DBackward0": _of_cross_entropy,
    "BinaryCrossEntropyBackward0": _of_binary,
    "BinaryCrossEntropyWithLogitsBackward0": _of_binary,
}
