"""The check-up on scripts of one's own: it finds what is there, and leaves no trace."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, LinearLR, OneCycleLR, StepLR
from torch.utils.data import DataLoader, TensorDataset

from coursekit import check_up
from coursekit.errors import BadInputError, UnknownNameError
from coursekit.training.checkup import CheckUp, examine

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(kw_only=True)
class Script:
    """A training script: its parts, and what its loop does beside the plain one."""

    model: nn.Module
    loader: DataLoader[Any]
    loss_fn: Loss
    optimizer: torch.optim.Optimizer
    scheduler: Any = None
    empties: bool = True
    clips: bool = False
    every: int = 1

    def one_pass(self, batches: list[Any]) -> None:
        for number, (inputs, targets) in enumerate(batches, start=1):
            (self.loss_fn(self.model(inputs), targets) / self.every).backward()
            if number % self.every:
                continue
            if self.clips:
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            if self.empties:
                self.optimizer.zero_grad()
            if self.scheduler is not None:
                self.scheduler.step()

    def examined(self, steps: int = 300, *, progress: bool | None = None) -> CheckUp:
        return check_up(
            self.one_pass, self.model, self.loader, self.loss_fn, self.optimizer,
            scheduler=self.scheduler, steps=steps, progress=progress,
        )  # fmt: skip


def loader_of(x: Any, y: Any, dtype: torch.dtype) -> DataLoader[Any]:
    rows = torch.tensor(x[:320], dtype=torch.float32), torch.tensor(y[:320], dtype=dtype)
    order = torch.Generator().manual_seed(0)
    return DataLoader(TensorDataset(*rows), batch_size=32, shuffle=True, generator=order)


def digits(scale: float = 16.0) -> DataLoader[Any]:
    x, y = load_digits(return_X_y=True)
    return loader_of(x / scale, y, torch.int64)


def network(*between: nn.Module, outputs: int = 10, inputs: int = 64) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 32), *between, nn.ReLU(), nn.Linear(32, outputs))


def plain(model: nn.Module | None = None, *, lr: float = 0.1, **settings: Any) -> Script:
    """A healthy script on the digits."""
    model = network() if model is None else model
    return Script(
        model=model, optimizer=settings.pop("optimizer", None) or SGD(model.parameters(), lr=lr),
        loader=settings.pop("loader", None) or digits(),
        loss_fn=settings.pop("loss_fn", nn.CrossEntropyLoss()), **settings,
    )  # fmt: skip


def one_cycle() -> Script:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=50)
    return plain(model, optimizer=optimizer, scheduler=schedule)


def standard_digits() -> Script:
    x, y = load_digits(return_X_y=True)
    return plain(loader=loader_of(StandardScaler().fit_transform(x), y, torch.int64), lr=0.03)


def two_classes(loss_fn: Loss, *last: nn.Module) -> Script:
    x, y = load_breast_cancer(return_X_y=True)
    loader = loader_of(StandardScaler().fit_transform(x), y[:, None], torch.float32)
    return plain(
        nn.Sequential(*network(outputs=1, inputs=30), *last), loader=loader, loss_fn=loss_fn
    )


def regression() -> Script:
    x, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    loader = loader_of(StandardScaler().fit_transform(x), y[:, None], torch.float32)
    return plain(network(outputs=1, inputs=10), loader=loader, loss_fn=nn.MSELoss())


def frozen() -> Script:
    model = network()
    model.get_parameter("0.weight").requires_grad = False
    return plain(model, optimizer=Adam(model.parameters(), lr=0.03))


def adam() -> Script:
    model = network()
    return plain(model, optimizer=Adam(model.parameters(), lr=0.01))


def warmed_up() -> Script:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.5)
    schedule = LinearLR(optimizer, start_factor=0.001, total_iters=8)
    return plain(model, optimizer=optimizer, scheduler=schedule)


def from_nothing() -> Script:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    schedule = LambdaLR(optimizer, lambda step: min(step / 5, 1.0))
    return plain(model, optimizer=optimizer, scheduler=schedule)


def squeezed(loss_fn: Loss) -> Script:
    """The loop takes the column out, and so does the loss that the check-up gets."""
    script = regression()
    script.loader = [(x, y[:, 0]) for x, y in script.loader]  # type: ignore[assignment]
    script.loss_fn = lambda outputs, targets: loss_fn(outputs.squeeze(1), targets)
    return script


def yes_or_no() -> Script:
    script = two_classes(nn.BCEWithLogitsLoss())
    script.loader = [(x, y[:, 0]) for x, y in script.loader]  # type: ignore[assignment]
    script.loss_fn = lambda outputs, targets: nn.functional.binary_cross_entropy_with_logits(
        outputs.squeeze(1), targets
    )
    return script


class Words(nn.Module):
    """A table of vectors before the network."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.rest = nn.Embedding(17, 4), network(inputs=256)

    def forward(self, places: Tensor) -> Tensor:
        return self.rest(self.table(places).flatten(1))  # type: ignore[no-any-return]


def words() -> Script:
    script = plain(Words())
    script.loader = [((x * 16).long(), y) for x, y in script.loader]  # type: ignore[assignment]
    return script


def critic() -> Script:
    """Its loss is no distance: it has no least value, and a right answer no price."""
    x, y = load_breast_cancer(return_X_y=True)
    loader = loader_of(StandardScaler().fit_transform(x), 2 * y - 1, torch.float32)
    return plain(
        network(outputs=1, inputs=30), loader=loader, lr=0.001,
        loss_fn=lambda scores, signs: (scores.squeeze(1) * signs).mean(),
    )  # fmt: skip


class Recurrent(nn.Module):
    """A GRU over sequences of any length; gives its last state, or two things."""

    def __init__(self, *, both: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gru, self.head, self.both = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 10), both

    def forward(self, x: Tensor) -> Any:
        states, last = self.gru(x)
        logits = self.head(states[:, -1])
        return (logits, last) if self.both else logits


def sequences(*, both: bool = False) -> Script:
    """Rows of the digits' images as steps; batches of different lengths."""
    model = Recurrent(both=both)
    script = plain(model, optimizer=Adam(model.parameters(), lr=0.01))
    script.loader = [  # type: ignore[assignment]
        (x.reshape(-1, 8, 8)[:, : 6 + number % 3], y) for number, (x, y) in enumerate(script.loader)
    ]
    return script


def two_outputs() -> Script:
    script = sequences(both=True)
    script.loss_fn = lambda outputs, targets: nn.functional.cross_entropy(outputs[0], targets)
    return script


class Letters(nn.Module):
    """What comes next after each of four letters, logits of shape (rows, letters, 40)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = nn.Embedding(40, 16), nn.Linear(16, 40)

    def forward(self, letters: Tensor) -> Tensor:
        return self.head(self.table(letters))  # type: ignore[no-any-return]


def next_letter() -> Script:
    model = Letters()
    letters = torch.randint(40, (64, 4), generator=torch.Generator().manual_seed(0))
    return plain(
        model, optimizer=Adam(model.parameters(), lr=0.03),
        loader=DataLoader(TensorDataset(letters, (letters + 1) % 40), batch_size=16),
        loss_fn=lambda o, t: nn.functional.cross_entropy(o.reshape(-1, 40), t.reshape(-1)),
    )  # fmt: skip


def whole_numbers(loss_fn: Loss) -> Script:
    """Class numbers 0 and 1, or ratings, that the loss makes numbers of."""
    script = two_classes(nn.BCEWithLogitsLoss())
    script.loader = [(x, y[:, 0].long()) for x, y in script.loader]  # type: ignore[assignment]
    script.loss_fn = lambda outputs, targets: loss_fn(outputs.squeeze(1), targets.float())
    return script


def copied(loss_fn: Loss, *last: nn.Module, lr: float) -> Script:
    """An autoencoder of grey pixels."""
    script = plain(nn.Sequential(*network(outputs=64), *last), loss_fn=loss_fn)
    script.optimizer = Adam(script.model.parameters(), lr=lr)
    script.loader = [(x, x) for x, _ in script.loader]  # type: ignore[assignment]
    return script


class Residual(nn.Module):
    """Two blocks whose last weights start at zero, as many do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head = nn.Linear(64, 32), nn.Linear(32, 10)
        self.token = nn.Parameter(torch.zeros(1, 32))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(2)
        )
        for block in self.blocks:
            nn.init.zeros_(block[2].weight)  # type: ignore[index]

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x) + self.token
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)  # type: ignore[no-any-return]


def straight_line() -> Script:
    """Eleven weights learn no batch of forty rows by heart."""
    script = regression()
    torch.manual_seed(0)
    script.model = nn.Linear(10, 1)
    script.optimizer = SGD(script.model.parameters(), lr=0.01)
    return script


def far_from_zero() -> Script:
    script = regression()
    script.loader = [(x, y + 3) for x, y in script.loader]  # type: ignore[assignment]
    return slowly(script)


def slowly(script: Script) -> Script:
    """At a tenth of the rate."""
    script.optimizer.param_groups[0]["lr"] /= 10
    return script


def flattened() -> Script:
    """The loss takes letters as rows, with ``view``, and there are as many letters as steps."""
    script = next_letter()
    script.loss_fn = lambda o, t: nn.functional.cross_entropy(o.view(-1, 40), t.view(-1))
    letters = torch.randint(40, (64, 40), generator=torch.Generator().manual_seed(0))
    data = TensorDataset(letters, (letters + 1) % 40)
    script.loader = DataLoader(data, batch_size=16)
    return script


def ordered() -> Script:
    """Grades 0 to 3 told by three yes or no: is it above 0, above 1, above 2?"""
    x, y = load_diabetes(return_X_y=True)
    grades = quarters(y)
    above = torch.arange(3)
    return plain(
        network(outputs=3, inputs=10), lr=0.3,
        loader=loader_of(StandardScaler().fit_transform(x), grades, torch.int64),
        loss_fn=lambda o, t: nn.functional.binary_cross_entropy_with_logits(
            o, (t[:, None] > above).float()
        ),
    )  # fmt: skip


def quarters(y: Any) -> Any:
    """The quarter that each target lies in, 0 to 3."""
    return (y[:, None] > y.mean() + y.std() * torch.tensor([-0.7, 0.0, 0.7]).numpy()).sum(axis=1)


def quiet_head() -> Script:
    """The last layer starts a hundred times smaller, as that of a policy does."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), network()[2])
    model[4] = nn.Linear(64, 10)
    for place, gain in ((0, 1.4), (2, 1.4), (4, 0.01)):
        nn.init.orthogonal_(model.get_parameter(f"{place}.weight"), gain)
    return plain(model, optimizer=Adam(model.parameters(), lr=0.003))


class Tokened(nn.Module):
    """A transformer whose token starts next to zero; rows are images of eight rows of pixels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.token = nn.Parameter(torch.randn(1, 1, 8) * 1e-6)
        self.mix = nn.TransformerEncoderLayer(8, 2, 32, 0.0, batch_first=True)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.token.expand(len(x), -1, -1), x.reshape(-1, 8, 8)], dim=1)
        return self.head(self.mix(x)[:, 0])  # type: ignore[no-any-return]


def tokened() -> Script:
    model = Tokened()
    return plain(model, optimizer=Adam(model.parameters(), lr=0.003))


def steps_first() -> Script:
    """Recurrent layers take rows as the second axis, unless told otherwise."""
    script = sequences()
    script.model.get_submodule("gru").batch_first = False  # type: ignore[assignment]
    model = Backwards(script.model)
    loader = [(x[:, :6].transpose(0, 1), y) for x, y in script.loader]
    return plain(model, optimizer=Adam(model.parameters(), lr=0.01), loader=loader)


class Backwards(nn.Module):
    """The last state of a recurrent network whose steps are the first axis."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.inner.get_submodule("gru")(x)
        return self.inner.get_submodule("head")(states[-1])  # type: ignore[no-any-return]


HEALTHY: dict[str, Callable[[], Script]] = {
    "flattened": flattened,
    "ordered grades": ordered,
    "a quiet head": quiet_head,
    "a token next to zero": tokened,
    "steps first": steps_first,
    "sequences": sequences,
    "two outputs": two_outputs,
    "next letter": next_letter,
    "yes or no, whole numbers": lambda: whole_numbers(
        nn.functional.binary_cross_entropy_with_logits
    ),
    "ratings": lambda: slowly(whole_numbers(nn.functional.mse_loss)),
    "grey pixels": lambda: copied(nn.BCEWithLogitsLoss(), lr=0.01),
    "grey shares": lambda: copied(nn.BCELoss(), nn.Sigmoid(), lr=0.01),
    "pixels as numbers": lambda: copied(nn.MSELoss(), lr=0.01),
    "zeros at the start": lambda: plain(Residual()),
    "a straight line": straight_line,
    "targets around three": far_from_zero,
    "a sum": lambda: plain(loss_fn=nn.CrossEntropyLoss(reduction="sum"), lr=0.003),
    "much smoothing": lambda: plain(loss_fn=nn.CrossEntropyLoss(label_smoothing=0.2), lr=0.3),
    "rare ones weigh more": lambda: slowly(
        two_classes(nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0)))
    ),
    "plain": plain,
    "adam": adam,
    "standardised": standard_digits,
    "batchnorm": lambda: plain(network(nn.BatchNorm1d(32))),
    "batchnorm takes raw rows": lambda: plain(
        nn.Sequential(nn.BatchNorm1d(64), *network()), loader=digits(scale=0.01)
    ),
    "dropout": lambda: plain(network(nn.Dropout(0.2))),
    "clipping": lambda: plain(clips=True),
    "accumulation": lambda: plain(every=4, lr=0.5),
    "frozen on purpose": frozen,
    "one cycle": one_cycle,
    "regression": regression,
    "one logit": lambda: two_classes(nn.BCEWithLogitsLoss()),
    "one share": lambda: two_classes(nn.BCELoss(), nn.Sigmoid()),
    "functional": lambda: two_classes(nn.functional.binary_cross_entropy_with_logits),
    "log shares": lambda: plain(
        nn.Sequential(*network(), nn.LogSoftmax(dim=1)), loss_fn=nn.NLLLoss()
    ),
    "critic": critic,
    "warm-up": warmed_up,
    "warm-up from 0": from_nothing,
    "squeezed": lambda: squeezed(nn.functional.mse_loss),
    "yes or no, squeezed": yes_or_no,
    "a low rate": lambda: plain(lr=0.01),
    "words": words,
    "label smoothing": lambda: plain(loss_fn=nn.CrossEntropyLoss(label_smoothing=0.05), lr=0.3),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_all_lines_of_a_healthy_script_are_well(name: str) -> None:
    found = HEALTHY[name]().examined()
    assert found.off == (), found


def stepped_per_batch() -> Script:
    script = plain()
    script.scheduler = StepLR(script.optimizer, step_size=2, gamma=0.1)
    return script


def stale_optimizer() -> Script:
    script = plain()
    script.model[0] = nn.Linear(64, 32)  # type: ignore[operator]
    return script


def rows_with_a_hole() -> Script:
    x, y = load_digits(return_X_y=True)
    x[200, 3] = float("nan")
    return plain(loader=loader_of(x / 16, y, torch.int64))


def target_with_a_hole() -> Script:
    script = regression()
    batches = [(x, y.clone()) for x, y in script.loader]
    batches[1][1][3] = float("nan")
    script.loader = batches  # type: ignore[assignment]
    return script


def trained_asleep() -> Script:
    script = plain(network(nn.Dropout(0.2)))
    plain_pass = script.one_pass

    def one_pass(batches: list[Any]) -> None:
        script.model.eval()
        plain_pass(batches)

    script.one_pass = one_pass  # type: ignore[method-assign]
    return script


def dead() -> nn.Module:
    model = network()
    nn.init.constant_(model[0].bias, -20.0)  # type: ignore[arg-type]
    return model


def made_anew() -> Script:
    """The function that draws the first weights is called in each epoch."""
    script = plain(lr=0.02)
    plain_pass = script.one_pass

    def one_pass(batches: list[Any]) -> None:
        for name in ("0.weight", "2.weight"):
            nn.init.xavier_normal_(script.model.get_parameter(name))
        plain_pass(batches)

    script.one_pass = one_pass  # type: ignore[method-assign]
    return script


class Hidden(nn.Module):
    """Its layers are in a dict, where PyTorch does not find them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = {"first": nn.Linear(64, 32), "second": nn.Linear(32, 32)}
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers.values():
            x = layer(x).relu()
        return self.head(x)  # type: ignore[no-any-return]


def steps_taken_for_rows() -> Script:
    script = sequences()
    script.model.get_submodule("gru").batch_first = False  # type: ignore[assignment]
    return script


class Attention(nn.Module):
    """Weighs the rows of an image; the softmax runs over the images."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.score, self.head = nn.Linear(8, 1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(-1, 8, 8)
        return self.head((x * self.score(x).softmax(dim=0)).sum(dim=1))  # type: ignore[no-any-return]


class LastStep(nn.Module):
    """A GRU on rows of different length, packed; takes the last step of the longest of them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gru, self.head = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(-1, 8, 8)
        lengths = 4 + (x[:, 0].sum(dim=1) > 3.5).long() * 4  # one row in twelve is longer
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, True, False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.head(states[:, -1])  # type: ignore[no-any-return]


def hidden_batchnorm() -> nn.Module:
    """In a dict; nothing puts it into eval(), so its rows hang on each other as well."""
    model = Hidden()
    model.layers["first"] = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32))  # type: ignore[assignment]
    return model


class RootMeanSquare(nn.Module):
    """The square root of a mean squared error."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.mse_loss(outputs, targets).sqrt()


def ends_in_a_relu() -> Script:
    script = regression()
    script.model.append(nn.ReLU())  # type: ignore[operator]
    return script


def no_logs() -> Script:
    """KLDivLoss takes logs of shares, and gets shares."""
    script = plain(nn.Sequential(*network(), nn.Softmax(dim=1)))
    script.loss_fn = nn.KLDivLoss(reduction="batchmean")
    script.loader = [  # type: ignore[assignment]
        (x, nn.functional.one_hot(y, 10).float()) for x, y in script.loader
    ]
    return script


class Beside(nn.Module):
    """A column beside a table of vectors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.rest = nn.Embedding(17, 4), network(inputs=67)

    def forward(self, x: Tensor) -> Tensor:
        found = self.table((x[:, 0] * 0).long())
        return self.rest(torch.cat([found, x[:, 1:]], dim=1))  # type: ignore[no-any-return]


def weight_normed() -> Script:
    model = network()
    nn.utils.parametrizations.weight_norm(model[0])
    return plain(model, loader=digits(scale=0.01))


def climbing() -> Script:
    """A loss without a known price, and an optimizer that makes it larger."""
    script = regression()
    script.optimizer = SGD(script.model.parameters(), lr=0.01, maximize=True)
    script.loss_fn = lambda o, t: (o - t).abs().mean() + nn.functional.softplus(o).mean() / 1000
    return script


FAULTS: dict[str, tuple[str, Callable[[], Script]]] = {
    "made anew": ("loop", made_anew),
    "layers in a dict": ("loop", lambda: plain(Hidden())),
    "layers in a dict, with BatchNorm": ("loop", lambda: plain(hidden_batchnorm())),
    "the last step of the longest": ("neighbours", lambda: plain(LastStep())),
    "steps taken for rows": ("neighbours", steps_taken_for_rows),
    "a softmax over the rows": ("neighbours", lambda: plain(Attention())),
    "shapes that spread in a loss without a price": ("loss", lambda: spread(RootMeanSquare())),
    "ends in a ReLU": ("loss", ends_in_a_relu),
    "shares for logs": ("first loss", no_logs),
    "raw beside a table": ("rows", lambda: plain(Beside(), loader=digits(scale=0.01))),
    "raw into weight norm": ("rows", weight_normed),
    "climbing": ("one batch", climbing),
    "raw": ("rows", lambda: plain(loader=digits(scale=0.01))),
    "a hole": ("rows", rows_with_a_hole),
    "a softmax too many": ("loss", lambda: plain(nn.Sequential(*network(), nn.Softmax(dim=1)))),
    "a sigmoid too many": ("loss", lambda: two_classes(nn.BCEWithLogitsLoss(), nn.Sigmoid())),
    "shapes that spread": ("loss", lambda: spread()),
    "nothing emptied": ("loop", lambda: plain(empties=False)),
    "nothing emptied, and clipped": ("loop", lambda: plain(empties=False, clips=True)),
    "never stepped": ("loop", lambda: plain(every=1000)),
    "a layer not held": ("loop", stale_optimizer),
    "far too high": ("step", lambda: plain(lr=5.0)),
    "far too low": ("step", lambda: plain(lr=1e-6)),
    "stepped per batch": ("rate", stepped_per_batch),
    "a target with a hole": ("rows", target_with_a_hole),
    "trained in eval()": ("loop", trained_asleep),
    "dead from the start": ("gradients", lambda: plain(dead())),
    "sigmoids": ("gradients", lambda: plain(deep_sigmoid())),
}


def spread(loss_fn: Loss | None = None) -> Script:
    script = regression()
    script.loss_fn = loss_fn or script.loss_fn
    flat = [(x, y[:, 0]) for x, y in script.loader]
    script.loader = flat  # type: ignore[assignment]
    return script


def deep_sigmoid() -> nn.Module:
    torch.manual_seed(0)
    hidden = [part for _ in range(6) for part in (nn.Linear(64, 64), nn.Sigmoid())]
    return nn.Sequential(*hidden, nn.Linear(64, 10))


@pytest.mark.filterwarnings("ignore:Using a target size")  # that is the fault
@pytest.mark.parametrize("name", FAULTS)
def test_the_first_line_that_is_off_is_that_of_the_fault(name: str) -> None:
    line, script = FAULTS[name]
    found = script().examined()
    assert found.off[:1] == (line,), found
    if line == "one batch":
        assert found.advice.startswith("Only one batch is off. It says that something is wrong")
    else:
        assert re.match(rf"Mend first: {line} \(lessons? [0-9, ]+\)\.", found.advice)


def test_what_could_not_be_judged_is_open() -> None:
    """A loss without a price: neither it nor what it comes down to is called well."""
    found = critic().examined()
    assert [line.name for line in found if not line.judged] == ["first loss", "loss", "one batch"]
    assert found.advice.endswith("could not be judged: first loss, loss, one batch.")
    assert str(found["loss"]).startswith("loss        open  what a right answer costs")
    assert found["loss"].well


def test_a_softmax_inside_the_loop_is_not_seen() -> None:
    """What the docstring and lesson 15 say of it."""
    script = plain(lr=0.5)

    def one_pass(batches: list[Any]) -> None:
        for inputs, targets in batches:
            script.optimizer.zero_grad()
            script.loss_fn(script.model(inputs).softmax(dim=1), targets).backward()
            script.optimizer.step()

    script.one_pass = one_pass  # type: ignore[method-assign]
    assert script.examined()["loss"].well


def test_a_layer_that_the_optimizer_does_not_hold_is_named() -> None:
    words = stale_optimizer().examined(steps=1)["loop"].words
    assert words == "the optimizer does not hold 0.weight"


def test_a_loop_without_a_step_ends_the_check_up_at_once() -> None:
    """Nothing that follows could be measured, and adding up gradients for it takes for ever."""
    script, batches = plain(every=1000), 0
    plain_pass = script.one_pass

    def one_pass(given: list[Any]) -> None:
        nonlocal batches
        batches += len(given)
        plain_pass(given)

    script.one_pass = one_pass  # type: ignore[method-assign, assignment]
    found = script.examined()
    assert [line.name for line in found] == ["rows", "first loss", "loss", "loop"]
    assert batches < 300


@pytest.mark.parametrize(
    ("model", "steps", "says"),
    [(nn.Flatten(), 400, "The model has no weights"), (network(), 0, "steps is 0")],
)
def test_what_cannot_be_examined(model: nn.Module, steps: int, says: str) -> None:
    script = plain()
    script.model = model
    with pytest.raises(BadInputError, match=says):
        script.examined(steps=steps)


@pytest.mark.parametrize(
    ("part", "wrong", "says"),
    [
        ("one_pass", network(), "one_pass is a Sequential. Pass your loop"),
        ("model", nn.Linear, "The model is the class Linear"),
        ("loader", TensorDataset(torch.zeros(4, 64)), "which yields single rows. Pass the DataL"),
        ("loss_fn", nn.CrossEntropyLoss, r"Pass CrossEntropyLoss\(\), with brackets"),
        ("optimizer", "adam", "The optimizer is a str"),
    ],
)
def test_what_is_not_of_its_kind_is_named(part: str, wrong: object, says: str) -> None:
    script = plain()
    setattr(script, part, wrong)
    with pytest.raises(BadInputError, match=says):
        script.examined()


def test_a_loop_may_ask_its_loader_for_more_than_batches() -> None:
    """As the loops of PyTorch's own tutorials do, to say how far they are."""
    script, rows = plain(), 0
    plain_pass, data = script.one_pass, TensorDataset(*next(iter(script.loader)))
    script.loader = DataLoader(data, batch_size=16)

    def one_pass(batches: Any) -> None:
        nonlocal rows
        rows = len(batches.dataset)
        plain_pass(batches)

    script.one_pass = one_pass  # type: ignore[method-assign]
    assert script.examined(steps=20)["loop"].well
    assert rows == len(data)

    def misspelt(batches: Any) -> None:
        print(batches.sampels)

    script.one_pass = misspelt  # type: ignore[method-assign]
    with pytest.raises(AttributeError, match="sampels"):
        script.examined(steps=20)


def state_of(script: Script) -> Iterator[Any]:
    """All that a check-up could change."""
    for part in (script.model, script.optimizer, script.scheduler):
        yield from _leaves(part.state_dict())
    yield from (buffer.clone() for buffer in script.model.buffers())  # a state leaves some out
    yield from (weight.grad for weight in script.model.parameters())
    yield torch.get_rng_state()
    yield from (module.training for module in script.model.modules())


def _leaves(value: Any) -> Iterator[Any]:
    """What a nested state holds, copied."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value.clone() if isinstance(value, Tensor) else value


class Counting(nn.Module):
    """Counts its passes, in a buffer that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("passes", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.get_buffer("passes").add_(1)
        return x


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_as_it_was(fails: bool) -> None:
    """Weights, running averages, momentum, the schedule, gradients, modes and random numbers."""
    torch.manual_seed(0)
    model = nn.Sequential(*network(nn.BatchNorm1d(32), nn.Dropout(0.5)), Counting())
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    script = plain(model, optimizer=optimizer, scheduler=StepLR(optimizer, step_size=3))
    script.one_pass(list(script.loader))
    model.get_submodule("2").eval()
    script.loss_fn(model(next(iter(script.loader))[0]), torch.zeros(32).long()).backward()
    before = list(state_of(script))
    if fails:
        script.one_pass = lambda batches: batches[0] / 0  # type: ignore[method-assign]
        with pytest.raises(TypeError):
            script.examined(steps=5)
    else:
        script.examined(steps=5)
    for one, other in zip(before, state_of(script), strict=True):
        assert torch.equal(one, other) if isinstance(one, Tensor) else one == other
    assert "step" not in vars(script.scheduler)


def test_schedulers_are_found_and_put_back_too() -> None:
    """Two of them, of which the script passed none."""
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    both = [StepLR(optimizer, step_size=3), ExponentialLR(optimizer, gamma=0.99)]
    before = [copy.deepcopy(scheduler.state_dict()) for scheduler in both]
    script = plain(model, optimizer=optimizer)
    one_pass, seen = script.one_pass, set()

    def stepping(batches: list[Any]) -> None:
        for batch in batches:
            one_pass([batch])
            for scheduler in both:
                scheduler.step()
            seen.add(optimizer.param_groups[0]["lr"])

    script.one_pass = stepping  # type: ignore[method-assign]
    assert not script.examined(steps=5)["rate"].well
    assert len(seen) > 10
    assert [scheduler.state_dict() for scheduler in both] == before
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_what_the_model_does_not_hold_is_put_back_too() -> None:
    """A second optimizer, and the weights of a head that only the optimizers know."""
    torch.manual_seed(0)
    model, head = network(outputs=16), nn.Linear(16, 10)
    first = SGD([*model[0].parameters(), *head.parameters()], lr=0.1, momentum=0.9)
    second = Adam(model[2].parameters(), lr=0.01)
    before = head.weight.detach().clone()
    script = plain(
        model, optimizer=first,
        loss_fn=lambda outputs, targets: nn.functional.cross_entropy(head(outputs), targets),
    )  # fmt: skip
    plain_pass, seen = script.one_pass, []

    def one_pass(batches: list[Any]) -> None:
        for batch in batches:
            plain_pass([batch])
            second.step()
            second.zero_grad()
            seen.append(float((head.weight.detach() - before).abs().max()))

    script.one_pass = one_pass  # type: ignore[method-assign]
    found = script.examined(steps=20)
    assert found["loop"].well, found
    assert max(seen) > 0
    assert torch.equal(head.weight, before)
    assert head.weight.grad is None
    assert not second.state
    assert not first.state


class Seen(nn.Module):
    """Keeps its last inputs in a buffer, of another shape than the first."""

    def __init__(self, *, persistent: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)
        self.register_buffer("seen", torch.zeros(1), persistent=persistent)

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x.detach()
        outputs: Tensor = self.layer(x)
        return outputs


@pytest.mark.parametrize("persistent", [True, False])
def test_a_buffer_that_a_pass_replaces_is_put_back(persistent: bool) -> None:
    model = Seen(persistent=persistent)
    before = model.seen
    plain(model=model).examined(steps=1)
    assert model.seen is before
    assert before.tolist() == [0.0]


def test_a_scheduler_that_cannot_be_put_back_is_refused() -> None:
    script = plain()
    script.scheduler = object()
    with pytest.raises(BadInputError, match="does not have step, state_dict, load_state_dict"):
        script.examined()


def test_a_line_that_there_is_none_of_is_named() -> None:
    with pytest.raises(UnknownNameError, match="No line 'row'"):
        plain().examined(steps=1)["row"]


def test_a_training_goes_on_as_without_it() -> None:
    def trained(looked: bool) -> Tensor:
        script = plain(network(nn.Dropout(0.5)))
        if looked:
            script.examined(steps=5)
        torch.manual_seed(1)
        script.one_pass(list(script.loader))
        return script.model.get_parameter("0.weight").detach()

    assert torch.equal(trained(looked=True), trained(looked=False))


def test_it_prints_as_lines_and_as_a_table() -> None:
    found = plain(empties=False).examined(steps=1)
    assert [line.split()[0] for line in str(found).splitlines()[:-1]] == [
        line.name.split()[0] for line in found
    ]
    assert "OFF" in str(found["loop"])
    assert found._repr_html_().count("<tr>") == 1 + len(found.lines)
    assert "no zero_grad()" in found._repr_html_()


def test_a_long_one_counts_its_batches(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behind a bar that a short one never shows, and no log of a job."""
    plain().examined(steps=1, progress=True)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(examine, "QUIET_S", 0.0)
    plain().examined(steps=1)
    assert capfd.readouterr().err == ""
    plain().examined(steps=2000, progress=True)
    counts = [
        int(number) for number in re.findall(r"check-up: (\d+) batches", capfd.readouterr().err)
    ]
    assert counts == sorted(counts)
    assert counts[-1] > 100


def test_without_a_batch_there_is_nothing_to_look_at() -> None:
    script = plain(loader=[])
    script.loader = []  # type: ignore[assignment]
    with pytest.raises(BadInputError, match="The loader has no batch"):
        script.examined()


def test_batches_of_another_form_are_refused() -> None:
    script = plain()
    script.loader = [{"x": torch.zeros(2, 64)}]  # type: ignore[assignment]
    with pytest.raises(BadInputError, match=r"is a dict; check_up reads pairs of tensors"):
        script.examined()


def test_a_loss_that_does_not_take_the_outputs_is_explained() -> None:
    script = plain(loss_fn=nn.BCEWithLogitsLoss())
    with pytest.raises(BadInputError, match=r"outputs of shape \(32, 10\) .* Either this is the"):
        script.examined()


def test_a_loop_over_a_loader_of_its_own_is_explained() -> None:
    script = plain()
    loader, one_pass = list(script.loader), script.one_pass
    script.one_pass = lambda batches: one_pass(loader)  # type: ignore[method-assign]
    with pytest.raises(
        BadInputError, match=r"took none of the batches that it was given\. Does it"
    ):
        script.examined()


def all_of_them(batches: list[Any]) -> list[Any]:
    taken = []
    while batches:
        taken.append(batches.pop(0))
    return taken


@pytest.mark.parametrize(
    "take",
    [
        list,
        all_of_them,
        lambda batches: [batch for _, batch in enumerate(batches)],
        lambda batches: [batches[place] for place in range(len(batches))],
        lambda batches: [*reversed(batches)],
        lambda batches: batches[:],
        lambda batches: [batch for batch, _ in zip(batches, range(10**6), strict=False)],
    ],
)
def test_however_a_loop_takes_its_batches_it_is_examined(take: Callable[[Any], Any]) -> None:
    script = plain()
    one_pass = script.one_pass
    script.one_pass = lambda batches: one_pass(take(batches))  # type: ignore[method-assign]
    assert script.examined(steps=20)["loop"].well


@pytest.mark.parametrize(("lr", "well"), [(2.1, True), (2.4, False)])
def test_a_step_beside_its_limit_does_not_read_like_it(lr: float, well: bool) -> None:
    line = plain(lr=lr).examined(steps=1)["step"]
    read = re.search(r"by (\S+) of itself \(0\.0001 to 0\.3\)", line.words)
    assert line.well == well
    assert read is not None
    assert 0.25 < float(read[1]) < 0.35
    assert (float(read[1]) < 0.3) == well
