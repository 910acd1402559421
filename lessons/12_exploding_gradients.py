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
# # 12 · The first loss is in the millions, and soon it is NaN
#
# The digits of lesson 04, a network of eight ReLU layers, cross-entropy, an ordinary rate. Before a single step
# is taken the loss is in the millions. A few steps later it is `nan`, *not a number*: what a computer writes where
# a calculation has no answer.
#
# **You need:** lessons 03 and 04: `update_ratio`, the gradient norm of each layer, He's weights. **You take
# home:** a search for the first value that is not finite, and when clipping is a cure and when it is a cover.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from coursekit import evidence, get_case, plots, record, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("exploding-initialisation")  # this lesson's failure, as functions you can call


def power(size):
    """A size as a power of ten, where the rest differs from machine to machine."""
    return f"10^{round(np.log10(size))}" if np.isfinite(size) else f"{size:g}"


def first_pass(recipe, seed=0):
    """The first batch on its way through a network, forward and back, before any step.

    Returns the loss and, for each Linear layer, the length of what comes in, the length of the
    gradient that comes back to its output, and the gradient norm of its weights.
    """
    run = recipe.build(seed=seed, device="cpu")
    signal, labels = next(iter(run.train))  # (32, 64), (32,)
    came_in, outputs = [], []
    for layer in run.model:
        if isinstance(layer, nn.Linear):
            came_in.append(signal.norm().item())
        signal = layer(signal)
        if isinstance(layer, nn.Linear):
            signal.retain_grad()  # so that backward() keeps the gradient of a value inside
            outputs.append(signal)
    loss = run.loss_fn(signal, labels)
    loss.backward()
    came_back = [output.grad.norm().item() for output in outputs]
    weights = [layer.weight.grad.norm().item() for layer in run.model if hasattr(layer, "weight")]
    return loss.item(), np.array(came_in), np.array(came_back), np.array(weights)


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=3
# ## A model that does not train
#
# One line of it is the cause.

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.init import normal_
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
x, y = (torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
hidden = [layer for _ in range(8) for layer in (nn.Linear(64, 64), nn.ReLU())]
model = nn.Sequential(*hidden, nn.Linear(64, 10))
for layer in model:
    if isinstance(layer, nn.Linear):
        normal_(layer.weight)
loss_fn = nn.CrossEntropyLoss()
optimizer = SGD(model.parameters(), lr=0.05)

for epoch in range(25):
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
print(f"test loss                       {scores['test_loss']}")
print(f"accuracy of the network         {scores['test_accuracy']:.2f}")
print(f"always guessing the same class  {labels.bincount().max().item() / len(labels):.2f}")
print(f"answers that it gives           {logits.argmax(dim=1).unique().tolist()}")

# %% [markdown]
# All its outputs are NaN, and of a row of NaNs `argmax` names the first: the network answers 0, always.
#
# `normal_` draws the first weights with mean 0 and standard deviation 1: that is its default.

# %% [markdown] minutes=1
# ## Your prediction

# %% jupyter={"source_hidden": true}
widgets.predict(
    "12-fix",
    "The first weights stay as they are. Which one change brings the accuracy above 90 %?",
    options={
        "A": "gradient clipping: a gradient longer than 1 is cut to length 1",
        "B": "a learning rate fifty times smaller",
        "C": "Adam, at a rate of 0.001",
        "D": "float64: numbers up to 10^308, where float32 ends at 10^38",
        "E": "none of these",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=7
# ## Measure
#
# **First measurement: the loss of the first steps.**

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")  # the script down to its loop
with record(run.model, run.optimizer, every=1) as vitals:
    next(CASE.broken.train(run))  # its loop, for one epoch
failing = vitals.record
for step in range(3):
    print(f"step {step}: loss {failing['loss'].values[step]:.1e}; "
          "the step moves the first layer by "
          f"{power(failing.of_layer('update_ratio', '0')[step])} times its size")  # fmt: skip
print(f"should be: first loss near ln 10, {np.log(10):.1f}; steps far smaller than the weights")

# %% [markdown]
# The first loss is computed before any step. So **the learning rate has no part in it**. That is how to tell
# this failure from a rate that is too high (lesson 03): there, the first loss is right.
#
# **Second measurement: the gradient norm of each layer at the first step.** In lesson 04 it fell from the last layer
# back to the first. And here?

# %% jupyter={"source_hidden": true}
widgets.predict(
    "12-layers",
    "The gradient norm of the nine layers' weights, at the first step. Which layer has the largest?",
    options={
        "A": "the first, by far: the gradient grows on its way back",
        "B": "the last, by far: there the signal is largest",
        "C": "none: it is about the same in all layers",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
for name, recipe, look in [
    ("deviation 1", CASE.broken, plots.BROKEN),
    ("He's weights", CASE.fixed, plots.FIXED),
]:
    _, _, _, weights = first_pass(recipe)
    ax.plot(range(1, 10), weights, color=look.colour, linestyle=look.dash, marker=look.marker,
            label=name)  # fmt: skip
    print(f"{name:>12}: gradient norm of the first layer {power(weights[0])}, of the last "
          f"{power(weights[-1])}")  # fmt: skip
ax.set(yscale="log", ylim=(1e-2, 1e8), xlabel="layer, from the input to the output",
       ylabel="gradient norm")  # fmt: skip
ax.set_xticks(range(1, 10))
ax.legend(loc="center right")
plt.show()

# %% [markdown]
# **Figure.** Gradient norm of each layer at the first step (logarithmic): as level as with He's weights, and a million
# times too high.
#
# "About the same in every layer", the checklist line of lesson 04, is true of this network. The *height* is wrong. And why
# is it level?
#
# **Third measurement: its two factors.** The gradient of a layer's weights is a product of what *comes in* on the
# way forward and of the gradient that *comes back* to its output. Measure the length of each:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3), sharey=True)
for ax, name, recipe in [
    (panels[0], "deviation 1", CASE.broken),
    (panels[1], "He's weights", CASE.fixed),
]:
    _, came_in, came_back, weights = first_pass(recipe)
    ax.plot(range(1, 10), came_in, "^-", color="#0072B2", label="comes in")
    ax.plot(range(1, 10), came_back, "v--", color="#D55E00", label="comes back")
    ax.set(yscale="log", title=name, xlabel="layer")
    ax.set_xticks(range(1, 10))
    forward = (came_in[-1] / came_in[1]) ** (1 / 7)
    back = (came_back[0] / came_back[-2]) ** (1 / 7)
    print(f"{name:>12}: a layer multiplies the signal by {forward:.1f} on the way forward,\n{'':>14}"
          f"the gradient by {back:.1f} on the way back")  # fmt: skip
panels[0].set(ylabel="length")
panels[1].legend(loc="upper right")
plt.show()

# %% [markdown]
# **Figure.** Length of what comes into each layer and of the gradient that comes back to it (logarithmic): with deviation 1
# both grow by the same factor a layer, in opposite directions, so that their product is level; with He's weights both
# keep their size.
#
# That factor names the cause, and the record holds it too, as `activation_std`, the spread of each layer's output.
#
# **Fourth measurement: where is the first value that is not finite?** Go forward from the input, one layer at a time:


# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
def first_with(test, model, inputs):
    """The first of the nine layers with a value of that kind in its output, or "no layer"."""
    signal = inputs
    for number, layer in enumerate(model):  # a Linear, its ReLU, the next Linear …
        signal = layer(signal)
        if test(signal).any():
            return f"layer {number // 2 + 1}"
    return "no layer"


run = CASE.broken.build(seed=0, device="cpu")
for step, (inputs, labels) in zip(range(3), run.train, strict=False):
    infinite = first_with(torch.isinf, run.model, inputs)
    nan = first_with(torch.isnan, run.model, inputs)
    run.optimizer.zero_grad()
    loss = run.loss_fn(run.model(inputs), labels)
    loss.backward()
    finite = all(weight.grad.isfinite().all() for weight in run.model.parameters())
    run.optimizer.step()
    print(f"step {step}: first inf in {infinite}, first nan in {nan}; "
          f"loss {loss:.1e};\n        gradients "
          f"{'finite' if finite else 'NOT finite'}; largest weight of the first layer afterwards "
          f"{power(run.model[0].weight.detach().abs().max().item())}")  # fmt: skip

# %% [markdown]
# Read it from the top. The first step makes the first layer a thousand times larger, as measured above. With those weights the last
# layer's output passes the largest number of float32: `inf`, and so is the loss, while its gradients are finite still. One more
# step, and `inf` (or `-inf`) stands in an early layer, `nan` in a later one, and from there in the gradients and in the first layer's weights.
# **The loss is where you see it last.** Look for the first step, then for the first layer in it, from the input on. (On
# other seeds it is another layer, or the loss alone.)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
print(f"largest float32 {torch.finfo(torch.float32).max:.1e}")
big = torch.tensor(3e38)
print(f"10 · big = {10 * big},  10 · big − 10 · big = {10 * big - 10 * big},  0 · (10 · big) = "
      f"{0 * (10 * big)},  relu(−10 · big) = {torch.relu(-10 * big)}")  # fmt: skip

# %% [markdown]
# ReLU turns −inf into 0. Once several +inf of one row pass it, the next sum over weights of both signs meets `inf − inf`, which
# has no answer: here between layers 6 and 7.

# %% [markdown] minutes=2
# ## The cause
#
# No network is needed. Take 32 rows of random numbers, multiply them by a random matrix, drop what is
# negative, eight times:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
torch.manual_seed(0)
for size in (0.05, np.sqrt(2 / 64), 0.3, 1.0):  # standard deviation of the weights
    signal = torch.rand(32, 64)
    start = signal.norm()
    for _ in range(8):
        signal = torch.relu(signal @ (size * torch.randn(64, 64)))
    total = (signal.norm() / start).item()
    print(f"weights of size {size:.2f}: {total ** (1 / 8):4.1f} a layer (size · √32 is "
          f"{size * np.sqrt(32):.1f}), in eight layers {total:.0e}")  # fmt: skip

# %% [markdown]
# A unit adds up its inputs, each times a random weight. Terms of random sign partly cancel: what is left is about as
# large as the length of the whole input times the size of a weight. There are 64 such units, ReLU drops half of them, and
# the length of 32 such numbers is √32 times one of them. So a layer of *n* units that gets *n* inputs multiplies the length by
#
# > size of the weights × √(*n*/2)
#
# A network multiplies it by that **to the power of its depth**.
#
# He's rule is the size at which that factor is 1: √(2/*n*). Below it signal and gradient vanish, as in lesson 04; above it
# they explode. (Where the two numbers differ, He's *n* counts the inputs: the more of them, the smaller the weights must be.)

# %% [markdown] minutes=1
# ## The fix

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed, context=0))

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, recipe in [("broken", CASE.broken), ("fixed", CASE.fixed)]:
    loss, came_in, _, weights = first_pass(recipe)
    recipe = recipe.having(epochs=6)
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in recipe.train(run):
            pass
    bad = vitals.record["non_finite"].values
    accuracy = recipe.evaluate(run)["test_accuracy"]
    print(f"{name:>6}: first loss {loss:.1e}; a layer multiplies by "
          f"{(came_in[-1] / came_in[1]) ** (1 / 7):.1f}; first gradient norm {power(weights[0])};\n"
          f"        steps with a value that is not finite {(bad > 0).sum()} of {len(bad)}; accuracy "
          f"{'over 0.8' if accuracy > 0.8 else f'{accuracy:.1f}'}")  # fmt: skip

# %% [markdown] minutes=2
# ## The wrong fixes
#
# *Share of the gap* is how far a change gets from the broken run (0 %) to the fixed one (100 %), on seeds
# that nobody tuned on.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
for wrong, share in evidence.stored_shares(CASE).items():
    print(f"{wrong}: {share:.0%} of the gap")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
names = ["broken", *reasons, "fixed"]
plots.plot_scores(
    {name: stored_scores[name] for name in names}, baseline=0.1, baseline_label="guessing"
)
plt.show()

# %% [markdown]
# **Figure.** Test accuracy on those seeds, one mark a seed: clipping and Adam name two digits in three, and on no seed
# reach the worst fixed run.
#
# Two in three looks like a model that needs tuning. Look at the loss (median over the seeds):

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, losses in evidence.stored_scores(CASE.name, score="test_loss").items():
    if name not in ("broken", "healthy"):
        print(f"{name}: test loss {power(np.median(losses))}")
scores = CASE.broken.having(lr=1e-6, epochs=5).run(seed=0)
print(f"a rate of a millionth: accuracy {'over' if scores['test_accuracy'] > 0.3 else 'under'} 0.3, "
      f"test loss {power(scores['test_loss'])}\n")  # fmt: skip
for name, kind in [("float32", torch.float32), ("float64", torch.float64)]:
    run = CASE.broken.build(seed=0, device="cpu")
    run.model.to(kind)
    losses = []
    for _, (inputs, labels) in zip(range(4), run.train, strict=False):
        run.optimizer.zero_grad()
        loss = run.loss_fn(run.model(inputs.to(kind)), labels)
        loss.backward()
        run.optimizer.step()
        losses.append(f"{loss.item():.0e}")
    print(f"in {name}, the first losses are {', '.join(losses)}")

# %% [markdown]
# - **Clipping, Adam, a rate of a millionth:** the steps are short, and the NaN is gone. In these epochs the weights stay about as
#   large as they were. Such a network answers with full certainty, rightly or wrongly, so what is wrong costs enormously.
# - **float64** buys two steps. Where each step multiplies the number of digits, a longer scale is soon used up.
#
# What clipping does cure has a section of its own below.

# %% [markdown] minutes=1
# ## Find where it breaks
#
# The size of the first weights, as a multiple of He's, and the number of layers. Below stands the gradient norm of each layer
# (held at 10,000 where it is larger). How wide is the range of sizes that train 2 layers, 8, 20?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "scale", "depth", below="gradients")

# %% [markdown]
# **Figure.** Training loss, and below it the gradient norm of each layer, of the reference run: eight layers
# from He's weights. Each setting draws its own run over it.

# %% [markdown] minutes=1
# ## Is it always so?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for row in evidence.verify(CASE, seeds=[2000, 2001], only=["broken", "fixed"]):
    verdict = "learns" if row.scores["test_accuracy"] > 0.5 else "does not learn"
    print(f"seed {row.seed}, {row.recipe:<6}: {verdict}")
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
print(f"{len(stored_scores['broken'])} seeds: best broken run {max(stored_scores['broken']):.2f}, "
      f"worst fixed run {min(stored_scores['fixed']):.2f}")  # fmt: skip
for seed in range(3):
    loss, *_, weights = first_pass(CASE.broken, seed)
    print(f"seed {seed}: first loss {loss:.0e}, gradient norm of the nine layers from "
          f"{power(weights.min())} to {power(weights.max())}")  # fmt: skip

# %% [markdown] minutes=3
# ## One batch has an enormous loss
#
# **Symptom:** He's weights, four layers, the first loss near ln 10. Some steps go well (on some seeds for several epochs); then a
# batch has an enormous loss, and afterwards the loss is constant or NaN. **Measurement:** the loss, and the longest step. **Fix:** one line, between
# `backward()` and `step()`.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("exploding-updates")
run = case.broken.build(seed=0, device="cpu")
with record(run.model, run.optimizer, every=1) as vitals:
    for _, _ in zip(range(3), case.broken.train(run), strict=False):
        pass
broken = vitals.record["loss"].values
longest = np.nanmax(vitals.record["update_ratio"].values)
dead = vitals.record["dead_fraction"].values[-1].max()  # of the layer that has most of them
run = case.fixed.build(seed=0, device="cpu")
fixed, lengths = [], []
for _ in range(run.epochs):
    for inputs, labels in run.train:
        run.optimizer.zero_grad()
        loss = run.loss_fn(run.model(inputs), labels)
        loss.backward()
        lengths.append(clip_grad_norm_(run.model.parameters(), max_norm=1.0).item())
        run.optimizer.step()
        fixed.append(loss.item())
figure, ax = plt.subplots()
ax.plot(broken[:60], color=plots.BROKEN.colour, linestyle=plots.BROKEN.dash, label="broken")
ax.plot(fixed[:60], color=plots.FIXED.colour, linestyle=plots.FIXED.dash, label="clipped")
ax.axhline(np.log(10), color="#555555", linestyle=":", label="ln 10, a guess")
ax.set(yscale="log", ylim=(0.3, 1e6), xlabel="step (batches)", ylabel="training loss (nat)")
ax.legend(loc="upper right")
print(f"first loss {broken[0]:.1f}; the longest step is "
      f"{'many times' if longest > 3 else f'{longest:.1f} times'} the size of a layer's weights;\n"
      "dead units in the worst layer afterwards: "
      f"{'all or nearly all' if dead > 0.9 else f'{dead:.0%}'}")  # fmt: skip
print(diff(case.broken, case.fixed, context=1), "\n")
reasons = {rival.name: rival.why for rival in case.rivals}
for wrong, share in evidence.stored_shares(case).items():
    print(f"{wrong}: {share:.0%} of the gap\n  {reasons[wrong]}")
plt.show()

# %% [markdown]
# **Figure.** Training loss of the first sixty steps (logarithmic, cut off above): without clipping it leaps out of the picture
# and lies at ln 10 afterwards, with dead units; with clipping it falls.
#
# The rate, 1.0, is too high for plain SGD. One step overshoots into a steep place, the gradient there is longer, the
# next step longer still. Clipping bounds the step. (A rate of 0.1 is a fix as well.) After `step()` it comes too late.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "12-how-often",
    "Clipping at 1 mends this run. In how many steps of the first epoch does it cut the gradient?",
    options={
        "A": "in one or two: where the run broke",
        "B": "in about half of them",
        "C": "in all, or nearly all of them",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
cut = np.array(lengths).reshape(12, 34) > 1  # (epochs, batches)
for epoch in (0, 11):
    share = cut[epoch].mean()
    words = "all or nearly all" if share > 0.9 else "less than half" if share < 0.5 else "many"
    print(f"epoch {epoch + 1:>2}: {words} of the steps are cut")

# %% [markdown]
# **Look how often it acts:** `clip_grad_norm_` returns the length *before* the cut; a record shows gradients *after* it.
# While every step is cut, rate × limit is your step size, and the gradient gives the direction only. Nor does it remove a
# NaN: the length is NaN then, and with it all that is multiplied by it. **More:** `coursekit cases exploding-updates`.

# %% [markdown] minutes=1
# ## A recurrent network: some batches, then NaN
#
# **Symptom:** a recurrent network of ReLU units reads a digit row by row. After the first batches the loss leaps, and soon it is NaN.
# **Measurement:** by what factor does the gradient grow, from each row to the one before?


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def factor_and_loss(run, inputs, labels):
    """By how much the gradient of the state grows a row on the way back, and the loss; now .grad is set."""
    hidden, states = torch.zeros(1, len(inputs), 64), []
    for row in inputs.reshape(-1, 8, 8).unbind(dim=1):  # (32, 8): one row of every image
        _, hidden = run.model.rnn(row[:, None], hidden)
        hidden.retain_grad()
        states.append(hidden)
    loss = run.loss_fn(run.model.answer(hidden[0]), labels)
    run.optimizer.zero_grad()
    loss.backward()
    first, last = states[0].grad.norm().item(), states[-1].grad.norm().item()
    return (first / last) ** (1 / 7), loss.item()


case = get_case("exploding-recurrent")
run = case.broken.build(seed=0, device="cpu")
he = np.sqrt(2 / 64)
print(
    f"recurrent weights at the start: {run.model.rnn.weight_hh_l0.std().item() / he:.1f} times He's"
)
factors, losses = [], []
for inputs, labels in run.train:
    factor, loss = factor_and_loss(run, inputs, labels)
    losses.append(f"{loss:.0e}")
    if not np.isfinite(loss):
        break
    factors.append(factor)
    run.optimizer.step()
print(f"loss of the first batches: {', '.join(losses)}")
worst = "over 10" if max(factors) > 10 else f"{max(factors):.1f}"
print(f"the gradient grows {factors[0]:.1f} times a row before the first step,\n  "
      f"{worst} times in the worst step before the NaN")  # fmt: skip
few = {
    "broken, 2 epochs": case.broken.having(epochs=2),
    "clipped, 10 epochs": case.fixed.having(epochs=10),
    "a rate of 0.02, 20 epochs": case.broken.having(lr=0.02, epochs=20),
}
for name, recipe in few.items():
    accuracy = recipe.run(seed=0)["test_accuracy"]
    print(f"{name}: {'learns' if accuracy > 0.6 else 'does not learn'}")
for limit in (1.0, 0.1):
    trial = case.broken.build(seed=0, device="cpu")
    for _ in range(10):
        for inputs, labels in trial.train:
            trial.optimizer.zero_grad()
            trial.loss_fn(trial.model(inputs), labels).backward()
            clip_grad_value_(trial.model.parameters(), limit)
            trial.optimizer.step()
    accuracy = case.broken.evaluate(trial)["test_accuracy"]
    print(f"clip_grad_value_ at {limit}: {'learns' if accuracy > 0.6 else 'does not get that far'}")
for cut in (clip_grad_norm_, clip_grad_value_):
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([0.3, 4.0])
    cut([weight], 1.0)
    print(f"{cut.__name__} at 1 makes (0.30, 4.00) to ({weight.grad[0]:.2f}, {weight.grad[1]:.2f})")

# %% [markdown]
# One matrix, applied at each row: a deep network whose layers share their weights. Its factor is raised to the power of the number of
# rows. It is above 1 at the start; a long step makes it larger, and the next step longer still. **Fix:** clipping; a smaller rate
# mends it too, by shortening every step. `clip_grad_norm_` keeps the direction. `clip_grad_value_` cuts each entry by itself: that
# turns the gradient, and bounds its length only loosely. **More:** `coursekit cases exploding-recurrent`.

# %% [markdown] minutes=1
# ## The rate was lowered, and the loss does not come back
#
# **Symptom:** the rate starts at 3.0 and is multiplied by 0.8 after each epoch. The loss ends at ln 10 or not far below, at rates that
# train well from a fresh start. **Measurement:** the loss at the end, and the units that give 0 for *every* training row.


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def many(units):
    """How many of 32 units, in words where it is most of them: that number differs by machine."""
    return "nearly all" if units > 28 else "most" if units > 16 else str(units)


case = get_case("dead-relu")
for name, recipe in [
    ("rate from 3.0 down", case.broken),
    ("LeakyReLU, from 3.0 down", case.fixed),
    ("rate 0.1 throughout", case.healthy),
]:
    run = recipe.build(seed=0, device="cpu")
    x = run.train.dataset.tensors[0]  # (1078, 64)
    found = {}
    for epoch in recipe.train(run):
        with torch.no_grad():
            silent = run.model[0](x) <= 0  # (1078, 32)
        found[epoch] = (silent.all(dim=0).sum().item(), silent[:16].all(dim=0).sum().item())
    with torch.no_grad():
        loss = run.loss_fn(run.model(x), run.train.dataset.tensors[1]).item()
    accuracy = recipe.evaluate(run)["test_accuracy"]
    verdict = "learns" if accuracy > 0.75 else "does not learn"
    print(f"{name}: {verdict}, loss at the end {loss:.1f};\n  units above 0 in no row: "
          f"{many(found[1][0])} after the first epoch, {many(found[20][0])} after the last;\n  "
          f"counted on 16 rows only: {many(found[20][1])}")  # fmt: skip
reasons = {rival.name: rival.why for rival in case.rivals}
for wrong, share in evidence.stored_shares(case).items():
    print(f"{wrong}: {round(share, 2) + 0:.0%} of the gap\n  {reasons[wrong]}")

# %% [markdown]
# The first, too long steps push units below zero for all rows. There ReLU is flat: no gradient, no way back, whatever the rate is
# later. **Fix:** the rate of the *first* epoch; or LeakyReLU, whose slope below zero is 0.01. Most of its units stay down
# there as well; what they pass on is enough. **Count over an epoch:** at a rate of 0.1, units that are silent on a few rows fire
# on others. (`dead_fraction` of a record counts over 8 batches.) **More:** `coursekit cases dead-relu`.

# %% [markdown] minutes=1
# ## The same in Keras
#
# Keras clips in the optimizer. Two variables with gradients of length 3 and 4 (together 5), rate 1, limit 1:

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from coursekit.device import keras_if_installed

if keras := keras_if_installed():
    for name in ("clipnorm", "global_clipnorm"):
        pair = [keras.Variable([0.0]), keras.Variable([0.0])]
        optimizer = keras.optimizers.SGD(1.0, **{name: 1.0})
        optimizer.apply([keras.ops.array([3.0]), keras.ops.array([4.0])], pair)
        steps = [-float(variable.value[0]) for variable in pair]
        print(f"{name:>15}: steps {steps[0]:.1f} and {steps[1]:.1f}")
    x = np.random.default_rng(0).random((64, 64))
    for name, callbacks in [("fit", []), ("TerminateOnNaN", [keras.callbacks.TerminateOnNaN()])]:
        keras.utils.set_random_seed(0)
        wide = keras.initializers.RandomNormal(stddev=1.0)
        layer = keras.layers.Dense
        hidden = [layer(64, activation="relu", kernel_initializer=wide) for _ in range(8)]
        model = keras.Sequential([keras.Input((64,)), *hidden, layer(1)])
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
        epochs = len(
            model.fit(x, x[:, 0], epochs=4, verbose=0, callbacks=callbacks).history["loss"]
        )
        print(f"{name:>15}: ran {epochs} of 4 epochs")

# %% [markdown]
# `clipnorm` cuts each variable by itself and turns the step; **`global_clipnorm` is PyTorch's `clip_grad_norm_`**. And `fit` goes on
# through NaN to the end, unless `TerminateOnNaN` stops it. The first weights that `Dense` draws by itself are smaller than He's.

# %% [markdown] minutes=2
# ## What to remember
#
# **For your checklist, the lines "initial loss" and "gradients":**
#
# - Is the first loss near what a guess costs? If it is several times that, before any step: first weights or inputs,
#   not the rate.
# - By what factor does a layer multiply the signal? To the power of the depth it must stay near 1. (Bare residual layers: the appendix.)
# - Gradients of thousands *at the first step*? Mend the start. Ordinary at first, and enormous later? A lower rate; or clip, between
#   `backward()` and `step()`, and look how often it acts.
# - NaN: go to the first step that has it, then from the input to the first layer.
# - Flat after a wild start: count dead units over an epoch. A lower rate does not wake them.
#
# **On your own model**: put your own names, and your own loss, into the next cell. It takes one step.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.fixed.build(seed=1, device="cpu")
my_model, my_loss, my_optimizer = yours.model, yours.loss_fn, yours.optimizer
inputs, labels = next(iter(yours.train))

with record(my_model, my_optimizer, every=1) as vitals:
    my_optimizer.zero_grad()
    loss = my_loss(my_model(inputs), labels)
    loss.backward()
    my_optimizer.step()
mine = vitals.record
print(f"first loss {loss.item():.3g}; a guess between 10 classes costs {np.log(10):.3g}; "
      f"entries that are not finite: {mine['non_finite'].values[0]:.0f}")  # fmt: skip
for layer in mine["gradient_norm"].labels:
    print(f"layer {layer:>2}: spread of its output {mine.of_layer('activation_std', layer)[0]:.0e}, "
          f"gradient norm {mine.of_layer('gradient_norm', layer)[0]:.0e}, "
          f"step {mine.of_layer('update_ratio', layer)[0]:.0e} of its size")  # fmt: skip

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "12-fix": widgets.Happened(
            "E", "none of these", told_by="the first loss: it is there before any step"
        ),
        "12-layers": widgets.Happened(
            "C",
            "about the same in all layers",
            told_by="what comes in and what comes back, layer by layer",
        ),
        "12-how-often": widgets.Happened(
            "C", "in nearly all of them", told_by="what clip_grad_norm_ returns"
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/12_exploding_gradients.ipynb`](../exercises/12_exploding_gradients.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# Two of the documents behind this course name exploding gradients beside vanishing ones, one of them with the right
# consequence: numbers that overflow. What they advise does not help as it stands.
#
# - "Residual connections can mitigate these issues": bare ones make forty layers explode; scaled ones help
#   (`coursekit documents residual-connections-fix-depth`).
# - "ELU or Swish instead of sigmoid or tanh": that is advice against *vanishing*, and depends on the first weights there, too
#   (`coursekit documents elu-and-swish-prevent-vanishing`).
#
# None of them says that the first weights decide, and none names clipping.
#
# </details>

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · Forty residual layers
#
# **Symptom:** residual connections against vanishing, He's weights, and the first loss is enormous. **Measurement:** the
# signal after layers 1 and 40, in the three networks of lesson 04.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
deep = get_case("deep-plain-net")
for name, recipe in [
    ("plain", deep.broken),
    ("residual", deep.broken.having(keep=1.0)),
    ("residual / √40", deep.fixed),
]:
    run = recipe.build(seed=0, device="cpu")
    inputs, labels = next(iter(run.train))
    sizes, signal = [], inputs
    with torch.no_grad():
        for layer in run.model[:-1]:
            signal = layer(signal)
            sizes.append(signal.norm().item())
        loss = run.loss_fn(run.model(inputs), labels).item()
    print(
        f"{name:>14}: times {(sizes[-1] / sizes[0]) ** (1 / 39):.1f} a layer; first loss {power(loss)}"
    )

# %% [markdown]
# A residual layer returns what came in *plus* its part, so the factor is above 1 even with He's weights. **Fix:** multiply each part by
# 1/√depth. The first loss is still some times a guess, and it trains: lesson 04. **More:** `coursekit cases deep-plain-net`.
