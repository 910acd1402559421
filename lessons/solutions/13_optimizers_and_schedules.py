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
# # Exercise 13 · With the weight decay from the paper, the network learns nothing
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_decaying_step.hint(1)` is a nudge,
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
from coursekit.checks.optimizers_and_schedules import (
    check_decaying_step,
    check_diagnose,
    check_planned_rates,
    check_pulls,
)

torch.set_num_threads(1)

# %% [markdown] minutes=5
# ## Task 1 · The decay beside the gradient
#
# **Write** one step of training with a weight decay that works the same way in every optimizer.
#
# - `model`, `loss_fn`, `optimizer`, and the batch `x`, `y`: as in any loop. The optimizer was made without a weight decay.
# - `decay`: in the step, every weight that the optimizer holds (biases too) loses rate × `decay` of itself. The rate is the optimizer's own. An optimizer may
#   have several groups of weights, each with its own rate.
# - What the optimizer does with the gradient of the data does not depend on the decay.
# - Nothing comes back.
#
# **The check** takes two steps with Adam, and compares them with AdamW's; and two with SGD: with momentum and two rates, with a rate that
# drops in between, and after an earlier batch has left its gradient.


# %% nbgrader={"grade": false, "grade_id": "13-1-decaying-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def decaying_step(model, loss_fn, optimizer, x, y, decay):
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    with torch.no_grad():
        for group in optimizer.param_groups:
            for weight in group["params"]:
                weight *= 1 - group["lr"] * decay
    optimizer.step()
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "13-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_decaying_step(decaying_step)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 13, "The cause".
#
# </details>

# %% [markdown] minutes=5
# ## Task 2 · Measure the cause
#
# **Write** the measurement that tells, before any training, whether an L2 term would win against the data.
#
# - `model`, `loss_fn`, and a batch `x`, `y`. The model holds `nn.Linear` layers, and others, but no BatchNorm.
# - `decay`: the weight decay, in the meaning of `torch.optim.Adam`.
# - Back comes one number for the weight of each `nn.Linear`, in order: the length of the L2 term that this decay would add, over the length
#   of the gradient of the loss in that weight. A *length* is the root of the sum of the squares of all entries.
#
# **The check** calls `pulls` on four networks, one with layers inside layers, at two decays, and on a model that has a gradient from an earlier batch. Model and rows must stay as they
# were, `.grad` too.


# %% nbgrader={"grade": false, "grade_id": "13-2-pulls", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pulls(model, loss_fn, x, y, decay):
    ### BEGIN SOLUTION
    weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]
    gradients = torch.autograd.grad(loss_fn(model(x), y), weights)  # leaves nothing in .grad
    return [
        (decay * weight.norm() / gradient.norm()).item()
        for weight, gradient in zip(weights, gradients, strict=True)
    ]
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "13-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_pulls(pulls)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 13, "Measure".
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# The loss stays at 2.3. "I did take weight decay into account", says the colleague. "The rate times the decay times the number of steps is
# less than a twentieth, so it is not that. The rate is too low, or three layers are too deep."


# %%
def experiment(
    seed,
    *,
    divide_by=16.0,
    hidden=32,
    weight_size=1.0,
    batch_size=64,
    method="Adam",
    lr=0.003,
    weight_decay=0.1,
    epochs=8,
):
    """Train on six tenths of the digits, judge on the others.

    divide_by: the pixels come as 0 to 16
    weight_size: the first weights, as a multiple of PyTorch's own
    method: the name of an optimizer in torch.optim
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    layers = [nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(hidden, 10))
    for weight in model.parameters():
        weight.data *= weight_size
    loss_fn = nn.CrossEntropyLoss()
    optimizer = getattr(torch.optim, method)(model.parameters(), lr=lr, weight_decay=weight_decay)

    losses = []
    weights = [parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(batch_size):
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
#    - `"D"`: the rate is wrong: ten times as high or as low, it would train
#    - `"E"`: the decay takes the weights: at the end they have less than half of their size
#    - `"F"`: the network is too small
#    - `"G"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"epochs": 9}`; or `{}` if nothing needs a change. The check runs at most 20
#    epochs and 256 hidden units, batches of 8 to 400 rows, and a rate, a weight_decay or a weight_size up to 10.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, and your change must act on its cause, and bring the
# accuracy on held-out rows to at least 0.8.

# %% tags=["solution-only"]
run = experiment(0)
model, (x, y) = run["model"], run["train"].tensors
sizes = [weights.norm().item() for weights in run["weights"]]
print(f"all weights have {sizes[-1] / sizes[0]:.1f} times the size of the start")
print(f"the reckoning of lesson 10, over all steps: {0.003 * 0.1 * len(run['losses']):.2f}")
nn.utils.vector_to_parameters(run["weights"][0].clone(), model.parameters())
ratios = pulls(model, nn.functional.cross_entropy, x, y, 0.1)
print("L2 term over gradient, at the start: " + ", ".join(f"{ratio:.1f}" for ratio in ratios))

# %% [markdown] tags=["solution-only"]
# The weights run to nothing, and the reckoning of lesson 10 cannot say why: with Adam it does not hold. The L2 term is the larger part of the
# gradient from the start, and Adam makes a full step of it. AdamW heals it with the same decay; so does Adam with a far
# smaller one. No rate and no wider network that the check tries does.


# %% nbgrader={"grade": false, "grade_id": "13-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # the same decay, taken beside the gradient
    return "E", {"method": "AdamW"}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "13-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 13, "Measure" and "The fix".
#
# </details>

# %% [markdown] minutes=6 tags=["optional"]
# ## Optional · See a schedule before you train
#
# **Write** the list of rates that a scheduler is going to use.
#
# - `make_scheduler`: a function; `make_scheduler(optimizer)` gives back a scheduler for it.
# - `lr`: the rate that the optimizer is made with.
# - `steps`: how often the scheduler is stepped in training (per epoch, or per batch: that is up to the loop).
# - Back comes a list of `steps` numbers: the rate in force *before* each of these calls, so the first belongs to the first epoch (or batch).
#
# **The check** calls `planned_rates` on four schedulers that need no loss.


# %% nbgrader={"grade": false, "grade_id": "13-4-planned-rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def planned_rates(make_scheduler, lr, steps):
    ### BEGIN SOLUTION
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()  # no gradient: nothing moves
        scheduler.step()
    return rates
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "13-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_planned_rates(planned_rates)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 13, "Excellent at half time, bad at the end".
#
# </details>
#
# **Next:** lesson 14, [`14_precision_and_devices.ipynb`](../notebooks/14_precision_and_devices.ipynb).
