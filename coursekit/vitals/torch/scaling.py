"""What a ``torch.amp.GradScaler`` does to a run: the scale, and the steps that it skips."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from coursekit.errors import BadInputError


class ScalerWatch:
    """Reads the scale without waiting for the device, and counts skipped steps.

    The scaler skips a step by not calling ``optimizer.step``, where no hook can see it: so
    ``scaler.step`` is wrapped, on this one object, while the recording lasts.

    Attributes:
        skipped: Steps that the scaler has skipped since `attach`.
    """

    def __init__(self, scaler: torch.amp.GradScaler | None, *, steps: Callable[[], int]) -> None:
        if scaler is not None and not isinstance(scaler, torch.amp.GradScaler):
            raise BadInputError(
                f"scaler is a {type(scaler).__name__}; pass the torch.amp.GradScaler whose "
                "scale(loss) and step(optimizer) the loop calls, or leave it out."
            )
        self._scaler = scaler if scaler is not None and scaler.is_enabled() else None
        self._steps = steps
        self.skipped = 0

    def __bool__(self) -> bool:
        return self._scaler is not None

    def attach(self) -> None:
        """Begin to count skipped steps."""
        if self._scaler is not None:
            self._scaler.step = self._counting(self._scaler.step)  # type: ignore[method-assign]

    def detach(self) -> None:
        """Give the scaler back as it was."""
        if self._scaler is not None:
            vars(self._scaler).pop("step", None)

    def scale(self) -> Tensor | None:
        """The scale as a 0-d tensor of its own; None before the first loss was scaled."""
        scale: Tensor | None = self._scaler._scale if self._scaler is not None else None
        return None if scale is None else scale.detach().clone()

    def _counting(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """``scaler.step``, counting the calls that led to no step."""

        def counted(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
            before = self._steps()
            result = step(optimizer, *args, **kwargs)
            self.skipped += self._steps() == before
            return result

        return counted
