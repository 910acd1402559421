"""Whether a probe batch fits a model: asked of the training data before the model is built."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from coursekit._optional import require
from coursekit.errors import BadInputError

_LONGEST = 240  # characters of another library's message
_NOISE = re.compile(r"\x1b\[\d*m|\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*?\]")
_WHERE = (" ", "\t", "<", "Graph execution error", "Detected at node")  # in a graph's error
_WANTED = (
    "Pass a few rows of what model.fit gets: KerasRecorder(probe=(x_train[:64], y_train[:64]))."
)


def tried(measure: Callable[[], Any], *, model: Any, x: Any) -> Any:
    """What a measurement gives, or a sentence: its errors are those of the probe batch.

    Args:
        measure: The measurement.
        model: The model that it is of.
        x: Its inputs.

    Raises:
        BadInputError: The batch does not fit the model or its loss.
    """
    try:
        return measure()
    except BadInputError:
        raise
    except Exception as error:
        raise BadInputError(
            f"The probe batch cannot be measured with this model: {_said(error)} "
            f"{_misfit(model, x)}{_WANTED} Or the model and its data do not fit: does fit run "
            "without the recorder?"
        ) from error


def _misfit(model: Any, x: Any) -> str:
    """Both shapes, in a sentence, where that of the inputs is not the model's; else nothing."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    wanted = [tuple(one.shape) for one in getattr(model, "inputs", None) or []]
    found = [tuple(np.shape(one)) for one in keras.tree.flatten(x)]
    if not wanted or (len(wanted) == len(found) and all(map(_fits, wanted, found))):
        return ""
    return f"The model's input_shape is {_listed(wanted)}, the probe has {_listed(found)}. "


def _fits(wanted: tuple[int | None, ...], found: tuple[int, ...]) -> bool:
    """Whether an array has a shape in which None stands for any number.

    >>> _fits((None, 64), (8, 64)), _fits((None, 64), (8, 3))
    (True, False)
    """
    pairs = zip(wanted, found, strict=False)
    return len(wanted) == len(found) and all(one in (None, two) for one, two in pairs)


def fits_data(iterator: Any, x: Any) -> bool:
    """Whether the probe's inputs have the shape of those that fit trains on, but for the rows.

    False where the data do not say which shape they have.

    Raises:
        BadInputError: They have another shape.
    """
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    spec = getattr(iterator, "element_spec", None)
    if spec is None:
        return False
    wanted = [
        one.shape for one in keras.tree.flatten(keras.utils.unpack_x_y_sample_weight(spec)[0])
    ]
    if any(shape.rank is None or None in shape[1:] for shape in wanted):
        return False
    found = [np.shape(one)[1:] for one in keras.tree.flatten(x)]
    rows = [tuple(shape[1:]) for shape in wanted]
    if found != rows:
        raise BadInputError(
            f"A row of the probe has shape {_listed(found)}, one of the training data "
            f"{_listed(rows)}. {_WANTED}"
        )
    return True


def has_call(model: Any) -> bool:
    """Whether a batch can be passed through the model at all."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    return type(model).call is not keras.Model.call


def build(model: Any, x: Any) -> None:
    """Make the weights of a model for these inputs, without a pass.

    Keras would do the same at the first step, with the same numbers: it traces the model.
    """
    tf = require("tensorflow", extra="keras", purpose="Recordings of Keras")

    def traced() -> None:
        model(x, training=False)

    tried(tf.function(traced, autograph=False).get_concrete_function, model=model, x=x)


def _said(error: Exception) -> str:
    """The gist of an error of Keras or TensorFlow, in one line."""
    text = str(getattr(error, "message", None) or error).split("\n\nArguments received")[0]
    said = [line for line in text.splitlines() if line and not line.startswith(_WHERE)]
    line = " ".join(_NOISE.sub("", " ".join(said)).split())
    short = line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()} …"
    stop = "" if short.endswith((".", "…")) else "."
    return f"{type(error).__name__}: {short}{stop}"


def _listed(shapes: list[Any]) -> str:
    """Shapes, in words."""
    return " and ".join(str(tuple(shape)) for shape in shapes)
