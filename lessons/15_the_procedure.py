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
# # 15 · Nothing that I change helps
#
# Thirty measurements of the cell nuclei in each of 569 images of breast masses: is the mass malignant (class 0) or benign
# (class 1)? The network gives one answer to all of them. Its owner has tried everything, one thing after the other.
#
# **You need:** lessons [01](01_unscaled_features.ipynb), [03](03_learning_rate.ipynb), [04](04_vanishing_gradients.ipynb) and [06](06_broken_loop.ipynb); better all of them. **You take home:** the checklist as one function that
# runs around your own loop, and a reason to measure before you change anything.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
from dataclasses import replace
from itertools import islice, product
from textwrap import fill, indent

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim import Adam

from coursekit import check_up, evidence, get_case, plots, widgets
from coursekit.cases.optimization.three_faults import TOLD  # the script, with three switches
from coursekit.cases.script import diff
from coursekit.documents import get_statement

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("three-faults")  # this lesson's failure, as functions you can call


def check(recipe, seed=0, show=True, steps=400):
    """check_up of a script of the catalogue: prints the lines, gives back those that are off."""
    run = recipe.build(seed=seed, device="cpu")

    def one_pass(batches):
        next(recipe.train(replace(run, train=batches)))  # the script's own loop, for one epoch

    found = check_up(
        one_pass, run.model, run.train, run.loss_fn, run.optimizer,
        scheduler=run.scheduler, steps=steps,
    )  # fmt: skip
    if show:
        print(found)
    return list(found.off)


def score(recipe, seed=0):
    """The accuracy of a run, or that it is no better than one answer for all rows."""
    accuracy = recipe.run(seed=seed)["test_accuracy"]
    return f"accuracy {accuracy:.2f}" if accuracy > 0.65 else "no better than one answer for all"


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=2
# ## A model that does not train

# %% tags=["failing-script"]
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import Sigmoid
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

x, y = load_breast_cancer(return_X_y=True)  # (569, 30), (569,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
x, y = (torch.tensor(x, dtype=torch.float32), torch.tensor(y))
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
widths = pairwise((30, 32, 32, 32, 32))
hidden = [layer for one, two in widths for layer in (nn.Linear(one, two), Sigmoid())]
model = nn.Sequential(*hidden, nn.Linear(32, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = SGD(model.parameters(), lr=0.1)

for epoch in range(25):
    for inputs, labels in loader:  # (32, 30), (32,)
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    inputs, labels = test.tensors
    logits = model(inputs)  # (114, 2)
    accuracy = (logits.argmax(dim=1) == labels).float().mean()
    loss = loss_fn(logits, labels)
    scores = {"test_accuracy": accuracy.item(), "test_loss": loss.item()}

# %%
print(f"accuracy of the network           {scores['test_accuracy']:.2f}")
print(f"always naming the larger class    {labels.bincount().max().item() / len(labels):.2f}")
print(f"different answers that it gives   {len(logits.argmax(dim=1).unique())}")

# %% [markdown] minutes=1
# ## Your prediction
#
# You may have seen something in the script already. Its owner has, too, makes one change at a time, and takes it back when it does not
# help. You keep each repair. There are three faults.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "15-how-many",
    "How many of the three must be mended before the accuracy beats always naming the larger class?",
    options={
        "A": "one, if it is the worst: each repair brings its share",
        "B": "two: with the third it becomes good",
        "C": "all three: up to then nothing moves",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=6
# ## Measure
#
# `check_up` makes one routine of the first lines of the checklist in lesson [00](00_start_here.ipynb), and of one that is not in
# that list, *neighbours*. It runs on a *fresh* model, around the script's own loop, and puts
# everything back afterwards. Two rules:
#
# 1. **Mend the first line that is off**, and that one only. A line further down may be off because of it.
# 2. **Keep the repair, and start again from the top.** The score decides nothing before every line is well. (It is printed here to
#    show what it would have told.)
#
# | line | measured | well, if | lesson |
# |---|---|---|---|
# | rows | size (root mean square) of the largest column that reaches the first weights | finite, at most 20 | [01](01_unscaled_features.ipynb), [08](08_missing_and_corrupted_data.ipynb) |
# | first loss | loss of a batch before any step | at most three times what a guess costs | [01](01_unscaled_features.ipynb), [12](12_exploding_gradients.ipynb) |
# | loss | what a right and certain answer costs | next to nothing | [05](05_wrong_loss.ipynb) |
# | loop | are gradients emptied; does every layer move | yes; yes | [06](06_broken_loop.ipynb) |
# | neighbours | how far a row's output moves when other rows of its batch do, in `eval()` | not at all | [05](05_wrong_loss.ipynb) |
# | gradients | the layer that gets least against the one that gets most | at least a thirtieth | [04](04_vanishing_gradients.ipynb), [12](12_exploding_gradients.ipynb) |
# | step | the first step, as a part of a layer's weights | 0.0001 to 0.3 | [03](03_learning_rate.ipynb) |
# | rate | what a schedule leaves of the learning rate after the first batches | more than a tenth | [03](03_learning_rate.ipynb), [13](13_optimizers_and_schedules.ipynb) |
# | one batch | loss after 400 batches, all of them the same; up to four times as many while it falls | below 0.3 of a guess | [00](00_start_here.ipynb) |
#
# The limits are wide on purpose: they find what stops a run, not what could be better. A line that cannot be judged is *open*. *One batch* is the last: it says **that**
# something is wrong, not what, and no one mends *it*. The checklist tries other rates (lesson [03](03_learning_rate.ipynb)); here the first step is measured.
#
# In the cells below, `TOLD` is the script with three switches (`emptied`: is `zero_grad` called?), `check` prints what `check_up` finds
# in it, and `score` trains it.
#
# **Round one**: the script as it is.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=None, emptied=False, activation=nn.Sigmoid)
check(script)
print("After training:", score(script))

# %% [markdown]
# More than one line is off. The first is the rows: a column far above the limit. The remedy is that of lesson [01](01_unscaled_features.ipynb): scale, with mean and
# spread of the training rows. The *first loss* does not tell: a sigmoid squashes any input to a number between 0 and 1.
#
# **Round two**, with scaled features.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=StandardScaler, emptied=False, activation=nn.Sigmoid)
check(script)
print("After training:", score(script))

# %% [markdown]
# The rows are well, and the score is where it was. Whoever goes by the score takes the scaler out again.
#
# The next line is the loop. How does `check_up` know? It puts a mark into `.grad` after a step, and looks for it in the next one:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = TOLD.having(scaler=StandardScaler, emptied=False).build(seed=0, device="cpu")
for inputs, labels in islice(run.train, 2):  # the script's own loop, two steps of it
    run.loss_fn(run.model(inputs), labels).backward()
    print(f"largest value in .grad: {max(w.grad.abs().max() for w in run.model.parameters()):.0e}")
    run.optimizer.step()
    for weight in run.model.parameters():
        weight.grad.fill_(1e6)  # the mark

# %% [markdown]
# Nobody emptied it: each step goes along the sum of all gradients so far. The remedy is that of lesson [06](06_broken_loop.ipynb).
#
# **Round three**, with `optimizer.zero_grad()` too.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=StandardScaler, emptied=True, activation=nn.Sigmoid)
check(script)
print("After training:", score(script))

# %% [markdown]
# Two real faults are gone, and nothing is gained. Of the lines that name a cause, one is left, the gradients: the first layer, `0.weight`,
# gets less than a thousandth of what the last one, `8.weight`, gets. Lesson [04](04_vanishing_gradients.ipynb): the activation.
#
# **Round four**, with ReLU.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=StandardScaler, emptied=True, activation=nn.ReLU)
check(script)
print("After training:", score(script))

# %% [markdown]
# Every line is well. Only now the score means something, and it is good.

# %% [markdown] minutes=2
# ## The cause
#
# Every way to mend none, some or all of three faults, its accuracy (median of the stored seeds), and the lines that are off
# with seed 0 (without *one batch*):

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
stored_as = {
    (0, 0, 0): "broken", (1, 0, 0): "scaled features alone", (0, 1, 0): "zero_grad alone",
    (0, 0, 1): "ReLU alone", (1, 1, 0): "scaled features and zero_grad",
    (1, 0, 1): "scaled features and ReLU", (0, 1, 1): "zero_grad and ReLU", (1, 1, 1): "fixed",
}  # fmt: skip
print("scaled  zero_grad  ReLU   accuracy (median)  lines that are off")
for mended in sorted(product((0, 1), repeat=3), key=sum):
    scaled, emptied, relu = mended
    off = check(
        TOLD.having(
            scaler=StandardScaler if scaled else None,
            emptied=bool(emptied),
            activation=nn.ReLU if relu else nn.Sigmoid,
        ),
        show=False,
        steps=1,
    )
    off = [line for line in off if line != "one batch"]
    marks = "  ".join(f"{'yes' if one else ' . ':^7}" for one in mended)
    median = np.median(stored_scores[stored_as[mended]])
    print(f"{marks}   {median:.2f}         {', '.join(off) or 'none'}")
larger = load_breast_cancer().target.mean()
print(f"one answer for all: {larger:.2f} (the larger class) or {1 - larger:.2f}")

# %% [markdown]
# Read the accuracies down: at this rate, with SGD, **the score is an *and*.** It is healthy in the last row. In the seven others it is what one
# answer for all rows reaches (the larger class or the smaller, by the seed). Whoever judges each change by the score finds that none of them works, and takes all of them back.
#
# Read the lines: `rows`, `loop` and `gradients` **each see their own fault**, whatever the other two do. In the two rows with raw features and ReLU
# `step` is off too, with this seed. It needs no repair of its own: scaling mends it. That is why the first line comes first.
#
# The opposite happens too. One fault left, and Adam in place of SGD:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for left, switches in {
    "raw features": {"scaler": None, "emptied": True, "activation": nn.ReLU},
    "no zero_grad": {"scaler": StandardScaler, "emptied": False, "activation": nn.ReLU},
    "sigmoid": {"scaler": StandardScaler, "emptied": True, "activation": nn.Sigmoid},
}.items():
    script = TOLD.having(optimizer_type=Adam, lr=0.003, **switches)
    off = check(script, show=False, steps=1)
    print(f"{left:<13} {score(script)}; first line that is off: {off[0]}")

# %% [markdown]
# The score is good, and the fault is there. The score shows a fault in one setting and hides it in the next. The line sees it in both.

# %% [markdown] minutes=1
# ## The fix

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed, context=0))

# %% [markdown] minutes=2
# ## The wrong fixes
#
# What people try on the script as it is, and below it each repair and each pair of repairs, on seeds that nobody tuned on:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
rivals = [rival.name for rival in CASE.rivals]
order = ["broken", *rivals[6:], *rivals[:6], "fixed"]
figure, ax = plt.subplots(figsize=(6.4, 4.2))
plots.plot_scores({name: stored_scores[name] for name in order}, ax=ax, baseline=0.63,
                  baseline_label="always the larger class")  # fmt: skip
left = np.concatenate([stored_scores[name] for name in order[:-1]])  # runs with a fault left
alone = np.abs(np.subtract.outer(left, [0.37, 0.63])).min(axis=1) > 0.02
print(
    f"with a fault left, {alone.sum()} of {len(left)} runs is at neither 0.37 nor 0.63: "
    f"{left[alone].round(2)}"
)
plt.show()

# %% [markdown]
# **Figure.** Test accuracy, one mark a seed: with popular remedies, with each repair alone and with each pair it lies at one of two
# values, as in the broken run: that of the larger class, or of the smaller (one run lies between). All three together lie far to the right.
#
# The six repairs are no wrong fixes. They are right, and not enough. By their score you cannot tell them from
# four times the epochs. By their line you can.

# %% [markdown] minutes=2
# ## Tick them yourself
#
# The control begins with the script: raw features, no `zero_grad`, sigmoid. The dashed accuracy jumps between two
# values: one for each class that is named for all rows. Mend one, then another, in any order. At which repair does your curve end above both? And with
# all three mended: un-mend one.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "scaler", "emptied", "activation", recipe=TOLD)

# %% [markdown]
# **Figure.** Training loss, and below it the accuracy on validation rows after each epoch, of the script as it is; each setting draws its own run
# over it.
#
# <details><summary><b>What there is to find</b></summary>
#
# With scaled features and ReLU the accuracy rises for a while, and comes back. It ends high with the third repair only, in whatever order.
#
# </details>

# %% [markdown] minutes=1
# ## Is it always so?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
names = ["broken", "scaled features and zero_grad", "fixed"]
for row in evidence.verify(CASE, seeds=[2000], only=names):
    verdict = "learns" if row.scores["test_accuracy"] > 0.8 else "no better than one answer for all"
    print(f"seed 2000, {row.recipe}: {verdict}")
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
best = max(max(kept) for name, kept in stored_scores.items() if name not in ("fixed", "healthy"))
print(f"{len(stored_scores['broken'])} seeds: the best of all runs with a fault left {best:.2f}, "
      f"the worst without {min(stored_scores['fixed']):.2f}")  # fmt: skip
for seed in (1, 2):
    rounds = (
        TOLD.having(scaler=scaler, emptied=emptied)
        for scaler, emptied in [(None, False), (StandardScaler, False), (StandardScaler, True)]
    )
    first = [check(recipe, seed, show=False, steps=1)[0] for recipe in rounds]
    print(f"seed {seed}: mended first {', then '.join(first)}")

# %% [markdown] minutes=2
# ## What the routine does not see
#
# Faults of other lessons, each alone. Which lines are off?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name in ("softmax-before-cross-entropy", "outliers-under-scaling", "unshuffled-loader",
             "momentum-too-high", "misaligned-labels"):  # fmt: skip
    case = get_case(name)
    found = check(case.broken, show=False)
    reached = case.broken.run(seed=0)["test_accuracy"]
    said = f"{reached:.1f}" if reached > 0.4 else "below 0.4"
    print(f"{name:<29} {', '.join(found) or 'all are well':<17} accuracy {said}")

# %% [markdown]
# The first is named. Of the second ([08](08_missing_and_corrupted_data.ipynb)) only *one batch* knows that something is wrong: then look for it by hand. The last three pass: classes
# that come one after the other ([06](06_broken_loop.ipynb)), momentum ([13](13_optimizers_and_schedules.ipynb)), labels of other rows ([08](08_missing_and_corrupted_data.ipynb)). One batch does not show
# what builds up over many, and the routine asks whether a network *can* learn these rows, not whether they are right.
#
# Nor does it look into your loop's loss: *first loss*, *loss* and *gradients* are those of `loss_fn(model(inputs), targets)`. A softmax
# that the loop adds is not seen.
#
# Nor does it look at a trained model. The other lines of lesson [00](00_start_here.ipynb) come after it: **modes** ([11](11_normalisation_layers.ipynb)),
# **schedule** at the end and **weights** ([13](13_optimizers_and_schedules.ipynb)), **capacity** ([10](10_capacity_and_overfitting.ipynb)), **score** ([09](09_accuracy_that_lies.ipynb)),
# **precision** ([14](14_precision_and_devices.ipynb)), **estimate** ([07](07_leakage.ipynb)), **in use** ([02](02_mismatched_transforms.ipynb)).
#
# And a line that is off is a question, not a verdict: above, Adam learnt with one.

# %% [markdown] minutes=3
# ## True, false, or does it depend?
#
# Four documents with advice on networks that do not train stand behind this course; `coursekit documents` lists what they state. Here are four
# statements, in our words. Commit yourself first; then each is *measured*, on three seeds.

# %% jupyter={"source_hidden": true}
for key, question in {
    "15-swish": "ELU or Swish in place of sigmoid or tanh mitigates vanishing gradients.",
    "15-flow": "A test transform unlike the training transform harms the flow of gradients.",
    "15-large": "With one feature a thousand times larger, gradient descent converges poorly.",
    "15-starved": "… because the optimizer cannot adjust the weights of the small feature.",
}.items():
    display(widgets.predict(key, question, options={"A": "true", "B": "false", "C": "it depends"}))

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, (measured, *shown) in {
    "elu-and-swish-prevent-vanishing": (
        "gradient of the first of ten layers, over that of the last (silu is Swish)",
        "sigmoid", "tanh", "elu", "silu",
    ),
    "mismatch-harms-gradient-flow": (
        "largest difference of any weight, after training with either transform",
        "largest_difference",
    ),
    "unscaled-converges-poorly": ("loss at the end", "raw", "scaled"),
    "small-feature-is-starved": ("how far the small feature's weights move", "raw", "scaled"),
}.items():  # fmt: skip
    statement = get_statement(name)
    numbers = statement.over(range(3))
    verdict = statement.judge(numbers)
    print(f"{'TRUE' if verdict == 'holds' else verdict.upper()}: {statement.says}")
    print(f"  Measured: {measured}")
    for key in shown:
        print(f"    {key:<20}{'  '.join(f'{seed[key]:<6.1g}' for seed in numbers)}")
    print(indent(fill(statement.finding, 90), "  ") + "\n")

# %% [markdown]
# The last two are a true symptom with a false reason: the symptom is measured in one place, the reason in another.

# %% [markdown] minutes=2
# ## What to remember
#
# - **Score last.** One fault can hide another, and a good score can hide one.
# - **The first line that is off**, then again from the top. A repair of its cause is kept, whatever the score says.
# - **All lines well, and no score**: the fault is in what the routine does not ask.
#
# **On your own model**: put your own names, and your own loop, into the next cell.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.fixed.build(seed=1, device="cpu")
my_model, my_loader = yours.model, yours.train
my_loss, my_optimizer = yours.loss_fn, yours.optimizer


def my_pass(batches):  # your own loop over the batches that it is given, as it stands
    for inputs, targets in batches:
        my_optimizer.zero_grad()
        loss = my_loss(my_model(inputs), targets)
        loss.backward()
        my_optimizer.step()


print(check_up(my_pass, my_model, my_loader, my_loss, my_optimizer))

# %% [markdown]
# What it wants: a model that is not trained yet; batches of (inputs, targets); and `my_loss` as your loop computes it: if the loop
# does more, such as one-hot targets, give a function that does it too. Schedulers that your loop steps are found and put back. What it does not
# see: your evaluation, and what the section *What the routine does not see* lists.
#
# For every step of a long run there is `coursekit.record(model, optimizer)`, and for practice `coursekit quiz`: runs whose cause you name from their
# measurements. Each line prints its lesson when it is the one to mend; from any other symptom the map in lesson [00](00_start_here.ipynb) leads on, or `coursekit symptoms`.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "15-how-many": widgets.Happened(
            "C", "all three", told_by="the score of each repair and each pair, on many seeds"
        ),
        "15-swish": widgets.Happened(
            "C", "it depends", told_by="the first layer's gradient, in place of sigmoid and of tanh"
        ),
        "15-flow": widgets.Happened("B", "false", told_by="the weights of both runs"),
        "15-large": widgets.Happened("A", "true", told_by="the loss, raw and scaled"),
        "15-starved": widgets.Happened("B", "false", told_by="how far each weight has come"),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/15_the_procedure.ipynb`](../exercises/15_the_procedure.ipynb). Twenty minutes, checked as you go. After it: a model of your own.
#
# What this course leaves out: networks that take days, several machines, text and speech models, and the question whether the data
# are worth learning from.
#
# <details><summary>Where this failure is described</summary>
#
# The four documents:
#
# 1. *How can I address normalization issues during model training?*
# 2. *What causes unpredictable behavior in PyTorch neural networks during training?*
# 3. *Why is my PyTorch model not training?*
# 4. *Why is gradient descent with PyTorch resulting in high loss?*
#
# Each lists causes, with a remedy for each. One says that several of them may come together, and then takes them one
# by one as well. What to measure first is said in none.
#
# - "Standardising is the crucial step" of an example whose data are drawn standardised, with labels at random
#   (`coursekit documents scaling-is-crucial-here`).
# - "With standardised features the same program decreases its loss rapidly": these labels are random as well
#   (`coursekit documents scaling-drops-the-loss-rapidly`).
#
# </details>

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · Keras
#
# `model.fit` empties the gradients by itself: two of the three faults can be written there, and two are enough.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
kept = evidence.stored_scores(CASE.name, score="test_accuracy", framework="keras")
print(f"Keras, {len(kept['broken'])} seeds: best broken run {max(kept['broken']):.2f}, "
      f"worst fixed run {min(kept['fixed']):.2f}")  # fmt: skip
