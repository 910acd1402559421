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
# # 06 · The loss falls, then climbs, and never comes back
#
# The digits network of lesson 03: the same rows, the same loss, a rate that suits it. For some steps it
# learns. Then it loses all that it had learnt.
#
# **You need:** lessons 03 and 04: learning rate, `update_ratio`, the norm of a gradient. **You take
# home:** tests that tell whether a training loop does what you think it does.
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
from torch.nn.utils import parameters_to_vector

from coursekit import evidence, get_case, plots, record, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("missing-zero-grad")  # this lesson's failure, as functions you can call
print("Ready: run the cells below one after the other.")

# %% [markdown] minutes=2
# ## A model that does not train
#
# One line of the loop is missing.

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
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)

for epoch in range(10):
    for inputs, labels in loader:  # (32, 64), (32,)
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
verdict = "under 0.3" if scores["test_accuracy"] < 0.3 else "over 0.3"
print(f"accuracy of the network         {verdict}")
print(f"always guessing the same class  {labels.bincount().max().item() / len(labels):.2f}")

# %% [markdown]
# You may have seen it at once: `optimizer.zero_grad()` is not there. What it does to a run is less plain,
# and how to see it in a loop that is not five lines long.
#
# The run is chaotic: the last bits of your processor's sums decide where it ends. Of such a run the course prints
# on which side of a limit it ends, and no digits.

# %% [markdown] minutes=1
# ## Your prediction
#
# The line stays missing. One other thing is changed.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "06-hides",
    "Which one change, without zero_grad in each step, brings the accuracy above 90 %?",
    options={
        "A": "zero_grad() once at the start of each epoch",
        "B": "gradient clipping: a gradient longer than 1 is cut to length 1",
        "C": "Adam, at a rate of 0.01, in place of SGD",
        "D": "none of these",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=4
# ## Measure
#
# `backward()` writes into `.grad`, and the optimizer steps along what stands there. So compare two things
# in each step: the gradient of **this batch alone**, which `torch.autograd.grad` hands over without
# touching `.grad`, and **what stands in `.grad`**. They should be the same.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")  # the script down to its loop
weights = list(run.model.parameters())
alone, stored, angle = [], [], []
with record(run.model, run.optimizer, every=1) as vitals:
    for _ in range(run.epochs):
        for inputs, labels in run.train:
            loss = run.loss_fn(run.model(inputs), labels)
            own = parameters_to_vector(torch.autograd.grad(loss, weights, retain_graph=True))
            loss.backward()
            grad = parameters_to_vector([weight.grad for weight in weights])  # (4810,)
            alone.append(own.norm().item())
            stored.append(grad.norm().item())
            angle.append(torch.cosine_similarity(own, grad, dim=0).clamp(-1, 1).acos().item())
            run.optimizer.step()
failing = vitals.record

# %% [markdown]
# **First measurement: the loss,** beside a run of the complete loop.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
whole = CASE.fixed.build(seed=0, device="cpu")
with record(whole.model, whole.optimizer, every=1) as vitals:
    for _ in CASE.fixed.train(whole):
        pass
figure, ax = plt.subplots()
for name, one, look in [
    ("without zero_grad", failing, plots.BROKEN),
    ("with zero_grad", vitals.record, plots.FIXED),
]:
    plots.plot_loss(one, ax=ax, label=name, color=look.colour, linestyle=look.dash, linewidth=1.3)
    loss = one["loss"].values
    last = loss[-34:].mean()
    print(f"{name:>17}: first loss {loss[0]:.1f}, mean of steps 10 to 20 {loss[10:20].mean():.1f}, "
          f"of the last epoch {'above ln 10' if last > np.log(10) else f'{last:.1f}'}")  # fmt: skip
ax.axhline(np.log(10), color="#555555", linestyle=":", label="ln 10, a guess")
ax.set(yscale="linear", ylim=(0, 10))
ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
plt.show()

# %% [markdown]
# **Figure.** The training loss per batch (peaks above 10 are cut off): without `zero_grad` it falls at
# first, and *faster* than in the complete loop; then it swings and leaps, and ends above ln 10.
#
# In lesson 03 a rate that was too high ended *at* ln 10, the loss of a guess. This run ends above it.

# %% [markdown]
# **Second measurement: how long is the gradient, and where does it point?**

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3))
panels[0].plot(stored, "--", color="#D55E00", label="in .grad")
panels[0].plot(alone, "-", color="#0072B2", linewidth=1, label="of the batch alone")
panels[0].set(yscale="log", ylim=(0.1, 90), xlabel="step (batches)", ylabel="gradient norm")
panels[0].legend(loc="upper right", ncols=2)
degrees = np.degrees(angle)
panels[1].plot(degrees, color="#D55E00", linewidth=1, label="is")
panels[1].axhline(90, color="#555555", linestyle=":", label="unrelated")
panels[1].axhline(0, color="#0072B2", linestyle="--", label="should be")
panels[1].set(xlabel="step (batches)", ylabel="angle between the two (degrees)", ylim=(-5, 180))
panels[1].legend(loc="upper right")
for step in (0, 10):
    print(f"step {step:>2}: norm in .grad {stored[step]:.1f}, of the batch {alone[step]:.1f}, "
          f"angle {degrees[step]:.0f}°")  # fmt: skip
times = np.median(np.divide(stored, alone)[-34:])
print(f"last epoch: norm in .grad {'over' if times > 10 else 'under'} 10 times that of the batch, "
      f"angle about {round(degrees[-34:].mean(), -1):.0f}°")  # fmt: skip
plt.show()

# %% [markdown]
# **Figure.** Length of the gradient that the optimizer uses and of the batch's own (left, logarithmic),
# and the angle between them (right): they are the same in step 0 only. Then `.grad` grows and points
# ever less where the batch points, until the two have next to nothing to do with each other.
#
# The batch's own gradient is shorter in the last epoch than in the first. What the optimizer gets is a sum over *all steps so far*.
#
# **Third measurement: the size of all weights.** Where do such steps lead?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, one in [("without zero_grad", failing), ("with zero_grad", vitals.record)]:
    size = np.linalg.norm(one["weight_norm"].values, axis=1)
    ratio, dead = one.of_layer("update_ratio", "0"), one["dead_fraction"].values[-1, 0]
    print(f"{name:>17}: weights {size[0]:.0f} at the start, "
          f"{'over 1000' if size[-1] > 1000 else f'{size[-1]:.0f}'} at the end; "
          f"highest update ratio {ratio.max():.2f};\n{'':>19}"
          f"dead units at the end {'over 90%' if dead > 0.9 else f'{dead:.0%}'}")  # fmt: skip

# %% [markdown]
# Each step is a smaller part of the weights than the one that did the harm in lesson 03, but goes nearly the same way
# as the one before. The weights become a few hundred times larger, and the hidden units die on the way.

# %% [markdown] minutes=4
# ## The cause
#
# `backward()` **adds** to `.grad`. Here is one weight, whose slope is 2, asked three times:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
w = torch.tensor(1.0, requires_grad=True)
for _ in range(3):
    (w**2).backward()
    print(w.grad.item())

# %% [markdown]
# So step *n* goes along the sum of *n* gradients, and nothing is ever taken off. What does that do? Take
# the parabola of lesson 03, loss = *w*², a start at −1 and a small rate.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "06-bowl",
    "Each step goes along the sum of all slopes so far. What does the weight do?",
    options={
        "A": "it runs away: the sum grows, and so do the steps",
        "B": "it arrives earlier, as it gathers speed",
        "C": "it swings for ever, as far to the other side as it began",
        "D": "it swings, each time less far, and comes to rest",
    },
)


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def walk(lr, steps, emptied):
    """The path of one weight down the parabola w², from -1."""
    w, grad, path = -1.0, 0.0, [-1.0]
    for _ in range(steps):
        grad = 2 * w + (0.0 if emptied else grad)
        w = w - lr * grad
        path.append(w)
    return np.array(path)


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
for name, emptied, look in [("sum of all", False, plots.BROKEN), ("emptied", True, plots.FIXED)]:
    path = walk(0.01, 200, emptied)
    ax.plot(path, color=look.colour, linestyle=look.dash, label=name)
ax.axhline(0, color="#555555", linestyle=":", label="minimum")
ax.set(xlabel="step", ylabel="weight", ylim=(-1.2, 1.9))
ax.legend(loc="upper right", ncols=3)
print(f"after 100,000 steps, the furthest it swings is {abs(walk(0.01, 100_000, False)).max():.2f}")
for lr in (0.01, 0.0001):
    print(f"rate {lr}: first beyond the minimum at step {(walk(lr, 500, False) > 0).argmax()}")
plt.show()

# %% [markdown]
# **Figure.** One weight on the parabola: with emptied gradients it creeps to the minimum; along the sum
# of all it gets there sooner, passes at full speed, and swings for ever.
#
# It is a **ball without friction**. On the way down every slope pushes the same way, so the sum is
# greatest at the very bottom, where the slope itself is zero. Only slopes of the other side take it
# down again, and by then the ball is as high as it began. That is why the loss falls *first*: until the bottom,
# old and new gradients agree.
#
# A rate a hundred times smaller takes ten times as many steps to the bottom. It swings as far. (Who knows
# momentum: this is a momentum of 1.)
#
# The network is worse off. Each batch also pulls in a direction of its own. With `zero_grad` such a pull
# moves the weights once; without, it moves them again in every later step. And on the way ReLU units die.

# %% [markdown] minutes=1
# ## The fix
#
# One line, anywhere between `step()` and the next `backward()`.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed))
for name, recipe in [("broken", CASE.broken), ("fixed", CASE.fixed)]:
    accuracy = recipe.run(seed=0)["test_accuracy"]
    print(f"{name:>6}: test accuracy {'under 0.3' if accuracy < 0.3 else f'{accuracy:.2f}'}")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
run = CASE.fixed.build(seed=0, device="cpu")
weights, furthest = list(run.model.parameters()), 0.0
for _ in range(run.epochs):
    for inputs, labels in run.train:
        run.optimizer.zero_grad()
        loss = run.loss_fn(run.model(inputs), labels)
        own = torch.autograd.grad(loss, weights, retain_graph=True)
        loss.backward()
        gaps = [(w.grad - g).abs().max().item() for w, g in zip(weights, own, strict=True)]
        furthest = max(furthest, *gaps)
        run.optimizer.step()
print(f"largest difference between .grad and the batch's own gradient, in any step: {furthest:g}")

# %% [markdown] minutes=2
# ## The wrong fixes
#
# *Share of the gap* is how far a change gets from the broken run (0 %) to the fixed one (100 %), on seeds
# that nobody tuned on.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
for wrong, share in evidence.stored_shares(CASE).items():
    print(f"{wrong}: {share:.0%} of the gap")
    print(f"  {reasons[wrong]}\n")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
names = ["broken", *reasons, "fixed"]
plots.plot_scores(
    {name: stored_scores[name] for name in names}, baseline=0.1, baseline_label="guessing"
)
plt.show()

# %% [markdown]
# **Figure.** Test accuracy on those seeds, one mark a seed: emptying once per epoch and Adam stay far
# below; a smaller rate comes near; clipping does as well as the fix.
#
# Two of them *hide* the fault. How well, and for how long?


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def how_many(scores, above=0.9):
    """On how many of these seeds the network learns."""
    return f"accuracy above {above} on {sum(s > above for s in scores)} of {len(scores)} seeds"


for longest in (0.3, 1, 3):
    found = []
    for seed in range(3):
        run = CASE.broken.build(seed=seed, device="cpu")
        for _ in range(run.epochs):
            for inputs, labels in run.train:
                run.loss_fn(run.model(inputs), labels).backward()
                nn.utils.clip_grad_norm_(run.model.parameters(), max_norm=longest)
                run.optimizer.step()
        found.append(CASE.broken.evaluate(run)["test_accuracy"])
    print(f"clipped to length {longest}: {how_many(found)}")
slow, sound = CASE.broken.having, CASE.fixed.having
for words, recipe, above in [
    ("rate 0.03, after 4 epochs", slow(lr=0.03, epochs=4), 0.8),
    ("rate 0.03, after 40", slow(lr=0.03, epochs=40), 0.8),
    ("rate 0.003", slow(lr=0.003), 0.9),
    ("rate 0.003, with zero_grad", sound(lr=0.003), 0.9),
]:
    print(f"{words}: {how_many([recipe.run(seed)['test_accuracy'] for seed in range(3)], above)}")

# %% [markdown]
# `clip_grad_norm_` shortens `.grad` *itself*, so the old sum fades a little in each step: it is the
# friction that the ball lacked. At a longer limit it is not enough. A smaller rate puts the fall off. At one
# that is much too low, the broken loop even does *better* than the complete one: the sum makes up for the rate. Who
# tunes the rate of a broken loop finds one at which it looks well.
#
# The comparison of "Measure" finds the fault in all of them, in the second step.

# %% [markdown] minutes=1
# ## When gradients are meant to add up
#
# That `backward()` adds has a use. Where 32 rows do not fit into memory, four times 8 do: call `backward()`
# four times, then `step()` and `zero_grad()` once. What must be done to the loss?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
run = CASE.fixed.build(seed=0, device="cpu")
inputs, labels = next(iter(run.train))  # (32, 64), (32,)
weight = run.model[0].weight
run.loss_fn(run.model(inputs), labels).backward()
at_once = weight.grad.clone()
for name, share in [("loss", 1), ("loss / 4", 4)]:
    run.optimizer.zero_grad()
    for few, their_labels in zip(inputs.split(8), labels.split(8), strict=True):
        (run.loss_fn(run.model(few), their_labels) / share).backward()
    print(f"{name:>8}: {weight.grad.norm() / at_once.norm():.2f} times the gradient of 32 rows")

# %% [markdown]
# The loss is a mean over its rows, and a sum of four means is four times the mean of all: **divide the
# loss by the number of parts**. (BatchNorm still sees eight rows at a time. And the comparison of "Measure" holds
# there after the first part only.)

# %% [markdown] minutes=1
# ## Find where it breaks
#
# How many batches may go by from one `zero_grad` to the next, at rate 0.3? Then set 340, never again, and look for
# rates that hide it.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
seldom = next(rival.recipe for rival in CASE.rivals if "epoch" in rival.name)
widgets.explore(CASE, "every", "lr", recipe=seldom)

# %% [markdown]
# **Figure.** Training loss and validation accuracy of the reference run, emptied before each batch, at
# rate 0.3; each setting draws its own run over it.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
seldom = next(rival.recipe for rival in CASE.rivals if "epoch" in rival.name)
for every in (5, 12, 40):
    found = [seldom.having(every=every).run(seed)["test_accuracy"] for seed in range(3)]
    learn = sum(accuracy > 0.8 for accuracy in found)
    print(f"emptied every {every:>2} batches: accuracy above 0.8 on {learn} of 3 seeds")

# %% [markdown] minutes=1
# ## Layers that never move
#
# **Symptom**, of two scripts: four layers, Adam, and a loss that creeps from ln 10 and stays high. In both
# the first three layers stand still, for different reasons. **Measurement:** gradient norm and update ratio
# of each layer.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name in ("frozen-parameters", "stale-optimizer"):
    case = get_case(name)
    run = case.broken.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in case.broken.train(run):
            pass
    found = vitals.record
    print(f"{name}: mean loss of the last epoch {found['loss'].values[-34:].mean():.1f}")
    for layer in ("0", "2", "4", "6"):
        if layer in found["gradient_norm"].labels:
            norm = found.of_layer("gradient_norm", layer)
            moved = found.of_layer("update_ratio", layer).max()
            print(f"  layer {layer}: gradient {norm[0]:.2f} at the first step, {norm[-1]:4.1f} at the "
                  f"last; largest update ratio {f'{moved:.2f}' if moved else 'exactly 0'}")  # fmt: skip
        else:
            print(f"  layer {layer}: no gradient is computed")

# %% [markdown]
# - **No gradient at all:** `requires_grad` is False, or a `detach()` cuts the way. To freeze the first layers is
#   right where their weights were trained before; these are random.
# - **A gradient, and no step:** the optimizer does not hold those weights. It was made before deeper layers took the
#   place of the first ones, and still holds the old ones, which get no gradient. Those of the new ones grow all the
#   while: `optimizer.zero_grad()` empties only what the optimizer holds.
#
# **Fixes:**

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for name in ("frozen-parameters", "stale-optimizer"):
    print(diff(get_case(name).broken, get_case(name).fixed, context=1), "\n")

# %% [markdown]
# Build the model to its end, then make the optimizer. A larger learning rate moves no layer that stands
# still. **More:** `coursekit cases frozen-parameters`, `coursekit cases stale-optimizer`.

# %% [markdown] minutes=2
# ## Tested in training mode
#
# **Symptom:** training goes well, and the test is near chance. The network
# has BatchNorm and dropout; the test rows come in the order of their class. **Measurement:** ask twice. First
# the same rows in the same batch; then the same rows, with other rows beside them.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("eval-forgotten")
run = case.broken.build(seed=0, device="cpu")
for _ in case.broken.train(run):
    pass
x, y = run.test.tensors  # (360, 64), (360,); sorted by class
mixed = torch.randperm(360, generator=torch.Generator().manual_seed(0))
for mode in (True, False):
    run.model.train(mode)  # train(False) is eval()
    with torch.no_grad():
        first, again = (run.model(x[:36]).argmax(dim=1) for _ in range(2))
        in_order = torch.cat([run.model(part) for part in x.split(36)]).argmax(dim=1)
        shuffled = torch.cat([run.model(x[part]) for part in mixed.split(36)]).argmax(dim=1)
    print(f"{'train()' if mode else 'eval() '}: {(first != again).float().mean():3.0%} answer otherwise "
          f"when asked again;\n         accuracy {(in_order == y).float().mean():.1f} in order of class, "
          f"{(shuffled == y[mixed]).float().mean():.1f} in mixed batches")  # fmt: skip

# %% [markdown]
# In training mode dropout draws lots, and BatchNorm subtracts the mean of *the batch at hand*. Where a batch
# holds one class, that takes away what its rows have in common: the class. In mixed batches the accuracy
# hides it, and only asking twice tells. **Fix:** `model.eval()` before the test, `model.train()` before the next epoch.
# `torch.no_grad()` is another switch, and no substitute. **More:** `coursekit cases eval-forgotten`.

# %% [markdown] minutes=1
# ## An error in the last batch
#
# **Symptom:** training goes well, and stops with an error before the first epoch is over. **Measurement:** the sizes of the
# batches.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("last-small-batch")
run = case.broken.build(seed=0, device="cpu")
sizes = [len(labels) for _, labels in run.train]
print(f"{sum(sizes)} rows: {sizes.count(32)} batches of 32, and a last one of {sizes[-1]}")
try:
    for _ in case.broken.train(run):
        pass
except ValueError as error:
    print(f"ValueError:\n  {error}")
print(f"fixed: test accuracy {case.fixed.run(seed=0)['test_accuracy']:.2f}\n")
print(diff(case.broken, case.fixed, context=0))

# %% [markdown]
# BatchNorm divides by the spread of a batch, and one row has none. **Fix:** `drop_last=True`; where rows are
# shuffled, others are left out in each epoch. **More:** `coursekit cases last-small-batch`.

# %% [markdown] minutes=1
# ## Rows sorted by class
#
# **Symptom:** the loss that the loop prints last is near zero, yet most test rows come out wrong.
# **Measurement:** the labels in a batch, and the loss of *all* training rows at once.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("unshuffled-loader")
for name, recipe in [("broken", case.broken), ("fixed", case.fixed)]:
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in recipe.train(run):
            pass
    counts = vitals.record["label_count"].values  # (340, 10)
    loss = vitals.record["loss"].values
    x, y = run.train.dataset.tensors
    with torch.no_grad():
        logits = run.model(x)
    share = (counts.max(axis=1) / counts.sum(axis=1)).mean()
    never = 10 - len(logits.argmax(dim=1).unique())
    print(f"{name:>6}: most frequent class of a batch {share:.0%} of it")
    print(f"        loss of the last batch {loss[-1]:.2f}, highest of the last epoch "
          f"{loss[-34:].max():.1f}, of all rows at once {run.loss_fn(logits, y):.1f}")  # fmt: skip
    print(f"        classes that are never answered {never}; test accuracy "
          f"{recipe.evaluate(run)['test_accuracy']:.2f}")  # fmt: skip

# %% [markdown]
# Each batch holds one class, or two. A step lowers its loss by saying that class more often, and the
# next class undoes it: at the end the network answers with the last classes. The loss of a batch is
# low *because* its neighbours have said the answer. **Fix:**

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(case.broken, case.fixed, context=0))

# %% [markdown]
# In a validation or test loader the order does no harm, in `eval()`. **More:** `coursekit cases unshuffled-loader`.

# %% [markdown] minutes=3
# ## How many rows in a batch?
#
# Digits, rate 0.1, fifteen epochs, 32 rows a batch. Now all 1,078 training rows in one batch: the gradient
# is exact, no row is left out.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "06-batch",
    "All rows in one batch, the same rate and as many epochs. The test accuracy is…",
    options={
        "A": "better: an exact gradient leads straight to the minimum",
        "B": "about the same: each epoch sees the same rows",
        "C": "much worse",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
large, small = get_case("batch-too-large"), get_case("batch-too-small")
for recipe, rate in [(large.fixed, 0.1), (large.broken, 0.1), (large.broken, 0.5)]:
    recipe = recipe.having(lr=rate)
    run = recipe.build(seed=0, device="cpu")
    accuracy = recipe.run(seed=0)["test_accuracy"]
    print(f"{run.train.batch_size:>4} rows a batch, rate {rate}, {run.epochs} epochs: "
          f"{run.epochs * len(run.train):>3} steps, accuracy {accuracy:.1f}")  # fmt: skip

recipe = small.broken.having(epochs=2)
sizes = (1, 4, 16, 64, 256, 1078)
figure, ax = plt.subplots()
for rate, look in [(0.02, "o:b"), (0.1, "s--k"), (0.5, "^-g")]:
    found = [recipe.having(batch_size=size, lr=rate).run(0)["test_accuracy"] for size in sizes]
    ax.plot(sizes, found, look, label=f"rate {rate}")
ax.axhline(0.1, color="#555555", linewidth=1, label="guessing")
ax.set(xscale="log", xlabel="rows in a batch", ylabel="test accuracy", ylim=(0, 1.03))
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.minorticks_off()
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# **Figure.** Test accuracy after two epochs against the rows in a batch (logarithmic), at three rates: each
# rate has its own range; the largest fails with one row a batch, and none gets far with all rows in one.
#
# - **Too large: few steps.** An epoch of one batch is one step. Count the steps. Fix: smaller batches, or as many
#   *steps* as before; a larger rate makes up for a part.
# - **Too small for its rate:** the gradient of one row is longer, on average, than that of 32, and points where that row
#   wants to go. Units die as in lesson 03. Fix: a smaller rate, or larger batches.
#
# So **a batch size has no value of its own without a rate.** Change one, and look at the other again.
# **More:** `coursekit cases batch-too-large`, `coursekit cases batch-too-small`.

# %% [markdown] minutes=1
# ## Is it always so?
#
# The missing `zero_grad` again, on seeds that nobody used for choosing a setting.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
for row in evidence.verify(CASE, seeds=[1000, 1001], only=["broken", "fixed"]):
    verdict = "learns" if row.scores["test_accuracy"] > 0.88 else "does not learn"
    print(f"seed {row.seed}, {row.recipe:<6}: {verdict}")
print(f"{len(stored_scores['broken'])} seeds: best broken run {max(stored_scores['broken']):.2f}, "
      f"worst fixed run {min(stored_scores['fixed']):.2f}")  # fmt: skip

# %% [markdown] minutes=2
# ## What to remember
#
# **For your checklist, the line "loop":** `zero_grad`, forward, loss, `backward`, `step`. Then ask the loop
# itself:
#
# - Is `.grad` the batch's own gradient? If it grows while that does not, and the weights with it: `zero_grad`.
# - Does every layer have a gradient, and does it move? No gradient: frozen. A gradient, and an update ratio
#   of 0: the optimizer does not hold it.
# - Do the same rows get the same answer twice? If not: training mode.
# - Which labels does a batch hold, how many rows has the last one, and how many steps make a run?
#
# **On your own model**: put your own names into the next cell, and the lines of your own loop.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.fixed.build(seed=1, device="cpu")
my_model, my_loader = yours.model, yours.train
my_loss, my_optimizer = yours.loss_fn, yours.optimizer

trained = {name: w for name, w in my_model.named_parameters() if w.requires_grad}
print("frozen:", [name for name, w in my_model.named_parameters() if not w.requires_grad])
for _, (inputs, labels) in zip(range(3), my_loader, strict=False):
    before = {name: w.detach().clone() for name, w in trained.items()}
    my_optimizer.zero_grad()  # leave it out where your loop has none
    loss = my_loss(my_model(inputs), labels)
    # the test; allow_unused: None for a weight that the loss does not depend on
    own = torch.autograd.grad(loss, list(trained.values()), retain_graph=True, allow_unused=True)
    loss.backward()
    same = ["has no gradient: NOT USED" if g is None else ".grad is the batch's own"
            if torch.allclose(w.grad, g) else ".grad IS NOT the batch's own"
            for w, g in zip(trained.values(), own, strict=True)]  # fmt: skip
    my_optimizer.step()
for (name, w), found in zip(trained.items(), same, strict=True):
    print(f"{name}: {found};",
          "moves" if (w != before[name]).any() else "STANDS STILL")  # fmt: skip
my_model.eval()  # leave it out where your test has none
with torch.no_grad():
    print("the same answer twice:", torch.equal(my_model(inputs), my_model(inputs)))

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "06-hides": widgets.Happened(
            "B", "clipping to 1 hides it", told_by="accuracy on many seeds, and other limits"
        ),
        "06-bowl": widgets.Happened(
            "C", "it swings for ever", told_by="the path of one weight on a parabola"
        ),
        "06-batch": widgets.Happened("C", "much worse", told_by="the number of steps"),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/06_broken_loop.ipynb`](../exercises/06_broken_loop.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# The training loops that the documents behind this course write out all call `zero_grad`. That a loop can
# lack it, none of them says.
#
# One says that incorrect batch sizes or shuffling lead to erratic training. Of shuffling that is right, as
# above. Of batch sizes it is not, as it stands: where the rate shrinks with the batch, small batches are
# no more erratic (`coursekit documents small-batches-are-erratic`).
#
# Another calls it an advantage of LayerNorm that it is applied "at both training and testing phases". So is
# BatchNorm, in another way: that is the switch of "Tested in training mode".
#
# </details>

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · Keras
#
# - `model.fit` computes each batch's gradients anew: a missing `zero_grad` cannot be written.
# - Its optimizer asks for the weights when training begins, so a deeper body is held; a layer that is added after
#   a first `fit` is not, until the next `compile`;
#   `trainable = False` freezes a layer as here. Set after a first `fit`, it counts from the next `compile` on
#   (with TensorFlow; tried with Keras 3).
# - `evaluate` and `predict` choose the mode by themselves. `model(x, training=True)` in a loop of your own does not.
# - A last batch of one row raises nothing: Keras divides by the root of zero plus a small number.
# - `fit` shuffles arrays, and never a `tf.data` data set. Of a `PyDataset` it shuffles the batches, not the rows in them.
