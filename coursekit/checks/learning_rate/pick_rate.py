"""The optional task: ``pick_rate(build, loss_fn, batches)`` finds a learning rate by trying.

The rate is judged by training with it: on three bowls whose edges lie a hundred million times
apart, and on a network of handwritten digits. How it was found is up to the answer.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import two_digits
from coursekit.datasets import load_dataset

STEPS = 200
ARRIVED = 0.25  # of the first loss
SCALES = (0.01, 1.0, 100.0)
STRETCH = 3.0  # the second column's spread over the first's: a curvature nine times as large
CLASSES = 10

Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Something to train.

    Attributes:
        name: What messages call it.
        build: Makes a fresh model, the same one each time.
        loss_fn: The criterion.
        batches: The batches of an epoch, (x, y) each.
    """

    name: str
    build: Callable[[], nn.Module]
    loss_fn: nn.Module
    batches: Batches


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """The rate that was picked for a problem, and what training with it gave.

    Attributes:
        name: The problem.
        rate: What came back.
        share: The loss after training over the loss before it; infinite where it is not finite.
    """

    name: str
    rate: float
    share: float


Evidence = tuple[Trial, ...]


def gather(pick_rate: object) -> Evidence:
    """Let the answer pick a rate for each problem, and train with it."""
    return tuple(_try(pick_rate, problem) for problem in _problems())


def below_the_edge(evidence: Evidence) -> str | None:
    """No run ends higher than it began."""
    for trial in evidence:
        if trial.share > 1:
            return f"{_said(trial)} the loss ends above where it began: the rate is too high."
    return None


def far_enough(evidence: Evidence) -> str | None:
    """Every run that does not diverge comes to a quarter of its first loss."""
    for trial in evidence:
        if ARRIVED < trial.share <= 1:
            return (
                f"{_said(trial)} the loss is {trial.share:.2f} of what it was; expected at most "
                f"{ARRIVED}: the rate is too low, or so high that the run broke."
            )
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    names = ", ".join(trial.name for trial in evidence)
    rates = [trial.rate for trial in evidence]
    apart = round(math.log10(max(rates) / min(rates)))  # digits of a rate differ between machines
    return (
        f"Each rate brings the loss to at most {ARRIVED} of what it was: on {names}. The largest "
        f"rate is some 10^{apart} times the smallest."
    )


check_pick_rate = Check(
    task="The optional task",
    takes=("pick_rate",),
    gather=gather,
    clauses=(
        Clause(
            name="edge",
            test=below_the_edge,
            hint="Where a test shows the lowest loss, the edge is near, and it is passed where few "
            "steps are taken to a decade. Take more of them, or stay further below.",
        ),
        Clause(
            name="far enough",
            test=far_enough,
            hint="Did your search begin low enough, end high enough, and stop at the wall?",
        ),
    ),
    verified=verified,
    hints=(
        "The rates that work differ by a factor of a hundred million from problem to problem. "
        "Which range must a test cover, and how many steps does it need for that?",
        "Plot the losses of your range test on each problem that you can make up: "
        "nn.Linear(1, 1) on inputs of size 0.01, 1 and 100.",
        "Grow the rate by the same factor in each step from 1e-7 to 1e7 on a fresh model, about "
        "forty steps a decade; stop where the loss is not finite or four times the lowest; "
        "return a third of the rate with the lowest loss.",
    ),
)


def _problems() -> Iterator[Problem]:
    """Three bowls and a network."""
    for scale in SCALES:
        yield _bowl(scale)
    yield _digits()


def _bowl(scale: float) -> Problem:
    """Least squares over two weights without noise; the edge goes with 1 / scale²."""
    source = torch.Generator().manual_seed(3)
    x = torch.randn(64, 2, generator=source) * torch.tensor([scale, STRETCH * scale])
    y = x @ torch.tensor([[1.0 / scale], [1.0 / scale]])
    return Problem(
        name=f"a bowl with inputs of size {scale:g}",
        build=lambda: _seeded(lambda: nn.Linear(2, 1, bias=False)),
        loss_fn=nn.MSELoss(),
        batches=[(x, y)],
    )


def _digits() -> Problem:
    """A small network on eight batches of digits."""
    data = load_dataset("digits")
    x = torch.tensor(data.x[:512].reshape(512, -1) / 16, dtype=torch.float32)
    y = torch.tensor(data.y[:512])
    return Problem(
        name="a network of digits",
        build=lambda: _seeded(
            lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, CLASSES))
        ),
        loss_fn=nn.CrossEntropyLoss(),
        batches=[(x[row : row + 64], y[row : row + 64]) for row in range(0, len(x), 64)],
    )


def _seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """A model with the same first weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def _try(pick_rate: object, problem: Problem) -> Trial:
    """Pick a rate, then train a fresh model with it."""
    arguments = {
        "build": problem.build, "loss_fn": problem.loss_fn, "batches": problem.batches,
    }  # fmt: skip
    found = call(pick_rate, arguments, name="pick_rate").result
    rate = float(as_array(found, shape=(), source=f"On {problem.name}, pick_rate"))
    if rate <= 0:
        raise CheckFailed(
            f"On {problem.name}, pick_rate returned {rate:g}; expected a learning rate above 0."
        )
    return Trial(name=problem.name, rate=rate, share=_share(problem, rate))


def _share(problem: Problem, rate: float) -> float:
    """The loss over all batches after training, as a part of the loss before it."""
    model = problem.build()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    before = _loss(problem, model)
    for step in range(STEPS):
        x, y = problem.batches[step % len(problem.batches)]
        optimizer.zero_grad()
        loss = problem.loss_fn(model(x), y)
        if not torch.isfinite(loss):
            return math.inf
        loss.backward()
        optimizer.step()
    after = _loss(problem, model)
    return after / before if math.isfinite(after) else math.inf


def _loss(problem: Problem, model: nn.Module) -> float:
    """The mean loss over all batches."""
    with torch.no_grad():
        losses = [problem.loss_fn(model(x), y) for x, y in problem.batches]
    return float(torch.stack(losses).mean())


def _said(trial: Trial) -> str:
    """The start of a sentence about a trial."""
    return f"On {trial.name}, after {STEPS} steps at your rate {two_digits(trial.rate)},"
