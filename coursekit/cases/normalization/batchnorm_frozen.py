"""A frozen backbone that still moves: BatchNorm's running averages are no parameters.

A network that knows the digits 0 to 4 is to learn 5 to 9 from another scanner: dark and light
exchanged, grey levels to 16. Its backbone is frozen by ``requires_grad = False``, which stops
gradients.
The running mean and variance of BatchNorm are buffers, not parameters: in training mode each
forward pass moves them towards the new pictures. After it the old head reads other features
than it learned from, and the old digits are lost, though no weight has changed.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.nn import BatchNorm1d, LayerNorm
from torch.utils.data import TensorDataset

from coursekit.cases.case import Case, Claim, NoDifference, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import train_keras
from coursekit.cases.rows import Parts, batches, digits, tensors
from coursekit.cases.sources import D0, Source


def old_and_new(seed: int) -> tuple[Parts, Parts]:
    """Digits 0 to 4 in levels to 1, and 5 to 9 inverted in levels to 16; five classes each."""
    parts = digits(seed)
    old = [(x[y < 5], y[y < 5]) for x, y in parts]
    new = [(16 - 16 * x[y > 4], y[y > 4] - 5) for x, y in parts]
    return (old[0], old[1], old[2]), (new[0], new[1], new[2])


def pretrain(backbone: nn.Module, head: nn.Module, rows: TensorDataset, seed: int) -> None:
    """Teach backbone and head the old digits."""
    parameters = [*backbone.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.003)
    for _ in range(8):
        for inputs, labels in batches(rows, batch_size=32, seed=seed):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(backbone(inputs)), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def build(
    seed: int,
    device: str,
    *,
    norm: type[BatchNorm1d] | type[LayerNorm] = BatchNorm1d,
    lr: float = 0.01,
    epochs: int = 10,
) -> Setup:
    """A backbone that knows 0 to 4, frozen, and a new head for 5 to 9.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        norm: The normalisation layer of the backbone.
        lr: Learning rate of Adam for the new head.
        epochs: Passes over the new training rows.
    """
    old, new = old_and_new(seed)
    old_test = tensors(old[2], device)
    train, val, test = (tensors(part, device) for part in new)
    loader = batches(train, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    backbone = nn.Sequential(
        nn.Linear(64, 64), norm(64), nn.ReLU(), nn.Linear(64, 64), norm(64), nn.ReLU()
    ).to(device)
    old_head, new_head = nn.Linear(64, 5).to(device), nn.Linear(64, 5).to(device)
    pretrain(backbone, old_head, tensors(old[0], device), seed)
    backbone.requires_grad_(False)
    model = nn.Sequential(backbone, new_head)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(new_head.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=(old_head, old_test),
    )  # fmt: skip


def train_all(setup: Setup) -> Iterator[int]:
    """The usual loop: the whole model in training mode."""
    for epoch in range(setup.epochs):
        setup.model.train()
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_head(setup: Setup) -> Iterator[int]:
    """The same loop, the backbone in evaluation mode."""
    for epoch in range(setup.epochs):
        setup.model.train()
        setup.model[0].eval()
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def evaluate_both(setup: Setup) -> dict[str, float]:
    """Accuracy on the new digits with the new head, and on the old ones with the old head."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = setup.model(inputs)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        old_head, old_rows = setup.extra
        old_inputs, old_labels = old_rows.tensors
        old_logits = old_head(setup.model[0](old_inputs))
        old_accuracy = (old_logits.argmax(dim=1) == old_labels).float().mean()
        return {"old_accuracy": old_accuracy.item(), "test_accuracy": accuracy.item()}


def build_slow_averages(seed: int, device: str) -> Setup:
    """Running averages that move a tenth as far in a step while the head learns."""
    setup = build(seed, device)
    for layer in setup.model[0]:
        if isinstance(layer, BatchNorm1d):
            layer.momentum = 0.01
    return setup


def build_sgd(seed: int, device: str) -> Setup:
    """SGD for the head."""
    setup = build(seed, device)
    head = setup.model[1]
    return replace(setup, optimizer=torch.optim.SGD(head.parameters(), lr=0.1))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    training: bool | None = None,
    epochs: int = 8,
) -> Setup:
    """The same two heads in Keras, where ``trainable = False`` also stops the averages."""
    import keras

    old, (train, val, test) = old_and_new(seed)
    keras.utils.set_random_seed(seed)
    backbone = keras.Sequential([keras.Input((64,))])
    for _ in range(2):
        backbone.add(keras.layers.Dense(64))
        backbone.add(keras.layers.BatchNormalization(momentum=0.9))
        backbone.add(keras.layers.Activation("relu"))
    old_model = keras.Sequential([backbone, keras.layers.Dense(5)])
    inputs = keras.Input((64,))
    features = backbone(inputs, training=training)
    model = keras.Model(inputs, keras.layers.Dense(5)(features))
    compiled = partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True)
    old_model.compile(
        optimizer=keras.optimizers.Adam(0.003), loss=compiled(), metrics=["accuracy"],
        jit_compile=False,
    )  # fmt: skip
    old_model.fit(*old[0], batch_size=32, epochs=6, verbose=0)
    backbone.trainable = False
    loss_fn, optimizer = compiled(), keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, train=train, val=val, test=test,
        epochs=epochs, batch_size=32, extra=(old_model, old[2]),
    )  # fmt: skip


def evaluate_both_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on the new digits and on the old ones."""
    old_model, old_rows = setup.extra
    scores = [
        float((model.predict(inputs, verbose=0).argmax(axis=1) == labels).mean())
        for model, (inputs, labels) in ((old_model, old_rows), (setup.model, setup.test))
    ]
    return {"old_accuracy": scores[0], "test_accuracy": scores[1]}


_BROKEN = Recipe(build=build, train=train_all, evaluate=evaluate_both)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_both_keras)

CASE = Case(
    name="batchnorm-frozen",
    family="normalization",
    kind="trains",
    question="I froze the backbone and trained only a new head. Why has the old head forgotten "
    "its classes?",
    lesson="11_normalisation_layers",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_head, evaluate=evaluate_both),
    healthy=Recipe(build=partial(build, norm=LayerNorm), train=train_all, evaluate=evaluate_both),
    rivals=(
        Rival(
            name="a smaller learning rate for the head",
            recipe=_BROKEN.having(lr=0.001),
            why="The averages move by the forward pass, whatever the learning rate.",
        ),
        Rival(
            name="fewer epochs",
            recipe=_BROKEN.having(epochs=3),
            why="At momentum 0.1 twenty batches are enough to forget the old averages.",
        ),
        Rival(
            name="slower running averages",
            recipe=Recipe(build=build_slow_averages, train=train_all, evaluate=evaluate_both),
            why="They arrive later; after ten epochs the old averages weigh a fifth.",
        ),
        Rival(
            name="SGD in place of Adam",
            recipe=Recipe(build=build_sgd, train=train_all, evaluate=evaluate_both),
            why="No optimizer holds the averages, so none can spare them.",
        ),
    ),
    claim=Claim(
        score="old_accuracy", better="higher", broken_bound=0.65, fixed_bound=0.93, margin=0.3
    ),
    shows=(Sign(quantity="activation_std", read="last"),),
    knobs=(),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS,
        fixed=_KERAS.having(training=False),
        claim=NoDifference(score="old_accuracy", better="higher", bound=0.9, tolerance=0.02),
        note="In Keras trainable = False also puts BatchNormalization into inference mode, so "
        "the averages stay; calling the backbone with training=False as well changes nothing.",
    ),
    sources=(Source(key="D0", title=D0, section="Batch normalization; example 2"),),
)
