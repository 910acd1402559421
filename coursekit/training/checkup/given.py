"""The batches that a loop is given: does it look at them, or at its own?"""

from collections.abc import Iterable, Iterator
from typing import Any

from coursekit.errors import BadInputError
from coursekit.training.checkup.script import OnePass


class Given(list[Any]):
    """A list that knows whether anything was taken out of it.

    Args:
        batches: What it holds.
        loader: Where they are from; what else a loop asks of its loader, this one answers, such as
            ``len(loader.dataset)``.

    >>> batches = Given(["a batch", "another"], loader=range(8))
    >>> len(batches), batches.used, batches.stop
    (2, False, 8)
    >>> batches[0], batches.used
    ('a batch', True)
    """

    used = False

    def __init__(self, batches: Iterable[Any], loader: object) -> None:
        super().__init__(batches)
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def __iter__(self) -> Iterator[Any]:
        self.used = True
        return super().__iter__()

    def __reversed__(self) -> Iterator[Any]:
        self.used = True
        return super().__reversed__()

    def __getitem__(self, place: Any) -> Any:
        self.used = True
        return super().__getitem__(place)

    def copy(self) -> list[Any]:
        """As of any list."""
        self.used = True
        return super().copy()

    def pop(self, place: Any = -1) -> Any:
        """As of any list."""
        self.used = True
        return super().pop(place)


def watched(one_pass: OnePass, loader: object) -> OnePass:
    """The loop, and an error where it takes none of the batches that it is given.

    Args:
        one_pass: The loop.
        loader: Where the batches are from.

    Raises:
        BadInputError: It takes none.
    """

    def over(batches: list[Any]) -> None:
        given = Given(batches, loader)
        one_pass(given)
        if not given.used:
            raise BadInputError(
                "one_pass took none of the batches that it was given. Does it run over a loader of "
                "its own? Write it over its argument: for inputs, targets in batches."
            )

    return over
