"""Runs a colleague's script on a seed, and looks into what it returns."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.verdicts import CheckFailed
from coursekit.datasets import load_dataset

Script = Callable[..., Any]
Settings = Mapping[str, Any]


def call_text(settings: Settings) -> str:
    """How a script would be called with these settings.

    >>> call_text({"lr": 0.5}), call_text({})
    ('experiment(seed, lr=0.5)', 'experiment(seed)')
    """
    return f"experiment({', '.join(['seed', *(f'{k}={v!r}' for k, v in settings.items())])})"


def outcome(experiment: Script, seed: int, settings: Settings) -> Any:
    """What the script returns.

    Args:
        experiment: The script: it takes a seed, and settings as keywords.
        seed: The seed.
        settings: Keywords whose values are not the script's own.

    Raises:
        CheckFailed: The script raised an error; its own is the cause.

    >>> outcome(lambda seed, lr=0.1: {"accuracy": seed * lr}, 5, {"lr": 0.2})
    {'accuracy': 1.0}
    """
    bound = partial(experiment, **settings)
    return call(bound, {"seed": seed}, name=call_text(settings)).result


@contextmanager
def reading(parts: str) -> Iterator[None]:
    """Say in one sentence that a script does not return what it did.

    Args:
        parts: What its dictionary held as it was given: ``"model and accuracy"``.

    Raises:
        CheckFailed: What stands inside could not be read.

    >>> with reading("model and accuracy"):
    ...     {}["accuracy"]
    Traceback (most recent call last):
    coursekit.checks.verdicts.CheckFailed: experiment does not return what it did: a dictionary \
of model and accuracy. Undo your edit of its cell.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckFailed(
            f"experiment does not return what it did: a dictionary of {parts}. "
            "Undo your edit of its cell."
        ) from error


def labelled_rows(table: str, *, divide_by: float = 1.0) -> dict[bytes, int]:
    """The label of each row of a data set, by the bytes of the row in float32.

    Args:
        table: Name of the data set.
        divide_by: What the script divides the rows by.

    >>> len(labelled_rows("wine"))
    178
    """
    data = load_dataset(table)
    rows = (data.x / divide_by).astype(np.float32)
    return {row.tobytes(): label for row, label in zip(rows, data.y, strict=True)}


def linear_layers(model: nn.Module) -> list[nn.Linear]:
    """The Linear layers of a model, in the order in which it holds them.

    >>> linear_layers(nn.Sequential(nn.ReLU(), nn.Linear(2, 3)))
    [Linear(in_features=2, out_features=3, bias=True)]
    """
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def at_first_linear(model: nn.Module, rows: Tensor) -> tuple[Tensor, Tensor]:
    """What reaches the first Linear layer, in the mode that the model is in.

    Buffers stay as they were: in training mode, BatchNorm's averages would move.

    Args:
        model: The model.
        rows: Inputs, shape (rows, features).

    Returns:
        The layer's inputs, shape (rows, its features), and the model's output.

    Raises:
        IndexError: There is no Linear layer.

    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1))
    >>> at_first_linear(model, torch.tensor([[-1.0, 2.0]]))[0].tolist()
    [[0.0, 2.0]]
    """
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    seen: list[Tensor] = []
    first = linear_layers(model)[0]
    hook = first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            answers = model(rows)
            for name, buffer in model.named_buffers():
                buffer.copy_(kept[name])
    finally:
        hook.remove()
    return seen[0], answers
