"""What the readings of a Keras run are of, and what they miss, one sentence each."""

from typing import Any

from coursekit._optional import require
from coursekit.vitals.keras.probe import Probe

ALWAYS = (
    "Readings are of the probe batch in inference mode (dropout off, BatchNorm with its moving "
    "averages) and without class_weight or sample_weight, not of the training batches.",
    "compute_time_s is of the whole step of Keras: it fetches the batch inside, so waiting for "
    "data cannot be told apart; the first one includes building the graph.",
)


def notes_on(model: Any, probe: Probe) -> list[str]:
    """The notes on a compiled model and what its probe can see."""
    together, replicas = model.steps_per_execution, model.distribute_strategy.num_replicas_in_sync
    sums = getattr(model.optimizer, "gradient_accumulation_steps", None)
    notes = {
        "No ReLU layer was seen: dead units were not measured.": not probe.reads.relus,
        f"steps_per_execution is {together}: an update and its compute_time_s are those of so "
        "many steps together.": together > 1,
        "The model is run eagerly: so is the probe, which takes longer than in a graph.": (
            model.run_eagerly
        ),
        "The model has its own train_step: loss and gradients here are those of compute_loss, "
        "which may be others.": _has_own_step(model) and not probe.without_loss,
        f"The optimizer adds up the gradients of {sums} steps before it moves the weights: in "
        "between the update ratio is 0.": bool(sums),
        f"The model trains on {replicas} devices at once: the weights of the first are read, and "
        "a step is one of all devices together.": replicas > 1,
    }
    return [*ALWAYS, *(note for note, holds in notes.items() if holds), *probe.notes]


def _has_own_step(model: Any) -> bool:
    """Whether the model overrides how Keras trains on a batch."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    return type(model).train_step is not keras.Model.train_step
