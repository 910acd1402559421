"""Value range: pixels from 0 to 1 in training, from 0 to 255 in use, centred in both.

``ToTensor`` divides by 255 only what is stored as bytes. A picture that arrives as floating
point numbers from 0 to 255 passes undivided, and Normalize then takes away 0.5 where 127.5
stood in the middle. No pixel is below the middle any more: the network sees only bright ones.
"""

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.data.channel_order import patches
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    divisor_in_use: float = 1.0,
    middle: float = 0.5,
    lr: float = 0.01,
    epochs: int = 4,
) -> Setup:
    """Tell patches of a temple from patches of a flower.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        divisor_in_use: What pixels from 0 to 255 are divided by in use; 255 in training.
        middle: What Normalize takes away, in training and in use.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    x, y = patches()  # (2080, 3, 16, 16), from 0 to 255
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = (x / 255 - middle) / 0.5, (x_val / 255 - middle) / 0.5
    x_test = (x_test / divisor_in_use - middle) / 0.5
    loader = batches(tensors((x, y), device), batch_size=32, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(512, 2),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Pixels from 0 to 255 everywhere; a BatchNorm layer brings them on one scale."""
    x, y = patches()
    train_rows, val, test = (tensors(part, device) for part in three_parts(x, y, seed))
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 16, 4, stride=4), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2),
    ).to(device)  # fmt: skip
    return Setup(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
        train=batches(train_rows, batch_size=32, seed=seed),
        val=val,
        test=test,
        epochs=4,
    )


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    divisor_in_use: float = 1.0,
    epochs: int = 6,
) -> Setup:
    """The same network in Keras, channels last."""
    import keras

    x, y = patches()
    x = x.transpose(0, 2, 3, 1)  # (patches, height, width, channels)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = (x / 255 - 0.5) / 0.5, (x_val / 255 - 0.5) / 0.5
    x_test = (x_test / divisor_in_use - 0.5) / 0.5

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
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
    question="Validation says 95 in 100, and in use nearly every picture gets one answer. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=_BROKEN.having(divisor_in_use=255.0),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=8),
            why="The network learns pixels around 0 better; in use none of them is below it.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.003),
            why="Training is sound already, as validation shows; what comes in use is not its input.",
        ),
        Rival(
            name="no centring, in training and in use",
            recipe=_BROKEN.having(middle=0.0),
            why="It hides the cause: 255 times the pixels are nearly 255 times the logits, in the "
            "same order, but for the biases, which no longer count.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.68, fixed_bound=0.88, margin=0.2),
    shows=(),  # training is the same run, bit for bit: only the pixels in use differ
    knobs=(
        Knob(
            name="divisor_in_use",
            label="divisor of the pixels in use",
            values=(1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 150.0, 200.0, 255.0, 350.0, 500.0, 1000.0),
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
    finding="A wrong factor alone does less than one thinks: in a network of ReLUs 255 times the "
    "pixels are nearly 255 times the logits. What hurts is the centre, lost beside such values.",
)
