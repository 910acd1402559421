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
# # 03 · One number too large
#
# 1,797 images of handwritten digits, and the network of lesson 00, which read them well. One number
# is another now, and it reads nothing.
#
# **You need:** lesson 00, and the derivative as a slope. **You take home:** a line for your
# checklist, a test that finds a learning rate before you train, and what a rate that is too high
# does to a network.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
import copy
import itertools
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from coursekit import evidence, get_case, plots, record, sweep, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("learning-rate-too-high")  # this lesson's failure, as functions you can call
print("Ready: run the cells below one after the other.")

# %% [markdown] minutes=2
# ## A model that does not train
#
# A loop as in lesson 00, on pictures of handwritten digits. One number in this script is too large.

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
x = torch.tensor(x / 16, dtype=torch.float32)  # grey levels from 0 to 1
y = torch.tensor(y)
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=3.0)

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
always_the_largest_class = np.bincount(y[test_rows]).max() / len(test_rows)
print(f"accuracy of the network         {scores['test_accuracy']:.2f}")
print(f"always guessing the same class  {always_the_largest_class:.2f}")

# %% [markdown]
# No error, no warning. Ten epochs, and no better than a rule that never looks at the image.

# %% [markdown] minutes=2
# ## Your prediction
#
# The learning rate, 3.0, is ten times too large. Two questions before you look inside.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "03-loss",
    "What did the training loss do during these ten epochs?",
    options={
        "A": "it grew without bound, to infinity or NaN",
        "B": "it swung up and down about a good value",
        "C": "it jumped in the first steps, then lay flat at the loss of a guess",
        "D": "it fell as it should: the network knows its training rows and fails on new ones",
    },
)

# %% jupyter={"source_hidden": true}
widgets.predict(
    "03-rescue",
    "After the first epoch the rate is lowered to 0.3, which suits a fresh network. "
    "What is the test accuracy after ten more epochs?",
    options={
        "A": "as good as that of a fresh network trained at 0.3",
        "B": "clearly below it: much of what the first epoch broke stays broken",
        "C": "better: the long first steps have explored more",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=4
# ## Measure
#
# The same run again, recorded; and beside it the run that the checklist asks for, the same at a
# *tenth* of the rate. `build` is the script above down to the loop.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
recorded, dead = {}, {}
for name, lr in [("rate 3.0", 3.0), ("rate 0.3", 0.3)]:
    run = CASE.broken.having(lr=lr).build(seed=0, device="cpu")
    x = run.train.dataset.tensors[0]  # all training rows, (1078, 64)
    dead[name] = []
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in CASE.broken.train(run):  # the script's loop; it stops after each epoch
            hidden = run.model[:2](x)  # (1078, 64)
            dead[name].append((hidden == 0).all(dim=0).sum().item())
    recorded[name] = vitals.record
failing, tenth = recorded["rate 3.0"], recorded["rate 0.3"]
print(failing)

# %% [markdown]
# **First measurement: the loss.** A network that knows nothing gives each of ten classes the
# probability 1/10, so its loss is ln 10 (in *nat*, the unit of natural logarithms). Steps count from
# 0; a loss is read before its step.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
loss = failing["loss"].values
print(f"ln 10, the loss of a network that knows nothing  {np.log(10):.2f}")
print(f"the first loss                                   {loss[0]:.2f}")
print(f"the largest loss, before step {loss.argmax()}                  {loss.max():.1f}")
print(f"mean of the last epoch                           {loss[-34:].mean():.2f}")
figure, ax = plt.subplots()
for name, look in [("rate 3.0", plots.BROKEN), ("rate 0.3", plots.FIXED)]:
    plots.plot_loss(recorded[name], ax=ax, label=name, color=look.colour, linestyle=look.dash)
ax.axhline(np.log(10), color="#555555", linestyle=":", label="ln 10")
ax.set(yscale="linear", ylim=(0, 5.2))
ax.legend()
plt.show()

# %% [markdown]
# **Figure.** The training loss per batch of both runs: they begin at ln 10; at rate 0.3 it falls, at rate
# 3.0 it leaps up twice within the first epoch, and then lies flat at ln 10.
#
# In lesson 01 the *first* loss was too high. Here it is right: nothing is wrong with the input or
# with the first weights. The harm is done by steps.

# %% [markdown]
# **Second measurement: how long is a step?** `update_ratio` is the length of one step over the size
# of the weights that it moves.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
for name, look in [("rate 3.0", plots.BROKEN), ("rate 0.3", plots.FIXED)]:
    ratio = recorded[name].of_layer("update_ratio", "0")  # layer "0" is the first Linear
    ax.plot(ratio[:40], label=name, color=look.colour, linestyle=look.dash)
    lengths = ", ".join(f"{step}: {ratio[step]:.2f}" for step in (2, 5, 6, 10, 20))
    print(f"{name}, step over weights, in step {lengths};")
    print(f"          longest from step 22 on: {ratio[22:].max():.2f}")
ax.axhline(1, color="#555555", linestyle=":", label="as long as the weights")
ax.set(yscale="log", ylim=(1e-3, 5), xticks=range(0, 40, 5), xlabel="step (batches)",
       ylabel="step over weights, layer 0")  # fmt: skip
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# **Figure.** The length of each step beside the size of the first layer's weights, on a logarithmic
# axis: at rate 0.3 a step changes them by a few hundredths; at rate 3.0 the first ones by a good part,
# and one is longer than the weights themselves.
#
# Read both figures together. Step 2 is half as long as the weights, and does no harm. Step 5 is
# slightly shorter, and throws the loss up: the valley is narrower there, as the next section shows. Up there the
# slope is steep, so the next step is longer still. The loss leaps once more, about step 20, and from
# then on the steps stay short. Why?

# %% [markdown]
# **Third measurement: what do those steps leave behind?** As in lesson 01, a ReLU unit that gives
# zero for every row is dead: it gets no gradient.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, counts in dead.items():
    print(f"{name}: dead units of 64, after each epoch: {', '.join(map(str, counts))}")

# %% [markdown]
# Most die in the first epoch, and the rest soon after. (At rate 0.3 three are dead from the first weights
# on.) What gets no gradient takes no long steps. With all of them dead only the last bias still moves,
# and the best it can do is to guess: ln 10.

# %% [markdown] minutes=4
# ## The cause
#
# One weight *w*, one parabola: loss = *w*². Its slope at *w* is 2*w*, so a step goes from *w* to
# *w* − lr · 2*w* = (1 − 2 lr) · *w*. **Every step multiplies the distance to the minimum by the same
# factor, 1 − 2 lr.** All that can happen follows from that factor:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 3, figsize=(8.4, 3), sharey=True)
valley = np.linspace(-1.6, 1.6, 100)
for ax, lr, colour in zip(panels, [0.1, 0.9, 1.05], ["#0072B2", "#0072B2", "#D55E00"], strict=True):
    w = -1.0
    path = [w]
    for _ in range(9):
        w = w - lr * 2 * w  # the learning rate times the slope
        path.append(w)
    ax.plot(valley, valley**2, color="#999999")
    ax.plot(path, np.square(path), color=colour, marker="o", markersize=4, linewidth=1)
    ax.plot(path[0], path[0] ** 2, color="black", marker="s")
    ax.set(title=f"lr = {lr}: factor {1 - 2 * lr:.1f}", xlabel="weight")
panels[0].set_ylabel("loss")
plt.show()

# %% [markdown]
# **Figure.** Nine steps from the black square on the same parabola at three rates: a small one
# creeps down one side, one just below 1 swings from side to side and arrives, one just above 1 lands
# higher each time.
#
# Higher up the slope is steeper, so the next step is longer still: divergence feeds itself. The edge
# is where the factor is −1. If the slope changes by λ for each unit of *w* (here 2; λ is called the
# *curvature*), the factor is 1 − lr · λ, and the edge is **lr = 2/λ**. There is no "rather too high"
# on a parabola: one per cent decides.
#
# **Real data.** Predict how diabetes progresses from ten measurements of a patient, by a linear model
# and its mean squared error. That loss is a bowl over ten weights: a parabola along each of ten directions, with
# ten curvatures. The steepest decides first.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
x, y = get_case("edge-of-stability").fixed.build(seed=0, device="cpu").train.dataset.tensors
curvatures = 2 * np.linalg.eigvalsh((x.T @ x / len(x)).numpy())  # (10,); 2 as for the loss w²
edge = 2 / curvatures.max()
print(f"{len(x)} patients; {len(curvatures)} curvatures from {curvatures.min():.2g} "
      f"to {curvatures.max():.2g}, so the edge is at {edge:.2g}")  # fmt: skip
figure, ax = plt.subplots()
for times, look in [(1.01, plots.BROKEN), (0.99, plots.FIXED)]:
    torch.manual_seed(0)
    model = nn.Linear(10, 1)
    nn.init.ones_(model.weight)  # far from the minimum, on a steep slope
    lr = times * edge
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)  # all rows in each step
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    ax.plot(losses, label=f"{times} × edge", color=look.colour, linestyle=look.dash)
    print(f"{times} × edge: {'diverges' if losses[-1] > losses[0] else 'converges'}")
    if times > 1:
        factor = (1 - lr * curvatures.max()) ** 2  # squared, as the loss goes with distance²
        grows = (losses[-1] / losses[-51]) ** (1 / 50)
        print(f"  each step multiplies the loss by {grows:.3f}; the parabola says {factor:.3f}")
ax.set(yscale="log", xlabel="step", ylabel="training loss (squared deviations)")
ax.legend()
plt.show()

# %% [markdown]
# **Figure.** Two runs whose learning rates differ by two per cent, on a logarithmic axis: just below
# 2/λ of the steepest direction the loss falls, just above it grows without end, by the factor that
# the parabola gives.
#
# **The network.** Its loss is no parabola, and its slopes change as it moves. But along *one* step
# there is a valley to draw. Stop the failing run before step 0 and before step 5, the one that throws
# it, and try that step at many rates:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
x, y = run.train.dataset.tensors  # all training rows: (1078, 64), (1078,)
rates = np.linspace(0, 3.6, 50)
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3))
for step, (inputs, labels) in zip(range(6), run.train, strict=False):
    run.optimizer.zero_grad()
    run.loss_fn(run.model(inputs), labels).backward()
    if step in (0, 5):
        tried = []
        for rate in rates:
            moved = copy.deepcopy(run.model)
            with torch.no_grad():
                for weight, before in zip(moved.parameters(), run.model.parameters(), strict=True):
                    weight -= rate * before.grad
                tried.append(run.loss_fn(moved(x), y).item())  # the first is of rate 0
        good = rates[np.array(tried) <= tried[0]].max()
        print(f"step {step}: rates up to {good:.1f} do not raise the loss")
        ax = panels[0 if step == 0 else 1]
        ax.plot(rates, tried, color="#0072B2")
        ax.axhline(tried[0], color="#555555", linewidth=1)
        ax.axvline(3.0, color="#D55E00", linestyle="--")
        ax.set(title=f"step {step}", xlabel="learning rate of this one step")
    run.optimizer.step()
panels[0].set_ylabel("loss of all rows after it")
plt.show()

# %% [markdown]
# **Figure.** The loss after one step against the learning rate of that step, each panel with its own
# axis (grey: the loss before; dashed: 3.0): both are valleys; at 3.0, step 0 ends just below the loss
# before it, and step 5 far above.
#
# So the edge *moves*: after five steps the valley is narrower, and the same rate is too much.
#
# Why no NaN, then? On the diabetes bowl the slope grows with the distance, so nothing stops the swing.
# Here two things do. The slope of cross-entropy with respect to an output never exceeds 1. And each
# leap leaves more units below zero, where the gradient is zero: the run does not fly away, it dies.

# %% [markdown] minutes=1
# ## The fix
#
# One number.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed))
for name, recipe in [("broken", CASE.broken), ("fixed", CASE.fixed)]:
    print(f"{name:>6}: test accuracy {recipe.run(seed=0)['test_accuracy']:.2f}")

# %% [markdown] minutes=3
# ## The wrong fixes
#
# **Lower the rate later.** One epoch at 3.0, then ten at 0.3: your second prediction.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for seed in range(3):
    late = CASE.broken.having(epochs=1).build(seed=seed, device="cpu")
    for _ in CASE.broken.train(late):
        pass
    alive = (late.model[:2](late.train.dataset.tensors[0]) > 0).any(dim=0).sum()  # of all rows
    late.optimizer.param_groups[0]["lr"] = 0.3
    for _ in range(10):
        for inputs, labels in late.train:
            late.optimizer.zero_grad()
            late.loss_fn(late.model(inputs), labels).backward()
            late.optimizer.step()
    fresh = CASE.fixed.run(seed)["test_accuracy"]
    rescued = CASE.broken.evaluate(late)["test_accuracy"]
    print(f"seed {seed}: {alive} of 64 units alive after one epoch; "
          f"rescued {rescued:.1f}, 0.3 from the start {fresh:.2f}")  # fmt: skip

# %% [markdown]
# A dead unit does not come back at a good rate either. How much is lost depends on how many units
# survive the first epoch, *and which*. **If the rate was too high, start afresh.**
#
# Four more changes that people try, each at rate 3.0. *Share of the gap* is how far a change gets from
# the broken run (0 %) to the fixed one (100 %), on seeds that nobody tuned on. (The *norm* of a
# gradient is its length.)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
for wrong, share in evidence.stored_shares(CASE).items():
    print(f"{wrong}: {share:.0%} of the gap")
    print(fill(reasons[wrong], 90, initial_indent="  ", subsequent_indent="  ") + "\n")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored = evidence.stored_scores(CASE.name, score="test_accuracy")
names = ["broken", *evidence.stored_shares(CASE), "fixed"]
labels = CASE.broken.build(seed=0, device="cpu").test.tensors[1]  # (360,)
plots.plot_scores(
    {name: stored[name] for name in names},
    baseline=labels.bincount().max().item() / len(labels),
    baseline_label="always guessing the largest class",
)
plt.show()

# %% [markdown]
# **Figure.** Test accuracy on those seeds, one mark a seed: more epochs and clipping help on
# hardly any seed; the scheduler helps on most and brings none to a fixed run; BatchNorm does as well as the
# fix.

# %% [markdown] minutes=2
# ## Find where it breaks
#
# The slider sets the learning rate, from a thousandth to ten. Where is the best rate, and how far
# above it does the run break? Which mistake costs more: ten times too low, or ten times too high?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "lr")

# %% [markdown]
# **Figure.** Training loss and validation accuracy of the reference run at rate 0.3; each position
# of the slider draws its own run over it.
#
# The two sides are not alike. A rate ten times too low costs some accuracy; ten times too high, nothing
# is left but a guess. At 1 the run is as good as at 0.3, though many units are dead already; at 3 it is
# lost. The best rates lie *just below the edge*: that is why this mistake is common.

# %% [markdown] minutes=1
# ## The same in Keras
#
# The same data, layers and epochs; the fixed rate is 0.1 here.

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from coursekit.device import keras_if_installed

run = CASE.broken.build(seed=0, device="cpu")
x, y = (part.numpy() for part in run.train.dataset.tensors)  # (1078, 64), (1078,)
x_test, y_test = (part.numpy() for part in run.test.tensors)
if keras := keras_if_installed():
    for lr in (3.0, 0.1):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
        )
        model.compile(
            optimizer=keras.optimizers.SGD(lr),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        history = model.fit(x, y, batch_size=32, epochs=10, verbose=0).history
        _, accuracy = model.evaluate(x_test, y_test, verbose=0)
        hidden = np.maximum(model.layers[0](x), 0)  # (1078, 64)
        print(f"rate {lr}: last training loss {history['loss'][-1]:.1f}, dead units "
              f"{(hidden == 0).all(axis=0).mean():4.0%}, test accuracy {accuracy:.1f}")  # fmt: skip

# %% [markdown] minutes=1
# ## Is it always so?
#
# Seeds that nobody used for choosing a setting, in both frameworks; two of them again, now.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored = evidence.stored_scores(CASE.name, score="test_accuracy")
stored_keras = evidence.stored_scores(CASE.name, score="test_accuracy", framework="keras")
for row in evidence.verify(CASE, seeds=[1000, 1001], only=["broken", "fixed"]):
    accuracy = row.scores["test_accuracy"]
    assert abs(accuracy - stored[row.recipe][row.seed - 1000]) <= 5 / 360, "not what was stored"
    print(f"seed {row.seed}, {row.recipe:<6}: test accuracy {accuracy:.2f}, at most 5 images off")

figure, ax = plt.subplots(figsize=(6.4, 2.4))
scores = {}
for framework, kept in [("PyTorch", stored), ("Keras", stored_keras)]:
    for name in ("broken", "fixed"):
        scores[f"{name}, {framework}, {len(kept[name])} seeds"] = kept[name]
plots.plot_scores(scores, ax=ax)
plt.show()

# %% [markdown]
# **Figure.** Test accuracy over those seeds, one mark a seed: in both frameworks every fixed run is
# far ahead of every broken one.

# %% [markdown] minutes=2
# ## Too low
#
# The other mistake. At a rate of 0.0001 nothing jumps; after ten epochs the loss is where it was.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "03-low",
    "A run at a tenth of a good learning rate, and no limit on the number of steps: what happens?",
    options={
        "A": "it arrives, in about ten times as many steps",
        "B": "it arrives, but in a hundred times as many: the slopes are smaller too",
        "C": "it never arrives: it gets stuck in a local minimum",
    },
)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
low = get_case("learning-rate-too-low")
run = low.broken.build(seed=0, device="cpu")
x, y = run.train.dataset.tensors  # (1078, 64), (1078,)
losses = [run.loss_fn(run.model(x), y).item()]
with record(run.model, run.optimizer, every=1) as vitals:
    for _ in low.broken.train(run):  # stops after each epoch
        losses.append(run.loss_fn(run.model(x), y).item())
print(f"loss of all training rows, before: {losses[0]:.4f}, after ten epochs: {losses[-1]:.4f}")
print(f"it fell in {sum(np.diff(losses) < 0)} of ten epochs")
ratio = vitals.record.of_layer("update_ratio", "0").mean()
print(f"a step is {ratio:.0e} times the size of the weights")

# %% [markdown]
# **Symptom:** a loss that seems to stand still. **Measurement:** it falls in every epoch, by steps far
# too short. So it is not "stuck in local minima", as one of the documents behind this course has
# it. Give it time: three rates, each until the loss is 0.25.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
x, y = get_case("learning-rate-too-low").broken.build(seed=0, device="cpu").train.dataset.tensors
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3), sharey=True)
for lr, dash in [(0.3, "-"), (0.1, "--"), (0.03, ":")]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = [float("inf")]
    while losses[-1] > 0.25:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)  # all rows in each step: no noise
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    steps = np.arange(len(losses))
    print(f"rate {lr:<4}: {steps[-1]:>3} steps, rate × steps = {lr * steps[-1]:.0f}")
    panels[0].plot(steps, losses, dash, label=f"rate {lr}")
    panels[1].plot(lr * steps, losses, dash, linewidth=2.5)
print(f"at rate 0.0001 it would take {lr * steps[-1] / 0.0001:.0e} steps")
panels[0].set(xscale="log", xlabel="step", ylabel="training loss (nat)")
panels[1].set(xlabel="rate × step")
panels[0].legend()
plt.show()

# %% [markdown]
# **Figure.** The same three runs against steps (left, logarithmic) and against rate × steps (right):
# on the right they lie on one curve.
#
# They walk the *same way* in steps of different length. **Fix:** a larger rate; the slow run was
# right all along. It did not fail, it was stopped. **More,** in a terminal:
# `coursekit cases learning-rate-too-low`.

# %% [markdown] minutes=3
# ## Find a rate before you train
#
# **The range test.** Let the rate grow by the same factor in each step, from far too low to far too
# high, over a few hundred steps of one short run. Stop where the loss is twice what it was.


# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
def range_test(model, loss_fn, loader, rates):
    """Take one step at each rate; gives back the loss before each step, as far as it went."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rates[0])
    batches = (batch for _ in itertools.count() for batch in loader)  # epoch after epoch
    losses = []
    for rate, (inputs, labels) in zip(rates, batches, strict=False):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if losses[-1] > 2 * losses[0]:
            break
    return np.array(losses)


run = CASE.broken.build(seed=0, device="cpu")  # a fresh network
rates = np.logspace(-3, 1, 200)
losses = range_test(run.model, run.loss_fn, run.train, rates)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
width = 10  # a mean over so many steps: single batches jump about
smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
at = rates[width // 2 :][: len(smooth)]  # the middle of each mean
lowest = at[smooth.argmin()]
print(f"lowest at {lowest:.1f}; a third of that is {lowest / 3:.1g}")
figure, ax = plt.subplots()
ax.plot(at, smooth, color="#0072B2")
ax.set(xscale="log", ylim=0, xlabel="learning rate of the step", ylabel="smoothed loss (nat)")
plt.show()

# %% [markdown]
# **Figure.** Loss against learning rate in a range test: flat where the rate is too low, falling where it
# works, a wall where it is too high. It is a mean over ten steps, so it ends below the limit.
#
# **How to read it.** Go to the lowest point, then back to a third of that rate, where the curve still
# falls. **Its limits.** Another number of steps gives another reading. The edge moves after the first
# steps. And it ruins the network: train a fresh one.
#
# **The trainability map.** The best rate belongs to a network, not to a data set. A grid of rates and
# depths (numbers of hidden layers), each cell a network trained for a few epochs (`sweep` trains them side by side):

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
x, y = CASE.broken.build(seed=0, device="cpu").train.dataset.tensors
batches = list(zip(x.split(49), y.split(49), strict=True))


def build(seed, depth):
    more = [layer for _ in range(depth - 1) for layer in (nn.Linear(32, 32), nn.ReLU())]
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), *more, nn.Linear(32, 10))


result = sweep(
    build, batches, loss_fn=nn.CrossEntropyLoss(), lr=np.logspace(-2, 1, 13).tolist(),
    over={"depth": [1, 2, 3, 4, 5]}, epochs=8, progress=False,
)  # fmt: skip
plots.plot_trainability(result)
plt.show()

# %% [markdown]
# **Figure.** The loss at the end over learning rate and depth, dark where the network has learnt: the
# dark band has a wall on the right, fades out on the left, and with each layer it becomes narrower
# until nothing is left after these few epochs.
#
# One seed and a short run: "not yet" is not "never". But with depth even the best rate gets slow.
# Lesson 04 asks why.

# %% [markdown] minutes=2
# ## A scheduler stepped per batch
#
# **Symptom:** the loss falls for a moment, then nothing moves. The rate is 0.1, which is fine, and a
# scheduler is to cut it to a tenth after ten epochs. **Measurement:** the learning rate in the record.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
scheduled = get_case("scheduler-per-batch")
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3))
for name, recipe, look in [
    ("broken", scheduled.broken, plots.BROKEN),
    ("fixed", scheduled.fixed, plots.FIXED),
]:
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in recipe.train(run):
            pass
    rate = vitals.record["learning_rate"].values
    panels[0].plot(np.maximum(rate, 1e-6), color=look.colour, linestyle=look.dash, label=name)
    plots.plot_loss(vitals.record, ax=panels[1], color=look.colour, linestyle=look.dash)
    print(f"{name:>6}: rate at the end of the first epoch {rate[33]:.0e}, "
          f"test accuracy {recipe.evaluate(run)['test_accuracy']:.2f}")  # fmt: skip
panels[0].set(yscale="log", xlabel="step (batches)", ylabel="learning rate (not below 1e-6)")
panels[0].legend(loc="center right")
panels[1].set(yscale="linear", ylim=0)
plt.show()

# %% [markdown]
# **Figure.** Learning rate (left, logarithmic) and training loss (right) of both runs: in the broken
# one the rate is gone before the first epoch is over, and the loss stays where it was.
#
# `StepLR(step_size=10)` counts how often it is stepped, and nothing else. **Fix:** step it where an
# epoch ends.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(scheduled.broken, scheduled.fixed, context=9))

# %% [markdown]
# Some schedulers *want* a step per batch (`OneCycleLR`). In Keras a `LearningRateSchedule` counts
# batches, and the callback `LearningRateScheduler` epochs. Do not remember which: print the rate.
# **More:** `coursekit cases scheduler-per-batch` in a terminal, and the appendix below.

# %% [markdown] minutes=1
# ## What to remember
#
# **For your checklist, the line "learning rate":** what happens at a tenth of it, and at ten times?
# At a good rate, both are worse. Better at a tenth: it was too high. Better at ten times: too low.
#
# - Too high does not mean NaN. The first loss right, steps nearly as long as the weights, then ln *K* and
#   dead units: the rate. The first loss far too high: look at the input (lesson 01).
# - Flat at ln *K* from the start to the end, and steps of a hundred-thousandth of the weights: too low.
#   It is slow in proportion, and not stuck. Here a good rate gave a fiftieth.
# - A run that began too fast rarely recovers fully. Start afresh.
#
# **On your own model**: put your own names into the next cell. It asks the checklist's question.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.fixed.build(seed=1, device="cpu")
my_model, my_loader, my_loss, my_lr = yours.model, yours.train, yours.loss_fn, 0.3

for lr in (my_lr / 10, my_lr, my_lr * 10):
    fresh = copy.deepcopy(my_model)  # the same first weights each time
    optimizer = torch.optim.SGD(fresh.parameters(), lr=lr)
    for _ in range(3):
        losses = []
        for inputs, labels in my_loader:
            optimizer.zero_grad()
            loss = my_loss(fresh(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    print(f"rate {lr:<4.2g}: mean loss of the third epoch {np.mean(losses):.1f}")

# %% [markdown]
# What you predicted, beside what happened. Nobody scores it.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "03-loss": widgets.Happened(
            "C", "a jump, then flat at ln 10", told_by="the loss per step beside ln 10"
        ),
        "03-rescue": widgets.Happened(
            "B",
            "below a fresh run on each of three seeds",
            told_by="how many units are alive after one epoch, and which",
        ),
        "03-low": widgets.Happened(
            "A", "it arrives, in proportion", told_by="the loss against rate × steps"
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/03_learning_rate.ipynb`](../exercises/03_learning_rate.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# Three of the documents that this course is built on warn of a rate that is too high, rightly; that it
# oscillates or diverges is true of the bowl, not of this network, which dies quietly. Of a rate that is
# too low, one says that it gets stuck in local minima, another that it might fail entirely to reach
# the minimum: both are false here. One comment says that `gamma=0.1`
# reduces the rate by 10 %; it reduces it *to* 10 % (appendix). And `ReduceLROnPlateau(verbose=True)`,
# which one of them uses, is an error in the PyTorch of today.
#
# </details>

# %% [markdown] minutes=4 tags=["optional"]
# ## Appendix · Three more ways to lose the rate
#
# | symptom | cause | fix |
# |---|---|---|
# | the loss falls briefly, then stands still | `ReduceLROnPlateau` watches a *loss* in mode `"max"`: each improvement counts as a failure | `mode="min"` |
# | good at half time, worse at the end | `CosineAnnealingLR`: after `T_max` epochs the cosine climbs back | `T_max` = all epochs |
# | falls for ten epochs, then hardly moves | `StepLR(gamma=0.1)`: it *leaves* a tenth, it does not take one away | `gamma=0.9`, or a longer `step_size` |
#
# The measurement is the same for all three: the learning rate in the record, beside the loss.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
figure, panels = plt.subplots(1, 3, figsize=(8.4, 2.8))
names = ["plateau-wrong-mode", "cosine-comes-back", "decay-too-early"]
for ax, name in zip(panels, names, strict=True):
    case = get_case(name)
    for label, recipe, look in [
        ("broken", case.broken, plots.BROKEN),
        ("fixed", case.fixed, plots.FIXED),
    ]:
        run = recipe.build(seed=0, device="cpu")
        with record(run.model, run.optimizer, every=1) as vitals:
            for _ in recipe.train(run):
                pass
        rate = vitals.record["learning_rate"]
        ax.plot(rate.steps, rate.values, color=look.colour, linestyle=look.dash, label=label)
        loss = vitals.record["loss"].values
        half, end = (part[-len(loss) // 20 :].mean() for part in np.split(loss, 2))
        ratio = end / half
        words = "under 0.1" if ratio < 0.1 else f"{ratio:.2f}" if ratio < 5 else "over 5"
        print(f"{name:>18}, {label:<6}: loss at the end {words} times that at half time")
    ax.set(title=name, xlabel="step (batches)", yscale="linear" if "cosine" in name else "log")
panels[0].set_ylabel("learning rate")
panels[0].legend()
plt.show()

# %% [markdown]
# **Figure.** The learning rate of the broken and the fixed run in each case (the first and the last panel
# on a logarithmic axis; in the last one all rows are one batch, so a step is an epoch): cut again and again though
# the loss falls; back up to where it began; a ten-thousandth of the first at the end.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for name in names:
    print(diff(get_case(name).broken, get_case(name).fixed, context=0), "\n")
