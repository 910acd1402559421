"""The gradient norm of each layer of a run, with the last finite one kept."""

from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn


@final
class Gradients:
    """Reads the gradient of each layer's weights at the end of an epoch; in the first, each step.

    A run may overflow within its first epoch: by its end there would be nothing to show.

    >>> model = nn.Linear(1, 1)
    >>> gradients = Gradients(model)
    >>> model.weight.grad = torch.tensor([[2.0]])
    >>> gradients.read()
    >>> model.weight.grad = torch.tensor([[torch.nan]])
    >>> gradients.read()
    >>> gradients.norms, gradients.overflowed
    ((2.0,), True)
    """

    def __init__(self, model: nn.Module) -> None:
        layers = (getattr(layer, "weight", None) for layer in model.modules())
        self._weights = [one for one in layers if isinstance(one, Tensor) and one.dim() > 1]
        self._kept: dict[int, Tensor] = {}  # by place, from the input on
        self._newest: dict[int, Tensor] = {}
        leaves: list[tuple[int, Any]] = [  # torch does not annotate their method
            (place, weight) for place, weight in enumerate(self._weights)
            if weight.is_leaf and weight.requires_grad
        ]  # fmt: skip
        self._hooks = [
            leaf.register_post_accumulate_grad_hook(partial(self._note, place))
            for place, leaf in leaves
        ]

    @property
    def norms(self) -> tuple[float, ...]:
        """The last finite norm of each layer, from the input on; not a number where none was."""
        if not self._kept:
            return ()
        return tuple(torch.stack([self._kept[place] for place in sorted(self._kept)]).tolist())

    @property
    def overflowed(self) -> bool:
        """Whether a newest norm is not finite."""
        if not self._newest:
            return False
        return not bool(torch.isfinite(torch.stack(list(self._newest.values()))).all())

    def read(self) -> None:
        """Read what the last step left; from now on nothing is read within an epoch."""
        self.close()
        for place, weight in enumerate(self._weights):
            if weight.grad is not None:
                self._note(place, weight)

    def close(self) -> None:
        """Leave no hook behind."""
        while self._hooks:
            self._hooks.pop().remove()

    def _note(self, place: int, weight: Tensor) -> None:
        """Take the norm, which stays on its device, and keep it where it is finite."""
        if weight.grad is None:
            return
        norm = weight.grad.detach().norm()
        before = self._kept.get(place, torch.full_like(norm, torch.nan))
        self._newest[place] = norm
        self._kept[place] = torch.where(torch.isfinite(norm), norm, before)
