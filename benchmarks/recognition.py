"""Eight fixed cameras of 720p25, each looked at five times a second, against a list; and how soon an alert is there.

The streams are films of simulated streets, played as fast as they were taken. An alert is there when it is on record and has come
to an officer over the console's WebSocket, as to the page; it is counted from when the picture that decided it was taken.
Baseline in the same run: decoding the same eight streams, and nothing else.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av

from benchmarks import _street

CAMERAS, RATE_HZ, SETTLE_S, MEASURE_S = 8, 25.0, 25.0, 45.0


def _decode_alone(films: list[Path], seconds: float) -> float:
    """Cores that decoding takes: processor seconds a second of film, for all of them."""
    spent = 0.0
    for film in films:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            began, pictures = time.process_time(), int(seconds * RATE_HZ)
            for _, _ in zip(range(pictures), container.decode(stream), strict=False):
                pass
            spent += time.process_time() - began
    return spent / seconds


async def _measure(folder: Path, films: list[Path]) -> dict[str, Any]:
    async with _street.running(folder, films) as street:
        await street.go_on(SETTLE_S)
        before, used, waits = street.counts, _street.workers(), len(street.waits_s)
        own, began = time.process_time(), time.monotonic()
        await street.go_on(MEASURE_S)
        took, own = time.monotonic() - began, time.process_time() - own
        after, now = street.counts, _street.workers()
        waited = sorted(street.waits_s[waits:])
    shared = set(used) & set(now)
    return {
        "cameras": len(films),
        "workers_running": len(shared),
        "frames_per_s": (after.frames - before.frames) / took,
        "analysed_per_camera_per_s": (after.analysed - before.analysed) / took / len(films),
        "faces_seen": after.tracks - before.tracks,
        "alerts": len(waited),
        "cores": {
            "workers": sum(now[pid][0] - used[pid][0] for pid in shared) / took,
            "program": own / took,
        },
        "picture_to_officer_s": {
            "p50": statistics.median(waited) if waited else None,
            "p95": waited[min(len(waited) - 1, int(0.95 * len(waited)))] if waited else None,
            "most": waited[-1] if waited else None,
        },
        "resident_mb_per_worker": {
            "before": statistics.mean(used[pid][1] for pid in shared),
            "after": statistics.mean(now[pid][1] for pid in shared),
        },
    }  # fmt: skip


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = [_street.film(folder, seed) for seed in range(1, CAMERAS + 1)]
        baseline = _decode_alone(films, 10.0)
        return {
            "load_before": os.getloadavg()[0],
            **asyncio.run(_measure(folder, films)),
            "baseline_decoding_alone_cores": baseline,
        }
