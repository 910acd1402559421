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
# # Exercise 01 · The loss jumps, then stops
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_prepare.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.unscaled_features import (
    check_diagnose,
    check_fresh_accuracy,
    check_gradient_share,
    check_prepare,
)

torch.set_num_threads(1)

# %% [markdown] minutes=3
# ## Task 1 · Complete a line
#
# Other data this time: measurements of cell nuclei, in 30 columns (`load_breast_cancer`). Their
# scales differ as those of the wines do.
#
# **Write** the one line that is missing: it gives back `x`, standardised.
#
# - `x`: all rows, raw, an array of shape (all rows, features).
# - `rows`: the indices of the training rows, shape (training rows,).
# - Back comes an array of the same shape as `x`, for all rows, without a unit: standard deviations
#   from the mean. `x` itself stays as it is.
#
# **The check** calls `prepare` on two data sets. Each column of the training rows must have mean 0
# and standard deviation 1 (dividing by n or by n − 1 are both fine). All other rows must be shifted
# and scaled by the mean and standard deviation of the training rows.


# %% nbgrader={"grade": false, "grade_id": "01-1-prepare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prepare(x, rows):
    ### BEGIN SOLUTION
    return StandardScaler().fit(x[rows]).transform(x)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "01-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_prepare(prepare)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 01, "The fix".
#
# </details>

# %% [markdown] minutes=7
# ## Task 2 · Measure the cause
#
# The lesson says that one feature drives the first step. Prove it with a number.
#
# **Write** a measurement: how is the gradient of the first layer shared out between the features?
#
# - `model`: any network that has an `nn.Linear` somewhere. Do not count on `model[0]`: take the
#   first `nn.Linear` of `model.modules()`. Its weight has the shape (units, features).
# - `loss_fn`, `x`, `y`: a loss function, and one batch. `x` has the shape (rows, features).
# - Back comes one share for each feature, shape (features,): the squares of that feature's gradient
#   entries, added up over the units, as a part of all squares. The shares add up to 1. They have no
#   unit.
#
# **The check** calls `gradient_share` on four networks whose shares can be worked out by hand, and
# on a batch of wine, raw and standardised. Afterwards the weights and the data must be as they
# were, and your function may leave no gradient in the model. A gradient that an earlier batch left there must not count.


# %% nbgrader={"grade": false, "grade_id": "01-2-gradient-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_share(model, loss_fn, x, y):
    ### BEGIN SOLUTION
    layer = next(module for module in model.modules() if isinstance(module, nn.Linear))
    # autograd.grad hands the gradient over and leaves .grad alone, unlike backward()
    (gradient,) = torch.autograd.grad(loss_fn(model(x), y), [layer.weight])  # (units, features)
    squares = gradient.square().sum(dim=0)  # (features,)
    return squares / squares.sum()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "01-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_gradient_share(gradient_share)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 01, "The cause": the gradient of a first-layer weight is the error
# times the input, so the widest input gets the largest gradient. You can now measure that on a
# model of your own.
#
# </details>

# %% [markdown] minutes=9
# ## Task 3 · A script from a colleague
#
# You have not seen this script. A colleague asks whether it is all right. It may be.


# %%
def experiment(seed, *, lr=0.1, epochs=8, batch_size=48, hidden=32, clip=None, batchnorm=None):
    """Train on half of the rows, judge on the other half.

    clip: cut each input to the range from -clip to clip; None cuts nothing
    batchnorm: "input" puts a BatchNorm layer before the network, "hidden" one after its first layer
    """
    x, y = load_breast_cancer(return_X_y=True)  # (569, 30), (569,)
    if clip is not None:
        x = x.clip(-clip, clip)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed
    )
    folds = {"train": (x[rows], y[rows]), "test": (x[held_out], y[held_out])}

    scaler = StandardScaler().fit(x[rows])  # the training rows only
    x = scaler.transform(x)

    train, test = (
        TensorDataset(torch.tensor(inputs, dtype=torch.float32), torch.tensor(labels))
        for inputs, labels in folds.values()
    )
    torch.manual_seed(seed)
    layers = [nn.Linear(30, hidden), nn.ReLU(), nn.Linear(hidden, 2)]
    if batchnorm == "input":
        layers.insert(0, nn.BatchNorm1d(30))
    if batchnorm == "hidden":
        layers.insert(1, nn.BatchNorm1d(hidden))
    model = nn.Sequential(*layers)
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
    return {"model": model, "train": train, "test": test, "losses": losses, "accuracy": accuracy}


# %% [markdown]
# Run it, measure it, take it apart in cells of your own: `experiment(0)` gives back the model, the
# two data sets, the losses and the accuracy on the held-out rows. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: the labels do not belong to their rows
#    - `"B"`: the learning rate is too small, the weights hardly move
#    - `"C"`: features on very different scales reach the network
#    - `"D"`: held-out rows are prepared in another way than training rows
#    - `"E"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 100
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on held-out rows to
# at least 0.85, and it must remove the cause, not hide it: features that are scaled where they enter
# the network are scaled.

# %% tags=["solution-only"]
run = experiment(0)
inputs, _ = run["train"].tensors  # what enters the network: (284, 30)
spread = inputs.std(dim=0)  # (30,)
print(f"accuracy {run['accuracy']:.2f}; widest column {spread.max():.0f}, "
      f"middle column {spread.median():.2f} (standard deviations)")  # fmt: skip

# %% [markdown] tags=["solution-only"]
# The code calls `transform`, and still raw rows enter the network: `folds` was cut out of `x`
# before `x` was standardised, and keeps the raw rows. Reading does not show it. The standard
# deviations do.


# %% nbgrader={"grade": false, "grade_id": "01-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # "hidden" reaches a fair accuracy too, but the first layer still gets the raw rows
    return "C", {"batchnorm": "input"}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "01-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 01, "Measure": the first thing to look at is what reaches the
# network, and not what the code says about it.
#
# </details>

# %% [markdown] minutes=8 tags=["optional"]
# ## Optional · Is there anything to learn?
#
# One of the texts that this course grew from shows what scaling is good for: two columns, the
# second a thousand times wider than the first, and labels that a coin tosses. The loss falls after
# scaling. Has the model learnt anything? These are such data:


# %%
def random_labels(n, seed):
    """n rows and their labels: x of shape (n, 2), y of shape (n,)."""
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=source) * torch.tensor([1.0, 1000.0])
    y = torch.randint(2, (n,), generator=source)
    return x, y


# %% [markdown]
# **Write** a function that finds out for any such `draw`.
#
# - Draw 100 training rows with `draw(100, seed)`, and standardise them.
# - Train a linear model on them, until it names nearly all of them rightly where a rule sets the
#   labels. One `nn.Linear(2, 2)` will do: cross-entropy, SGD with a learning rate of 0.5, all rows in
#   each step, 40 steps.
# - Draw at least 1000 fresh rows, with **another** seed. Prepare them with the mean and standard
#   deviation of the training rows.
# - Back comes the share of fresh rows that the model names rightly: a number between 0 and 1.
#
# **The check** passes in draws of its own. Where a coin tosses the labels, the mean over six seeds
# must be 0.5 (give or take 0.04); where the first column decides, it must be above 0.9. Some draws
# are made to notice when the rows are not fresh, or not prepared as the training rows were.


# %% nbgrader={"grade": false, "grade_id": "01-4-fresh-accuracy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fresh_accuracy(draw, seed):
    ### BEGIN SOLUTION
    x, y = draw(100, seed)
    mean, deviation = x.mean(dim=0), x.std(dim=0)
    torch.manual_seed(seed)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model((x - mean) / deviation), y).backward()
        optimizer.step()
    fresh_x, fresh_y = draw(2000, seed + 1)
    logits = model((fresh_x - mean) / deviation)  # (2000, 2)
    return (logits.argmax(dim=1) == fresh_y).float().mean().item()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "01-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_fresh_accuracy(fresh_accuracy)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 00, the checklist's first line: compare with a trivial baseline.
# Labels that do not depend on `x` cannot be learnt from `x`, scaled or not. A loss that falls on the
# training rows shows only that the model is bending to their luck.
#
# </details>
#
# **Next:** lesson 02, [`02_mismatched_transforms.ipynb`](../notebooks/02_mismatched_transforms.ipynb).
