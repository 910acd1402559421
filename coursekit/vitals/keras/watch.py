"""Stand around the function with which ``model.fit`` makes a step."""

import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from coursekit.vitals.keras.layers import unwrapped


class Reader(Protocol):
    """Who stands around a step."""

    def _watch(self, train: Callable[[Any], Any], iterator: Any) -> Any:
        """Make the step, ``train(iterator)``, and give what it returns."""


class Watched:
    """The train function of a model, with one or several readers around each of its steps.

    Attributes:
        plain: The function as Keras made it.
        readers: Who stands around it; with none left, the model gets `plain` back.
        seconds: What the last step took, without its readers.
    """

    def __init__(self, model: Any, plain: Any) -> None:
        self._model = model
        self.plain = plain
        self.readers: list[Reader] = []
        self.seconds = 0.0

    def __call__(self, iterator: Any) -> Any:
        """Make a step, as the plain function would, with the readers around it."""
        caller = sys._getframe(1)
        if caller.f_code.co_name == "train_on_batch":
            return self.plain(iterator)
        readers, step = self._wanted(caller.f_locals), self._timed
        for reader in readers:
            step = partial(reader._watch, step)
        try:
            return step(iterator)
        except BaseException:  # the data have ended, or fit does: on_epoch_end may not come
            for reader in readers:
                self.leave(reader)
            raise

    def _timed(self, iterator: Any) -> Any:
        """The step itself."""
        began_s = perf_counter()
        logs = self.plain(iterator)
        self.seconds = perf_counter() - began_s
        return logs

    def tells(self, reader: Reader) -> bool:
        """Whether this reader is told of the steps."""
        return any(one is reader for one in self.readers)

    def leave(self, reader: Reader) -> None:
        """Tell this reader no more; the last one gives the model its own function back."""
        self.readers = [one for one in self.readers if one is not reader]
        if not self.readers and self._model.train_function is self:
            self._model.train_function = self.plain

    def _wanted(self, names: dict[str, Any]) -> list[Reader]:
        """The readers that are callbacks of the fit that runs.

        A fit that another callback broke off could not send its own away; its caller, which is
        fit itself, knows its callbacks.
        """
        known = getattr(names.get("callbacks"), "callbacks", None)
        if known is not None:
            for reader in [one for one in self.readers if one not in known]:
                self.leave(reader)
        return self.readers


def stand_around(model: Any, reader: Reader) -> Watched | None:
    """Tell the reader of each step from now on; None where the model has no train function."""
    function = model.train_function
    if function is None:
        return None
    watched = function if isinstance(function, Watched) else Watched(model, function)
    watched.readers = [*watched.readers, reader]
    model.train_function = watched
    return watched


def updates_of(optimizer: Any) -> int | None:
    """How often an optimizer was applied; None where it does not count each step."""
    if getattr(optimizer, "gradient_accumulation_steps", None) or _skips(optimizer):
        return None
    iterations = getattr(optimizer, "iterations", None)
    return None if iterations is None else int(np.asarray(iterations))


def summed_steps(optimizer: Any) -> int:
    """Of how many steps an optimizer adds up the gradients before it moves the weights."""
    return getattr(unwrapped(optimizer), "gradient_accumulation_steps", None) or 1


def moves_weights(optimizer: Any, steps: int) -> bool:
    """Whether one of the next `steps` steps is one that moves the weights, if it is not skipped."""
    every = summed_steps(optimizer)
    # Of single steps; its public name counts updates.
    done = getattr(unwrapped(optimizer), "_iterations", None)
    return every == 1 or done is None or int(np.asarray(done)) % every + steps >= every


def _skips(optimizer: Any) -> bool:
    """Whether an optimizer leaves out steps, as one that scales the loss does."""
    return hasattr(optimizer, "initial_scale")
