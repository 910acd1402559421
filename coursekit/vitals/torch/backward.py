"""Hear of each call of ``Tensor.backward``: the one place where every loss passes by.

A hook on a loss module would miss functional losses (``F.cross_entropy``). ``Tensor.backward``
is one function for the whole process, so the listeners are kept per process too: it is
replaced when the first comes and put back when the last has gone, in whatever order they go.
"""

import functools
from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor


class Listener(Protocol):
    """What is told of a call of ``backward``."""

    armed: bool
    """Whether it wants to hear of the next call."""

    def before_backward(self, loss: Tensor) -> Any:
        """Called first, with what ``backward`` is called on; returns what `after_backward` gets."""

    def after_backward(self, loss: Tensor, before: Any) -> None:
        """Called when the gradients are there, with the loss cut from its graph."""


_listeners: list[Listener] = []
_originals: list[Callable[..., Any]] = []  # at most one: Tensor.backward while it is replaced
_ours: list[Callable[..., Any]] = []  # at most one: what stands in its place


def listeners() -> tuple[Listener, ...]:
    """Those that listen now."""
    return tuple(_listeners)


def listen(listener: Listener) -> None:
    """Tell the listener of calls of ``Tensor.backward`` from now on."""
    if not _listeners:
        original = Tensor.backward
        _originals[:], _ours[:] = [original], [_announcing(original)]
        Tensor.backward = _ours[0]  # type: ignore[method-assign]
    _listeners.append(listener)


def unlisten(listener: Listener) -> None:
    """Stop telling it; the last to go puts ``Tensor.backward`` back."""
    _listeners.remove(listener)
    if not _listeners:
        # Someone else may have wrapped ours meanwhile: then it stays in theirs, and does nothing.
        if Tensor.backward is _ours[0]:
            Tensor.backward = _originals[0]  # type: ignore[method-assign]
        _originals.clear()
        _ours.clear()


def _announcing(original: Callable[..., Any]) -> Callable[..., Any]:
    """``Tensor.backward``, telling the armed listeners before and after."""

    @functools.wraps(original)
    def backward(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        hearing = _listeners if backward in _ours else []
        told = [(one, one.before_backward(tensor)) for one in hearing if one.armed]
        if not told:
            return original(tensor, *args, **kwargs)
        result = original(tensor, *args, **kwargs)
        for one, before in told:
            one.after_backward(tensor.detach(), before)
        return result

    return backward
