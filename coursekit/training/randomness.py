"""The states of the generators that a run draws from: noted, put back, kept in a checkpoint."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

TRIALS = 4


class Dice:
    """Torch's random numbers on the CPU and on one device, as they were before a batch.

    A forward pass that draws none (no dropout) needs none noted: if the first 4 draw nothing, no
    more states are kept. A state of the CPU takes microseconds; a GPU's is kept on the host, so
    nothing waits.

    Args:
        device: Where the model computes.
        always: Keep each state, whether it is used or not.

    Attributes:
        awake: Whether states are kept.

    >>> dice = Dice(torch.device("cpu"), always=True)
    >>> dice.note()
    >>> first = torch.rand(1)
    >>> dice.put_back()
    >>> bool(torch.rand(1) == first)
    True
    """

    def __init__(self, device: torch.device, *, always: bool = False) -> None:
        self._device = device
        self._trials = 0 if always else TRIALS
        self._states: list[Tensor] = []
        self.awake = True

    def note(self) -> None:
        """Keep the states of this moment."""
        self._states = self._now()

    def look(self) -> None:
        """After a forward pass: has it drawn any?"""
        if not self._trials or not self._states:
            return
        drawn = not all(map(torch.equal, self._states, self._now()))
        self._trials = 0 if drawn else self._trials - 1
        self.awake = drawn or self._trials > 0

    def put_back(self) -> None:
        """Make the next numbers those that were next when the states were noted."""
        if not self._states:
            return
        torch.set_rng_state(self._states[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(self._states[1], self._device)
        elif self._device.type == "mps":
            torch.mps.set_rng_state(self._states[1])

    def _now(self) -> list[Tensor]:
        """The state of the CPU's generator and of the device's own."""
        states = [torch.get_rng_state()]
        if self._device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self._device))
        elif self._device.type == "mps":
            states.append(torch.mps.get_rng_state())
        return states


class Randomness:
    """All random numbers that a run may draw, for a checkpoint.

    Python's, numpy's global ones, torch's on the CPU and on every GPU, and those of the data: the
    generators of a ``DataLoader`` and its samplers, and what has a ``state_dict`` of its own.

    Args:
        data: What each epoch iterates over.
    """

    def __init__(self, data: Iterable[Any]) -> None:
        self._data = data

    def state_dict(self) -> dict[str, Any]:
        """The states, as plain types and tensors."""
        return {
            "python": random.getstate(),
            "numpy": _numpy_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
            "generators": [generator.get_state() for generator in generators(self._data)],
            "data": [part.state_dict() for part in stateful(self._data)],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from these states; those of a GPU that is not here are left out."""
        random.setstate(state["python"])
        kind, keys, *rest = state["numpy"]
        np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
        torch.set_rng_state(state["torch"])
        if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda"])
        if torch.backends.mps.is_available() and state["mps"] is not None:
            torch.mps.set_rng_state(state["mps"])
        for generator, saved in zip(generators(self._data), state["generators"], strict=True):
            generator.set_state(saved)
        for part, saved in zip(stateful(self._data), state["data"], strict=True):
            part.load_state_dict(saved)


def generators(data: Any) -> list[torch.Generator]:
    """The generators of a loader and of its samplers, each once.

    >>> own = torch.Generator()
    >>> loader = torch.utils.data.DataLoader([1, 2], shuffle=True, generator=own)
    >>> generators(loader) == [own]
    True
    """
    found = [getattr(part, "generator", None) for part in _parts(data)]
    return list({id(one): one for one in found if isinstance(one, torch.Generator)}.values())


def stateful(data: Any) -> list[Any]:
    """The loader or, where it has no ``state_dict``, those of its samplers that have one."""
    able = [part for part in _parts(data) if callable(getattr(part, "load_state_dict", None))]
    return able[:1] if able and able[0] is data else able


def _parts(data: Any) -> list[Any]:
    """A loader and its samplers, each once."""
    by_batch = getattr(data, "batch_sampler", None)
    parts = [data, getattr(data, "sampler", None), by_batch, getattr(by_batch, "sampler", None)]
    return list({id(part): part for part in parts if part is not None}.values())


def _numpy_state() -> list[Any]:
    """The state of numpy's global generator, its keys as a tensor."""
    kind, keys, *rest = np.random.get_state()
    return [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest]
