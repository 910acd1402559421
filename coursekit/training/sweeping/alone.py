"""One run by itself, and many such runs in processes: what cannot be stacked goes this way."""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import joblib
import torch
from joblib.parallel import get_active_backend
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from coursekit.device import pick_device
from coursekit.errors import BadInputError, CoursekitError
from coursekit.spread import spread
from coursekit.training.progress import Count
from coursekit.training.randomness import Dice
from coursekit.training.rehearsal import rehearsal
from coursekit.training.sweeping.settings import Setting
from coursekit.training.sweeping.update import Optimizers, made

Loss = Callable[[Any, Any], Tensor]
Build = Callable[..., nn.Module]
Passes = Sequence[Sequence[tuple[Tensor, Tensor]]]

# More tasks than workers, so that none waits long for the last; few, as each takes the data along.
_TASKS_A_WORKER = 4
# Each process on a GPU takes some hundred megabytes of it before it computes anything.
_MOST_ON_GPU = 4

_NO_RETURN = "Look for a missing return."
_KERAS = "For model.fit in Keras use KerasRecorder."


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every run of a sweep does.

    Attributes:
        build: ``build(seed, **knobs)`` gives the model.
        loss_fn: ``loss_fn(model(inputs), labels)`` gives one number.
        optimizer: ``optimizer(parameters, lr=lr)`` gives the optimizer.
        device: Where the model goes; None leaves it where build puts it.
    """

    build: Build
    loss_fn: Loss
    optimizer: Optimizers
    device: torch.device | None


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The losses of one run.

    Attributes:
        start: The mean over the first pass, before any update.
        means: The mean over the batches of each epoch, to the first that is not finite.
    """

    start: float
    means: tuple[float, ...]


def model_of(task: Task, setting: Setting) -> nn.Module:
    """The model of a setting, in training mode; torch is seeded before it is built.

    Raises:
        BadInputError: Build does not take these arguments, fails, or returns no model to train.
    """
    _check_call(task.build, setting)
    torch.manual_seed(setting.seed)
    with naming(setting):
        model = task.build(setting.seed, **setting.knobs)
    if not isinstance(model, nn.Module):
        raise BadInputError(
            f"build returned a {type(model).__name__} for {setting}. It must return the model, a "
            f"torch.nn.Module. {_NO_RETURN if model is None else _KERAS}"
        )
    if any(isinstance(weight, UninitializedParameter) for weight in model.parameters()):
        raise BadInputError(
            f"The model that build returned for {setting} has lazy layers, whose weights are made "
            "by the first batch. Give them their number of inputs: nn.Linear(64, 32)."
        )
    if not any(weight.requires_grad for weight in model.parameters()):
        raise BadInputError(
            f"The model that build returned for {setting} has no weights to train: no parameter "
            "has requires_grad=True."
        )
    # A copy: a build that hands out one model again and again must not hand out a trained one.
    return deepcopy(model).to(task.device).train()


@contextmanager
def naming(setting: Setting) -> Iterator[None]:
    """Say in which run an error was raised."""
    try:
        yield
    except CoursekitError:
        raise
    except Exception as error:
        raise BadInputError(
            f"The run with {setting} raised {type(error).__name__}: {_sentence(error)} Train this "
            "one by itself, in a loop of your own, to see where."
        ) from error


@contextmanager
def dice_kept() -> Iterator[None]:
    """Torch's random numbers go on afterwards as if nothing had been seeded or drawn."""
    dice = Dice(pick_device("auto"))
    dice.note()
    try:
        yield
    finally:
        dice.put_back()


def train_alone(task: Task, setting: Setting, passes: Passes) -> Losses:
    """The plain loop, for one setting.

    Args:
        task: What every run does.
        setting: What sets this one apart.
        passes: The batches of each epoch.

    Raises:
        BadInputError: Something in the run raised an error; it is named, with the setting.
    """
    model = model_of(task, setting)
    place = next(model.parameters()).device
    optimizer = made(task.optimizer, list(model.parameters()), lr=setting.lr)
    means = []
    with naming(setting):
        start = _untrained(task, model, passes[0])
        for batches in passes:
            total = torch.zeros((), device=place)
            for inputs, labels in batches:
                optimizer.zero_grad()
                loss = task.loss_fn(model(inputs.to(place)), labels.to(place))
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.detach().reshape(())
            means.append(float(total) / len(batches))
            if not math.isfinite(means[-1]):
                break
    return Losses(start=start, means=tuple(means))


@torch.no_grad()
def _untrained(task: Task, model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The mean loss of a copy over some batches; the run then draws as if this had not been."""
    copy, place = deepcopy(model), next(model.parameters()).device
    with rehearsal(copy, place):
        losses = [task.loss_fn(copy(x.to(place)), y.to(place)).reshape(()) for x, y in batches]
    return float(torch.stack(losses).mean())


def train_in_processes(
    task: Task,
    settings: Sequence[Setting],
    passes: Passes,
    *,
    device: torch.device,
    jobs: int | None,
    done: Count,
) -> list[Losses]:
    """Each setting by itself, spread over processes by joblib.

    Ctrl-C ends the processes. Inside ``joblib.parallel_config`` its backend and its number of jobs
    are taken.

    Args:
        task: What every run does.
        settings: One a run.
        passes: The batches of each epoch, on the CPU.
        device: Where build puts the models, or where they are moved.
        jobs: Processes; None takes one a core (at most four on a GPU).
        done: Called with a number of runs that are finished.
    """
    workers = _workers(jobs, device)
    _check_backend(workers)
    size = math.ceil(len(settings) / (_TASKS_A_WORKER * joblib.effective_n_jobs(workers)))
    parts = [settings[start : start + size] for start in range(0, len(settings), size)]
    call = joblib.delayed(_train_part)
    finished: list[Losses] = []
    with dice_kept():
        for part in spread((call(task, part, passes) for part in parts), jobs=workers):
            finished += part
            done(len(part))
    return finished


def _train_part(task: Task, settings: Sequence[Setting], passes: Passes) -> list[Losses]:
    """Some runs, one after another on one thread: the other cores have runs of their own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [train_alone(task, setting, passes) for setting in settings]
    finally:
        torch.set_num_threads(threads)


def _check_backend(workers: int) -> None:
    """Refuse runs side by side in one process: they would draw from the same random numbers."""
    backend, _ = get_active_backend()
    if getattr(backend, "supports_sharedmem", False) and backend.effective_n_jobs(workers) > 1:
        raise BadInputError(
            "joblib is set to run threads, and these runs would share torch's random numbers: no "
            "run could be repeated. Use processes: joblib.parallel_config(backend='loky')."
        )


def _workers(jobs: int | None, device: torch.device) -> int:
    """The number of processes, in joblib's way of counting."""
    if jobs is not None:
        return jobs
    _, configured = get_active_backend()
    if configured is not None:
        return int(configured)
    return -1 if device.type == "cpu" else min(_MOST_ON_GPU, joblib.cpu_count())


def _sentence(error: Exception) -> str:
    """The first line of an error's text, with one full stop."""
    return str(error).strip().partition("\n")[0].rstrip(".") + "."


def _check_call(build: Build, setting: Setting) -> None:
    """Refuse knobs that build does not take, before it is called."""
    if isinstance(build, nn.Module) or not callable(build):
        raise BadInputError(
            f"build is a {type(build).__name__}; pass a function build(seed, **knobs) that makes a "
            "new model each time."
        )
    try:
        parameters = inspect.signature(build)
    except ValueError:
        return  # a function in C: it must say itself what it does not take
    try:
        parameters.bind(setting.seed, **setting.knobs)
    except TypeError as error:
        call = ", ".join(["seed", *(f"{name}=…" for name in setting.knobs)])
        raise BadInputError(
            f"build is called as build({call}), but takes {parameters}: {error}. The keys of over "
            "must be keyword arguments of build."
        ) from error
