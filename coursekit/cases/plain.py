"""The plain loop and evaluation that most cases share, in PyTorch and in Keras."""

from collections.abc import Iterator

import torch
from torch import nn

from coursekit.cases.case import Setup


def train(setup: Setup) -> Iterator[int]:
    """Train to the end, one epoch at a time; yields the number of epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_decaying(setup: Setup) -> Iterator[int]:
    """The plain loop with a step of the scheduler after each epoch."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        setup.scheduler.step()
        yield epoch + 1


def train_watching(setup: Setup) -> Iterator[int]:
    """The plain loop; the scheduler gets the validation loss after each epoch."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        with torch.no_grad():
            inputs, labels = setup.val.tensors
            val_loss = setup.loss_fn(setup.model(inputs), labels)
        setup.scheduler.step(val_loss)
        yield epoch + 1


def train_clipping(setup: Setup, *, max_norm: float = 1.0) -> Iterator[int]:
    """The plain loop; a gradient longer than ``max_norm`` is scaled down to it."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), max_norm=max_norm)
            setup.optimizer.step()
        yield epoch + 1


def evaluate(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows, the model in evaluation mode."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = setup.model(inputs)  # (rows, classes)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def train_keras(setup: Setup) -> Iterator[int]:
    """The twin's training: one ``model.fit``."""
    inputs, labels = setup.train
    setup.model.fit(inputs, labels, batch_size=setup.batch_size, epochs=setup.epochs, verbose=0)
    yield setup.epochs


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows."""
    inputs, labels = setup.test
    loss, accuracy = setup.model.evaluate(inputs, labels, verbose=0)
    return {"test_accuracy": accuracy, "test_loss": loss}


def evaluate_half(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows, the layers in float16."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        with torch.autocast(inputs.device.type, dtype=torch.float16):
            logits = setup.model(inputs).float()
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, labels)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def evaluate_training_loss(setup: Setup) -> dict[str, float]:
    """Loss on the training rows, where settling shows, and accuracy on held-out ones."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.train.dataset.tensors
        train_loss = setup.loss_fn(setup.model(inputs), labels)
        inputs, labels = setup.test.tensors
        accuracy = (setup.model(inputs).argmax(dim=1) == labels).float().mean()
    return {"train_loss": train_loss.item(), "test_accuracy": accuracy.item()}


def evaluate_training_loss_keras(setup: Setup) -> dict[str, float]:
    """Loss on the training rows, and accuracy on held-out ones."""
    train_loss, _ = setup.model.evaluate(*setup.train, verbose=0)
    _, accuracy = setup.model.evaluate(*setup.test, verbose=0)
    return {"train_loss": train_loss, "test_accuracy": accuracy}


def evaluate_regression(setup: Setup) -> dict[str, float]:
    """Loss and R² on held-out rows, the model in evaluation mode."""
    setup.model.eval()
    with torch.no_grad():
        inputs, targets = setup.test.tensors
        outputs = setup.model(inputs).reshape(targets.shape)  # (rows,)
        squares = ((outputs - targets) ** 2).mean()
        r2 = 1 - squares / targets.var(correction=0)
        return {"test_r2": r2.item(), "test_loss": squares.item()}


def evaluate_estimate(setup: Setup) -> dict[str, float]:
    """Accuracy on ``val``, which is the estimate, and on ``test``, which is the truth."""
    setup.model.eval()
    with torch.no_grad():
        estimate, truth = (
            (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
            for inputs, labels in (setup.val.tensors, setup.test.tensors)
        )
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def evaluate_regression_keras(setup: Setup) -> dict[str, float]:
    """Loss and R² on held-out rows."""
    inputs, targets = setup.test
    outputs = setup.model.predict(inputs, verbose=0).reshape(targets.shape)
    squares = float(((outputs - targets) ** 2).mean())
    return {"test_r2": 1 - squares / float(targets.var()), "test_loss": squares}


def evaluate_estimate_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on ``val``, which is the estimate, and on ``test``, which is the truth."""
    estimate, truth = (
        float((setup.model.predict(inputs, verbose=0).argmax(axis=1) == labels).mean())
        for inputs, labels in (setup.val, setup.test)
    )
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}
