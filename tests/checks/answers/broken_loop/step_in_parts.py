"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def with_shares(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    for inputs, labels in zip(x.split(size), y.split(size)):
        (loss_fn(model(inputs), labels) * len(inputs) / len(x)).backward()
    optimizer.step()


def emptied_at_the_end_too(model, loss_fn, optimizer, x, y, size):
    model.zero_grad()
    for start in range(0, len(x), size):
        stop = min(start + size, len(x))
        loss = loss_fn(model(x[start:stop]), y[start:stop])
        loss.backward(torch.tensor((stop - start) / len(x)))
    optimizer.step()
    model.zero_grad()


def gradients_divided(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad(set_to_none=False)
    for part in torch.arange(len(x)).split(size):
        loss = loss_fn(model(x[part]), y[part]) * len(part)
        loss.backward()
    for weight in model.parameters():
        weight.grad /= len(x)
    optimizer.step()


def with_autograd(model, loss_fn, optimizer, x, y, size):
    weights = list(model.parameters())
    sums = [torch.zeros_like(weight) for weight in weights]
    for inputs, labels in zip(x.split(size), y.split(size)):
        loss = loss_fn(model(inputs), labels) * (len(inputs) / len(x))
        for total, gradient in zip(sums, torch.autograd.grad(loss, weights)):
            total += gradient
    for weight, total in zip(weights, sums):
        weight.grad = total
    optimizer.step()


def losses_kept(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    losses, logits = [], []
    for inputs, labels in zip(x.split(size), y.split(size)):
        logits.append(model(inputs))
        losses.append(loss_fn(logits[-1], labels) * (len(inputs) / len(x)))
        losses[-1].backward()  # what hangs on them is free
    optimizer.step()
    return sum(losses)


def graph_thrown_away(model, loss_fn, optimizer, x, y, size):
    model.train()
    optimizer.zero_grad()
    for inputs, labels in zip(x.split(size), y.split(size)):
        loss = loss_fn(model(inputs), labels) * len(inputs) / len(x)
        loss.backward(retain_graph=True)
        del loss  # and the graph with it
    optimizer.step()


def summed(model, loss_fn, optimizer, x, y, size):
    loss_fn.reduction = "sum"
    optimizer.zero_grad()
    for inputs, labels in zip(x.split(size), y.split(size)):
        (loss_fn(model(inputs), labels) / len(x)).backward()
    optimizer.step()


RIGHT: dict[str, Function] = {
    "shares": with_shares,
    "a sum, divided by the rows": summed,
    "by hand, emptied at the end too": emptied_at_the_end_too,
    "gradients divided": gradients_divided,
    "autograd.grad": with_autograd,
    "losses kept": losses_kept,
    "graph thrown away": graph_thrown_away,
}


def summed_first(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    total = 0
    for inputs, labels in zip(x.split(size), y.split(size)):
        total = total + loss_fn(model(inputs), labels) * len(inputs) / len(x)
    total.backward()
    optimizer.step()


def gathering(share, *, emptied="first", stepping="last"):
    """An answer that multiplies each part's loss by `share(part, rows, size)`."""

    def step_in_parts(model, loss_fn, optimizer, x, y, size):
        if emptied == "first":
            optimizer.zero_grad()
        for inputs, labels in zip(x.split(size), y.split(size)):
            if emptied == "each":
                optimizer.zero_grad()
            (loss_fn(model(inputs), labels) * share(len(inputs), len(x), size)).backward()
            if stepping == "each":
                optimizer.step()
        if stepping == "last":
            optimizer.step()

    return step_in_parts


def right_share(part, rows, size):
    return part / rows


def graphs_kept(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    losses = []
    for inputs, labels in zip(x.split(size), y.split(size)):
        losses.append(loss_fn(model(inputs), labels) * len(inputs) / len(x))
        losses[-1].backward(retain_graph=True)
    optimizer.step()


def one_graph_too_long(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    for inputs, labels in zip(x.split(size), y.split(size)):
        loss = loss_fn(model(inputs), labels) * len(inputs) / len(x)
        loss.backward(retain_graph=True)
    optimizer.step()


def by_hand(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    for inputs, labels in zip(x.split(size), y.split(size)):
        (loss_fn(model(inputs), labels) * len(inputs) / len(x)).backward()
    with torch.no_grad():
        for weight in model.parameters():
            weight -= optimizer.param_groups[0]["lr"] * weight.grad


def all_at_once(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def joined(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    logits = torch.cat([model(part) for part in x.split(size)])
    model(x[: size + 1])  # one look too many
    loss_fn(logits, y).backward()
    optimizer.step()


def whole_parts_only(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    parts = len(x) // size
    for number in range(parts):
        rows = slice(number * size, (number + 1) * size)
        (loss_fn(model(x[rows]), y[rows]) / parts).backward()
    optimizer.step()


def by_the_remainder(model, loss_fn, optimizer, x, y, size):
    optimizer.zero_grad()
    parts = list(zip(x.split(size), y.split(size)))
    for number, (inputs, labels) in enumerate(parts, start=1):
        rows = len(x) % size if number == len(parts) else size  # 0 where size divides them all
        (loss_fn(model(inputs), labels) * rows / len(x)).backward()
    optimizer.step()


def with_another_loss(model, loss_fn, optimizer, x, y, size):
    with_shares(model, nn.functional.cross_entropy, optimizer, x, y, size)


def clipping(longest):
    """The right answer, but that a gradient longer than this is cut."""

    def step_in_parts(model, loss_fn, optimizer, x, y, size):
        optimizer.zero_grad()
        for inputs, labels in zip(x.split(size), y.split(size)):
            (loss_fn(model(inputs), labels) * len(inputs) / len(x)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), longest)
        optimizer.step()

    return step_in_parts


def says_so(model, loss_fn, optimizer, x, y, size):
    print("Task 1 passed.")


WRONG = (
    Wrong(
        name="all at once",
        answer=all_at_once,
        fails="parts",
        says=r"Of 32 rows with size=8, 32 went through the model at a time\.",
    ),
    Wrong(name="one look too many", answer=joined, fails="parts"),
    Wrong(
        name="one backward for all parts",
        answer=summed_first,
        fails="parts",
        says=r"Of 32 rows with size=8, 32 lay in memory at once: their backward\(\) had not come",
    ),
    Wrong(name="the graphs kept", answer=graphs_kept, fails="parts"),
    Wrong(
        name="a graph kept too long",
        answer=one_graph_too_long,
        fails="parts",
        says=r"Of 32 rows with size=8, 16 lay in memory at once: .* was kept after it\.",
    ),
    Wrong(
        name="not divided",
        answer=gathering(lambda part, rows, size: 1),
        says=r"With 32 rows and size=8, the step is 4 times as long as that of all rows at once\.",
    ),
    Wrong(name="divided by the rows", answer=gathering(lambda part, rows, size: 1 / rows)),
    Wrong(name="divided by the size", answer=gathering(lambda part, rows, size: 1 / size)),
    Wrong(name="a step a part", answer=gathering(right_share, stepping="each")),
    Wrong(name="the last part alone", answer=gathering(right_share, emptied="each")),
    Wrong(
        name="four parts, always",
        answer=gathering(lambda part, rows, size: 1 / 4),
        fails="uneven",
        says=r"With 13 rows and size=6, the step is .* times as long as that of all rows at once\.",
    ),
    Wrong(
        name="every part alike",
        answer=gathering(lambda part, rows, size: 1 / -(-rows // size)),
        fails="uneven",
    ),
    Wrong(
        name="size over rows",
        answer=gathering(lambda part, rows, size: size / rows),
        fails="uneven",
    ),
    Wrong(name="drops the last part", answer=whole_parts_only, fails="uneven"),
    Wrong(
        name="by the remainder",
        answer=by_the_remainder,
        fails="equal",
    ),
    Wrong(
        name="never emptied",
        answer=gathering(right_share, emptied="never"),
        fails="stale",
        says=r"After a backward\(\) on an earlier batch: With 13 rows and size=6, the step",
    ),
    Wrong(
        name="no step",
        answer=gathering(right_share, stepping="never"),
        says=r"no weight has moved: was optimizer\.step\(\) called",
    ),
    Wrong(
        name="the step by hand",
        answer=by_hand,
        fails="optimizer",
        says=r"has momentum and took a step before: With 32 rows and size=8, the step",
    ),
    Wrong(name="another loss", answer=with_another_loss),
    Wrong(name="clipped at 5", answer=clipping(5.0)),
    Wrong(name="clipped at 1", answer=clipping(1.0)),
    Wrong(name="prints that it passed", answer=says_so),
)
