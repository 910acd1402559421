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
# # 05 · The loss that will not fall
#
# The digits of lesson 03, well scaled, the same network, a learning rate that trains it. The loss hardly
# falls, epoch after epoch.
#
# **You need:** lessons 03 and 04, and the derivative as a slope. **You take home:** what each loss function
# wants to be fed, and two numbers to hold a loss against: that of a guess, and that of a right answer.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
import warnings
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from coursekit import evidence, get_case, plots, record, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("softmax-before-cross-entropy")  # this lesson's failure, as functions you can call
ADAM = next(rival.recipe for rival in CASE.rivals if rival.name == "Adam in place of SGD")
FLOOR = np.log(np.e + 9) - 1  # where the number 1.46 comes from is a section of this lesson


def watch(recipe):
    """Train a recipe once, recorded; gives back the run, its record and its scores."""
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in recipe.train(run):
            pass  # train is the script's loop; it stops after each epoch to let others look
    return run, vitals.record, recipe.evaluate(run)


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=3
# ## A model that does not train
#
# Plain PyTorch. The last layer turns the ten outputs into probabilities.

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import Softmax
from torch.utils.data import DataLoader, TensorDataset

x, y = load_digits(n_class=10, return_X_y=True)  # (1797, 64), (1797,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
model.append(Softmax(dim=1))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

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
print(f"loss of the network             {scores['test_loss']:.2f}")
print(f"ln 10, the loss of a guess      {np.log(10):.2f}")

# %% [markdown]
# Better than a guess, so something is learnt. But in ten epochs the loss has hardly left ln 10.

# %% [markdown] minutes=1
# ## Your prediction
#
# It crawls. Adam takes steps of normal size where gradients are small.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "05-adam",
    "Adam at a rate of 0.003 in place of SGD at 0.1, the rest as it is. What happens?",
    options={
        "A": "accuracy and loss both become good: it was only slow",
        "B": "the accuracy becomes good; the loss stays high",
        "C": "the loss becomes good; the accuracy stays low",
        "D": "both stay where they are",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=3
# ## Measure
#
# **First measurement: the loss**, of the script and of the same script with Adam.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
for name, recipe, look in [("SGD", CASE.broken, plots.BROKEN), ("Adam", ADAM, plots.NEUTRAL)]:
    _, seen, scores = watch(recipe)
    loss = seen["loss"].values  # (340,)
    ax.plot(loss, label=name, color=look.colour, linestyle=look.dash)
    print(f"{name:>4}: loss of the first batch {loss[0]:.2f}, mean of the last epoch "
          f"{loss[-34:].mean():.1f}; test accuracy {scores['test_accuracy']:.1f}")  # fmt: skip
ax.axhline(np.log(10), color=plots.NEUTRAL.colour, linestyle=":", linewidth=1.2)
ax.annotate("ln 10", (340, np.log(10)), xytext=(0, 3), textcoords="offset points")
ax.axhline(FLOOR, color="#000000", linewidth=1, label="floor")
ax.set(ylim=(0, 2.6), xlabel="step (batches)", ylabel="training loss (nat)")
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# **Figure.** The training loss per batch: with SGD it creeps down from ln 10; with Adam it drops, and then
# lies just above a floor.
#
# With Adam nine of ten answers are right, and the loss is still 1.5. A loss says how far the answers are
# from right. Whose mistake is it, the network's or the loss's?
#
# **Second measurement: what does a right answer cost?** Take what the network with Adam answers about
# images that it never saw, and pick the answers that are right and surest.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run, _, _ = watch(ADAM)
inputs, labels = run.test.tensors  # (360, 64), (360,)
with torch.no_grad():
    outputs = run.model(inputs)  # (360, 10)
right = outputs[torch.arange(len(labels)), labels]  # (360,): the output of the right class
surest = right.argmax()
print(f"outputs lie between {outputs.min():.0f} and {outputs.max():.0f}; "
      f"a row adds up to {outputs[surest].sum():.0f}")  # fmt: skip
print(f"its surest right answer: {right[surest]:.3f}, "
      f"and costs {run.loss_fn(outputs[surest], labels[surest]):.2f}")  # fmt: skip

# %% [markdown]
# It is certain and right, and it pays 1.46. That should be near 0. Nothing that the network
# could say would be cheaper.
#
# **Third measurement: the start.** How far do the outputs differ, over rows and classes (*output spread*, a
# standard deviation)? How large is the gradient of the last layer? Beside it the network of lesson 03, whose
# last layer is the `Linear`.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name, recipe in [("this network", CASE.broken), ("that of lesson 03", CASE.fixed)]:
    _, seen, _ = watch(recipe.having(epochs=1))
    spread = seen["activation_std"].values[0, -1]
    print(f"{name:>17}: output spread {spread:.2f}, gradient norm of the last layer "
          f"{seen['gradient_norm'].values[0, -1]:.2f}")  # fmt: skip

# %% [markdown]
# Both are about a tenth of what they are there, from the same first weights and the same rows. In lesson 04 the
# gradient of the last layer was ordinary, and died on its way back. Here it is small from the start.

# %% [markdown] minutes=4
# ## The cause
#
# The numbers that a last `Linear` puts out are *logits*: any numbers, the largest is the answer.
# *Softmax* makes probabilities of them: take e to the power of each, divide by the sum. Cross-entropy is
# −ln of the probability of the right class. **`nn.CrossEntropyLoss` takes logits, and does the softmax
# itself.** So here it is done twice. Ten logits, nine of them 0; the right one grows:


# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
def softmax(numbers):
    powers = np.exp(numbers)
    return powers / powers.sum()


for right in (0, 2, 5, 20):
    logits = np.array([right] + 9 * [0])  # (10,)
    once = softmax(logits)
    twice = softmax(once)
    print(f"right logit {right:2}: after one softmax {once[0]:.2f}, loss {-np.log(once[0]):.2f}; "
          f"after two {twice[0]:.2f}, loss {-np.log(twice[0]):.2f}")  # fmt: skip

print()
for classes in (2, 10, 100):
    print(f"{classes:3} classes: lowest loss {np.log(np.e + classes - 1) - 1:.2f}, "
          f"loss of a guess {np.log(classes):.2f}")  # fmt: skip

# %% [markdown]
# The second softmax gets a one and nine zeros at best, takes them for logits, and makes e/(e + 9) = 0.23 of
# the one. The loss of that is ln(e + 9) − 1 = 1.46: the floor. However many classes there are, a
# certain and right answer is not even 1 nat cheaper than a guess.
#
# One of the documents that this course is built on makes this mistake in its example: two classes,
# and an `nn.Softmax` that is to make the outputs proper. Its loss cannot fall below the first line's 0.31.
#
# And the crawling? Draw the loss over the right logit, and its slope: that is what comes back.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3))
at = torch.linspace(-10, 10, 401, dtype=torch.float64, requires_grad=True)
logits = torch.cat([at[:, None], torch.zeros(401, 9)], dim=1)  # (401, 10)
right = torch.zeros(401, dtype=torch.long)
for name, outputs, look in [
    ("one softmax", logits, plots.FIXED),
    ("two softmaxes", logits.softmax(dim=1), plots.BROKEN),
]:
    losses = nn.functional.cross_entropy(outputs, right, reduction="none")
    (slope,) = torch.autograd.grad(losses.sum(), at, retain_graph=True)
    for ax, values in zip(panels, (losses.detach(), -slope), strict=True):
        ax.plot(at.detach(), values, label=name, color=look.colour, linestyle=look.dash)
        ax.set(xlabel="logit of the right class, the others 0")
    print(f"{name:>13}: slope at 0 {slope[200]:.2f}, at -10 {slope[0]:.1g}")
panels[0].set(ylabel="loss (nat)", ylim=(0, 8))
panels[1].set(ylabel="slope, downwards", ylim=(0, 1.05))
panels[0].legend()
plt.show()

# %% [markdown]
# **Figure.** Loss (left) and its slope (right) against the logit of the right class: with one softmax a
# sure wrong answer (far left) costs more and more, and the slope is 1; with two the loss lies between
# a floor and a ceiling, and the slope is low everywhere, and next to 0 for a sure wrong answer.
#
# The slope has one more factor, from the layer's own softmax. Where all ten probabilities are 1/10 it is about
# 1/10, as measured. Where the network is sure and *wrong* it is next to 0: what it most
# needs to unlearn, it is told least about.

# %% [markdown] minutes=2
# ## The fix
#
# Leave the layer out. One more question first: many people write `nn.LogSoftmax` in its place, the
# logarithm of the softmax.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "05-log",
    "nn.LogSoftmax as the last layer, before nn.CrossEntropyLoss. How does it train?",
    options={
        "A": "as badly as with nn.Softmax: it is a softmax too many again",
        "B": "as well as without the layer",
        "C": "worse than with nn.Softmax: the outputs are negative now",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed, context=0), "\n")
for name, recipe in [
    ("Softmax", CASE.broken),
    ("no layer", CASE.fixed),
    ("LogSoftmax", CASE.fixed.having(last=nn.LogSoftmax)),
]:
    _, seen, scores = watch(recipe)
    print(f"{name:>10}: accuracy {scores['test_accuracy']:.2f}, loss {scores['test_loss']:.2f}, "
          f"first gradient of the last layer {seen['gradient_norm'].values[0, -1]:.2f}")  # fmt: skip

# %% [markdown]
# Without the layer accuracy, loss and gradient are healthy. With `LogSoftmax` too: its outputs are logits as they should be, for
# logarithms of probabilities pass through another log-softmax unchanged. It is one layer too many, and
# harmless.
#
# To *show* a probability, take the softmax where you show it: `model(x).softmax(dim=1)`.

# %% [markdown] minutes=2
# ## The wrong fixes
#
# What people try, with the softmax left in. *Share of the gap* is how far a change brings the accuracy
# from the broken run (0 %) to the fixed one (100 %; above that it is better than the fixed one), on seeds that
# nobody tuned on.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
shares = evidence.stored_shares(CASE)
for wrong, share in sorted(shares.items(), key=lambda pair: pair[1]):
    print(f"{wrong}: {share:.0%} of the gap")
    print(f"  {reasons[wrong]}\n")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.6, 3), sharey=True, gridspec_kw={"wspace": 0.08})
names = ["broken", *sorted(shares, key=shares.get), "fixed"]
for ax, score, words in zip(
    panels, ("test_accuracy", "test_loss"), ("test accuracy", "test loss (nat)"), strict=True
):
    stored = evidence.stored_scores(CASE.name, score=score)
    plots.plot_scores({name: stored[name] for name in names}, ax=ax, xlabel=words)
panels[1].axvline(FLOOR, color="#000000", linewidth=1)
panels[1].annotate("floor", (FLOOR, 1), xycoords=("data", "axes fraction"), ha="center",
                   xytext=(0, 2), textcoords="offset points")  # fmt: skip
panels[1].set(xlim=(0, 2.4))
plt.show()

# %% [markdown]
# **Figure.** Test accuracy (left) and test loss (right), one mark a seed, the line is the floor: a larger
# rate and Adam bring the accuracy to the fixed runs' on most seeds; no wrong fix gets its loss below the
# floor.
#
# Two of the wrong fixes *work*, if you look at the accuracy alone. It no longer tells. The floor does.

# %% [markdown] minutes=1
# ## Find where it breaks
#
# Choose `Softmax`, then move the rate. Find a rate that trains in spite of it. Where does the loss end? Then
# fewer classes: where is the floor of two?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "last", "lr", "classes")

# %% [markdown]
# **Figure.** Training loss on a logarithmic axis, and validation accuracy, of the reference run that ends
# in logits; each setting draws its own run over it.

# %% [markdown] minutes=2
# ## The same in Keras
#
# Keras on TensorFlow looks behind the outputs. If a softmax made them, it takes what went into it,
# and warns. How far does it look?

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from coursekit.device import keras_if_installed

run = CASE.broken.build(seed=0, device="cpu")
x, y = (part.numpy() for part in run.train.dataset.tensors)  # (1078, 64), (1078,)


def fit(ends, from_logits):
    """Train a network with these last layers; gives back its scores and the first warning."""
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(64, activation="relu")
    model = keras.Sequential([keras.Input((64,)), hidden, *ends()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, metrics=["accuracy"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(x, y, batch_size=32, epochs=5, verbose=0).history
    said = [str(one.message) for one in caught if "from_logits" in str(one.message)]
    return history["loss"][-1], history["accuracy"][-1], said[0] if said else ""


if keras := keras_if_installed():
    Dense, Flatten = keras.layers.Dense, keras.layers.Flatten
    print(f"{'the network ends in':<22}{'from_logits':<13}{'loss':<6}{'accuracy':<10}warns")
    warning = ""
    for name, ends, from_logits in [
        ("logits", lambda: [Dense(10)], True),
        ("softmax", lambda: [Dense(10, activation="softmax")], False),
        ("softmax", lambda: [Dense(10, activation="softmax")], True),
        ("softmax, then Flatten", lambda: [Dense(10, activation="softmax"), Flatten()], True),
        ("logits", lambda: [Dense(10)], False),
    ]:
        loss, accuracy, said = fit(ends, from_logits)
        cost = f"{loss:.2f}" if loss < 3 else "high"
        right = f"{accuracy:.1f}" if accuracy > 0.3 else "low"
        print(f"{name:<22}{from_logits!s:<13}{cost:<6}{right:<10}{'yes' if said else 'no'}")
        warning = warning or said
    print("\n" + fill(warning, 90))

# %% [markdown]
# The first three are the same network, number for number. Line three is this lesson's mistake; Keras mends it, and says so (below
# the table). **It looks one step back**: a layer behind the softmax that does nothing at all, as in line
# four, and it sees no softmax. Under mixed precision the cast to float32 is such a layer. Nor does it see one in a loss that you compute on what `predict` gives. And with PyTorch
# under it (`KERAS_BACKEND=torch`; tried with Keras 3) it does not look at all.
#
# And the last line is Keras's own form of the mistake: `from_logits` is False unless you say
# otherwise, so logits are taken for probabilities.

# %% [markdown] minutes=1
# ## Is it always so?
#
# Seeds that nobody used for choosing a setting, in both frameworks; two of them again, now.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for row in evidence.verify(CASE, seeds=[1000, 1001], only=["broken", "fixed"]):
    print(f"seed {row.seed}, {row.recipe:<6}: test loss {row.scores['test_loss']:.1f}")
for framework, title in [("torch", "PyTorch"), ("keras", "Keras")]:
    for score, digits in (("test_accuracy", 2), ("test_loss", 1)):
        kept = evidence.stored_scores(CASE.name, score=score, framework=framework)
        print(f"{title}, {len(kept['broken'])} seeds, {score}: with softmax "
              f"{min(kept['broken']):.{digits}f} to {max(kept['broken']):.{digits}f}, without "
              f"{min(kept['fixed']):.{digits}f} to {max(kept['fixed']):.{digits}f}")  # fmt: skip

# %% [markdown]
# In PyTorch on every seed, and in Keras on none, because it mends it. A mistake can depend on the framework.

# %% [markdown] minutes=2
# ## Each output against every target
#
# **Symptom:** a regression answers with nearly the same number, whatever it gets. The data are biopsies. Ten
# things were measured on each cell nucleus; the inputs are their ten means, the target is the area of the largest
# nuclei. **Measurement:** the shapes in the loss, and the spread of the answers over that of the targets, which
# should be near 1. (R² is 1 for perfect answers, 0 for always saying the mean.)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
spread_out = get_case("silent-broadcast")
print(diff(spread_out.broken, spread_out.fixed, context=0), "\n")
for name, recipe in [("broken", spread_out.broken), ("fixed", spread_out.fixed)]:
    run, _, scores = watch(recipe)
    inputs, targets = run.test.tensors  # (114, 10), (114,)
    with torch.no_grad():
        answers = run.model(inputs)  # (114, 1)
    print(f"{name:>6}: answers over targets, spread {answers.std() / targets.std():.1f}; "
          f"R² {scores['test_r2']:.1f}")  # fmt: skip
print("outputs − targets:", tuple(answers.shape), "−", tuple(targets.shape), "→",
      tuple((answers - targets).shape))  # fmt: skip
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    nn.MSELoss()(answers, targets)
print("\n" + fill(f"nn.MSELoss warns: {caught[0].message}", 90))

# %% [markdown]
# A column minus a row is a table: each output against *every* target. The answer that is nearest to
# all of them is their mean. `nn.MSELoss` warns; the loss of this script is written by hand,
# `((outputs - targets) ** 2).mean()`, and says nothing. **Fix:** one shape for both. Keras does that by itself for a loss given to `compile`, and not in a
# `compute_loss` or `train_step` of your own.
# **More:** `coursekit cases silent-broadcast`.

# %% [markdown] minutes=1
# ## A small loss, and most answers wrong
#
# **Symptom:** the loss starts at 0.09 and stays there; that looks small. Ten classes, a softmax, and
# `nn.MSELoss` against the label as a one and nine zeros. **Measurement:** the loss of a guess, and the first
# gradient.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
guess = np.full(10, 0.1) - np.eye(10)[0]  # (10,): a tenth for each class, and one is right
print(f"squared error of a guess: {(guess**2).mean():.2f}\n")
case = get_case("mse-for-classes")
for words, recipe in [("squared error", case.broken), ("cross-entropy", case.fixed)]:
    _, seen, scores = watch(recipe)
    first, last = seen["gradient_norm"].values[0, -1], seen["loss"].values[-10:].mean()
    print(f"{words}: first gradient of the last layer {first:.1g}, loss at "
          f"the end {last:.2f}, accuracy {scores['test_accuracy']:.1f}")  # fmt: skip

# %% [markdown]
# So 0.09 is not small: it is the loss of a guess. **A loss means nothing without that number.** The slope of
# squared error through a softmax has the factor p(1 − p). At the start every p is a tenth, and `MSELoss` divides by
# ten outputs besides; later p(1 − p) is near 0 where the network is sure, *rightly or wrongly*
# (`coursekit cases saturated-mse` starts there). Cross-entropy divides by p, and the error itself is left.
# **Fix:** cross-entropy. Adam hides this one too, and here the loss ends low: only the start tells.
# **More:** `coursekit cases mse-for-classes`.

# %% [markdown] minutes=1
# ## A loss below zero
#
# **Symptom:** the loss is negative, falls faster and faster, and the answers are guesses. A
# cross-entropy is −ln of a probability, so it is never below 0, *if it is fed with what it is made for*.
# Two ways to feed it something else. **Measurement:** the lowest loss, and what came in.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name in ("bce-integer-labels", "logits-as-probabilities"):
    case = get_case(name)
    for which, recipe in [("broken", case.broken), ("fixed", case.fixed)]:
        _, seen, scores = watch(recipe)
        lowest = seen["loss"].values.min()
        print(f"{name}, {which}: lowest loss {lowest:.0e}, accuracy {scores['test_accuracy']:.1f}")
    print(diff(case.broken, case.fixed, context=0), "\n")

# %% [markdown]
# - `nn.BCEWithLogitsLoss` compares each of ten outputs with a 0 or a 1. Here it gets the class number: for
#   a picture of a 3 the target of all ten outputs is 3. *One-hot* labels are right: a one for its class, and nine zeros.
# - `nn.NLLLoss` is minus the output of the right class: it wants log-probabilities. Of logits, raising all of
#   them lowers it for ever. This is what `LogSoftmax` was made for.
#
# **More:** `coursekit cases bce-integer-labels`.

# %% [markdown] minutes=2 tags=["optional"]
# ## Softmax over the wrong axis (optional)
#
# **Symptom:** training and validation are good; in use, where rows come one at a time, each gets the same answer. The
# last layer is `nn.LogSoftmax`, harmless above, but over `dim=0`: over the 32 rows of the batch, not over the ten classes of a
# row. **Measurement:** one row *alone*, and the same row in its batch. They should be equal. (The
# accuracies are those of new rows.)


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def right(run, size):
    """The share of new rows that are named rightly where so many come at a time."""
    inputs, labels = run.test.tensors  # (360, 64), (360,)
    with torch.no_grad():
        answers = torch.cat([run.model(part).argmax(dim=1) for part in inputs.split(size)])
    return (answers == labels).float().mean().item()


for dim in (0, 1):
    for seed in range(3):
        run = CASE.fixed.build(seed=seed, device="cpu")
        run.model.append(nn.LogSoftmax(dim=dim))
        with record(run.model, run.optimizer, every=1) as vitals:
            for _ in CASE.fixed.train(run):
                pass
        run.model.eval()
        last = vitals.record["loss"].values[-34:].mean()
        many, two, one = (right(run, size) for size in (32, 2, 1))
        print(f"dim={dim}, seed {seed}: loss at the end {last:.1f}; accuracy 32 "
              f"at a time {many:.2f}, 2 at a time {two:.2f}, alone {one:.2f}")  # fmt: skip
        if seed == 0:
            inputs, labels = run.test.tensors
            with torch.no_grad():
                beside, alone = run.model(inputs[:32])[0], run.model(inputs[:1])[0]  # (10,), (10,)
            for words, row in [("among 32", beside), ("alone", alone)]:
                outputs = " ".join(f"{output:z.1f}" for output in row)
                print(f"  an image of {labels[0]}, {words:<9} outputs {outputs}")

# %% [markdown]
# With `dim=0` the rows of a batch compete for each class. One row alone has no rivals: its softmax is 1 and the logarithm 0, for
# every class, and `argmax` names the first. Training and validation come in batches, so no loss shows it, and `eval()` changes nothing. **Fix:** `dim=1`.
# The same measurement finds a recurrent layer without `batch_first=True` that is fed (rows, steps, columns): it takes rows
# for steps. `check_up` makes it too, as the line *neighbours* (lesson 15).

# %% [markdown] minutes=1 tags=["optional"]
# ## A first loss that is NaN (optional)
#
# **Symptom:** a cross-entropy written by its formula, and the *first* loss is NaN already, though all weights
# and inputs are numbers. **Measurement:** the largest logit. Pixels go from 0 to 255 here, as in
# many image files; elsewhere in this lesson they go from 0 to 1.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
overflow = get_case("naive-softmax-overflow")
print(diff(overflow.broken, overflow.fixed, context=0), "\n")
run = overflow.broken.build(seed=0, device="cpu")
inputs, _ = next(iter(run.train))  # (32, 64)
logits = run.model(inputs)  # (32, 10)
print(f"first batch: largest pixel {inputs.max():.0f}, largest logit {logits.max():.0f}")
for number in (88.0, 89.0):
    print(f"e to the power of {number:.0f} in 32 bits: {torch.tensor(number).exp():.0e}")
print("infinity over infinity:", (logits.max().exp() / logits.max().exp()).item())
for name, recipe in [("broken", overflow.broken), ("fixed", overflow.fixed)]:
    _, seen, scores = watch(recipe)
    print(f"{name:>6}: first loss {seen['loss'].values[0]:.0f}, "
          f"accuracy {scores['test_accuracy']:.1f}")  # fmt: skip

# %% [markdown]
# A softmax does not change when the same number is subtracted from all logits. `log_softmax` subtracts the
# largest, so no exponent is above 0. **Fix:** never write it by hand. Scaled pixels would hide it, until a logit grows.

# %% [markdown] minutes=2 tags=["optional"]
# ## Scrambled pixels (optional)
#
# **Symptom:** all shapes are right, nothing complains, and the network guesses. The images came as (8, 8,
# images), as MATLAB stores them, and `reshape` made (images, 64) of it. **Measurement:** look at one
# row; and how much each column changes. At the rim of a picture pixels hardly change, in the middle
# they do.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
scrambled = get_case("flattened-batch")
figure, panels = plt.subplots(1, 2, figsize=(5, 2.4))
for ax, (name, recipe) in zip(
    panels, [("broken", scrambled.broken), ("fixed", scrambled.fixed)], strict=True
):
    run, _, scores = watch(recipe)
    rows = run.train.dataset.tensors[0]  # (1078, 64)
    ax.imshow(rows[0].reshape(8, 8), cmap="gray_r")
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set(visible=True, color="#999999")
    spread = rows.std(dim=0)  # (64,)
    print(f"{name:>6}: spread of the columns {spread.min():.1f} to {spread.max():.1f}, "
          f"accuracy {scores['test_accuracy']:.1f}")  # fmt: skip
print(diff(scrambled.broken, scrambled.fixed, context=0))
plt.show()

# %% [markdown]
# **Figure.** The first training row, drawn as an image: noise in the broken run, a digit in the fixed one.
#
# `reshape` reads numbers in the order in which they lie: a row is then one pixel of 64 images. **Fix:** bring the
# axes in order first, with `transpose`. And draw one row before you train.

# %% [markdown] minutes=1
# ## Those that raise
#
# Three mistakes that PyTorch does not let pass. Read their messages once, in peace:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
for name in ("label-dtype", "label-out-of-range", "input-size-mismatch"):
    try:
        get_case(name).broken.run(seed=0)
    except (RuntimeError, IndexError) as error:
        print(f"{name}: {type(error).__name__}\n    {error}")

# %% [markdown]
# | the message | what it means | look at |
# |---|---|---|
# | `expected … Long …, but got Float` | class numbers must be integers (*long*): they are looked up | `labels.dtype`; `.long()` |
# | `Target 9 is out of bounds` | there are nine outputs, 0 to 8. Labels that count from 1 end here too | `labels.max()`, and the last layer |
# | `mat1 and mat2 shapes … (32x64 and 784x64)` | the batch is 32 rows of 64; the layer wants 784 columns | `inputs.shape`, and the first layer |
#
# In the last one, the first pair is the batch, the second the layer, turned over. The two numbers in the
# middle should agree. An error is the kindest of failures: most others of this lesson are silent.

# %% [markdown] minutes=2
# ## What to remember
#
# **For your checklist, the line "loss":** what does a guess cost, and what does a right and
# certain answer cost? The first loss must be near the first number, and the second
# near 0.
#
# | loss | outputs | labels | a guess costs |
# |---|---|---|---|
# | `nn.CrossEntropyLoss` | logits, (rows, classes); no softmax | class numbers, integers, (rows,) | ln *K* |
# | `nn.NLLLoss` | log-probabilities, (rows, classes) | class numbers, integers, (rows,) | ln *K* |
# | `nn.BCEWithLogitsLoss` | logits, any shape; no sigmoid | 0 or 1 as floats, the *same* shape | ln 2 |
# | `nn.MSELoss` | numbers | numbers, the *same* shape | the variance of the labels (the first loss is their mean square: centre and scale them first) |
#
# - A crawl with a tiny gradient even in the *last* layer: look at the loss function. Outputs that are never below 0
#   and add up to 1: a softmax twice. A first loss far below ln *K*: squared error; or binary cross-entropy,
#   one yes-or-no per class, which is fine (it starts at ln 2). (In lesson 03 a crawl had ordinary gradients, and a rate that was too low.)
# - Adam trains both. A softmax twice keeps its floor; a squared error leaves no trace but its start.
# - A loss below 0: outputs or labels that it is not made for. NaN from the first batch: it overflows.
# - Good in batches, useless one row at a time, in `eval()` too: a softmax over the wrong axis.
# - A regression whose answers hardly spread: print the shapes. Columns that all vary alike: pixels are mixed up.
#
# **On your own model**: put your own names into the next cell.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.broken.build(seed=1, device="cpu")
my_model, my_loss, my_classes = yours.model, yours.loss_fn, 10
inputs, labels = next(iter(yours.train))

outputs = my_model(inputs)  # (32, 10)
print("shapes and types:", tuple(outputs.shape), tuple(labels.shape), labels.dtype)
print(f"first loss {my_loss(outputs, labels):.2f}; a guess costs {np.log(my_classes):.2f}")
sums = outputs.sum(dim=1)  # (32,)
print(
    f"outputs from {outputs.min():.1f} to {outputs.max():.1f}; "
    f"rows add up to {sums.min():.1f} to {sums.max():.1f}"
)
sure = 50.0 * nn.functional.one_hot(labels, my_classes)  # logits that are certain and right
print(f"certain and right would cost {my_loss(sure, labels):z.2f} with logits,\n  "
      f"{my_loss(sure.softmax(dim=1), labels):z.2f} with probabilities, "
      f"{my_loss(sure.log_softmax(dim=1), labels):z.2f} with log-probabilities")  # fmt: skip

# %% [markdown]
# None below 0, and every row adds up to 1: these are probabilities, and this loss wants logits. Of the three costs
# look at the one that matches what *your* network puts out: it should be 0.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "05-adam": widgets.Happened(
            "B",
            "the accuracy becomes good, the loss does not",
            told_by="what a right and certain answer costs",
        ),
        "05-log": widgets.Happened(
            "B", "as well as without the layer", told_by="the same loss, the same gradient"
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/05_wrong_loss.ipynb`](../exercises/05_wrong_loss.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# Two of the documents that this course is built on speak of the choice of a loss. One *makes* this lesson's mistake
# in its example against vanishing gradients, and calls the softmax right for classification: before
# cross-entropy it gives the loss a floor. Two more statements do not hold as they stand.
#
# - That squared error is detrimental to classification: after a softmax and with SGD it is. On one-hot
#   labels without a softmax and with Adam it is as good as cross-entropy.
# - That binary cross-entropy is inappropriate for several classes: on one-hot labels it learns the ten
#   digits, as the fixed run above shows. On class numbers it fails.
#
# </details>
