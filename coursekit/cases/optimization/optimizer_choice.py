"""Optimizer choice: on one convex problem, SGD and Adam arrive at the same place.

Softmax regression has one lowest loss and no other valley. Both optimizers go down to it, each at
a learning rate that suits it, a hundred times apart. What differs is the way: Adam divides each
step by the gradient's running size, so it forgives a badly chosen learning rate or features on
unlike scales. That is worth something before tuning, and no accuracy after it.
"""

import torch
from torch import nn
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Knob, NoDifference, Recipe, Setup, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D3, Source


def build(
    seed: int,
    device: str,
    *,
    method: type[SGD] | type[Adam] = Adam,
    lr: float = 0.01,
    epochs: int = 30,
) -> Setup:
    """Softmax regression on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        method: The optimizer.
        lr: Its learning rate.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Linear(64, 10).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = method(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    method: str = "Adam",
    lr: float = 0.01,
    epochs: int = 15,
) -> Setup:
    """Softmax regression in Keras."""
    import keras

    parts = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = getattr(keras.optimizers, method)(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_ADAM = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="optimizer-choice",
    family="optimization",
    kind="myth",
    question="Will my network be better if I replace SGD by Adam?",
    lesson="13_optimizers_and_schedules",
    broken=_ADAM.having(method=SGD, lr=1.0),
    fixed=_ADAM,
    healthy=None,
    rivals=(),
    claim=NoDifference(score="test_accuracy", better="higher", bound=0.88, tolerance=0.06),
    shows=(),  # both are sound runs: no reading says which is which but the learning rate itself
    knobs=(
        Knob(
            name="lr",
            label="learning rate of Adam",
            values=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            start=0.01,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(method="SGD", lr=1.0),
        fixed=_KERAS,
        note="The same two learning rates do in Keras, in half of the epochs.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer misconfigurations: optimizer choice"),
        Source(key="D3", title=D3, section="Example 3: Adam is generally more robust than SGD"),
    ),
    finding="With a learning rate that suits each, the accuracy is the same. Adam is more robust "
    "only in that more learning rates do, and where features on unlike scales are left so.",
)
