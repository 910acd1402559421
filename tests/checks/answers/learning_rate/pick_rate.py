"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import itertools

import numpy as np
import torch

from tests.checks.answers.kit import Function, Wrong


def _steps(model, loss_fn, batches, rates):
    """Take one step at each rate; the losses before each, up to the wall."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    losses = []
    for rate, (x, y) in zip(rates, itertools.cycle(batches), strict=False):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if not losses[-1] <= 4 * min(losses):
            break
    return np.array(losses)


def sweeping(low=-7, high=7, *, count=560, share=1 / 3):
    """A range test over these powers of ten that returns a share of the rate of the lowest loss."""

    def pick_rate(build, loss_fn, batches):
        rates = np.logspace(low, high, count)
        losses = _steps(build(), loss_fn, batches, rates)
        return share * rates[np.nanargmin(losses)]

    return pick_rate


def by_trying_each(build, loss_fn, batches):
    ends = {}
    for power in range(-14, 15):
        model = build()
        losses = _steps(model, loss_fn, batches, [10 ** (power / 2)] * 24)
        ends[losses[-1] if len(losses) == 24 else np.inf] = 10 ** (power / 2)
    return ends[min(end for end in ends if np.isfinite(end))]


def by_going_down(build, loss_fn, batches):
    x, y = batches[0]
    rate = 1e7
    while True:
        model = build()
        before = loss_fn(model(x), y)
        losses = _steps(model, loss_fn, batches[:1], [rate] * 12)
        if len(losses) == 12 and losses[-1] < before.item() and (np.diff(losses) < 0).all():
            return torch.tensor(rate)
        rate /= 2


RIGHT: dict[str, Function] = {
    "a range test": sweeping(),
    "a longer one, a fifth": sweeping(count=1120, share=0.2),
    "each rate by itself": by_trying_each,
    "down from above": by_going_down,
}


def always(rate):
    """An answer that does not look."""
    return lambda *_: rate


def by_the_first_batch(_build, _loss_fn, batches):
    x, _ = batches[0]
    flat = x.flatten(1).double()
    return float(1 / torch.linalg.eigvalsh(flat.T @ flat / len(flat)).max()) / 1000


WRONG = (
    Wrong(
        name="the rate of the lowest loss itself",
        answer=sweeping(share=1),
        fails="edge",
        says=r"On a bowl with inputs of size 0\.01, after 200 steps at your rate \d+, the loss",
    ),
    Wrong(name="a test that begins too high", answer=sweeping(low=-3), fails="edge"),
    Wrong(
        name="a thousandth of the best",
        answer=sweeping(share=1 / 1000),
        fails="far enough",
        says=r"the loss is 0\.\d\d of what it was; expected at most 0\.25: the rate is too low",
    ),
    Wrong(name="always 0.1", answer=always(0.1)),
    Wrong(name="always 3", answer=always(3.0)),
    Wrong(name="always 0.000001", answer=always(1e-6), fails="far enough"),
    Wrong(name="a test that ends too low", answer=sweeping(high=0), fails="far enough"),
    Wrong(name="200 steps over fourteen decades", answer=sweeping(count=200), fails="edge"),
    Wrong(name="too few steps", answer=sweeping(count=14, share=1.0), fails="edge"),
    Wrong(name="a timid formula", answer=by_the_first_batch, fails="far enough"),
)
