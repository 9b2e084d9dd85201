"""Two fixed cameras of 720p25 for an hour: what the program and the cameras' workers hold in memory, minute by minute.

Alerts are raised all the while. What is told is the line through the last fifty minutes; the first ten are for caches and
allocators. Two cameras, so that a machine may do other work meanwhile: a worker's memory does not hang on how many there are.
Baseline: the same figures at the tenth minute.
"""

import asyncio
import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from benchmarks import _street

CAMERAS, MINUTES, WARM_MINUTES = 2, 60, 10


def _own_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _line(samples: list[float]) -> dict[str, float]:
    settled = samples[WARM_MINUTES:]
    slope = float(np.polyfit(np.arange(len(settled)) / 60.0, settled, 1)[0])
    return {"tenth_minute_mb": settled[0], "last_minute_mb": settled[-1], "most_mb": max(settled), "mb_an_hour": slope}


async def _measure(folder: Path, films: list[Path]) -> dict[str, Any]:
    workers: list[float] = []
    own: list[float] = []
    async with _street.running(folder, films) as street:
        began = street.counts
        for _ in track(range(MINUTES + 1), "An hour of two cameras"):
            await street.go_on(60.0)
            gc.collect()
            workers.append(max(resident for _, resident in _street.workers().values()))
            own.append(_own_mb())
        ended = street.counts
        return {
            "cameras": len(films), "minutes": MINUTES, "analysed": ended.analysed - began.analysed,
            "faces_seen": ended.tracks - began.tracks, "alerts": len(street.waits_s),
            "largest_worker": _line(workers), "program": _line(own),
        }  # fmt: skip


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        films = [_street.film(Path(name), seed) for seed in range(1, CAMERAS + 1)]
        return asyncio.run(_measure(Path(name), films))
