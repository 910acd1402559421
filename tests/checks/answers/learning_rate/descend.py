"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch

from tests.checks.answers.kit import Function, Wrong


def as_intended(slope, start, lr, steps):
    path = [start]
    for _ in range(steps):
        w = path[-1]
        path.append(w - lr * slope(w))
    return np.array(path)


def by_adding(slope, start, lr, steps):
    path = [start]
    for _ in range(steps):
        path += [path[-1] + -lr * slope(path[-1])]
    return np.array(path)


def in_a_filled_array(slope, start, lr, steps):
    path = np.empty((steps + 1, *np.shape(start)))
    path[0] = start
    for step in range(steps):
        path[step + 1] = np.subtract(path[step], np.multiply(slope(path[step]), lr))
    return path


def with_torch(slope, start, lr, steps):
    path = [torch.as_tensor(start, dtype=torch.float64)]
    for _ in range(steps):
        w = path[-1].numpy()
        path.append(torch.as_tensor(w - lr * slope(w)))
    return torch.stack(path)


def as_a_list(slope, start, lr, steps):
    if steps == 0:
        return [start]
    return [start, *as_a_list(slope, start - lr * slope(start), lr, steps - 1)]


RIGHT: dict[str, Function] = {
    "as intended": as_intended,
    "adding": by_adding,
    "a filled array": in_a_filled_array,
    "torch": with_torch,
    "a list, by recursion": as_a_list,
}


def stepping(step):
    """An answer whose line appends what `step(w, slope, lr, start)` gives."""

    def descend(slope, start, lr, steps):
        path = [start]
        for _ in range(steps):
            path.append(step(path[-1], slope, lr, start))
        return np.array(path)

    return descend


def in_place(slope, start, lr, steps):
    path = [start]
    for _ in range(steps):
        w = path[-1]
        w -= lr * slope(w)
        path.append(w)
    return np.array(path)


def stops_at_the_minimum(w, slope, lr, _start):
    after = w - lr * slope(w)
    return after if np.ndim(w) else max(after, 0)


WRONG = (
    Wrong(
        name="never passes the minimum",
        answer=stepping(stops_at_the_minimum),
        fails="parabola",
        says=r"w² with learning rate 0\.75, w is 0 after 1 step from 3; expected -1\.5\.",
    ),
    Wrong(
        name="takes every curve for a parabola",
        answer=stepping(lambda w, slope, lr, start: w - lr * slope(start) * w / start),
        fails="slope",
        says=r"On the loss w⁴ .*, w is 0\.25 after 2 steps from 1; expected 0\.4375\.",
    ),
    Wrong(
        name="in place",
        answer=in_place,
        fails="two weights",
        says=r"w is \(0\.25, 0\.5\) after 0 steps from \(4, 8\); expected \(4, 8\)\.",
    ),
    Wrong(
        name="uphill",
        answer=stepping(lambda w, slope, lr, _: w + lr * slope(w)),
        says=r"learning rate 0\.25, w is 4\.5 after 1 step from 3; expected 1\.5\.",
    ),
    Wrong(name="slope of the start", answer=stepping(lambda w, slope, lr, s: w - lr * slope(s))),
    Wrong(name="no learning rate", answer=stepping(lambda w, slope, _lr, _s: w - slope(w))),
    Wrong(name="divided by the rate", answer=stepping(lambda w, slope, lr, _s: w - slope(w) / lr)),
    Wrong(
        name="by the sign alone",
        answer=stepping(lambda w, slope, lr, _s: w - lr * np.sign(slope(w))),
    ),
    Wrong(name="does not add up", answer=stepping(lambda w, slope, lr, _s: -lr * slope(w))),
    Wrong(name="hard-coded slope", answer=stepping(lambda w, _slope, lr, _s: w - lr * 2 * w)),
    Wrong(name="stays", answer=stepping(lambda w, _slope, _lr, _s: w)),
)
