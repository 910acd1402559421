"""Lightning's Trainer: as a training loop, and with its own logging of gradient norms."""

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities import grad_norm
from torch import Tensor, nn
from torch.utils.data import DataLoader


class Wrapped(LightningModule):  # type: ignore[misc]
    """A network with cross-entropy and SGD."""

    def __init__(self, model: nn.Module, *, lr: float) -> None:
        super().__init__()
        self.model, self.lr, self.loss_fn = model, lr, nn.CrossEntropyLoss()

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        """The loss of a batch."""
        inputs, labels = batch
        return self.loss_fn(self.model(inputs), labels)  # type: ignore[no-any-return]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class WithNorms(Wrapped):
    """The same; norms of all gradients are logged, in the hook that the manual names for it."""

    def __init__(self, model: nn.Module, *, lr: float, reads: Callable[[int], bool]) -> None:
        super().__init__(model, lr=lr)
        self.reads, self.readings = reads, 0

    def on_before_optimizer_step(self, _: torch.optim.Optimizer) -> None:
        """Log the norms."""
        if self.reads(self.global_step):
            self.log_dict(grad_norm(self.model, norm_type=2))
            self.readings += 1


def fit(
    model: nn.Module, loader: DataLoader[Any], *, lr: float, epochs: int, barebones: bool = False
) -> float:
    """Train in place with what costs time switched off; the seconds that `Trainer.fit` took.

    Args:
        model: Trained in place, on the CPU.
        loader: Yields pairs (inputs, labels).
        lr: Learning rate of SGD.
        epochs: Passes over the data.
        barebones: Take Lightning's own setting for measuring its overhead, which switches off
            more than anyone would in earnest.
    """
    off = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    options = {"barebones": True} if barebones else off
    return _timed(Wrapped(model, lr=lr), loader, max_epochs=epochs, **options)


def fit_logging(
    model: nn.Module,
    batches: Sequence[Any],
    *,
    lr: float,
    reads: Callable[[int], bool] | None,
    log_every: int,
    folder: Path,
) -> tuple[float, int]:
    """One epoch with a logger that writes a CSV file, with gradient norms or without.

    Args:
        model: Trained in place, on the CPU.
        batches: Pairs (inputs, labels), one a step.
        lr: Learning rate of SGD.
        reads: At which steps the norms are taken; None for not at all.
        log_every: Which steps the logger writes; Lightning's default is 50.
        folder: Where the file goes.

    Returns:
        Seconds that `Trainer.fit` took, and at how many steps the norms were taken.
    """
    wrapped = Wrapped(model, lr=lr) if reads is None else WithNorms(model, lr=lr, reads=reads)
    seconds = _timed(
        wrapped,
        DataLoader(batches, batch_size=None),  # type: ignore[arg-type]
        max_epochs=1,
        logger=CSVLogger(folder),
        log_every_n_steps=log_every,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return seconds, wrapped.readings if isinstance(wrapped, WithNorms) else 0


def _timed(wrapped: Wrapped, loader: DataLoader[Any], **options: Any) -> float:
    """Seconds of one `Trainer.fit` on the CPU, without its advice."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(accelerator="cpu", devices=1, **options)
        begin = time.perf_counter()
        trainer.fit(wrapped, loader)
        return time.perf_counter() - begin
