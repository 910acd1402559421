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
# # Exercise 11 · Only two images fit into memory, and the network hardly learns
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_group_norm.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import copy  # noqa: F401 (for your answers)

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.normalisation_layers import (
    check_diagnose,
    check_fresh_averages,
    check_group_norm,
    check_swings,
)

torch.set_num_threads(1)

# %% [markdown] minutes=5
# ## Task 1 · A layer that needs no partners
#
# **Write** what GroupNorm computes, before its scale and shift.
#
# - `x`: shape (rows, units). `groups`: into how many groups of neighbouring units a row is cut; all are of the same size.
# - Each group of each row gets mean 0 and standard deviation 1: subtract the group's mean, divide by the root of (its variance + 0.00001).
#   The variance is the mean of the squared deviations.
# - Back comes a tensor of the shape of `x`; `x` itself stays as it was.
#
# **The check** calls it on six batches. With one group it is LayerNorm.


# %% nbgrader={"grade": false, "grade_id": "11-1-group-norm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def group_norm(x, groups):
    ### BEGIN SOLUTION
    parts = x.reshape(len(x), groups, -1)  # (rows, groups, units of a group)
    mean = parts.mean(dim=2, keepdim=True)
    variance = parts.var(dim=2, keepdim=True, unbiased=False)
    return ((parts - mean) / torch.sqrt(variance + 1e-5)).reshape(x.shape)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "11-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_group_norm(group_norm)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 11, "The fix".
#
# </details>

# %% [markdown] minutes=6
# ## Task 2 · Measure the cause
#
# **Write** the measurement: how far does one partner move what a model gives for one image?
#
# - `model`: any model without Dropout. `image`: shape (features,). `others`: shape (partners, features).
# - The image goes through the model in a batch of two, once with each of the others, every layer in training mode.
# - Back comes one number for each output of the model: its largest value for the image, less its smallest, over the partners.
# - Afterwards the model is as it was, in every respect.
#
# **The check** calls `swings` on six models that can be worked out by hand, and on digits.


# %% nbgrader={"grade": false, "grade_id": "11-2-swings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def swings(model, image, others):
    ### BEGIN SOLUTION
    model = copy.deepcopy(model).train()  # the passes move the copy's running averages
    with torch.no_grad():
        given = torch.stack([model(torch.stack([image, other]))[0] for other in others])
    return given.max(dim=0).values - given.min(dim=0).values  # (outputs,)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "11-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_swings(swings)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 11, "Measure".
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# "The training loss falls beautifully", says the colleague, "and on held-out rows it is hardly better than a guess. It overfits. I will
# try weight decay."


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    hidden=32,
    layers=4,
    batch_size=64,
    momentum=0.005,
    lr=0.01,
    decay=0.0,
    epochs=3,
):
    """Train on six tenths of the digits, judge on the others.

    divide_by: the pixels come as 0 to 16
    momentum: of the BatchNorm layers, a number
    lr, decay: the rate and the weight decay of AdamW
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    parts, width = [], 64
    for _ in range(layers):
        parts += [nn.Linear(width, hidden), nn.BatchNorm1d(hidden, momentum=momentum), nn.Sigmoid()]
        width = hidden
    model = nn.Sequential(*parts, nn.Linear(hidden, 10))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)

    losses = []
    weights = [parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        order = torch.randperm(len(train))
        for batch in order.split(batch_size):
            if len(batch) < batch_size:
                continue  # a last batch that is not full
            inputs, labels = train[batch]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            weights.append(parameters_to_vector(model.parameters()).detach().clone())

    model.eval()
    with torch.no_grad():
        inputs, labels = test.tensors
        accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {
        "model": model,
        "train": train,
        "test": test,
        "batch_size": batch_size,
        "losses": losses,
        "weights": weights,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two
# data sets, the batch size, the losses, the accuracy on the held-out rows, and `"weights"`: all weights as one long vector, at the start
# and after each step. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: some inputs reach the network on a scale far larger than most
#    - `"B"`: the first step is so long that it throws the weights away
#    - `"C"`: the batches are so small that an image's partners decide most of what BatchNorm gives for it
#    - `"D"`: what training saw and what is judged are not the same network: on the same rows, the two modes differ
#    - `"E"`: it has learnt the training rows by heart: judged as the held-out rows are, they are named far better
#    - `"F"`: the network has too few hidden units
#    - `"G"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, a number, such as `{"epochs": 6}`; or `{}` if nothing needs a change. The check runs at most 12
#    epochs, 2 to 6 layers, up to 256 hidden units and batches of 16 to 400 rows, with a momentum of at most 1
#    and a rate and a decay of at most 100.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, and your change must bring the accuracy on held-out rows
# to at least 0.85.

# %% tags=["solution-only"]
run = experiment(0)
x, y = run["train"].tensors
for mode in (True, False):
    copied = copy.deepcopy(run["model"]).train(mode)
    accuracy = (copied(x).argmax(dim=1) == y).float().mean()
    print(f"training rows in {'training' if mode else 'evaluation'} mode: {accuracy:.1f}")
averages = run["model"][1]
reaching = run["model"][0](x).detach()
print(f"first BatchNorm: running variance {averages.running_var.mean():.1f}, that of its inputs "
      f"{reaching.var(dim=0).mean():.1f}")  # fmt: skip
print(f"the start still weighs {(1 - 0.005) ** len(run['losses']):.0%}")

# %% [markdown] tags=["solution-only"]
# Judged as the held-out rows are, the *training* rows are named no better. So it is not overfitting, and weight decay does not help. In training
# mode the same weights name nearly all of them. What differs is what BatchNorm subtracts and divides by: the averages started at mean 0 and variance 1,
# and have hardly moved. A momentum twenty times larger brings them there in time.


# %% nbgrader={"grade": false, "grade_id": "11-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # the averages arrive within the run
    return "D", {"momentum": 0.1}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "11-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 11, "The same in Keras: trained well, tested near chance".
#
# </details>

# %% [markdown] minutes=6 tags=["optional"]
# ## Optional · Averages taken anew
#
# **Write** the repair for a model whose weights are good and whose running averages are not.
#
# - `model`: a model with `nn.BatchNorm1d` layers. `batches`: a list of inputs, each of shape (rows, features).
# - Afterwards each BatchNorm's `running_mean` and `running_var` are the plain mean, over the batches, of the means and variances that a pass in
#   training mode sees (variances over rows − 1, as BatchNorm keeps them). What they were before does not count.
# - Nothing else about the model has changed: no weight, no mode, no momentum.
#
# **The check** looks at three models after your call. What you give back does not matter.


# %% nbgrader={"grade": false, "grade_id": "11-4-fresh-averages", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fresh_averages(model, batches):
    ### BEGIN SOLUTION
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
    modes = {layer: layer.training for layer in model.modules()}
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean of all batches since
    model.train()
    with torch.no_grad():
        for batch in batches:
            model(batch)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    for layer, mode in modes.items():
        layer.training = mode
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "11-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_fresh_averages(fresh_averages)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 11, "The same in Keras: trained well, tested near chance".
#
# </details>
#
# **Next:** lesson 12, [`12_exploding_gradients.ipynb`](../notebooks/12_exploding_gradients.ipynb).
