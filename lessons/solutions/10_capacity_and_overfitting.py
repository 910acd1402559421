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
# # Exercise 10 · A training loss near zero, and little use on new rows
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_stop_early.hint(1)` is a nudge,
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
from coursekit.checks.capacity_and_overfitting import (
    check_by_lot,
    check_diagnose,
    check_silence,
    check_stop_early,
)

torch.set_num_threads(1)

# %% [markdown] minutes=5
# ## Task 1 · Stop, and go back
#
# **Write** early stopping for any model.
#
# - `model`: the model; when you are done, it must be as it was after its best epoch. Untrained, it does not count.
# - `train_epoch()`: trains the model for one epoch.
# - `validate()`: gives the validation loss of the model as it is now.
# - `patience`: after so many epochs in a row that were no better than the best so far, stop. An epoch is better where its loss
#   is *smaller*.
# - `epochs`: the most epochs to train.
# - Back comes the number of the best epoch, counted from 1.
#
# **The check** hands over a model whose weights say which epoch they are of, and validation losses of its own making.


# %% nbgrader={"grade": false, "grade_id": "10-1-stop-early", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stop_early(model, train_epoch, validate, patience, epochs):
    ### BEGIN SOLUTION
    lowest, best_epoch, kept = np.inf, 0, None
    for epoch in range(1, epochs + 1):
        train_epoch()
        loss = validate()
        if loss < lowest:
            lowest, best_epoch = loss, epoch
            # copies, not the live weights themselves
            kept = {name: numbers.clone() for name, numbers in model.state_dict().items()}
        if epoch - best_epoch == patience:
            break
    model.load_state_dict(kept)
    return best_epoch
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "10-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_stop_early(stop_early)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 10, "The fix". It fits any loop of yours.
#
# </details>

# %% [markdown] minutes=5
# ## Task 2 · Can it learn these rows by heart?
#
# **Write** the test of the lesson for any model and any rows: how low does the loss get where there is nothing to understand?
#
# - `build()`: gives a new, untrained model. It may have dropout.
# - `fit(model, x, y)`: trains a model on rows `x`, shape (rows, features), and targets `y`, shape (rows,): numbers or classes.
# - `loss_fn(outputs, y)`: the criterion, the mean over the rows.
# - `x`, `y`: the training rows, in whatever order they come, and their true targets.
# - Back comes one number: the loss of a model that was trained on the targets dealt out *by lot*, on the very targets that it
#   was trained on.
#
# **The check** looks at what reaches `fit`, and compares your number with the loss of that model in use.


# %% nbgrader={"grade": false, "grade_id": "10-2-by-lot", "locked": false, "schema_version": 3, "solution": true, "task": false}
def by_lot(build, fit, loss_fn, x, y):
    ### BEGIN SOLUTION
    dealt = y[torch.randperm(len(y))]  # a new tensor: y stays as it is
    model = build()
    fit(model, x, dealt)
    model.eval()  # without dropout's noise
    with torch.no_grad():
        return loss_fn(model(x), dealt).item()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "10-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_by_lot(by_lot)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 10, "Measure". If this number is as low as with the true targets, the training loss
# proves nothing.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# "Only 400 rows, so I took care that it does not learn them by heart: dropout, and a penalty. Now it names one digit in ten.
# It must be too small", says the colleague.


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    hidden=64,
    dropout=0.2,
    penalty=0.05,
    lr=0.2,
    batch_size=20,
    epochs=8,
):
    """Train on 400 of the digits, judge on the others.

    divide_by: the pixels come as 0 to 16
    hidden: units in each of the two hidden layers
    dropout: share of the hidden units that a training step silences
    penalty: what the sum of the squares of all weights counts beside the loss
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), train_size=400, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    layers = [nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(dropout)]
    layers += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)]
    model = nn.Sequential(*layers, nn.Linear(hidden, 10))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    losses = []
    weights = [parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(batch_size):
            inputs, labels = train[batch]
            loss = loss_fn(model(inputs), labels)
            squares = parameters_to_vector(model.parameters()).square().sum()
            optimizer.zero_grad()
            (loss + penalty * squares).backward()
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
        "losses": losses,
        "weights": weights,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two data sets, the losses,
# the accuracy on the held-out rows, and `"weights"`: all weights as one long vector, at the start and after each step. Leave
# the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: inputs on very different scales reach the network
#    - `"B"`: the steps are too large from the first on
#    - `"C"`: the weights are pulled to zero
#    - `"D"`: dropout silences nearly all hidden units
#    - `"E"`: the training rows are learnt by heart
#    - `"F"`: the network is too small
#    - `"G"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 30
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, and your change must bring the accuracy on held-out rows
# to at least 0.7.

# %% tags=["solution-only"]
run = experiment(0)
sizes = [weights.norm().item() for weights in run["weights"]]
for step in (0, 1, 40, 80, 160):
    print(f"after step {step:>3}: size of all weights {sizes[step]:.2f}")
print(f"a step takes lr * 2 * penalty = {0.2 * 2 * 0.05:.2f} of each weight; "
      f"alone it would leave {sizes[0] * 0.98**160:.2f}")  # fmt: skip

# %% [markdown] tags=["solution-only"]
# The slope of a square is twice the number, so this penalty is SGD's weight decay of twice its size. The weights shrink as if there
# were no data. Wider networks shrink alike, and the first step is short.


# %% nbgrader={"grade": false, "grade_id": "10-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # dropout alone is enough against learning 400 rows by heart
    return "C", {"penalty": 0.0}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "10-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 10, "Every row gets the same answer". A remedy against one failure can be another.
#
# </details>

# %% [markdown] minutes=8 tags=["optional"]
# ## Optional · Dropout by hand
#
# **Write** what `nn.Dropout` does to the outputs of a layer.
#
# - `h`: outputs of hidden units, shape (rows, units).
# - `p`: the share to silence, at least 0 and less than 1.
# - `training`: whether the model is in training mode.
# - Back comes a tensor of the shape of `h`. In training each number is set to zero with probability `p`, by itself and anew in
#   each call; the others are multiplied by a number that follows from `p`, so that on average the *mean* stays what it was. In
#   evaluation mode nothing is changed.
#
# **The check** calls `silence` on many numbers, on three, and in both modes; and sends a gradient back through it.


# %% nbgrader={"grade": false, "grade_id": "10-4-silence", "locked": false, "schema_version": 3, "solution": true, "task": false}
def silence(h, p, training):
    ### BEGIN SOLUTION
    if not training:
        return h
    heard = (torch.rand_like(h) >= p).float()
    return h * heard / (1 - p)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "10-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_silence(silence)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 10, "So careful that it learns nothing". At `p` = 0.95 what is left is multiplied by twenty.
#
# </details>
#
# **Next:** lesson 11, [`11_normalisation_layers.ipynb`](../notebooks/11_normalisation_layers.ipynb).
