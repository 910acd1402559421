"""Reads what a learner's function returned: numbers of the right shape, or one clear sentence."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of


def as_array(
    value: object, *, shape: tuple[int, ...], source: str, finite: bool = True
) -> npt.NDArray[np.float64]:
    """A returned array, tensor or list, of tensors too, as float64.

    Args:
        value: What came back.
        shape: The shape that it must have.
        source: Who returned it, for the message: ``"prepare"``.
        finite: Whether NaN and infinity are refused here; a check may want to say more of them.

    Raises:
        CheckFailed: It is no numbers, has another shape, or is not finite everywhere.

    >>> as_array([1, 2], shape=(2,), source="f").tolist()
    [1.0, 2.0]
    """
    expected = f"expected numbers of shape {shape}"
    numbers = _numbers(value)
    if numbers is None:
        forgotten = " Is the return missing?" if value is None else ""
        raise CheckFailed(f"{source} returned {_kind_of(value)}; {expected}.{forgotten}")
    if numbers.shape != shape:
        raise CheckFailed(f"{source} returned numbers of shape {numbers.shape}; {expected}.")
    bad = int((~np.isfinite(numbers)).sum())
    if bad and finite:
        raise CheckFailed(
            f"{source} returned {bad} values of {numbers.size} that are NaN or infinite; "
            "expected finite numbers. Look for a division by zero, or a logarithm of zero."
        )
    return numbers


def as_fraction(value: object, *, source: str) -> float:
    """A returned fraction, between 0 and 1.

    Raises:
        CheckFailed: It is no finite number, or lies outside.

    >>> as_fraction(0.25, source="f")
    0.25
    """
    number = float(as_array(value, shape=(), source=source))
    if not 0 <= number <= 1:
        raise CheckFailed(f"{source} returned {number:.3g}; expected a fraction between 0 and 1.")
    return number


def _numbers(value: object) -> npt.NDArray[np.float64] | None:
    """The value as float64, or None where it is no numbers."""
    if value is None or isinstance(value, str):
        return None
    try:
        raw = np.asarray(_plain(value))
        return None if raw.dtype.kind not in "biuf" else raw.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        return None


def _plain(value: object) -> object:
    """The value with its tensors as arrays, inside lists too; NumPy knows no bfloat16."""
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu()
    return (value.double() if value.is_floating_point() else value).numpy()


def _kind_of(value: object) -> str:
    """What a value is; of a tensor that holds no plain numbers, why it does not."""
    if isinstance(value, Tensor):
        kinds = {
            "sparse": value.layout != torch.strided, "meta": value.is_meta,
            "quantised": value.is_quantized, "complex": value.is_complex(),
        }  # fmt: skip
        for kind in (kind for kind, holds in kinds.items() if holds):
            return f"a {kind} tensor"
    return kind_of(value)
