"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import numpy as np
import torch
from torch import nn

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


def leaves_it_in_training_mode(model, image, others):
    found = on_a_copy(model, image, others)
    model.train()
    return found


def leaves_it_in_evaluation_mode(model, image, others):
    found = on_a_copy(model, image, others)
    model.eval()
    return found


def in_place(model, image, others, *, kept=lambda buffer: True, modes=True):
    """On the model itself; all is put back but what is left out here."""
    was = [(part, part.training) for part in model.modules()]
    held = [(part, part.clone()) for part in model.buffers() if kept(part)]
    model.train()
    with torch.no_grad():
        found = torch.stack([model(torch.stack([image, other]))[0] for other in others])
    for part, old in held:
        part.copy_(old)
    model.train(was[0][1])  # the whole: what is frozen wakes
    for part, mode in was if modes else ():
        part.training = mode
    return span(found)


def moves_the_averages(model, image, others):
    return in_place(model, image, others, kept=lambda buffer: False)


def wakes_the_frozen(model, image, others):
    return in_place(model, image, others, modes=False)


def goes_on_counting(model, image, others):
    return in_place(model, image, others, kept=lambda buffer: buffer.dim() > 0)


def leaves_momentum_0(model, image, others):
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 0.0  # so that no average moves
    return in_place(model, image, others)


def freezes_the_weights(model, image, others):
    model.requires_grad_(False)
    return on_a_copy(model, image, others)


def leaves_a_hook(model, image, others):
    kept = []
    for layer in model.modules():
        layer.register_forward_hook(lambda *seen: kept.append(seen[2]))
    return in_place(model, image, others)


def leaves_a_gradient(model, image, others):
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    return on_a_copy(model, image, others)


def shifts_the_image(model, image, others):
    found = on_a_copy(model, image, others)
    image += 1
    return found


def doubles_the_partners(model, image, others):
    found = on_a_copy(model, image, others)
    others *= 2
    return found


def asleep_stays_asleep(model, image, others):
    """train() only where the model as a whole is in evaluation mode."""
    twin = copy.deepcopy(model)
    return in_the_mode_that_it_has(twin if twin.training else twin.train(), image, others)


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
        fails="model",
        says=r"running_mean of BatchNorm 1 was 0 and is 0\.\d+ now\. Hint: A pass in training",
    ),
    Wrong(
        name="training mode stays",
        answer=leaves_it_in_training_mode,
        fails="model",
        says=r"the mode of BatchNorm 1 was evaluation and is training now",
    ),
    Wrong(name="evaluation mode stays", answer=leaves_it_in_evaluation_mode, fails="model"),
    Wrong(
        name="the frozen part wakes",
        answer=wakes_the_frozen,
        fails="model",
        says=r"On a frozen BatchNorm .*: the mode of BatchNorm 1 was evaluation and is training",
    ),
    Wrong(
        name="goes on counting batches",
        answer=goes_on_counting,
        fails="model",
        says=r"num_batches_tracked of BatchNorm 1 was 0 and is 3 now\. Hint: .* three buffers",
    ),
    Wrong(
        name="momentum stays 0",
        answer=leaves_momentum_0,
        fails="model",
        says=r"momentum of BatchNorm 1 was 0\.1 and is 0 now",
    ),
    Wrong(
        name="freezes the weights",
        answer=freezes_the_weights,
        fails="model",
        says=r"requires_grad of the weight of BatchNorm 1 was True and is False now",
    ),
    Wrong(name="a hook stays", answer=leaves_a_hook, fails="model", says="the number of hooks"),
    Wrong(
        name="a gradient stays",
        answer=leaves_a_gradient,
        fails="model",
        says="the grad of the weight",
    ),
    Wrong(
        name="shifts the image in place",
        answer=shifts_the_image,
        fails="rows",
        says=r"swings changed image\. Hint: -= works in place",
    ),
    Wrong(name="the partners change", answer=doubles_the_partners, fails="rows"),
    Wrong(
        name="what is frozen stays so",
        answer=asleep_stays_asleep,
        fails="swings",
        says=r"On a frozen BatchNorm .* swings by 0; expected 4\. Hint: .* every layer in training",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
