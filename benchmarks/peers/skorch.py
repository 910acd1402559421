"""skorch: `NeuralNetClassifier` without callbacks and without a validation split."""

import time
from typing import Any

import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import DataLoader


def fit(model: nn.Module, loader: DataLoader[Any], *, lr: float, epochs: int) -> float:
    """Train in place on the batches of the loader; the seconds that `fit` took."""
    net = NeuralNetClassifier(
        model,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=lr,
        max_epochs=epochs,
        batch_size=loader.batch_size,
        iterator_train__shuffle=False,
        train_split=None,
        callbacks="disable",
        verbose=0,
    )
    begin = time.perf_counter()
    net.fit(loader.dataset, y=None)
    return time.perf_counter() - begin
