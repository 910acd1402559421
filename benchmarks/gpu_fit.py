"""Images a second that `fit` trains on a GPU, against a tuned loop and Lightning Fabric.

    python benchmarks/gpu_fit.py [--runs N] [--epochs N] [--device cpu --tiny] [--save]

A small residual network on synthetic images of 32 × 32 pixels, bfloat16 where it is safe. The tuned
loop does what a careful person would: channels last, autocast, batches copied ahead from pinned
memory on a stream of their own, a fused optimizer, and no line that waits for the GPU. All share
the model's memory format, the pinned batches, the fused optimizer and cuDNN's search for the
fastest kernels, so what differs is the loop. On a CPU (for a trial) all is float32.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from peers import LIGHTNING, Peer, split
from residual import FULL, TINY, Batch, Size, images, network
from results import Bar, add_save, report
from timing import Run, Way, against, final_weights, largest_difference, take_turns
from torch import Tensor, nn

from coursekit import fit

BAR = 0.97


def ahead(batches: list[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches on the device; the next one is being copied while one is worked on."""
    if device.type != "cuda":
        yield from batches
        return
    copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    working = torch.cuda.current_stream(device)
    coming = _copied(batches[0], copying)
    for following in [*batches[1:], None]:
        working.wait_stream(copying)
        inputs, labels = coming
        for part in coming:
            part.record_stream(working)  # else its memory is given away while it is in use
        if following is not None:
            coming = _copied(following, copying)
        yield inputs, labels


def by_hand(model: nn.Module, batches: list[Batch], epochs: int, device: torch.device) -> float:
    """The tuned loop."""
    loss_fn, optimizer = nn.CrossEntropyLoss(), _optimizer(model)
    mixed = device.type == "cuda"
    begin = _now(device)
    model.train()
    for _ in range(epochs):
        for inputs, labels in ahead(batches, device):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
                loss = loss_fn(model(inputs), labels)
            loss.backward()
            optimizer.step()
    return _now(device) - begin


def by_fit(model: nn.Module, batches: list[Batch], epochs: int, device: torch.device) -> float:
    """`coursekit.fit`, its recording included."""
    precision: dict[str, Any] = {"precision": "mixed"} if device.type == "cuda" else {}
    loss_fn, optimizer = nn.CrossEntropyLoss(), _optimizer(model)
    begin = _now(device)
    fit(
        model,
        batches,
        loss_fn=loss_fn,
        optimizer=optimizer,
        epochs=epochs,
        progress=False,
        **precision,
    )
    return _now(device) - begin


def by_fabric(model: nn.Module, batches: list[Batch], epochs: int, device: torch.device) -> float:
    """Lightning Fabric around the plain loop."""
    from peers import fabric

    return fabric.train(
        model,
        batches,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=_optimizer(model),
        epochs=epochs,
        device=device,
        mixed=device.type == "cuda",
    )


Training = Callable[[nn.Module, list[Batch], int, torch.device], float]


def compare(
    size: Size, device: torch.device, *, peers: list[Peer], epochs: int, runs: int
) -> dict[str, Any]:
    """Images a second of each way, and its share of the tuned loop's.

    Raises:
        SystemExit: What came out says that one of them did other work.
    """
    batches = images(size, device)
    ways: dict[str, Training] = {"tuned loop": by_hand, "coursekit.fit": by_fit}
    if LIGHTNING in peers:
        ways["Lightning Fabric"] = by_fabric
    turns = {name: _way(way, size, batches, epochs, device) for name, way in ways.items()}
    taken = take_turns(turns, runs=runs)
    tuned = taken["tuned loop"]
    images_in_all = epochs * size.batches * size.batch
    figures: dict[str, Any] = {"steps": epochs * size.batches, "batch": size.batch}
    for name, each in taken.items():
        figures[name] = {
            "images_per_s": round(median(images_in_all / run.seconds for run in each), 1),
            "share_of_tuned": against(tuned, each),
            "loss_after": _loss_after(each[-1].weights, size, batches[0], device),
        }
        _check_same_work(name, figures, each[-1], tuned[-1], device)
    return figures


def _check_same_work(
    name: str, figures: dict[str, Any], run: Run, tuned: Run, device: torch.device
) -> None:
    """On a CPU the weights are equal; on a GPU sums differ from run to run, the loss hardly."""
    apart = abs(figures[name]["loss_after"] - figures["tuned loop"]["loss_after"])
    same = apart < 0.1 if device.type == "cuda" else _equal(run, tuned)
    if not same:
        raise SystemExit(f"{name} did other work than the tuned loop: see {figures}")


def _equal(run: Run, tuned: Run) -> bool:
    """Whether two runs end with the same weights."""
    return largest_difference(run.weights, tuned.weights) == 0


@torch.no_grad()
def _loss_after(weights: list[Tensor], size: Size, batch: Batch, device: torch.device) -> float:
    """Cross-entropy of the trained weights on one batch, float32, batch statistics."""
    model = network(size, device)
    for parameter, weight in zip(model.parameters(), weights, strict=True):
        parameter.copy_(weight)
    inputs, labels = (part.to(device) for part in batch)
    return round(float(nn.functional.cross_entropy(model(inputs), labels)), 4)


def _way(
    train: Training, size: Size, batches: list[Batch], epochs: int, device: torch.device
) -> Way:
    """One run from the same first weights."""

    def run() -> Run:
        model = network(size, device)
        seconds = train(model, batches, epochs, device)
        return Run(seconds=seconds, weights=final_weights(model))

    return run


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """The same for all: one kernel updates all weights."""
    return torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, fused=True)


def _copied(batch: Batch, stream: torch.cuda.Stream) -> Batch:
    """A pinned batch, on its way to the device of the stream."""
    with torch.cuda.stream(stream):
        inputs, labels = (part.to(stream.device, non_blocking=True) for part in batch)
    return inputs, labels


def _now(device: torch.device) -> float:
    """Seconds on the clock once the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def main() -> None:
    """Time them all, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a few small batches, for a trial")
    add_save(parser)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("Skipped: it needs a CUDA GPU, and torch sees none here (see `coursekit info`).")
        return
    device = torch.device(options.device)
    torch.backends.cudnn.benchmark = True
    peers, left_out = split(LIGHTNING)
    size = TINY if options.tiny else FULL
    figures = compare(size, device, peers=peers, epochs=options.epochs, runs=options.runs)
    if device.type == "cpu":
        print(figures)  # a trial: nothing to keep
        return
    share = figures["coursekit.fit"]["share_of_tuned"]["ratio"]
    report(
        "gpu_fit",
        {"runs": options.runs} | figures | {"left_out": left_out},
        packages=("torch", *(name for peer in peers for name in peer.packages)),
        bars=(
            Bar(
                of="fit on a GPU, images/s over a tuned loop",
                figure=share,
                bar=BAR,
                better="higher",
            ),
        ),
        save=options.save,
    )


if __name__ == "__main__":
    main()
