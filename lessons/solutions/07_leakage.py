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
# # Exercise 07 · Five in ten in validation, one in ten on new rows
#
# Three tasks, 20 minutes, and an optional one. Run the set-up cell first. After it, the tasks stand
# on their own: do them in any order.
#
# Each task has a function to fill in and a check below it. The check **runs** your function and
# looks at what it does; how you write it is up to you. A check that does not pass says what it saw
# and gives a first hint. There are three hints to a task: `check_choose.hint(1)` is a nudge,
# `hint(2)` points to a measurement, `hint(3)` is nearly the answer.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import NotAnswered  # noqa: F401 (a blank raises it)
from coursekit.checks.leakage import (
    check_choose,
    check_diagnose,
    check_shuffled_estimates,
    check_split,
)

torch.set_num_threads(1)

# %% [markdown] minutes=4
# ## Task 1 · Complete a line
#
# Choose columns without looking at what they will be judged by.
#
# **Write** the one line that is missing: which *k* columns tell the classes apart best?
#
# - `x`: the whole table, a numpy array of shape (all rows, columns). `y`: the class of each row.
# - `rows`: the numbers of the training rows.
# - Back comes a list or an array: the numbers of k different columns, in any order.
#
# **The check** calls `choose` on tables in which some columns separate the classes plainly, and on
# tables of chance. It calls it again with other labels, and with other values, in the rows that are *not*
# for training: the same columns must come back.


# %% nbgrader={"grade": false, "grade_id": "07-1-choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose(x, y, rows, k):
    ### BEGIN SOLUTION
    return SelectKBest(k=k).fit(x[rows], y[rows]).get_support(indices=True)
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "07-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check_choose(choose)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 07, "The fix".
#
# </details>

# %% [markdown] minutes=6
# ## Task 2 · Measure the cause
#
# **Write** the test that every estimate must pass: what does it say of shuffled labels?
#
# - `estimate`: a function. `estimate(x, y)` does everything, from the choice of columns to the accuracy, and
#   gives back one number.
# - `x`, `y`: the table, shape (rows, columns), and the label of each row, shape (rows,).
# - Back come `times` numbers: what `estimate` says of the same rows and labels, when the labels are shuffled, each
#   time anew.
#
# **The check** hands over estimates that write down what they are given. Each label must still be there as
# often as before, and belong to another row than before but for chance. `x` and `y` must stay as they are.


# %% nbgrader={"grade": false, "grade_id": "07-2-shuffled-estimates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shuffled_estimates(estimate, x, y, times):
    ### BEGIN SOLUTION
    order = np.random.default_rng(0)
    return [estimate(x, order.permutation(y)) for _ in range(times)]
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "07-2-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_shuffled_estimates(shuffled_estimates)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 07, "Measure", and its limit, "Someone on both sides".
#
# </details>

# %% [markdown] minutes=9
# ## Task 3 · A script from a colleague
#
# One biopsy in ten counts as asymmetric. A network predicts which ones from the other
# measurements, and validation is full of praise. "I have read lesson 07", says the colleague. "My scaler has
# seen all rows. Is it that?"


# %%
def experiment(
    seed, *, repeat="table", scale_on="all", keep=20, lr=0.01, epochs=40, hidden=128
):  # fmt: skip
    """Train on some biopsies, estimate on others, and look at new ones.

    repeat: "table" repeats the rare rows of all that is known, "training" those of the
        training rows, None repeats nothing
    scale_on: the rows that the scaler is fitted on, "all" or "training"
    keep: how many columns are kept
    """
    if repeat not in ("table", "training", None):
        raise ValueError(f"repeat is {repeat!r}; give 'table', 'training' or None")
    table = load_breast_cancer().data  # (569, 30)
    y = (table[:, 8] > np.quantile(table[:, 8], 9 / 10)).astype(int)  # 8 is the mean symmetry
    x = np.delete(table, [8, 18, 28], axis=1)  # (569, 27), nothing about symmetry

    def balanced(rows):
        times = np.where(y[rows] == 1, (y[rows] == 0).sum() // (y[rows] == 1).sum(), 1)
        return rows.repeat(times)

    known, new = train_test_split(np.arange(569), test_size=0.4, stratify=y, random_state=seed)
    if repeat == "table":
        known = balanced(known)
    rows, val_rows = train_test_split(known, test_size=0.5, stratify=y[known], random_state=seed)
    if repeat == "training":
        rows = balanced(rows)

    seen = {"all": np.arange(569), "training": rows}[scale_on]
    x = (x - x[seen].mean(axis=0)) / x[seen].std(axis=0)
    kept = SelectKBest(k=keep).fit(x[rows], y[rows]).get_support(indices=True)
    features, labels = torch.tensor(x[:, kept], dtype=torch.float32), torch.tensor(y)
    train, val, later = (TensorDataset(features[r], labels[r]) for r in (rows, val_rows, new))

    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(keep, hidden), nn.ReLU(), nn.Linear(hidden, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        for batch in torch.randperm(len(train)).split(32):
            inputs, targets = train[batch]
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()

    model.eval()
    with torch.no_grad():
        estimate, accuracy = (
            balanced_accuracy_score(part.tensors[1], model(part.tensors[0]).argmax(dim=1))
            for part in (val, later)
        )
    return {
        "model": model, "train": train, "val": val, "new": later, "x": x, "y": y,
        "rows": rows, "kept": kept, "estimate": estimate, "accuracy": accuracy,
    }  # fmt: skip


# %% [markdown]
# Run it, measure it, take it apart in cells of your own. `experiment(0)` gives back the model; the three data sets
# as they reach the network; the whole table, the labels, the numbers of the training rows and of the columns
# that were kept; the estimate, and the accuracy on the new rows. (Both are the mean of the accuracy on the rare class and
# on the other: 0.5 is guessing.) Leave the script itself as it is.
#
# **Write** what you found. `diagnose` gives back two things:
#
# 1. a letter, what is the matter:
#    - `"A"`: inputs on very different scales reach the network
#    - `"B"`: new rows are prepared in another way than training rows
#    - `"C"`: the steps are so small, or so few, that not even the training rows are learnt
#    - `"D"`: the columns were chosen with other rows than the training rows in view
#    - `"E"`: validation rows are copies of training rows
#    - `"F"`: one column is the answer in disguise
#    - `"G"`: nothing, the estimate is honest
# 2. a dictionary, the change that heals it: exactly one keyword argument of `experiment` and its
#    value, such as `{"lr": 0.01}`; or `{}` if nothing needs a change. The check runs at most 60 epochs.
#
# **The check** runs the script on three seeds that you have not tried, without your change and with
# it. Your letter must be what is measured. With your change that cause must be gone, and the estimate may be
# above the accuracy on new rows by no more than 0.1, in the mean over the seeds.

# %% tags=["solution-only"]
for scale_on in ("all", "training"):
    run = experiment(0, scale_on=scale_on)
    gap = run["estimate"] - run["accuracy"]
    print(f"scaler fitted on {scale_on:<8}: the estimate is {gap:.1f} too good")
train, val, new = (run[part].tensors[0] for part in ("train", "val", "new"))
for name, part in [("validation", val), ("new", new)]:
    copies = (torch.cdist(part, train).min(dim=1).values < 0.01).float().mean()
    print(f"{name:>10}: {copies:.0%} of the rows are copies of a training row")

# %% [markdown] tags=["solution-only"]
# It is not the scaler. About half of the validation rows have a distance of nearly 0 to a training row: the rare rows
# were repeated *before* the split, so nearly each has a copy on the other side.


# %% nbgrader={"grade": false, "grade_id": "07-3-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose():
    ### BEGIN SOLUTION
    # fewer epochs would hide it: what is not learnt by heart is not recognised in its copy
    return "E", {"repeat": "training"}
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "07-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check_diagnose(diagnose, experiment)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 07, "The scaler that saw everything" and the sections before it.
#
# </details>

# %% [markdown] minutes=12 tags=["optional"]
# ## Optional · A split without copies
#
# A table holds copies, exact and noisy, and nobody noted which rows belong together.
#
# **Write** `split(x, distance, seed)`. Two rows that lie closer than `distance` to each other must come to the
# same side, and so must all that hang together by such steps: if A is close to B, and B to C, then A, B and C.
#
# - `x`: shape (rows, columns). `distance`: the length of the difference of two rows.
# - Back come two arrays of row numbers, for training and for validation. Each row is in exactly one of
#   them. Validation gets between 0.2 and 0.4 of the rows. Another `seed` gives another split.
#
# **The check** splits tables with exact copies, with noisy ones, with chains of rows, and with no copies at all.


# %% nbgrader={"grade": false, "grade_id": "07-4-split", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split(x, distance, seed):
    ### BEGIN SOLUTION
    from scipy.sparse.csgraph import connected_components
    from sklearn.model_selection import GroupShuffleSplit
    from sklearn.neighbors import radius_neighbors_graph

    _, families = connected_components(radius_neighbors_graph(x, distance))  # (rows,)
    by_family = GroupShuffleSplit(n_splits=1, test_size=0.3, random_state=seed)
    return next(by_family.split(x, groups=families))
    ### END SOLUTION


# %% tags=["check"] nbgrader={"grade": true, "grade_id": "07-4-check", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
check_split(split)

# %% [markdown]
# <details><summary>Where this comes from (after your attempt)</summary>
#
# Lesson 07, "Copies on both sides" and "Someone on both sides".
#
# </details>
#
# **Next:** lesson 08, [`08_missing_and_corrupted_data.ipynb`](../notebooks/08_missing_and_corrupted_data.ipynb).
