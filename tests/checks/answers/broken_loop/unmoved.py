"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import torch

from tests.checks.answers.kit import Function, Wrong


def by_id(model, optimizer):
    held = {id(w) for group in optimizer.param_groups for w in group["params"]}
    found = {}
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            found[name] = "frozen"
        elif id(weight) not in held:
            found[name] = "not held"
    return found


def by_is(model, optimizer):
    held = [w for group in optimizer.param_groups for w in group["params"]]
    return {
        name: "not held" if weight.requires_grad else "frozen"
        for name, weight in model.named_parameters()
        if not weight.requires_grad or not any(weight is other for other in held)
    }


def by_set(model, optimizer):
    still = dict.fromkeys((n for n, _ in model.named_parameters()), "not held")
    names = {weight: name for name, weight in model.named_parameters()}  # a tensor hashes by id
    for group in optimizer.param_groups:
        for weight in group["params"]:
            still.pop(names.get(weight), None)
    still.update({n: "frozen" for n, w in model.named_parameters() if not w.requires_grad})
    return still


def by_trying(model, optimizer):
    states = model.state_dict()
    before = {name: value.clone() for name, value in states.items()}
    kept = copy.deepcopy(optimizer.state_dict())
    frozen = {n: "frozen" for n, w in model.named_parameters() if not w.requires_grad}
    for weight in model.parameters():
        if weight.requires_grad:
            weight.grad = torch.ones_like(weight)
    optimizer.step()
    still = {n: "not held" for n, w in model.named_parameters() if torch.equal(w, before[n])}
    model.load_state_dict(before)
    optimizer.load_state_dict(kept)
    for weight in model.parameters():
        weight.grad = None
    return still | frozen


def by_id_with_a_look_at_the_state(model, optimizer):
    print(sum(len(optimizer.state[weight]) for weight in model.parameters()))
    return by_id(model, optimizer)


RIGHT: dict[str, Function] = {
    "by id": by_id,
    "by id, with a look at the state": by_id_with_a_look_at_the_state,
    "by is": by_is,
    "by a dictionary of weights": by_set,
    "by a step that is taken back": by_trying,
}


def frozen_only(model, optimizer):
    return {n: "frozen" for n, w in model.named_parameters() if not w.requires_grad}


def held_only(model, optimizer):
    return {n: r for n, r in by_id(model, optimizer).items() if r == "not held"}


def all_not_held(model, optimizer):
    return dict.fromkeys(by_id(model, optimizer), "not held")


def by_value(model, optimizer):
    held = [w for group in optimizer.param_groups for w in group["params"]]
    found = frozen_only(model, optimizer)
    for name, weight in model.named_parameters():
        equal = any(w.shape == weight.shape and torch.equal(w, weight) for w in held)
        if name not in found and not equal:
            found[name] = "not held"
    return found


def first_group(model, optimizer):
    held = {id(w) for w in optimizer.param_groups[0]["params"]}
    found = frozen_only(model, optimizer)
    for name, weight in model.named_parameters():
        if id(weight) not in held:
            found.setdefault(name, "not held")
    return found


def every_weight(model, optimizer):
    return {n: by_id(model, optimizer).get(n, "moves") for n, _ in model.named_parameters()}


def thaws(model, optimizer):
    found = by_id(model, optimizer)
    for weight in model.parameters():
        weight.requires_grad = True
    return found


def adds_what_is_missing(model, optimizer):
    found = by_id(model, optimizer)
    names = dict(model.named_parameters())
    missing = [names[name] for name, why in found.items() if why == "not held"]
    if missing:
        optimizer.add_param_group({"params": missing})
    return found


def leaves_gradients(model, optimizer):
    found = by_id(model, optimizer)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    return found


def by_a_step_half_taken_back(model, optimizer):
    found, before = by_id(model, optimizer), copy.deepcopy(model.state_dict())
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight) if weight.requires_grad else None
    optimizer.step()
    model.load_state_dict(before)
    optimizer.zero_grad()
    model.zero_grad()
    return found


def stops_the_optimizer(model, optimizer):
    for group in optimizer.param_groups:
        group["lr"] = 0
    return by_id(model, optimizer)


def evaluates(model, optimizer):
    return by_id(model.eval(), optimizer)


def says_so(model, optimizer):
    print("The optional task passed.")
    return {}


WRONG = (
    Wrong(
        name="only what the optimizer lacks",
        answer=held_only,
        fails="frozen",
        says=r"frozen first layer, your answer says 'nothing' of first\.weight; it is 'frozen'\.",
    ),
    Wrong(name="one reason for all", answer=all_not_held, fails="frozen"),
    Wrong(
        name="only what is frozen",
        answer=frozen_only,
        fails="not held",
        says=r"equal weights, your answer says 'nothing' of first\.weight; it is 'not held'\.",
    ),
    Wrong(name="by value", answer=by_value, fails="not held"),
    Wrong(
        name="the first group alone",
        answer=first_group,
        fails="moves",
        says=r"optimizer with two groups, your answer names second\.weight, which will move\.",
    ),
    Wrong(name="names every weight", answer=every_weight, fails="moves"),
    Wrong(
        name="thaws the model",
        answer=thaws,
        fails="changes",
        says=r"frozen first layer, model or optimizer is not what it was\.",
    ),
    Wrong(name="adds what is missing", answer=adds_what_is_missing, fails="changes"),
    Wrong(name="leaves Adam's averages", answer=by_a_step_half_taken_back, fails="changes"),
    Wrong(name="leaves a rate of zero", answer=stops_the_optimizer, fails="changes"),
    Wrong(name="leaves the model in evaluation mode", answer=evaluates, fails="changes"),
    Wrong(name="leaves gradients", answer=leaves_gradients, fails="changes"),
    Wrong(name="prints that it passed", answer=says_so),
)
