"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def norms_of(model):
    return [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]


def retaken(model, batches, *, forget=True, momentum=None, train=True, put_back=True, modes=True):
    """The repair, with a step of it left out."""
    was = [(layer, layer.training) for layer in model.modules()]
    momenta = [layer.momentum for layer in norms_of(model)]
    for layer in norms_of(model):
        if forget:
            layer.reset_running_stats()
        layer.momentum = momentum
    if train:
        model.train()
    with torch.no_grad():
        for batch in batches:
            model(batch)
    for layer, old in zip(norms_of(model), momenta):
        layer.momentum = old if put_back else layer.momentum
    for layer, mode in was:
        layer.training = mode if modes else layer.training
    return model


def momentum_one_over_n(model, batches):
    was = [(layer, layer.training) for layer in model.modules()]
    momenta = [layer.momentum for layer in norms_of(model)]
    model.train()
    for number, batch in enumerate(batches, start=1):
        for layer in norms_of(model):
            layer.momentum = 1 / number  # the first counts whole: the old average is gone
        model(batch)
    for layer, old in zip(norms_of(model), momenta):
        layer.momentum = old
    for layer, mode in was:
        layer.training = mode


def by_hooks(model, batches, *, unbiased=True):
    twin, sums = copy.deepcopy(model).train(), {}

    def look(layer, came):
        sums.setdefault(layer, []).append(
            (came[0].mean(dim=0), came[0].var(dim=0, unbiased=unbiased))
        )

    for layer in norms_of(twin):
        layer.register_forward_pre_hook(look)
    with torch.no_grad():
        for batch in batches:
            twin(batch)
    for mine, seen in zip(norms_of(model), norms_of(twin)):
        mine.running_mean.copy_(torch.stack([mean for mean, _ in sums[seen]]).mean(dim=0))
        mine.running_var.copy_(torch.stack([var for _, var in sums[seen]]).mean(dim=0))


RIGHT: dict[str, Function] = {
    "momentum None": lambda model, batches: retaken(model, batches),
    "momentum 1 / n": momentum_one_over_n,
    "hooks on a copy": by_hooks,
}


def counts_on(model, batches):
    """With momentum None, but the batches that were counted before count too."""
    retaken(model, batches, forget=False)


def wakes_the_frozen(model, batches):
    was = model.training
    retaken(model, batches)
    model.train(was)


def all_at_the_default(model, batches):
    retaken(model, batches)
    for layer in norms_of(model):
        layer.momentum = 0.1


def by_hand_over_n(model, batches):
    by_hooks(model, batches, unbiased=False)


def leaves_a_hook(model, batches):
    for layer in norms_of(model):
        layer.register_forward_pre_hook(lambda *_: None)
    retaken(model, batches)


def uses_the_batches_up(model, batches):
    retaken(model, batches)
    batches.clear()


def on_a_copy(model, batches):
    return retaken(copy.deepcopy(model), batches)


def all_rows_at_once(model, batches):
    return retaken(model, [torch.cat(batches)])


def the_first_three(model, batches):
    return retaken(model, batches[:3])


def weighted_by_rows(model, batches):
    """Momentum as the batch's share of the rows so far: long batches count more."""
    was = [(layer, layer.training) for layer in model.modules()]
    momenta = [layer.momentum for layer in norms_of(model)]
    model.train()
    rows = 0
    for batch in batches:
        rows += len(batch)
        for layer in norms_of(model):
            layer.momentum = len(batch) / rows
        model(batch)
    for layer, old in zip(norms_of(model), momenta):
        layer.momentum = old
    for layer, mode in was:
        layer.training = mode


def trains_on(model, batches):
    retaken(model, batches)
    for weight in model.parameters():
        weight.data *= 0.99


def doubles_the_batches(model, batches):
    retaken(model, batches)
    for batch in batches:
        batch *= 2


def layer_by_layer_in_evaluation(model, batches):
    """Each BatchNorm gets what the layers in front of it give when judged, not when trained."""
    twin = copy.deepcopy(model)
    for mine in norms_of(model):
        mine.reset_running_stats()
    twin.eval()
    for batch in batches:
        signal = batch
        for layer, mine in zip(twin, model):
            if isinstance(mine, nn.BatchNorm1d):
                mine.running_mean += signal.mean(dim=0).detach() / len(batches)
                mine.running_var += signal.var(dim=0).detach() / len(batches)
            signal = layer(signal)


def says_so(model, batches):
    print("The optional task passed.")


WRONG = (
    Wrong(
        name="on a copy",
        answer=on_a_copy,
        fails="averages",
        says=r"the running mean of BatchNorm 1 is 0 at unit 0; expected 3\.5\.",
    ),
    Wrong(
        name="does not forget",
        answer=lambda model, batches: retaken(model, batches, forget=False, momentum=0.1),
        fails="averages",
    ),
    Wrong(
        name="momentum stays",
        answer=lambda model, batches: retaken(model, batches, momentum=0.1),
        fails="averages",
        says=r"each with the same weight",
    ),
    Wrong(
        name="the last batch alone",
        answer=lambda model, batches: retaken(model, batches, momentum=1.0),
        fails="averages",
    ),
    Wrong(
        name="in the mode that it has",
        answer=lambda model, batches: retaken(model, batches, train=False),
        fails="averages",
        says=r"On two BatchNorm layers before digits, the running mean",
    ),
    Wrong(
        name="weighted by rows",
        answer=weighted_by_rows,
        fails="averages",
        says=r"On two BatchNorm layers before digits, the running mean .* each with the same w",
    ),
    Wrong(name="the first three batches", answer=the_first_three, fails="averages"),
    Wrong(name="all rows at once", answer=all_rows_at_once, fails="averages"),
    Wrong(
        name="what the layers in front give when judged",
        answer=layer_by_layer_in_evaluation,
        fails="averages",
    ),
    Wrong(
        name="momentum None stays",
        answer=lambda model, batches: retaken(model, batches, put_back=False),
        fails="nothing else",
        says=r"momentum of BatchNorm 1 was 0\.1 and is None now\.",
    ),
    Wrong(
        name="every layer at momentum 0.1",
        answer=all_at_the_default,
        fails="nothing else",
        says=r"momentum of BatchNorm 2 was 0\.02 and is 0\.1 now\.",
    ),
    Wrong(
        name="no reset",
        answer=counts_on,
        fails="averages",
        says=r"On two BatchNorm layers before digits, the running mean .* how many batches",
    ),
    Wrong(
        name="the frozen part wakes",
        answer=wakes_the_frozen,
        fails="nothing else",
        says=r"On a frozen BatchNorm .*: the mode of BatchNorm 1 was evaluation and is training",
    ),
    Wrong(
        name="by hand, divided by the rows",
        answer=by_hand_over_n,
        fails="averages",
        says=r"the running variance of BatchNorm 1 is 2\.5 .* expected 5\. Hint: .* rows − 1",
    ),
    Wrong(name="a hook stays", answer=leaves_a_hook, fails="nothing else", says="number of hooks"),
    Wrong(
        name="uses the batches up",
        answer=uses_the_batches_up,
        fails="nothing else",
        says="fresh_averages changed batches",
    ),
    Wrong(
        name="training mode stays",
        answer=lambda model, batches: retaken(model, batches, modes=False),
        fails="nothing else",
        says=r"On two BatchNorm layers before digits: the mode of the model was evaluation and is",
    ),
    Wrong(
        name="weights move",
        answer=trains_on,
        fails="nothing else",
        says=r"the weight of BatchNorm 1 was 1 and is 0\.99 now\. Hint: Whatever you change",
    ),
    Wrong(name="the batches change", answer=doubles_the_batches, fails="nothing else"),
    Wrong(name="prints that it passed", answer=says_so, fails="averages"),
)
