"""Answers as salted digests: whoever opens the file of the runs reads nothing.

A digest does not hide an answer from a program that tries them all, as this one does. It hides it
from a reader, which is what a quiz without marks needs.
"""

import hashlib

SEAL_BYTES = 12


def seal(salt: bytes, mystery: str, answer: str) -> bytes:
    """The digest that stands for an answer.

    >>> seal(b"salt", "3f2a", "healthy") == seal(b"salt", "3f2a", "rate-too-low")
    False
    """
    content = b"\0".join([salt, mystery.encode(), answer.encode()])
    return hashlib.sha256(content).digest()[:SEAL_BYTES]


def lot(seed: int, *names: object) -> bytes:
    """A number for each name, as if drawn by lot: the same on every machine and version.

    >>> sorted("abc", key=lambda letter: lot(1, letter))
    ['b', 'c', 'a']
    """
    text = "|".join(str(name) for name in (seed, *names))
    return hashlib.sha256(text.encode()).digest()
