"""BatchNorm works, and not because the inputs of a layer hold still.

It is said to help by reducing covariate shift: each layer's input is kept from moving while
the layers before it learn. So give a deep network BatchNorm and undo that: after each such layer
add to every unit a new random offset in every step. Its inputs now jump about far more than
those of the network without BatchNorm, whose layers barely move at all. It trains all the same,
and the still one does not. What BatchNorm gives is a scale at which gradients get through.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import BatchNorm1d, Identity

from coursekit.cases.case import Case, Claim, Knob, Recipe, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D0, IOFFE_2015, SANTURKAR_2018, Source


class Jolt(nn.Module):
    """Adds a new random offset to each unit in each training step, and measures the shift."""

    def __init__(self, size: float, seed: int) -> None:
        super().__init__()
        self.size = size
        self.offsets = torch.Generator().manual_seed(seed)
        self.mean = torch.zeros(64)
        self.path = 0.0
        self.steps = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What comes in, shape (rows, 64), and in training an offset."""
        if self.training:
            x = x + self.size * torch.randn(64, generator=self.offsets).to(x.device)
            mean = x.detach().mean(dim=0)
            if self.steps:
                self.path += (mean - self.mean).abs().mean().item()
            self.mean = mean
            self.steps += 1
        return x


def build(
    seed: int,
    device: str,
    *,
    norm: type[BatchNorm1d] | type[Identity] = Identity,
    jolt: float = 0.0,
    epochs: int = 15,
) -> Setup:
    """Digits, ten hidden layers of sigmoids.

    Args:
        seed: Sets the split, the first weights, the order of the batches and the offsets.
        device: Where model and data live.
        norm: What stands between a linear layer and its sigmoid.
        jolt: Deviation of the random offset of a unit, after the norm.
        epochs: Passes over the training rows.
    """
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=64, seed=seed)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for number in range(10):
        layers += [nn.Linear(64, 64), norm(64), Jolt(jolt, 10 * seed + number), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def evaluate_with_shift(setup: Setup) -> dict[str, float]:
    """Accuracy, and how far a unit's mean moved from one step to the next, on average."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = setup.model(inputs)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        jolts = [layer for layer in setup.model if isinstance(layer, Jolt)]
        shift = sum(jolt.path / (jolt.steps - 1) for jolt in jolts) / len(jolts)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item(), "shift": shift}


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    norm: bool = False,
    jolt: float = 0.0,
    epochs: int = 12,
) -> Setup:
    """The same network in Keras, without the measurement of the shift."""
    import keras

    class KerasJolt(keras.layers.Layer):  # type: ignore[misc]
        """Adds a new random offset to each unit in each training step."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.offsets = keras.random.SeedGenerator(number)

        def call(self, x: Any, training: bool = False) -> Any:
            offset = jolt * keras.random.normal((1, 64), seed=self.offsets)
            return x + offset if training else x

    train, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,))])
    for number in range(10):
        model.add(keras.layers.Dense(64))
        if norm:
            model.add(keras.layers.BatchNormalization(momentum=0.9))
            model.add(KerasJolt(10 * seed + number))
        model.add(keras.layers.Activation("sigmoid"))
    model.add(keras.layers.Dense(10))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train, val=val, test=test, epochs=epochs, batch_size=64,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_with_shift)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="covariate-shift-myth",
    family="normalization",
    kind="myth",
    question="BatchNorm keeps the inputs of each layer from moving while the others learn. Is "
    "that why it works?",
    lesson="11_normalisation_layers",
    broken=_BROKEN,
    fixed=_BROKEN.having(norm=BatchNorm1d, jolt=0.9),
    healthy=_BROKEN.having(norm=BatchNorm1d),
    rivals=(),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.25, fixed_bound=0.81, margin=0.5
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="jolt",
            label="random offset of a unit (standard deviations)",
            values=(0.0, 0.3, 0.9, 3.0),
            start=0.9,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(norm=True, jolt=0.9),
        note="The same contrast of accuracies; the shift itself is measured in PyTorch alone.",
    ),
    sources=(
        Source(key="D0", title=D0, section="Batch normalization: covariate shift"),
        IOFFE_2015,
        SANTURKAR_2018,
    ),
    finding="With offsets injected after BatchNorm a unit's mean moves by about 1 per step, and "
    "without BatchNorm by about 0.01; yet the first network trains and the second stays at "
    "chance. A steady input is neither needed nor enough: the scale of signals and gradients is "
    "what BatchNorm changes.",
)
