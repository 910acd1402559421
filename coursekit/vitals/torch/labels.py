"""The labels behind a loss, as autograd kept them for the backward pass.

A training loop shows its labels to nobody but the loss function, and that may be a plain
function. What it needs again for its gradient, autograd keeps: ``loss.grad_fn._saved_target``
(PyTorch, autograd mechanics, "Saved tensors").
"""

from typing import Any

import torch
from torch import Tensor

from coursekit.vitals.readings import MOST_CLASSES

_DEEP_ENOUGH = 12  # label smoothing, an averaging and a GradScaler put a few nodes on top


def labels_behind(loss: Tensor) -> tuple[Tensor, int] | None:
    """The class numbers that a loss was computed from, and the number of classes.

    Found for cross-entropy (with class numbers) and for binary cross-entropy with one output;
    None for another loss, and after its gradient has been computed. Of a sum of such losses those
    with as many classes as the first count together. The same rows count once: two heads with one
    tensor of labels, or one output with two labels (mixup), of which the first is taken.

    >>> logits = torch.zeros(2, 3, requires_grad=True)
    >>> labels_behind(torch.nn.functional.cross_entropy(logits, torch.tensor([2, 0])))
    (tensor([2, 0]), 3)
    >>> labels_behind(logits.sum())
    """
    waiting: list[Any] = [loss.grad_fn]  # breadth first; the list grows while it is walked
    found: list[Any] = []
    for node in waiting:
        if type(node).__name__ in _READERS:
            found.append(node)
        elif len(waiting) <= _DEEP_ENOUGH and node is not None:
            waiting += [below for below, _ in node.next_functions if below is not None]
    return _read(found[0]) if len(found) == 1 else _together(found)


def _read(node: Any) -> tuple[Tensor, int] | None:
    """The class numbers that a node of the graph has kept, and the number of classes."""
    return _READERS[type(node).__name__](node)


def _together(nodes: list[Any]) -> tuple[Tensor, int] | None:
    """The class numbers of several nodes, end to end; those of the same rows once."""
    kept: list[Tensor] = []
    classes, device = 0, None
    sources: list[Any] = []
    for node in nodes:
        read = _read(node)
        if read is None:
            continue
        labels, number = read
        classes, device = classes or number, device or labels.device
        rows = _rows_of(node)
        if (number, labels.device) == (classes, device) and not any(r in sources for r in rows):
            kept.append(labels.reshape(-1))
            sources += rows
    return (torch.cat(kept), classes) if kept else None


def _rows_of(node: Any) -> list[Any]:
    """What tells by which rows a loss was computed: the memory of its labels, and its output."""
    below = node.next_functions[0][0]
    if type(below).__name__ == "LogSoftmaxBackward0":
        below = below.next_functions[0][0]
    labels = node._saved_target
    return [(labels.data_ptr(), labels.shape), below]


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
