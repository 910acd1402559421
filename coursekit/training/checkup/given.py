"""The batches that a loop is given: does it look at them, or at its own?"""

from collections.abc import Iterable, Iterator
from typing import Any

from coursekit.errors import BadInputError
from coursekit.training.checkup.script import OnePass
from coursekit.training.progress import Count


class Given(list[Any]):
    """A list that knows whether anything was taken out of it.

    Args:
        batches: What it holds.
        loader: Where they are from; what else a loop asks of its loader, this one answers, such as
            ``len(loader.dataset)``.
        count: Called with 1 for each batch that a loop runs over.

    >>> batches = Given(["a batch", "another"], range(8), count=lambda _: None)
    >>> len(batches), batches.used, batches.stop
    (2, False, 8)
    >>> batches[0], batches.used
    ('a batch', True)
    """

    used = False

    def __init__(self, batches: Iterable[Any], loader: object, count: Count) -> None:
        super().__init__(batches)
        self._loader, self._count = loader, count

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def __iter__(self) -> Iterator[Any]:
        self.used = True
        return self._counted(super().__iter__())

    def __reversed__(self) -> Iterator[Any]:
        self.used = True
        return self._counted(super().__reversed__())

    def _counted(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            self._count(1)
            yield batch

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


def watched(one_pass: OnePass, loader: object, count: Count) -> OnePass:
    """The loop, and an error where it takes none of the batches that it is given.

    Args:
        one_pass: The loop.
        loader: Where the batches are from.
        count: Called with 1 for each batch that it runs over.

    Raises:
        BadInputError: It takes none.
    """

    def over(batches: list[Any]) -> None:
        given = Given(batches, loader, count)
        one_pass(given)
        if not given.used:
            raise BadInputError(
                "one_pass took none of the batches that it was given. Does it run over a loader of "
                "its own? Write it over its argument: for inputs, targets in batches."
            )

    return over
