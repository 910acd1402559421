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
# # Exercise 15 · Nothing that I change helps
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_parts.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit import check_up
from coursekit.cases.rows import tensors, wine
from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.the_procedure import (
    check_first_off,
    check_keeps_old,
    check_parts,
    check_stands_still,
)

torch.set_num_threads(1)

# %% [markdown] minutes=5
# ## Task 1 · A line of the routine
#
# **Write** the measurement behind half of the line *loop*: which parameters does a loop not move?
#
# - `one_pass(batches)`: somebody's loop, once over these batches. It trains `model`, and returns nothing.
# - `model`: the network that it trains; `batches`: some batches for it.
# - Back comes a list of names, as in `model.named_parameters()`; empty if all parameters move, however little. Afterwards the
#   weights are what they were before.
#
# **The check** calls `stands_still` on seven loops: sound ones, and loops in which layers stand still for different reasons.


# %% nbgrader={"grade": false, "grade_id": "15-1-stands-still", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stands_still(one_pass, model, batches):
    ### BEGIN SOLUTION
    import copy

    before = copy.deepcopy(model.state_dict())  # state_dict() alone would be the weights themselves
    one_pass(batches)
    still = [name for name, w in model.named_parameters() if torch.equal(w, before[name])]
    model.load_state_dict(before)
    return still
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "15-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_stands_still(stands_still)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 15, "Measure", and lesson 06.
#
# </details>

# %% [markdown] minutes=8
# ## Task 2 · Until every line is well
#
# A colleague's network for the wines (thirteen measurements, scaled; three classes) does not learn. "I have tried every one of your
# remedies", says the colleague. "None of them helps."


# %%
def colleague(x, y):
    """x: (rows, features), scaled; y: (rows,), class numbers from 0 on."""
    torch.manual_seed(0)
    features, classes = x.shape[1], int(y.max()) + 1
    model = nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, classes), nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0001)
    model[0] = nn.Linear(features, 16)  # the first layer once more, freshly drawn
    loss_fn = nn.CrossEntropyLoss()
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)

    def one_pass(batches):
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()

    return one_pass, model, loader, loss_fn, optimizer


# %% [markdown]
# `check_up` is the routine of the lesson. Its last line gets 120 batches here, about as many as in seventeen passes, and up to four times
# as many while its loss falls.

# %%
x, y = tensors(wine(0)[0], "cpu").tensors  # (106, 13), (106,)
check_up(*colleague(x, y), steps=120)  # a pass is 7 batches of 16 rows; 17 passes are 119

# %% [markdown]
# **Write** `parts`: the same five things, mended. Copy the colleague's code, mend the first line of the routine that is off,
# and measure again: `check_up(*parts(x, y), steps=120)`. The model comes fresh, and the loop trains on `loss_fn(model(inputs), labels)`.
#
# **The check** builds your parts on two data sets: other wines, and the breast masses of the lesson, with thirty features and two classes.
# Every line must be well. After fifteen calls of `one_pass(loader)`, all parameters must have moved, and the accuracy be at least 0.85 on held-out rows.


# %% nbgrader={"grade": false, "grade_id": "15-2-parts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def parts(x, y):
    ### BEGIN SOLUTION
    torch.manual_seed(0)
    features, classes = x.shape[1], int(y.max()) + 1
    model = nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made last, of what the model holds
    loss_fn = nn.CrossEntropyLoss()  # takes logits: no softmax before it
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)

    def one_pass(batches):
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()

    return one_pass, model, loader, loss_fn, optimizer
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "15-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_parts(parts)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 15, "Measure"; lessons 05, 06 and 03.
#
# </details>

# %% [markdown] minutes=6
# ## Task 3 · What to mend first
#
# **Write** the reading of the routine: from the measurements of a run, the line to mend first.
#
# | line | well, if |
# |---|---|
# | `"rows"` | `found["largest"]`, the size of the largest column, is below 20 |
# | `"first loss"` | `found["first"]` is below three times `found["guess"]` |
# | `"loss"` | `found["cost"]`, what a right and certain answer costs, is next to nothing: less than a tenth of a guess away from 0 |
# | `"loop"` | `found["old"]` is False, and `found["still"]`, a list of names, is empty |
# | `"gradients"` | `found["weakest"]`, the weakest layer over the strongest, is above 1/30 |
# | `"step"` | `found["step"]` is between 0.0001 and 0.3 |
# | `"rate"` | `found["left"]`, what is left of the learning rate, is above 0.1 |
# | `"one batch"` | `found["heart"]`, the loss at the end, is below 0.3 guesses |
#
# (The line *neighbours* of `check_up` is left out.)
#
# Back comes the name of a line, or `None` if the run is healthy. A measurement can be `nan`: such a line is not well.
#
# **The check** calls `first_off` on measurements like those of the lessons: one fault, several, none. A sound one:

# %%
sound = {
    "largest": 1.0, "guess": 0.69, "first": 0.68, "cost": 0.0, "old": False, "still": [],
    "weakest": 0.31, "step": 0.0098, "left": 1.0, "heart": 0.002,
}  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "15-3-first-off", "locked": false, "schema_version": 3, "solution": true, "task": false}
def first_off(found):
    ### BEGIN SOLUTION
    guess = found["guess"]
    well = {  # a comparison with NaN is False: such a line is not well
        "rows": found["largest"] < 20,
        "first loss": found["first"] < 3 * guess,
        "loss": abs(found["cost"]) < 0.1 * guess,
        "loop": not found["old"] and not found["still"],
        "gradients": found["weakest"] > 1 / 30,
        "step": 0.0001 < found["step"] < 0.3,
        "rate": found["left"] > 0.1,
        "one batch": found["heart"] < 0.3 * guess,
    }
    for line, holds in well.items():
        if not holds:
            return line
    return None
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "15-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_first_off(first_off)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 15, "Measure". For runs with more measurements than these: `coursekit quiz`.
#
# </details>

# %% [markdown] minutes=6 tags=["optional"]
# ## Optional · Does the loop keep old gradients?
#
# **Write** the other half of the line *loop*: does a step use gradients of an earlier batch?
#
# - `one_pass(batches)`, `model`, `batches`: as in task 1; there are two batches. `optimizer`: the one whose `step()` the loop calls.
# - Back comes True or False. Afterwards the weights are what they were, and the optimizer has no hook left.
#
# Helpful: `optimizer.register_step_pre_hook(function)` and `optimizer.register_step_post_hook(function)` call
# `function(optimizer, args, kwargs)` before and after each step; what they return has a `remove()`.
#
# **The check** calls `keeps_old` on seven loops: `zero_grad` before `backward()`, after the step, once a pass, never …


# %% nbgrader={"grade": false, "grade_id": "15-4-keeps-old", "locked": false, "schema_version": 3, "solution": true, "task": false}
def keeps_old(one_pass, model, optimizer, batches):
    ### BEGIN SOLUTION
    import copy

    before, seen = copy.deepcopy(model.state_dict()), []

    def look(*_):
        seen.append(
            any((w.grad.abs() > 1e5).any() for w in model.parameters() if w.grad is not None)
        )

    def mark(*_):
        for w in model.parameters():
            if w.grad is not None:
                w.grad.fill_(1e6)

    hooks = [optimizer.register_step_pre_hook(look), optimizer.register_step_post_hook(mark)]
    one_pass(batches)
    for hook in hooks:
        hook.remove()
    model.load_state_dict(before)
    return bool(any(seen))
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "15-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_keeps_old(keeps_old)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 15, "Measure".
#
# </details>
#
# **Next:** a model of your own. Begin where its symptom stands in [lesson 00](../notebooks/00_start_here.ipynb).
