"""The updates of SGD, Adam and AdamW for stacked weights, each run with its own learning rate.

The formulas and the order of their operations are those of ``torch.optim`` (``sgd.py`` and
``adam.py``, the single-tensor forms), so a stacked run differs from a run of its own by rounding
alone. Options that are not written here are not approximated: `rule_of` says which one it met.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from coursekit.errors import BadInputError

Optimizers = Callable[..., torch.optim.Optimizer]
Options = dict[str, Any]
State = dict[str, Any]
Update = Callable[[Tensor, Tensor, State, "Rates", Options], None]

# How the arithmetic is carried out, not what it is; and what a fused optimizer notes about that.
_HOW = {"foreach", "fused"}
_NOTED = {"_step_supports_amp_scaling", "_need_device_dtype_check_for_fused"}
# What the updates below compute with.
_WRITTEN = {"lr", "momentum", "dampening", "nesterov", "betas", "eps", "weight_decay"}
# Other options, and the only value for which the updates are right; one that torch adds has none.
_OFF = {"maximize": False, "differentiable": False, "capturable": False, "amsgrad": False}
_ADAMW = "decoupled_weight_decay"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The learning rate of each run.

    Attributes:
        lr: Shape (runs,), in double precision on the CPU: rounded as late as torch does.
    """

    lr: Tensor

    def beside(self, weight: Tensor, *, times: float = 1.0, plus: float = 0.0) -> Tensor:
        """``plus + times * lr``, shaped so that each run's weights meet their own rate.

        >>> Rates(lr=torch.tensor([0.1, 0.2])).beside(torch.zeros(2, 5, 3), times=10).shape
        torch.Size([2, 1, 1])
        """
        column = (plus + times * self.lr).view(-1, *[1] * (weight.dim() - 1))
        return column.to(weight.dtype).to(weight.device)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How the weights of all runs are updated.

    Attributes:
        name: The optimizer, in a word.
        update: Changes one stacked weight in place.
        options: The optimizer's options, the learning rate not among them.
        lr: The learning rate of each run, as the optimizer holds it.
    """

    name: str
    update: Update
    options: Options
    lr: tuple[float, ...]


def rule_of(
    optimizer: Optimizers, parameters: Sequence[torch.nn.Parameter], rates: Iterable[float]
) -> Rule | str:
    """The update that a factory stands for, or why it is none of those below.

    One real optimizer is built for every learning rate, and what it holds is read.

    Args:
        optimizer: Called as ``optimizer(parameters, lr=lr)``.
        parameters: Those of one model.
        rates: The learning rate of each run.

    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> rule_of(torch.optim.SGD, [weight], [0.1, 1.0]).lr
    (0.1, 1.0)
    >>> rule_of(torch.optim.RMSprop, [weight], [0.1])
    'RMSprop is none of SGD, Adam and AdamW'
    """
    built = {lr: made(optimizer, parameters, lr=lr) for lr in dict.fromkeys(rates)}
    one = next(iter(built.values()))
    if type(one) not in _UPDATES:
        return f"{type(one).__name__} is none of SGD, Adam and AdamW"
    fresh = made(type(one), [torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    for other in built.values():
        reason = _unlike(other, fresh, parameters)
        if reason is not None:
            return reason
        if type(other) is not type(one) or _options(other) != _options(one):
            return "the kind or the options of its optimizer change with the learning rate"
    rows = tuple(float(built[lr].param_groups[0]["lr"]) for lr in rates)
    return Rule(
        name=type(one).__name__, update=_UPDATES[type(one)], options=_options(one), lr=rows
    )  # fmt: skip


def made(
    optimizer: Optimizers, parameters: Sequence[torch.nn.Parameter], *, lr: float
) -> torch.optim.Optimizer:
    """What the factory makes, once it is known to be an optimizer.

    Raises:
        BadInputError: It cannot be called like that, or makes something else.
    """
    if isinstance(optimizer, torch.optim.Optimizer):
        raise BadInputError(
            "optimizer is an optimizer already, of one model. Pass what makes one for each run: "
            "torch.optim.SGD, or functools.partial(torch.optim.SGD, momentum=0.9)."
        )
    try:
        found = optimizer(list(parameters), lr=lr)
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f"optimizer(parameters, lr={lr:g}) raised {type(error).__name__}: {error}. Pass a "
            "class such as torch.optim.SGD, or functools.partial(torch.optim.SGD, momentum=0.9)."
        ) from error
    if not isinstance(found, torch.optim.Optimizer):
        raise BadInputError(
            f"optimizer(parameters, lr={lr:g}) returned a {type(found).__name__}, not a "
            "torch.optim.Optimizer."
        )
    return found


def _unlike(
    optimizer: torch.optim.Optimizer, fresh: torch.optim.Optimizer, parameters: Sequence[Tensor]
) -> str | None:
    """What makes this optimizer another than a fresh one of its kind; None where nothing does."""
    name = type(optimizer).__name__
    # A scheduler, or a step that was replaced, leaves an attribute behind.
    changed = vars(optimizer).keys() ^ vars(fresh).keys()
    if changed - _NOTED or _hooked(optimizer):
        return f"the {name} was changed after it was built"
    group, *others = optimizer.param_groups
    held = [id(parameter) for parameter in group["params"]]
    if others or held != [id(parameter) for parameter in parameters]:
        return f"the {name} has parameter groups of its own"
    for option, value in group.items():
        if option == "params" or option in _HOW:
            continue
        if not _plain(value):
            return f"{name} with a tensor as {option}"
        right = {**_OFF, _ADAMW: name == "AdamW"}.get(option)
        if option not in _WRITTEN and value is not right:
            return f"{name} with {option}={value}"
    return None


def _hooked(optimizer: torch.optim.Optimizer) -> bool:
    """Whether something is called before or after each step."""
    return bool(optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks)


def _options(optimizer: torch.optim.Optimizer) -> Options:
    """The options that decide the result, the learning rate aside."""
    group = optimizer.param_groups[0]
    return {name: value for name, value in group.items() if name not in {"params", "lr", *_HOW}}


def _plain(value: object) -> bool:
    """A number, a flag, nothing, or a pair of numbers."""
    if isinstance(value, tuple):
        return all(map(_plain, value))
    return value is None or isinstance(value, float | int | bool)


def _sgd(weight: Tensor, gradient: Tensor, state: State, rates: Rates, options: Options) -> None:
    """SGD with momentum, dampening, Nesterov's form and weight decay, in place."""
    if options["weight_decay"]:
        gradient = gradient.add(weight, alpha=options["weight_decay"])
    momentum = options["momentum"]
    if momentum and "buffer" not in state:
        state["buffer"] = gradient.clone()
    elif momentum:
        state["buffer"].mul_(momentum).add_(gradient, alpha=1 - options["dampening"])
    if momentum:
        buffer = state["buffer"]
        gradient = gradient.add(buffer, alpha=momentum) if options["nesterov"] else buffer
    if "lr" not in state:
        state["lr"] = rates.beside(weight)
    weight.addcmul_(gradient, state["lr"], value=-1)


def _adam(weight: Tensor, gradient: Tensor, state: State, rates: Rates, options: Options) -> None:
    """Adam with weight decay added to the gradient, in place."""
    if options["weight_decay"]:
        gradient = gradient.add(weight, alpha=options["weight_decay"])
    _adaptive(weight, gradient, state, rates, options)


def _adamw(weight: Tensor, gradient: Tensor, state: State, rates: Rates, options: Options) -> None:
    """AdamW: the weights decay by themselves, in place."""
    if options["weight_decay"]:
        if "decay" not in state:
            state["decay"] = rates.beside(weight, times=-options["weight_decay"], plus=1.0)
        weight.mul_(state["decay"])
    _adaptive(weight, gradient, state, rates, options)


def _adaptive(
    weight: Tensor, gradient: Tensor, state: State, rates: Rates, options: Options
) -> None:
    """The step that Adam and AdamW share: bias-corrected means of gradient and its square."""
    if not state.get("steps"):
        state |= {"steps": 0, "mean": torch.zeros_like(weight), "square": torch.zeros_like(weight)}
        state["lr"] = rates.beside(weight)
    state["steps"] += 1
    first, second = options["betas"]
    state["mean"].lerp_(gradient, 1 - first)
    state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
    scale = (1 - second ** state["steps"]) ** 0.5
    denominator = (state["square"].sqrt() / scale).add_(options["eps"])
    scaled = state["mean"] * state["lr"]
    weight.addcdiv_(scaled, denominator, value=-1 / (1 - first ** state["steps"]))


_UPDATES: dict[type[torch.optim.Optimizer], Update] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adamw,
}
