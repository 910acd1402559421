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
# **You need:** lessons 01, 03, 04 and 06; better all of them. **You take home:** the checklist as one function that
# runs around your own loop, and a reason to measure before you change anything.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
import copy
from dataclasses import replace
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from sklearn.preprocessing import StandardScaler
from torch import nn

from coursekit import evidence, get_case, plots, widgets
from coursekit.cases.optimization.three_faults import TOLD
from coursekit.cases.script import diff
from coursekit.documents import get_statement

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("three-faults")  # this lesson's failure, as functions you can call


def check_up(one_pass, model, loader, loss_fn, optimizer, steps=400):
    """The checklist on a fresh model; gives back name -> (well, what was measured).

    one_pass(batches) is your own loop, once over some batches. Afterwards the weights are as before.
    """
    start = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    weights = dict(model.named_parameters())
    stale = []

    def grads():
        return [w.grad for w in weights.values() if w.grad is not None]

    def look(*_):  # before a step: does .grad still hold the mark of the last one?
        stale.append(any(grad.abs().max() > 1e5 for grad in grads()))

    def mark(*_):  # after a step
        for grad in grads():
            grad.fill_(1e6)

    def after(batches):  # from the start over these batches: how far each parameter goes
        model.load_state_dict(start[0])
        optimizer.load_state_dict(copy.deepcopy(start[1]))
        model.zero_grad()
        one_pass(batches)
        return {name: ((w - start[0][name]).norm() / (start[0][name].norm() + 1e-9)).item()
                for name, w in weights.items()}  # fmt: skip

    largest = torch.cat([x for x, _ in loader]).abs().max().item()
    x, y = batch = next(iter(loader))
    outputs = model(x)
    if y.dtype == torch.int64:  # classes; a certain answer is 1 as a probability, large as a logit
        guess, right = np.log(outputs.shape[1]), nn.functional.one_hot(y, outputs.shape[1]).float()
        shares = outputs.min() >= 0 and torch.allclose(outputs.sum(dim=1), torch.ones(len(x)))
        right = right if shares else 50 * right - 50 * (outputs.max() <= 0)  # ≤ 0: log-softmax
    else:
        guess, right = y.var().item(), y.reshape(outputs.shape)
    first, cost = loss_fn(outputs, y).item(), loss_fn(right, y).item()
    hooks = [optimizer.register_step_pre_hook(look), optimizer.register_step_post_hook(mark)]
    still = [name for name, moved in after([batch] * 2).items() if moved == 0]
    for hook in hooks:
        hook.remove()
    step = max(moved for name, moved in after([batch]).items() if weights[name].ndim > 1)
    after([])
    loss_fn(model(x), y).backward()
    norms = [0 if w.grad is None else w.grad.norm().item() for w in weights.values() if w.ndim > 1]
    after([batch] * steps)
    heart, rate = loss_fn(model(x), y).item(), optimizer.param_groups[0]["lr"]
    left = rate / start[1]["param_groups"][0]["lr"]
    after([])
    return {
        "rows": (largest < 20, f"largest value {largest:.0f}"),
        "first loss": (first < 3 * guess, f"{first:.1f}; a guess costs {guess:.1f}"),
        "loss": (abs(cost) < 0.1 * guess, f"a right and certain answer costs {cost:.1f}"),
        "loop": (not any(stale[1:]) and not still, f"{'OLD' if any(stale[1:]) else 'no old'} gradients "
                 f"in .grad; {len(still)} of {len(weights)} parameters stand still"),
        "gradients": (max(norms) < 30 * min(norms),
                      f"the weakest layer gets {min(norms) / (max(norms) + 1e-12):.0e} of the strongest"),
        "step": (1e-4 < step < 0.3, f"at most {step:.0e} of a layer's weights"),
        "one batch": (heart < 0.3 * guess and left > 0.1, f"loss {heart:.1f} after {steps} steps on it"),
    }  # fmt: skip


def check(recipe, seed=0, show=True, steps=400):
    """check_up of a recipe of the catalogue: prints the lines, gives back those that are off."""
    run = recipe.build(seed=seed, device="cpu")

    def one_pass(batches):
        next(recipe.train(replace(run, train=batches)))  # the recipe's own loop, for one epoch

    lines = check_up(one_pass, run.model, run.train, run.loss_fn, run.optimizer, steps)
    for name, (well, words) in lines.items() if show else ():
        print(f"{name:<12}{'well' if well else 'OFF ':<7}{words}")
    return [name for name, (well, _) in lines.items() if not well]


def score(recipe, seed=0):
    """The accuracy of a run, or that it is no better than one answer for all rows."""
    accuracy = recipe.run(seed=seed)["test_accuracy"]
    return f"accuracy {accuracy:.2f}" if accuracy > 0.65 else "no better than one answer for all"


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
# You may have seen something in the script already. Its owner has, too, and makes one change at a time, takes it back, and makes
# the next.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "15-alone",
    "One change, all else as in the script. Which brings the accuracy furthest above always naming the larger class?",
    options={
        "A": "the features scaled",
        "B": "optimizer.zero_grad() in the loop",
        "C": "ReLU in place of the sigmoid",
        "D": "Adam in place of SGD, or another learning rate",
        "E": "none of them brings it above that",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=5
# ## Measure
#
# The checklist of lesson 00 as one routine. Two rules:
#
# 1. **Mend the first line that is off**, and that one only. A line further down may be off because of it.
# 2. **Keep the repair, and start again from the top.** The score decides nothing before every line is well. (It is printed here to
#    show what it would have told.)
#
# `check_up`, in the set-up cell, does it on a *fresh* model and around the script's own loop. From the top:
#
# | line | measured | well, if | from lesson |
# |---|---|---|---|
# | rows | largest value that reaches the network | finite, below 20 | 01, 08 |
# | first loss | loss of a batch before any step | below three guesses | 01, 12 |
# | loss | what a right and certain answer costs | next to nothing | 05 |
# | loop | is a mark that is put into `.grad` gone at the next step; which parameters stand still | gone; none | 06 |
# | gradients | norm of the layer that gets least, over that of the one that gets most | above a thirtieth | 04, 12 |
# | step | the longest first step of a layer, over the size of its weights | 0.0001 to 0.3 | 03 |
# | one batch | loss after 400 steps on one batch, and whether the rate is still there | below a third of a guess; yes | 00, 03 |
#
# These limits are wide on purpose: they are to find what stops a run, not what could be better.
#
# **Round one.**

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=None, emptied=False, activation=nn.Sigmoid)  # the script, as it is
off = check(script)
print(f"\nmend first: {off[0]}; after training: {score(script)}")

# %% [markdown]
# More than one line is off. The first is the rows: a value in the thousands. The remedy is that of lesson 01: scale, with mean and
# spread of the training rows. The *first loss* does not tell: a sigmoid squashes
# any input to a number between 0 and 1.
#
# **Round two**, with scaled features.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=StandardScaler, emptied=False, activation=nn.Sigmoid)
off = check(script)
print(f"\nmend first: {off[0]}; after training: {score(script)}")

# %% [markdown]
# The rows are well, and the score is where it was. Whoever goes by the score takes the scaler out again.
#
# The next line is the loop: the mark stays, so each step goes along the sum of all gradients so far. The remedy is that of
# lesson 06.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "15-two",
    "Scaled features and zero_grad: two of three faults are mended. How much of the way to a healthy score is that?",
    options={
        "A": "about two thirds",
        "B": "a little",
        "C": "nothing",
    },
)

# %% [markdown]
# **Round three**, with `optimizer.zero_grad()` too.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=StandardScaler, emptied=True, activation=nn.Sigmoid)
off = check(script)
print(f"\nmend first: {off[0]}; after training: {score(script)}")

# %% [markdown]
# Two real faults are gone, and nothing is gained. What is left of the lines that name a cause is the gradients: the first
# layer gets about a thousandth of what the last one gets. Lesson 04: the activation.
#
# **Round four**, with ReLU.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
script = TOLD.having(scaler=StandardScaler, emptied=True, activation=nn.ReLU)
off = check(script)
print(f"\noff: {off or 'nothing'}; after training: {score(script)}")

# %% [markdown]
# Every line is well. Only now the score means something, and it is good.
#
# The line *one batch* was off in three rounds. It says **that** something is wrong, not what; so it comes last, and no one mends *it*.

# %% [markdown] minutes=2
# ## The cause
#
# Every way to mend none, some or all of three faults, its accuracy, and the lines that are off (without *one batch*):

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
    print(f"{marks}   {np.median(stored_scores[stored_as[mended]]):.2f}         {', '.join(off) or 'none'}")  # fmt: skip

# %% [markdown]
# Read the accuracies down: **the score is an *and*.** It is healthy where all three are mended, and shows nothing of the first and of
# the second repair. Whoever judges each change by the score finds that none of them works, and takes all of them back.
#
# Read the lines: `rows`, `loop` and `gradients` **each see their own fault**, whatever the other two do; but for one: with raw rows the ReLU
# network's `step` is off too. Nothing is wrong with the rate: scaling mends it. That is why the first line comes first.

# %% [markdown] minutes=1
# ## The fix

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed, context=0))

# %% [markdown] minutes=2
# ## The wrong fixes
#
# Share of the gap between the broken and the fixed run, on seeds that nobody tuned on:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
shares = evidence.stored_shares(CASE)
for wrong, share in shares.items():
    print(f"{share + 0:>4.0%}  {wrong}")
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
popular = list(reasons)[6:]
order = ["broken", *popular, *list(reasons)[:6], "fixed"]
figure, ax = plt.subplots(figsize=(6.4, 4.2))
plots.plot_scores({name: stored_scores[name] for name in order}, ax=ax, baseline=0.63,
                  baseline_label="always the larger class")  # fmt: skip
plt.show()

# %% [markdown]
# **Figure.** Test accuracy, one mark a seed: popular remedies, each repair alone and each pair of repairs lie where the broken run
# lies or to the left of it, where the smaller class is named; all three together lie far to the right.
#
# (Below 0 %: the run diverges, and of two outputs that are not numbers `argmax` names the first, the smaller class.)
#
# The six in the lower half are no wrong fixes. They are right, and not enough. By their score you cannot tell them from
# four times the epochs. By their line you can.

# %% [markdown] minutes=2
# ## Tick them yourself
#
# Mend one, then another, in any order. Which curve tells you that you are on the way? And with all three mended: un-mend one.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "scaler", "emptied", "activation", recipe=TOLD, below="gradients")

# %% [markdown]
# **Figure.** Training loss, and below it the gradient norm of each layer, of the script as it is; each setting draws its own run over it.

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
# Faults of other lessons, each alone. Which line is the first that is off?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name in ("stale-optimizer", "softmax-before-cross-entropy", "zero-initialisation",
             "learning-rate-too-low", "misaligned-labels"):  # fmt: skip
    off = check(get_case(name).broken, show=False)
    print(f"{name:>30}: {off[0] if off else 'all lines are well'}")

# %% [markdown]
# Labels that belong to other rows: every line is well, and the network learns nothing that is of use. The routine asks whether a
# network *can* learn these rows. It does not ask whether they are right (08), how the score was made (02, 07, 09), or whether too much was learnt (10).
# Those lines come after it, with the trained model: **score, capacity, precision, estimate, in use**. And a line that is off is a
# question, not a verdict: layers that are frozen on purpose stand still, and forty residual layers have a high first loss and learn.

# %% [markdown] minutes=4
# ## True, false, or does it depend?
#
# Four documents on networks that do not train stand behind this course. Here are six of their statements, in our words. Commit
# yourself first; then each is *measured*, on three seeds.

# %% jupyter={"source_hidden": true}
for key, question in {
    "15-equal": "Normalising makes all features contribute equally.",
    "15-swish": "ELU or Swish in place of sigmoid or tanh mitigates vanishing gradients.",
    "15-missing": "Missing values show as random jumps of the loss.",
    "15-flow": "A test transform unlike the training transform harms the flow of gradients.",
    "15-large": "With one feature a thousand times larger, gradient descent converges poorly.",
    "15-starved": "… because the optimizer cannot adjust the weights of the small feature.",
}.items():
    display(widgets.predict(key, question, options={"A": "true", "B": "false", "C": "it depends"}))

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name in ("features-contribute-equally", "elu-and-swish-prevent-vanishing", "missing-data-makes-loss-jump",
             "mismatch-harms-gradient-flow", "unscaled-converges-poorly", "small-feature-is-starved"):  # fmt: skip
    statement = get_statement(name)
    verdict = {"holds": "TRUE"}.get(
        found := statement.judge(statement.over(range(3))), found.upper()
    )
    print(f"{verdict}: {statement.says}\n  {statement.finding}\n")

# %% [markdown]
# The last two are a true symptom with a false reason. The symptom is measured in one place, the reason in another. `coursekit documents` lists all of them, with what was found.

# %% [markdown] minutes=2
# ## What to remember
#
# - **Score last.** One fault can hide another. A change that mends a line is kept, whatever the score says.
# - **The first line that is off**, then again from the top.
# - **A change that mends no line is not a repair**, even if the score rises a little.
# - All lines well, and no score: the fault is in what the routine does not ask.
#
# **On your own model**: copy `check_up` out of the set-up cell. All it wants is your loop as a function of batches:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.fixed.build(seed=1, device="cpu")
my_model, my_loader, my_loss, my_optimizer = (
    yours.model,
    yours.train,
    yours.loss_fn,
    yours.optimizer,
)


def my_pass(batches):  # your own loop, as it stands
    for inputs, labels in batches:
        my_optimizer.zero_grad()
        loss = my_loss(my_model(inputs), labels)
        loss.backward()
        my_optimizer.step()


for name, (well, words) in check_up(my_pass, my_model, my_loader, my_loss, my_optimizer).items():
    print(f"{name:<12}{'well' if well else 'OFF ':<7}{words}")

# %% [markdown]
# A step of the scheduler per batch belongs into `my_pass`. For every step of a long run there is `coursekit.record(model, optimizer)`, and
# for practice `coursekit quiz`: runs whose cause you name from their measurements. A line that is off leads to its lesson; so does
# the map in lesson 00, or `coursekit symptoms`.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "15-alone": widgets.Happened(
            "E", "none of them", told_by="the score of each repair alone, on many seeds"
        ),
        "15-two": widgets.Happened("C", "nothing", told_by="the score after round three"),
        "15-equal": widgets.Happened("B", "false", told_by="the weights that are learnt"),
        "15-swish": widgets.Happened(
            "C", "it depends", told_by="the first layer's gradient, in place of sigmoid and of tanh"
        ),
        "15-missing": widgets.Happened("B", "false", told_by="epochs with a finite loss"),
        "15-flow": widgets.Happened("B", "false", told_by="the weights of both runs"),
        "15-large": widgets.Happened("A", "true", told_by="the loss, raw and scaled"),
        "15-starved": widgets.Happened("B", "false", told_by="how far each weight has come"),
    }
)

# %% [markdown]
# **Next:** the exercise, `exercises/15_the_procedure.ipynb`. Twenty minutes, checked as you go. After it: a model of your own.
#
# What this course leaves out: networks that take days, several machines, text and speech models, and the question whether the data
# are worth learning from.
#
# <details><summary>Where this failure is described</summary>
#
# Nowhere, and that is the point: each of the four documents lists causes with a remedy for each, to be tried one after the other. None says
# in which order, none says what to measure first, and none speaks of two causes at once.
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
