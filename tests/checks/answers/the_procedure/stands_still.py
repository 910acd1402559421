"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import torch

from tests.checks.answers.kit import Function, Wrong


def with_a_copy(one_pass, model, batches):
    before = copy.deepcopy(model.state_dict())
    one_pass(batches)
    still = [name for name, weight in model.named_parameters() if torch.equal(weight, before[name])]
    model.load_state_dict(before)
    return still


def with_clones(one_pass, model, batches):
    before = [(name, weight, weight.detach().clone()) for name, weight in model.named_parameters()]
    one_pass(batches)
    still = {name for name, weight, kept in before if not (weight != kept).any()}
    with torch.no_grad():
        for _, weight, kept in before:
            weight.copy_(kept)
    return still


def with_numpy(one_pass, model, batches):
    before = {name: weight.detach().numpy().copy() for name, weight in model.named_parameters()}
    for _ in range(3):
        one_pass(batches)
    still = []
    for name, weight in model.named_parameters():
        if (weight.detach().numpy() == before[name]).all():
            still.append(name)
        weight.data = torch.tensor(before[name])
    return tuple(still)


RIGHT: dict[str, Function] = {
    "a deep copy": with_a_copy,
    "clones, a set": with_clones,
    "numpy, three passes": with_numpy,
}


def answering(still, *, back=True):
    """An answer that says `still(before, model)` after a pass."""

    def stands_still(one_pass, model, batches):
        before = copy.deepcopy(model.state_dict())
        one_pass(batches)
        names = still(before, model)
        if back:
            model.load_state_dict(before)
        return names

    return stands_still


def equal(before, model):
    return [name for name, weight in model.named_parameters() if torch.equal(weight, before[name])]


def without_a_copy(one_pass, model, batches):
    before = model.state_dict()
    one_pass(batches)
    return [name for name, weight in model.named_parameters() if torch.equal(weight, before[name])]


def frozen_ones(one_pass, model, batches):
    return [name for name, weight in model.named_parameters() if not weight.requires_grad]


def first_back_alone(one_pass, model, batches):
    before = copy.deepcopy(model.state_dict())
    one_pass(batches)
    still = equal(before, model)
    model.load_state_dict({**model.state_dict(), "0.weight": before["0.weight"]})
    return still


def first_batch_alone(one_pass, model, batches):
    return with_a_copy(one_pass, model, batches[:1])


def last_batch_alone(one_pass, model, batches):
    return with_a_copy(one_pass, model, batches[-1:])


WRONG = (
    Wrong(
        name="some entry is equal",
        answer=answering(
            lambda before, model: [n for n, w in model.named_parameters() if (w == before[n]).any()]
        ),
        fails="moves",
        says=r"In a sound loop with an input column of zeros, 0\.weight moves, and .* every entry",
    ),
    Wrong(
        name="the first entry alone",
        answer=answering(
            lambda before, model: [
                n for n, w in model.named_parameters() if w.flatten()[0] == before[n].flatten()[0]
            ]
        ),
        fails="moves",
    ),
    Wrong(
        name="the first batch alone",
        answer=first_batch_alone,
        fails="moves",
        says=r"In a sound loop whose first and last batch are all zeros, 0\.weight moves, .* all b",
    ),
    Wrong(
        name="the last batch alone",
        answer=last_batch_alone,
        fails="moves",
        says=r"first and last batch are all zeros, 0\.weight moves, .* all batches",
    ),
    Wrong(
        name="the last entry alone",
        answer=answering(
            lambda before, model: [
                n for n, w in model.named_parameters() if w.flatten()[-1] == before[n].flatten()[-1]
            ]
        ),
        fails="moves",
    ),
    Wrong(
        name="the length alone",
        answer=answering(
            lambda before, model: [
                name for name, w in model.named_parameters() if w.norm() == before[name].norm()
            ]
        ),
        fails="moves",
        says=r"In a sound loop with very short steps, .* every entry, to the last bit",
    ),
    Wrong(
        name="nearly equal, to seven digits behind the point",
        answer=answering(
            lambda before, model: [
                name
                for name, w in model.named_parameters()
                if torch.allclose(w, before[name], rtol=0, atol=1e-7)
            ]
        ),
        fails="moves",
    ),
    Wrong(
        name="no copy",
        answer=without_a_copy,
        says=r"In a sound loop, 0\.bias moves, and your function names it\. Hint: Compare with a",
    ),
    Wrong(
        name="nearly equal",
        answer=answering(
            lambda before, model: [
                name for name, w in model.named_parameters() if torch.allclose(w, before[name])
            ]
        ),
        fails="moves",
        says=r"In a sound loop with very short steps, .* moves, and your function names it",
    ),
    Wrong(
        name="the movers",
        answer=answering(
            lambda before, model: [
                name for name, w in model.named_parameters() if not torch.equal(w, before[name])
            ]
        ),
    ),
    Wrong(
        name="frozen ones",
        answer=frozen_ones,
        fails="still",
        says=r"whose optimizer holds the first layer alone, 2\.bias stands still, and your funct",
    ),
    Wrong(
        name="without a gradient",
        answer=answering(
            lambda before, model: [n for n, w in model.named_parameters() if w.grad is None]
        ),
        fails="still",
    ),
    Wrong(name="nothing", answer=answering(lambda before, model: []), fails="still"),
    Wrong(
        name="weights, no biases",
        answer=answering(
            lambda before, model: [n for n in equal(before, model) if n.endswith("weight")]
        ),
        fails="still",
    ),
    Wrong(
        name="not put back",
        answer=answering(equal, back=False),
        fails="put back",
        says=r"In a sound loop, the weights are not what they were before the measurement",
    ),
    Wrong(name="the first alone put back", answer=first_back_alone, fails="put back"),
)
