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
# # Exercise 08 · The loss is a number, then `nan` for good
#
# Two tasks, 20 minutes, and two optional ones: Task 2 takes nearly as long by itself. Run the set-up cell
# first. After it, the tasks stand on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_fill.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import copy  # noqa: F401 (for Task 2)

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.missing_and_corrupted_data import (
    check_began,
    check_diagnose,
    check_doubtful,
    check_fill,
)
from coursekit.checks.missing_and_corrupted_data.tables import read_wine_file

torch.set_num_threads(1)

# %% [markdown] minutes=4
# ## Task 1 · Fill a table
#
# **Write** a function that fills the empty cells of a table: each with the mean that its column has in the
# training rows, over the cells that are not empty there.
#
# - `x`: the whole table, a numpy array of shape (all rows, columns), with `np.nan` where a cell is empty.
# - `rows`: the numbers of the training rows. Each column has a value in at least one of them.
# - Back comes a table of the same shape, in which *every* row is filled. `x` itself stays as it was.
#
# **The check** fills a small table and the wine table. It calls `fill` again with other values in the rows that
# are *not* for training.


# %% nbgrader={"grade": false, "grade_id": "08-1-fill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fill(x, rows):
    ### BEGIN SOLUTION
    means = np.nanmean(x[rows], axis=0)  # (columns,)
    return np.where(np.isnan(x), means, x)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "08-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_fill(fill)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 08, "The fix".
#
# </details>

# %% [markdown] minutes=18 tags=["optional"]
# ## Task 2, optional · Where did it begin?
#
# **Write** the measurement of the lesson for any `nn.Sequential`: where does the first value stand that is not
# finite (NaN or infinite), in the order of the computation?
#
# - `model`, `loss_fn`, `x`, `y`: the model, its criterion, and one batch. `model._modules.items()` gives
#   the names and the layers, in order.
# - Back comes a text, the first of these that holds such a value:
#   1. `"weights"`: any weight of the model
#   2. `"inputs"`: the batch `x`
#   3. the name of a layer, such as `"2"` or `"head"`: what comes out of that layer
#   4. `"loss"`
#   5. `"gradient"`: the gradient of the loss, of any weight
#   6. `"nowhere"`, if all is finite
#
# Run the model in the mode it is in. Weights may be frozen: they get no gradient.
#
# **The check** asks about sixteen situations. Work on copies: afterwards model and batch must be as they were, and no
# gradient may stay behind.


# %% nbgrader={"grade": false, "grade_id": "08-2-began", "locked": false, "schema_version": 3, "solution": true, "task": false}
def began(model, loss_fn, x, y):
    ### BEGIN SOLUTION
    model, outputs = copy.deepcopy(model), x.clone()  # a layer may write into both
    if not all(weight.isfinite().all() for weight in model.parameters()):
        return "weights"
    if not x.isfinite().all():
        return "inputs"
    for name, layer in model._modules.items():
        outputs = layer(outputs)
        if not outputs.isfinite().all():
            return name
    loss = loss_fn(outputs, y)
    if not loss.isfinite():
        return "loss"
    loss.backward()  # into the copy; a frozen weight gets no gradient
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    return "nowhere" if all(one.isfinite().all() for one in gradients) else "gradient"
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "08-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_began(began)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 08, "Measure". You can now put this question to a model of your own.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# Wines from a laboratory's file; empty cells are filled, columns are scaled and cut. Six of ten wines are named
# rightly. "Outliers", says the colleague. "A robust scaler helps."


# %%
def experiment(
    seed,
    *,
    fill="median",
    na=None,
    scaler="standard",
    clip=3.0,
    hidden=32,
    lr=0.1,
    batch_size=16,
    epochs=15,
):
    """Train on six tenths of the wines, judge on the others.

    fill: what an empty cell gets: the "median" or "mean" of its column, or a number
    na: a value that counts as an empty cell too, or None
    scaler: "standard", "robust" or "min-max"
    clip: the largest absolute value of a scaled cell, or None
    """
    x, y = read_wine_file(seed)  # (178, 13), (178,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    if na is not None:
        x[x == na] = np.nan
    middles = {"median": np.nanmedian, "mean": np.nanmean}
    value = middles[fill](x[rows], axis=0) if fill in middles else fill
    table = np.where(np.isnan(x), value, x)
    scalers = {"standard": StandardScaler, "robust": RobustScaler, "min-max": MinMaxScaler}
    scaled = scalers[scaler]().fit(table[rows]).transform(table)
    if clip is not None:
        scaled = np.clip(scaled, -clip, clip)
    scaled, y = torch.tensor(scaled, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(scaled[rows], y[rows]), TensorDataset(scaled[held_out], y[held_out])

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 3))
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
    with torch.no_grad():
        inputs, labels = test.tensors
        accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {
        "model": model,
        "train": train,
        "test": test,
        "rows": rows,
        "table": table,
        "losses": losses,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two
# data sets, the losses, the accuracy on the held-out rows, `"table"`: all rows after filling and before
# scaling, and `"rows"`: the numbers of the training rows. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: columns of very different standard deviations reach the network
#    - `"B"`: the learning rate is ten times too high or too low
#    - `"C"`: a value that is not a number reaches the network
#    - `"D"`: a number that stands for "not measured" is taken for a measurement
#    - `"E"`: the labels do not belong to their rows
#    - `"F"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 60
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on held-out rows
# to at least 0.8, and the cause must be gone.

# %% tags=["solution-only"]
run = experiment(0)
table = run["table"][run["rows"]]
print("column      min  median     max  middle half (std)")
for number, column in enumerate(table.T):
    low, middle, high = np.quantile(column, [0.25, 0.5, 0.75])
    print(f"{number:>6} {column.min():>8.1f}{middle:>8.1f}{column.max():>8.1f}"
          f"{(high - low) / column.std():>12.2f}")  # fmt: skip
values, counts = np.unique(table, return_counts=True)
print(f"the most frequent value of the table: {values[counts.argmax()]:g}, {counts.max()} times")

# %% [markdown] tags=["solution-only"]
# One and the same largest value in nearly all columns, whatever they measure, and a narrow middle half: somebody has
# written a number where nothing was measured. In the last column it lies among the true values, so looking for
# outliers would not find it there. A robust scaler, with the cut, lifts the accuracy and leaves every one of them in.


# %% nbgrader={"grade": false, "grade_id": "08-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # taken for empty, they are filled by their columns like the others
    return "D", {"na": 888}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "08-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 08, "The fix" and "Filled, and still it fails". That a change helps does not say what was
# the matter.
#
# </details>

# %% [markdown] minutes=8 tags=["optional"]
# ## Optional · Which labels are wrong?
#
# **Write** a function that says which rows somebody should look at.
#
# - `x`: rows, a numpy array of shape (rows, columns). `y`: their labels, class numbers from 0 on; some are wrong.
# - `k`: how many rows to name.
# - Back come the numbers of the *k* rows whose labels are most likely wrong, in any order.
#
# **The check** calls `doubtful` on digits of which a tenth has a wrong label, and asks for as many. Of the rows
# that you name, at least 70 % must have one.


# %% nbgrader={"grade": false, "grade_id": "08-4-doubtful", "locked": false, "schema_version": 3, "solution": true, "task": false}
def doubtful(x, y, k):
    ### BEGIN SOLUTION
    # a row is judged by its ten nearest other rows, not by itself
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)  # (rows, rows)
    np.fill_diagonal(distance, np.inf)
    nearest = distance.argsort(axis=1)[:, :10]
    agree = (y[nearest] == y[:, None]).mean(axis=1)  # (rows,)
    return agree.argsort(kind="stable")[:k]
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "08-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_doubtful(doubtful)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 08, "Nearly every second label is wrong".
#
# </details>
#
# **Next:** lesson 09, [`09_accuracy_that_lies.ipynb`](../notebooks/09_accuracy_that_lies.ipynb).
