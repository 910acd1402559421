"""What the Keras callback costs: the same model.fit with and without it, in turn.

    python benchmarks/keras_recording.py [--runs N] [--save]

A network 64×2 on the digits that ship with scikit-learn, batch 32, 45 steps an epoch. The bar is
held against a fit of 30 epochs, from compile to the end of fit: 1,350 steps, a few seconds, about
as long as a learner trains such a network. Both sides build their graphs anew each time, Keras for
its step and the callback for its probe, as in a fresh kernel. The callback's graph is a fixed
cost, so a shorter fit pays more for it: 12 epochs (540 steps) are given too.

- ``ratio``: fit with the callback / fit without, the median over pairs, setting up included.
- ``ratio_without_setup``: the same, less the callback's own setting up.
- ``setup_ms``: tracing the probe's graph and its first run. ``us_per_reading``: both hooks of a
  step that is read. ``us_per_other_step``: of a step that is not. All timed inside the callback.
- ``share_timed_inside``: what the callback's hooks took altogether, as a share of the bare fit; it
  is steadier than the ratio where the machine is not.

Final weights are compared too: a recording that changes them would be no use.
"""

import argparse
import gc
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import numpy as np
from results import Bar, add_save, report

from coursekit import KerasRecorder
from coursekit.datasets import load_dataset
from coursekit.device import import_keras

BAR = 1.05
LENGTHS = {"30 epochs": 30, "12 epochs": 12}


class Timed(KerasRecorder):
    """A recorder that notes how long each of its hooks takes, in seconds."""

    def __init__(self, probe: tuple[Any, Any]) -> None:
        super().__init__(probe)
        self.setting_up_s = 0.0
        self.hooks: list[tuple[bool, float]] = []  # was the step read; seconds of both hooks

    def on_train_begin(self, logs: Any = None) -> None:
        """Keras begins: the graph is traced."""
        begin = perf_counter()
        super().on_train_begin(logs)
        self.setting_up_s += perf_counter() - begin

    def _watch(self, train: Any, iterator: Any) -> Any:
        """The same, without the step itself."""
        inner_s = 0.0

        def timed(batches: Any) -> Any:
            nonlocal inner_s
            begin = perf_counter()
            logs = train(batches)
            inner_s = perf_counter() - begin
            return logs

        begin, read_before = perf_counter(), self._next
        logs = super()._watch(timed, iterator)
        took_s = perf_counter() - begin - inner_s
        self.hooks.append((self._next != read_before, took_s))
        return logs


@dataclass(frozen=True, kw_only=True)
class Run:
    """One timed fit.

    Attributes:
        seconds: Of compile and fit.
        weights: At the end.
        callback: The recorder, if there was one.
    """

    seconds: float
    weights: list[Any]
    callback: Timed | None

    @property
    def setup_s(self) -> float:
        """Tracing, and the first reading, in which TensorFlow optimises the graph."""
        return self.callback.setting_up_s + self.callback.hooks[0][1] if self.callback else 0.0

    @property
    def inside_s(self) -> float:
        """All that the callback's hooks took."""
        if self.callback is None:
            return 0.0
        return self.callback.setting_up_s + sum(took for _, took in self.callback.hooks)

    def us_per_hook(self, *, read: bool) -> float:
        """The median microseconds of both hooks of a step, the first left out."""
        hooks = self.callback.hooks[1:] if self.callback else []
        return 1e6 * median(took for was_read, took in hooks if was_read is read)


def fit(x: Any, y: Any, *, epochs: int, recorded: bool) -> Run:
    """Build a model, then time its training."""
    keras = import_keras()
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((64,)), dense(64, activation="relu"), dense(64, activation="relu"), dense(10)]
    )
    callback = Timed(probe=(x[:64], y[:64])) if recorded else None
    begin = perf_counter()
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        x, y, batch_size=32, epochs=epochs, verbose=0, callbacks=[callback] if callback else None
    )
    seconds = perf_counter() - begin
    return Run(seconds=seconds, weights=model.get_weights(), callback=callback)


def compare(x: Any, y: Any, *, epochs: int, runs: int) -> dict[str, Any]:
    """Pairs in turn, every other one the other way round; the first is thrown away."""
    pairs = []
    for number in range(runs + 1):
        order = (False, True) if number % 2 else (True, False)
        done = {recorded: fit(x, y, epochs=epochs, recorded=recorded) for recorded in order}
        pairs.append((done[False], done[True]))
    bare, watched = pairs[-1]
    if not all(map(np.array_equal, bare.weights, watched.weights)):
        raise SystemExit("Recording changed the weights.")
    return figures(pairs[1:])


def figures(pairs: list[tuple[Run, Run]]) -> dict[str, Any]:
    """The medians over pairs of a bare fit and a recorded one."""
    ratios = [watched.seconds / bare.seconds for bare, watched in pairs]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    hooks = pairs[-1][1].callback.hooks  # type: ignore[union-attr]
    lasting = [(watched.seconds - watched.setup_s) / bare.seconds for bare, watched in pairs]
    return {
        "ratio": round(median(ratios), 3),
        "middle_half": [round(low, 3), round(high, 3)],
        "ratio_without_setup": round(median(lasting), 3),
        "share_timed_inside": round(median(w.inside_s / b.seconds for b, w in pairs), 3),
        "setup_ms": round(1e3 * median(w.setup_s for _, w in pairs), 1),
        "us_per_reading": round(median(w.us_per_hook(read=True) for _, w in pairs)),
        "us_per_other_step": round(median(w.us_per_hook(read=False) for _, w in pairs), 1),
        "bare_s": round(median(b.seconds for b, _ in pairs), 2),
        "steps": len(hooks),
        "readings": sum(read for read, _ in hooks),
    }


def main() -> None:
    """Time both lengths, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    add_save(parser)
    options = parser.parse_args()
    runs: int = options.runs
    digits = load_dataset("digits")
    x, y = (digits.x[:1437] / 16).astype("float32"), digits.y[:1437].astype("int64")
    measured = {name: compare(x, y, epochs=number, runs=runs) for name, number in LENGTHS.items()}
    bar = Bar(
        figure=measured["30 epochs"]["ratio"],
        bar=BAR,
        of="Keras callback, 64×2, batch 32, 30 epochs, default schedule, against model.fit",
    )
    report(
        "keras_recording",
        {"runs": runs} | measured,
        packages=("tensorflow", "keras", "numpy"),
        bars=(bar,),
        save=options.save,
    )


if __name__ == "__main__":
    main()
