"""A room of learners who open one lesson at the same moment, on a real JupyterHub on loopback.

    python benchmarks/classroom.py [--learners 15] [--lesson NAME] [--plain] [--save]

Each logs in, has a server started in a home with the learner's copy of the course, opens the
lesson and runs every cell over the kernel's websocket, as JupyterLab does; only the browser is left
out. All wait for each other three times: when the servers are ready, before the Keras cells (they
come last, whatever their place in the lesson) and at the end. There the proportional set size of
each learner's server and kernel is read. Beforehand, on the same servers, each has a bare kernel
that only imports torch, pyplot and scikit-learn; then it makes one step of an optimizer, which
loads `torch._dynamo` in every program that trains.

Kernels get the settings of INSTRUCTORS.md, "A shared server"; ``--plain`` leaves them out, and
keeps no figures. It needs JupyterHub and its proxy, and says how they are installed.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from lesson_time import PEER
from results import Bar, add_save, report
from room.hub import Hub, Memory, missing, serve
from room.learner import Kernel, Learner

from coursekit.shipped import course_files
from coursekit.workspace import answer_later, sync

BAR = 1.1
STEP = """
model = torch.nn.Linear(13, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
model(torch.randn(16, 13)).sum().backward()
optimizer.step()
"""
# A learner's own loop, in a cell that says nothing about threads: 50 steps, 30 ms alone.
LOOP = """
model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for _ in range(50):
    optimizer.zero_grad()
    model(torch.randn(256, 64)).square().mean().backward()
    optimizer.step()
"""
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
# Kernels that talk through files: of free ports, which are found well before they are taken, two of
# fifteen that start together sometimes get the same one, and one of them dies.
ARGUMENTS = ("--KernelManager.transport=ipc",)
PACKAGES = ("torch", "ipykernel", "jupyterhub", "jupyterlab", "matplotlib", "scikit-learn")
PICTURE = "image/png"
SETTLE_S = 3.0

Spread = dict[str, float]


class Seat:
    """A learner, and what happened to them."""

    def __init__(self, hub: Hub, number: int, lesson: str) -> None:
        name = f"learner{number:02}"
        sync(course_files(), hub.folder / "homes" / name, ask=answer_later)
        self.learner = Learner(hub.url, name)
        self.path = f"notebooks/{lesson}.ipynb"
        self.memory: Callable[[], Memory] = lambda: hub.memory(name)
        self.kernel: Kernel | None = None
        self.reopened = 0
        self.cells: list[dict[str, Any]] = []
        self.first_picture_s: float | None = None

    async def bare(self) -> None:
        """A kernel with the imports alone."""
        self.kernel = await self.learner.start_kernel("bare.ipynb")
        await self.kernel.run(PEER)

    async def one_step(self) -> None:
        """In that kernel, what every loop in PyTorch does."""
        if self.kernel is not None:
            await self.kernel.run(STEP)

    async def own_loop(self) -> None:
        """In that kernel, a loop of the learner's own."""
        if self.kernel is not None:
            await self.kernel.run(LOOP)

    async def end_kernel(self) -> None:
        """Shut the kernel down."""
        if self.kernel is not None:
            self.reopened += self.kernel.opened - 1
            await self.learner.end_kernel(self.kernel)

    async def lesson(self) -> None:
        """Open the lesson and run it, but for its Keras cells."""
        opened = time.perf_counter()
        self.cells = await self.learner.open_notebook(self.path)
        self.kernel = await self.learner.start_kernel(self.path)
        for cell in self.cells:
            if not is_keras(cell):
                for output in await self.kernel.run(cell["source"]):
                    if self.first_picture_s is None and PICTURE in output.kinds:
                        self.first_picture_s = output.at - opened

    async def keras(self) -> None:
        """Run the cells that were left out."""
        for cell in self.cells:
            if self.kernel is not None and is_keras(cell):
                await self.kernel.run(cell["source"])


def is_keras(cell: dict[str, Any]) -> bool:
    """Whether a cell loads TensorFlow."""
    return "keras" in cell["metadata"].get("tags", [])


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> list[float]:
    """All at once; the seconds that each took."""

    async def timed(one: Coroutine[Any, Any, None]) -> float:
        began = time.perf_counter()
        await one
        return time.perf_counter() - began

    return await asyncio.gather(*(timed(one) for one in work))


async def measured(seats: list[Seat]) -> list[Memory]:
    """What each learner's processes hold, once they rest."""
    await asyncio.sleep(SETTLE_S)
    return await asyncio.to_thread(lambda: [seat.memory() for seat in seats])


def spread(values: Iterable[float | None], digits: int = 1) -> Spread:
    """Median and worst; None is a value that never came."""
    there = [value for value in values if value is not None]
    if not there:
        return {}
    return {"median": round(median(there), digits), "worst": round(max(there), digits)}


def beside(memory: list[Memory], peer: list[Memory]) -> float:
    """How many times the memory of a peer's kernel a kernel has; medians."""
    return round(median(m.kernel_mb for m in memory) / median(m.kernel_mb for m in peer), 3)


async def visit(seats: list[Seat]) -> dict[str, Any]:
    """The whole hour: servers, bare kernels, the lesson, its Keras cells."""
    figures: dict[str, Any] = {}
    figures["server_ready_s"] = spread(await together(seat.learner.log_in() for seat in seats))
    empty = await measured(seats)
    figures["bare_kernel_s"] = spread(await together(seat.bare() for seat in seats))
    bare = await measured(seats)
    figures["first_step_s"] = spread(await together(seat.one_step() for seat in seats))
    step = await measured(seats)
    figures["own_loop_s"] = spread((await together(seat.own_loop() for seat in seats)), 2)
    await together(seat.end_kernel() for seat in seats)
    lesson_s = await together(seat.lesson() for seat in seats)
    figures["first_picture_s"] = spread(seat.first_picture_s for seat in seats)
    figures["lesson_without_keras_s"] = spread(lesson_s)
    lesson = await measured(seats)
    figures["keras_cells_s"] = spread(await together(seat.keras() for seat in seats))
    whole = await measured(seats)
    figures["server_before_mb"] = spread((m.server_mb for m in empty), 0)
    figures["server_after_mb"] = spread((m.server_mb for m in whole), 0)
    held = {"bare": bare, "after_one_step": step, "lesson": lesson, "lesson_and_keras": whole}
    for name, memory in held.items():
        figures[f"kernel_{name}_mb"] = spread((m.kernel_mb for m in memory), 0)
    for peer in ("bare", "after_one_step"):
        figures[f"lesson_beside_{peer}"] = beside(lesson, held[peer])
    await together(seat.end_kernel() for seat in seats)
    figures["websockets_reopened"] = sum(seat.reopened for seat in seats)
    for seat in seats:
        await seat.learner.leave()
    return figures


def main() -> None:
    """Start the Hub, let the learners in, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--learners", type=int, default=15)
    parser.add_argument("--lesson", default="01_unscaled_features")
    parser.add_argument("--plain", action="store_true", help="without the settings; keeps nothing")
    add_save(parser)
    options = parser.parse_args()
    if (sentence := missing()) is not None:
        print(sentence)
        return
    settings, arguments = ({}, ()) if options.plain else (SETTINGS, ARGUMENTS)
    figures: dict[str, Any] = {"learners": options.learners, "settings": settings}
    figures["arguments"] = list(arguments)
    figures["load_before"] = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory(prefix="classroom-") as name:
        folder = Path(name).resolve()
        with serve(folder, settings, arguments) as hub:
            seats = [Seat(hub, number, options.lesson) for number in range(options.learners)]
            figures |= asyncio.run(visit(seats))
    if options.plain:
        print("\n".join(f"{key}: {value}" for key, value in figures.items()))
        return
    bar = Bar(
        figure=figures["lesson_beside_bare"], bar=BAR,
        of="memory of a kernel after the lesson without Keras, beside a bare kernel",
    )  # fmt: skip
    report("classroom", figures, save=options.save, packages=PACKAGES, bars=(bar,))


if __name__ == "__main__":
    main()
