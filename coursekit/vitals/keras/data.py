"""What of a probe batch is known before any training: its columns and its class labels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit._optional import require
from coursekit.errors import BadInputError
from coursekit.vitals.readings import MOST_CLASSES, MOST_FEATURES, Floats

_NUMBERS = (
    "Only numbers can be recorded: split preprocessing of text, such as StringLookup or "
    "TextVectorization, off from the model, and pass what it gives to fit and to KerasRecorder."
)
_WANTED = "Pass a few rows of what model.fit gets: KerasRecorder(probe=(x[:64], y[:64]))."


def checked(probe: Any) -> tuple[Any, Any]:
    """The inputs and labels of a probe, as arrays; of several inputs or outputs, as they came.

    Raises:
        BadInputError: The probe is not a pair of arrays with as many rows each.

    >>> x, y = checked(([[1.0, 2.0]], [0]))
    >>> x.shape, y.shape
    ((1, 2), (1,))
    """
    if not isinstance(probe, tuple | list) or len(probe) != 2:
        raise BadInputError(
            f"The probe is a {type(probe).__name__}, not a pair. {_WANTED} Of a tf.data.Dataset "
            "ds of batches: probe=next(iter(ds))[:2]."
        )
    x, y = (part if _holds_arrays(part) else _array(part) for part in probe)
    sizes = {np.shape(array)[0] if np.ndim(array) else 0 for array in (*_each(x), *_each(y))}
    if len(sizes) != 1 or sizes == {0}:
        raise BadInputError(
            f"The probe has inputs of shape {_shapes(x)} and labels of shape {_shapes(y)}; both "
            f"need the same number of rows, at least one. {_WANTED}"
        )
    for array in _each(x):
        kind = str(np.asarray(array).dtype)
        if np.asarray(array).dtype.kind not in "biuf":
            raise BadInputError(f"The probe's inputs are of type {kind}, not numbers. {_NUMBERS}")
    return x, y


def feature_stats(x: Any) -> tuple[Floats, Floats] | None:
    """Mean and standard deviation of each column of a table of numbers; None for other inputs.

    >>> feature_stats(np.array([[1.0, 10.0], [3.0, 30.0]]))
    (array([ 2., 20.]), array([ 1., 10.]))
    """
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] > MOST_FEATURES:
        return None
    with np.errstate(all="ignore"):
        return x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)


def label_counts(y: Any, model: Any) -> Floats | None:
    """How many labels of each class the probe has, shape (classes,); None for other targets.

    Args:
        y: Labels: class numbers, rows with a single 1, or 0 and 1 for one output.
        model: The built model. Its loss says whether labels are class numbers; several outputs
            have no single count.
    """
    if not isinstance(y, np.ndarray) or (
        not isinstance(model.loss, str) and not callable(model.loss)
    ):
        return None
    outputs = getattr(model, "outputs", None)  # a subclass of keras.Model has none
    width = outputs[0].shape[-1] if outputs else None
    counts = _counts(y, _kind(model.loss), width)
    return counts if counts is not None and len(counts) <= MOST_CLASSES else None


def _counts(y: npt.NDArray[Any], kind: str, width: int | None) -> Floats | None:
    """The count for labels of one kind; `width` is the number of outputs, where it is known."""
    if kind == "categorical":
        one_hot = bool(np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all())
        return y.reshape(-1, y.shape[-1]).sum(axis=0, dtype=np.float64) if one_hot else None
    if kind == "binary" and (y.ndim == 1 or y.shape[1:] == (1,)):
        return _bins(y, 2)
    return _bins(y, width or int(y.max()) + 1) if kind == "sparse" else None


def _bins(y: npt.NDArray[Any], classes: int) -> Floats:
    """How often each number below `classes` occurs; what is no class (a mark to ignore) is not."""
    numbers = np.rint(y).astype(np.int64).ravel()
    valid = numbers[(numbers >= 0) & (numbers < classes)]
    return np.bincount(valid, minlength=classes).astype(np.float64)


def _kind(loss: Any) -> str:
    """What the labels of a loss are: sparse, categorical or binary classes, or "" for others."""
    losses = require("keras", extra="keras", purpose="Recordings of Keras").losses
    loss = losses.get(loss) if isinstance(loss, str) else loss
    kinds = {
        "sparse": (losses.SparseCategoricalCrossentropy, losses.sparse_categorical_crossentropy),
        "categorical": (losses.CategoricalCrossentropy, losses.categorical_crossentropy),
        "binary": (losses.BinaryCrossentropy, losses.binary_crossentropy),
    }
    for kind, (made, function) in kinds.items():
        if isinstance(loss, made) or loss is function:
            return kind
    return ""


def _holds_arrays(part: Any) -> bool:
    """Whether this is a dict, list or tuple of arrays, as for several inputs or outputs."""
    if isinstance(part, dict):
        return True
    return isinstance(part, list | tuple) and all(getattr(one, "shape", ()) for one in part)


def _array(part: Any) -> npt.NDArray[Any]:
    """Rows that came as an array, a tensor or nested lists."""
    try:
        return np.asarray(part)
    except (ValueError, TypeError) as error:
        raise BadInputError(f"The probe holds no array: {error} {_WANTED}") from error


def _each(part: Any) -> list[Any]:
    """The arrays of an input: one, or several."""
    if isinstance(part, dict):
        return list(part.values())
    return list(part) if isinstance(part, list | tuple) else [part]


def _shapes(part: Any) -> str:
    """Their shapes, in words."""
    return " and ".join(str(np.shape(array)) for array in _each(part))
