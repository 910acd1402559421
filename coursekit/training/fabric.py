"""Several processes under Lightning Fabric: what they agree on, and what one of them does for all.

Fabric starts the processes, deals out the rows and averages the gradients. What is left for `fit`
is that all of them see one loss, stop together, and that one of them records.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset

from coursekit._optional import require
from coursekit.errors import BadInputError, CoursekitError
from coursekit.records import Record
from coursekit.training.guard import Loss
from coursekit.training.ranks import Ranks
from coursekit.training.terms import Terms
from coursekit.vitals.torch import Vitals


def ranks_of(fabric: Any, loss_fn: Loss) -> Ranks:
    """The processes that a Fabric has started; without one, this process alone.

    Raises:
        MissingPackageError: Lightning is not installed.
        BadInputError: It is no Fabric, was not launched, or trains in a way that `fit` does not.
    """
    if fabric is None:
        return Ranks()
    _check(fabric, loss_fn)
    return OneRank(fabric) if fabric.world_size == 1 else SeveralRanks(fabric, loss_fn)


class OneRank(Ranks):
    """The one process of a Fabric: it has picked the device.

    Args:
        fabric: A ``lightning.Fabric``.
    """

    def __init__(self, fabric: Any) -> None:
        self._fabric = fabric

    def place(self, device: str | torch.device | None) -> str | torch.device | None:
        """The device that Fabric gave to this process."""
        if device is not None:
            raise BadInputError(
                f"device is {device!r}, and Fabric has given each process its own. Leave device "
                "out, and choose with Fabric(accelerator=…, devices=…)."
            )
        return torch.device(self._fabric.device)


class SeveralRanks(OneRank):
    """The processes of one Fabric.

    Args:
        fabric: Launched.
        loss_fn: Says what batches count by.
    """

    def __init__(self, fabric: Any, loss_fn: Loss) -> None:
        super().__init__(fabric)
        self.first = bool(fabric.is_global_zero)
        self._number = int(fabric.world_size)
        self._terms = Terms(loss_fn)
        self._own = torch.zeros(())

    def forward(self, model: nn.Module) -> nn.Module:
        """The model inside ``DistributedDataParallel``; all begin with the first one's weights."""
        wrapped: nn.Module = self._fabric.setup_module(model, move_to_device=False)
        return wrapped

    def dealt(self, data: Iterable[Any]) -> Iterable[Any]:
        """A loader over this process's rows."""
        if not isinstance(data, DataLoader) or isinstance(data.dataset, IterableDataset):
            raise BadInputError(
                f"Several processes share the rows of a DataLoader over a data set of known "
                f"length; data is a {type(data).__name__}"
                f"{' over an IterableDataset' if isinstance(data, DataLoader) else ''}. For two "
                "arrays: DataLoader(TensorDataset(x, y), batch_size=…, shuffle=True)."
            )
        return Dealt(self._fabric, data)

    def over_all(self, loss: Tensor, labels: Any) -> Tensor:
        """One loss for all, so that all stop at the same step; the mean gradient is its gradient.

        ``DistributedDataParallel`` takes the plain mean over processes. So each loss is stretched
        by its part of what all are means over (by the number of processes, where losses are sums).
        """
        self._own = loss.detach()
        summed, count = self._terms.summed, float(self._terms.of(labels))
        sums = torch.stack((self._own.reshape(()).double() * count, self._own.new_tensor(count)))
        distributed.all_reduce(sums)
        stretch = sums[1] if summed else count * self._number / sums[1]
        value = sums[0] if summed else sums[0] / sums[1]
        mine = loss * stretch.to(loss.dtype)
        return mine + (value.to(loss.dtype) - mine.detach())

    def scores(self, scored: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Scored by the first, on all held-out rows, each counted once; told to the others."""
        held: list[Any] = [scored() if self.first else None]
        distributed.broadcast_object_list(held, src=0)
        found: dict[str, float] = held[0]
        return found

    def origin(self, sentence: str) -> str:
        """What a process says whose own loss was not finite."""
        heard: list[Any] = [None] * self._number
        mine = None if bool(torch.isfinite(self._own).all()) else sentence
        distributed.all_gather_object(heard, mine)
        return next((said for said in heard if said is not None), sentence)

    def note(self, vitals: Vitals, model: nn.Module) -> None:
        """Whose rows each quantity is of."""
        vitals.note(
            f"Trained by {self._number} processes. Loss, gradients, weights and updates are those "
            "of all; inputs, activations, labels and times are of the first one's rows."
        )
        if any(type(module).__name__.startswith("BatchNorm") for module in model.modules()):
            vitals.note(
                "Batch normalisation took its mean over the rows of one process, not of all: see "
                "torch.nn.SyncBatchNorm."
            )

    def settle(self, model: nn.Module) -> None:
        """The running statistics of the first, which it validated with, for all."""
        for buffer in model.buffers():
            distributed.broadcast(buffer, src=0)

    def record(self, record: Record) -> Record:
        """The record in the first process, an empty one with a sentence in the others."""
        if self.first:
            return record
        sentence = f"Recorded by the first of {self._number} processes; this is another one."
        return Record(series={}, layers=(), framework="torch", notes=(sentence,))

    def lost(self) -> AbstractContextManager[object]:
        """A process that ends while others wait for it ends them too, with a sentence."""
        return Lost()


class Dealt:
    """A loader whose rows are dealt out to the processes, in another order in each epoch.

    The order comes from torch's random numbers in the first process, as it does in a
    ``DataLoader`` alone. Where the rows do not divide, some are dealt twice.

    Args:
        fabric: Launched.
        loader: Over all rows; its batch size is that of one process.
    """

    def __init__(self, fabric: Any, loader: DataLoader[Any]) -> None:
        self._loader = fabric.setup_dataloaders(loader, move_to_device=False)
        self._epoch = 0
        self._seed = fabric.broadcast(int(torch.empty((), dtype=torch.int64).random_()))

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        sampler = getattr(self._loader.batch_sampler, "sampler", None)
        if isinstance(sampler, DistributedSampler):
            sampler.seed = self._seed
        self._loader._num_iter_calls = self._epoch  # Fabric hands it to the sampler
        self._epoch += 1
        return iter(self._loader)

    def state_dict(self) -> dict[str, int]:
        """Where the order of the rows stands, for a checkpoint."""
        return {"epoch": self._epoch, "seed": self._seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self._epoch, self._seed = state["epoch"], state["seed"]


class Lost:
    """Turns what torch says about a process that is gone into a `CoursekitError`."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Raise it, if that is what happened."""
        if is_loss_of_process(error):
            raise CoursekitError(
                "Another process of this run is gone. It was killed, or ended by an error that it "
                "has printed itself. The processes wait for each other in every step, so this one "
                "ends too. With checkpoint=… a run goes on from its last epoch."
            ) from error


def is_loss_of_process(error: BaseException | None) -> bool:
    """Whether torch says that another process cannot be reached.

    NCCL has errors of a class of their own; those of gloo are plain, and name their place.

    >>> is_loss_of_process(RuntimeError("shapes do not match")), is_loss_of_process(None)
    (False, False)
    """
    if not isinstance(error, RuntimeError):
        return False
    return isinstance(error, distributed.DistError) or "gloo/transport" in str(error)


def _check(fabric: Any, loss_fn: Loss) -> None:
    """Refuse what would train something else than was meant."""
    lightning = require("lightning.fabric", extra="scale", purpose="Several processes")
    strategies = lightning.strategies
    if not isinstance(fabric, lightning.Fabric):
        raise BadInputError(
            f"fabric is a {type(fabric).__name__}. Pass a launched lightning.Fabric, such as "
            "Fabric(accelerator='cpu', devices=2)."
        )
    if not isinstance(fabric.strategy, strategies.SingleDeviceStrategy | strategies.DDPStrategy):
        raise BadInputError(
            f"fit trains under Fabric's strategy 'ddp', where each process holds all weights; this "
            f"one is {type(fabric.strategy).__name__}. Write the loop by hand for it."
        )
    if fabric.strategy.precision.precision != "32-true":
        raise BadInputError(
            f"The Fabric's precision is {fabric.strategy.precision.precision!r}. Leave it at "
            "'32-true', and pass precision='mixed' to fit."
        )
    if fabric.world_size == 1:
        return
    if not distributed.is_initialized():
        raise BadInputError(
            "The Fabric has not started its processes. Call fabric.launch() before fit."
        )
    if isinstance(loss_fn, nn.Module) and any(p.requires_grad for p in loss_fn.parameters()):
        raise BadInputError(
            "The loss has weights of its own, which would go another way in each process. Make it "
            "a part of the model."
        )
