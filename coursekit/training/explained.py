"""A layer that cannot take its input: which one, in a sentence around what torch says."""

from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.training.memory import out_of_memory

KINDS = (RuntimeError, IndexError, ValueError, TypeError)


class Explained:
    """Names the layer of torch's own that raised an error; other errors pass as they are.

    Args:
        model: Its layers are known by their names.
    """

    def __init__(self, model: nn.Module) -> None:
        self._names = {id(module): name for name, module in model.named_modules()}

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Raise a `BadInputError` in place of torch's, if a layer did not take its input."""
        if not isinstance(error, KINDS) or isinstance(error, BadInputError):
            return
        if out_of_memory(error) or "CUDA error" in str(error):  # comes late, from elsewhere
            return
        sentence = self._sentence(error)
        if sentence:
            raise BadInputError(sentence) from error

    def _sentence(self, error: BaseException) -> str:
        """The innermost layer on the way to the error, its input, and torch's words."""
        layers = [
            (self._names[id(self_)], self_, frame)
            for frame in _frames(error.__traceback__)
            if id(self_ := frame.f_locals.get("self")) in self._names
        ]
        if not layers or not type(layers[-1][1]).__module__.startswith("torch.nn.modules"):
            return ""
        name, layer, frame = layers[-1]
        if isinstance(layer, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            return ""
        return (
            f"Layer {name!r}, {layer}, cannot take its input{_shape(frame)}: "
            f"{str(error).splitlines()[0]}. Compare the shape of a batch, next(iter(data)), with "
            "what the layer was built for."
        )


def _frames(step: TracebackType | None) -> Iterator[FrameType]:
    """The frames of a traceback, outermost first."""
    while step is not None:
        yield step.tb_frame
        step = step.tb_next


def _shape(frame: FrameType) -> str:
    """The shape of the first argument after self, if it is a tensor."""
    names = frame.f_code.co_varnames[1:2]
    value: Any = frame.f_locals.get(names[0]) if names else None
    return f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
