"""The shape of an answer to a task, and what several diagnoses are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A wrong answer that runs and returns the right type.

    Attributes:
        name: What the mistake is.
        answer: The function that a learner might write.
        fails: The one clause that it fails where it fails no other; "" where it fails several.
        says: What the message must match, as a regular expression.
        script: What it makes of the exercise's script first, where the task has one.
    """

    name: str
    answer: Function
    fails: str = ""
    says: str = ""
    script: Callable[[Function], Function] = lambda script: script


def answering(letter: object, **change: object) -> Function:
    """A diagnosis that returns these."""
    return lambda: (letter, change)


def with_other_images(script: Function) -> Function:
    """The script fed with brighter images, whatever it says."""
    return partial(script, divide_by=8.0)


def boasting(script: Function) -> Function:
    """The script made to return an accuracy that nobody measured."""

    @wraps(script)
    def edited(seed: int, **settings: Any) -> Any:
        return script(seed, **settings) | {"accuracy": 0.97}

    return edited
