"""PyTorch's compiler, loaded by what compiles and not by the first optimizer.

`torch.optim` imports `torch._dynamo` as soon as an optimizer is made, only to say that a compiler
should leave these functions alone: 800 modules, 70 MB and about a second in every notebook. Where
nothing compiles there is nobody to tell. So in a kernel that name stands for a module that takes
such requests itself; whatever else is asked of it loads the real one in its place.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import Lock
from types import ModuleType
from typing import Any

_NAME = "torch._dynamo"
_ANSWER = "__dynamo_disable"  # where PyTorch keeps what `disable` gave for a function


def load_compiler_on_demand() -> None:
    """From now on PyTorch's compiler waits until it is asked for, unless it is loaded already.

    For a kernel: a program of its own has seconds and memory to spare, and may list, freeze or
    trace its modules.
    """
    if _NAME not in sys.modules and not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Waiting(ModuleType):
    """In place of the compiler until something compiles."""

    def __init__(self) -> None:
        super().__init__(_NAME)
        self.__path__ = []  # its parts are found by the finder below
        self.__dict__.update(
            graph_break=self._graph_break, disable=self._disable, _told=[], _lock=Lock()
        )

    def _graph_break(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is being traced that could break."""

    def _disable(self, function: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A function that a compiler should leave alone: no compiler, no change."""
        if function is None or sys.modules.get(_NAME) is not self:
            return self._real().disable(function, *args, **kwargs)
        self._told.append(function)
        return function

    def _real(self) -> ModuleType:
        """The compiler, which from now on has its own name; it is told what it should leave."""
        with self._lock:
            if sys.modules.get(_NAME) is self:
                del sys.modules[_NAME]
                sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, _Finder)]
                for function in self._told:  # PyTorch asks again for what it finds no answer to
                    vars(function).pop(_ANSWER, None)
        return import_module(_NAME)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # who walks through all modules asks for such names
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")
        return getattr(self._real(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            setattr(self._real(), name, value)


class _Finder(MetaPathFinder):
    """Finds the stand-in, and what is in the real module by loading that first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == _NAME:
            return ModuleSpec(_NAME, _Gives(_Waiting()))
        if fullname.startswith(f"{_NAME}."):
            waiting: Any = sys.modules[_NAME]
            real = waiting._real()
            if fullname in sys.modules:
                return ModuleSpec(fullname, _Gives(sys.modules[fullname]))
            return PathFinder.find_spec(fullname, path or real.__path__, target)
        return None


class _Gives(Loader):
    """Gives a module that exists."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 (importlib's form)
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        if self._spec is not None:  # the import system has put its own there
            module.__spec__ = self._spec
