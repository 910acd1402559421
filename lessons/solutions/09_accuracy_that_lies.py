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
# # Exercise 09 · Accuracy 0.99, and it never finds what I look for
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_weigh.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.accuracy_that_lies import (
    check_cheapest,
    check_diagnose,
    check_in_use,
    check_weigh,
)

torch.set_num_threads(1)

# %% [markdown] minutes=4
# ## Task 1 · What a row of each class counts
#
# The weight of 100 in the lesson was chosen for one table. Find the weights for any table.
#
# **Write** a function that gives one weight to each class.
#
# - `y`: the class numbers of the training rows, a numpy array of shape (rows,). `classes`: how many classes there are.
# - Back come `classes` numbers. All rows of a class, taken together, must weigh as much as those of any
#   other; and the mean of the weights over the *rows* must be 1, so that steps stay as long as they were on average, in Keras too.
# - A class may have no row at all. Its weight changes nothing, and may be any finite number.
#
# **The check** adds up your weights on three tables.


# %% nbgrader={"grade": false, "grade_id": "09-1-weigh", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(y, classes):
    ### BEGIN SOLUTION
    counts = np.bincount(y, minlength=classes)  # (classes,)
    weights = 1 / counts.clip(min=1)  # a class without rows must not divide by zero
    return weights / weights[y].mean()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "09-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_weigh(weigh)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 09, "The fix, and its price", and its appendix "Weights in Keras".
#
# </details>

# %% [markdown] minutes=6
# ## Task 2 · What use will see
#
# Test rows hold more of what you look for than use does. So their precision is too good.
#
# **Write** the measurement.
#
# - `p`, `y`: the probability that each test row gets, and its label: 1 for what is looked for, else 0. Both are
#   numpy arrays of shape (rows,).
# - `threshold`: a row that gets *more* is an alarm.
# - `share`: the fraction of the rows *in use* that have label 1.
# - Back come two numbers: the recall of label 1, and the precision *in use*. Where there is no alarm, the precision
#   is to be 0.
#
# **The check** calls it on twelve rows that can be counted by hand, and on two networks of 400 rows, at several thresholds and
# shares.


# %% nbgrader={"grade": false, "grade_id": "09-2-in-use", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_use(p, y, threshold, share):
    ### BEGIN SOLUTION
    found = (p[y == 1] > threshold).mean()  # within one label, a share is the same in use
    called = (p[y == 0] > threshold).mean()
    right, wrong = share * found, (1 - share) * called
    return found, right / (right + wrong) if right + wrong else 0.0
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "09-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_in_use(in_use)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 09, "The fix, and its price".
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# The training rows are named nearly without a fault, and nearly every third validation row is named wrongly. "Too few rows", says the
# colleague. "I take 700 to save time. With 900 it is much better already."


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    limit=700,
    mix=False,
    shuffle=True,
    batch_size=32,
    hidden=64,
    lr=0.3,
    epochs=8,
):
    """Train on some of the digits, validate on others.

    divide_by: the pixels come as 0 to 16
    limit: how many training rows are used, from the first one on
    mix: whether the training rows are brought into a random order before the first `limit` are taken
    shuffle: whether the rows that are used come in a new order in each epoch
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    stored = np.argsort(y, kind="stable")
    x, y = x[stored], y[stored]
    rows, val_rows = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    rows.sort()
    if mix:
        rows = np.random.default_rng(seed).permutation(rows)
    rows = rows[:limit]
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, val = TensorDataset(x[rows], y[rows]), TensorDataset(x[val_rows], y[val_rows])

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    losses, batches = [], []
    for _ in range(epochs):
        order = torch.randperm(len(train)) if shuffle else torch.arange(len(train))
        for batch in order.split(batch_size):
            inputs, labels = train[batch]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            batches.append(batch)

    model.eval()
    with torch.no_grad():
        inputs, labels = val.tensors
        accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {
        "model": model,
        "train": train,
        "val": val,
        "losses": losses,
        "batches": batches,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two
# data sets, the losses, the row numbers of each batch, and the accuracy on the (held-out) validation
# rows. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: inputs on very different scales reach the network
#    - `"B"`: not even the training rows are learnt
#    - `"C"`: a batch holds the rows of one class
#    - `"D"`: there are too few training rows, of whatever class
#    - `"E"`: a class is so rare among the training rows that the loss hardly counts it
#    - `"F"`: validation rows are of classes that no training row has
#    - `"G"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 30
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on validation rows
# to at least 0.8, and the cause must be gone, with no other in its place.

# %% tags=["solution-only"]
run = experiment(0)
(x, y), (val_x, val_y) = run["train"].tensors, run["val"].tensors
with torch.no_grad():
    right = run["model"](val_x).argmax(dim=1) == val_y
for digit in range(10):
    print(f"class {digit}: {(y == digit).sum():>3} training rows, "
          f"recall in validation {right[val_y == digit].float().mean():.2f}")  # fmt: skip

# %% [markdown] tags=["solution-only"]
# Seven classes are named nearly without a fault, so they have rows enough. The other three are never answered: no training row
# is of them. The table is stored class by class, and the first 700 rows end before the sevens. With 900, two
# of the three classes come in, and one is still missing: it looks like a matter of rows, and is one of order.


# %% nbgrader={"grade": false, "grade_id": "09-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # 700 rows in mixed order hold all classes; to take all rows would do it too
    return "F", {"mix": True}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "09-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 09, "Measure". One accuracy hides the classes.
#
# </details>

# %% [markdown] minutes=8 tags=["optional"]
# ## Optional · The threshold that costs least
#
# A missed illness costs more than a second look. How much more is not for the network to say.
#
# **Write** `cheapest(p, y, share, missed, alarm)`: which threshold costs least in use?
#
# - `p`, `y`, `share`: as in task 2. A row that gets more than the threshold is called.
# - `missed`: what a row with label 1 costs that is not called. `alarm`: what a row with label 0 costs that is called.
# - Back comes a threshold. Others may cost as little; to call no row at all, or every row, is allowed.
#
# **The check** works out what 1000 rows in use would cost, at ten prices, with your threshold and with the best.


# %% nbgrader={"grade": false, "grade_id": "09-4-cheapest", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cheapest(p, y, share, missed, alarm):
    ### BEGIN SOLUTION
    def cost(threshold):
        misses = share * (p[y == 1] <= threshold).mean()
        alarms = (1 - share) * (p[y == 0] > threshold).mean()
        return misses * missed + alarms * alarm

    return min([-1, *np.unique(p)], key=cost)  # -1 calls every row, the largest p calls none
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "09-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_cheapest(cheapest)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 09, "A probability that is never high enough".
#
# </details>
#
# **Next:** lesson 10, [`10_capacity_and_overfitting.ipynb`](../notebooks/10_capacity_and_overfitting.ipynb).
