"""The line *neighbours*: does the answer for a row hang on the rows beside it?"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from coursekit.training.checkup.lines import Line
from coursekit.training.checkup.script import Script

NOISE = 0.05  # of the outputs' spread: sixteen bits round as coarsely
RANDOM = 1e-4
FEWEST = PARTS = 4


def neighbours(script: Script) -> Line:
    """The first batch once more in ``eval()``: turned round, and in four parts.

    A recurrent layer that takes rows for time steps, a softmax over the rows, a reshape that mixes
    them: the loss falls, as the neighbours help, and in use they are others.
    """
    inputs, targets = script.on_device()
    rows = len(inputs) if inputs.ndim else 0
    if rows < FEWEST:
        return _open("the batch has too few rows")
    if not targets.ndim or len(targets) != rows:
        return _open("the batch does not have one target a row")
    script.model.eval()
    try:
        with torch.no_grad():
            words, apart = _apart(lambda given: _answers(script, given), inputs)
            by_columns = (
                inputs.ndim > 1 and targets.ndim > 1 and inputs.shape[1] == targets.shape[1]
            )
            if apart > NOISE and by_columns and inputs.shape[1] >= FEWEST:
                # Rows may be the second axis, as recurrent layers have it by default.
                swapped = _apart(
                    lambda given: _answers(script, given.transpose(0, 1)).transpose(0, 1),
                    inputs.transpose(0, 1),
                )
                words, apart = min((words, apart), swapped, key=lambda found: found[1])
    finally:
        script.moment.back()
    if words:
        return _open(words)
    well = apart <= NOISE
    seen = "is the same" if well else f"moves by {apart:.1g} of the outputs' spread"
    words = f"a row's output {seen} with other rows beside it"
    return Line(name="neighbours", well=well, words=words, lesson="05")


def _open(why: str) -> Line:
    """Not judged."""
    return Line(name="neighbours", well=True, words=why, lesson="05", judged=False)


def _answers(script: Script, inputs: Tensor) -> Any:
    """The outputs, or the first of several."""
    outputs = script.model(inputs)
    return outputs[0] if isinstance(outputs, tuple | list) and outputs else outputs


def _apart(model: Callable[[Tensor], Any], inputs: Tensor) -> tuple[str, float]:
    """How far outputs move with other rows beside them, in units of their spread.

    Returns:
        Why that is not known, or ""; and how far.
    """
    rows = len(inputs)
    whole = model(inputs)
    if not isinstance(whole, Tensor) or not whole.is_floating_point() or len(whole) != rows:
        return "the model does not give one output a row", 0.0
    spread = float(whole.std())
    if not 0.0 < spread < float("inf"):
        return "all outputs are the same, or not finite", 0.0
    if float((model(inputs) - whole).abs().max()) > RANDOM * spread:
        return "the outputs of eval() are random, or the model keeps a state", 0.0
    others = [model(inputs.flip(0)).flip(0) - whole]
    with suppress(RuntimeError, ValueError, IndexError):  # a model for batches of one size
        parts = torch.cat([model(part) for part in inputs.chunk(PARTS)])
        others.append(parts - whole)
    return "", max(float(other.abs().max()) for other in others) / spread
