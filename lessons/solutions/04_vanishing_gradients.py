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
# # Exercise 04 · Ten layers, and the loss stands still
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_fill.hint(1)` is a nudge,
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
from coursekit.checks.vanishing_gradients import (
    check_deep_network,
    check_diagnose,
    check_fill,
    check_gradient_norms,
)

torch.set_num_threads(1)

# %% [markdown] minutes=4
# ## Task 1 · Complete a line
#
# A signal that goes through twenty layers must neither fade nor blow up.
#
# **Write** the one line that is missing: it fills `layer.weight` with random numbers of the right
# size.
#
# - `layer`: an `nn.Linear`; its weight has the shape (outputs, inputs).
# - `activation`: what will stand behind it: `"relu"`, `"tanh"` or `"linear"` (nothing).
# - Nothing comes back: the weight is changed in place, the bias stays as it is.
#
# **The check** builds stacks of twenty layers, some with as many outputs as inputs and some not, sends
# random rows through (mean 0, standard deviation 1) and reads the size of the signal behind the
# last layer: the root of the mean square. In the middle over several stacks it must lie between 1/3
# and 3. Tanh squeezes, so behind it 0.1 is enough; but at most a quarter of its outputs may lie beyond
# ±0.97, where it is flat.


# %% nbgrader={"grade": false, "grade_id": "04-1-fill", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fill(layer, activation):
    ### BEGIN SOLUTION
    nn.init.kaiming_normal_(layer.weight, nonlinearity=activation)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "04-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_fill(fill)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 04, "Just use ReLU?": a sum of *n* products has *n* times the
# variance of a weight, and what ReLU drops has to come back.
#
# </details>

# %% [markdown] minutes=7
# ## Task 2 · Measure the cause
#
# **Write** the measurement of the lesson for any model: the gradient norm of each layer.
#
# - `model`: any network. Its layers are all the `nn.Linear` in `model.modules()`, in that order.
# - `loss_fn`, `x`, `y`: a loss function, and one batch. `x` has the shape (rows, features).
# - Back comes one number for each layer, shape (layers,): the root of the sum of the squares of
#   the gradient of its *weight*. The bias does not count.
#
# **The check** calls `gradient_norms` on networks whose norms can be worked out by hand, and on ten
# layers of sigmoid and of tanh. Afterwards the weights and the data must be as they were, and your
# function may leave no gradient in the model. A gradient that an earlier batch left there must not
# count.


# %% nbgrader={"grade": false, "grade_id": "04-2-gradient-norms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_norms(model, loss_fn, x, y):
    ### BEGIN SOLUTION
    weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]
    # autograd.grad hands the gradients over and leaves .grad alone, unlike backward()
    gradients = torch.autograd.grad(loss_fn(model(x), y), weights)
    return torch.stack([gradient.norm() for gradient in gradients])  # (layers,)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "04-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_gradient_norms(gradient_norms)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 04, "Measure". You can now take this picture of a model of your own,
# before you train it.
#
# </details>

# %% [markdown] minutes=8
# ## Task 3 · A script from a colleague
#
# Seven layers, and it learns badly. "Vanishing gradients", says the colleague, "I have read about
# them." Is it so?


# %%
def experiment(
    seed,
    *,
    depth=6,
    activation="tanh",
    init="xavier",
    batchnorm=False,
    divide_by=16.0,
    lr=0.1,
    momentum=0.0,
    decay=0.75,
    epochs=6,
):
    """Train on six tenths of the digits, judge on the others.

    activation: "tanh", "relu" or "sigmoid"
    init: "xavier", "he" or None, which leaves the weights as PyTorch drew them
    divide_by: the pixels come as 0 to 16
    decay: what the learning rate is multiplied by as training goes on
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, held_out = train_test_split(
        np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed
    )
    x, y = torch.tensor(x / divide_by, dtype=torch.float32), torch.tensor(y)
    train, test = TensorDataset(x[rows], y[rows]), TensorDataset(x[held_out], y[held_out])

    torch.manual_seed(seed)
    kinds = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
    layers = []
    for _ in range(depth):
        norm = [nn.BatchNorm1d(64)] if batchnorm else []
        layers += [nn.Linear(64, 64), *norm, kinds[activation]()]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    for layer in model:
        if isinstance(layer, nn.Linear) and init == "xavier":
            nn.init.xavier_uniform_(layer.weight)
        elif isinstance(layer, nn.Linear) and init == "he":
            nn.init.kaiming_normal_(layer.weight)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=decay)

    losses, weights = [], [nn.utils.parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(32):
            inputs, labels = train[batch]
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
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
#    - `"E"`: the steps are, or become, too small
#    - `"F"`: nothing, the script is healthy
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 30
#    epochs and at most 12 layers.
#
# **The check** runs the script on two seeds that you have not tried, without your change and with
# it. Your letter must be what is measured, and your change must bring the accuracy on held-out rows
# to at least 0.85.

# %% tags=["solution-only"]
run = experiment(0)
weights = run["weights"]  # 7 vectors: the start, and one after each epoch
for epoch in range(1, 7):
    moved = (weights[epoch] - weights[epoch - 1]).norm() / weights[0].norm()
    print(f"epoch {epoch}: the weights moved by {moved:.1%} of their size")

fresh = experiment(0, epochs=0)
norms = gradient_norms(fresh["model"], nn.CrossEntropyLoss(), *fresh["train"].tensors)
print(f"gradient of the first layer over the last one's, at the start: {norms[0] / norms[-1]:.1g}")

# %% [markdown] tags=["solution-only"]
# Every layer gets a gradient of about the same size, so nothing vanishes. But after the first epoch the
# weights stand still: `scheduler.step()` stands in the inner loop, and multiplies the learning rate by
# 0.75 after every *batch*. Within one epoch nothing is left of it.


# %% nbgrader={"grade": false, "grade_id": "04-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # more epochs change nothing at all: no step is left to be taken in them
    return "E", {"decay": 1.0}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "04-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 04, "Measure", and lesson 03. A deep network that does not learn need
# not have the fault of deep networks.
#
# </details>

# %% [markdown] minutes=12 tags=["optional"]
# ## Optional · Thirty layers
#
# Make thirty hidden layers learn, in any way you like, but without changing the depth.
#
# **Write** `deep_network(seed)`. Back come two things:
#
# 1. a model from 64 pixels (0 to 1) to 10 *logits*, one output a class, with at least 30 hidden `nn.Linear(64, 64)`, each
#    behind the one before, and whatever else you want between them;
# 2. an optimizer that holds its parameters.
#
# Draw the weights after `torch.manual_seed(seed)`.
#
# **The check** trains it with the plain loop and cross-entropy for five epochs on the digits, in batches
# of 32, for two seeds. The accuracy on rows that it never saw must be at least 0.75 on both. Each
# of the thirty layers must count: without it, the logits change.


# %% nbgrader={"grade": false, "grade_id": "04-4-deep-network", "locked": false, "schema_version": 3, "solution": true, "task": false}
def deep_network(seed):
    ### BEGIN SOLUTION
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 64)
            nn.init.kaiming_normal_(self.linear.weight)

        def forward(self, inputs):  # (rows, 64)
            return inputs + torch.relu(self.linear(inputs)) / 30**0.5

    torch.manual_seed(seed)
    model = nn.Sequential(*[Residual() for _ in range(30)], nn.Linear(64, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.05)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "04-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_deep_network(deep_network)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 04, "Forty layers".
#
# </details>
#
# **Next:** lesson 05, [`05_wrong_loss.ipynb`](../notebooks/05_wrong_loss.ipynb).
