"""In a kernel, coursekit keeps memory low: a compiler that waits, and memory given back.

The compiler waits until something asks for it, and is then as if it had never waited.
"""

import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

WAITS = """
from coursekit.compiler import load_compiler_on_demand
load_compiler_on_demand()
"""
TRAINS = """
import sys
import torch
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10)
for _ in range(2):
    optimizer.zero_grad()
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    schedule.step()
"""
IT_WAITS = """
assert [name for name in sys.modules if name.startswith("torch._dynamo")] == ["torch._dynamo"]
"""
ASKS = {
    "compile": "assert torch.compile(model, backend='eager')(torch.ones(1, 3)).shape == (1, 2)",
    "a part": "import torch._dynamo.config as config; assert config.suppress_errors is False",
    "a name in it": "from torch._dynamo import config",
    "a name in a part": "from torch._dynamo.utils import counters; assert counters is not None",
    "an attribute is set": "torch._dynamo.an_attribute = 1; assert torch._dynamo.an_attribute == 1",
    "a decorator": "assert torch.compiler.disable(lambda: 1)() == 1; import torch._dynamo.config",
}
# One name, one module, each part loaded once, and the functions of an optimizer told to the
# compiler: it goes round them and does not trace into them.
IS_THE_REAL_ONE = """
assert torch._dynamo is sys.modules["torch._dynamo"]
assert type(torch._dynamo) is type(sys) and len(torch._dynamo.__path__) == 1
assert torch._dynamo.config is sys.modules["torch._dynamo.config"]
assert torch._dynamo.config.__spec__.origin == torch._dynamo.config.__file__
optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})
told = vars(torch.optim.Optimizer.add_param_group.__wrapped__)["__dynamo_disable"]
assert told.__module__.startswith("torch._dynamo")
assert not any(type(one).__module__.startswith("coursekit") for one in sys.meta_path)
"""
# 120 MB of small blocks, freed under one that stays: the process keeps them until it is told.
LEAVES_A_HOLE = """
blocks = [bytearray(3000) for _ in range(40_000)]
above = bytearray(3000)
blocks = None
held = resident_mb()
"""
RESIDENT = """
import os
from pathlib import Path
def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
"""


@pytest.mark.parametrize("asks", ASKS.values(), ids=ASKS)
def test_it_is_the_real_one_for_whoever_asks(asks: str) -> None:
    program(WAITS, TRAINS, IT_WAITS, asks, IS_THE_REAL_ONE)


def test_who_looks_at_all_modules_does_not_load_it() -> None:
    looks = "import inspect; inspect.getmodule(load_compiler_on_demand); inspect.stack()"
    program(WAITS, TRAINS, looks, "assert not hasattr(torch._dynamo, '__test__')", IT_WAITS)


def test_in_a_program_it_is_loaded_as_ever() -> None:
    program("from coursekit import record", TRAINS, IS_THE_REAL_ONE)


def program(*parts: str) -> None:
    """A Python of its own runs the parts."""
    subprocess.run([sys.executable, "-c", "\n".join(parts)], check=True)


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel()
    run(client, "from coursekit import record")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(kernel: BlockingKernelClient, code: str) -> None:
    reply = kernel.execute_interactive(code, timeout=120, output_hook=lambda _: None)
    assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])


def test_the_compiler_waits_for_what_compiles(kernel: BlockingKernelClient) -> None:
    run(kernel, f"{TRAINS}{IT_WAITS}")
    run(kernel, "@torch.compile(backend='eager')\ndef double(x): return 2 * x")
    run(kernel, f"assert double(torch.ones(1)).item() == 2{IS_THE_REAL_ONE}")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs GNU libc")
def test_what_a_cell_has_freed_goes_back_after_it(kernel: BlockingKernelClient) -> None:
    run(kernel, RESIDENT)
    run(kernel, LEAVES_A_HOLE)
    run(kernel, "assert resident_mb() < held - 80, (resident_mb(), held)")
