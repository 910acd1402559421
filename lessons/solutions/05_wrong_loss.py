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
# # Exercise 05 · The loss that will not fall
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_squared_error.hint(1)` is a nudge,
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
from coursekit.checks.wrong_loss import (
    check_diagnose,
    check_squared_error,
    check_two_numbers,
    check_wants,
)

torch.set_num_threads(1)

# %% [markdown] minutes=3
# ## Task 1 · Complete a line
#
# A regression's outputs come as a column, its targets as a row, and nothing complains.
#
# **Write** the one line that is missing: the mean squared error, with each output compared with its
# *own* target.
#
# - `outputs`: numbers, of shape (rows, 1) or (rows,).
# - `targets`: as many numbers, of shape (rows, 1) or (rows,); not always the same one.
# - Back comes one number as a tensor of shape `()` that can be trained on: `backward()` works on it.
#
# **The check** tries all four pairs of shapes. It looks at the number, at its gradient in the outputs,
# and whether outputs and targets are afterwards what they were.


# %% nbgrader={"grade": false, "grade_id": "05-1-squared-error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def squared_error(outputs, targets):
    ### BEGIN SOLUTION
    return ((outputs.reshape(-1) - targets.reshape(-1)) ** 2).mean()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "05-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_squared_error(squared_error)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 05, "Each output against every target".
#
# </details>

# %% [markdown] minutes=7
# ## Task 2 · Measure the cause
#
# **Write** the two numbers that the lesson holds a loss against: what does a guess cost, and what does a
# right and certain answer cost?
#
# - `ending`: a layer that stands behind the last `Linear`, such as `nn.Softmax(dim=1)`; or
#   `nn.Identity()`, which changes nothing. It takes logits of the shape (rows, classes).
# - `loss_fn`: takes what comes out of `ending`, and labels of the shape (rows,).
# - `classes`: how many there are.
# - Back come two numbers: the cost of a guess, which takes all classes for equally likely; and that of
#   an answer that is right, and as certain as a network can be.
#
# **The check** calls `two_numbers` on seven pairs of an ending and a loss, right and wrong ones. Both
# numbers must be right to 0.01.


# %% nbgrader={"grade": false, "grade_id": "05-2-two-numbers", "locked": false, "schema_version": 3, "solution": true, "task": false}
def two_numbers(ending, loss_fn, classes):
    ### BEGIN SOLUTION
    labels = torch.arange(classes)  # one row for each class
    guess = loss_fn(ending(torch.zeros(classes, classes)), labels)
    certain = loss_fn(ending(50 * torch.eye(classes)), labels)
    return guess, certain
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "05-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_two_numbers(two_numbers)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 05, "Measure" and "The cause". You can now ask both questions of a
# loss of your own before you train.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# "It learns too slowly", says the colleague. "With a larger learning rate it gets there, so the rate was
# too small." Is it so?


# %%
def experiment(
    seed,
    *,
    depth=2,
    activation="tanh",
    ends_in="probabilities",
    optimizer="sgd",
    divide_by=16.0,
    lr=0.1,
    momentum=0.0,
    epochs=8,
):
    """Train on six tenths of the digits, judge on the others.

    activation: "tanh", "relu" or "sigmoid"
    ends_in: "logits", "probabilities" or "log-probabilities"
    optimizer: "sgd" or "adam"
    divide_by: the pixels come as 0 to 16
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    kinds = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
    endings = {
        "logits": nn.Identity(),
        "probabilities": nn.Softmax(dim=1),
        "log-probabilities": nn.LogSoftmax(dim=1),
    }
    layers = [layer for _ in range(depth) for layer in (nn.Linear(64, 64), kinds[activation]())]
    model = nn.Sequential(*layers, nn.Linear(64, 10), endings[ends_in])
    loss_fn = nn.CrossEntropyLoss()
    if optimizer == "adam":
        stepper = torch.optim.Adam(model.parameters(), lr=lr / 30)
    else:
        stepper = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)

    losses, weights = [], [nn.utils.parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(32):
            inputs, labels = train[batch]
            stepper.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            stepper.step()
            losses.append(loss.item())
        weights.append(nn.utils.parameters_to_vector(model.parameters()).detach().clone())

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
# data sets, the losses, the accuracy on the held-out rows, and `"weights"`: all weights as one long
# vector, at the start and after each epoch. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: inputs on very different scales reach the network
#    - `"B"`: held-out rows are prepared in another way than training rows
#    - `"C"`: the gradient vanishes on its way to the first layer
#    - `"D"`: the steps are too large
#    - `"E"`: the learning rate is, or becomes, too small: the gradients are ordinary, and a larger rate brings
#      what a sure right answer costs close to 0
#    - `"F"`: the loss gets outputs that it is not made for
#    - `"G"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 30
#    epochs and at most 12 layers.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on held-out rows
# to at least 0.85, and the cause must be gone, not hidden.

# %% tags=["solution-only"]
for settings in ({}, {"lr": 1.0}, {"ends_in": "logits"}):
    run = experiment(0, **settings)
    inputs, labels = run["train"].tensors
    outputs = run["model"](inputs)  # (1078, 10)
    surest = outputs.max(dim=1).values.argmax()
    cost = nn.functional.cross_entropy(outputs[surest], outputs[surest].argmax())
    weights = run["weights"]
    moved = (weights[-1] - weights[-2]).norm() / weights[0].norm()
    print(f"{settings or 'as it is'}: accuracy {run['accuracy']:.1f}, last loss "
          f"{np.mean(run['losses'][-34:]):.1f},\n  the surest answer costs {cost:.1f} if it is right; "
          f"the last epoch moved the weights by {moved:.0%}")  # fmt: skip

# %% [markdown] tags=["solution-only"]
# The weights move in each epoch, so the steps are no smaller than they should be. A larger rate does
# bring the accuracy, and the loss stays above 1.4: a right and certain answer costs as much. What
# reaches the loss are probabilities, and cross-entropy takes a softmax of its own.


# %% nbgrader={"grade": false, "grade_id": "05-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # "log-probabilities" would do as well: a log-softmax changes them no more
    return "F", {"ends_in": "logits"}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "05-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 05, "The wrong fixes". A change that brings the accuracy need not
# have found the cause.
#
# </details>

# %% [markdown] minutes=12 tags=["optional"]
# ## Optional · What does this loss want?
#
# A loss function from somewhere, without a name. Does it want logits, log-probabilities or
# probabilities? Find out by feeding it.
#
# **Write** `wants(loss_fn, classes)`.
#
# - `loss_fn`: takes outputs of the shape (rows, classes) and labels of the shape (rows,), and gives one
#   number: a mean over the rows, or a sum.
# - `classes`: how many classes there are.
# - Back comes one of three texts: `"logits"`, `"log-probabilities"` or `"probabilities"`.
#
# **The check** hands it eight losses. Some are classes of `nn`, some are functions whose names tell
# nothing. Every one is minus the logarithm of the probability of the right class, if it is fed with
# what it is made for.


# %% nbgrader={"grade": false, "grade_id": "05-4-wants", "locked": false, "schema_version": 3, "solution": true, "task": false}
def wants(loss_fn, classes):
    ### BEGIN SOLUTION
    label = torch.tensor([0])
    low, high = (float(loss_fn(torch.full((1, classes), at), label)) for at in (0.25, 0.5))
    if abs(high - low) < 0.01:
        return "logits"  # a softmax does not see what all outputs have in common
    return "log-probabilities" if abs(low - high - 0.25) < 0.01 else "probabilities"
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "05-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_wants(wants)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 05, "The cause" and "A loss below zero".
#
# </details>
#
# **Next:** lesson 06, [`06_broken_loop.ipynb`](../notebooks/06_broken_loop.ipynb).
