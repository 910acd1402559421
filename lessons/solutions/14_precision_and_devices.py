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
# # Exercise 14 · It learns in float32, and stands still in float16
#
# Two tasks, 20 minutes, and two optional ones: Task 1 takes nearly as long by itself. Run the set-up cell
# first. After it, the tasks stand on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_scaled_step.hint(1)` is a nudge,
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
from coursekit.checks.precision_and_devices import (
    check_diagnose,
    check_lost,
    check_scaled_step,
    check_steady_sum,
)

torch.set_num_threads(1)

# %% [markdown] minutes=18 tags=["optional"]
# ## Task 1, optional · One step of mixed precision
#
# What `GradScaler` does, by hand and with a scale that stays as it is.
#
# **Write** one step of training on a batch.
#
# - `model`, `loss_fn`, `optimizer`: as in any loop. `model` sends its gradients through float16 by itself,
#   without `autocast`; those that arrive in `.grad` are float32.
# - `x`, `y`: the batch. `scale`: what the loss is to be multiplied by for the way back.
# - A gradient of all weights together that is longer than `longest` is cut to that length. This is meant of the true
#   gradient, not of the scaled one.
# - Where an entry of a gradient is NaN or infinite, no step is made.
# - Back comes True where the step was made, and False where it was left out.
#
# **The check** compares, with SGD, with momentum and with Adam: afterwards the weights must be where float32 would bring them,
# or where they were. A gradient that an earlier batch left in `.grad` must not count; and after a step that was left out, the next is as if that
# batch had not been. A scaler of PyTorch's is welcome.


# %% nbgrader={"grade": false, "grade_id": "14-1-scaled-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scaled_step(model, loss_fn, optimizer, x, y, scale, longest):
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    weights = list(model.parameters())
    for weight in weights:
        weight.grad /= scale  # before anything looks at its length
    if not all(torch.isfinite(weight.grad).all() for weight in weights):
        return False
    nn.utils.clip_grad_norm_(weights, longest)
    optimizer.step()
    return True
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "14-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_scaled_step(scaled_step)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 14, "The fix".
#
# </details>

# %% [markdown] minutes=5
# ## Task 2 · Measure the cause
#
# Before you train in 16 bits: what would they make of this gradient?
#
# **Write** the measurement.
#
# - `gradient`: a tensor of float32, of any shape, without NaN or infinity.
# - `dtype`: a format such as `torch.float16`.
# - `scale`: the gradient is multiplied by it first, in float32.
# - Back come two numbers: of the entries of `gradient` that are not 0, the share that becomes 0 in that format,
#   and the share that becomes infinite. Where all entries are 0, both are 0.
#
# **The check** calls `lost` on numbers whose answer can be worked out by hand, and on the gradient of a network of digits.
# Afterwards `gradient` must be as it was.


# %% nbgrader={"grade": false, "grade_id": "14-2-lost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lost(gradient, dtype, scale=1):
    ### BEGIN SOLUTION
    there = gradient[gradient != 0]
    if not len(there):
        return 0.0, 0.0
    rounded = (scale * there).to(dtype)
    return (rounded == 0).float().mean().item(), rounded.isinf().float().mean().item()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "14-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_lost(lost)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 14, "Measure". You can now ask this of a gradient of your own.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# The accuracy is that of a guess. "Underflow it cannot be", says the colleague: "the loss is scaled. Lower the rate."


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    hidden=32,
    softmax=False,
    layers="float16",
    loss_weight=1e-7,
    scale=16.0,
    lr=0.01,
    epochs=5,
):
    """Train on some of the digits, judge on others.

    divide_by: the pixels come as 0 to 16
    softmax: whether a softmax is put behind the last layer
    layers: the type that the layers compute in: "float16", "bfloat16" or "float32"
    loss_weight: what the loss counts for
    scale: what the loss is multiplied by for the way back
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), train_size=480, test_size=400, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, 10))
    if softmax:
        model.append(nn.Softmax(dim=1))
    dtype = getattr(torch, layers)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, eps=1e-15)

    losses, batches, gradients = [], [], []
    weights = [parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(40):
            inputs, labels = train[batch]
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
                outputs = model(inputs)
            loss = loss_weight * loss_fn(outputs.float(), labels)
            (scale * loss).backward()
            for parameter in model.parameters():
                parameter.grad /= scale
            gradients.append(parameters_to_vector([p.grad for p in model.parameters()]))
            optimizer.step()
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
        "gradients": gradients,
        "weights": weights,
        "accuracy": accuracy,
    }


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model, the two
# data sets, the losses, the accuracy on the held-out rows, `"batches"`: the row numbers of each batch, `"gradients"`:
# the gradient of each step as one long vector, as the optimizer gets it, and `"weights"`: all weights likewise, at the
# start and after each step. Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: inputs on very different scales reach the network
#    - `"B"`: the steps are too large from the first on
#    - `"C"`: most of the gradient becomes 0 on its way back
#    - `"D"`: gradients or weights become NaN or infinite
#    - `"E"`: the loss is fed with probabilities, and wants logits
#    - `"F"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.001}`; or `{}` if nothing needs a change. The check runs at most 20
#    epochs and 256 hidden units, a rate up to 10, a loss_weight from 1e-12 to 1 and a scale from 2**-20 to 2**60.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, your change must bring the accuracy on held-out rows
# to at least 0.85, and the cause must be gone.

# %% tags=["solution-only"]
run = experiment(0)
twin = experiment(0, epochs=1)["model"]
nn.utils.vector_to_parameters(run["weights"][0].clone(), twin.parameters())  # as at the start
x, y = run["train"].tensors
batch = run["batches"][0]
loss = nn.functional.cross_entropy(twin(x[batch]), y[batch])
true = parameters_to_vector(torch.autograd.grad(loss, list(twin.parameters())))
for words, options in [
    ("as it is", {}),
    ("scale 1024", {"scale": 1024.0}),
    ("scale 2**20", {"scale": 2.0**20}),
]:
    got = experiment(0, epochs=1, **options)["gradients"][0]
    print(f"{words:>11}: {(got[true != 0] == 0).float().mean():.0%} of the first gradient is lost")

# %% [markdown] tags=["solution-only"]
# The loss is scaled, by 16. It counts for a ten millionth, so what goes back is still small: loss_weight times
# scale is what arrives. That there is a scale does not say that it is large enough.


# %% nbgrader={"grade": false, "grade_id": "14-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # a scale that makes up for loss_weight; layers="bfloat16" heals too
    return "C", {"scale": 2.0**20}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "14-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 14, "Find where it breaks". That a remedy is there does not say that it works.
#
# </details>

# %% [markdown] minutes=6 tags=["optional"]
# ## Optional · The same sum in every order
#
# **Write** a sum of float32 numbers that is the same, to the last bit of a float32, in whatever order they come.
#
# - `numbers`: a numpy array of float32, of shape (count,).
# - Back comes their sum. The check rounds it to float32.
#
# **The check** adds two thousand numbers in twelve orders, and four of which nearly all cancels.


# %% nbgrader={"grade": false, "grade_id": "14-4-steady-sum", "locked": false, "schema_version": 3, "solution": true, "task": false}
def steady_sum(numbers):
    ### BEGIN SOLUTION
    import math

    return math.fsum(numbers.tolist())  # it rounds once, at the end
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "14-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_steady_sum(steady_sum)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 14, "The same seed, another number".
#
# </details>
#
# **Next:** lesson 15, [`15_the_procedure.ipynb`](../notebooks/15_the_procedure.ipynb).
