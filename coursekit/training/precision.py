"""The precision of a run: what the forward pass computes in, and how ``backward`` is scaled."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from coursekit.device.precision import best_dtype
from coursekit.errors import BadInputError, unknown
from coursekit.vitals.torch import Vitals

Wanted = Literal["float32", "mixed", "bfloat16", "float16"]


class Precision:
    """How a run computes; in float32 it is nothing but ``loss.backward()`` and ``step()``.

    Under autocast the weights stay float32, and each operation picks its own precision. With
    float16, small gradients would become 0: the loss is multiplied by a scale, the gradients are
    divided by it before the step, and a step whose gradients overflowed is left out (Micikevicius
    et al. 2018, *Mixed Precision Training*).

    Args:
        wanted: ``"mixed"`` picks for the device: see `picked`.
        device: Where the run computes.
        weights: Of the model.

    Attributes:
        dtype: What autocast lowers to; float32 is no autocast.
        scaler: Scales losses, with float16; else None.
        autocast: For the forward pass and the loss: ``with precision.autocast:``.
        note: Which precision was picked and why, in a sentence; "" for plain float32.

    Raises:
        UnknownNameError: There is no such precision.
        BadInputError: The weights are float16, which a scaler cannot serve.

    >>> Precision("mixed", torch.device("cpu")).note
    'Mixed precision was asked for; on cpu that is float32: a processor gains little from less.'
    """

    def __init__(
        self, wanted: Wanted, device: torch.device, *, weights: Iterable[Tensor] = ()
    ) -> None:
        if wanted not in get_args(Wanted):
            raise unknown("precision", wanted, get_args(Wanted))
        self.dtype, self.note = picked(wanted, device)
        half = self.dtype is torch.float16
        self.scaler = torch.amp.GradScaler(device.type) if half else None
        if half and any(weight.dtype is torch.float16 for weight in weights):
            raise BadInputError(
                "The weights of the model are float16, and precision='float16' needs them in "
                "float32: it lowers them in the forward pass, and updates them in full. Call "
                "model.float() before building the optimizer."
            )
        self.autocast: AbstractContextManager[Any] = nullcontext()
        if self.dtype is not torch.float32:
            self.autocast = torch.autocast(device.type, dtype=self.dtype)

    @property
    def kind(self) -> str:
        """What a checkpoint must agree with."""
        return str(self.dtype).removeprefix("torch.")

    def backward(self, loss: Tensor) -> None:
        """``loss.backward()``, the loss scaled where it must be."""
        scaled = self.scaler.scale(loss) if self.scaler else loss
        scaled.backward()  # type: ignore[no-untyped-call]

    def true_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the gradients by the scale, for whoever must see their true size."""
        if self.scaler:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """``optimizer.step()``, left out where float16 gradients overflowed."""
        if self.scaler is None:
            optimizer.step()
        else:
            self.scaler.step(optimizer)
            self.scaler.update()

    def say(self, vitals: Vitals) -> None:
        """Write into the record which precision was picked."""
        if self.note:
            vitals.note(self.note)

    def state_dict(self) -> dict[str, Any]:
        """The state of the scaler."""
        return self.scaler.state_dict() if self.scaler else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from that state."""
        if self.scaler:
            self.scaler.load_state_dict(state)


def picked(wanted: Wanted, device: torch.device) -> tuple[torch.dtype, str]:
    """The precision to compute in, and a sentence that says so ("" for plain float32).

    ``"mixed"`` is bfloat16 where a CUDA device computes it natively (it has the range of float32,
    so nothing overflows), float16 on an older one, and float32 on a CPU and on Apple's GPUs.

    >>> picked("bfloat16", torch.device("cpu"))
    (torch.bfloat16, 'The forward pass ran in bfloat16 on cpu, as asked; weights stay float32.')
    """
    if wanted == "float32":
        return torch.float32, ""
    if wanted != "mixed":
        dtype = torch.bfloat16 if wanted == "bfloat16" else torch.float16
        return dtype, (
            f"The forward pass ran in {wanted} on {device.type}, as asked; weights stay float32."
        )
    asked = f"Mixed precision was asked for; on {device.type} that is"
    dtype = best_dtype(device)
    less = (
        "a processor gains little from less"
        if device.type == "cpu"
        else ("pass precision='float16' to try less")
    )
    words = {
        torch.bfloat16: "bfloat16, which this GPU computes natively",
        torch.float16: "float16 with scaled losses: this GPU has no bfloat16",
        torch.float32: f"float32: {less}",
    }
    return dtype, f"{asked} {words[dtype]}."


class Clipping:
    """Shortens the gradient of all weights together, if it is longer than the limit.

    Args:
        model: Whose gradients.
        norm: The limit, as in ``torch.nn.utils.clip_grad_norm_``; None does nothing.
    """

    def __init__(self, model: nn.Module, norm: float | None) -> None:
        self._weights, self._norm = list(model.parameters()), norm

    def clip(self, precision: Precision, optimizer: torch.optim.Optimizer) -> None:
        """Shorten them, once they have their true size."""
        if self._norm is not None:
            precision.true_gradients(optimizer)
            nn.utils.clip_grad_norm_(self._weights, self._norm)
