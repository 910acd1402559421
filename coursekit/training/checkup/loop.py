"""The line *loop*: are gradients emptied, and does every layer move?"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from coursekit.training.checkup.lines import Line
from coursekit.training.checkup.rewind import weights_of
from coursekit.training.checkup.script import Script

WEAKEST = 1e-7  # of the largest gradient norm: a step of it is lost in rounding
REMADE = 0.3  # of a weight's size; a limit on weights that is kept in each pass changes less
MODAL = (_BatchNorm, _DropoutNd)


def mark_of(gradient: Tensor) -> float:
    """What is put into each .grad after a step; if it is there in the next, nobody emptied it.

    No gradient of a network is as large, and a gradient added to it does not overflow.
    """
    return torch.finfo(gradient.dtype).max / 4


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What two steps of the loop do.

    Attributes:
        steps: How many were seen.
        stale: Whether a gradient was added to that of the step before.
        still: Names of the matrices that did not move.
        starved: Those of them whose gradient came, and was next to nothing beside the largest, or
            0 where all gradients are.
        unheld: Those that the loss hangs on and no optimizer holds.
        outside: How many weights the loss hangs on that neither the model nor an optimizer has.
        remade: Names of those that are others in the next pass before its first step.
        frozen: How many parameters are not to be trained.
        asleep: Whether the model trained in ``eval()``, and has layers for which that counts.
        batches_a_step: How many batches make a step.
    """

    steps: int
    stale: bool
    still: tuple[str, ...]
    starved: tuple[str, ...]
    unheld: tuple[str, ...]
    outside: int
    remade: tuple[str, ...]
    frozen: int
    asleep: bool
    batches_a_step: int

    def line(self, *, vanishing: bool) -> Line:
        """The first thing that is wrong with it, in words.

        Args:
            vanishing: Whether the model itself leaves layers without a gradient. Then the loop is
                not to blame for those that starve.
        """
        still = [name for name in self.still if not (vanishing and name in self.starved)]
        are = "parameter is" if self.frozen == 1 else "parameters are"
        frozen = f"; {self.frozen} {are} frozen" if self.frozen else ""
        well = False
        if not self.steps:
            words = f"no step of this optimizer in {self.batches_a_step} batches"
        elif self.stale:
            words = "a gradient is added to that of the step before: no zero_grad()"
        elif self.remade:
            words = f"weights change before a pass's first step; made anew? {_listed(self.remade)}"
        elif still and set(still) <= set(self.unheld):
            words = f"the optimizer does not hold {_listed(still)}{frozen}"
        elif still:
            count = "a matrix" if len(still) == 1 else f"{len(still)} matrices"
            words = f"{count} of weights without a move: {_listed(still)}{frozen}"
        elif self.outside:
            count = "1 weight" if self.outside == 1 else f"{self.outside} weights"
            words = (
                f"the loss hangs on {count} outside model.parameters(): layers in a list, a dict?"
            )
        elif self.asleep:
            words = "the model is in eval() while it trains: dropout and BatchNorm are off"
        else:
            well, words = True, f"gradients are emptied, and every layer moves{frozen}"
        return Line(name="loop", well=well, words=words, lesson="06")


def _listed(names: Sequence[str]) -> str:
    """The first of the names.

    >>> _listed(["a", "b", "c", "d"])
    'a, b, c …'
    """
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def look_at_loop(script: Script) -> Loop:
    """Follow the loop until it has made two steps; some add up gradients over batches first."""
    for count in (2, 8, 32, 128):
        with marked(script) as seen, modes(script.model) as trained:
            moved = script.moved([script.batch] * count)
        if len(seen.stale) >= 2:
            break
    frozen = sum(not w.requires_grad for w in script.model.parameters())
    unheld, outside = hung_on(script)
    remade = script.moved_between_passes([script.batch] * count) if seen.stale else {}
    return Loop(
        steps=len(seen.stale), stale=any(seen.stale[1:]), frozen=frozen,
        # A bias before a normalisation layer has no effect, and so no gradient: matrices count.
        still=tuple(name for name in script.matrices if moved[name] == 0),
        starved=tuple(name for name, w in script.matrices.items() if seen.starved(w)),
        unheld=unheld, outside=outside,
        remade=tuple(name for name in script.matrices if remade.get(name, 0.0) > REMADE),
        asleep=not all(trained) and has_modes(script.model),
        batches_a_step=max(count // max(len(seen.stale), 1), 1),
    )  # fmt: skip


def hung_on(script: Script) -> tuple[tuple[str, ...], int]:
    """What the loss is computed from and no optimizer holds, as its graph says.

    Returns:
        The names of those that are the model's, and how many others there are.
    """
    script.moment.back()
    loss = script.loss()
    script.moment.back()
    held = {id(weight) for one in script.optimizers for weight in weights_of(one)}
    names = {id(weight): name for name, weight in script.weights.items()}
    own, outside = [], 0
    waiting, met = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in met:
            continue
        met.add(node)
        waiting.extend(before for before, _ in node.next_functions)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, nn.Parameter) and id(leaf) not in held:
            own.extend([names[id(leaf)]] if id(leaf) in names else [])
            outside += id(leaf) not in names
    return tuple(own), outside


def has_modes(model: nn.Module) -> bool:
    """Whether it has a layer that training mode and ``eval()`` differ for."""
    return any(isinstance(layer, MODAL) for layer in model.modules())


@contextmanager
def modes(model: nn.Module) -> Iterator[list[bool]]:
    """For each forward pass inside that gradients are kept for: was it in training mode?"""
    seen: list[bool] = []

    def note(*_: Any) -> None:
        if torch.is_grad_enabled():
            seen.append(model.training)

    handle = model.register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


@dataclass(kw_only=True)
class Seen:
    """What the steps inside `marked` met.

    Attributes:
        stale: For each step, whether a gradient in it held the mark that the step before left.
        sizes: The gradient norm of each weight in the first step, by id.
    """

    stale: list[bool] = field(default_factory=list)
    sizes: dict[int, float] = field(default_factory=dict)

    def starved(self, weight: Tensor) -> bool:
        """Whether its gradient came and is next to nothing beside that of others, or as all."""
        size, most = self.sizes.get(id(weight), math.inf), max(self.sizes.values(), default=0.0)
        return size <= WEAKEST * most


@contextmanager
def marked(script: Script) -> Iterator[Seen]:
    """Leave a mark in each gradient after a step, and look for it in the next."""
    seen = Seen()
    held = [False]
    # The others' gradients are never emptied by it, and never used: they stand still.
    held_by_optimizer = [w for group in script.optimizer.param_groups for w in group["params"]]

    def look(weight: Tensor) -> None:  # before any clipping
        if weight.grad is not None and not weight.grad.is_sparse:
            size = weight.grad.abs()
            kept = (size > mark_of(size) / 2) & size.isfinite()
            held[0] = held[0] or bool(kept.any())
            if not seen.stale:
                seen.sizes[id(weight)] = float(weight.grad.norm())

    def mark(*_: Any) -> None:
        seen.stale.append(held[0])
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
