"""Ways to do the same work, timed in turn: whatever else the machine does hits all of them."""

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from torch import Tensor, nn

Figures = dict[str, int | float | bool | list[float]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One timed run.

    Attributes:
        seconds: Wall-clock time of the training alone.
        weights: Those at the end, one tensor a parameter.
        readings: How many steps were measured; 0 where nothing is.
    """

    seconds: float
    weights: list[Tensor]
    readings: int = 0


Way = Callable[[], Run]


def take_turns(ways: Mapping[str, Way], *, runs: int) -> dict[str, list[Run]]:
    """Each way's runs, one a round, after a first round that is thrown away.

    Every other round goes backwards, so that no way always runs after the same neighbour. Garbage
    is collected in between: one way must not pay for what another left behind.

    Args:
        ways: By name; each call trains anew from the same first weights.
        runs: Rounds, at least 2.
    """
    taken: dict[str, list[Run]] = {name: [] for name in ways}
    gc.freeze()  # what is there by now is no garbage, and looking through it takes long
    try:
        for number in range(runs + 1):
            for name in sorted(ways, key=list(ways).index, reverse=number % 2 == 1):
                gc.collect()
                run = ways[name]()
                if number:
                    taken[name].append(run)
    finally:
        gc.unfreeze()
    return taken


def against(runs: list[Run], base: list[Run]) -> Figures:
    """How many times as long as the base: the median over rounds, and its middle half."""
    ratios = [one.seconds / other.seconds for one, other in zip(runs, base, strict=True)]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return {"ratio": round(median(ratios), 3), "middle_half": [round(low, 3), round(high, 3)]}


def cost_of_readings(runs: list[Run], base: list[Run]) -> Figures:
    """The ratio, and what one reading adds in microseconds."""
    extra_s = median(one.seconds - other.seconds for one, other in zip(runs, base, strict=True))
    readings = runs[-1].readings
    return against(runs, base) | {
        "readings": readings,
        "extra_us_per_reading": round(1e6 * extra_s / readings, 1),
    }


def final_weights(model: nn.Module) -> list[Tensor]:
    """A copy of the weights, on the CPU."""
    return [weight.detach().cpu().clone() for weight in model.parameters()]


def largest_difference(one: Iterable[Tensor], other: Iterable[Tensor]) -> float:
    """The largest difference of any weight of two runs."""
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))
