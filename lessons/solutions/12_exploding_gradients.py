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
# # Exercise 12 · The first loss is in the millions, and soon it is NaN
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_clipped_step.hint(1)` is a nudge,
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
from coursekit.checks.exploding_gradients import (
    check_clipped_step,
    check_diagnose,
    check_first_bad,
    check_gains,
)

torch.set_num_threads(1)

# %% [markdown] minutes=5
# ## Task 1 · A step that survives
#
# **Write** one step of training that no single batch can ruin.
#
# - `model`, `loss_fn`, `optimizer`, and the batch `x`, `y`: as in any loop.
# - `limit`: a gradient that is longer, all weights together, is cut to this length and keeps its direction; a shorter
#   one is used as it is.
# - If the gradient holds a value that is not finite, no step is taken: the weights stay where they are.
# - Back comes the length of the gradient before it was cut, so that a loop can see how often that happens. If the
#   gradient is not finite, give back its length as it is (inf or NaN).
#
# **The check** takes steps with a limit below and above the length, after an earlier batch has left its gradient, with
# momentum, and where the gradient is not finite: the outputs overflow, or the loss is finite and a gradient is not. The next
# step must be as if such a batch had not been.


# %% nbgrader={"grade": false, "grade_id": "12-1-clipped-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clipped_step(model, loss_fn, optimizer, x, y, limit):
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), limit)  # as it was before the cut
    if torch.isfinite(length):
        optimizer.step()
    return length
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "12-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_clipped_step(clipped_step)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 12, "One batch has an enormous loss".
#
# </details>

# %% [markdown] minutes=5
# ## Task 2 · Measure the cause
#
# **Write** the measurement that names weights of a wrong size, before any training: by what factor does each layer
# multiply the signal?
#
# - `model`: an `nn.Sequential` of `nn.Linear` and `nn.ReLU`.
# - `x`: inputs, shape (rows, features). Use both as they are: no scaling, no change of mode.
# - Back comes one number for each `nn.Linear`, in order: the length of what it hands on (behind its ReLU, if one follows) over the
#   length of what comes in. The length is that of all rows together: the root of the sum of the squares of all entries.
#
# **The check** calls `gains` on networks whose factors can be worked out by hand, and on eight layers with weights of size 1 and with
# He's. Model and rows must stay as they were.


# %% nbgrader={"grade": false, "grade_id": "12-2-gains", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gains(model, x):
    ### BEGIN SOLUTION
    lengths = []
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                lengths.append(x.norm().item())  # of what comes in: that is what the last handed on
            x = layer(x)
        lengths.append(x.norm().item())
    return [after / before for before, after in zip(lengths[:-1], lengths[1:], strict=True)]
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "12-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_gains(gains)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 12, "Measure" and "The cause". The factors multiply: that is the signal behind the last layer.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# The loss stands at 2.3. "I started with a rate of 5, and halved it after each epoch", says the colleague. "The last epochs have a rate
# at which this network trains well. I have read that gradients vanish."


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    hidden=32,
    weight_size=1.0,
    batch_size=32,
    lr=5.0,
    decay=0.5,
    clip=None,
    epochs=6,
):
    """Train on six tenths of the digits, judge on the others.

    divide_by: the pixels come as 0 to 16
    weight_size: the first weights, as a multiple of He's
    lr: the rate of the first epoch
    decay: what the rate is multiplied by after each epoch
    clip: the length to which a longer gradient is cut, or None
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    for layer in (model[0], model[2]):
        nn.init.kaiming_normal_(layer.weight)
        layer.weight.data *= weight_size
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    losses = []
    weights = [parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(batch_size):
            inputs, labels = train[batch]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            losses.append(loss.item())
        for group in optimizer.param_groups:
            group["lr"] *= decay
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
        "weights": weights,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two
# data sets, the losses, the accuracy on the held-out rows, and `"weights"`: all weights as one long vector, at the start and after
# each epoch (`nn.utils.vector_to_parameters` puts one into a model). Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: some inputs reach the network on a scale far larger than most
#    - `"B"`: the weights start too large
#    - `"C"`: from the start, the gradient dies away before it reaches the first layer
#    - `"D"`: steps kill the units: more than a quarter of them are dead at the end
#    - `"E"`: the rate falls too soon
#    - `"F"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"epochs": 9}`; or `{}` if nothing needs a change. The check runs at most 20
#    epochs and 256 hidden units, and a decay of 0 to 1.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on held-out rows
# to at least 0.75, and the cause must be gone.

# %% tags=["solution-only"]
run = experiment(0)
model, (x, y) = run["model"], run["train"].tensors
print(f"widest pixel over the middle one: {x.std(dim=0).max() / x.std(dim=0).median():.1f}")
for epoch in (0, 1, 6):
    nn.utils.vector_to_parameters(run["weights"][epoch].clone(), model.parameters())
    loss = nn.functional.cross_entropy(model(x), y)
    first, last = torch.autograd.grad(loss, [model[0].weight, model[2].weight])
    silent = (model[:2](x) == 0).all(dim=0).sum().item()
    print(f"after {epoch} epochs: loss {loss.item():.1f}, gradient norms {first.norm():.1f} and "
          f"{last.norm():.1f}, dead units {'nearly all' if silent > 28 else silent} of 32")  # fmt: skip

# %% [markdown] tags=["solution-only"]
# Before the first step all is well: the loss is that of a guess, both layers get a gradient of the same size, next to no unit is dead. After one
# epoch nearly all units are. The gradient *has* gone, but not from the start: the steps of the first epoch killed what
# passes it on. A smaller first rate heals it; so does a limit that makes the steps as short. A wider network loses the same share.


# %% nbgrader={"grade": false, "grade_id": "12-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # the first steps are less than a tenth as long, and the units stay alive
    return "D", {"lr": 0.4}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "12-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 12, "The rate was lowered, and the loss does not come back".
#
# </details>

# %% [markdown] minutes=6 tags=["optional"]
# ## Optional · Where does it begin?
#
# **Write** the search for the first value that is not finite.
#
# - `model`: an `nn.Sequential`; `x`: inputs, shape (rows, features).
# - Back comes the name of the first layer in whose output a value is not finite, as in `model.named_children()`; `"inputs"` if one of
#   the inputs is not; `None` if all values are finite.
#
# **The check** calls `first_bad` on six networks. Model and rows must stay as they were.


# %% nbgrader={"grade": false, "grade_id": "12-4-first-bad", "locked": false, "schema_version": 3, "solution": true, "task": false}
def first_bad(model, x):
    ### BEGIN SOLUTION
    if not torch.isfinite(x).all():
        return "inputs"
    for name, layer in model.named_children():
        x = layer(x)
        if not torch.isfinite(x).all():  # NaN, inf and -inf
            return name
    return None
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "12-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_first_bad(first_bad)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 12, "Measure".
#
# </details>
#
# **Next:** lesson 13, [`13_optimizers_and_schedules.ipynb`](../notebooks/13_optimizers_and_schedules.ipynb).
