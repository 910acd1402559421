"""The shape of an answer to a task."""

from collections.abc import Callable
from dataclasses import dataclass
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
