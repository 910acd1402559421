"""Labels per class, found behind losses of every form; and quiet where there are none."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from coursekit.records import Record
from coursekit.vitals.torch import record
from coursekit.vitals.torch.labels import labels_behind

LABELS = torch.tensor([0, 2, 2, 1, 2, 0])

CROSS_ENTROPIES: dict[str, Callable[[Tensor], Tensor]] = {
    "a function": lambda logits: functional.cross_entropy(logits, LABELS),
    "a module": lambda logits: nn.CrossEntropyLoss()(logits, LABELS),
    "class weights": lambda logits: functional.cross_entropy(logits, LABELS, torch.ones(3)),
    "label smoothing": lambda logits: functional.cross_entropy(logits, LABELS, label_smoothing=0.1),
    "averaged by hand": lambda logits: functional.cross_entropy(
        logits, LABELS, reduction="none"
    ).mean(),
    "nll": lambda logits: functional.nll_loss(logits.log_softmax(1), LABELS),
    "scaled and penalised": lambda logits: (
        1024 * (functional.cross_entropy(logits, LABELS) / 4 + 0.1 * logits.square().mean())
    ),
    "pixels": lambda logits: functional.cross_entropy(
        logits.T.reshape(1, 3, 2, 3), LABELS.reshape(1, 2, 3)
    ),
}


def three_steps(loss: Callable[[Tensor], Tensor]) -> Record:
    """The record of a layer with three outputs, trained on six rows a step."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            loss(model(torch.randn(6, 2))).backward()
            optimizer.step()
    return vitals.record


@pytest.mark.parametrize("loss", CROSS_ENTROPIES.values(), ids=CROSS_ENTROPIES)
def test_found_behind_a_cross_entropy(loss: Callable[[Tensor], Tensor]) -> None:
    """Two zeros, one one, three twos."""
    counted = three_steps(loss)["label_count"]
    assert counted.values.tolist() == [[2, 1, 3]] * 3
    assert counted.labels == ("0", "1", "2")


def test_found_behind_a_binary_cross_entropy() -> None:
    """Both forms; not where each row answers several questions."""
    logits = torch.zeros(4, 1, requires_grad=True)
    labels = torch.tensor([[1.0], [0.0], [1.0], [1.0]])
    for loss in (
        functional.binary_cross_entropy_with_logits(logits, labels),
        functional.binary_cross_entropy(logits.sigmoid(), labels),
    ):
        found = labels_behind(loss)
        assert found is not None
        assert (found[0].ravel().tolist(), found[1]) == ([1, 0, 1, 1], 2)
    several = torch.zeros(4, 2, requires_grad=True)
    both = torch.cat([labels, labels], dim=1)
    assert labels_behind(functional.binary_cross_entropy_with_logits(several, both)) is None


def test_ignored_labels_count_nowhere() -> None:
    """ignore_index is -100."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(2):
            labels = torch.tensor([0, -100, 1])
            functional.cross_entropy(model(torch.randn(3, 2)), labels).backward()
            optimizer.step()
    assert vitals.record["label_count"].values.tolist() == [[1, 1, 0]] * 2


FEWER = torch.tensor([1, 1, 0, 2, 2, 2])

SUMS: dict[str, tuple[Callable[[Tensor], Tensor], list[int]]] = {
    "two outputs, each with labels": (
        lambda out: functional.cross_entropy(out, LABELS) + functional.cross_entropy(-out, FEWER),
        [3, 3, 6],
    ),
    "two outputs for the same labels": (
        lambda out: functional.cross_entropy(out, LABELS) + functional.cross_entropy(-out, LABELS),
        [2, 1, 3],
    ),
    "mixup: one output, two labels": (
        lambda out: (
            0.7 * functional.cross_entropy(out, LABELS) + 0.3 * functional.cross_entropy(out, FEWER)
        ),
        [2, 1, 3],
    ),
    "two questions": (
        lambda out: (
            functional.cross_entropy(out, LABELS) + functional.cross_entropy(out[:, :2], FEWER % 2)
        ),
        [2, 1, 3],
    ),
    "with ignored labels": (
        lambda out: (
            functional.cross_entropy(out, LABELS)
            + functional.cross_entropy(-out, torch.where(FEWER == 2, -100, FEWER))
        ),
        [3, 3, 3],
    ),
}


@pytest.mark.parametrize(("loss", "counts"), SUMS.values(), ids=SUMS)
def test_all_the_rows_behind_a_sum_are_counted_once(
    loss: Callable[[Tensor], Tensor], counts: list[int]
) -> None:
    """Of `LABELS` two zeros, one one, three twos; of `FEWER` one, two, three."""
    assert three_steps(loss)["label_count"].values.tolist() == [counts] * 3


@pytest.mark.parametrize(
    "loss",
    [
        lambda out: out.square().mean(),
        lambda out: functional.mse_loss(out, torch.zeros(6, 3)),
        lambda out: functional.cross_entropy(out, torch.full((6, 3), 1 / 3)),
        lambda out: functional.cross_entropy(nn.functional.pad(out, (0, 600)), LABELS),
    ],
    ids=["no labels", "regression", "probabilities", "603 classes"],
)
def test_nothing_is_found_elsewhere(loss: Callable[[Tensor], Tensor]) -> None:
    """No column, and no error."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as vitals:
        loss(model(torch.randn(6, 2))).backward()
        optimizer.step()
    assert "label_count" not in vitals.record


def test_the_loss_of_a_freed_graph_is_passed_over() -> None:
    """What autograd kept is gone after the first backward."""
    loss = functional.cross_entropy(torch.zeros(6, 3, requires_grad=True), LABELS)
    loss.backward()
    assert labels_behind(loss) is None


def test_accumulated_batches_add_up() -> None:
    """Two batches before one step."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            optimizer.zero_grad()
            for _ in range(2):
                functional.cross_entropy(model(torch.randn(6, 2)), LABELS).backward()
            optimizer.step()
    np.testing.assert_array_equal(vitals.record["label_count"].values, [[4, 2, 6]] * 3)
