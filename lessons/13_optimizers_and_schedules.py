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
# # 13 · With the weight decay from the paper, the network learns nothing
#
# The digits again, three layers, Adam at an ordinary rate. A paper on such networks names its weight decay, so you set
# it too. The loss stays at ln 10, what a guess costs. Without the decay the same script trains.
#
# **You need:** lessons 03 and 10: the learning rate over a run, and what weight decay takes in a step. **You take home:** what
# the same number means in two optimizers, and how to see a schedule that ends a run too early or starts it anew.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from coursekit import evidence, get_case, plots, record, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("coupled-weight-decay")  # this lesson's failure, as functions you can call
KEPT = {}


def followed(name, recipe):
    """The record of a run with seed 0, and its scores: trained once, then kept under its name."""
    if name not in KEPT:
        run = recipe.build(seed=0, device="cpu")
        with record(run.model, run.optimizer, every=1) as vitals:
            for _ in recipe.train(run):
                pass
        KEPT[name] = (vitals.record, recipe.evaluate(run))
    return KEPT[name]


def rate_of_epochs(values, batches):
    """The learning rate in the first batch of each epoch, as text."""
    return ", ".join(f"{rate:.0e}" for rate in values[::batches])


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=3
# ## A model that does not train
#
# *Weight decay* takes a small part of every weight away in each step, so that none grows without need.

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim import Adam
from torch.utils.data import DataLoader, TensorDataset

x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
x, y = (torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
layers = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = Adam(model.parameters(), lr=0.003, weight_decay=0.1)

for epoch in range(10):
    for inputs, labels in loader:  # (32, 64), (32,)
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    inputs, labels = test.tensors
    logits = model(inputs)  # (360, 10)
    accuracy = (logits.argmax(dim=1) == labels).float().mean()
    loss = loss_fn(logits, labels)
    scores = {"test_accuracy": accuracy.item(), "test_loss": loss.item()}

# %%
print(f"accuracy of the network         {scores['test_accuracy']:.2f}")
print(f"always guessing the same class  {labels.bincount().max().item() / len(labels):.2f}")
print(f"test loss                       {scores['test_loss']:.2f}   (ln 10 is {np.log(10):.2f})")
steps, part = 10 * len(loader), 0.003 * 0.1
print(f"lr × weight_decay = {part:.4f};  times {steps} steps {part * steps:.2f}")
print(f"that part, taken {steps} times, leaves {(1 - part) ** steps:.0%}")

# %% [markdown]
# The last two lines are the reckoning of lesson 10: there, SGD took `lr` × `weight_decay` of each weight in each step.

# %% [markdown] minutes=1
# ## Your prediction

# %% jupyter={"source_hidden": true}
widgets.predict(
    "13-weights",
    "At the end of this run, how large are the weights of the first layer, against their start?",
    options={
        "A": "about nine tenths: this decay is weak, and the cause must be another",
        "B": "about a half: it is stronger than those lines say",
        "C": "less than a thousandth: next to nothing is left",
        "D": "larger than at the start",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=3
# ## Measure
#
# **First measurement: the size of the weights, step by step.** `weight_norm` of a record is the length of a layer's weights. Beside
# the script runs the same one with `AdamW` in place of `Adam`: the optimizer of that paper.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
for name, recipe, look in [
    ("Adam", CASE.broken, plots.BROKEN),
    ("AdamW", CASE.fixed, plots.FIXED),
]:
    vitals, _ = followed(name, recipe)
    sizes = vitals.of_layer("weight_norm", "0")
    ax.plot(sizes / sizes[0], color=look.colour, linestyle=look.dash, label=name)
    loss = vitals["loss"].values
    ratio = vitals.of_layer("update_ratio", "0")
    left = sizes[-1] / sizes[0]
    left = "less than a millionth of" if left < 1e-6 else f"{left:.1f} times"
    late = "over 5%" if ratio[-10:].mean() > 0.05 else "under 1%"
    print(f"{name:>5}: at the end the first layer has {left} its first size; loss {loss[-34:].mean():.1f}\n"
          f"       a step is {ratio[0]:.0%} of the weights at first, "
          f"{late} of what is left at the end")  # fmt: skip
ax.plot(
    (1 - 0.0003) ** np.arange(len(sizes)),
    color="#555555",
    linestyle=":",
    label="lr × weight_decay alone",
)
ax.set(
    yscale="log",
    ylim=(1e-9, 30),
    xlabel="step (batches)",
    ylabel="size of the first layer's\nweights, against its start",
)
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# **Figure.** Size of the first layer's weights (logarithmic): with Adam they fall to nothing; with AdamW and the same number they
# grow. Decay by the reckoning of lesson 10 alone would hardly be seen.
#
# So it *is* the decay, and that reckoning is wrong for Adam. Nor is the rate too small: measured against what is left of the weights, the
# steps are long to the end.
#
# **Second measurement: who pulls?** `Adam` adds `weight_decay` × *weight* to the gradient of each weight: the *L2 term*. Compare the
# lengths of the two parts of that sum, at the first step:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
inputs, labels = next(iter(run.train))
run.loss_fn(run.model(inputs), labels).backward()
for name in ("0", "2", "4"):
    weight = run.model[int(name)].weight
    pull, data = 0.1 * weight.norm().item(), weight.grad.norm().item()
    print(f"layer {name}: L2 term {pull:.2f}, gradient of the data {data:.2f}: "
          f"{pull / data:.1f} to 1; "
          f"at a decay of 0.01 {pull / data / 10:.2f} to 1")  # fmt: skip

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
vitals, _ = followed("Adam", CASE.broken)
pulls = 0.1 * vitals.of_layer("weight_norm", "0") / vitals.of_layer("gradient_norm", "0")
for step in (0, 34, 68):
    print(f"step {step:>2}: in the first layer {pulls[step]:.2g} to 1")

# %% [markdown]
# What should it be? At the first step, not well above 1: roughly, the larger part decides where the weights go. Here that is the L2 term, from
# the first step, and its lead grows: each layer's gradient is in proportion to the weights of the *other* layers. As all of them shrink, the data pull less and less.

# %% [markdown] minutes=4
# ## The cause
#
# Who pulls is one question, how *fast* is another. Take one weight of size 1 that the data do not touch: their gradient is 0. Only
# the decay is left.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "13-one-weight",
    "Adam, rate 0.003. How long is the first step of this weight at a decay of 0.1, and at 0.00001?",
    options={
        "A": "at 0.1 ten thousand times as long",
        "B": "the same in both",
        "C": "at 0.1 a hundred times as long",
    },
)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for optimizer_type in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    for weight_decay in (0.1, 0.001, 0.00001):
        weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
        optimizer = optimizer_type([weight], lr=0.003, weight_decay=weight_decay)
        weight.grad = torch.zeros_like(weight)  # the data do not care
        optimizer.step()
        print(
            f"{optimizer_type.__name__:>5}, decay {weight_decay:<5}: "
            f"first step {1 - weight.item():.1e}"
        )

# %% [markdown]
# Adam divides each weight's gradient by that gradient's own running size (an average over the last steps), so that every weight moves
# at about the rate. The L2 term is *inside* that gradient. A number divided by its own size is 1. So where the L2 term is all there is, or most of it,
# the first step is the full rate, at any decay. And over a whole run? Ten thousand weights, each as large as a typical one of the first layer; the
# data leave them alone (*silent*), or pull them to and fro at random (*noisy*):

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
size = CASE.broken.build(seed=0, device="cpu").model[0].weight.square().mean().sqrt().item()
print(f"weights of {size:.2f}; what is left of them, on average, after 340 steps")
for data, spread in (("silent", 0.0), ("noisy", 0.01)):
    for optimizer_type in (torch.optim.Adam, torch.optim.AdamW):
        left = []
        for weight_decay in (0.1, 0.01, 0.00001):
            weights = nn.Parameter(torch.full((10_000,), size))
            optimizer = optimizer_type([weights], lr=0.003, weight_decay=weight_decay)
            order = torch.Generator().manual_seed(0)
            for _ in range(340):
                weights.grad = spread * torch.randn(10_000, generator=order)
                optimizer.step()
            left.append(f"{abs(weights.mean().item() / size):.1f} at {weight_decay}")
        print(f"{data:>6}, {optimizer_type.__name__:>5}: {', '.join(left)}")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
print("the network itself:")
for method, weight_decay in [
    (torch.optim.Adam, 0.00001),
    (torch.optim.Adam, 0.01),
    (torch.optim.AdamW, 0.1),
]:
    recipe = CASE.fixed.having(method=method, weight_decay=weight_decay)
    run = recipe.build(seed=0, device="cpu")
    blank = (run.train.dataset.tensors[0] == 0).all(dim=0)  # (64,): pixels that no row inks
    first = run.model[0].weight.detach().clone()
    for _ in recipe.train(run):
        pass
    weight = run.model[0].weight.detach()
    left = (weight[:, blank].norm() / first[:, blank].norm()).item()
    left = "less than a millionth" if left < 1e-6 else f"{left:.1f}"
    print(f"{method.__name__:>5}, decay {weight_decay:<5}: of the weights of "
          f"{int(blank.sum())} pixels that are blank in every row,\n"
          f"       {left} is left; the layer ends at "
          f"{weight.norm() / first.norm():.1f} times its size")  # fmt: skip

# %% [markdown]
# **Where the data are silent** (in the network: at the blank pixels), Adam's decay does not say how fast a weight goes: at first it loses the full rate in each step, and in the end all is gone,
# at 0.1 as at 0.00001. (The steps shrink on the way: the running size remembers the longer gradients of before.) **Where the data are noisy**,
# the decay counts against the size of *their* gradients: at 0.1 nothing is left, at 0.01 a part, at 0.00001 all. AdamW asks the data in neither case.
#
# **AdamW** (*W* for weight decay) divides the data's gradient only, and takes `lr` × `weight_decay` of the weight away *beside* it: the
# reckoning of lesson 10, as in SGD. So the same number has two meanings:
#
# - in AdamW it is a part of each weight; it competes with a step of the full rate;
# - in Adam it is one part of a *sum*; it competes with the data's gradients, and those are small.

# %% [markdown] minutes=1
# ## The fix

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed, context=0))

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, recipe in [("Adam", CASE.broken), ("AdamW", CASE.fixed)]:
    vitals, scores = followed(name, recipe)
    size = vitals["weight_norm"].values  # (340, 3)
    left = ", ".join(f"{part:.1f}" for part in size[-1] / size[0])
    print(f"{name:>5}: loss at the end {vitals['loss'].values[-34:].mean():.1f},\n"
          f"       weights of the three layers, against their start: {left}; "
          f"accuracy {scores['test_accuracy']:.2f}")  # fmt: skip

# %% [markdown] minutes=2
# ## The wrong fixes
#
# *Share of the gap* is how far a change gets from the broken run (0 %) to the fixed one (100 %), on seeds
# that nobody tuned on.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
for wrong, share in evidence.stored_shares(CASE).items():
    print(f"{wrong}: {round(share, 2) + 0:.0%} of the gap")
    print(fill(reasons[wrong], 90, initial_indent="  ", subsequent_indent="  "))
losses = evidence.stored_scores(CASE.name, score="test_loss")
for name in ("no decay at all", "fixed"):
    print(f"{name}: median test loss {np.median(losses[name]):.2f}")

# Batch normalisation after each of the two hidden layers
run = CASE.broken.build(seed=0, device="cpu")
torch.manual_seed(0)
hidden = [part for _ in range(2) for part in (nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())]
model = nn.Sequential(*hidden, nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=0.1)
for _ in range(10):
    for inputs, labels in run.train:
        optimizer.zero_grad()
        run.loss_fn(model(inputs), labels).backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    inputs, labels = run.test.tensors
    logits = model(inputs)
    right = (logits.argmax(dim=1) == labels).float().mean().item()
    print(
        f"with BatchNorm: accuracy {'over' if right > 0.9 else 'under'} 0.9, "
        f"test loss {run.loss_fn(logits, labels).item():.1f}"
    )

# %% [markdown]
# - **A tenth of the decay** trains: the L2 term is the smaller part now. But in Adam it is another decay for each weight: in the table of the
#   cause, 0.01 takes all of a silent weight and a part of a noisy one. AdamW takes the same part of each.
# - **No decay at all** trains as well, and on these rows decay buys nothing: compare the two losses. If the paper's decay was to do
#   something for you, it is gone.
# - **BatchNorm** brings the accuracy back and hides the cause. It scales each layer's output up again, however small the
#   weights. The last layer has none after it: its weights stay small, and its answers unsure. Look at the loss.

# %% [markdown] minutes=1
# ## Find where it breaks
#
# The decay, and the optimizer. Up to which decay does each of the two train? How many times are these two numbers apart?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "weight_decay", "method")

# %% [markdown]
# **Figure.** Training loss and validation accuracy of the reference run, AdamW with a decay of 0.1. Each setting draws its own run
# over it. When you have found both numbers, compare with this:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
up_to = []
for method, decays in [(torch.optim.Adam, (0.03, 0.1)), (torch.optim.AdamW, (3.0, 10.0, 30.0))]:
    reached = [
        CASE.fixed.having(method=method, weight_decay=weight_decay).run(seed=0)["test_accuracy"]
        for weight_decay in decays
    ]
    pairs = list(zip(reached, decays, strict=True))
    found = "  ".join(f"{accuracy:.1f} at {decay:g}" for accuracy, decay in pairs)
    print(f"{method.__name__:>5}:  {found}   (test accuracy)")
    up_to.append(max(decay for accuracy, decay in pairs if accuracy > 0.8))
print(f"of these, Adam trains well up to {up_to[0]:g}, AdamW up to {up_to[1]:g}: "
      f"{up_to[1] / up_to[0]:.0f} times apart")  # fmt: skip

# %% [markdown] minutes=1
# ## Is it always so?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for row in evidence.verify(CASE, seeds=[2000, 2001], only=["broken", "fixed"]):
    verdict = "learns" if row.scores["test_accuracy"] > 0.5 else "does not learn"
    print(f"seed {row.seed}, {row.recipe:<6}: {verdict}")
stored = evidence.stored_scores(CASE.name, score="test_accuracy")
print(f"{len(stored['broken'])} seeds: best broken run {max(stored['broken']):.2f}, "
      f"worst fixed run {min(stored['fixed']):.2f}")  # fmt: skip

# %% [markdown] minutes=1
# ## The rate is the one that always worked, and the momentum is 0.99
#
# **Symptom:** the loss falls for some steps, then climbs again, and most hidden units die. **Measurement:** how long is a step when the gradient stays the same?
# *Momentum* β keeps a *velocity*: the gradient, plus β times the velocity before. The step is the rate times the velocity.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for momentum in (0.0, 0.9, 0.99):
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=momentum)
    lengths = []
    for _ in range(1000):
        before = weight.item()
        weight.grad = torch.ones_like(weight)  # always the same gradient, 1
        optimizer.step()
        lengths.append(before - weight.item())
    print(f"momentum {momentum:<4}: first step {lengths[0]:.1f}, 10th {lengths[9]:4.1f}, "
          f"1000th {lengths[-1]:4.1f}; lr / (1 − momentum) = {0.1 / (1 - momentum):.1f}")  # fmt: skip

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("momentum-too-high")
vitals, _ = followed("momentum", case.broken.having(epochs=3))
loss, dead = vitals["loss"].values, vitals["dead_fraction"].values[-1].max()
lowest = "under 0.5" if loss[:68].min() < 0.5 else "over 0.5"
third = "over 1" if loss[-68:].mean() > 1 else "under 1"
print(f"momentum 0.99, rate 0.1: lowest loss of a batch in the first epoch {lowest};\n"
      f"  mean of the third {third}; dead units {'most' if dead > 0.5 else 'few'}\n")  # fmt: skip
for momentum, lr in [(0.9, 0.1), (0.99, 0.01), (0.99, 0.1), (0.9, 1.0)]:
    accuracy = case.broken.having(momentum=momentum, lr=lr, epochs=6).run(seed=0)["test_accuracy"]
    print(f"momentum {momentum:<4}, rate {lr:<4}: lr / (1 − momentum) = {lr / (1 - momentum):4.1f}, "
          f"{'learns' if accuracy > 0.85 else 'does not learn'}")  # fmt: skip
kept = evidence.stored_scores(case.name, score="test_accuracy")
print(f"{len(kept['broken'])} seeds, 0.99 against 0.9 at rate 0.1: best broken {max(kept['broken']):.2f}, "
      f"worst fixed {min(kept['fixed']):.2f}")  # fmt: skip

# %% [markdown]
# Under a steady gradient the steps add up to **`lr` / (1 − momentum)**: compare that between two settings, not the rate. It comes late: the
# first step is the same in all three lines, and the push lasts after the gradient has turned. **Fix:** a smaller momentum, or a smaller
# rate. **More:** `coursekit cases momentum-too-high`.

# %% [markdown] minutes=3
# ## Excellent at half time, bad at the end
#
# **Symptom:** one hidden layer of tanh units, SGD with momentum 0.9, a high first rate of 0.6 (with this momentum in effect ten times as high), and
# `CosineAnnealingLR`, which lowers the rate along a cosine. After ten epochs the loss is excellent. After twenty it is bad again. The scheduler was written for a run of ten epochs, `T_max=10`; the run was made longer.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "13-cosine",
    "T_max=10: after epoch 10 the rate has come down to 0. What is it in the ten epochs that follow?",
    options={
        "A": "0: the scheduler is done",
        "B": "it climbs back to 0.6 as slowly as it fell",
        "C": "0.6 at once: the cosine starts anew",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("cosine-comes-back")
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3))
for name, recipe, look in [
    ("T_max=10", case.broken, plots.BROKEN),
    ("T_max=20", case.fixed, plots.FIXED),
]:
    run = recipe.build(seed=0, device="cpu")
    x, y = run.train.dataset.tensors  # (1078, 64), (1078,)
    group = run.optimizer.param_groups[0]
    rate, loss = [group["lr"]], []
    for _ in recipe.train(run):  # stops after each epoch
        rate.append(group["lr"])  # the one of the next epoch
        with torch.no_grad():
            loss.append(run.loss_fn(run.model(x), y).item())
    panels[0].plot(
        range(1, 22), rate, color=look.colour, linestyle=look.dash, marker=look.marker, label=name
    )
    panels[1].plot(range(1, 21), loss, color=look.colour, linestyle=look.dash, marker=look.marker)
    half, end = ("under 0.2" if loss[at] < 0.2 else "over 0.2" for at in (9, 19))
    print(f"{name}: rate in epoch 11 {rate[10]:.1f}, after the last {rate[20]:.1f};\n"
          f"  training loss after ten epochs {half}, at the end {end}")  # fmt: skip
panels[0].set(xlabel="epoch", ylabel="learning rate")
panels[1].set(xlabel="epoch", ylabel="training loss (nat)", yscale="log")
panels[0].legend(loc="upper center")
print(diff(case.broken, case.fixed, context=0))
kept = evidence.stored_scores(case.name, score="train_loss")
print(f"{len(kept['broken'])} seeds: best broken training loss {min(kept['broken']):.2f}, "
      f"worst fixed {max(kept['fixed']):.2f}")  # fmt: skip
low = case.broken.having(lr=0.05).run(seed=0)["train_loss"]
print(f"T_max=10, first rate 0.05: training loss at the end {low:.2f}")
plt.show()

# %% [markdown]
# **Figure.** Learning rate in each epoch (left), and training loss after it (right, logarithmic): with `T_max=10` the rate climbs back to where
# it began, and the loss with it; with `T_max=20` the loss swings while the rate is high, then falls.
#
# A cosine goes down *and up*. **Measurement:** print the rate at the end, and the lowest on the way. **Fix:** `T_max` is the length of
# the whole run, counted in the steps *of the scheduler*; write it as `T_max=epochs`, so that the two cannot part. (A low first rate hides it: at
# 0.05 the climb is there, and does little harm; see the last line.) **More:** `coursekit cases cosine-comes-back`.

# %% [markdown] minutes=1
# ## A scheduler that waits for a plateau, and does not wait
#
# `ReduceLROnPlateau` lowers the rate to a tenth when the number it is given has not improved for more than `patience` calls (here 1). Two ways to misuse it.
# **Symptom:** the loss falls for a moment, then nothing moves. **Measurement:** the rate.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("plateau-wrong-mode")
for mode, recipe in [("max", case.broken), ("min", case.fixed)]:
    vitals, scores = followed(f"plateau, {mode}", recipe.having(epochs=12))
    print(
        f"mode={mode!r}, rate of epochs 1 to 9:\n  {rate_of_epochs(vitals['learning_rate'].values[:45], 5)}"
    )
kept = evidence.stored_scores(case.name, score="test_loss")
print(f"   40 epochs, {len(kept['broken'])} seeds: best broken test loss {min(kept['broken']):.1f}, "
      f"worst fixed {max(kept['fixed']):.1f}\n")  # fmt: skip
case = get_case("plateau-per-batch")
vitals, _ = followed("plateau, per batch", case.broken.having(epochs=1))
rate = vitals["learning_rate"].values
cuts = np.flatnonzero(np.diff(rate)) + 1
print(f"stepped per batch: of 34 batches in the first epoch, {len(cuts)} end in a cut of the rate;\n"
      f"  {rate[0]:.0e} at first, {rate[-1]:.0e} after them")  # fmt: skip
kept = evidence.stored_scores(case.name, score="test_accuracy")
print(f"   15 epochs, {len(kept['broken'])} seeds: best broken accuracy {max(kept['broken']):.2f}, "
      f"worst fixed {min(kept['fixed']):.2f}")  # fmt: skip

# %% [markdown]
# - **`mode="max"` on a loss:** better means *higher* to it. A loss that falls in every epoch never gets better, so the rate is cut because
#   training goes well. **Fix:** `mode="min"` for a loss, `"max"` for an accuracy. More patience only cuts later.
# - **Stepped per batch:** the patience counts calls. The loss of single batches goes up and down all the time, so this patience is soon
#   used up. **Fix:** one call an epoch, with the *validation* loss. (Lesson 03 has the same with `StepLR`.)
#
# **More:** `coursekit cases plateau-wrong-mode`, `coursekit cases plateau-per-batch`.

# %% [markdown] minutes=2
# ## When does lowering the rate help at all?
#
# **Symptom one:** a high rate, kept to the end; the loss comes down fast, then jumps about and does not settle. **Symptom two:** it falls for
# ten epochs, then lies flat, still high; the rate was to fall "by ten per cent", and someone wrote `StepLR(step_size=10, gamma=0.1)`.
# **Measurement:** the same network at three first rates, each *kept* and each *lowered to zero* along a cosine.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("no-decay")
rates = (0.1, 0.3, 0.6)
figure, ax = plt.subplots()
for name, recipe, colour, style in [
    ("kept", case.broken, "#0072B2", "o-"),
    ("lowered to zero", case.fixed, "#D55E00", "^--"),
]:
    losses = [recipe.having(lr=rate).run(seed=0)["train_loss"] for rate in rates]
    ax.plot(rates, losses, style, color=colour, label=name)
ax.set(
    xscale="log",
    yscale="log",
    xlabel="first learning rate (momentum 0.9)",
    ylabel="training loss at the end (nat)",
)
ax.set_xticks(rates, [str(rate) for rate in rates])
ax.minorticks_off()
ax.legend(loc="lower left")
kept = evidence.stored_scores(case.name, score="train_loss")
print(f"rate 0.6, {len(kept['broken'])} seeds: best loss where it is kept {min(kept['broken']):.2f}, "
      f"worst where it is lowered {max(kept['fixed']):.2f}")  # fmt: skip
run = case.broken.build(seed=0, device="cpu")
x, y = run.train.dataset.tensors  # (1078, 64), (1078,)
for _ in range(200):
    run.optimizer.zero_grad()
    loss = run.loss_fn(run.model(x), y)
    loss.backward()
    run.optimizer.step()
end = "under 0.01" if loss < 0.01 else "over 0.01"
print(f"rate 0.6 kept, all rows in one batch, 200 steps: loss {end}\n")
case = get_case("decay-too-early")
for gamma in (0.1, 0.9, 1.0):
    vitals, scores = followed(f"StepLR, {gamma}", case.broken.having(gamma=gamma))
    lowered = rate_of_epochs(vitals["learning_rate"].values, 10)
    print(f"gamma={gamma}: rate in epochs 1, 11, 21 … {lowered}; "
          f"test loss {scores['test_loss']:.1f}")  # fmt: skip
plt.show()

# %% [markdown]
# **Figure.** Training loss after twenty epochs, at three first rates: at the highest, lowering it is far better; at the two others, in
# these twenty epochs, keeping it is. Best of all six is half the highest rate, kept.
#
# Batches differ, so at a high rate the weights are shaken for as long as it is high: with all rows in one batch, the same rate settles. **Lowering the
# rate helps where the run cannot settle at it.** Elsewhere it makes the later epochs shorter, or ends the run before it has arrived: `gamma` is what the rate is *multiplied by*. **Fix:** look at the
# loss before the first cut. Is it still falling? Too early. **More:** `coursekit cases no-decay`, `coursekit cases decay-too-early`.

# %% [markdown] minutes=2
# ## What to remember
#
# **For your checklist, the lines "schedule" and "weights":**
#
# - Weight decay goes with `AdamW`. In `Adam`, `weight_decay` is an L2 term: compare its length, decay × size of the weights, with the gradient's.
# - Weights that run to nothing: is `lr` × `weight_decay` × steps well above 1? Then less decay (lesson 10). Well below, as here? Then it is the L2 form:
#   AdamW, or far less of it.
# - Print the rate of every epoch. Gone before the loss has settled: who calls `step()`, how often, with what, and which `mode`? Back at the end: `T_max`.
# - With momentum, the rate is `lr` / (1 − momentum).
# - Where the loss jumps about to the end, lower the rate on the way, or start lower. A cut while the loss still falls steadily comes too early.
# - Another optimizer is another rate. Compare each at its own (appendix).
#
# **On your own model**: put your own names, and your own loop, into the next cell.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
recipe = CASE.broken.having(epochs=3)
yours = recipe.build(seed=1, device="cpu")
my_model, my_optimizer, my_loop = yours.model, yours.optimizer, recipe.train(yours)

with record(my_model, my_optimizer, every=1) as vitals:
    for _ in my_loop:
        pass
mine = vitals.record
rate = mine["learning_rate"].values
print(f"rate: first {rate[0]:.0e}, lowest {rate.min():.0e}, last {rate[-1]:.0e}")
group = my_optimizer.param_groups[0]
apart = group.get("decoupled_weight_decay", False)  # AdamW sets it
for layer in mine["weight_norm"].labels:
    size = mine.of_layer("weight_norm", layer)
    pull = group["weight_decay"] * size[0] / mine.of_layer("gradient_norm", layer)[0]
    print(f"layer {layer}: weights at the end {size[-1] / size[0]:.1f} of their start; "
          + ("decay is taken apart from the gradient" if apart
             else f"L2 term {pull:.1f} to 1"))  # fmt: skip

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "13-weights": widgets.Happened(
            "C", "less than a thousandth", told_by="the size of the weights, step by step"
        ),
        "13-one-weight": widgets.Happened(
            "B", "the same in both", told_by="the first step of one weight without data"
        ),
        "13-cosine": widgets.Happened(
            "B", "it climbs back as slowly as it fell", told_by="the learning rate of each epoch"
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/13_optimizers_and_schedules.ipynb`](../exercises/13_optimizers_and_schedules.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# Three of the four documents behind this course advise weight decay, schedulers or another optimizer. None says that the form of the decay matters.
#
# - "`gamma=0.1` reduces the rate by ten per cent": by ninety. Its `StepLR` ends the run early (`coursekit documents step-lr-beats-constant`).
# - "`ReduceLROnPlateau(verbose=True)`": the argument is gone (`coursekit documents plateau-takes-verbose`), and in that example it never
#   fires (`coursekit documents plateau-frees-the-run`).
# - "Adam is not always the best choice": holds (`coursekit documents adam-is-not-always-best`).
# - "Adam is generally more robust than SGD": in the rate, yes; it does not rescue a network whose gradients vanish
#   (`coursekit documents adam-is-more-robust`).
#
# </details>

# %% [markdown] minutes=2 tags=["optional"]
# ## Appendix · "Replace SGD by Adam, it is better"
#
# **Measurement:** one hidden layer on the digits, five epochs, both optimizers at ten rates each, three seeds.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("optimizer-choice")
rates = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0, 3.0)
runs = [case.fixed.build(seed=seed, device="cpu") for seed in (0, 1, 2)]
x, y = (torch.stack([run.train.dataset.tensors[at] for run in runs]) for at in (0, 1))
network = torch.arange(3)[:, None]
inputs, labels = (torch.stack([run.test.tensors[at] for run in runs]) for at in (0, 1))


def accuracy(method, rate):
    """Mean test accuracy of three networks, each on its own rows, that are trained side by side."""
    torch.manual_seed(0)
    w1, b1, w2, b2 = parts = [
        nn.Parameter(torch.empty(3, *shape).uniform_(-1 / 8, 1 / 8))
        for shape in [(64, 64), (1, 64), (64, 10), (1, 10)]
    ]
    optimizer = method(parts, lr=rate)
    for _ in range(5):
        orders = torch.stack([torch.randperm(x.shape[1]) for _ in runs])  # (3, 1078)
        for rows in orders.split(32, dim=1):
            optimizer.zero_grad()
            logits = (x[network, rows] @ w1 + b1).relu() @ w2 + b2  # (3, 32, 10)
            loss = runs[0].loss_fn(logits.flatten(0, 1), y[network, rows].flatten())
            loss.mul(3).backward()  # the sum of three means: each network gets its own gradient
            optimizer.step()
    with torch.no_grad():
        logits = (inputs @ w1 + b1).relu() @ w2 + b2  # (3, 360, 10)
    return (logits.argmax(dim=2) == labels).float().mean().item()


figure, ax = plt.subplots()
for name, method, colour, style in [
    ("SGD", torch.optim.SGD, "#0072B2", "o-"),
    ("Adam", torch.optim.Adam, "#D55E00", "^--"),
]:
    found = np.array([accuracy(method, rate) for rate in rates])
    ax.plot(rates, found, style, color=colour, label=name)
    print(f"{name:>4}: best at {rates[found.argmax()]}, accuracy {found.max():.2f}")
ax.axhline(0.1, color="#555555", linestyle=":", label="guessing")
ax.set(
    xscale="log", ylim=(0, 1), xlabel="learning rate", ylabel="test accuracy,\nmean of three seeds"
)
ax.legend(loc="center left")
kept = evidence.stored_scores(case.name, score="test_accuracy")
print(f"one linear layer, {len(kept['broken'])} seeds, SGD at 1.0, Adam at 0.01: median accuracy "
      f"{np.median(kept['broken']):.2f} and {np.median(kept['fixed']):.2f}")  # fmt: skip
plt.show()

# %% [markdown]
# **Figure.** Mean test accuracy over the learning rate (logarithmic): both reach about the same height, Adam over a wider range of rates,
# and at much lower ones; above its range each falls to guessing.
#
# With a rate that suits each, they are about equal here. Adam saves you some of the search. So a comparison of optimizers *at one rate* compares
# rates. **More:** `coursekit cases optimizer-choice`.

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · The same in Keras
#
# One weight that the data do not touch, as above, in `keras.optimizers.Adam`:

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from coursekit.device import keras_if_installed

if keras := keras_if_installed():
    for name in ("Adam", "AdamW"):
        for weight_decay in (0.1, 0.001):
            weight = keras.Variable([1.0])
            optimizer = getattr(keras.optimizers, name)(0.003, weight_decay=weight_decay)
            optimizer.apply([keras.ops.array([0.0])], [weight])
            print(
                f"{name:>5}, decay {weight_decay:<5}: first step {1 - float(weight.value[0]):.0e}"
            )

# %% [markdown]
# In Keras, `Adam(weight_decay=…)` *is* AdamW: this failure cannot come from there. A `kernel_regularizer` of L2 adds a term to the loss, and so to the
# gradient, as PyTorch's `Adam` does. And `CosineDecay` stays at its end value: it does not climb back.
