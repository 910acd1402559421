"""Task 2: ``began(model, loss_fn, x, y)``: where does the first value stand that is not finite?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.missing_and_corrupted_data.situations import Kind, Known, situations
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Said:
    """One call of the answer.

    Attributes:
        known: What it was called on.
        seen: What came back, as text.
        outcome: The call, to see what it left behind.
    """

    known: Known
    seen: str
    outcome: Call


Evidence = tuple[Said, ...]
Parts = list[tuple[npt.NDArray[Any], bool]]


def gather(began: Callable[..., object]) -> Evidence:
    """Ask about each situation."""
    return tuple(_said(began, known) for known in situations())


def judged(kind: Kind, evidence: Evidence) -> str | None:
    """The situations of a kind are named rightly."""
    for one in evidence:
        if one.known.kind == kind and one.seen != one.known.expected:
            return (
                f"On {one.known.name}, began says {one.seen[:40]!r}; it is {one.known.expected!r}."
            )
    return None


def sound_is_sound(evidence: Evidence) -> str | None:
    """Where all is finite, nothing is named."""
    return judged("healthy", evidence)


def before_the_network(evidence: Evidence) -> str | None:
    """Weights and inputs."""
    return judged("before", evidence)


def in_the_network(evidence: Evidence) -> str | None:
    """The layer whose output it is."""
    return judged("layers", evidence)


def after_the_network(evidence: Evidence) -> str | None:
    """Loss and gradient."""
    return judged("after", evidence)


def nothing_stays_behind(evidence: Evidence) -> str | None:
    """Weights, gradients and data are as they were."""
    for one in evidence:
        weights = one.outcome.handed["model"].named_parameters()
        left = [name for name, weight in weights if weight.grad is not None]
        if left:
            return f"On {one.known.name}, a gradient stays behind in the .grad of {left[0]}."
        if changed := _changed(one):
            return f"On {one.known.name}, began changed {' and '.join(changed)}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    found = list(dict.fromkeys(one.known.expected for one in evidence))
    return f"In {len(evidence)} situations your function says where it began: {', '.join(found)}."


check_began = Check(
    task="Task 2",
    takes=("began",),
    gather=gather,
    clauses=(
        Clause(
            name="healthy",
            test=sound_is_sound,
            hint="What is left to say when every line was passed and all was finite? Leave the "
            "model in the mode it is in; a frozen weight has no gradient.",
        ),
        Clause(
            name="before",
            test=before_the_network,
            hint="The order is that of the task: weights first, then inputs. torch.isfinite is "
            "False for NaN and for infinity, isnan for NaN alone.",
        ),
        Clause(
            name="layers",
            test=in_the_network,
            hint="for name, layer in model._modules.items(): send the batch through one layer, "
            "look, then send it through the next. The last one and infinity count too, and so "
            "does the mode that the model is in.",
        ),
        Clause(
            name="after",
            test=after_the_network,
            hint="A loss can be NaN or infinite. It can be finite and its gradient not: look at "
            "the gradient of each weight.",
        ),
        Clause(
            name="traces",
            test=nothing_stays_behind,
            hint="backward() writes into .grad, BatchNorm keeps a mean of its batches, a layer in "
            "place writes into x. Give them copy.deepcopy(model) and x.clone().",
        ),
    ),
    verified=verified,
    hints=(
        "Which of the eight lines of the lesson's count do you need, and in which order?",
        "Take a batch of the lesson's script, and print torch.isfinite(…).all() for the weights, "
        "the batch, and what comes out of each layer.",
        "With copy.deepcopy(model) and x.clone(): look at model.parameters(), then x; then "
        "x = layer(x) for each of model._modules.items(); then loss = loss_fn(x, y); then "
        "loss.backward(), and each weight.grad that is not None. The first that is not finite is "
        "the answer.",
    ),
)


def _changed(one: Said) -> list[str]:
    """The arguments that are not what they were; a NaN counts as equal to a NaN."""
    return [
        name
        for name in one.outcome.altered
        if not _alike(_parts(getattr(one.known, name)), _parts(one.outcome.handed[name]))
    ]


def _parts(value: Tensor | nn.Module) -> Parts:
    """The numbers of a tensor or a model, each with whether it is trained, and a layer's mode."""
    if isinstance(value, Tensor):
        return [(value.detach().numpy(), value.requires_grad)]
    modes = [(np.empty(0), layer.training) for layer in value.modules()]
    tensors = (*value.parameters(), *value.buffers())
    return modes + [part for tensor in tensors for part in _parts(tensor)]


def _alike(before: Parts, after: Parts) -> bool:
    """Whether the parts are the same, in the same order."""
    return len(before) == len(after) and all(
        old[1] == new[1] and np.array_equal(old[0], new[0], equal_nan=True)
        for old, new in zip(before, after, strict=True)
    )


def _said(began: Callable[..., object], known: Known) -> Said:
    """One call of the answer."""
    arguments: dict[str, Any] = {
        "model": known.model, "loss_fn": known.loss_fn, "x": known.x, "y": known.y,
    }  # fmt: skip
    outcome = call(began, arguments, name="began")
    if not isinstance(outcome.result, str | int) or isinstance(outcome.result, bool):
        raise CheckFailed(
            f"On {known.name}, began returned {kind_of(outcome.result)}; expected a text: "
            "'weights', 'inputs', the name of a layer, 'loss', 'gradient' or 'nowhere'."
        )
    return Said(known=known, seen=str(outcome.result).strip().lower(), outcome=outcome)
