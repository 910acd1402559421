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
# # 11 · Only two images fit into memory, and the network hardly learns
#
# The images are large, the graphics card is small: two rows are a batch. The digits stand in for such images here. The
# network has BatchNorm in each hidden layer. With larger batches it names nearly all digits; with two, fewer than half of them.
#
# **You need:** lessons 03 and 06: the learning rate, batches, training and evaluation mode. **You take home:** what a
# normalisation layer takes its mean over, and how to measure how much of an output is made by the *other* rows.
#
# Run the set-up cell first. After it, every section runs on its own. Folded code only draws, prints or
# repeats: run it without opening it. One function in the set-up is worth opening: `made_by_partners`, the measurement of this lesson.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"] jupyter={"source_hidden": true}
import copy
import functools
from dataclasses import replace
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from coursekit import evidence, get_case, plots, record, widgets
from coursekit.cases.script import diff

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two
CASE = get_case("batchnorm-tiny-batch")  # this lesson's failure, as functions you can call


@functools.cache
def trained(norm, batch_size, seed=0):
    """The script's network after one epoch, with that layer and batch size; each is trained once."""
    recipe = CASE.broken.having(norm=norm, batch_size=batch_size, epochs=1)
    run = recipe.build(seed=seed, device="cpu")
    for _ in recipe.train(run):
        pass
    return run


def loss_and_accuracy(model, rows, batch_size):
    """Both, over all rows, in batches; the mode is the one that the model is in."""
    inputs, labels = rows.tensors
    with torch.no_grad():
        logits = torch.cat([model(part) for part in inputs.split(batch_size)])  # (rows, 10)
    right = (logits.argmax(dim=1) == labels).float().mean()
    return nn.functional.cross_entropy(logits, labels).item(), right.item()


def in_both_modes(run, batch_size):
    """Loss and accuracy on the training rows in training mode, then in evaluation mode."""
    model = copy.deepcopy(run.model)  # a pass in training mode moves the running averages
    rows = run.train.dataset
    return [
        loss_and_accuracy(model.train(), rows, batch_size),
        loss_and_accuracy(run.model.eval(), rows, batch_size),
    ]


def side(accuracy):
    """On which side of a limit an accuracy is: the digits of these runs hang on the processor."""
    return "over 0.5" if accuracy > 0.5 else "under 0.5"


def said(loss, accuracy):
    """Loss and accuracy in words, where the network has not learnt."""
    if loss > 2 and accuracy < 0.4:
        return "loss over 2, accuracy under 0.4"
    return f"loss {loss:.1f}, accuracy {accuracy:.1f}"


def made_by_partners(model, rows, batch_size, images=20, draws=10):
    """For each normalisation layer: the share of its output that an image's partners decide.

    Each image goes through with other partners each time. The share is the variance over the
    partners, divided by the variance over images and partners: 0 none of it, 1 all of it.
    """
    model = copy.deepcopy(model).train()
    seen = {}
    for name, layer in model.named_modules():
        if "Norm" in type(layer).__name__:
            seen[name] = []
            layer.register_forward_hook(lambda _, __, out, name=name: seen[name].append(out[0]))
        if "Dropout" in type(layer).__name__:
            layer.eval()  # its lots are not the partners' doing
    order = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for image in rows[:images]:
            for _ in range(draws):
                partners = torch.randint(images, len(rows), (batch_size - 1,), generator=order)
                model(torch.cat([image[None], rows[partners]]))  # our image comes first
    shares = {}
    for name, outputs in seen.items():
        values = torch.stack(outputs).reshape(images, draws, -1)  # (images, draws, units)
        all_together = values.flatten(0, 1).var(dim=0).mean()
        shares[name] = (values.var(dim=1).mean() / all_together).item()
    return shares


print("Ready: run the cells below one after the other.")


# %% [markdown] minutes=3
# ## A model that does not train
#
# `BatchNorm1d(64)` takes each of the 64 units by itself. It subtracts the unit's mean over the rows of the batch and divides by
# their standard deviation; a scale and a shift, both learnt, come after. In evaluation mode *running averages* of those
# means and variances stand in for the batch.

# %% tags=["failing-script"]
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import BatchNorm1d
from torch.utils.data import DataLoader, TensorDataset

x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
order = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=2, shuffle=True, generator=order)
val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
torch.manual_seed(0)
hidden = [layer for _ in range(4) for layer in (nn.Linear(64, 64), BatchNorm1d(64), nn.ReLU())]
model = nn.Sequential(*hidden, nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for epoch in range(4):
    for inputs, labels in loader:  # (2, 64), (2,)
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
print(f"accuracy of the network         {'under' if scores['test_accuracy'] < 0.5 else 'over'} 0.5")
print(f"always guessing the same class  {labels.bincount().max().item() / len(labels):.1f}")
print(
    f"test loss                       {scores['test_loss']:.0f}, rounded; "
    f"a guess costs {np.log(10):.1f}"
)

# %% [markdown]
# The loop is complete, `eval()` is there, the rate is an ordinary one.

# %% [markdown] minutes=2
# ## Your prediction

# %% jupyter={"source_hidden": true}
widgets.predict(
    "11-fix",
    "Two rows a batch, it must stay so. Which one change brings the accuracy above 80 %?",
    options={
        "A": "a learning rate ten times smaller: the gradient of two rows is noisy",
        "B": "gradient accumulation: a step only after sixteen batches, along their mean gradient",
        "C": "Adam in place of SGD",
        "D": "twice as many epochs",
        "E": "none of these",
    },
)

# %% [markdown]
# Then: it was trained on certain rows. How well does it name *those*, after the first epoch?

# %% jupyter={"source_hidden": true}
widgets.predict(
    "11-modes",
    "The rows that it was trained on. In which mode does it name four in five of them?",
    options={
        "A": "in training mode, as it was trained; the running averages are what is poor",
        "B": "in both: it fails on new rows only",
        "C": "in neither",
    },
)

# %% [markdown]
# The outputs below are hidden until you run them. The text is not: predict first.

# %% [markdown] minutes=4
# ## Measure
#
# **First measurement: the training rows, in both modes.** Training mode takes them two by two, as the loop did. For comparison,
# the same network, rate and epoch with batches of eight.

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
for batch_size in (2, 8):
    training, evaluation = in_both_modes(trained(nn.BatchNorm1d, batch_size), batch_size)
    print(f"batches of {batch_size}: training mode   {said(*training)}")
    print(f"              evaluation mode {said(*evaluation)}")
print(
    f"should be: well under {np.log(10):.1f}, which is a guess; "
    "evaluation mode no worse than training mode"
)

# %% [markdown]
# In neither mode, and on the very rows that it has seen. So it is no forgotten `eval()` (lesson 06) and no overfitting (lesson
# 10). **It does not learn.** Batches of eight learn, with a quarter of the steps. With them training mode is the poorer: there each
# image still has partners.
#
# **Second measurement: one image, many partners.** A network that has not taken a step. The first image goes through it again and
# again, each time in a batch with others. What does one unit of the first BatchNorm give for it?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
UNIT = 23
run = CASE.broken.build(seed=0, device="cpu")
rows = run.train.dataset.tensors[0]  # (1078, 64)
order = torch.Generator().manual_seed(0)
model = run.model.train()
figure, ax = plt.subplots()
sizes = [2, 4, 8, 16, 32, 64]
for place, size in enumerate(sizes):
    values = []
    with torch.no_grad():
        for _ in range(40):
            partners = torch.randint(1, len(rows), (size - 1,), generator=order)
            values.append(model[:2](torch.cat([rows[:1], rows[partners]]))[0, UNIT].item())
    shifted = place + np.linspace(-0.25, 0.25, 40)  # side by side, so that each is seen
    ax.plot(shifted, values, "o", color="#0072B2", markersize=3.5, alpha=0.7)
    if size == 2:
        print(
            "with ten partners, one at a time:", " ".join(f"{value:+.1f}" for value in values[:10])
        )
ax.axhline(0, color="#555555", linewidth=0.8)
ax.set_xticks(range(len(sizes)), sizes)
ax.set(xlabel="rows in the batch", ylabel="output for the first image")
plt.show()

# %% [markdown]
# **Figure.** One unit's output for one and the same image, forty times with other partners: with one partner it is +1 or −1; from four on, the more
# rows, the closer the values lie together.
#
# **Third measurement: how much of a layer's output is the partners' doing?** Twenty images, each with ten sets of partners. The variance
# over the partners is divided by the whole variance, over images and partners. 0: the image decides. 1: the partners do.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
print("share that the partners decide, before any step, in the four BatchNorm layers")
for size in (2, 8, 32):
    per_seed = []
    for seed in range(3):
        run = CASE.broken.build(seed=seed, device="cpu")
        shares = made_by_partners(run.model, run.train.dataset.tensors[0], size)
        per_seed.append([f"{share:.1f}" for share in shares.values()])
    print(f"batches of {size:>2}: " + "; ".join(" ".join(shares) for shares in per_seed))
print("(three seeds, divided by semicolons; should be: near 0)")

# %% [markdown]
# With two rows the larger part of what a layer says of an image is decided by its partner, and each layer makes it more. In the next
# epoch the image gets another partner. What the network has learnt of it then mostly no longer holds. Where is too much? Batches of
# eight, with 0.5 in the last layer, learn; batches of two, with 0.9, do not.

# %% [markdown] minutes=2
# ## The cause
#
# Take one unit, and BatchNorm with fresh scale and shift. Two rows, any distance apart:

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
layer = nn.BatchNorm1d(1)
for numbers in [(0, 1), (0, 100), (99, 100), (0, 1, 100), (0, 40, 100)]:
    batch = torch.tensor(numbers, dtype=torch.float32)[:, None].requires_grad_()  # (rows, 1)
    given = layer(batch)[:, 0]
    (slope,) = torch.autograd.grad(given[0], batch)  # by how much the first output moves
    row = " ".join(f"{value:+.2f}" for value in given.tolist())
    print(f"{numbers!s:>14} -> {row:<17} slope of the first: {abs(slope[0].item()):.3f}")

# %% [markdown]
# The mean of two numbers lies halfway. From there each is half the distance away, one above and one below; and the standard
# deviation *is* half the distance. So the larger becomes +1 and the smaller −1. BatchNorm takes two things out of each unit:
# the mean and the spread. **Of one pair nothing is left then but which is the larger.** Three numbers keep some of their distances.
#
# Over many pairs a sign does tell something: a row with a high value is the larger of the two more often. Is that enough? The script
# with one hidden layer and with four; and the same with hidden layers that keep their first weights.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
print(
    "one epoch, batches of two   partners' share, last layer   accuracy   hidden layers untrained\n"
    "                                       (before any step; the accuracy in evaluation mode)"
)
for norm, depth in [(nn.BatchNorm1d, 1), (nn.BatchNorm1d, 4), (nn.LayerNorm, 4)]:
    reached = []
    for learns in (True, False):
        run = CASE.broken.having(norm=norm, epochs=1).build(seed=0, device="cpu")
        model = nn.Sequential(*run.model[: 3 * depth], run.model[-1])  # the first of its layers
        model[:-1].requires_grad_(learns)
        before = made_by_partners(model, run.train.dataset.tensors[0], 2)
        learnt = [value for value in model.parameters() if value.requires_grad]
        run = replace(run, model=model, optimizer=torch.optim.SGD(learnt, lr=0.01))
        for _ in CASE.broken.train(run):
            pass
        reached.append(in_both_modes(run, 2)[1][1])
    share = list(before.values())[-1]
    print(
        f"{norm.__name__:>14}, layers: {depth} {share:22.1f} "
        f"{side(reached[0]):>18} {side(reached[1]):>21}"
    )
pair = torch.tensor([[0.0], [0.001]], requires_grad=True)
layer(pair)[0].sum().backward()
print(f"slope for a pair 0.001 apart: {pair.grad[0].item():.0f}")

# %% [markdown]
# Trained on signs, and judged in evaluation mode, a network with one hidden layer learns; and it does where that layer keeps its first weights: only the last layer learns, on fixed signs. For a
# sign is flat. Look at the slopes: 0 for each pair above, so hardly a gradient comes back through it (lesson 04); and an enormous one
# where two rows are nearly alike. **The hidden layers learn next to nothing that helps, and four of them in a row pass on too little.**
# With LayerNorm they do learn: left untrained, they cost much of the accuracy.

# %% [markdown] minutes=2
# ## The fix
#
# Two rows are too few *for a mean over rows*. Other layers take it over something else. LayerNorm: over all units of one
# row. GroupNorm: over some neighbouring units of one row (in an image network: over the pixels of some channels).

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
figure, panels = plt.subplots(1, 3, figsize=(8.4, 1.9), sharey=True)
together = {
    "BatchNorm": np.s_[:, 2:3],
    "LayerNorm": np.s_[1:2, :],
    "GroupNorm, 2 groups": np.s_[1:2, :4],
}
for ax, (name, entries) in zip(panels, together.items(), strict=True):
    marked = np.zeros((4, 8))
    marked[entries] = 1
    ax.pcolormesh(marked, cmap="Greys", vmin=0, vmax=1.6, edgecolors="#888888", linewidth=0.8)
    for row, unit in np.argwhere(marked):
        ax.text(
            unit + 0.5, row + 0.5, "×", ha="center", va="center", color="#ffffff", weight="bold"
        )
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.set(title=name, xlabel="8 units", xticks=[], yticks=[])
panels[0].set(ylabel="4 rows")
print(diff(CASE.broken, CASE.fixed, context=0))
plt.show()

# %% [markdown]
# **Figure.** A batch of four rows and eight units; the entries that share one mean and one deviation are marked: a column, a row, a
# part of a row.
#
# In the last two no row depends on another. They keep no running averages, and compute the same in both modes. The
# measurements again, of the same batches of two in the same order, at the same rate:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
GROUPS = functools.partial(nn.GroupNorm, 8)  # eight groups of eight units
print("after one epoch   loss in training, evaluation mode   partners' share   test accuracy")
for name, norm in [
    ("BatchNorm", nn.BatchNorm1d),
    ("LayerNorm", nn.LayerNorm),
    ("GroupNorm", GROUPS),
    ("no layer", nn.Identity),
]:
    run = trained(norm, 2)
    training, evaluation = in_both_modes(run, 2)
    shares = made_by_partners(run.model, run.train.dataset.tensors[0], 2)
    _, accuracy = loss_and_accuracy(run.model.eval(), run.test, 360)
    most = max(shares.values(), default=np.nan)
    share = "over 0.7" if most > 0.7 else f"{most:.1f}" if shares else " – "
    losses = ["over 2" if loss > 2 else "under 2" for loss in (training[0], evaluation[0])]
    print(f"{name:>15} {losses[0]:>14} {losses[1]:>17} {share:>17} {side(accuracy):>15}")
bare = CASE.broken.having(norm=nn.Identity, lr=0.1)
reached = [bare.run(seed=seed)["test_accuracy"] for seed in range(3)]
print(
    f"no layer, ten times the rate, four epochs: above 0.3 on {sum(a > 0.3 for a in reached)} of 3 seeds"
)

# %% [markdown]
# The gradient comes from two rows as before, and it learns. **The noise of such a gradient alone does not stop learning.** Taking
# BatchNorm out is not enough at this rate. At ten times the rate it learns; how well depends on the seed.

# %% [markdown] minutes=2
# ## The wrong fixes
#
# *Share of the gap* is how far a change gets from the broken run (0 %) to the fixed one (100 %), on seeds
# that nobody tuned on.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
reasons = {rival.name: rival.why for rival in CASE.rivals}
shares = evidence.stored_shares(CASE)
for wrong in sorted(shares, key=shares.get):
    print(f"{wrong}: {round(shares[wrong], 2) + 0:.0%} of the gap")
    print(f"  {reasons[wrong]}\n")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
stored_scores = evidence.stored_scores(CASE.name, score="test_accuracy")
names = ["broken", *sorted(shares, key=shares.get), "fixed"]
ax = plots.plot_scores(
    {name: stored_scores[name] for name in names}, baseline=0.1, baseline_label="guessing"
)
ax.set_xlim(0, 1)
print(f"{len(stored_scores['broken'])} seeds: best broken run {max(stored_scores['broken']):.2f}, "
      f"worst fixed run {min(stored_scores['fixed']):.2f}")  # fmt: skip
plt.show()

# %% [markdown]
# **Figure.** Test accuracy on those seeds, one mark a seed: no wrong fix comes near the worst fixed run.
#
# **Gradient accumulation** is what many try first. It makes the *gradient* that of 32 rows. BatchNorm takes its mean on the
# way *forward*, and there are two rows there. (It takes a sixteenth of the steps, so its rate is five times the script's.) With
# LayerNorm that same loop learns:

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
accumulating = next(
    rival.recipe for rival in CASE.rivals if rival.name == "sixteen batches before each step"
)
accuracy = accumulating.having(norm=nn.LayerNorm, epochs=2).run(seed=1)["test_accuracy"]
print(f"LayerNorm, a step after sixteen batches: test accuracy {accuracy:.1f} after two epochs")

# %% [markdown] minutes=2
# ## Find where it breaks
#
# Two controls: the rows in a batch, and the layer. Where does BatchNorm break? And LayerNorm? (All runs take the same number of
# epochs: batches of 64 take a thirtieth of the steps that batches of 2 take, and are not done at the end.)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
widgets.explore(CASE, "batch_size", "norm")

# %% [markdown]
# **Figure.** Training loss and validation accuracy of the reference run, BatchNorm with 32 rows, which learns. Each setting draws
# its own run over it.
#
# What you find with two rows and with four, in the first two epochs; and from there *one* more step, along the gradient of two
# rows or of four, two hundred times:


# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
def validation(run, mode=False):
    """Accuracy on the validation rows, in evaluation mode or in training mode (64 together)."""
    model = copy.deepcopy(run.model).train(mode)
    return loss_and_accuracy(model, run.val, 64 if mode else 360)[1]


for batch_size in (2, 4):
    run = CASE.broken.having(batch_size=batch_size, epochs=2).build(seed=0, device="cpu")
    order, rows = torch.Generator().manual_seed(0), run.train.dataset
    loader = DataLoader(rows, batch_size, shuffle=True, drop_last=True, generator=order)
    run, reached = replace(run, train=loader), []
    for _ in CASE.broken.train(run):
        reached.append("good" if validation(run) > 0.7 else "poor")
    print(f"batches of {batch_size}: validation after each epoch {', '.join(reached)}")
print(f"one more step of the last network ({len(rows)} rows: {len(rows) % 4} are over)")
start, before = copy.deepcopy(run.model.state_dict()), validation(run)
for size in (4, 2):
    lengths, spoilt = [], []  # of each gradient; where 0.1 is lost: the accuracy in training mode
    for _ in range(200):
        run.model.load_state_dict(start)
        run.optimizer.zero_grad()
        inputs, labels = rows[torch.randperm(len(rows), generator=order)[:size]]
        run.loss_fn(run.model(inputs), labels).backward()
        lengths.append(torch.cat([one.grad.flatten() for one in run.model.parameters()]).norm())
        run.optimizer.step()
        if validation(run) < before - 0.1:
            spoilt.append(validation(run, mode=True))
    longest = "over" if max(lengths) > 1000 else "under"
    share = "over 5%" if len(spoilt) > 10 else "up to 5%" if spoilt else "none"
    print(
        f"  of {size} rows: longest gradient {longest} 1000;\n"
        f"    evaluation loses over 0.1 after {share} of the steps"
    )
    if spoilt:
        print(
            f"    accuracy in training mode then: {'over' if np.mean(spoilt) > 0.6 else 'under'} 0.6"
        )

# %% [markdown]
# Four rows are enough to learn. But two rows that are nearly alike in a unit bring an enormous gradient: the last slope of "The cause". The weights leap, and the running
# averages are those of the weights before. If that is the last batch, evaluation is poor: `drop_last=True` leaves it out.

# %% [markdown] minutes=1
# ## Frozen, and it forgets
#
# **Symptom:** a network knows the digits 0 to 4. Its layers are frozen, `requires_grad_(False)`, and a new last layer (*head*) learns 5 to 9, from
# another scanner. The new head is good. The *old* head, which nobody touched, now fails. **Measurement:** what has
# changed in the frozen part?

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("batchnorm-frozen")
for name, recipe in [("broken", case.broken), ("fixed", case.fixed)]:
    run = recipe.build(seed=0, device="cpu")
    frozen = run.model[0]
    before = copy.deepcopy(frozen.state_dict())
    old = [recipe.evaluate(run)["old_accuracy"]]
    old += [recipe.evaluate(run)["old_accuracy"] for _ in recipe.train(run)]
    changed = [key for key, value in frozen.state_dict().items() if not value.equal(before[key])]
    print(
        f"{name}: old digits {old[0]:.1f} before, {old[1]:.1f} after one epoch, {old[-1]:.1f} after ten;"
    )
    words = f"changed: {', '.join(changed) or 'nothing'}"
    print(fill(words, 90, initial_indent="  ", subsequent_indent="    "))
print("\n" + diff(case.broken, case.fixed, context=0))

# %% [markdown]
# No weight has moved. The running averages have: they are *buffers*, not parameters. `requires_grad` stops gradients, and no gradient moves
# them. Each forward pass in training mode does. **Fix:** `eval()` for the frozen part, after each `model.train()`. Keras does this by itself:
# `trainable = False` also lets BatchNormalization use its running averages (set after a first `fit`: from the next `compile` on). **More:** `coursekit cases batchnorm-frozen`.

# %% [markdown] minutes=1
# ## The same in Keras: trained well, tested near chance
#
# **Symptom:** eight layers with BatchNorm; the training loss falls as it should, the test accuracy stays low. The layer's *momentum* is
# the part of the new batch in the running average: here 0.01. In Keras the word names the other part: its default of 0.99 is
# PyTorch's 0.01. **Measurement:** the training rows in both modes.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("batchnorm-momentum")
for momentum in (0.01, 0.1):
    recipe = case.broken.having(momentum=momentum)
    run = recipe.build(seed=0, device="cpu")
    for _ in recipe.train(run):
        pass
    training, evaluation = in_both_modes(run, 64)
    steps = run.epochs * len(run.train)
    print(f"momentum {momentum}: training mode accuracy {training[1]:.1f}, "
          f"evaluation mode {evaluation[1]:.1f};\n  after {steps} steps the starting values still weigh {(1 - momentum) ** steps:.0%}")  # fmt: skip
    if momentum == 0.01:
        slow = run
for layer in slow.model:
    if isinstance(layer, nn.BatchNorm1d):
        layer.reset_running_stats()
        layer.momentum = None  # from here on: a plain mean over all batches
with torch.no_grad():
    slow.model.train()
    for inputs, _ in slow.train:
        slow.model(inputs)
_, (_, accuracy) = in_both_modes(slow, 64)
print(f"momentum 0.01, averages taken anew, no weight touched:\n  evaluation mode {accuracy:.1f}, "
      f"test accuracy {case.broken.evaluate(slow)['test_accuracy']:.1f}")  # fmt: skip

# %% tags=["after-prediction", "keras"] jupyter={"source_hidden": true, "outputs_hidden": true}
from coursekit.device import keras_if_installed

print(f"PyTorch: momentum {nn.BatchNorm1d(1).momentum} is the part that is new")
if keras := keras_if_installed():
    layer = keras.layers.BatchNormalization()
    batch = np.array([[9.0], [11.0]])  # mean 10
    for _ in range(85):
        layer(batch, training=True)
    print(f"Keras:   momentum {layer.momentum} is the part that stays;\n"
          f"         after 85 batches of mean 10 its average is {float(layer.moving_mean[0]):.1f}")  # fmt: skip

# %% [markdown]
# The weights are good. The averages have not arrived: they start at mean 0 and variance 1, and move a small part of the way in each
# step. So a good training mode and a poor evaluation mode *on the same rows* are no
# overfitting: it is the averages. **Fix:** PyTorch's 0.1, Keras's 0.9; or take the averages anew, as in the last line;
# or train longer, where that is wanted anyway. **More:** `coursekit cases batchnorm-momentum`.

# %% [markdown] minutes=1
# ## A rate from a tutorial, and ten per cent
#
# **Symptom:** grey levels from 0 to 255, a rate of 0.1, and the accuracy of a guess. **Measurement:** many rates, with
# and without BatchNorm; three epochs each.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("normalisation-learning-rate")
rates = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
for name, norm in [("without", nn.Identity), ("with BatchNorm", nn.BatchNorm1d)]:
    recipe = case.broken.having(norm=norm, epochs=3)
    reached = [recipe.having(lr=lr).run(seed=0)["test_accuracy"] for lr in rates]
    good = [lr for lr, accuracy in zip(rates, reached, strict=True) if accuracy > 0.85]
    more = ", the greatest tried" if max(good) == max(rates) else ""
    print(f"{name}: above 0.85 at rates from {min(good)} to {max(good)}{more}; "
          f"at 0.1: {reached[rates.index(0.1)]:.1f}")  # fmt: skip
run = case.broken.having(epochs=8).build(seed=0, device="cpu")
for rows in (run.train.dataset, run.test):
    rows.tensors[0].div_(255)
for _ in case.broken.train(run):
    pass
accuracy = case.broken.evaluate(run)["test_accuracy"]
print(f"without, grey levels divided by 255, at 0.1, eight epochs: {accuracy:.1f}")

# %% [markdown]
# Inputs near 100 make the steps of the first layer a hundred times as long. BatchNorm divides by whatever spread it finds, so the size of its
# inputs no longer counts. **Fix:** BatchNorm; or scale the inputs, as in lesson 01, the last line here. BatchNorm widens the range of good rates: a rate
# that is badly chosen costs less. **More:** `coursekit cases normalisation-learning-rate`.

# %% [markdown] minutes=2
# ## Why does BatchNorm help at all?
#
# The common answer: it keeps the inputs of each layer from moving about while the layers before it learn (*covariate shift*). So
# undo just that. After each BatchNorm add to every unit a new random number in every training step, about as large as the unit's spread.

# %% jupyter={"source_hidden": true}
widgets.predict(
    "11-shift",
    "Ten sigmoid layers. Which of these networks train?",
    options={
        "A": "only the one with undisturbed BatchNorm",
        "B": "with BatchNorm, disturbed or not; without BatchNorm it does not",
        "C": "all but the disturbed one",
    },
)

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("covariate-shift-myth")
for name, recipe in [
    ("without BatchNorm", case.broken),
    ("BatchNorm", case.healthy),
    ("BatchNorm, disturbed", case.fixed),
    ("LayerNorm", case.broken.having(norm=nn.LayerNorm)),
]:
    recipe = recipe.having(epochs=8)
    run = recipe.build(seed=0, device="cpu")
    with record(run.model, run.optimizer, every=200) as vitals:
        for _ in recipe.train(run):
            pass
    first = vitals.record["gradient_norm"].values[0]  # (layers,)
    scores = recipe.evaluate(run)
    smaller = first[-1] / first[0]
    times = "thousands of times" if smaller > 1000 else f"{smaller:.0f} times"
    print(f"{name:>20}: a unit's mean moves by {scores['shift']:.2f} a step; "
          f"accuracy {scores['test_accuracy']:.1f};\n{'':>22}"
          f"first layer's gradient {times} smaller than the last's")  # fmt: skip

# %% [markdown]
# The network whose inputs hold still does not train, and the one whose inputs jump about does. What BatchNorm changes is in the last words of
# each line: how much of the gradient gets through (lesson 04). LayerNorm changes that too little here: **it mends the tiny batch, and is no
# replacement everywhere.** **More:** `coursekit cases covariate-shift-myth`.

# %% [markdown] minutes=1
# ## Inside a recurrent network
#
# **Symptom:** BatchNorm between the steps of a recurrent network, one that reads an image row by row. Training is fine, the test is not. **Measurement:** both
# modes; how far each step's mean lies from the one that evaluation uses; and the test again, where each step gets its own.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("recurrent-layernorm")
for name, recipe in [("LayerNorm", case.fixed), ("BatchNorm", case.broken)]:
    run = recipe.build(seed=0, device="cpu")
    for _ in recipe.train(run):
        pass
    (_, training), (_, evaluation) = in_both_modes(run, 32)
    _, test = loss_and_accuracy(run.model.eval(), run.test, 360)
    print(f"{name}: training rows {training:.1f} in training mode, "
          f"{evaluation:.1f} in evaluation mode; test {test:.1f}")  # fmt: skip
net, (images, _), (tested, labels) = run.model, run.train.dataset.tensors, run.test.tensors
mean, var = net.norm.running_mean, net.norm.running_var
for own in ("spread", "mean"):  # each step's own, of the training rows, in place of the running one
    state, off = torch.zeros(len(images) + len(tested), 32), []
    with torch.no_grad():
        for row in net.read(torch.cat([images, tested])).unbind(dim=1):  # twelve steps
            before = row + net.remember(state)
            step = before[: len(images)]
            off.append(((step.mean(dim=0) - mean).abs() / var.sqrt()).mean().item())
            net.norm.running_mean = step.mean(dim=0) if own == "mean" else mean
            net.norm.running_var = step.var(dim=0) if own == "spread" else var
            state = torch.tanh(net.norm(before))
        right = net.decide(state)[len(images) :].argmax(dim=1) == labels
    print(f"  evaluation mode, each step with its own {own}: test {right.float().mean():.1f}")
print(
    "  the means of steps 1 to 12 are off by\n   ",
    " ".join(f"{o:.1f}" for o in off),
    "spreads; should be: near 0",
)

# %% [markdown]
# One pair of running averages serves twelve steps, and their *means* differ. With each step's own mean it is mended; with its own
# spread it is not. **Fix:** LayerNorm has no averages. **More:** `coursekit cases recurrent-layernorm`.

# %% [markdown] minutes=2
# ## What to remember
#
# **For your checklist, the line "modes":**
#
# - Over what does the layer take its mean? BatchNorm: over the rows. How many rows are there *in one forward pass*, on one device? With two,
#   a sign is left. Accumulation does not change that number.
# - The training rows, in both modes. Training mode the poorer: the rows feel their partners (or Dropout). Both poor: perhaps few rows in
#   a deep network, or something else (lessons 03 to 06). Evaluation mode the poorer: the running averages.
# - Frozen means `eval()` too, wherever there are running averages.
# - Few rows, or rows of changing length: LayerNorm or GroupNorm.
#
# **On your own model**: put your own names into the next cell; the loss is cross-entropy. It changes nothing in them. (The partners' share
# is that of the network before its first step. Read the last layer: above, networks with 0.5 and with 0.7 learn, those with 0.9 do not.)

# %% tags=["after-prediction"] jupyter={"outputs_hidden": true}
yours = trained(nn.BatchNorm1d, 8)
my_model, my_rows, my_batch_size = yours.model, yours.train.dataset, 8
my_start = CASE.broken.build(seed=0, device="cpu").model  # the same network, not yet trained

for mode in (True, False):
    copied = copy.deepcopy(my_model).train(mode)
    loss, accuracy = loss_and_accuracy(copied, my_rows, my_batch_size)
    print(f"{'training' if mode else 'evaluation'} mode: loss {loss:.1f}, accuracy {accuracy:.1f}")
for name, share in made_by_partners(my_start, my_rows.tensors[0], my_batch_size).items():
    print(f"layer {name}: partners decide {share:.1f} of its output")

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
widgets.look_back(
    {
        "11-fix": widgets.Happened(
            "E", "none of these", told_by="the shares of the gap; and LayerNorm, on the same noise"
        ),
        "11-modes": widgets.Happened("C", "in neither", told_by="the training rows in both modes"),
        "11-shift": widgets.Happened(
            "B",
            "with BatchNorm, disturbed or not",
            told_by="how far a unit's mean moves, beside the accuracy",
        ),
    }
)

# %% [markdown]
# **Next:** the exercise, [`exercises/11_normalisation_layers.ipynb`](../exercises/11_normalisation_layers.ipynb). Twenty minutes, checked as you go.
#
# <details><summary>Where this failure is described</summary>
#
# One of the documents behind this course is about normalisation. Of what it says on these layers, some holds and some does not:
#
# - "LayerNorm is an advantage in small batches": against BatchNorm it is; against no such layer at all it depends on the network
#   (`coursekit documents layernorm-helps-small-batches`).
# - "BatchNorm reduces covariate shift": the section above (`coursekit documents batchnorm-reduces-covariate-shift`).
# - "BatchNorm allows higher rates": it holds (`coursekit documents batchnorm-allows-higher-rates`).
# - "LayerNorm, unlike BatchNorm, is applied in testing too": both are (`coursekit documents only-layernorm-works-at-test`).
# - "Weight normalisation is an alternative": not by itself (`coursekit documents weight-norm-replaces-batchnorm`).
# - Its examples learn random labels, so they can show nothing (`coursekit documents batchnorm-example-learns`).
#
# It names small batches in passing, and the running averages not at all.
#
# </details>

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · A distance that grows without end
#
# **Symptom:** a *critic* is a network that scores two sets of images; the difference of the mean scores is its estimate of how far the sets lie apart. Here
# the one is the other, made brighter, and the true distance is 1. **Measurement:** the estimate after some epochs. **Fix:** spectral
# normalisation divides each weight matrix by the most that it can stretch an input: no layer is steeper than 1.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("spectral-norm")
for name, recipe in [("as it is", case.broken), ("spectral norm", case.fixed)]:
    run, estimates = recipe.having(epochs=5).build(seed=0, device="cpu"), []
    for _ in recipe.train(run):
        estimates.append(recipe.evaluate(run)["estimate"])
        run.model.train()
    last = "over a thousand" if estimates[-1] > 1000 else f"{estimates[-1]:.1f}"
    print(f"{name:>13}: after one epoch {estimates[0]:.0f}, after five {last}; the truth is 1")

# %% [markdown]
# Without a limit the critic makes its weights larger, and the number with them. **More:** `coursekit cases spectral-norm`.

# %% [markdown] minutes=1 tags=["optional"]
# ## Appendix · "Weight normalisation instead"
#
# **Symptom:** ten layers with first weights far too large (lesson 12 is about such weights). BatchNorm would mend it. Weight normalisation, *"an
# alternative to BatchNorm"*, is put on each layer. **Measurement:** the spread of the layers' outputs before any step.

# %% tags=["after-prediction"] jupyter={"source_hidden": true, "outputs_hidden": true}
case = get_case("weight-norm")
without = next(rival.recipe for rival in case.rivals if rival.name == "no weight normalisation")
for name, recipe in [
    ("neither", without),
    ("weight norm", case.broken),
    ("weight norm, set by the rows", case.fixed),
]:
    run = recipe.build(seed=0, device="cpu")
    signal, spreads = run.train.dataset.tensors[0], []
    with torch.no_grad():
        for layer in run.model:
            signal = layer(signal)
            if isinstance(layer, nn.Linear):
                spreads.append(signal.std().item())
    print(f"{name:>28}: spread of layer 1 {spreads[0]:.0e}, of layer 10 {spreads[9]:.0e}")
test = evidence.stored_scores(case.name, score="test_accuracy")
print(f"accuracy over the seeds: weight norm {np.median(test['broken']):.1f}, set by the rows "
      f"{np.median(test['fixed']):.1f}, BatchNorm {np.median(test['healthy']):.1f}")  # fmt: skip

# %% [markdown]
# Weight normalisation writes each unit's weights as a length times a direction, and starts from the length that they have: the same network. **Fix:** set the lengths
# once, by a batch, so that each output has spread 1, as its inventors did. **More:** `coursekit cases weight-norm`.
