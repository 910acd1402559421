"""Checkpoints: a run that went on from one ends with the same bits as one that was not stopped."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from coursekit.training.loop import fit

EPOCHS = 5
TIMES = ("data_time_s", "compute_time_s")


class Jittered(Dataset[Any]):
    """Rows to which Python, numpy and torch each add noise."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        """Differs at every call."""
        noise = torch.rand(4) + random.random() + np.random.rand()
        return torch.full((4,), row / 30) + noise, torch.tensor(row % 3)


def fixed() -> TensorDataset:
    """Thirty rows that are the same at every call."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 4, generator=generator)
    return TensorDataset(x, torch.randint(3, (30,), generator=generator))


def own(seed: int = 5) -> torch.Generator:
    """A generator apart from the global one."""
    return torch.Generator().manual_seed(seed)


LOADERS: dict[str, Callable[[], Any]] = {
    "global": lambda: DataLoader(fixed(), batch_size=8, shuffle=True),
    "own": lambda: DataLoader(fixed(), batch_size=8, shuffle=True, generator=own()),
    "sampler": lambda: DataLoader(
        fixed(), batch_size=8, sampler=RandomSampler(fixed(), replacement=True, generator=own())
    ),
    "jittered": lambda: DataLoader(Jittered(), batch_size=8, shuffle=True),
    "workers": lambda: DataLoader(Jittered(), batch_size=8, shuffle=True, num_workers=1),
}

SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "none": lambda _: None,
    "step": lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5),
    "milestones": lambda o: lr_scheduler.MultiStepLR(o, [1, 3]),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda e: np.float64(0.9) ** e),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=EPOCHS),
    "sequence": lambda o: lr_scheduler.SequentialLR(
        o,
        [lr_scheduler.LinearLR(o, total_iters=2), lr_scheduler.CosineAnnealingLR(o, 3)],
        milestones=[2],
    ),
}


def build(loader: str = "global", scheduler: str = "none", **options: Any) -> dict[str, Any]:
    """The keywords of a fit with dropout, batch normalisation and Adam; everything seeded."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 3)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    return {
        "model": model,
        "data": LOADERS[loader](),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "scheduler": SCHEDULERS[scheduler](optimizer),
        "val": [fixed()[:]],
    } | options


def alike(one: Any, other: Any) -> None:
    """Two runs whose weights, optimizers and records have the same bits, times apart."""
    (options, run), (options_2, run_2) = one, other
    for name, weight in options["model"].state_dict().items():
        assert torch.equal(weight, options_2["model"].state_dict()[name]), name
    states = [o["optimizer"].state_dict() for o in (options, options_2)]
    assert states[0]["param_groups"] == states[1]["param_groups"]
    for number, state in states[0]["state"].items():
        for name, value in state.items():
            assert torch.equal(value, states[1]["state"][number][name]), (number, name)
    assert set(run.series) == set(run_2.series)
    for name in set(run.series) - {*TIMES}:
        np.testing.assert_array_equal(run[name].steps, run_2[name].steps, err_msg=name)
        np.testing.assert_array_equal(run_2[name].values, run[name].values, err_msg=name)


def names_in(folder: Path) -> list[str]:
    """The names of all files in it."""
    return sorted(path.name for path in folder.iterdir())


def forget() -> None:
    """Random numbers as another process would have them."""
    for seeded in (random.seed, np.random.seed, torch.manual_seed):
        seeded(99)


def both_ways(path: Path, first: int, **how: Any) -> tuple[Any, Any]:
    """The run in one go, and the run ended after `first` epochs and gone on with anew."""
    straight = build(**how)
    expected = fit(**straight, epochs=EPOCHS)
    fit(**build(**how), epochs=first, checkpoint=path)
    resumed = build(**how)
    forget()
    run = fit(**resumed, epochs=EPOCHS, checkpoint=path, resume=True)
    assert any("Went on from" in note for note in run.notes)
    return (straight, expected), (resumed, run)


@pytest.mark.parametrize("loader", LOADERS)
def test_the_same_bits_with_every_loader(tmp_path: Path, loader: str) -> None:
    """Shuffled globally, by a generator of its own, by a sampler; noise from three sources."""
    alike(*both_ways(tmp_path / "run.pt", 2, loader=loader))


@pytest.mark.parametrize("scheduler", [name for name in SCHEDULERS if name != "one cycle"])
def test_the_same_bits_with_every_scheduler(tmp_path: Path, scheduler: str) -> None:
    """Stopped in the middle of what each is doing."""
    alike(*both_ways(tmp_path / "run.pt", 3, scheduler=scheduler))


def test_the_same_bits_in_a_cycle_and_with_a_scaler(tmp_path: Path) -> None:
    """Interrupted by hand, since a cycle must have the length of the whole run."""
    how: Any = {"scheduler": "one cycle", "precision": "float16", "accumulate": 2, "clip_norm": 1.0}
    straight = build(**how)
    expected = fit(**straight, epochs=EPOCHS)
    stopped = build(**how)
    interrupted = Interrupted(stopped["data"], 4)
    fit(**stopped | {"data": interrupted}, epochs=EPOCHS, checkpoint=tmp_path / "run.pt")
    resumed = build(**how)
    forget()
    run = fit(**resumed, epochs=EPOCHS, checkpoint=tmp_path / "run.pt", resume=True)
    alike((straight, expected), (resumed, run))


class Interrupted:
    """A loader in whose n-th pass Ctrl-C is pressed, after one batch."""

    def __init__(self, loader: Any, number: int) -> None:
        self.loader, self.left = loader, number
        self.sampler = loader.sampler

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """The loader's batches."""
        self.left -= 1
        for batch in self.loader:
            yield batch
            if self.left == 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize("first", [1, 2, 4])
def test_the_same_bits_with_early_stopping(tmp_path: Path, first: int) -> None:
    """Ended before, at and after the best epoch; the best weights come from the file."""
    alike(*both_ways(tmp_path / "run.pt", first, patience=2))


def test_a_run_that_stopped_early_stays_stopped(tmp_path: Path) -> None:
    """Going on with it trains no more, and gives the best weights again."""
    options = build(patience=1)
    options["optimizer"].param_groups[0]["lr"] = 5.0
    run = fit(**options, epochs=30, checkpoint=tmp_path / "run.pt")
    assert len(run["val_loss"].values) < 30
    again = build(patience=1)
    same = fit(**again, epochs=30, checkpoint=tmp_path / "run.pt", resume=True)
    alike((options, run), (again, same))


def test_a_loss_with_weights_of_its_own_is_kept(tmp_path: Path) -> None:
    """A learned temperature is trained beside the model."""

    class Temperature(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.log = nn.Parameter(torch.zeros(()))

        def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
            """Cross-entropy of scaled logits."""
            return nn.functional.cross_entropy(outputs * self.log.exp(), labels)

    def with_temperature() -> dict[str, Any]:
        options = build(loss_fn=Temperature())
        options["optimizer"].add_param_group({"params": [options["loss_fn"].log]})
        return options

    straight = with_temperature()
    expected = fit(**straight, epochs=4)
    fit(**with_temperature(), epochs=2, checkpoint=tmp_path / "run.pt")
    resumed = with_temperature()
    forget()
    run = fit(**resumed, epochs=4, checkpoint=tmp_path / "run.pt", resume=True)
    assert resumed["loss_fn"].log.item() != 0
    assert torch.equal(straight["loss_fn"].log, resumed["loss_fn"].log)
    assert run["loss"].values[-1] == expected["loss"].values[-1]


def test_a_loader_with_a_state_of_its_own(tmp_path: Path) -> None:
    """It is asked for it, and given it back."""

    class Counting:
        """Yields ever larger inputs, and can say how far it is."""

        at = 0

        def __iter__(self) -> Iterator[Any]:
            self.at += 1
            yield torch.full((3, 4), float(self.at)), torch.tensor([0, 1, 2])

        def state_dict(self) -> dict[str, int]:
            """How far."""
            return {"at": self.at}

        def load_state_dict(self, state: dict[str, int]) -> None:
            """Go on from there."""
            self.at = state["at"]

    fit(**build(data=Counting()), epochs=3, checkpoint=tmp_path / "run.pt")
    counting = Counting()
    fit(**build(data=counting), epochs=4, checkpoint=tmp_path / "run.pt", resume=True)
    assert counting.at == 4


def test_checkpoints_change_nothing(tmp_path: Path) -> None:
    """Weights, optimizer and record are those of a run that wrote none."""
    silent, writing = build(), build()
    torch.manual_seed(1)
    expected = fit(**silent, epochs=3)
    torch.manual_seed(1)
    run = fit(**writing, epochs=3, checkpoint=tmp_path / "run.pt")
    alike((silent, expected), (writing, run))
    assert names_in(tmp_path) == ["run.pt"]


def test_resume_without_a_file_begins_at_the_beginning(tmp_path: Path) -> None:
    """So that one command serves the first start and every later one; folders are made."""
    path = tmp_path / "new" / "run.pt"
    plain_run, resumed = build(), build()
    torch.manual_seed(1)
    expected = fit(**plain_run, epochs=2)
    torch.manual_seed(1)
    run = fit(**resumed, epochs=2, checkpoint=path, resume=True)
    alike((plain_run, expected), (resumed, run))
    assert path.is_file()


def test_more_epochs_than_are_wanted_train_nothing(tmp_path: Path) -> None:
    """The record is that of the file."""
    options = build()
    run = fit(**options, epochs=3, checkpoint=tmp_path / "run.pt")
    again = build()
    same = fit(**again, epochs=2, checkpoint=tmp_path / "run.pt", resume=True)
    alike((options, run), (again, same))
