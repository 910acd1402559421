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

    Args:
        scaler: The loop's; None where it has none.
        optimizer: Whose steps count: a scaler may step several.
        steps: Steps that this optimizer has made so far.

    Attributes:
        optimizer: As given.
        steps: As given.
        skipped: Steps that the scaler has skipped since `attach`.
    """

    def __init__(
        self,
        scaler: torch.amp.GradScaler | None,
        *,
        optimizer: torch.optim.Optimizer,
        steps: Callable[[], int],
    ) -> None:
        if scaler is not None and not isinstance(scaler, torch.amp.GradScaler):
            raise BadInputError(
                f"scaler is a {type(scaler).__name__}; pass the torch.amp.GradScaler whose "
                "scale(loss) and step(optimizer) the loop calls, or leave it out."
            )
        self._scaler = scaler if scaler is not None and scaler.is_enabled() else None
        self.optimizer, self.steps = optimizer, steps
        self.skipped = 0

    def __bool__(self) -> bool:
        return self._scaler is not None

    def attach(self) -> None:
        """Begin to count skipped steps."""
        if self._scaler is not None:
            _watchers_of(self._scaler).append(self)

    def detach(self) -> None:
        """Give the scaler back as it was, if no other recording counts its steps."""
        if self._scaler is not None:
            watchers = _watchers_of(self._scaler)
            watchers.remove(self)
            if not watchers:
                vars(self._scaler).pop("step")

    def scale(self) -> Tensor | None:
        """The scale as a 0-d tensor of its own; None before the first loss was scaled."""
        scale: Tensor | None = self._scaler._scale if self._scaler is not None else None
        return None if scale is None else scale.detach().clone()


def _watchers_of(scaler: torch.amp.GradScaler) -> list[ScalerWatch]:
    """Who counts the steps of a scaler; its ``step`` tells them from now on."""
    step: Callable[..., Any] = scaler.step
    if hasattr(step, "watchers"):
        known: list[ScalerWatch] = step.watchers
        return known
    watchers: list[ScalerWatch] = []

    def counted(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        before = [(one, one.steps()) for one in watchers if one.optimizer is optimizer]
        result = step(optimizer, *args, **kwargs)
        for one, steps in before:
            one.skipped += one.steps() == steps
        return result

    counted.watchers = watchers  # type: ignore[attr-defined]
    scaler.step = counted  # type: ignore[method-assign]
    return watchers
