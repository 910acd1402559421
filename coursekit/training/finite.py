"""A loss that is NaN or infinite: noticed before the weights take it."""

import math

import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError

LAG = 16
LOSS, WEIGHTS = "the loss is NaN or infinite", "weights are NaN or infinite"


class NotFinite(Exception):  # noqa: N818 - not an error: it ends a run, which keeps its record
    """The loss is not finite, or a weight."""


class FiniteLoss:
    """Notices a loss that is not finite before the optimizer's step, so the weights stay good.

    On the CPU the loss is looked at before ``backward``. On CUDA it is sent to the host before
    ``backward`` and awaited after it, while the GPU still has ``backward`` to compute: nothing
    stands idle. On Apple's GPUs, which cannot do that, the sum of the losses is looked at every
    16 batches; the weights may have become NaN meanwhile, and are named.

    Args:
        device: Where the loss is.

    Attributes:
        last: The loss as last known; NaN before the first.
    """

    def __init__(self, device: torch.device) -> None:
        self.last = math.nan
        self._device, self._kind = device, device.type
        self._since, self._sum = 0, torch.zeros(())
        if self._kind == "cuda":
            self._host = torch.empty((), dtype=torch.float64, device="cpu", pin_memory=True)
            self._sent = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def look(self, loss: Tensor) -> None:
        """Before ``backward``: look at the loss, or have it sent.

        Raises:
            NotFinite: It is known to be NaN or infinite.
        """
        if self._kind == "cpu":
            self.last = loss.item()
            if not math.isfinite(self.last):
                raise NotFinite(LOSS)
        elif self._kind == "cuda":
            self._host.copy_(loss.detach().reshape(()), non_blocking=True)
            self._sent.record(torch.cuda.current_stream(self._device))
        else:
            self._add(loss.detach())

    def wait(self) -> None:
        """Before the step: the loss that was sent.

        Raises:
            NotFinite: It is NaN or infinite.
        """
        if self._kind == "cuda":
            self._sent.synchronize()
            self._judge(self._host.item())

    def _add(self, loss: Tensor) -> None:
        """Add up losses on the device, and look at the sum now and then."""
        self._sum = loss.float() + self._sum if self._since else loss.float()
        self._since += 1
        if self._since == LAG:
            self._since = 0
            self._judge(self._sum.item() / LAG)

    def _judge(self, loss: float) -> None:
        """Go on, or stop."""
        self.last = loss
        if not math.isfinite(loss):
            raise NotFinite(LOSS)


def check_weights(model: nn.Module) -> None:
    """After an epoch: its last update may have spoilt weights that no later loss has met.

    Raises:
        NotFinite: A weight is NaN or infinite.
    """
    if not _surely_finite(model) and non_finite_weights(model):
        raise NotFinite(WEIGHTS)


def _surely_finite(model: nn.Module) -> bool:
    """Whether all norms are finite: said at a quarter of the cost. False proves nothing."""
    weights = [weight.detach() for weight in model.parameters()]
    alike = len({(weight.dtype, weight.device) for weight in weights}) == 1
    if not alike or not weights[0].is_floating_point():
        return False
    return bool(torch.stack(list(torch._foreach_norm(weights))).isfinite().all())


def refuse_non_finite(model: nn.Module) -> None:
    """Refuse a model that no training can save.

    Raises:
        BadInputError: A weight or a running statistic is NaN or infinite.

    >>> refuse_non_finite(nn.Linear(1, 1))
    """
    broken = [*non_finite_weights(model), *non_finite_statistics(model)]
    if broken:
        raise BadInputError(
            f"The model holds NaN or infinity before the first step, in {listed(broken)}. No "
            "training mends that: build the model anew, and look at what it was trained on before."
        )


def non_finite_weights(model: nn.Module) -> list[str]:
    """Names of the parameters that hold a NaN or an infinity; one transfer to the host.

    >>> layer = nn.Linear(1, 1)
    >>> _ = nn.init.constant_(layer.bias, float("nan"))
    >>> non_finite_weights(layer)
    ['bias']
    """
    return _non_finite(dict(model.named_parameters()))


def non_finite_statistics(model: nn.Module) -> list[str]:
    """Names of running means and variances that hold a NaN or an infinity."""
    ends = ("running_mean", "running_var")
    return _non_finite({name: b for name, b in model.named_buffers() if name.endswith(ends)})


def _non_finite(tensors: dict[str, Tensor]) -> list[str]:
    """Names of the tensors that are not finite throughout."""
    real = {name: t for name, t in tensors.items() if t.is_floating_point() or t.is_complex()}
    if not real:
        return []
    flags = torch.stack([torch.isfinite(t.detach()).all() for t in real.values()]).tolist()
    return [name for name, fine in zip(real, flags, strict=True) if not fine]


def listed(names: list[str]) -> str:
    """Up to three names, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + more
