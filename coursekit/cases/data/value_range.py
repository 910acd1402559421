"""Value range: pixels are divided by 255 when they are read, and once more by the transform.

The network learnt from pixels between −1 and 1: divided by 255, then centred. In use they come
divided already. A second division leaves nearly 0 of each, and the centring makes that −1: all
pictures arrive blank and get one answer. The opposite slip, no division at all because
``ToTensor`` divides only bytes, does harm too, but how much depends on the network.
"""

from dataclasses import replace

import torch
from sklearn.datasets import load_digits
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    divisor_in_use: float = 65025.0,
    middle: float = 0.5,
    epochs: int = 12,
) -> Setup:
    """Digits whose pixels run from 0 to 255, as in a picture file.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        divisor_in_use: What pixels are divided by in use; 255 in training.
        middle: What the transform then takes away, in training and in use.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    x = x * 255 / 16  # (1797, 64), from 0 to 255
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = (x / 255 - middle) / 0.5, (x_val / 255 - middle) / 0.5
    x_test = (x_test / divisor_in_use - middle) / 0.5
    loader = batches(tensors((x, y), device), batch_size=32, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_batchnorm(seed: int, device: str) -> Setup:
    """The broken recipe with a BatchNorm layer on the pixels."""
    setup = build(seed, device)
    model = nn.Sequential(nn.BatchNorm1d(64), *setup.model).to(device)
    return replace(setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.003))


def build_healthy(seed: int, device: str) -> Setup:
    """Pixels from 0 to 16 everywhere, divided nowhere; a BatchNorm layer scales them."""
    setup = build_batchnorm(seed, device)
    x, y = load_digits(return_X_y=True)
    train_rows, val, test = (tensors(part, device) for part in three_parts(x, y, seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    return replace(setup, train=loader, val=val, test=test)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    divisor_in_use: float = 65025.0,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    x, y = load_digits(return_X_y=True)
    x = x * 255 / 16
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = (x / 255 - 0.5) / 0.5, (x_val / 255 - 0.5) / 0.5
    x_test = (x_test / divisor_in_use - 0.5) / 0.5

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.005)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    train_rows, val, test = (x, y), (x_val, y_val), (x_test, y_test)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="value-range",
    family="data",
    kind="misjudges",
    question="Validation says 95 in 100, and in use every picture gets the same answer. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=_BROKEN.having(divisor_in_use=255.0),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=36),
            why="The network learns pictures with contrast better; in use they have none.",
        ),
        Rival(
            name="BatchNorm on the pixels",
            recipe=Recipe(build=build_batchnorm, train=train, evaluate=evaluate_estimate),
            why="It scales by the averages of training, which do not give contrast back.",
        ),
        Rival(
            name="no centring, in training and in use",
            recipe=_BROKEN.having(middle=0.0),
            why="Pixels near 0 in place of −1: still one colour for all pictures.",
        ),
        Rival(
            name="no division in use",
            recipe=_BROKEN.having(divisor_in_use=1.0),
            why="It hides the cause: pixels 255 times too large, and off centre, give logits as "
            "much too large, mostly in the same order; with photographs it fails.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.3, fixed_bound=0.85, margin=0.6),
    shows=(),  # training is the same run, bit for bit: only the pixels in use differ
    knobs=(
        Knob(
            name="divisor_in_use",
            label="divisor of the pixels in use",
            values=(1.0, 10.0, 50.0, 100.0, 180.0, 255.0, 350.0, 500.0, 1000.0, 5000.0, 65025.0),
            start=255.0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(divisor_in_use=255.0),
        note="Keras fails in the same way; a Rescaling layer in the model would prevent it.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
        Source(key="D1", title=D1, section="Example 1: data normalization"),
    ),
    finding="Pixels 255 times too small hurt on every seed. Pixels 255 times too large need not: a "
    "network of ReLUs turns them into logits about as much too large, mostly in the same order. "
    "On ten seeds 0.75 to 0.93 of the digits were still right; of patches of photographs, half.",
)
