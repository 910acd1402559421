"""Which layers of a PyTorch model are read in which way."""

from typing import Any

from torch import nn

from coursekit.vitals.readings import near_bounds

RELU_LIKE = (nn.ReLU, nn.ReLU6)

# Each with its two bounds. Softmax is left out: one sure class is what it is for.
BOUNDED: dict[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-1.0, 1.0),
    nn.Softsign: (-1.0, 1.0),
    nn.Sigmoid: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
}

_CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
)


class Reads:
    """What is read of each leaf module.

    Attributes:
        compiled: Whether ``torch.compile`` runs the model, as code that has no place for hooks.
        leaves: The modules without children, by name; none where the model is compiled.
        relus: Names of those whose units can die.
        bounds: Names of the bounded activations, each to where saturation begins.
        unit_axes: Layer name to the axis of its output that counts units, once it was called.
    """

    def __init__(self, model: nn.Module) -> None:
        self.compiled = model._compiled_call_impl is not None or hasattr(model, "_orig_mod")
        modules = [] if self.compiled else model.named_modules()
        self.leaves = {name: m for name, m in modules if not any(m.children())}
        self.relus = tuple(name for name, m in self.leaves.items() if isinstance(m, RELU_LIKE))
        self.bounds = {
            name: bounds for name, m in self.leaves.items() if (bounds := saturation_bounds(m))
        }
        self.unit_axes: dict[str, int] = {}


def saturation_bounds(module: nn.Module) -> tuple[float, float] | None:
    """Beyond which outputs an activation counts as saturated; None where it has no bounds.

    >>> saturation_bounds(nn.Tanh())
    (-0.97, 0.97)
    >>> saturation_bounds(nn.ReLU())
    """
    if isinstance(module, nn.Hardtanh) and not isinstance(module, RELU_LIKE):
        low, high = float(module.min_val), float(module.max_val)
    elif type(module) in BOUNDED:
        low, high = BOUNDED[type(module)]
    else:
        return None
    return near_bounds(low, high)


def puts_channels_first(module: nn.Module) -> bool | None:
    """Whether a layer's output is (rows, channels, …); None where it leaves that as it is.

    >>> puts_channels_first(nn.Conv1d(1, 2, 3)), puts_channels_first(nn.Linear(1, 2))
    (True, False)
    >>> puts_channels_first(nn.ReLU())
    """
    if isinstance(module, _CHANNELS_FIRST):
        return True
    return False if any(True for _ in module.parameters(recurse=False)) else None


def unit_axis(output: Any, *, channels_first: bool) -> int:
    """The axis of an output that counts its units.

    With four and more axes it is (rows, channels, …), where a channel counts as one unit. With
    three it depends on what came before: (rows, channels, positions) after a convolution, else
    (rows, positions, units). With two or one it is the last.

    >>> import torch
    >>> unit_axis(torch.zeros(8, 3, 5), channels_first=True)
    1
    """
    axes: int = output.dim()
    return 1 if axes >= 4 or (axes == 3 and channels_first) else axes - 1
