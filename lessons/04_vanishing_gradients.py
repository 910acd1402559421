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
# # 04 · Ten layers, and the loss stands still
#
# Handwritten digits again, 8 × 8 pixels, well scaled. One hidden layer learns them. Ten do not, and
# nothing in the output says why.
#
# **You need:** lessons 01 and 03, and the derivative as a slope. **You take home:** the gradient norm of each
# layer, in one picture, before you have trained anything.
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
from torch.nn.init import kaiming_normal_, xavier_uniform_

from coursekit import evidence, get_case, plots, record, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("vanishing-gradients")  # this lesson's failure, as functions you can call


def in_words(accuracy):
    """Deep runs differ in the second digit from machine to machine; the verdict does not."""
    return "stays near chance" if accuracy < 0.3 else "learns" if accuracy > 0.75 else "half-way"


def power(size):
    """A size as a power of ten: how small, not how exactly."""
    return f"10^{round(np.log10(size))}"


def part(size):
    """A share as a power of ten, in words."""
    return "about as much as" if round(np.log10(size)) == 0 else f"{power(size)} of what"


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=2
# ## A model that does not train
#
# Plain PyTorch. The pixels lie between 0 and 1. Can you see what is wrong?

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import Sigmoid
from torch.nn.init import xavier_uniform_
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
hidden = [layer for _ in range(10) for layer in (nn.Linear(64, 64), Sigmoid())]
model = nn.Sequential(*hidden, nn.Linear(64, 10))
for layer in model:
    if isinstance(layer, nn.Linear):
        xavier_uniform_(layer.weight)  # a common rule for the first weights
loss_fn = nn.CrossEntropyLoss()
optimizer = SGD(model.parameters(), lr=0.05)

for epoch in range(12):
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
for depth in (1, 3):  # the same script with fewer hidden layers
    accuracy = CASE.broken.having(depth=depth).run(seed=0)["test_accuracy"]
    print(f"with {depth} hidden layer{'s' * (depth > 1)}: {in_words(accuracy)}")

# %% [markdown]
# (*Learns* is an accuracy above 0.75, *near chance* one below 0.3, and *half-way* lies between.) One hidden
# layer learns. Three are too many already, and ten do as well as a rule that never looks
# at the image. More layers should be able to do more, not less.

# %% [markdown] minutes=1
# ## Your prediction
#
# Which *one* change to the script brings the accuracy above 75 %?

# %% jupyter={"source_hidden": true}
widgets.predict(
    "04-fix",
    "Which one change brings the accuracy above 75 %?",
    options={
        "A": "a learning rate ten times larger",
        "B": "three times as many epochs",
        "C": "Adam in place of SGD",
        "D": "ReLU in place of sigmoid, with the first weights that PyTorch draws by itself",
        "E": "tanh in place of sigmoid",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=4
# ## Measure
#
# The same run again, watched. **First measurement: the loss.**

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
with record(run.model, run.optimizer, every=1) as vitals:
    for _ in range(run.epochs):
        for inputs, labels in run.train:
            run.optimizer.zero_grad()
            loss = run.loss_fn(run.model(inputs), labels)
            loss.backward()
            run.optimizer.step()
failing = vitals.record
loss = failing["loss"].values
print(f"ln 10, the loss of a network that knows nothing   {np.log(10):.1f}")
print(f"mean loss of the first epoch                      {loss[:34].mean():.1f}")
print(f"mean loss of the last epoch                       {loss[-34:].mean():.1f}")

# %% [markdown]
# It starts near ln 10, and stays there. No jump, no NaN. The loss alone says no more.
#
# **Second measurement: the gradient of each layer.** The *norm* of a gradient is its length: the root
# of the sum of the squares of its entries. Times the learning rate, it is how far a step moves
# that layer.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
gradient = failing["gradient_norm"].values  # (408, 11): one row a step, one column a layer
figure, ax = plt.subplots()
ax.plot(range(1, 12), gradient[0], "X--", color="#D55E00", label="at the first step")
ax.plot(range(1, 12), gradient[-1], "o:", color="#555555", label="at the last step")
ax.set(yscale="log", xlabel="layer, from the input to the output", ylabel="gradient norm")
ax.set_xticks(range(1, 12))
ax.legend()
per_layer = (gradient[0, -1] / gradient[0, 0]) ** (1 / 10)
print(f"the first layer gets {part(gradient[0, 0] / gradient[0, -1])} the last one gets")
print(f"each layer on the way back divides the gradient by about {per_layer:.0f}")
plt.show()

# %% [markdown]
# **Figure.** Gradient norm of each of the eleven layers, on a logarithmic axis: from the last layer
# back to the first it falls by about the same factor in every layer, and training hardly changes that.
#
# The first layer gets a gradient about a million times smaller than the last: in twelve
# epochs it does not move. That is a *vanishing gradient*. But the last layer gets a good one. Why
# does not even the last layer learn?
#
# **Third measurement: what reaches each layer.** Take 256 images. How far apart are they after each
# layer?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
run = CASE.broken.build(seed=0, device="cpu")
signal = run.train.dataset.tensors[0][:256]  # (256, 64)
spread = []
with torch.no_grad():
    for layer in run.model[:-1]:
        signal = layer(signal)  # (256, 64)
        if isinstance(layer, nn.Sigmoid):
            spread.append(signal.std(dim=0).mean().item())  # between images, mean over the units
for number in (1, 4, 7, 10):
    print(f"behind hidden layer {number:2}: images differ by about {power(spread[number - 1])}")

# %% [markdown]
# Going *forward*, the same thing happens: behind the tenth layer, all images look alike. The last
# layer gets the same row for a 3 as for an 8. All it can learn is how frequent the classes are, and
# the loss of that is ln 10.

# %% [markdown] minutes=4
# ## The cause
#
# A layer is a step in a chain: `x → f(x) → f(f(x)) → …`. Nudge `x` a little. The first step passes
# on the nudge times its slope, the second step multiplies by *its* slope, and so on: the slope of
# the whole chain is the **product of the slopes**.


# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
def ten_sigmoids(x):
    """Ten sigmoids, one behind the other: the result, and the slope of each at its place."""
    slopes = []
    for _ in range(10):
        x = 1 / (1 + np.exp(-x))
        slopes.append(x * (1 - x))  # the slope of a sigmoid, from its own output
    return x, slopes


nudge = 0.001
moved = ten_sigmoids(0.5 + nudge)[0] - ten_sigmoids(0.5 - nudge)[0]
print(f"the chain passes on     {moved / (2 * nudge):.1e} of a nudge")
print(f"product of ten slopes   {np.prod(ten_sigmoids(0.5)[1]):.1e}")
print(f"the most it can be      {0.25**10:.1e}, a product of ten factors 1/4")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
at = torch.linspace(-5, 5, 401, requires_grad=True)
shapes = {"sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "ELU": nn.ELU(), "ReLU": nn.ReLU()}
colours = ("#D55E00", "#0072B2", "#009E73", "#000000")
for (name, shape), colour, dash in zip(
    shapes.items(), colours, ("--", "-", "-.", ":"), strict=True
):
    (slope,) = torch.autograd.grad(shape(at).sum(), at)
    ax.plot(at.detach(), slope, label=name, color=colour, linestyle=dash)
ax.set(xlabel="what comes in", ylabel="slope", xlim=(-5, 5))
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# **Figure.** The slope of four activations (ELU is a smooth relative of ReLU): that of sigmoid is nowhere above 1/4; tanh reaches 1 in
# the middle, ReLU and ELU have slope 1 for all positive inputs.
#
# The weights of a layer are factors of the same product. *Xavier* weights are chosen so that a layer
# of 64 units keeps the length of what passes through it, on average: they contribute a factor
# near 1. What is left is the sigmoid's 1/4 a layer: the factor of four that you measured, backwards
# and forwards.
#
# Could larger weights make up for the 1/4? To a point. A sigmoid's output is never negative, so they also
# push the sums of the next layer off the middle, where the slope goes to 0.

# %% [markdown] minutes=1
# ## The fix
#
# An activation whose slope is 1 where the signal is. With Xavier weights, tanh is one:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
print(diff(CASE.broken, CASE.fixed, context=0))

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, ax = plt.subplots()
for name, recipe, look in [
    ("sigmoid", CASE.broken, plots.BROKEN),
    ("tanh", CASE.fixed, plots.FIXED),
]:
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        for _ in recipe.train(run):
            pass  # train is the same loop; it stops after each epoch to let others look
    gradient = vitals.record["gradient_norm"].values  # (408, 11)
    ax.plot(range(1, 12), gradient[0], label=name, color=look.colour, linestyle=look.dash,
            marker=look.marker)  # fmt: skip
    print(f"{name:>7}: the first layer gets {part(gradient[0, 0] / gradient[0, -1])} the "
          f"last one gets; {in_words(recipe.evaluate(run)['test_accuracy'])}")  # fmt: skip
ax.set(yscale="log", xlabel="layer, from the input to the output", ylabel="gradient norm")
ax.set_xticks(range(1, 12))
ax.legend()
plt.show()

# %% [markdown]
# **Figure.** Gradient norm of each layer at the first step: with sigmoid it falls by a million
# towards the input, with tanh every layer gets about the same.
#
# Tanh is often named *as a cause* of vanishing gradients, next to sigmoid. Here it is the cure.

# %% [markdown] minutes=3
# ## The wrong fixes
#
# Three changes that people try first. *Share of the gap* is how far one gets from the broken run (0 %)
# to the fixed one (100 %), on the seeds whose results the course keeps. (Option D has its own section.)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
wrong = [
    "a learning rate ten times larger",
    "three times the epochs",
    "Adam in place of SGD",
]
stored = evidence.stored_scores(CASE.name, score="test_accuracy")
shares = evidence.stored_shares(CASE)
reasons = {rival.name: rival.why for rival in CASE.rivals}
for name in wrong:
    print(f"{name}: {shares[name]:.0%} of the gap")
    print(f"  {reasons[name]}\n")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
plots.plot_scores(
    {name: stored[name] for name in ["broken", *wrong, "fixed"]},
    baseline=0.1, baseline_label="guessing",
)  # fmt: skip
plt.show()

# %% [markdown]
# **Figure.** Test accuracy on those seeds, one mark a seed: a larger rate and more epochs stay at chance on
# every seed, and Adam gets hardly further.

# %% [markdown]
# **What Adam hides.** Adam divides the step of each weight by the size of that weight's own
# gradients. So a tiny gradient gives a step of normal size. Look at the start of the first epoch; the length
# of a step over the size of the weights is the `update_ratio` of lesson 03:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
adam = next(rival.recipe for rival in CASE.rivals if rival.name == "Adam in place of SGD")
for name, recipe in [("SGD", CASE.broken), ("Adam", adam)]:
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=1) as vitals:
        next(recipe.train(run))  # one epoch
    first = vitals.record
    print(
        f"{name:>4}: gradient norm of the first layer {power(first.of_layer('gradient_norm', '0')[0])}"
        f", one step moves it by {power(first.of_layer('update_ratio', '0')[0])} of its size"
    )

# %% [markdown]
# With Adam the first layer does move. But in which direction? All images look alike to the last layer,
# so what comes back says next to nothing about them. Adam makes small gradients large; it does not put
# into them what is not there. With a *less* deadly start it does get through: the next section.

# %% [markdown] minutes=5
# ## Just use ReLU?
#
# The usual advice says: a ReLU's slope is 1 for every positive input, so the product of slopes cannot
# shrink. Ten ReLU layers, with the first weights that PyTorch draws by itself, SGD. What do you expect?

# %% jupyter={"source_hidden": true}
widgets.predict(
    "04-relu",
    "Ten ReLU layers, the first weights as PyTorch draws them, SGD. What happens?",
    options={
        "A": "it learns: the slope is 1",
        "B": "it stays at chance: the units die, as in lesson 01",
        "C": "it stays at chance: each layer makes the signal smaller",
        "D": "the loss becomes NaN: each layer makes the signal larger",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
relu = get_case("vanishing-initialisation")
x = relu.broken.build(seed=0, device="cpu").train.dataset.tensors[0][:256]  # (256, 64)
rules = {"PyTorch's own": None, "Xavier, Keras's own": xavier_uniform_, "He": kaiming_normal_}
looks = (plots.BROKEN, plots.NEUTRAL, plots.FIXED)
figure, ax = plt.subplots()
for (name, rule), look in zip(rules.items(), looks, strict=True):
    recipe = relu.broken.having(initialise=rule)
    run = recipe.build(seed=0, device="cpu")
    deviation = run.model[0].weight.std().item()
    signal, spread = x, []
    with torch.no_grad():
        for layer in run.model[:-1]:
            signal = layer(signal)
            if isinstance(layer, nn.ReLU):
                spread.append(signal.std(dim=0).mean().item())
    ax.plot(range(1, 11), spread, label=name, color=look.colour, linestyle=look.dash,
            marker=look.marker)  # fmt: skip
    print(f"{name:>19}: weights of size {deviation:.2f}; a layer keeps "
          f"{(spread[9] / spread[0]) ** (1 / 9):.1f} of the spread")  # fmt: skip
ax.set(yscale="log", xlabel="hidden layer", ylabel="spread between images")
ax.set_xticks(range(1, 11))
ax.legend()
for name, recipe in [
    ("ReLU, PyTorch's own", relu.broken),
    ("LeakyReLU, PyTorch's own", relu.broken.having(activation=nn.LeakyReLU)),
    ("ReLU, He", relu.fixed),
]:
    print(f"{name:>24}: {in_words(recipe.run(seed=0)['test_accuracy'])}")
plt.show()

# %% [markdown]
# **Figure.** How far apart 256 images are behind each ReLU layer, on a logarithmic axis: with PyTorch's
# own weights the spread falls steeply, with Xavier's slowly, with He's hardly at all.
#
# Dead units are not to blame: those of LeakyReLU, whose slope is never 0, cannot die, and it stays at
# chance as well. The *weights* are too small. A unit adds up *n* inputs, so its variance (its spread,
# squared) is *n* times the variance of a weight, times the mean square of an input. And the slope is 1
# for half of the units only: ReLU drops the other half. He's rule pays for that half.
#
# | rule for the first weights | their variance | what a layer of *n* units keeps of the variance |
# |---|---|---|
# | PyTorch's own, in `nn.Linear` | 1/(3*n*) | 1/6 |
# | Xavier, also called Glorot; Keras's own | 1/*n* | 1/2 |
# | He; in PyTorch `kaiming` | 2/*n* | all |
#
# So **PyTorch and Keras differ**: the same ten layers start from weights whose variance differs by a
# factor of three. The root of the last column is about what a layer keeps of the spread, above; a little
# is lost besides, as ReLU's outputs are never negative and so more alike.
#
# Neither the activation nor the rule decides alone. What does? Train each pair once, and compare with
# the gradient that the first layer gets *before the first step*:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
markers = {nn.Sigmoid: "X", nn.Tanh: "o", nn.ReLU: "s", nn.ELU: "^", nn.SiLU: "D"}
rules = {"PyTorch's own": None, "Xavier": xavier_uniform_, "He": kaiming_normal_}
fills = ("#FFFFFF", "#8FBFE0", "#0072B2")
figure, ax = plt.subplots(figsize=(6.4, 3.8))
found = {}
for activation, marker in markers.items():
    for (name, rule), fill in zip(rules.items(), fills, strict=True):
        recipe = CASE.broken.having(activation=activation, initialise=rule)
        run = recipe.build(seed=0, device="cpu")
        inputs, labels = run.train.dataset.tensors
        run.loss_fn(run.model(inputs), labels).backward()
        first = run.model[0].weight.grad.norm().item()
        accuracy = recipe.run(seed=0)["test_accuracy"]
        found[activation.__name__, name] = (first, accuracy)
        ax.plot(first, accuracy, marker, color=fill, markeredgecolor="#003A5D", markersize=9)
for activation, marker in markers.items():
    ax.plot([], [], marker, color="#FFFFFF", markeredgecolor="#003A5D", label=activation.__name__)
for name, fill in zip(rules, fills, strict=True):
    ax.plot(
        [], [], "o", color=fill, markeredgecolor="#003A5D", markersize=5, label=f"{name} (fill)"
    )
ax.set(xscale="log", xlabel="gradient norm of the first layer before training",
       ylabel="test accuracy after training", ylim=(0, 1.03))  # fmt: skip
ax.legend(loc="center left", fontsize="small")
for name in rules:
    groups = {}
    for (shape, rule), (_, accuracy) in found.items():
        if rule == name:
            groups.setdefault(in_words(accuracy), []).append(shape)
    print(f"{name:>13}: {'; '.join(f'{words}: ' + ', '.join(s) for words, s in groups.items())}")
adam = next(rival.recipe for rival in relu.rivals if rival.name == "Adam in place of SGD")
reached = adam.run(seed=0)["test_accuracy"]
print(
    f"ReLU from PyTorch's own with Adam: {'gets away from' if reached > 0.3 else 'stays near'} chance"
)
plt.show()

# %% [markdown]
# **Figure.** Five activations (SiLU is also called Swish), three rules for the first weights, ten layers,
# SGD, one run each. The shape is the activation, the fill is the rule: but for a narrow
# band in the middle, the gradient of the first layer before training tells which of these fifteen runs will learn.
#
# "ReLU, ELU and Swish prevent vanishing gradients" is true or false *depending on the first weights*. And
# Adam gets ReLU away from chance from PyTorch's own weights, where SGD stays there.
# If your deep model needs Adam to train at all, look at its first gradients. Adam may be hiding this.

# %% [markdown] minutes=2
# ## Forty layers
#
# He's weights, ReLU, forty layers. Do *residual connections* help, which add each layer's input to its
# output? A layer returns keep · x + scale · ReLU(Linear(x)); 0.158 is 1/√40.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
deep = get_case("deep-plain-net")
print(diff(deep.broken, deep.fixed, context=0), "\n")
recipes = {
    "plain": deep.broken,
    "residual": deep.broken.having(keep=1.0),
    "residual / √40": deep.fixed,
}
for name, recipe in recipes.items():
    run = recipe.build(seed=0, device="cpu")
    inputs, labels = next(iter(run.train))
    run.loss_fn(run.model(inputs), labels).backward()
    size = run.model[0].linear.weight.grad.norm().item()
    scores = recipe.having(epochs=6).run(seed=0)
    verdict = in_words(scores["test_accuracy"]) if np.isfinite(scores["test_loss"]) else "NaN"
    print(f"{name:>15}: first layer's gradient {power(size)}; {verdict}")

# %% [markdown]
# - **Plain:** the first layer's gradient has a useful size, and in six epochs nothing is learnt. A gradient
#   that is too small tells of a failure; one of a good size is no promise.
# - **Residual, bare:** each layer adds a part about as large as its input, forty times. The signal grows
#   by a factor with each, and the loss is NaN.
# - **Residual, each part divided by the root of the depth:** the sum stays in bounds, and the input runs
#   through to the end.
#
# The other remedy, **BatchNorm**, gives each unit's sum mean 0 and spread 1 again in every layer. It
# mends the ten sigmoid layers:


# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
def normalised_sigmoid():
    return nn.Sequential(nn.BatchNorm1d(64), nn.Sigmoid())


recipe = CASE.broken.having(activation=normalised_sigmoid)
run = recipe.build(seed=0, device="cpu")
with record(run.model, run.optimizer, every=1) as vitals:
    for _ in recipe.train(run):
        pass
first, last = (vitals.record.of_layer("gradient_norm", name)[0] for name in ("0", "20"))
print(f"the first layer gets {part(first / last)} the last one gets")
print(f"ten sigmoid layers with BatchNorm: {in_words(recipe.evaluate(run)['test_accuracy'])}")

# %% [markdown]
# The sigmoid's slope is still 1/4 at most. BatchNorm divides by the small spread, which multiplies the
# gradient by what the slope took.

# %% [markdown] minutes=2
# ## Find where it breaks
#
# Three controls; the lower picture is the gradient norm of each layer, and it moves as the run trains.
# Find: the depth at which sigmoid stops learning. An activation and a rule that train twenty layers. A pair
# with which ten layers start with a small gradient in the first one, which *grows* as the run trains.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "depth", "activation", "initialise", below="gradients")

# %% [markdown]
# **Figure.** Training loss, and below it the gradient norm of each layer, of the reference run: ten
# tanh layers from Xavier weights. Each setting draws its own run over it.
#
# <details><summary><b>What there is to find</b></summary>
#
# Sigmoid learns with one hidden layer, and not with two. Tanh from He's weights trains twenty layers. ReLU from
# Xavier's starts with a small gradient that grows.
#
# </details>

# %% [markdown] minutes=1
# ## The same in Keras
#
# Keras's `Dense` draws Xavier weights by itself. So sigmoid fails in the same way, tanh learns without
# another line, and ReLU, which stayed at chance in PyTorch, gets away from it.

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from coursekit.device import keras_if_installed

x, y = load_digits(return_X_y=True)
rows, rest = train_test_split(np.arange(1797), test_size=0.4, stratify=y, random_state=0)
if keras := keras_if_installed():
    for activation in ("sigmoid", "relu", "tanh"):
        keras.utils.set_random_seed(0)
        hidden = [keras.layers.Dense(64, activation=activation) for _ in range(10)]
        model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])
        model.compile(
            optimizer=keras.optimizers.SGD(0.05),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        size = float(keras.ops.std(model.layers[0].kernel))
        model.fit(x[rows] / 16, y[rows], batch_size=32, epochs=12, verbose=0)
        _, accuracy = model.evaluate(x[rest] / 16, y[rest], verbose=0)
        verdict = "stays near chance" if accuracy < 0.3 else "gets away from chance"
        print(f"{activation:>7}: weights of size {size:.3f}, {verdict}")
print(f"PyTorch: weights of size {nn.Linear(64, 64).weight.std().item():.3f}")

# %% [markdown] minutes=1
# ## Is it always so?
#
# The course keeps this failure's results on seeds that nobody used for choosing a setting, in
# both frameworks. Two of them are run again here, now.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for row in evidence.verify(CASE, seeds=[1000, 1001], only=["broken", "fixed"]):
    print(f"seed {row.seed}, {row.recipe:<6}: {in_words(row.scores['test_accuracy'])}")

for framework, title in [("torch", "PyTorch"), ("keras", "Keras")]:
    stored = evidence.stored_scores(CASE.name, score="test_accuracy", framework=framework)
    print(f"{title}, {len(stored['broken'])} seeds: best sigmoid run {max(stored['broken']):.1f}, "
          f"worst tanh run {min(stored['fixed']):.1f}")  # fmt: skip

# %% [markdown] minutes=1
# ## What to remember
#
# **For your checklist, the line "gradients":** before training, every layer should get a gradient of
# about the same size. If the norm falls by the same factor from layer to layer, look at the
# **activation and the first weights together**.
#
# - Sigmoid in hidden layers costs about a factor of four a layer, from Xavier's weights. Keep it for the
#   output.
# - ReLU wants He's weights (`nn.init.kaiming_normal_`); tanh wants Xavier's. PyTorch's own fit neither
#   where a network is deep; Keras's own fit tanh.
# - Very deep: residual connections, scaled. BatchNorm mends ten sigmoid layers.
# - A gradient of exactly 0: all weights start at zero. A huge one that soon is tiny: they start too large
#   (both in the appendix).
# - Adam hides small gradients. Measure before you rely on it.
#
# **On your own model**: put your own names into the next cell.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = CASE.fixed.build(seed=1, device="cpu")
my_model, my_loss = yours.model, yours.loss_fn
inputs, labels = next(iter(yours.train))

my_model.zero_grad()
my_loss(my_model(inputs), labels).backward()
for name, weight in my_model.named_parameters():
    if weight.ndim > 1:
        print(f"{name:<10} gradient norm {weight.grad.norm():.0e}")
my_model.zero_grad()  # a measurement leaves no gradient behind

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "04-fix": widgets.Happened(
            "E", "tanh in place of sigmoid", told_by="the gradient norm of each layer"
        ),
        "04-relu": widgets.Happened(
            "C",
            "each layer makes the signal smaller",
            told_by="the spread between images, layer by layer",
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/04_vanishing_gradients.ipynb`](../exercises/04_vanishing_gradients.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# Three of the documents that this course is built on describe it. They are right that deep sigmoid
# networks get no gradient in their first layers. Three things that they say do not hold as they stand.
#
# - That ReLU, ELU or Swish mitigate it: only from suitable first weights, which none of them mentions.
#   From PyTorch's own, none of these trains ten layers with SGD.
# - That tanh is a cause: from Xavier weights it trains ten layers.
# - That residual connections mend it: forty bare ones overflow; they need a scale.
#
# One document shows ReLU "against vanishing gradients" in an example of two layers. There the gradient
# does not vanish with sigmoid either, so the example shows nothing.
#
# </details>

# %% [markdown] minutes=2 tags=["optional"]
# ## Appendix · Two more starts that fail
#
# Weights that are *too large* (standard deviation 1, eight tanh layers) and weights and biases that
# are *all zero* (two ReLU layers). What gradient does the first layer get, at the start and in the last epoch?

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for name, case in [
    ("weights too large", get_case("saturated-activations")),
    ("weights all zero", get_case("zero-initialisation")),
]:
    for which, recipe in [("broken", case.broken), ("fixed", case.fixed)]:
        run = recipe.build(seed=0, device="cpu")
        with record(run.model, run.optimizer, every=1) as vitals:
            for _ in recipe.train(run):
                pass
        norm = vitals.record.of_layer("gradient_norm", "0")  # (steps,)
        start, later = (
            "exactly 0" if size == 0 else "tiny" if size < 1e-2 else "huge" if size > 50 else "good"
            for size in (norm[0], np.median(norm[-34:]))
        )
        flat = ""
        if "saturated_fraction" in vitals.record:
            flat = (
                f", {vitals.record['saturated_fraction'].values[0].mean():.0%} of units saturated"
            )
        print(f"{name}, {which}: first gradient {start}{flat};")
        print(f"  in the last epoch {later}; "
              f"{in_words(recipe.evaluate(run)['test_accuracy'])}")  # fmt: skip

# %% [markdown]
# - **Saturated:** most units sit where tanh is flat. The few others get a huge gradient, the first
#   steps push them over as well, and then nothing comes back. Weights of size 1/√*n* mend it.
# - **Zero:** the gradient of the hidden layers is not small, it is exactly 0, and stays so: no learning
#   rate helps. A small constant does not help either (`coursekit cases zero-initialisation`): all
#   units get the same gradient and stay alike.
#   Only *different* random weights do; biases may start at zero.
