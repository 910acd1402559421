"""The line *loop*: are gradients emptied, and does every layer move?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from coursekit.training.checkup.lines import Line
from coursekit.training.checkup.script import Script


def mark_of(gradient: Tensor) -> float:
    """What is put into each .grad after a step; if it is there in the next, nobody emptied it.

    No gradient of a network is as large, and a gradient added to it does not overflow.
    """
    return torch.finfo(gradient.dtype).max / 4


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What two steps of the loop do."""

    steps: int
    stale: bool
    still: tuple[str, ...]
    frozen: int
    batches_a_step: int

    def line(self) -> Line:
        """The first thing that is wrong with it, in words."""
        frozen = f"; {self.frozen} parameters are frozen" if self.frozen else ""
        if not self.steps:
            words = f"no step of this optimizer in {self.batches_a_step} batches"
        elif self.stale:
            words = "a gradient is added to that of the step before: no zero_grad()"
        elif self.still:
            named = ", ".join(self.still[:3]) + (" …" if len(self.still) > 3 else "")
            count = "a matrix" if len(self.still) == 1 else f"{len(self.still)} matrices"
            words = f"{count} of weights without a move: {named}{frozen}"
        else:
            words = f"gradients are emptied, and every layer moves{frozen}"
        well = bool(self.steps) and not self.stale and not self.still
        return Line(name="loop", well=well, words=words, lesson="06")


def look_at_loop(script: Script) -> Loop:
    """Follow the loop until it has made two steps; some add up gradients over batches first."""
    for count in (2, 8, 32, 128):
        with marked(script) as seen:
            moved = script.moved([script.batch] * count)
        if len(seen) >= 2:
            break
    frozen = sum(not w.requires_grad for w in script.model.parameters())
    return Loop(
        steps=len(seen), stale=any(seen[1:]), frozen=frozen,
        # A bias before a normalisation layer has no effect, and so no gradient: matrices count.
        still=tuple(name for name in script.matrices if moved[name] == 0),
        batches_a_step=max(count // max(len(seen), 1), 1),
    )  # fmt: skip


@contextmanager
def marked(script: Script) -> Iterator[list[bool]]:
    """For each step inside: whether a gradient in it held the mark that the step before left."""
    seen: list[bool] = []
    held = [False]
    # The others' gradients are never emptied by it, and never used: they stand still.
    held_by_optimizer = [w for group in script.optimizer.param_groups for w in group["params"]]

    def look(weight: Tensor) -> None:  # before any clipping
        if weight.grad is not None and not weight.grad.is_sparse:
            size = weight.grad.abs()
            kept = (size > mark_of(size) / 2) & size.isfinite()
            held[0] = held[0] or bool(kept.any())

    def mark(*_: Any) -> None:
        seen.append(held[0])
        held[0] = False
        for weight in held_by_optimizer:
            if weight.grad is not None and not weight.grad.is_sparse:
                weight.grad.fill_(mark_of(weight.grad))

    handles = [
        w.register_post_accumulate_grad_hook(look)
        for w in held_by_optimizer if w.requires_grad
    ]  # fmt: skip
    handles.append(script.optimizer.register_step_post_hook(mark))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
