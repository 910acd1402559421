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
# # Why Won't It Train?
#
# A course on neural networks that do not learn. Each lesson starts from one that fails, on real
# data, in code you could have written. You say what you think is wrong, measure, find the cause,
# change one thing, and see which of the usual remedies would not have helped.
#
# This page takes under ten minutes. Click on a cell and press **Shift + Enter** to run it.

# %% [markdown] minutes=1
# ## Set-up

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit import plots, record
from coursekit.device import describe

plots.use_style()
torch.set_num_threads(1)  # for networks as small as these, one thread is faster than two

# %% [markdown] minutes=1
# ## How a lesson works
#
# 1. **Run** the failing model. It comes first, before any explanation.
# 2. **Predict** which change would help. A wrong prediction is worth as much as a right one.
# 3. **Measure**, until the measurements leave one cause.
# 4. **Fix** it with one change, and see which wrong fixes only look like one.
# 5. **Move the slider** to find where it begins to break.
# 6. **Practise**: each lesson has an exercise of twenty minutes, checked as you go.
#
# These notebooks are your own copy. Change them, break them; an update never overwrites what you
# changed without asking. Outputs that would give an answer away stay hidden until you run their cell.

# %% [markdown] minutes=3
# ## The loop
#
# Every lesson debugs this loop, or what goes into it. Here it is healthy: 1,797 images of
# handwritten digits, 8 × 8 pixels each.

# %%
x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
torch.manual_seed(0)
loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(10):
    for inputs, labels in loader:  # (32, 64), (32,)
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()

with torch.no_grad():
    accuracy = (model(x[1200:]).argmax(dim=1) == y[1200:]).float().mean().item()
print(f"accuracy on the 597 images that it never saw: {accuracy:.2f}")

# %% [markdown]
# `coursekit` never hides this loop. It measures: `record` watches a loop of yours and changes
# nothing in it.

# %%
torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with record(model, optimizer, every=1) as vitals:
    for epoch in range(10):
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()

plots.plot_loss(vitals.record, baseline=np.log(10), baseline_label="ln 10", color="#0072B2")
plt.show()

# %% [markdown]
# **Figure.** The training loss of a healthy run, per batch: it starts near ln 10, the loss of a
# network that knows nothing about ten classes, and falls.

# %% [markdown] minutes=2
# ## The checklist
#
# Six questions to ask a model that will not train, cheapest first. Each lesson fills in a line.
#
# | question | healthy | lesson |
# |---|---|---|
# | **Trivial baseline:** what does a rule reach that never looks at the input? | the model beats it | 01 |
# | **Initial loss:** is the first loss near ln *K* for *K* balanced classes? | yes | 01 |
# | **One batch:** can the model learn a single batch by heart? | its loss goes close to zero | to come |
# | **Gradients:** does every layer get one of a useful size? | none vanishes, none explodes | 04 |
# | **Learning rate:** what happens at a tenth of it, and at ten times? | both are worse | 03 |
# | **In use:** does what reaches the network there have training's mean, spread and range? | yes | 02 |
#
# For the model above, the first three take a few lines:

# %%
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
print(f"trivial baseline: accuracy {y.bincount().max() / len(y):.2f}")
print(f"initial loss:     {loss_fn(model(x), y).item():.1f}, and ln 10 is {np.log(10):.1f}")

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(1000):
    optimizer.zero_grad()
    loss = loss_fn(model(x[:32]), y[:32])
    loss.backward()
    optimizer.step()
print(f"one batch:        loss {loss.item():.3f} after a thousand steps on the same 32 images")

# %% [markdown] minutes=1
# ## Are you ready?
#
# Answer in your head, then open the line.
#
# <details><summary>1. <code>x</code> has shape (32, 64) and <code>layer = nn.Linear(64, 10)</code>. What
# is the shape of <code>layer(x)</code>?</summary>
#
# (32, 10): one row an image, one number a class.
#
# </details>
# <details><summary>2. At some weight the slope of the loss is +2 and the learning rate is 0.1. Where
# does gradient descent move the weight?</summary>
#
# Down by 0.2: minus the learning rate times the slope.
#
# </details>
# <details><summary>3. In the loop above, what happens without <code>optimizer.zero_grad()</code>?</summary>
#
# Gradients add up over the batches, so every step follows the sum of all the slopes so far.
#
# </details>
#
# Two of three are enough. You do not need Keras, and no linear algebra.

# %% [markdown] minutes=1
# ## What this machine offers
#
# The lessons run on the processor unless you set `COURSEKIT_DEVICE`: their networks are so small
# that a GPU would be slower.

# %% tags=["nbval-ignore-output"]
offers = describe()
assert offers.cores >= 1, "this machine reports no processor"
assert offers.picked in offers.devices, "the picked device is not one of those here"
print(offers)

# %% [markdown]
# **Next:** open `01_unscaled_features.ipynb` in this folder.
