"""Hear of each call of ``Tensor.backward``: the one place where every loss passes by.

A hook on a loss module would miss functional losses (``F.cross_entropy``). ``Tensor.backward``
is one function for the whole process, so the listeners are kept per process too: it is
replaced when the first comes and put back when the last has gone, in whatever order they go.
Each is told only of calls in a thread of its own: what two threads train has nothing in common.
(On CUDA autograd works in threads of its own, but ``Tensor.backward`` is entered in the caller's.)

Under a mode that overrides torch's functions, as ``torch.set_default_device`` sets one,
``Tensor.backward`` hands itself to the mode, which calls it again: one call, entered twice.
"""

import functools
from collections.abc import Callable
from threading import RLock, get_ident
from typing import Any, Protocol

from torch import Tensor


class Listener(Protocol):
    """What is told of a call of ``backward``."""

    armed: bool
    """Whether it wants to hear of the next call."""

    calls: int
    """Counts the calls in its threads, heard of or not."""

    def hears(self, thread: int) -> bool:
        """Whether calls in the thread with this identity concern it."""

    def before_backward(self, loss: Tensor) -> Any:
        """Called first, with what ``backward`` is called on; returns what `after_backward` gets."""

    def after_backward(self, loss: Tensor, before: Any) -> None:
        """Called when the gradients are there, with the loss cut from its graph.

        Where ``backward`` was given ``gradient=``, each entry of the loss is multiplied by it.
        """


_lock = RLock()  # a recording may end in a finalizer, which runs between any two lines
_listeners: list[Listener] = []
_originals: list[Callable[..., Any]] = []  # at most one: Tensor.backward while it is replaced
_ours: list[Callable[..., Any]] = []  # at most one: what stands in its place
_within: dict[int, Tensor] = {}  # of each thread, what ``backward`` is at work on


def listeners() -> tuple[Listener, ...]:
    """Those that listen now."""
    return tuple(_listeners)


def listen(listener: Listener) -> None:
    """Tell the listener of calls of ``Tensor.backward`` from now on."""
    with _lock:
        if not _listeners:
            original = Tensor.backward
            _originals[:], _ours[:] = [original], [_announcing(original)]
            Tensor.backward = _ours[0]  # type: ignore[method-assign]
        _listeners.append(listener)


def unlisten(listener: Listener) -> None:
    """Stop telling it; the last to go puts ``Tensor.backward`` back."""
    with _lock:
        _listeners.remove(listener)
        if not _listeners:
            # Someone else may have wrapped ours meanwhile: it stays in theirs, and does nothing.
            if Tensor.backward is _ours[0]:
                Tensor.backward = _originals[0]  # type: ignore[method-assign]
            _originals.clear()
            _ours.clear()


def _announcing(original: Callable[..., Any]) -> Callable[..., Any]:
    """``Tensor.backward``, telling the armed listeners before and after."""

    @functools.wraps(original)
    def backward(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        told, thread = [], get_ident()
        outer = _within.get(thread)
        if outer is tensor:
            return original(tensor, *args, **kwargs)
        for one in tuple(_listeners) if backward in _ours else ():
            if one.hears(thread):
                one.calls += 1
                if one.armed:
                    told.append((one, one.before_backward(tensor)))
        try:
            _within[thread] = tensor
            result = original(tensor, *args, **kwargs)
        finally:
            if outer is None:
                _within.pop(thread, None)
            else:
                _within[thread] = outer
        for one, before in told:
            one.after_backward(_weighted(tensor, *args, **kwargs), before)
        return result

    return backward


def _weighted(tensor: Tensor, gradient: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
    """What ``backward`` was called on, cut from its graph; entry by entry times ``gradient=``."""
    loss = tensor.detach()
    return loss if gradient is None else loss * gradient.detach()
