"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy
import math

import torch

from tests.checks.answers.kit import Function, Wrong


def with_a_copy(model, train_epoch, validate, patience, epochs):
    lowest, best, kept = math.inf, 0, None
    for epoch in range(1, epochs + 1):
        train_epoch()
        loss = validate()
        if loss < lowest:
            lowest, best, kept = loss, epoch, copy.deepcopy(model.state_dict())
        if epoch - best == patience:
            break
    model.load_state_dict(kept)
    return best


def cloned(model, train_epoch, validate, patience, epochs):
    losses: list[float] = []
    while len(losses) < epochs:
        train_epoch()
        losses.append(validate())
        best = losses.index(min(losses))
        if best == len(losses) - 1:
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        elif len(losses) - 1 - best >= patience:
            break
    model.load_state_dict(kept)
    return torch.tensor(best + 1)


def a_copy_of_the_model(model, train_epoch, validate, patience, epochs, lowest=math.inf):
    validate()  # before the first epoch, to look at it
    waited = 0
    best, number = copy.deepcopy(model), 0
    for epoch in range(epochs):
        train_epoch()
        if validate() < lowest:
            lowest, waited = validate(), 0
            best, number = copy.deepcopy(model), epoch + 1
        else:
            waited += 1
        if waited == patience:
            break
    model.load_state_dict(best.state_dict())
    return number


RIGHT: dict[str, Function] = {
    "a copy of the state": with_a_copy,
    "clones, and a list of losses": cloned,
    "a copy of the model": a_copy_of_the_model,
}


def stopping(keep="copy", late=0, equal=False, load=True, back="number", reset=True, early=False):
    """Early stopping with one of its lines other than it should be."""

    def stop_early(model, train_epoch, validate, patience, epochs):
        lowest, best, kept, waited = math.inf, 0, None, 0
        for epoch in range(1, epochs + 1):
            train_epoch()
            loss = validate()
            waited += 1
            if loss < lowest or (equal and loss == lowest):
                lowest, best = loss, epoch
                waited = 0 if reset or epoch == 1 else waited - 1
                kept = model.state_dict()
                if keep == "copy":
                    kept = copy.deepcopy(kept)
                elif keep == "shallow":
                    kept = copy.copy(kept)
                elif keep == "parameters":
                    kept = {name: p.detach().clone() for name, p in model.named_parameters()}
            if waited == patience + late:
                if early:
                    model.load_state_dict(kept)
                break
        if load and not early:
            model.load_state_dict(kept, strict=keep != "parameters")
        return {"number": best, "from 0": best - 1, "loss": lowest, "last": epoch}[back]

    return stop_early


def says_so(model, train_epoch, validate, patience, epochs):
    print("Task 1 passed.")
    return 3


def all_epochs(model, train_epoch, validate, patience, epochs):
    losses, kept = [], []
    for _ in range(epochs):
        train_epoch()
        losses.append(validate())
        kept.append(copy.deepcopy(model.state_dict()))
    best = losses.index(min(losses))
    model.load_state_dict(kept[best])
    return best + 1


def at_the_first_rise(model, train_epoch, validate, patience, epochs):
    last, kept = math.inf, None
    for epoch in range(1, epochs + 1):
        train_epoch()
        loss = validate()
        if loss > last:
            model.load_state_dict(kept)
            return epoch - 1
        last, kept = loss, copy.deepcopy(model.state_dict())
    return epochs


def better_than_the_one_before(model, train_epoch, validate, patience, epochs):
    last, best, kept, waited = math.inf, 0, None, 0
    for epoch in range(1, epochs + 1):
        train_epoch()
        loss = validate()
        waited = 0 if loss < last else waited + 1
        if loss < last:
            best, kept = epoch, copy.deepcopy(model.state_dict())
        last = loss
        if waited == patience:
            break
    model.load_state_dict(kept)
    return best


def counts_rises_in_a_row(model, train_epoch, validate, patience, epochs):
    lowest, last, best, kept, waited = math.inf, math.inf, 0, None, 0
    for epoch in range(1, epochs + 1):
        train_epoch()
        loss = validate()
        if loss < lowest:
            lowest, best, kept = loss, epoch, copy.deepcopy(model.state_dict())
        waited = waited + 1 if loss >= last else 0
        last = loss
        if waited == patience:
            break
    model.load_state_dict(kept)
    return best


def judging(better=lambda loss, lowest: loss < lowest, start=math.inf, read=float):
    """Early stopping that starts from, reads or compares the losses in another way."""

    def stop_early(model, train_epoch, validate, patience, epochs):
        lowest, best, kept = start, 0, copy.deepcopy(model.state_dict())
        for epoch in range(1, epochs + 1):
            train_epoch()
            loss = read(validate())
            if better(loss, lowest):
                lowest, best, kept = loss, epoch, copy.deepcopy(model.state_dict())
            if epoch - best == patience:
                break
        model.load_state_dict(kept)
        return best

    return stop_early


def from_the_untrained_on(model, train_epoch, validate, patience, epochs):
    return a_copy_of_the_model(model, train_epoch, validate, patience, epochs, lowest=validate())


def renames(model, train_epoch, validate, patience, epochs):
    lowest, best, kept = math.inf, 0, None
    for epoch in range(1, epochs + 1):
        train_epoch()
        loss = validate()
        if loss < lowest:
            lowest, best, kept = loss, epoch, copy.deepcopy(model)
        if epoch - best == patience:
            break
    model = kept
    return best


WRONG = (
    Wrong(
        name="no copy",
        answer=stopping(keep="live"),
        fails="weights",
        says=r"epochs=8, the weights are of epoch 5 in the end; expected 3\.",
    ),
    Wrong(name="a shallow copy", answer=stopping(keep="shallow"), fails="weights"),
    Wrong(
        name="parameters alone",
        answer=stopping(keep="parameters"),
        fails="averages",
        says=r"the averages that BatchNorm keeps are of epoch 5 in the end; expected 3\.",
    ),
    Wrong(name="does not go back", answer=stopping(load=False), fails="weights"),
    Wrong(name="goes back only where it stops early", answer=stopping(early=True), fails="weights"),
    Wrong(
        name="one epoch too long",
        answer=stopping(late=1),
        fails="epochs",
        says=r"train_epoch was called 6 times; expected 5\.",
    ),
    Wrong(name="one epoch too short", answer=stopping(late=-1)),
    Wrong(name="an equal loss is better", answer=stopping(equal=True)),
    Wrong(name="counts all bad epochs together", answer=stopping(reset=False)),
    Wrong(
        name="counts from 0",
        answer=stopping(back="from 0"),
        fails="number",
        says=r"epochs=8, 2 came back; expected 3\.",
    ),
    Wrong(name="the loss in place of the number", answer=stopping(back="loss"), fails="number"),
    Wrong(name="the last epoch", answer=stopping(back="last"), fails="number"),
    Wrong(name="trains to the end", answer=all_epochs),
    Wrong(name="at the first rise", answer=at_the_first_rise),
    Wrong(
        name="better than the epoch before",
        answer=better_than_the_one_before,
        says=r"losses 5, 3, 6, 4, 7, 2, patience=2 .* was called 6 times; expected 4\. .* so far",
    ),
    Wrong(
        name="the lowest, and rises in a row",
        answer=counts_rises_in_a_row,
        says=r"losses 5, 3, 6, 4, 7, 2, patience=2 .* was called 6 times; expected 4\.",
    ),
    Wrong(
        name="a start that is not high enough",
        answer=judging(start=100),
        says=r"losses 60000, 50000, .* was called 3 times; expected 6\.",
    ),
    Wrong(name="a start of ten thousand", answer=judging(start=10000.0)),
    Wrong(
        name="better by a thousandth",
        answer=judging(lambda loss, lowest: loss < lowest - 1e-3),
        says=r"losses 0\.5, 0\.6, 0\.49999, .* was called 3 times; expected 8\.",
    ),
    Wrong(name="better by 5 %", answer=judging(lambda loss, lowest: loss < 0.95 * lowest)),
    Wrong(name="rounded", answer=judging(read=lambda loss: round(loss, 1))),
    Wrong(
        name="the untrained model counts",
        answer=from_the_untrained_on,
        says=r"called 2 times; expected 5\. .*The untrained model is of no epoch",
    ),
    Wrong(
        name="renames",
        answer=renames,
        fails="weights",
        says=r"epochs=8, the weights are of epoch 5 .*`model = …` only renames",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
