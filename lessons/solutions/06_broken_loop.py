# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 06 · The loss falls, then climbs, and never comes back
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_step_in_parts.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.broken_loop import (
    check_diagnose,
    check_inherited,
    check_step_in_parts,
    check_unmoved,
)

torch.set_num_threads(1)

# %% [markdown] minutes=5
# ## Task 1 · One step, a few rows at a time
#
# A batch does not fit into memory at once.
#
# **Write** one step of training on it, with at most `size` rows going through the model at a time: what a part
# has left in memory is free once its `backward()` is done, and not before.
#
# - `model`, `loss_fn`, `optimizer`: as in any loop. `loss_fn` gives the mean over the rows it gets.
# - `x`, `y`: the batch; `x` has the shape (rows, features). `x.split(size)` cuts it into parts; the last
#   one may be shorter.
# - Nothing comes back.
#
# **The check** compares: afterwards the weights must be where one step of this optimizer on all rows at once
# would bring them. A gradient that an earlier batch left in `.grad` must not count.


# %% nbgrader={"grade": false, "grade_id": "06-1-step-in-parts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_in_parts(model, loss_fn, optimizer, x, y, size):
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    for inputs, labels in zip(x.split(size), y.split(size), strict=True):
        share = len(inputs) / len(x)  # not 1 / parts: the last part may be shorter
        (loss_fn(model(inputs), labels) * share).backward()
    optimizer.step()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "06-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_step_in_parts(step_in_parts)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 06, "When gradients are meant to add up".
#
# </details>

# %% [markdown] minutes=6
# ## Task 2 · Measure the cause
#
# Some loop has called `backward()` on a batch and is about to take its step. How much of what stands in
# `.grad` is not this batch's own?
#
# **Write** the measurement, for any model without dropout.
#
# - `model`: each weight of `model.parameters()` has its `.grad`, or None where it is frozen.
# - `loss_fn`, `x`, `y`: the criterion, and the batch that `backward()` was called on.
# - Back comes one number for each of `model.parameters()`, in that order: the norm of what is left of
#   `.grad` when the batch's own gradient is taken away, over the norm of `.grad`. It is 0 where all is the batch's
#   own, where `.grad` is zero, and for a frozen weight.
#
# **The check** calls `inherited` on weights whose answer can be worked out by hand, on a network of digits after one, two and
# ten batches, and on one that is partly frozen. Afterwards the weights and every `.grad` must be as they
# were: the loop still has to take its step.


# %% nbgrader={"grade": false, "grade_id": "06-2-inherited", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inherited(model, loss_fn, x, y):
    ### BEGIN SOLUTION
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    # autograd.grad hands the gradients over and leaves .grad alone, unlike backward()
    own = iter(torch.autograd.grad(loss_fn(model(x), y), trained))
    return [
        ((w.grad - next(own)).norm() / w.grad.norm().clamp(min=1e-9)).item()
        if w.requires_grad
        else 0.0
        for w in model.parameters()
    ]
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "06-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_inherited(inherited)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 06, "Measure". You can now put this question to a loop of your own. If its
# model has dropout, call `torch.manual_seed(0)` before *each* of the two forward passes, so that both drop the same units.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# The loss falls, then climbs. "The learning rate", says the colleague. "At a tenth of it the accuracy is
# good."


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    shuffle=True,
    batch_size=32,
    hidden=64,
    frozen=0,
    lr=0.3,
    gather=48,
    clip=None,
    epochs=8,
):
    """Train on six tenths of the digits, judge on the others.

    divide_by: the pixels come as 0 to 16
    shuffle: whether the rows come in a new order in each epoch, or sorted by class
    frozen: how many of the two Linear layers are not trained, from the input on
    gather: batches whose gradients are gathered before they are set to zero
    clip: the length to which a longer gradient is cut, or None
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    rows = rows[np.argsort(y[rows], kind="stable")]
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    for parameter in model[: 2 * frozen].parameters():
        parameter.requires_grad = False
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    losses, batches, number = [], [], 0
    weights = [parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        order = torch.randperm(len(train)) if shuffle else torch.arange(len(train))
        for batch in order.split(batch_size):
            inputs, labels = train[batch]
            if number % gather == 0:
                optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            number += 1
            losses.append(loss.item())
            batches.append(batch)
            weights.append(parameters_to_vector(model.parameters()).detach().clone())

    model.eval()
    with torch.no_grad():
        inputs, labels = test.tensors
        accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {
        "model": model,
        "train": train,
        "test": test,
        "losses": losses,
        "batches": batches,
        "weights": weights,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two
# data sets, the losses, the accuracy on the held-out rows, `"batches"`: the row numbers of each batch, and
# `"weights"`: all weights as one long vector, at the start and after each step. Leave the script itself as
# it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: inputs on very different scales reach the network
#    - `"B"`: the steps are too large from the first on
#    - `"C"`: steps go along gradients of earlier batches too
#    - `"D"`: a layer stands still
#    - `"E"`: the rows come sorted by class
#    - `"F"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 30
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on held-out rows
# to at least 0.85, and the cause must be gone.

# %% tags=["solution-only"]
run = experiment(0)
fresh = experiment(0, epochs=0)["model"]  # the same weights as at the start
x, y = run["train"].tensors
for step in (0, 1, 2, 10, 30):
    nn.utils.vector_to_parameters(run["weights"][step].clone(), fresh.parameters())
    batch = run["batches"][step]
    loss = nn.functional.cross_entropy(fresh(x[batch]), y[batch])
    own = parameters_to_vector(torch.autograd.grad(loss, list(fresh.parameters())))
    taken = run["weights"][step] - run["weights"][step + 1]  # lr times what stood in .grad
    angle = torch.cosine_similarity(own, taken, dim=0).clamp(-1, 1).acos().rad2deg()
    print(f"step {step:>2}: {angle:2.0f}° off the batch's own gradient, {taken.norm():.2f} long")

# %% [markdown] tags=["solution-only"]
# The first step is short, and goes along its batch's own gradient; the rate is well. The next ones turn away from theirs
# and get longer. `gather` looks like the gathering of several batches for one long step, but
# `optimizer.step()` is called after *every* batch, along a sum that is emptied only now and then. A tenth of
# the rate hides that, and so does `clip`.


# %% nbgrader={"grade": false, "grade_id": "06-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # emptied before each batch, every step is its batch's own
    return "C", {"gather": 1}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "06-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 06, "The wrong fixes". That a change helps does not say what was the matter.
#
# </details>

# %% [markdown] minutes=8 tags=["optional"]
# ## Optional · Which weights stand still, and why?
#
# **Write** a test that runs before training: which of a model's weights will no step move?
#
# - `model`, `optimizer`: the optimizer may have several groups, and may hold weights of another model.
# - Back comes a dictionary from the name in `model.named_parameters()` to `"frozen"`, where no gradient will be computed
#   for that weight, or else `"not held"`, where the optimizer does not hold it. Weights that will move are not in it.
#
# **The check** calls `unmoved` on six pairs. Afterwards model and optimizer must be as they were.


# %% nbgrader={"grade": false, "grade_id": "06-4-unmoved", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unmoved(model, optimizer):
    ### BEGIN SOLUTION
    # by id: `in` would compare values, and two layers of zeros are equal without being the same
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    found = {}
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            found[name] = "frozen"
        elif id(weight) not in held:
            found[name] = "not held"
    return found
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "06-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_unmoved(unmoved)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 06, "Layers that never move".
#
# </details>
#
# **Next:** lesson 07, [`07_leakage.ipynb`](../notebooks/07_leakage.ipynb).
