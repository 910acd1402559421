"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import numpy as np
import torch

from tests.checks.answers.kit import Function, Wrong


def on_a_copy(model, image, others):
    twin = copy.deepcopy(model)
    twin.train()
    found = []
    for other in others:
        found.append(twin(torch.cat([image[None], other[None]]))[0].detach().numpy())
    return np.ptp(np.array(found), axis=0)


def image_last(model, image, others):
    twin = copy.deepcopy(model).train()
    values = torch.stack([twin(torch.stack([other, image]))[1] for other in others])
    return values.amax(dim=0) - values.amin(dim=0)


def put_back(model, image, others):
    modes = [part.training for part in model.modules()]
    state = copy.deepcopy(model.state_dict())
    model.train()
    low = high = None
    with torch.no_grad():
        for other in others:
            given = model(torch.stack([image, other]))[0]
            low = given if low is None else torch.minimum(low, given)
            high = given if high is None else torch.maximum(high, given)
    model.load_state_dict(state)
    for part, mode in zip(model.modules(), modes):
        part.training = mode
    return (high - low).tolist()


RIGHT: dict[str, Function] = {
    "a copy and numpy": on_a_copy,
    "the image last, with gradients": image_last,
    "put back by hand": put_back,
}


def measuring(summary, *, row=0, mode=True, group=None):
    """An answer that looks at something else."""

    def swings(model, image, others):
        twin = copy.deepcopy(model).train(mode)
        with torch.no_grad():
            found = [twin(torch.stack([image, other]))[row] for other in others]
        return summary(torch.stack(found))

    return swings


def span(values):
    return values.amax(dim=0) - values.amin(dim=0)


def in_the_mode_that_it_has(model, image, others):
    twin = copy.deepcopy(model)
    with torch.no_grad():
        return span(torch.stack([twin(torch.stack([image, other]))[0] for other in others]))


def all_in_one_batch(model, image, others):
    twin = copy.deepcopy(model).train()
    with torch.no_grad():
        return span(twin(torch.cat([image[None], others])))


def moves_the_averages(model, image, others):
    mode = [part.training for part in model.modules()]
    model.train()
    with torch.no_grad():
        found = torch.stack([model(torch.stack([image, other]))[0] for other in others])
    for part, was in zip(model.modules(), mode):
        part.training = was
    return span(found)


def leaves_it_in_training_mode(model, image, others):
    found = on_a_copy(model, image, others)
    model.train()
    return found


def leaves_it_in_evaluation_mode(model, image, others):
    found = on_a_copy(model, image, others)
    model.eval()
    return found


def says_so(model, image, others):
    print("Task 2 passed.")
    return np.zeros(model(torch.stack([image, others[0]])).shape[1])


WRONG = (
    Wrong(
        name="in evaluation mode",
        answer=measuring(span, mode=False),
        fails="swings",
        says=r"On a BatchNorm, with partners above and below, output 0 of the image swings by 0; "
        r"expected 2\. Hint: .*in training mode",
    ),
    Wrong(
        name="in the mode that it has",
        answer=in_the_mode_that_it_has,
        fails="swings",
        says=r"On a BatchNorm that comes in evaluation mode, output 0 .* expected 2\.",
    ),
    Wrong(name="the partner's row", answer=measuring(span, row=1), fails="swings"),
    Wrong(name="deviation", answer=measuring(lambda v: v.std(dim=0)), fails="swings"),
    Wrong(
        name="half of it",
        answer=measuring(lambda v: (v - v.mean(dim=0)).abs().amax(dim=0)),
        fails="swings",
    ),
    Wrong(
        name="the first two partners only",
        answer=measuring(lambda v: (v[0] - v[1]).abs()),
        fails="swings",
        says=r"On digits before a Linear layer and a BatchNorm, output \d",
    ),
    Wrong(name="signed", answer=measuring(lambda v: v[0] - v[-1]), fails="swings"),
    Wrong(
        name="the largest over all outputs",
        answer=measuring(lambda v: span(v).max().expand(v.shape[1])),
        fails="swings",
        says=r"On a BatchNorm between two Linear layers, output 1 of the image swings by 6; ",
    ),
    Wrong(name="all in one batch", answer=all_in_one_batch, fails="swings"),
    Wrong(
        name="moves the averages",
        answer=moves_the_averages,
        fails="changes",
        says=r"swings changed model\. Hint: What does a pass in training mode move",
    ),
    Wrong(name="training mode stays", answer=leaves_it_in_training_mode, fails="changes"),
    Wrong(name="evaluation mode stays", answer=leaves_it_in_evaluation_mode, fails="changes"),
    Wrong(name="prints that it passed", answer=says_so),
)
