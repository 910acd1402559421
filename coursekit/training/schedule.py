"""When a learning rate scheduler is stepped, and which ones cannot work."""

from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from coursekit.errors import BadInputError, unknown

Per = Literal["epoch", "batch"]


class Schedule:
    """Steps a scheduler after each update or after each epoch; without one, does nothing.

    An update that float16 left out is not counted, and does not step the scheduler.

    Args:
        scheduler: Built from the optimizer of the run; None for a constant learning rate.
        per: ``"batch"`` steps after each update (with ``accumulate``, each group of batches).
        optimizer: The optimizer of the run.
        validated: Whether there will be a ``val_loss``.

    Raises:
        BadInputError: They do not belong together, or ``ReduceLROnPlateau`` has nothing to watch.
    """

    def __init__(
        self, scheduler: LRScheduler | None, *, per: Per, optimizer: Optimizer, validated: bool
    ) -> None:
        if per not in ("epoch", "batch"):
            raise unknown("scheduler_per", per, ("epoch", "batch"))
        self._scheduler, self._per = scheduler, per
        self._updates = 0
        if scheduler is not None:
            _check_owner(scheduler, optimizer)
        if isinstance(scheduler, ReduceLROnPlateau):
            _check_plateau(scheduler, per, validated=validated)
        self._place = self._now()

    @property
    def kind(self) -> str:
        """What a checkpoint must agree with."""
        return "none" if self._scheduler is None else type(self._scheduler).__name__

    def check_length(self, *, epochs: int, done: int, updates: int | None) -> None:
        """Refuse a cycle of another length than the run.

        Args:
            epochs: Epochs of the whole run.
            done: Those of them that a resumed run has behind it.
            updates: Updates in an epoch; None where nobody knows.

        Raises:
            BadInputError: ``OneCycleLR`` ends before or well after the run (by over a tenth), or
                the first cycle of ``CyclicLR`` does not fit into it.
        """
        per_epoch = 1 if self._per == "epoch" else updates
        if per_epoch is None:
            return
        coming = (epochs - done) * per_epoch
        if isinstance(self._scheduler, OneCycleLR):
            left = self._scheduler.total_steps - self._scheduler.last_epoch
            if not coming <= left <= 1.1 * coming + 1:
                raise BadInputError(self._misfit(f"{left} more steps", coming))
        whole = epochs * per_epoch
        if isinstance(self._scheduler, CyclicLR) and self._scheduler.total_size > whole:
            cycle = f"cycles of {self._scheduler.total_size:.0f} steps"
            raise BadInputError(self._misfit(cycle, whole))

    def after_update(self, updates: int) -> None:
        """Step a scheduler that counts updates.

        Args:
            updates: How many updates were made so far, those left out not counted.
        """
        if self._per == "batch" and self._scheduler is not None and updates > self._updates:
            self._step()
        self._updates = updates

    def after_epoch(self, scores: dict[str, float]) -> None:
        """Step a scheduler that counts epochs; ``ReduceLROnPlateau`` is given the ``val_loss``."""
        if self._per == "batch" or self._scheduler is None or not self._updates:
            return
        if isinstance(self._scheduler, ReduceLROnPlateau):
            self._step(scores["val_loss"])
        else:
            self._step()

    def state_dict(self) -> dict[str, Any]:
        """The state of the scheduler, and the updates seen."""
        own = self._scheduler.state_dict() if self._scheduler is not None else {}
        return {"scheduler": own, "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state["scheduler"])
        self._updates = state["updates"]
        self._place = self._now()

    def _step(self, *watched: float) -> None:
        """One step, if nobody else has made one since the last."""
        if self._now() != self._place:
            raise BadInputError(
                f"The {type(self._scheduler).__name__} is stepped twice: somebody else called "
                "scheduler.step() while fit ran, and fit calls it too. Take the other call out, or "
                "do not pass the scheduler to fit."
            )
        self._scheduler.step(*watched)  # type: ignore[union-attr,arg-type]
        self._place = self._now()

    def _now(self) -> Any:
        """How many steps the scheduler has made; a chain asks its last link."""
        links = getattr(self._scheduler, "_schedulers", None)
        last = links[-1] if links and not hasattr(self._scheduler, "last_epoch") else None
        return getattr(last or self._scheduler, "last_epoch", None)

    def _misfit(self, length: str, steps: int) -> str:
        """What the scheduler was built for, and what it will get."""
        unit = "one an epoch" if self._per == "epoch" else "one an update"
        return (
            f"The {type(self._scheduler).__name__} was built for {length}, but this run makes "
            f"{steps}, {unit}. Build it for {steps} steps, or change scheduler_per "
            f"(now {self._per!r}) or epochs."
        )


def _check_owner(scheduler: LRScheduler, optimizer: Optimizer) -> None:
    """Refuse a scheduler that would change nothing here."""
    if not isinstance(scheduler, LRScheduler | ReduceLROnPlateau):
        raise BadInputError(
            f"The scheduler is a {type(scheduler).__name__}; pass one of torch.optim.lr_scheduler, "
            "such as StepLR(optimizer, step_size=10)."
        )
    if scheduler.optimizer is not optimizer:
        raise BadInputError(
            "The scheduler belongs to another optimizer, so it would change nothing here. "
            "Build it from the one that you pass."
        )


def _check_plateau(scheduler: ReduceLROnPlateau, per: Per, *, validated: bool) -> None:
    """Refuse a plateau that nobody can see, or that is looked for upside down."""
    if not validated:
        raise BadInputError(
            "ReduceLROnPlateau watches the validation loss, and there is none. Pass val=…"
        )
    if per == "batch":
        raise BadInputError(
            "ReduceLROnPlateau watches the validation loss, which is known once an epoch. Leave "
            "scheduler_per at 'epoch'."
        )
    if scheduler.mode == "max":
        raise BadInputError(
            "ReduceLROnPlateau(mode='max') waits for the validation loss to rise. Use mode='min'."
        )
