"""A control that is moved while a cell runs: in a real IPython shell, called back on a thread."""

import json
import subprocess
import sys

from coursekit.cases import get_case

PROGRAM = """
import asyncio, json, threading, time
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
EXPLORE = '''
import time, torch
from coursekit import widgets
from coursekit.cases import get_case
control = widgets.explore(get_case("unscaled-features"), "proline_spread")
'''
TRAIN = '''
torch.manual_seed(0)
seen = []
for _ in range(400):
    seen.append((torch.rand(1).item(), torch.get_num_threads()))
    time.sleep(0.001)
'''
shell.run_cell("import torch; torch.set_num_threads(2)")
shell.run_cell(EXPLORE)
control = shell.user_ns["control"]
said = []
control._status.observe(lambda change: said.append(change["new"]), names="busy")
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()

def move(value):
    slider = control.controls["proline_spread"]
    loop.call_soon_threadsafe(lambda: setattr(slider, "value", value))

def trained():
    while control.state.running or control._status.busy:
        time.sleep(0.01)
    return control.state.live.outcome.scores

shell.run_cell(TRAIN)
alone = shell.user_ns["seen"]
move("300")
while not control.state.running:
    time.sleep(0.001)
shell.run_cell(TRAIN)  # begins while a run trains
found = {"cell after move": shell.user_ns["seen"] == alone, "run": trained()}
threading.Timer(0.1, move, ["10"]).start()
shell.run_cell(TRAIN)  # a run begins while it trains
found["move in cell"] = shell.user_ns["seen"] == alone
found["waited"] = control.state.running and "waits for the cell that runs…" in said
found["other run"] = trained()
print(json.dumps(found))
"""


def test_a_cell_and_a_run_beside_it_do_not_change_each_other() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["cell after move"]
    assert found["move in cell"]
    assert found["waited"]
    fixed = get_case("unscaled-features").fixed
    for key, spread in (("run", 300.0), ("other run", 10.0)):
        assert found[key] == fixed.having(proline_spread=spread).run(seed=0)
