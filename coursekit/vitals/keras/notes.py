"""What the readings of a Keras run are of, and what they miss, one sentence each."""

from typing import Any

from coursekit.vitals.keras.layers import Layers, unwrapped
from coursekit.vitals.keras.probe import Probe, has_own_step
from coursekit.vitals.keras.watch import summed_steps

ALWAYS = (
    "Readings are of the probe batch in inference mode (dropout off, BatchNorm with its moving "
    "averages) and without class_weight or sample_weight, not of the training batches.",
    "compute_time_s is of the whole step of Keras: it fetches the batch inside, so waiting for "
    "data cannot be told apart; the first one includes building the graph.",
)
NO_CALL = (
    "Nothing was recorded: the model has no call(), so that the probe cannot be passed through it."
)
NOT_BUILT = (
    "The first step was not read: it built the model, as the data do not say the shape of a row "
    "or the model is run eagerly."
)
NO_FUNCTION = (
    "An epoch was not read: its steps were not made by model.fit. A loop of one's own cannot be "
    "recorded, even if it calls the callbacks."
)
ANOTHER_FUNCTION = (
    "Some steps were not read: another callback made a new train function for the model in the "
    "middle of an epoch. It is watched from the next epoch on."
)
SEVERAL_INPUTS = (
    "input_mean and input_std were not read: the model has several inputs, or a dict of columns. "
    "Look at each of them yourself."
)
POSITIONS = (
    "label_count is of all positions of the rows, those that a mask leaves out of the loss too."
)
UNUSED_OPTIMIZER = (
    "The optimizer that the model was compiled with was not used: learning_rate is not that of "
    "the training."
)


def notes_on(model: Any, probe: Probe) -> list[str]:
    """The notes on a compiled model and what its probe can see."""
    together, replicas = model.steps_per_execution, model.distribute_strategy.num_replicas_in_sync
    sums, own_step = summed_steps(model.optimizer), has_own_step(model)
    scales = probe.scaled or hasattr(probe.optimizer, "initial_scale")
    notes = {
        "No ReLU layer was seen: dead units were not measured.": not probe.reads.relus,
        f"steps_per_execution is {together}: an update and its compute_time_s are those of so "
        "many steps together.": together > 1,
        "The model is run eagerly: so is the probe, which takes longer than in a graph.": (
            model.run_eagerly
        ),
        "The model has its own train_step: loss and gradients here are those of compute_loss, "
        "which may be others.": own_step and not probe.without_loss,
        "The model has its own train_step, and its optimizer scales the loss: the train_step must "
        "call optimizer.scale_loss(loss). Without it each step is divided by amp_scale.": (
            own_step and scales
        ),
        "The model is compiled without an optimizer: the learning rate was not read.": (
            model.optimizer is None
        ),
        "The model has its own train_step and optimizers of its own: the learning rate was not "
        "read, as it cannot be told which of them trains.": (
            model.optimizer is not None and probe.optimizer is None
        ),
        f"The optimizer adds up the gradients of {sums} steps before it moves the weights: in "
        "between the update ratio is 0. By default, later readings are of steps that move them; "
        "an every= of your own may miss these, but for every=1.": sums > 1,
        f"The model trains on {replicas} devices at once: the weights of the first are read, and "
        "a step is one of all devices together.": replicas > 1,
    }
    return [*ALWAYS, *(note for note, holds in notes.items() if holds), *probe.notes]


def note_on_hidden(names: list[str]) -> str:
    """The note on layers whose weights are NaN or infinite in spite of a finite loss."""
    return (
        f"Weights of {_listed(names)} hold NaN or infinite values while the loss is finite: an "
        "operation in between hides them (the ReLU of oneDNN turns NaN into 0), or no row of the "
        "probe reads them. Look for NaN in your data: coursekit cases one-nan."
    )


def notes_on_frozen(model: Any, layers: Layers) -> list[str]:
    """The notes on layers that were frozen, or made trainable, since the model was compiled."""
    optimizer = unwrapped(model.optimizer)
    known = {id(one) for one in getattr(optimizer, "_trainable_variables", [])}
    frozen = _names(layers, layers.held)
    new = _names(layers, [v for v in model.trainable_variables if known and id(v) not in known])
    notes = {
        f"{frozen} is marked as frozen, but was not when the model was compiled: Keras goes on "
        "training it until model.compile is called again. Its update_ratio says whether it "
        "moves.": frozen,
        f"{new} is marked as trainable, but was not when the model was compiled: Keras does not "
        "train it until model.compile is called again.": new,
    }
    return [note for note, holds in notes.items() if holds]


def notes_on_unfrozen(layers: Layers, variables: list[Any]) -> list[str]:
    """The note on weights that can be trained and have no column, if there are any."""
    watched = {id(one) for one in layers.weights}
    names = _names(layers, [one for one in variables if id(one) not in watched])
    sentence = (
        f"{names} became trainable after the recording had begun, so its weights have no column. "
        "Make a new KerasRecorder for the next fit."
    )
    return [sentence] if names else []


def _names(layers: Layers, variables: list[Any]) -> str:
    """The layers that own these weights, in words."""
    return _listed(list(dict.fromkeys(layers.owners_of(variables))), word="Layer")


def _listed(names: list[str], *, word: str = "layer") -> str:
    """Names of layers, in words."""
    return ", ".join(f"{word} {name!r}" for name in names)
