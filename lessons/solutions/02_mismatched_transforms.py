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
# # Exercise 02 · Two identical training curves
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_pack.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import copy

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.mismatched_transforms import (
    check_alarm,
    check_diagnose,
    check_mismatch,
    check_pack,
)

torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two


class Scale(nn.Module):
    """Takes the mean of each column away and divides by its spread."""

    def __init__(self, mean, spread):
        super().__init__()
        self.register_buffer("mean", mean)  # (features,), saved with the model and not trained
        self.register_buffer("spread", spread)  # (features,)

    def forward(self, x):  # (rows, features)
        return (x - self.mean) / self.spread


# %% [markdown] minutes=4
# ## Task 1 · Complete a line
#
# A network was trained on rows that were scaled outside of it. Whoever uses it must remember two
# numbers a column. Make one object of it that nobody can use wrongly.
#
# **Write** the one line that is missing. The class `Scale` of the set-up cell may help.
#
# - `network`: a trained `nn.Module` for scaled rows; it need not be an `nn.Sequential`.
# - `mean`, `spread`: the numbers of the training rows, tensors of shape (features,).
# - Back comes one `nn.Module`: raw rows go in, the network's answers come out.
#
# **The check** packs networks for two tables. It compares answers in evaluation mode and in training
# mode; it loads the `state_dict()` of your model into a second packed one, whose mean and spread were
# others, and expects the first one's answers; and it looks at what an optimizer would train: the
# network's weights, all of them, and nothing else. `network` itself and the raw rows stay as they
# are.


# %% nbgrader={"grade": false, "grade_id": "02-1-pack", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pack(network, mean, spread):
    ### BEGIN SOLUTION
    return nn.Sequential(Scale(mean, spread), network)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "02-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_pack(pack)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 02, "One object".
#
# </details>

# %% [markdown] minutes=6
# ## Task 2 · Measure the cause
#
# Nothing in training shows that the pictures in use are prepared in another way. This measurement
# does.
#
# **Write** it: how far do the pictures in use lie from those in training, channel by channel?
#
# - `trained_on`, `in_use`: pictures as they reach the network, tensors of shape (pictures, channels,
#   height, width). Their numbers of pictures differ.
# - Back come two things, each of shape (channels,). Mean and spread (the standard deviation) are taken
#   over *all* pixels of *all* pictures of a channel:
#     1. the *shift*: the mean in use minus the mean in training, in spreads of training;
#     2. the *ratio*: the spread in use over the spread in training.
#
# **The check** calls `mismatch` on stacks that can be worked out by hand, and on patches of the
# lesson's photographs: prepared alike, not normalised, divided twice, and with the channels in
# another order. Dividing by n or by n − 1 are both fine. The pictures must be as they were afterwards.


# %% nbgrader={"grade": false, "grade_id": "02-2-mismatch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mismatch(trained_on, in_use):
    ### BEGIN SOLUTION
    over = (0, 2, 3)  # all axes but the channels
    spread = trained_on.std(dim=over)  # (channels,)
    shift = (in_use.mean(dim=over) - trained_on.mean(dim=over)) / spread
    return shift, in_use.std(dim=over) / spread
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "02-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_mismatch(mismatch)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 02, "Measure", and its weak spot, "Another order of channels": over all rows the
# ratios of two channels move a little, one up and one down. Over the rows of one class they leap.
#
# </details>

# %% [markdown] minutes=9
# ## Task 3 · A script from a colleague
#
# You have not seen this script. A colleague has read lesson 02, keeps scale and network in one object,
# and asks whether it is all right now. It may be.


# %%
def experiment(
    seed, *, lr=0.1, epochs=8, batch_size=48, hidden=32, keep_start=True, refit_in_use=False
):
    """Train one object, scale and network, on raw rows, and judge it on raw rows in use.

    keep_start: keep the object as it was before training, to compare with, and train a copy
    refit_in_use: before judging, set the scale by the rows in use
    """
    x, y = load_breast_cancer(return_X_y=True)  # (569, 30), (569,)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    rows, in_use = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[in_use], y[in_use])

    torch.manual_seed(seed)
    scale = Scale(torch.zeros(30), torch.ones(30))
    layers = [nn.Linear(30, hidden), nn.ReLU(), nn.Linear(hidden, 2)]
    start = nn.Sequential(scale, *layers)
    model = copy.deepcopy(start) if keep_start else start
    scale.mean.copy_(x[rows].mean(dim=0))  # of the training rows only
    scale.spread.copy_(x[rows].std(dim=0))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    losses = []
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(batch_size):
            inputs, labels = train[batch]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    model.eval()
    if refit_in_use:
        model[0].mean.copy_(x[in_use].mean(dim=0))
        model[0].spread.copy_(x[in_use].std(dim=0))
    with torch.no_grad():
        inputs, labels = test.tensors
        accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {"model": model, "train": train, "test": test, "losses": losses, "accuracy": accuracy}


# %% [markdown]
# Run it, measure it, take it apart in cells of your own: `experiment(0)` gives back the model, the two
# data sets (raw: the scale is in the model), the losses and the accuracy in use. Leave the script
# itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: rows in use reach the first `nn.Linear` prepared in another way than training rows
#    - `"B"`: the learning rate is too small, the weights hardly move
#    - `"C"`: the labels do not belong to their rows
#    - `"D"`: features on very different scales reach the first `nn.Linear`
#    - `"E"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 100
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy in use to at least
# 0.85, and it must remove the cause, not hide it.

# %% tags=["solution-only"]
run = experiment(0)
print(f"accuracy in use {run['accuracy']:.2f}, last training loss about {run['losses'][-1]:.1f}")
for name in ("train", "test"):
    reaches = run["model"][0](run[name].tensors[0])  # what the first nn.Linear gets
    spread = reaches.std(dim=0)  # (30,)
    print(f"{name:>5}: widest column {spread.max():.0f}, middle column {spread.median():.2f}")

# %% [markdown] tags=["solution-only"]
# A mismatch in use would leave training as it is, and here training itself fails: the loss stays
# where guessing is. Training and use agree, and both get raw rows. The copy that is trained was made
# before the scale was set, so its own scale still takes away 0 and divides by 1. One object is a good
# habit; it must be *this* object that is fitted.


# %% nbgrader={"grade": false, "grade_id": "02-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # refit_in_use acts on the rows in use alone, and training has failed by then
    return "D", {"keep_start": False}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "02-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 02, "Measure": what reaches the network, in training and in use, and
# what a mismatch can and cannot do to training.
#
# </details>

# %% [markdown] minutes=8 tags=["optional"]
# ## Optional · An alarm without labels
#
# In use nobody has labels. Write an alarm that looks at a request alone, and goes off when its rows
# were prepared wrongly. It must keep quiet otherwise: an alarm that goes off every day is switched
# off.
#
# **Write** `alarm`.
#
# - `trained_on`: the rows of wine that the network was trained on, as they reached it, an array of
#   shape (rows, features): mean 0 and spread 1 in each column.
# - `request`: 16 rows that reach the network now, shape (16, features).
# - Back comes `True` where you think that they were prepared in another way, else `False`.
#
# **The check** sends honest requests, of mixed wines and of one kind of wine only, and requests with
# four faults: raw rows, rows scaled twice, rows divided by the spread and not centred, and rows divided
# by 255 after scaling. At least 95 % of the requests with each fault must set it off, and at most 5 % of
# the honest ones of each sort. `trained_on` and `request` stay as they are.


# %% nbgrader={"grade": false, "grade_id": "02-4-alarm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def alarm(trained_on, request):
    ### BEGIN SOLUTION
    spread = trained_on.std(axis=0)  # (features,)
    shift = np.abs(request.mean(axis=0) - trained_on.mean(axis=0)) / spread
    ratio = request.std(axis=0) / spread
    # limits well outside of what honest requests show, those of one kind among them
    return shift.max() > 3 or ratio.max() > 3 or ratio.min() < 0.2
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "02-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_alarm(alarm)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 02, "What to remember": the inputs themselves can tell, without a
# single label. One fault of the lesson would pass this alarm: a scaler that is fitted again on each
# request gives mean 0 and spread 1 whatever comes. How would you notice that one?
#
# </details>
#
# **Next:** lesson 03, [`03_learning_rate.ipynb`](../notebooks/03_learning_rate.ipynb).
