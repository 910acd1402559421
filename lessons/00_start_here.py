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
print("Ready: run the cells below one after the other.")

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
# handwritten digits, 64 pixels each.

# %%
x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
torch.manual_seed(0)
loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
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
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
with record(model, optimizer, every=1) as vitals:
    for epoch in range(10):
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()

ax = plots.plot_loss(vitals.record, baseline=np.log(10), baseline_label="ln 10", color="#0072B2")
ax.set(yscale="linear", ylim=(0, 2.6), ylabel="training loss (nat)")
plt.show()

# %% [markdown]
# **Figure.** The training loss of a healthy run, per batch: it starts near ln 10, the loss of a
# network that knows nothing about ten classes, and falls.

# %% [markdown] minutes=2
# ## The checklist
#
# Questions to ask a model that will not train, in the order in which to ask them: before training,
# then after it. Each lesson fills in a line.
#
# | question | healthy | lesson |
# |---|---|---|
# | **Trivial baseline:** what does a rule reach that never looks at the input? | the model beats it | [01](01_unscaled_features.ipynb) |
# | **Rows:** how many values, which range, which median has each column? | none empty, none far off | [08](08_missing_and_corrupted_data.ipynb) |
# | **Initial loss:** is the first loss near ln *K* for *K* balanced classes? | yes | [01](01_unscaled_features.ipynb), [12](12_exploding_gradients.ipynb) |
# | **Loss:** what does a right and certain answer cost? | nothing | [05](05_wrong_loss.ipynb) |
# | **Loop:** is `.grad` the gradient of this batch, and does every layer move? | yes | [06](06_broken_loop.ipynb) |
# | **Gradients:** does every layer get one of a useful size? | none vanishes, none explodes | [04](04_vanishing_gradients.ipynb), [12](12_exploding_gradients.ipynb) |
# | **Learning rate:** what happens at a tenth of it, and at ten times? | both are worse | [03](03_learning_rate.ipynb) |
# | **Schedule:** what is the rate at the end, and at its lowest on the way? | as planned | [03](03_learning_rate.ipynb), [13](13_optimizers_and_schedules.ipynb) |
# | **One batch:** can the model learn a single batch by heart? | its loss goes close to zero | here |
# | **Modes:** are the training rows named as well in evaluation mode as in training mode? | yes | [11](11_normalisation_layers.ipynb) |
# | **Weights:** how large is each layer at the end, against its start? | of the same order | [13](13_optimizers_and_schedules.ipynb) |
# | **Capacity:** is the training loss low at the end, and the validation loss no large multiple of it? | both | [10](10_capacity_and_overfitting.ipynb) |
# | **Score:** against which rule, in which class, on how many rows? | you can say it | [09](09_accuracy_that_lies.ipynb) |
# | **Precision:** which share of the gradient is 0 in half precision? | as in single | [14](14_precision_and_devices.ipynb) |
# | **Estimate:** what does validation say when the labels were shuffled first? | no more than a guess | [07](07_leakage.ipynb) |
# | **In use:** does what reaches the network there have training's mean, spread and range? | yes | [02](02_mismatched_transforms.ipynb) |
#
# `coursekit.check_up` measures most of those up to *one batch* around a loop of yours: lesson
# [15](15_the_procedure.ipynb). By hand, for the model above, three of them:

# %%
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
print(f"trivial baseline: accuracy {y.bincount().max() / len(y):.2f}")
print(f"initial loss:     {loss_fn(model(x), y).item():.1f}, and ln 10 is {np.log(10):.1f}")

optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
for _ in range(1000):
    optimizer.zero_grad()
    loss = loss_fn(model(x[:32]), y[:32])
    loss.backward()
    optimizer.step()
print(f"one batch:        loss {loss.item():.3f} after a thousand steps on the same 32 images")

# %% [markdown] minutes=0.5
# ## A model of your own fails now?
#
# Open the symptom, make the measurement, go to the lesson. `coursekit symptoms` prints this map with the
# names of all cases, `coursekit symptoms --card card.html` makes a sheet of A4 of it.

# %% [markdown] tags=["symptoms"]
# <details><summary>The loss is NaN or infinite</summary>
#
# Look at `non_finite` in a record: at which step it began; then each layer of that step.
#
# - it is in the inputs already: lesson [08](08_missing_and_corrupted_data.ipynb)
# - outputs are finite, the loss is not, and it was written by hand: lesson [05](05_wrong_loss.ipynb)
# - the first loss is in the thousands or more: lesson [11](11_normalisation_layers.ipynb), [12](12_exploding_gradients.ipynb)
# - weights or state in 16 bits, and it begins with the first step: lesson [14](14_precision_and_devices.ipynb)
# - a recurrent network, and the loss jumps for a few steps before: lesson [12](12_exploding_gradients.ipynb)
#
# </details>
# <details><summary>The loss stands still from the start, and the accuracy is that of a guess</summary>
#
# Look at `gradient_norm` and `update_ratio` of each layer, at the first steps.
#
# - steps of a hundred-thousandth of the weights in every layer: lesson [03](03_learning_rate.ipynb)
# - the gradient falls from layer to layer towards the input: lesson [04](04_vanishing_gradients.ipynb)
# - it is exactly zero in hidden layers: lesson [04](04_vanishing_gradients.ipynb)
# - it is zero in float16, and not in float32: lesson [14](14_precision_and_devices.ipynb)
# - `weight_norm` falls to nothing: lesson [10](10_capacity_and_overfitting.ipynb), [13](13_optimizers_and_schedules.ipynb)
# - `weight_norm` is NaN, and the loss is not (Keras): lesson [08](08_missing_and_corrupted_data.ipynb)
# - all is of a good size (look at a few inputs beside their labels): lesson [05](05_wrong_loss.ipynb), [08](08_missing_and_corrupted_data.ipynb)
# - one huge value in a column, after scaling too: lesson [08](08_missing_and_corrupted_data.ipynb)
# - more units dropped than kept: lesson [10](10_capacity_and_overfitting.ipynb)
#
# </details>
# <details><summary>The loss jumps in the first steps, then stays at a guess</summary>
#
# Look at the first loss beside ln K; the spread of each input; `dead_fraction`.
#
# - the first loss is far too high, the inputs are large or differ in scale: lesson [01](01_unscaled_features.ipynb), [11](11_normalisation_layers.ipynb)
# - the first loss is far too high, and the units are saturated: lesson [04](04_vanishing_gradients.ipynb)
# - the first loss is right, and a step is nearly as long as the weights: lesson [03](03_learning_rate.ipynb), [12](12_exploding_gradients.ipynb)
# - the first loss is right, and batches have only a few rows: lesson [06](06_broken_loop.ipynb)
# - units are dead, and a lower rate afterwards does not help: lesson [12](12_exploding_gradients.ipynb)
#
# </details>
# <details><summary>The loss falls too little: it creeps, or stands still too early</summary>
#
# Look at `learning_rate` and `update_ratio`; the loss on the training rows.
#
# - the rate is gone after an epoch, or long before the end: lesson [03](03_learning_rate.ipynb), [13](13_optimizers_and_schedules.ipynb)
# - layers that never move: lesson [06](06_broken_loop.ipynb)
# - a softmax before the loss, which has a floor far above zero: lesson [05](05_wrong_loss.ipynb)
# - a squared error of classes, and the loss is small from the start: lesson [05](05_wrong_loss.ipynb)
# - few steps (count them): lesson [06](06_broken_loop.ipynb)
# - one value that was filled in is far off its column: lesson [08](08_missing_and_corrupted_data.ipynb)
# - dozens of layers, and the gradient is of a good size in each: lesson [04](04_vanishing_gradients.ipynb)
# - all is well, and the training rows are not learnt either: lesson [10](10_capacity_and_overfitting.ipynb)
#
# </details>
# <details><summary>The loss falls, then climbs, jumps or swings</summary>
#
# Look at `gradient_norm` and `learning_rate` over the steps; labels per batch.
#
# - the gradient norm grows with the number of steps: lesson [06](06_broken_loop.ipynb)
# - each swing is larger than the last: lesson [03](03_learning_rate.ipynb)
# - wide and slow swings at a rate that always worked (the momentum): lesson [13](13_optimizers_and_schedules.ipynb)
# - the rate climbs back: lesson [13](13_optimizers_and_schedules.ipynb)
# - the rate never falls, and the loss jitters at the end: lesson [13](13_optimizers_and_schedules.ipynb)
# - a few batches have a loss far above the others: lesson [08](08_missing_and_corrupted_data.ipynb)
# - one class a batch: lesson [06](06_broken_loop.ipynb)
#
# </details>
# <details><summary>The loss is below zero</summary>
#
# Look at what the loss function is made for: logits or probabilities, labels of which type.
#
# - outputs or labels that it does not take: lesson [05](05_wrong_loss.ipynb)
#
# </details>
# <details><summary>Training is good, validation is not</summary>
#
# Look at `model.training`, then the distance of the two losses over the epochs.
#
# - the model is in training mode when it is tested: lesson [06](06_broken_loop.ipynb)
# - validation rows of classes that training never saw: lesson [09](09_accuracy_that_lies.ipynb)
# - the distance grows with each epoch: lesson [08](08_missing_and_corrupted_data.ipynb), [09](09_accuracy_that_lies.ipynb), [10](10_capacity_and_overfitting.ipynb)
# - it is there in the first epochs (BatchNorm's running averages): lesson [11](11_normalisation_layers.ipynb)
#
# </details>
# <details><summary>Validation is good, use is not</summary>
#
# Look at mean, spread and range of what reaches the network, in validation and in use.
#
# - they differ: lesson [02](02_mismatched_transforms.ipynb)
# - the same; and with shuffled labels validation still finds it good: lesson [07](07_leakage.ipynb)
# - the same; validation rows have a twin among the training rows: lesson [07](07_leakage.ipynb)
# - a row alone gets another answer than in a batch: lesson [02](02_mismatched_transforms.ipynb), [05](05_wrong_loss.ipynb)
# - the same; without one column far more is lost: lesson [07](07_leakage.ipynb)
# - the same; patients, makers or days stand on both sides: lesson [07](07_leakage.ipynb)
#
# </details>
# <details><summary>The same input gets another answer each time</summary>
#
# Look at one row twice; then the row alone, and among others.
#
# - two answers for one row: lesson [02](02_mismatched_transforms.ipynb), [06](06_broken_loop.ipynb)
# - the answer depends on the other rows of its batch: lesson [02](02_mismatched_transforms.ipynb), [05](05_wrong_loss.ipynb), [06](06_broken_loop.ipynb)
#
# </details>
# <details><summary>Accuracy is high, and what I look for is never found</summary>
#
# Look at the share of the largest class; recall of each class.
#
# - accuracy is that share: lesson [09](09_accuracy_that_lies.ipynb)
# - the class gets a higher probability than other rows, but never the highest: lesson [09](09_accuracy_that_lies.ipynb)
#
# </details>
# <details><summary>Every row gets nearly the same answer</summary>
#
# Look at shapes of outputs and targets; `weight_norm`; inputs in use.
#
# - (n, 1) against (n,): lesson [05](05_wrong_loss.ipynb)
# - the weights fall to nothing: lesson [10](10_capacity_and_overfitting.ipynb), [13](13_optimizers_and_schedules.ipynb)
# - inputs in use are not those of training: lesson [02](02_mismatched_transforms.ipynb)
# - each repair alone changes nothing (more than one fault at once): lesson [15](15_the_procedure.ipynb)
#
# </details>
# <details><summary>An error stops it</summary>
#
# Look at shape and dtype of the batch that it stopped at.
#
# - mat1 and mat2 shapes cannot be multiplied: lesson [05](05_wrong_loss.ipynb)
# - expected … Long … but … Float: lesson [05](05_wrong_loss.ipynb)
# - target out of bounds: lesson [05](05_wrong_loss.ipynb)
# - expected more than 1 value per channel: lesson [06](06_broken_loop.ipynb)
# - is incompatible with the layer (Keras): lesson [05](05_wrong_loss.ipynb)
# - label value … outside the valid range (Keras): lesson [05](05_wrong_loss.ipynb)
#
# </details>
# <details><summary>I froze a part, and it changed all the same</summary>
#
# Look at BatchNorm's running averages before and after.
#
# - they moved, as frozen weights do not stop them: lesson [11](11_normalisation_layers.ipynb)
#
# </details>
# <details><summary>I was told to do it this way</summary>
#
# Look at both ways, on several seeds.
#
# - a scaler must never see test rows: lesson [07](07_leakage.ipynb)
# - Adam is better than SGD: lesson [13](13_optimizers_and_schedules.ipynb)
# - BatchNorm works because inputs stop moving: lesson [11](11_normalisation_layers.ipynb)
# - weight normalisation does what BatchNorm does: lesson [11](11_normalisation_layers.ipynb)
# - a critic's loss is a distance: lesson [11](11_normalisation_layers.ipynb)
#
# </details>
#
# In `model.fit` of Keras, `KerasRecorder` measures on a probe batch, so that the loss, `label_count` and `input_mean` are of the probe. Whether rows are sorted, or hold NaN, look for in the data that you train on.

# %% [markdown]
# Otherwise there are two ways through the course. As numbered; or first what *does not train*
# (lessons 01, 03, 04, 05, 06, 08, 11, 12, 14), then what *trains and lies* (lessons 02, 07, 09, 10),
# then lessons 13 and 15.

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
# Down by two tenths: minus the learning rate times the slope.
#
# </details>
# <details><summary>3. In the loop above, what happens without <code>optimizer.zero_grad()</code>?</summary>
#
# Gradients add up over the batches, so every step follows the sum of all the slopes so far.
#
# </details>

# %% [markdown]
# Two of three are enough. You do not need Keras, and no linear algebra.

# %% [markdown] minutes=1
# ## What this machine offers
#
# The lessons run on the processor unless you set `COURSEKIT_DEVICE`: their networks are so small
# that a GPU would be slower. (The output stored here was made with it set to `cpu`.)

# %% tags=["nbval-ignore-output"]
offers = describe()
assert offers.cores >= 1, "this machine reports no processor"
assert offers.picked in offers.devices, "the picked device is not one of those here"
print(offers)

# %% [markdown]
# **Next:** open [`01_unscaled_features.ipynb`](01_unscaled_features.ipynb) in this folder.
