"""The live control without a browser: its slider is moved from code, on a real event loop."""

import asyncio
import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from PIL import Image
from torch import nn
from torch.nn.init import xavier_uniform_

from coursekit.cases import get_case
from coursekit.cases.case import Recipe, Setup
from coursekit.cases.plain import train
from coursekit.errors import BadInputError, UnknownNameError
from coursekit.widgets.explorer import Explorer, _lines_html, explore

CASE = get_case("unscaled-features")


@dataclass
class Witness:
    """A train function that notes what happens to its runs; `fails_at` raises in that epoch."""

    epochs: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    fails_at: int = -1

    def train(self, setup: Setup) -> Iterator[int]:
        number = len(self.epochs)
        self.epochs.append(0)
        try:
            for epoch in train(setup):
                self.epochs[number] = epoch
                if epoch == self.fails_at:
                    raise ValueError("the <loader> is empty")
                yield epoch
        finally:
            self.closed.append(number)


def control(witness: Witness | None = None) -> Explorer:
    recipe = CASE.fixed if witness is None else replace(CASE.fixed, train=witness.train)
    return explore(CASE, "proline_spread", recipe=recipe)


def status(explorer: Explorer) -> str:
    return str(explorer._status.value)


def test_before_the_first_move_it_shows_the_reference_and_runs_nothing() -> None:
    witness = Witness()
    explorer = control(witness)
    assert witness.epochs == [60]
    assert explorer.state.live is None
    assert explorer.controls["proline_spread"].value == "1"
    assert "Reference, 1:" in status(explorer)
    assert "This run" not in status(explorer)


def test_without_an_event_loop_a_move_runs_to_the_end() -> None:
    explorer = control()
    explorer.controls["proline_spread"].value = "100"
    live = explorer.state.live
    assert live is not None
    assert live.outcome is not None
    assert live.outcome.scores == CASE.fixed.having(proline_spread=100.0).run(seed=0)
    accuracy = live.outcome.scores["test_accuracy"]
    assert f"spread of proline (standard deviations) = 100:</b> test accuracy {accuracy:.3f}" in (
        status(explorer)
    )
    assert "x[:, 12] *= 100.0" in explorer._lines.value
    assert "x[:, 12] *= 100.0" in explorer._program.value
    assert "optimizer.step()" in explorer._program.value


def test_a_new_move_ends_the_running_one_and_nothing_queues() -> None:
    witness = Witness()

    async def hurry() -> Explorer:
        explorer = control(witness)
        for spread in ("3", "10", "30"):
            explorer.controls["proline_spread"].value = spread
            for _ in range(4):
                await asyncio.sleep(0)
        await explorer.settled()
        for _ in range(10):
            await asyncio.sleep(0)
        return explorer

    explorer = asyncio.run(hurry())
    reference, first, second, last = witness.epochs
    assert (reference, last) == (60, 60)
    assert 0 < first < 10
    assert 0 < second < 10
    assert sorted(witness.closed) == [0, 1, 2, 3]  # no generator is left hanging
    assert explorer.state.live is not None
    assert explorer.state.live.setting.short == "30"
    assert explorer.state.live.outcome is not None
    fresh = CASE.fixed.having(proline_spread=30.0).run(seed=0)
    assert explorer.state.live.outcome.scores == fresh


def test_the_run_grows_on_screen_and_its_numbers_come_once() -> None:
    async def watch() -> tuple[list[int], list[str]]:
        explorer = control()
        steps: list[int] = []
        said: list[str] = []

        def drawn(_: object) -> None:
            assert explorer.state.live is not None
            steps.append(len(explorer.state.live.curve.losses))

        explorer._image.observe(drawn, "value")
        explorer._status.observe(lambda change: said.append(change["new"]), "value")
        explorer.controls["proline_spread"].value = "10"
        await explorer.settled()
        return steps, said

    steps, said = asyncio.run(watch())
    assert len(steps) >= 2
    assert 0 < steps[0] < 360  # the first picture already shows part of the new curve
    assert steps == sorted(steps)
    assert steps[-1] == 360
    assert len(said) == 1
    assert "= 10:" in said[0]


def test_the_loop_stays_free_while_a_run_trains() -> None:
    async def count() -> tuple[int, int]:
        witness = Witness()
        explorer = control(witness)
        turns = 0
        explorer.controls["proline_spread"].value = "10"
        while explorer.state.running:
            turns += 1
            await asyncio.sleep(0)
        return turns, witness.epochs[1]

    turns, epochs = asyncio.run(count())
    assert epochs == 60
    assert turns >= 60


def test_an_exception_is_shown_and_kept() -> None:
    witness = Witness()
    explorer = control(witness)
    witness.fails_at = 3
    explorer.controls["proline_spread"].value = "10"
    failure = explorer.state.failure
    assert failure is not None
    assert failure.words == "ValueError: the <loader> is empty"
    assert explorer._alarm.role == "alert"
    assert "ValueError: the &lt;loader&gt; is empty" in explorer._alarm.value
    assert "test_explorer.py, line" in explorer._alarm.value
    assert not explorer.state.running

    witness.fails_at = -1
    explorer.controls["proline_spread"].value = "30"
    assert explorer.state.failure is None
    assert explorer._alarm.value == ""


def test_an_exception_in_a_task_is_shown_too() -> None:
    async def fail() -> Explorer:
        witness = Witness()
        explorer = control(witness)
        witness.fails_at = 2
        explorer.controls["proline_spread"].value = "10"
        await explorer.settled()
        return explorer

    explorer = asyncio.run(fail())
    assert explorer.state.failure is not None
    assert "the &lt;loader&gt; is empty" in explorer._alarm.value


def test_an_exception_in_the_last_reading_is_shown_too() -> None:
    explorer = control()

    def evaluate(_: Setup) -> dict[str, float]:
        raise KeyError("test")

    explorer._recipe = Recipe(build=CASE.fixed.build, train=train, evaluate=evaluate)
    explorer.controls["proline_spread"].value = "10"
    assert explorer.state.failure is not None
    assert "KeyError" in explorer._alarm.value


def test_an_exception_in_the_reference_run_is_the_cells_own() -> None:
    with pytest.raises(ValueError, match="the <loader> is empty"):
        control(Witness(fails_at=1))


def test_a_run_that_diverges_says_so() -> None:
    explorer = control()
    explorer.controls["proline_spread"].value = "1000"
    live = explorer.state.live
    assert live is not None
    assert f"diverged at step {live.curve.diverged_at}, " in status(explorer)
    assert "test loss not a number" in status(explorer)
    assert explorer.state.failure is None


def test_reset_stops_the_run_and_shows_the_reference_alone() -> None:
    witness = Witness()

    async def reset() -> Explorer:
        explorer = control(witness)
        still = bytes(explorer._image.value)
        explorer.controls["proline_spread"].value = "100"
        await asyncio.sleep(0)
        explorer._button.click()
        await explorer.settled()
        assert bytes(explorer._image.value) == still
        return explorer

    explorer = asyncio.run(reset())
    assert explorer.controls["proline_spread"].value == "1"
    assert explorer.state.live is None
    assert witness.epochs[1] < 60
    assert len(witness.epochs) == 2  # putting the slider back is no move
    assert "This run" not in status(explorer)


def test_the_static_form_is_a_sentence_and_the_reference_picture() -> None:
    explorer = control()
    before, metadata = explorer._repr_mimebundle_()
    explorer.controls["proline_spread"].value = "100"
    after, _ = explorer._repr_mimebundle_()
    assert after["text/plain"] == before["text/plain"] == repr(explorer)
    assert before["text/plain"].startswith("Live control: spread of proline")
    assert after["image/png"] == before["image/png"]
    picture = Image.open(io.BytesIO(base64.b64decode(before["image/png"])))
    picture.load()
    assert picture.format == "PNG"
    assert metadata["image/png"]["width"] == 640
    view = before["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.box.model_id


def test_an_unknown_knob_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"No knob 'proline'.*Knobs: proline_spread"):
        explore(CASE, "proline")


DEEP = get_case("vanishing-gradients")


def three_controls() -> Explorer:
    return explore(
        DEEP, "depth", "activation", "initialise",
        recipe=DEEP.fixed.having(epochs=2), below="gradients",
    )  # fmt: skip


def test_several_controls_move_one_run() -> None:
    explorer = three_controls()
    explorer.controls["depth"].value = "3"
    explorer.controls["activation"].value = "sigmoid"
    live = explorer.state.live
    assert live is not None
    assert live.setting.values == {
        "depth": 3, "activation": nn.Sigmoid, "initialise": xavier_uniform_,
    }  # fmt: skip
    assert live.outcome is not None
    fresh = DEEP.fixed.having(depth=3, activation=nn.Sigmoid, epochs=2).run(seed=0)
    assert live.outcome.scores == fresh
    words = "hidden layers = 3, activation = sigmoid, initial weights = Xavier:</b>"
    assert words in status(explorer)
    assert "for _ in range(3)" in explorer._program.value
    assert "Sigmoid()" in explorer._lines.value


def test_reset_puts_every_control_back_and_starts_no_run() -> None:
    explorer = three_controls()
    explorer.controls["depth"].value = "3"
    explorer.controls["initialise"].value = "PyTorch's own"
    moves = explorer.state.number
    assert explorer.state.setting.values["initialise"] is None  # a choice like the others
    assert explorer.controls["initialise"].index == 2
    explorer._button.click()
    assert [control.value for control in explorer.controls.values()] == ["10", "tanh", "Xavier"]
    assert explorer.state.live is None
    assert explorer.state.number == moves + 1  # the return itself, and nothing after it
    explorer.controls["depth"].value = "3"
    assert explorer.state.live is not None  # and a control moves again


def test_the_gradients_by_layer_are_those_of_the_last_step() -> None:
    explorer = three_controls()
    setup = DEEP.fixed.having(epochs=2).build(0, "cpu")
    for _ in train(setup):
        pass
    layers = [layer for layer in setup.model if isinstance(layer, nn.Linear)]
    norms = [float(layer.weight.grad.square().sum().sqrt()) for layer in layers]
    assert explorer.state.reference.curve.gradients == pytest.approx(norms, rel=1e-5)
    assert len(norms) == 11
    assert " in the first layer, " in status(explorer)


def test_a_control_can_score_the_rows_in_use() -> None:
    case = get_case("forgotten-normalize")
    explorer = explore(case, "mean_in_use", rows="test", recipe=case.fixed.having(epochs=1))
    explorer.controls["mean_in_use"].value = "0"
    live, reference = explorer.state.live, explorer.state.reference
    assert live is not None
    assert live.outcome is not None
    assert live.curve.losses == reference.curve.losses  # the training is the same run
    assert live.outcome.watched == pytest.approx(live.outcome.scores["truth"])
    assert reference.outcome is not None
    assert live.outcome.watched < reference.outcome.watched
    assert f"truth in use {live.outcome.watched:.3f}" in status(explorer)
    assert "accuracy in use" not in status(explorer)  # it is that number, said once


def test_a_control_over_nothing_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"No knob was named.*has: proline_spread"):
        explore(CASE)


def test_while_a_run_trains_the_old_words_are_marked_and_the_old_picture_stays() -> None:
    async def watch() -> list[tuple[str, str]]:
        explorer = control()
        seen = [(explorer._status.busy, status(explorer))]
        still = explorer._image.value
        explorer.controls["proline_spread"].value = "10"
        seen.append((explorer._status.busy, status(explorer)))
        assert explorer._image.value == still
        await explorer.settled()
        return [*seen, (explorer._status.busy, status(explorer))]

    before, during, after = asyncio.run(watch())
    assert before[0] == after[0] == ""
    assert during == ("training…", before[1])
    assert "= 10:" in after[1]


def test_new_words_and_the_end_of_waiting_are_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = control()
    sent: list[set[str]] = []
    monkeypatch.setattr(
        explorer._status, "_send", lambda message, **_rest: sent.append(set(message["state"]))
    )
    explorer._status.value = "of the run before"
    explorer._status.busy = "training…"
    sent.clear()
    explorer._say(explorer.state)
    assert sent == [{"busy", "value"}]


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "a failure"])
def test_what_ends_a_run_early_ends_the_waiting(reset: bool) -> None:
    async def end() -> Explorer:
        witness = Witness()
        explorer = control(witness)
        explorer.controls["proline_spread"].value = "100"
        await explorer.settled()
        witness.fails_at = -1 if reset else 2
        explorer.controls["proline_spread"].value = "10"
        assert explorer._status.busy
        if reset:
            explorer._button.click()
        await explorer.settled()
        return explorer

    explorer = asyncio.run(end())
    assert explorer._status.busy == ""
    assert status(explorer).startswith("<b>Reference, 1:</b>")


EXPLODING = get_case("exploding-initialisation")


def test_a_run_that_overflows_at_once_shows_its_last_finite_gradients() -> None:
    explorer = explore(
        EXPLODING, "scale", recipe=EXPLODING.fixed.having(epochs=1), below="gradients"
    )
    explorer.controls["scale"].value = "5.7"
    live = explorer.state.live
    assert live is not None
    assert live.curve.overflowed
    assert not explorer.state.reference.curve.overflowed
    assert len(live.curve.gradients) == len(explorer.state.reference.curve.gradients) == 9
    assert all(norm > 1e5 for norm in live.curve.gradients)
    assert "last finite gradient norm 1.49e+06 in the first layer" in status(explorer)
    assert "overflowed after that" in status(explorer)
    assert "gradient norm not a number" not in status(explorer)


def test_code_scrolls_and_says_what_it_is() -> None:
    explorer = control()
    explorer.controls["proline_spread"].value = "100"
    for code in (explorer._lines, explorer._program):
        assert "white-space:pre;overflow-x:auto" in code.value
        assert "width:0;min-width:100%" in code.value  # else it is as wide as its longest line
    assert explorer._lines.value.startswith("<div>What this setting adds to the code:</div>")


def test_where_a_setting_adds_no_line_nothing_stands_there() -> None:
    assert _lines_html("") == ""
