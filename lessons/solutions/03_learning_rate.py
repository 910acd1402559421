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
# # Exercise 03 · One number too large
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_descend.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.learning_rate import (
    check_descend,
    check_diagnose,
    check_pick_rate,
    check_step_ratio,
)

torch.set_num_threads(1)

# %% [markdown] minutes=3
# ## Task 1 · Complete a line
#
# **Write** the one line that is missing: a step of gradient descent.
#
# - `slope`: a function. `slope(w)` is the slope of the loss at `w`.
# - `start`: where `w` begins: a number, or an array of several weights.
# - `lr`, `steps`: the learning rate, and how many steps to take.
# - Back come all positions, the start first: steps + 1 of them.
#
# **The check** calls `descend` where every position can be worked out by hand: on the parabola *w*²
# at five learning rates, on *w*⁴, and over two weights at once.


# %% nbgrader={"grade": false, "grade_id": "03-1-descend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def descend(slope, start, lr, steps):
    path = [start]
    for _ in range(steps):
        # path[-1] is where w stands now
        ### BEGIN SOLUTION
        path.append(path[-1] - lr * slope(path[-1]))
        ### END SOLUTION
    return np.array(path)


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "03-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_descend(descend)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 03, "The cause".
#
# </details>

# %% [markdown] minutes=7
# ## Task 2 · Measure the cause
#
# How long is one step, beside the weights that it moves? `record` measures it; now you do.
#
# **Write** one round of the training loop that also tells the length of its step.
#
# - `model`, `optimizer`, `loss_fn`: as in any loop. The optimizer holds the model's weights. It may be
#   any: SGD, SGD with momentum, Adam.
# - `x`, `y`: one batch.
# - Back comes one number for each tensor of `model.parameters()`, in their order: the length of the
#   step over the length of the tensor *before* the step. Length is the root of the sum of squares, as
#   `.norm()` gives it. The numbers have no unit.
# - Afterwards the model stands where one step of training puts it.
#
# **The check** calls `step_ratio` on two weights whose step can be worked out by hand, with three
# optimizers, and on a network of wine. A gradient that an earlier batch left must not count. The data
# must stay as they are.


# %% nbgrader={"grade": false, "grade_id": "03-2-step-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_ratio(model, optimizer, loss_fn, x, y):
    ### BEGIN SOLUTION
    before = [weight.detach().clone() for weight in model.parameters()]  # clone: a copy of values
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    pairs = zip(model.parameters(), before, strict=True)
    return [((after.detach() - old).norm() / old.norm()).item() for after, old in pairs]
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "03-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_step_ratio(step_ratio)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 03, "Measure". At a good rate a step was a few hundredths of the
# weights; the one that threw the loss up, half of them. You can now measure that in any loop of yours.
#
# </details>

# %% [markdown] minutes=9
# ## Task 3 · A script from a colleague
#
# "Useless on wines that it has not seen. I have read lesson 03: the learning rate of 1.0 looks too
# high, or my scheduler takes it away too early. Which is it?" You have not seen this script. It may
# be all right.


# %%
def experiment(seed, *, lr=1.0, gamma=0.5, epochs=30, hidden=32, bn_momentum=0.001):
    """Train on half of the wines, judge on the other half.

    gamma: what the scheduler multiplies the learning rate by after every tenth epoch
    bn_momentum: how much a batch counts, from 0 to 1, in BatchNorm's running mean and variance: the
        averages over batches that it standardises by in use
    """
    x, y = load_wine(return_X_y=True)  # (178, 13), (178,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    train, test = (TensorDataset(x[part], y[part]) for part in (rows, held_out))
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.BatchNorm1d(13, momentum=bn_momentum),  # gives every feature the same spread
        nn.Linear(13, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 3),
    )
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = StepLR(optimizer, step_size=10, gamma=gamma)

    losses = []
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(16):
            inputs, labels = train[batch]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()

    model.eval()
    with torch.no_grad():
        inputs, labels = test.tensors
        accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
    return {
        "model": model, "train": train, "test": test, "losses": losses, "lr": lr,
        "accuracy": accuracy,
    }  # fmt: skip


# %% [markdown]
# Run it, measure it, take it apart in cells of your own: `experiment(0)` gives back the model, the
# two data sets, the losses and the accuracy on the held-out rows. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: the learning rate is too high; a lower one would do
#    - `"B"`: the learning rate is too low; a higher one would do
#    - `"C"`: features on very different scales reach the first Linear layer
#    - `"D"`: held-out rows reach it prepared in another way than the training rows did
#    - `"E"`: the scheduler takes the learning rate away too early; a constant one would do
#    - `"F"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 100
#    epochs.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured: a rate, or a scheduler, is to blame if another value of it
# heals. Your change must bring the accuracy on held-out rows to at least 0.85.

# %% tags=["solution-only"]
run = experiment(0)
print(f"accuracy {run['accuracy']:.2f}, loss of the last epoch {np.mean(run['losses'][-6:]):.2f}")
print(f"at a tenth of the rate: accuracy {experiment(0, lr=0.1)['accuracy']:.2f}")
inputs, labels = run["train"].tensors
for mode in ("train", "eval"):
    run["model"].train(mode == "train")
    with torch.no_grad():
        right = (run["model"](inputs).argmax(dim=1) == labels).float().mean()
        prepared = run["model"][0](inputs)  # (89, 13)
    print(f"training rows, model.{mode}(): accuracy {right:.2f}, largest mean of a column "
          f"{prepared.mean(dim=0).abs().max():.0f}")  # fmt: skip

# %% [markdown] tags=["solution-only"]
# The training loss is that of a sound run, and a tenth of the rate changes nothing: the rate is not to
# blame. The model fails on its own *training* rows as soon as it is in `eval()` mode: so it is not
# overfitting either. In use BatchNorm standardises with running averages, and with
# `bn_momentum=0.001` these are still near the 0 and 1 that they began with.


# %% nbgrader={"grade": false, "grade_id": "03-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    return "D", {"bn_momentum": 0.1}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "03-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 02. A suspicious number is not a cause: a rate is judged by the training loss, and by a tenth
# of it and ten times it. Training rows that are named rightly in training and wrongly in use say that
# they reach the network in another way there.
#
# </details>

# %% [markdown] minutes=10 tags=["optional"]
# ## Optional · Find the rate
#
# **Write** a function that finds a learning rate by trying: with a range test, or in a way of your
# own.
#
# - `build()` makes a fresh model, the same one each time. Use as many as you like.
# - `loss_fn`: a loss function.
# - `batches`: a list of pairs (x, y), the batches of one epoch.
# - Back comes one number, a learning rate for plain SGD.
#
# **The check** trains a fresh model for 200 steps at your rate, on three bowls and on a network of
# digits. Rates that work lie somewhere between 1e-7 and 1e7, and those of one problem are no use to
# the next. The loss over all batches must come down to at most 0.25 of what it was.


# %% nbgrader={"grade": false, "grade_id": "03-4-pick-rate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pick_rate(build, loss_fn, batches):
    ### BEGIN SOLUTION
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    lowest, best = float("inf"), 0.0
    rates = np.logspace(-7, 7, 560)
    for rate, (x, y) in zip(rates, batches * len(rates), strict=False):  # epoch after epoch
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        if not loss.item() < 4 * lowest:  # also where it is NaN: this is the wall
            break
        if loss.item() < lowest:
            lowest, best = loss.item(), rate
    return best / 3
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "03-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_pick_rate(pick_rate)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 03, "Find a rate before you train". The edge of a bowl goes with one
# over the *square* of its inputs' size: inputs a hundred times larger need a rate ten thousand times
# smaller. That is lesson 01 once more.
#
# </details>
#
# **Next:** lesson 04, [`04_vanishing_gradients.ipynb`](../notebooks/04_vanishing_gradients.ipynb).
