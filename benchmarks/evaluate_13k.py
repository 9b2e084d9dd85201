"""`lfr evaluate` of 13,120 pictures, as a person calls it: how much of the time is the model's, and how much memory it takes.

The same 160 portraits in 82 lights and croppings, each a folder as if it were a person: what is measured is time and memory,
the rates that it finds say nothing. Baseline: the same command with a tenth of the pictures, whose memory must not be much less.
"""

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from benchmarks import _portraits

VARIANTS, TENTH = 82, 8


def _resident_mb(pid: int) -> float:
    """Of the process and all below it, in megabytes of their own (proportional share)."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            for thread in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e3
    return total


def _evaluate(root: Path) -> dict[str, Any]:
    asked = [sys.executable, "-m", "bowstreet", "lfr", "evaluate", "--json", str(root / "figures.json")]
    folders = [word for name in ("list", "probes", "nonlisted") for word in (f"--{name}", str(root / name))]
    most, over = 0.0, threading.Event()

    def watch(pid: int) -> None:
        nonlocal most
        while not over.wait(0.5):
            most = max(most, _resident_mb(pid))

    process = subprocess.Popen([*asked, *folders], stderr=subprocess.DEVNULL)
    watcher = threading.Thread(target=watch, args=(process.pid,))
    watcher.start()
    assert process.wait() == 0
    over.set()
    watcher.join()
    figures = json.loads((root / "figures.json").read_text())
    named = ("pictures", "pictures_per_s", "inference_share_of_time", "time_s", "latency_ms")
    return {name: figures[name] for name in named} | {"peak_mb": most}


def run() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, variants in (("a_tenth", TENTH), ("all", VARIANTS)):
        with tempfile.TemporaryDirectory() as folder:
            _portraits.write(Path(folder), variants, as_people=True)
            found[name] = _evaluate(Path(folder))
    return found
