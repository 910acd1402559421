"""Looks at what a run is fed and what comes out, before it can do harm. On the host, where it can.

A label that is no class ends a process that computes on a GPU: the kernel asserts, and every call
after it fails. So labels are looked at before they are sent, and the number of classes is taken
from the shape of the first outputs, before the loss meets them.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.training.terms import Terms

Loss = Callable[[Any, Any], Tensor]

ELEMENTWISE = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)
ELEMENTWISE_TOO = (
    nn.functional.mse_loss, nn.functional.l1_loss, nn.functional.smooth_l1_loss,
    nn.functional.huber_loss,
)  # fmt: skip


class Guard:
    """Looks at every batch of the first pass; later ones cost nothing on the CPU.

    Args:
        model: Whose weights say which precision the inputs must have.
        loss_fn: Decides what labels are allowed.
        name: What the caller called the data, for the errors.

    Attributes:
        terms: What the mean of the loss is taken over.
        first_pass: Whether the data has not been seen to its end yet.
    """

    def __init__(self, model: nn.Module, loss_fn: Loss, *, name: str) -> None:
        check_loss_fn(loss_fn)
        self.terms = Terms(loss_fn)
        self._model, self._loss_fn, self._name = model, loss_fn, name
        self._dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
        self._labels: Any = None
        self.first_pass, self._first_step = True, True

    def batch(self, inputs: Any, labels: Any, device: torch.device) -> None:
        """Look at a batch where it is, before it is sent to the device.

        Raises:
            BadInputError: See `check_numbers`.
        """
        if self.first_pass:
            check_numbers(inputs, labels, dtype=self._dtype, name=self._name)
            self._labels = labels
        else:
            self._labels = labels if labels.is_cpu and device.type != "cpu" else None

    def loss(self, loss: Any) -> None:
        """Look at a loss of the first pass.

        Raises:
            BadInputError: See `check_loss`.
        """
        if self.first_pass:
            check_loss(loss)

    def outputs(self, outputs: Any) -> None:
        """Look at the labels of the batch, now that the outputs say how many classes there are.

        Raises:
            BadInputError: See `check_labels`.
        """
        if self._labels is not None:
            check_labels(self._loss_fn, outputs, self._labels)

    def gradients(self) -> None:
        """After the first ``backward``: did it reach a weight?

        Raises:
            BadInputError: It reached none.
        """
        if self._first_step and all(p.grad is None for p in self._model.parameters()):
            raise BadInputError(
                "The loss does not depend on the weights: after backward no weight has a gradient. "
                "Compute it from model(inputs), without .detach() on the way."
            )
        self._first_step = False

    def passed(self) -> None:
        """The first pass is over."""
        self.first_pass, self._labels = False, None


def check_loss_fn(loss_fn: object) -> None:
    """Refuse what cannot be called with outputs and labels.

    Raises:
        BadInputError: It is a class, from which no loss was made yet, or nothing that is called.
    """
    if isinstance(loss_fn, type):
        name = loss_fn.__name__
        raise BadInputError(
            f"loss_fn is the class {name}, not a loss made from it. Pass {name}(), with brackets."
        )
    if not callable(loss_fn):
        raise BadInputError(
            f"loss_fn is a {type(loss_fn).__name__}. Pass a function of outputs and labels, such "
            "as nn.CrossEntropyLoss()."
        )


def check_numbers(inputs: Any, labels: Any, *, dtype: torch.dtype | None, name: str) -> None:
    """Refuse a batch that would train a model into nonsense.

    Args:
        inputs: Of any shape, (rows, …).
        labels: Likewise.
        dtype: Of the weights; None where no weight is a real number.
        name: What the caller called the data, for the errors.

    Raises:
        BadInputError: There is a NaN or infinity in it, the numbers of rows differ, or the
            inputs have another precision than the weights.

    >>> check_numbers(torch.ones(2, 3), torch.zeros(2), dtype=torch.float32, name="data")
    """
    for part, values in (("inputs", inputs), ("labels", labels)):
        if values.is_floating_point() and not _all_finite(values):
            raise BadInputError(f"{name}: {_where_not_finite(part, values)}")
    if inputs.dim() and labels.dim() and len(inputs) != len(labels):
        raise BadInputError(
            f"{name}: a batch has {len(inputs)} rows of inputs and {len(labels)} labels. "
            "Each row needs one label."
        )
    if dtype is not None and inputs.is_floating_point() and inputs.dtype != dtype:
        raise BadInputError(
            f"{name}: the inputs are {_named(inputs.dtype)}, the weights of the model "
            f"{_named(dtype)}. Convert the data once: torch.as_tensor(x, dtype={dtype})."
        )


def check_labels(loss_fn: Loss, outputs: Any, labels: Tensor) -> None:
    """Refuse labels that the loss cannot use with these outputs.

    Of the outputs, of shape (rows, classes, …), only the shape is looked at, so this does not wait
    for a GPU. A loss other than ``nn.CrossEntropyLoss`` is tried on the host, and only where a
    label is no class.

    Raises:
        BadInputError: The labels are of the wrong type or shape, or no class of the model.

    >>> check_labels(nn.CrossEntropyLoss(), torch.zeros(2, 3), torch.tensor([0, 2]))
    """
    if not isinstance(outputs, Tensor):
        return
    by_element = isinstance(loss_fn, ELEMENTWISE) or loss_fn in ELEMENTWISE_TOO
    if by_element and labels.shape != outputs.shape:
        name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
        raise BadInputError(
            f"{name} got outputs of shape {tuple(outputs.shape)} and labels of "
            f"shape {tuple(labels.shape)}. They would be stretched to fit, each row compared with "
            "every label. Give both one shape: labels.unsqueeze(1), or outputs.squeeze(1)."
        )
    if isinstance(loss_fn, nn.CrossEntropyLoss):
        _check_for_cross_entropy(loss_fn, outputs, labels)
    elif labels.dtype is torch.int64 and outputs.dim() > 1 and labels.dim() == outputs.dim() - 1:
        _try_on_the_host(loss_fn, outputs, labels)


def check_loss(loss: Any) -> None:
    """Refuse a loss that ``backward`` cannot start from.

    Raises:
        BadInputError: It is no tensor, has several entries, or nothing in it can be trained.

    >>> check_loss(torch.tensor(0.5, requires_grad=True))
    """
    if not isinstance(loss, Tensor):
        raise BadInputError(
            f"The loss is a {type(loss).__name__}. loss_fn must return a tensor that was computed "
            "from the outputs: no .item(), no numpy in it."
        )
    if loss.numel() != 1:
        raise BadInputError(
            f"The loss has shape {tuple(loss.shape)}, and must be one number. Average it: "
            "reduction='mean' in the loss function, or loss.mean()."
        )
    if not loss.requires_grad:
        raise BadInputError(
            "The loss does not depend on the weights: no gradient can flow back from it. Look for "
            ".detach(), .data, argmax, rounding or torch.no_grad() in the model or in loss_fn."
        )


def _check_for_cross_entropy(loss_fn: nn.CrossEntropyLoss, outputs: Tensor, labels: Tensor) -> None:
    """Class numbers, or probabilities of the outputs' shape."""
    if labels.shape == outputs.shape and labels.is_floating_point():
        return
    if labels.dtype is not torch.int64:
        raise BadInputError(
            f"CrossEntropyLoss got labels of type {_named(labels.dtype)}, shape "
            f"{tuple(labels.shape)}. "
            "It wants class numbers of type int64, shape (rows,): use labels.long()."
        )
    if outputs.dim() == 2 and labels.dim() != 1:
        raise BadInputError(
            f"CrossEntropyLoss got labels of shape {tuple(labels.shape)} for outputs of shape "
            f"{tuple(outputs.shape)}. Class numbers have the shape (rows,): use labels.squeeze(1), "
            "or labels.argmax(dim=1) for one-hot rows."
        )
    classes = outputs.shape[1] if outputs.dim() > 1 else len(outputs)
    if not _are_classes(labels, classes):
        real = labels[labels != loss_fn.ignore_index]
        if not _are_classes(real, classes):
            raise BadInputError(_out_of_range(real, classes))


def _try_on_the_host(loss_fn: Loss, outputs: Tensor, labels: Tensor) -> None:
    """Whether a loss of unknown rules takes labels that look out of range: it may ignore some."""
    classes = outputs.shape[1]
    if _are_classes(labels, classes):
        return
    try:
        loss_fn(outputs.detach().cpu(), labels.cpu())
    except (IndexError, RuntimeError) as error:
        if "same device" not in str(error):  # a loss with weights of its own, on a GPU
            raise BadInputError(_out_of_range(labels, classes)) from error


def _are_classes(labels: Tensor, classes: int) -> bool:
    """Whether all labels are from 0 to classes - 1."""
    if not labels.numel():
        return True
    low, high = labels.aminmax()
    return bool(low.item() >= 0 and high.item() < classes)


def _out_of_range(labels: Tensor, classes: int) -> str:
    """Which labels came, which are allowed, and what to do."""
    return (
        f"The labels run from {int(labels.min())} to {int(labels.max())}, but the model has "
        f"{classes} outputs, so labels 0 to {classes - 1}. Renumber the labels, or give the "
        "last layer as many outputs as there are classes."
    )


def _where_not_finite(part: str, values: Tensor) -> str:
    """How many entries are NaN or infinite, and where the first is, in a sentence."""
    places = (~torch.isfinite(values)).nonzero()
    first = tuple(places[0].tolist()) if places.shape[1] else ()
    word = "NaN" if torch.isnan(values[first]) else "infinite"
    return (
        f"the {part} hold {len(places)} value(s) that are NaN or infinite; the first, at index "
        f"{first} of a batch, is {word}. One is enough to make every weight NaN: drop or fill "
        "such rows first."
    )


def _all_finite(values: Tensor) -> bool:
    """Whether no entry is NaN or infinite: a finite sum says so at a third of the cost."""
    return math.isfinite(values.sum().item()) or bool(torch.isfinite(values).all())


def _named(dtype: torch.dtype) -> str:
    """A type of entries, without ``torch.``."""
    return str(dtype).removeprefix("torch.")
