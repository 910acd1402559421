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
# # 10 · A training loss near zero, and little use on new rows
#
# Ten measurements of a person with diabetes, and how far the disease has come a year later. On the rows that
# the network was trained on, it names that number almost exactly. On new ones it is worth little: on this split less
# than always naming the mean, on most splits a little more.
#
# **You need:** lesson 03. Validation rows choose when to stop, test rows judge what was chosen, once. **You take home:** what a low
# training loss proves, and how to tell a network that can do too much from one that can do too little.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
import copy
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from coursekit import evidence, get_case, plots, record, widgets

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("overfitting")  # this lesson's failure, as functions you can call


def loss_of(run, rows):
    """The loss of a set of rows in evaluation mode; training may go on afterwards."""
    inputs, targets = rows.tensors
    run.model.eval()
    with torch.no_grad():
        loss = run.loss_fn(run.model(inputs), targets).item()
    run.model.train()
    return loss


def follow(run, train):
    """Train a run; gives back its loss after each epoch, (epochs, 2): training, validation."""
    # train is the script's loop; it stops after each epoch to let others look
    return np.array([[loss_of(run, run.train.dataset), loss_of(run, run.val)] for _ in train(run)])


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=3
# ## A model that learns, and is of little use
#
# Columns and target are scaled by the mean and the spread of the training rows. So there a loss of 1 is that of a rule
# that always names the mean. *R²* is the part of the mean's loss that is gone: 1 is perfect, 0 is the mean. For validation and
# test rows it is the mean of those rows; what that costs is printed below.

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = load_diabetes(return_X_y=True)  # (442, 10), (442,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, random_state=0)
x = (x - x[rows].mean(axis=0)) / x[rows].std(axis=0)
y = (y - y[rows].mean()) / y[rows].std()
x, y = (torch.tensor(part, dtype=torch.float32) for part in (x, y))
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
layers = [nn.Linear(10, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(256, 1), nn.Flatten(0))  # (rows, 10) -> (rows,)
loss_fn = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.01)

for epoch in range(60):
    for inputs, labels in loader:  # (32, 10), (32,)
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    train_loss, test_loss = (
        loss_fn(model(inputs), targets).item()
        for inputs, targets in (loader.dataset.tensors, test.tensors)
    )
    r2 = 1 - test_loss / test.tensors[1].var(correction=0).item()
scores = {"train_loss": train_loss, "test_loss": test_loss, "test_r2": r2,
          "test_over_train": test_loss / train_loss}  # fmt: skip

# %%
print(f"{len(rows)} training rows, {sum(w.numel() for w in model.parameters()):,} weights")
print(f"R² on the training rows  {1 - scores['train_loss']:4.1f}")
print(f"R² on the test rows      {scores['test_r2']:4.1f}")
print("always naming the mean    0.0")
costs = [part.tensors[1].var(correction=0) for part in (loader.dataset, val, test)]
print(
    "which is a loss of        {:.1f} on training, {:.1f} on validation, {:.1f} on test rows".format(
        *costs
    )
)

# %% [markdown]
# The loop is complete, the rate is good, nothing leaks. By its training rows it could not be better.

# %% [markdown] minutes=1
# ## Your prediction
#
# What does that training loss prove? Deal the training targets out again *by lot* (lesson 07 *shuffled* labels in this way), so that each
# person gets some other person's number. Then nothing in the ten columns says what the target is.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "10-lot",
    "The same script with targets dealt out by lot. Where is the training loss after 60 epochs?",
    options={
        "A": "near 1: there is nothing to learn",
        "B": "about half: a part of it fits by chance",
        "C": "near 0, as with the true targets",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=4
# ## Measure
#
# **First measurement: the loss of the training rows and of the validation rows, after each epoch.** Nothing is trained
# on validation rows.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
losses = follow(run, CASE.broken.train)  # (60, 2)
epochs = np.arange(1, 61)
best = losses[:, 1].argmin()
figure, ax = plt.subplots()
ax.plot(epochs, losses[:, 0], "-", color="#0072B2", label="training rows")
ax.plot(epochs, losses[:, 1], "--", color="#D55E00", label="validation rows")
ax.plot(epochs[best], losses[best, 1], "o", color="#000000", label="smallest")
ax.axhline(1, color="#555555", linestyle=":", label="always the mean")
ax.set(xlabel="epoch", ylabel="loss (squared error)", ylim=(0, 1.1))
ax.legend(ncols=2, loc="center right")
print(f"smallest validation loss {losses[best, 1]:.2f}, after epoch {epochs[best]} of 60")
print(f"after the last epoch {losses[-1, 1]:.1f}: {losses[-1, 1] / losses[best, 1]:.1f} times that")
print(f"training loss {losses[best, 0]:.1f} there, {losses[-1, 0]:.2f} at the end")
plt.show()

# %% [markdown]
# **Figure.** Loss of training and of validation rows: they fall together to the marked epoch; then the one goes on
# falling, and the other climbs, and stays up.
#
# What should it be? The smallest validation loss near the end of the run, and a small *gap* between the two curves. The
# *training* loss says nothing of the turn: it goes on falling as if nothing had happened.

# %% [markdown]
# **Second measurement: targets by lot.** The validation rows keep their true targets.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
true = losses  # of the run above

run = CASE.broken.build(seed=0, device="cpu")
targets = run.train.dataset.tensors[1]  # (265,)
targets.copy_(targets[torch.randperm(265, generator=torch.Generator().manual_seed(0))])
lot = follow(run, CASE.broken.train)

for name, losses in [("true targets", true), ("by lot", lot)]:
    print(f"{name:>12}: training loss {losses[0, 0]:.1f} after one epoch, "
          f"{losses[9, 0]:.1f} after ten, {losses[-1, 0]:.1f} after 60;\n"
          f"{'':>14}validation loss at the end {losses[-1, 1]:.1f}")  # fmt: skip

# %% [markdown]
# It learns these too. There is nothing to understand in them, so it can only have learnt, row by row, which number belongs to
# which person: *by heart*. So **a training loss near zero proves that the loop works and the rows can be learnt by heart; about new
# rows it proves nothing.** And compare the beginnings: by heart is slower.

# %% [markdown] minutes=3
# ## The cause
#
# A target is made of two parts. One follows from the ten columns; it is the same rule for all. The rest is this person's own. No
# column tells it, yet 68,865 weights are enough to note it down for each of 265 rows.
#
# So ask: what did the network learn *after* its best epoch? Keep its weights of that epoch. For each row, compare what was
# still **missing** then (target minus output) with what the later epochs have **added** to the output.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
lowest = np.inf
for _ in CASE.broken.train(run):
    loss = loss_of(run, run.val)
    if loss < lowest:
        lowest, best = loss, copy.deepcopy(run.model)

missing, added = {}, {}
for name, rows in [("training", run.train.dataset), ("validation", run.val)]:
    inputs, targets = rows.tensors
    with torch.no_grad():
        missing[name] = targets - best(inputs)  # (rows,)
        added[name] = run.model(inputs) - best(inputs)
    nearer = (missing[name] - added[name]).abs() < missing[name].abs()
    print(f"{name} rows that came nearer to their target: {nearer.float().mean():.0%}")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), sharex=True, sharey=True)
for ax, name in zip(panels, missing, strict=True):
    ax.plot([-2, 2], [-2, 2], color="#555555", linewidth=1, label="all that was missing")
    ax.plot(missing[name], added[name], "o", color="#0072B2", markersize=3.5, alpha=0.7)
    ax.set(title=f"{name} rows", xlabel="missing at the best epoch")
panels[0].set(ylabel="added afterwards")
panels[0].legend(loc="upper left")
plt.show()

# %% [markdown]
# **Figure.** What later epochs added to the output of each row, against what was missing: on training rows it is what was
# missing, on the line; on validation rows it is about as large, and has little to do with it.
#
# After its best epoch the network learnt each training row's own part. A new row has an own part too, but *another* one. What
# it gets instead is noise, added to an answer that was better without.

# %% [markdown] minutes=3
# ## The fix
#
# *Early stopping*: look at the validation rows after each epoch, keep the weights of the best one, stop when it has not improved
# for some epochs (the *patience*), and go back. Keeping them is one line. Two people write it in two ways:
#
# ```python
# kept = model.state_dict()
# kept = copy.deepcopy(model.state_dict())
# ```

# %% jupyter={"source_hidden": true}
widgets.predict(
    "10-kept",
    "The first line in the best epoch, load_state_dict(kept) at the end. Which weights come back?",
    options={
        "A": "those of the best epoch",
        "B": "those of the last epoch",
        "C": "those of the start",
    },
)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
lowest, waited = np.inf, 0
for epoch, _ in enumerate(CASE.broken.train(run), start=1):
    loss = loss_of(run, run.val)
    waited += 1
    if loss < lowest:
        lowest, waited, best_epoch = loss, 0, epoch
        plain = run.model.state_dict()
        copied = copy.deepcopy(run.model.state_dict())
    if waited == 10:
        break

print(f"stopped after epoch {epoch}; smallest validation loss {lowest:.2f}, in epoch {best_epoch}")
for name, kept in [("state_dict()", plain), ("a copy of it", copied)]:
    run.model.load_state_dict(kept)
    print(f"{name}: validation loss {loss_of(run, run.val):.2f}")

# %% [markdown]
# **`state_dict()` is no copy.** Its tensors *are* the weights of the model, and go on changing with them. Loading them puts
# each weight where it is. No error, no warning: the loop stops, and hands over the weights that it meant to throw away. (The
# patience is for the wobble of the curve: the first rise need not be the turn.)
#
# The measurements again, and beside them a model of eleven weights, one for each column and one more:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, recipe in [
    ("60 epochs", CASE.broken),
    ("early stopping", CASE.fixed),
    ("eleven weights", CASE.healthy),
]:
    run = recipe.build(seed=0, device="cpu")
    for _ in recipe.train(run):
        pass
    print(f"{name:>14}: training loss {loss_of(run, run.train.dataset):.2f}, "
          f"validation loss {loss_of(run, run.val):.2f}, "
          f"test R² {recipe.evaluate(run)['test_r2']:4.1f}")  # fmt: skip

# %% [markdown]
# A *higher* training loss, and the better model. The two losses are near each other now. And the model of eleven weights, a
# straight line, which can learn next to nothing by heart, is far better than the network trained to its end: **give the
# same rows to a small model.** (Where that is as poor, it was not learning by heart: draw lesson 09's learning curve.)
#
# The validation rows have chosen the epoch. So their loss is a little too good, and the test rows judge.

# %% [markdown] minutes=3
# ## The wrong fixes
#
# What people try, all 60 epochs long: a third of the rate; half the width, which is a quarter of the weights; *dropout*, which
# silences half of the hidden units in each training step, others each time; *weight decay*, which takes a small part of every
# weight away in each step, thirty times as much as the script.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "10-half",
    "128 units a layer in place of 256. The R² on new rows is…",
    options={
        "A": "much better: far fewer weights are left to learn by heart with",
        "B": "about as poor",
        "C": "worse: it can do less",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
r2 = evidence.stored_scores(CASE.name, score="test_r2")
gap = np.array(r2["fixed"]) - np.array(r2["broken"])  # (20,)
share = {name: np.median((np.array(r2[name]) - np.array(r2["broken"])) / gap) for name in reasons}
for wrong in sorted(reasons, key=share.get):
    print(f"{wrong}: {share[wrong]:.0%} of the way from broken to fixed")
    print(fill(reasons[wrong], 90, initial_indent="  ", subsequent_indent="  ") + "\n")
names = ["broken", *sorted(reasons, key=share.get), "fixed"]
plots.plot_scores(
    {name: r2[name] for name in names} | {"eleven weights": r2["healthy"]},
    xlabel="test R²",
    baseline=0,
    baseline_label="always the mean",
)
plt.show()

# %% [markdown]
# **Figure.** R² on new rows, one mark a seed that nobody tuned on: half the width, a smaller rate and this weight decay
# leave it about where it was; dropout brings it most of the way; early stopping is the best of these. Eleven weights are at
# least as good: the columns tell little more than a straight line says.
#
# These are doses. Far stronger decay or a far smaller network does help; half the width is too small a dose. Find a larger one below.

# %% [markdown] minutes=1
# ## Find where it breaks
#
# The script, 30 epochs long, without stopping. Which width, which dropout, which weight decay keeps the validation loss
# down to the end? How far is that from the settings that you would have tried first?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
half = CASE.broken.having(epochs=30)
widgets.explore(CASE, "hidden", "dropout", "weight_decay", recipe=half, quantity="loss")

# %% [markdown]
# **Figure.** Training loss and validation loss, both on logarithmic axes, of the script as it stands; each setting draws its
# own run over it.

# %% [markdown] minutes=1
# ## The same in Keras
#
# `EarlyStopping` does the looking and the waiting. Going back is an option, and it is **off** unless you ask.

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from coursekit.device import keras_if_installed

if keras := keras_if_installed():
    run = CASE.broken.build(seed=0, device="cpu")
    train, val = (
        tuple(part.numpy() for part in rows.tensors) for rows in (run.train.dataset, run.val)
    )
    for back in (False, True):
        keras.utils.set_random_seed(0)
        body = [keras.layers.Dense(256, activation="relu") for _ in range(2)]
        model = keras.Sequential([keras.Input((10,)), *body, keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.AdamW(0.003, weight_decay=0.01), loss="mse")
        stop = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=back)
        history = model.fit(
            *train, batch_size=32, epochs=60, verbose=0, validation_data=val, callbacks=[stop]
        ).history["val_loss"]
        print(f"restore_best_weights={back!s:<5}: smallest validation loss {min(history):.2f}, "
              f"of the model that you get {model.evaluate(*val, verbose=0):.2f}")  # fmt: skip

# %% [markdown] minutes=1
# ## Is it always so?
#
# Seeds that nobody used for choosing a setting, in both frameworks; one of them again, now.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for row in evidence.verify(CASE, seeds=[1000], only=["broken", "fixed"]):
    verdict = "far apart" if row.scores["test_over_train"] > 8 else "near each other"
    print(f"seed {row.seed}, {row.recipe:<6}: the losses of test and training rows are {verdict}")
for framework, title in [("torch", "PyTorch"), ("keras", "Keras")]:
    kept = evidence.stored_scores(CASE.name, score="test_r2", framework=framework)
    better = sum(f > b for f, b in zip(kept["fixed"], kept["broken"], strict=True))
    print(f"{title}, {len(kept['broken'])} seeds: median test R² {np.median(kept['broken']):.1f} after "
          f"all epochs, {np.median(kept['fixed']):.1f} stopped;\n  better stopped on {better}; "
          f"below 0 after all epochs on {sum(b < 0 for b in kept['broken'])}")  # fmt: skip
small = evidence.stored_scores(CASE.name, score="test_r2")["healthy"]
print(f"eleven weights, {len(small)} seeds: median {np.median(small):.1f}")

# %% [markdown] minutes=2
# ## Both losses stay high
#
# **Symptom:** from the place of a pixel, a network is to say how bright a photograph is there. The loss settles early and high.
# **Measurement:** training and test loss, *beside each other*.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
from sklearn.datasets import load_sample_image

case = get_case("too-little-capacity")
photo = load_sample_image("flower.jpg")[::16, ::16].mean(axis=2)  # (27, 40)
places = np.meshgrid(*(np.linspace(-1, 1, size) for size in photo.shape), indexing="ij")
places = torch.tensor(np.stack(places, axis=-1).reshape(-1, 2), dtype=torch.float32)
drawn = {"the photograph": (photo - photo.mean()) / photo.std()}
for hidden, name in [(1, "1 unit a layer"), (8, "8 units"), (64, "64 units")]:
    run = case.broken.having(hidden=hidden).build(seed=2, device="cpu")
    losses = follow(run, case.broken.train)  # (40, 2)
    with torch.no_grad():
        drawn[name] = run.model(places).reshape(photo.shape)
    weights = sum(weight.numel() for weight in run.model.parameters())
    print(f"{name:>14}, {weights:>5,} weights: training loss {losses[19, 0]:.1f} after 20 epochs, "
          f"{losses[-1, 0]:.1f} after 40; test {loss_of(run, run.test):.1f}")  # fmt: skip
figure, panels = plt.subplots(1, 4, figsize=(8.4, 1.9))
for ax, (name, picture) in zip(panels, drawn.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=-1.5, vmax=3)
    ax.set(title=name)
    ax.axis("off")
plt.show()

# %% [markdown]
# **Figure.** The photograph, and what three networks make of it: one unit a layer draws one slope across the picture, 8 draw
# a wedge, 64 the flower.
#
# A leaky ReLU unit (lesson 04) bends the plane once, and cannot die. Training and test loss are high *together*, and more epochs
# change next to nothing: a small network **cannot** draw it. **Fix:** more units. The test: does a wider network get lower on the
# *training* rows? (Few weights alone prove nothing: eleven were enough for 265 rows above. More layers of one unit do not help: all that they see comes through the one before.) **More:**
# `coursekit cases too-little-capacity`.

# %% [markdown] minutes=2
# ## Every row gets the same answer
#
# **Symptom:** digits, SGD with weight decay 0.1, and the loss stays at ln 10. A rate too high ended there too (lesson 03), and
# so did a deep network (04). **Measurement:** the size of all weights, at the start and at the end.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("weight-decay-too-high")
for weight_decay in (0.1, 0.0005):
    recipe = case.broken.having(weight_decay=weight_decay)
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in recipe.train(run):
            pass
    size = np.linalg.norm(vitals.record["weight_norm"].values, axis=1)  # (510,)
    loss = vitals.record["loss"].values
    left = (1 - 0.1 * weight_decay) ** 510
    print(f"weight decay {weight_decay:<6}: at the end {size[-1] / size[0]:.1%} of the weights' size; "
          f"decay alone would leave {left:.1%}")  # fmt: skip
    print(f"{'':21}loss {loss[0]:.1f}, then {loss[-34:].mean():.1f}; "
          f"test accuracy {recipe.evaluate(run)['test_accuracy']:.1f}")  # fmt: skip

# %% [markdown]
# In each step weight decay takes `lr` × `weight_decay` of every weight, here a hundredth, whatever the data say. In a network of
# several layers each layer's gradient is in proportion to the weights of the others. So as they shrink the data pull less and
# less: what is left is near what decay alone would leave, the same factor in every step. **Fix:** less of it. And compare `lr` × `weight_decay` (in SGD and AdamW; for Adam see lesson [13](13_optimizers_and_schedules.ipynb)), not
# `weight_decay`: at another rate the same number is another decay. **More:** `coursekit cases weight-decay-too-high`.

# %% [markdown] minutes=2
# ## What to remember
#
# **For your checklist, the line "capacity":** draw training and validation loss of each epoch into one figure.
#
# | training loss | validation loss | it is |
# |---|---|---|
# | near 0 | had its minimum long ago, and climbed | learnt by heart (are the labels right? lesson 08): stop there, and go back |
# | well above 0 | somewhat higher | ordinary, where rows are few |
# | high | as high | too little capacity, if a wider network gets lower on the training rows; or something of lessons 01 to 06 |
# | above the validation loss | falls | dropout, measured with its noise: measure again in `eval()` |
# | ln *K*, and weights run to zero | ln *K* | weight decay |
#
# - A training loss near zero proves nothing about new rows: targets dealt out by lot are learnt as well.
# - Learnt by heart, or too few rows? Fit a small model on the same rows. Far better than the network at its end: it learnt by heart.
#   As poor: too few rows.
# - Stop on the score that you report.
# - `copy.deepcopy(model.state_dict())`; in Keras `restore_best_weights=True`.
#
# **On your own model**: put your own names, and your own loop, into the next cell.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.broken.having(epochs=20).build(seed=1, device="cpu")
my_loop = CASE.broken.train(yours)  # stops after each epoch
my_train, my_val = yours.train.dataset, yours.val

history = [(loss_of(yours, my_train), loss_of(yours, my_val)) for _ in my_loop]
val_losses = [val_loss for _, val_loss in history]
best = int(np.argmin(val_losses))
print(f"smallest validation loss after epoch {best + 1} of {len(history)}")
print(f"the last one is {val_losses[-1] / val_losses[best]:.1f} times as large")
print(f"losses at the end: training {history[-1][0]:.2f}, validation {history[-1][1]:.1f}")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "10-lot": widgets.Happened(
            "C", "near 0", told_by="the training loss with targets dealt out by lot"
        ),
        "10-kept": widgets.Happened(
            "B", "those of the last epoch", told_by="the validation loss after loading them"
        ),
        "10-half": widgets.Happened(
            "B", "about as poor", told_by="the R² on new rows, on many seeds"
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/10_capacity_and_overfitting.ipynb`](../exercises/10_capacity_and_overfitting.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# Two of the documents that this course is built on name overfitting, insufficient capacity, dropout and weight decay. One
# says that overfitting often shows as erratic jumps of the validation loss while the training loss keeps falling. It shows as a
# minimum, and a climb (`coursekit documents overfitting-jumps`). The curves above do wobble, but *both*, from the
# batches of 32 and the rate: that is how this run steps, not what overfitting does.
#
# The same document says that too high a weight decay can slow learning or hinder it. As above, it can do more: nothing is left.
#
# </details>

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · What width does
#
# The script at four widths:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widths = (2, 16, 64, 256)
found = []
for hidden in widths:
    run = CASE.broken.having(hidden=hidden).build(seed=0, device="cpu")
    losses = follow(run, CASE.broken.train)
    found.append([losses[-1, 0], losses[-1, 1], losses[:, 1].min()])
train, last, least = np.array(found).T  # three times (4,)
figure, ax = plt.subplots()
ax.plot(widths, last, "^--", color="#D55E00", label="validation, after the last epoch")
ax.plot(widths, least, "s:", color="#000000", label="validation, best epoch")
ax.plot(widths, train, "o-", color="#0072B2", label="training, after the last epoch")
ax.set(
    xscale="log", xlabel="units in each hidden layer", ylabel="loss (squared error)", ylim=(0, 1)
)
ax.set_xticks(widths, [str(width) for width in widths])
ax.minorticks_off()
ax.legend(loc="lower left", bbox_to_anchor=(0, 1))
plt.show()

# %% [markdown]
# **Figure.** Three losses against the width (logarithmic): the wider, the lower the training loss; the last validation loss is
# higher for the two wide ones; the smallest one on the way hardly changes.
#
# Width decides how *far* a network can learn by heart, if it is left to. Stopped in time, the wide ones are as good as the narrow.

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · So careful that it learns nothing
#
# **Symptom:** digits, and dropout "to be on the safe side". The loss stays near ln 10. **Measurement:** the loss of the *training*
# rows in training mode and in evaluation mode; and how many rows have *no* active unit left in the second hidden layer.


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def silent(model, inputs):
    """The share of rows for which dropout leaves no active unit in the second hidden layer."""
    model.train()
    with torch.no_grad():
        return np.mean([(model[:6](inputs) == 0).all(dim=1).float().mean() for _ in range(20)])


case = get_case("too-much-dropout")
for dropout in (0.2, 0.5, 0.8, 0.95):
    recipe = case.broken.having(dropout=dropout)
    run = recipe.build(seed=0, device="cpu")
    inputs, labels = run.train.dataset.tensors  # (1078, 64), (1078,)
    before = silent(run.model, inputs)
    for _ in recipe.train(run):
        pass
    with torch.no_grad():
        run.model.train()
        noisy = np.mean([run.loss_fn(run.model(inputs), labels).item() for _ in range(20)])
    print(f"dropout {dropout:<4}: loss {noisy:.1f} in training mode, "
          f"{loss_of(run, run.train.dataset):.1f} in evaluation mode;\n  "
          f"no unit left for {before:.0%} of the rows before training, "
          f"{silent(run.model, inputs):.0%} after; "
          f"test accuracy {recipe.evaluate(run)['test_accuracy']:.2f}")  # fmt: skip

# %% [markdown]
# Dropout is noise on purpose: rows are harder to learn by heart when some units are missing, others each time. So a training
# loss *above* the validation loss is no riddle: the one is measured with noise, the other without. Up to a half does no harm
# here. At the strongest setting many rows bring nothing to the last layer from the start, and more of them at the end; the
# network has given up, and answers alike in both modes. **Fix:** start at 0.2. **More:** `coursekit cases
# too-much-dropout`.
