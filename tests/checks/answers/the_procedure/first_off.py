"""Task 3."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math
from itertools import pairwise

from tests.checks.answers.kit import Function, Wrong


def asking_whether_well(found):
    if not found["largest"] < 20:
        return "rows"
    if not found["first"] < 3 * found["guess"]:
        return "first loss"
    if not abs(found["cost"]) < 0.1 * found["guess"]:
        return "loss"
    if found["old"] or found["still"]:
        return "loop"
    if not found["weakest"] > 1 / 30:
        return "gradients"
    if not 0.0001 < found["step"] < 0.3:
        return "step"
    if not found["left"] > 0.1:
        return "rate"
    if not found["heart"] < 0.3 * found["guess"]:
        return "one batch"
    return None


def rules(**others):
    """Name to whether the line is well; keywords replace some of them."""
    return {
        "rows": lambda f: f["largest"] < 20,
        "first loss": lambda f: f["first"] < 3 * f["guess"],
        "loss": lambda f: abs(f["cost"]) < 0.1 * f["guess"],
        "loop": lambda f: not f["old"] and len(f["still"]) == 0,
        "gradients": lambda f: f["weakest"] > 1 / 30,
        "step": lambda f: 0.0001 < f["step"] < 0.3,
        "rate": lambda f: f["left"] > 0.1,
        "one batch": lambda f: f["heart"] < 0.3 * f["guess"],
    } | {name.replace("_", " "): rule for name, rule in others.items()}


def by(*, last=False, **others):
    """An answer by such rules; `last` gives the last line that is off."""

    def first_off(found):
        off = [name for name, well in rules(**others).items() if not well(found)]
        return (off[-1] if last else off[0]) if off else None

    return first_off


def swapped(upper, lower):
    """An answer with two lines of the table exchanged."""
    other = {upper: lower, lower: upper}

    def first_off(found):
        order = [other.get(name, name) for name in rules()]
        return next((name for name in order if not rules()[name](found)), None)

    return first_off


def with_isfinite(found):
    numbers = [value for value in found.values() if isinstance(value, float)]
    if not math.isfinite(found["largest"]) or found["largest"] >= 20:
        return "rows"
    assert numbers
    return by()(found)


RIGHT: dict[str, Function] = {
    "well, or not": asking_whether_well,
    "a table of rules": by(),
    "isfinite first": with_isfinite,
}


def asking_whether_off(found):
    if found["largest"] >= 20:
        return "rows"
    if found["first"] >= 3 * found["guess"]:
        return "first loss"
    if abs(found["cost"]) >= 0.1 * found["guess"]:
        return "loss"
    if found["old"] or found["still"]:
        return "loop"
    if found["weakest"] <= 1 / 30:
        return "gradients"
    if found["step"] <= 0.0001 or found["step"] >= 0.3:
        return "step"
    if found["left"] <= 0.1:
        return "rate"
    if found["heart"] >= 0.3 * found["guess"]:
        return "one batch"
    return None


LIMITED = ("largest", "first", "cost", "weakest", "step", "left", "heart")


def asking_for_nan(*names):
    """An answer that asks whether a line is off, and for NaN in these measurements alone."""

    far = {"weakest": 0.0, "left": 0.0}

    def first_off(found):
        off = {name: far.get(name, 1e9) for name in names if math.isnan(found[name])}
        return asking_whether_off({**found, **off})

    return first_off


WRONG = (
    Wrong(
        name="asks whether off",
        answer=asking_whether_off,
        fails="no number",
        says=r"but for largest nan, first nan, heart nan: first_off gives None; expected 'rows'",
    ),
    Wrong(
        name="a cost below nothing",
        answer=by(loss=lambda f: f["cost"] < 0.1 * f["guess"]),
        fails="no number",
        says=r"but for cost -50\.0: first_off gives None; expected 'loss'",
    ),
    Wrong(
        name="a cost a little below nothing",
        answer=by(loss=lambda f: -1 < f["cost"] < 0.1 * f["guess"]),
        fails="no number",
        says=r"but for cost -0\.5: first_off gives None; expected 'loss'",
    ),
    Wrong(
        name="asks for NaN in some lines alone",
        answer=asking_for_nan("largest", "weakest", "heart"),
        fails="no number",
        says=r"but for first nan: first_off gives None; expected 'first loss'",
    ),
    *(
        Wrong(
            name=f"asks for NaN, but not in {left_out}",
            answer=asking_for_nan(*(set(LIMITED) - {left_out})),
            fails="no number",
            says=rf"but for {left_out} nan: first_off gives None; expected '",
        )
        for left_out in LIMITED
        if left_out != "largest"  # told by a run that has other values of NaN too
    ),
    Wrong(
        name="the limit itself is well",
        answer=by(
            rows=lambda f: f["largest"] <= 20,
            first_loss=lambda f: f["first"] <= 3 * f["guess"],
            loss=lambda f: abs(f["cost"]) <= 0.1 * f["guess"],
            rate=lambda f: f["left"] >= 0.1,
            one_batch=lambda f: f["heart"] <= 0.3 * f["guess"],
        ),
        fails="limits",
        says=r"but for largest 20\.0: first_off gives None; expected 'rows'\. Hint: The table says",
    ),
    *(
        Wrong(name=f"the limit of {line} is well", answer=by(**{line: rule}), fails="limits")
        for line, rule in {
            "first_loss": lambda f: f["first"] <= 3 * f["guess"],
            "loss": lambda f: abs(f["cost"]) <= 0.1 * f["guess"],
            "rate": lambda f: f["left"] >= 0.1,
            "one_batch": lambda f: f["heart"] <= 0.3 * f["guess"],
        }.items()
    ),
    Wrong(
        name="the last line",
        answer=by(last=True),
        says=r"but for largest 4254\.0, old True, weakest 0\.003, heart 0\.66: first_off gives 'o",
    ),
    Wrong(
        name="gradients before the loop",
        answer=lambda found: (
            "gradients" if found["weakest"] <= 1 / 30 and found["largest"] < 20 else by()(found)
        ),
        fails="the first",
    ),
    Wrong(
        name="the first loss must be ln 2",
        answer=by(first_loss=lambda f: abs(f["first"] - 0.69) < 0.1),
        says=r"All as in a sound run, but for guess 2\.3, first 2\.42, .*: first_off gives 'first",
    ),
    Wrong(
        name="one batch to nothing",
        answer=by(one_batch=lambda f: f["heart"] < 0.01),
        fails="healthy",
    ),
    Wrong(
        name="short steps pass",
        answer=by(step=lambda f: f["step"] < 0.3),
        says=r"but for step 2e-05: .* expected 'step'\. Hint: loop and step ask two things each",
    ),
    Wrong(
        name="the rate is not looked at",
        answer=by(rate=lambda f: True),
    ),
    Wrong(
        name="a cost without the guess",
        answer=by(loss=lambda f: abs(f["cost"]) < 0.1),
        fails="healthy",
        says=r"but for guess 2\.3, first 2\.3, cost 0\.15, heart 0\.5: first_off gives 'loss'",
    ),
    Wrong(
        name="one batch without the guess",
        answer=by(one_batch=lambda f: f["heart"] < 0.3),
        says=r"cost 0\.15, heart 0\.5: first_off gives 'one batch'; expected None",
    ),
    *(
        Wrong(
            name=f"1/{part} of the gradient",
            answer=by(gradients=lambda f, part=part: f["weakest"] > 1 / part),
            fails="one line",
        )
        for part in (100, 45)
    ),
    Wrong(
        name="a twentieth of the gradient",
        answer=by(gradients=lambda f: f["weakest"] > 1 / 20),
        fails="healthy",
    ),
    *(
        Wrong(
            name=f"{lower} before {upper}",
            answer=swapped(upper, lower),
            fails="" if upper == "rows" else "the first",  # rows of NaN give a first loss of NaN
            says=f"first_off gives '{lower}'; expected '{upper}'. Hint: Several lines are off",
        )
        for upper, lower in pairwise(rules())
    ),
    Wrong(
        name="what stands still is not looked at",
        answer=by(loop=lambda f: not f["old"]),
        fails="one line",
    ),
    Wrong(name="healthy, always", answer=lambda _: None),
)
