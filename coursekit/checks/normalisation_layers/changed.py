"""Names what a call has left changed in a model: a mode, a setting, a weight or an average."""

from collections.abc import Iterator

from torch import Tensor, nn

from coursekit.checks.wording import told_apart

AVERAGES = ("running_mean", "running_var", "num_batches_tracked")  # what a BatchNorm keeps

Value = str | bool | float | list[float] | None


def first_change(before: nn.Module, after: nn.Module, *, but: tuple[str, ...] = ()) -> str | None:
    """The first difference between two models, in a clause of a sentence; None where there is none.

    Args:
        before: A model.
        after: The same model after the call.
        but: Buffers that may differ, by their names in a layer.

    >>> first_change(nn.BatchNorm1d(1), nn.BatchNorm1d(1, momentum=0.3).eval())
    'the mode of BatchNorm 1 was training and is evaluation now'
    >>> first_change(nn.Linear(9, 9), nn.Linear(9, 9))
    'the weight of the model has changed'
    """
    old, new = dict(_traits(before, but)), dict(_traits(after, but))
    for trait in old | new:
        if old.get(trait) != new.get(trait):
            return _told(trait, old.get(trait), new.get(trait))
    return None


def _told(trait: str, old: Value, new: Value) -> str:
    """One difference; long lists of numbers are left out."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) == 1:
        old, new = old[0], new[0]
    if isinstance(old, list) or isinstance(new, list):
        return f"{trait} has changed"
    if type(old) is type(new) is float:
        old, new = told_apart(old, new)
    return f"{trait} was {old} and is {new} now"


def _traits(model: nn.Module, but: tuple[str, ...]) -> Iterator[tuple[str, Value]]:
    """What a model is, layer by layer: name and value."""
    norms = 0
    for name, layer in model.named_modules():
        norms += isinstance(layer, nn.BatchNorm1d)
        of = f"of {_called(name, layer, norms)}"
        yield f"the mode {of}", "training" if layer.training else "evaluation"
        if isinstance(layer, nn.BatchNorm1d):
            yield f"the momentum {of}", layer.momentum
        yield f"the number of hooks {of}", len(layer._forward_hooks) + len(layer._forward_pre_hooks)
        for key, weight in layer.named_parameters(recurse=False):
            yield f"the {key} {of}", _numbers(weight)
            yield f"requires_grad of the {key} {of}", weight.requires_grad
            yield f"the grad of the {key} {of}", _numbers(weight.grad)
        for key, buffer in layer.named_buffers(recurse=False):
            if key not in but:
                yield f"{key} {of}", _numbers(buffer)


def _called(name: str, layer: nn.Module, norms: int) -> str:
    """What a message calls a layer; BatchNorm layers are counted from 1."""
    if isinstance(layer, nn.BatchNorm1d):
        return f"BatchNorm {norms}"
    if not name:
        return "the model"
    return f"layer {name} ({type(layer).__name__})"


def _numbers(values: Tensor | None) -> list[float] | None:
    """A tensor's numbers in a row."""
    return None if values is None else values.detach().double().flatten().tolist()
