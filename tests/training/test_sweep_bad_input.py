"""Each mistake that `sweep` meets gets one sentence: what came, what was expected, what to do."""

import math
from functools import partial
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.training.sweeping.grid import sweep

X = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def build(seed: int, width: int = 4) -> nn.Module:
    """A small network."""
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 3))


def trial(**changed: Any) -> Any:
    """A sweep that works, with something changed."""
    options: dict[str, Any] = {
        "build": build,
        "data": [(X, Y)],
        "loss_fn": nn.CrossEntropyLoss(),
        "lr": [0.1],
        "epochs": 1,
        "jobs": 1,
    } | changed
    return sweep(options.pop("build"), options.pop("data"), **options)


def test_the_trial_itself_works() -> None:
    """Else the tests below would prove nothing."""
    assert math.isfinite(trial(over={"width": np.array([2, 3])}, lr=np.array([0.1])).loss[0])


BAD_GRID = {
    "no rates": ({"lr": []}, "lr is empty"),
    "one rate": ({"lr": 0.1}, r"lr is 0.1; pass a list of the values to try: \[0.1\]"),
    "rate 0": ({"lr": [0.1, 0.0]}, "lr holds 0.0; learning rates are finite numbers above 0"),
    "rate below 0": ({"lr": [-1]}, "lr holds -1"),
    "rate NaN": ({"lr": [math.nan]}, "lr holds nan"),
    "rate infinite": ({"lr": np.array([np.inf])}, "lr holds inf"),
    "rate text": ({"lr": ["0.1"]}, "lr holds '0.1'"),
    "rate twice": ({"lr": [0.1, 0.1]}, "lr holds 0.1 twice"),
    "rates as a table": ({"lr": np.ones((2, 2))}, "lr holds .* a list"),
    "no seeds": ({"seeds": range(0)}, "seeds is empty"),
    "one seed": ({"seeds": 3}, "seeds is 3; pass a list"),
    "seed below 0": ({"seeds": [-1]}, "seeds holds -1; seeds are whole numbers"),
    "seed not whole": ({"seeds": [0.5]}, "seeds holds 0.5"),
    "over a list": ({"over": ["width"]}, "over is a list; pass a dict"),
    "knob empty": ({"over": {"width": []}}, r"over\['width'\] is empty"),
    "knob not listed": ({"over": {"width": 4}}, r"over\['width'\] is 4; pass a list"),
    "knob a function": ({"over": {"width": [print]}}, "a builtin_function_or_method. Give numbers"),
    "knob mixed": ({"over": {"width": [1, "two"]}}, "mixes numbers, names or truth values"),
    "knob infinite": ({"over": {"width": [math.inf]}}, "a value that is not finite"),
    "knob lr": ({"over": {"lr": [0.1]}}, "over holds 'lr', which is no knob"),
    "no epochs": ({"epochs": 0}, "epochs is 0; pass a whole number from 1"),
    "no jobs": ({"jobs": 0}, "jobs is 0; pass a number of processes"),
    "bound as text": ({"diverged_above": "2"}, "diverged_above is '2'; pass a number above 0"),
    "no bound": ({"diverged_above": 0}, "diverged_above is 0; pass a number above 0"),
}


@pytest.mark.parametrize(("changed", "says"), BAD_GRID.values(), ids=BAD_GRID.keys())
def test_a_grid_that_cannot_be_run(changed: dict[str, Any], says: str) -> None:
    """Found before anything is built."""

    def never(seed: int, **knobs: Any) -> nn.Module:
        raise AssertionError("it was built")

    with pytest.raises(BadInputError, match=says):
        trial(build=never, **changed)


def failing(seed: int) -> nn.Module:
    """Raises for one seed."""
    if seed == 2:
        raise ZeroDivisionError("no width")
    return build(seed)


BAD_BUILD = {
    "unknown knob": (
        {"over": {"scale": [1]}},
        r"build\(seed, scale=…\), but takes \(seed: int, width: int = 4\)",
    ),
    "missing knob": (
        {"build": lambda seed, width: build(seed)},
        r"build\(seed\), but takes \(seed, width\): missing a required argument: 'width'",
    ),
    "no function": ({"build": build(0)}, "build is a Sequential; pass a function"),
    "nothing": ({"build": 3}, "build is a int; pass a function"),
    "no return": (
        {"build": lambda seed: None},
        r"build returned a NoneType for lr 0.1, seed 0\..* Look for a missing return\.",
    ),
    "a model of Keras": (
        {"build": lambda seed: object()},
        r"build returned a object for lr 0.1, seed 0\..* For model\.fit in Keras use KerasRecorder",
    ),
    "no weights": ({"build": lambda seed: nn.ReLU()}, "no weights to train"),
    "frozen": ({"build": lambda seed: build(0).requires_grad_(False)}, "no weights to train"),
    "fails": ({"build": failing, "seeds": [1, 2]}, "lr 0.1, seed 2 raised ZeroDivisionError"),
    "another width": ({"build": lambda seed: nn.Linear(5, 3)}, "lr 0.1, seed 0 raised Runtime"),
}


@pytest.mark.parametrize(("changed", "says"), BAD_BUILD.values(), ids=BAD_BUILD.keys())
def test_a_build_that_gives_no_model_to_train(changed: dict[str, Any], says: str) -> None:
    """The setting is named."""
    with pytest.raises(BadInputError, match=says):
        trial(**changed)


OPTIONS: dict[str, Any] = {"momentun": 0.9}

BAD_OPTIMIZER = {
    "made already": (SGD([torch.zeros(1)], lr=0.1), "is an optimizer already, of one model"),
    "option unknown": (
        lambda parameters, lr: SGD(parameters, lr, **OPTIONS),
        "raised TypeError.*momentun",
    ),
    "option refused": (partial(SGD, nesterov=True), "raised ValueError: Nesterov momentum"),
    "no optimizer": (lambda parameters, lr: lr, "returned a float, not a torch.optim.Optimizer"),
    "not callable": ("SGD", "raised TypeError: 'str' object is not callable"),
}


@pytest.mark.parametrize(("optimizer", "says"), BAD_OPTIMIZER.values(), ids=BAD_OPTIMIZER.keys())
def test_an_optimizer_that_cannot_be_made(optimizer: Any, says: str) -> None:
    """It is a factory: called with parameters and lr."""
    with pytest.raises(BadInputError, match=says):
        trial(optimizer=optimizer)


BAD_DATA = {
    "empty": ({"data": []}, "data yields no batch"),
    "NaN": ({"data": [(X * math.nan, Y)]}, "NaN or infinite"),
    "labels too high": ({"data": [(X, Y), (X, Y + 1)]}, "run from 1 to 3, but the model has 3"),
    "labels as floats": ({"data": [(X, Y.float())]}, "labels of type float32"),
    "loss per row": ({"loss_fn": nn.CrossEntropyLoss(reduction="none")}, r"has shape \(6,\)"),
    "loss no tensor": ({"loss_fn": lambda *_: 0.5}, "The loss is a float"),
    "loss cut off": ({"loss_fn": lambda out, _: out.detach().mean()}, "not depend on the weights"),
    "loss raises": ({"loss_fn": lambda out: out}, "lr 0.1, seed 0 raised TypeError"),
}


@pytest.mark.parametrize(("changed", "says"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_data_and_losses_that_cannot_be_trained_on(changed: dict[str, Any], says: str) -> None:
    """Found in the first pass, before any run makes an update."""
    with pytest.raises(BadInputError, match=says):
        trial(**changed)


def test_an_iterator_is_used_up_after_one_epoch() -> None:
    """The second epoch finds nothing, and says so."""
    with pytest.raises(BadInputError, match="an iterator that is used up"):
        trial(data=iter([(X, Y)]), epochs=2)


def test_devices() -> None:
    """One that is unknown, one that is not here, and two at once."""
    with pytest.raises(UnknownNameError, match="No device 'gpu'"):
        trial(device="gpu")
    with pytest.raises(BadInputError, match="'cuda:99' was asked for"):
        trial(device="cuda:99")
    with pytest.raises(BadInputError, match="puts weights on cpu and meta"):
        trial(build=lambda seed: build(seed).to("meta" if seed else "cpu"), seeds=[0, 1])


def test_threads_that_would_share_random_numbers_are_refused() -> None:
    def dropping(seed: int) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 4), nn.Dropout(), nn.Linear(4, 3))

    with (
        joblib.parallel_config(backend="threading"),
        pytest.raises(BadInputError, match="joblib is set to run threads"),
    ):
        trial(build=dropping, lr=[0.1, 0.2], jobs=2)
    with joblib.parallel_config(backend="threading"):
        trial(build=dropping, lr=[0.1, 0.2], jobs=1)


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_layers_are_refused() -> None:
    with pytest.raises(BadInputError, match="has lazy layers"):
        trial(build=lambda seed: nn.LazyLinear(3))
