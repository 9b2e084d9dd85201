"""Eight fixed cameras of 720p25, each looked at five times a second, against a list; and how soon an alert is there.

The streams are films of simulated streets, played as fast as they were taken. An alert is there when it is on record and the
message that the officers' page waits for has been delivered; it is counted from when the picture that decided it was taken.
Baseline in the same run: decoding the same eight streams, and nothing else.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
from tests.unit.recognition_world import HIGHBURY, World

from bowstreet.adapters import open_eye
from bowstreet.messages import AlertRaised
from bowstreet.recognition.alerts.model import Sighting
from bowstreet.recognition.cameras.pipeline import CameraPipeline
from bowstreet.recognition.model import Counts
from bowstreet.recognition.ports import CameraConfig
from bowstreet.runtime.clock import SystemClock

CAMERAS, FILM_S, SETTLE_S, MEASURE_S = 8, 60.0, 25.0, 45.0
WANTED = ("P001", "P004", "P008")
THRESHOLD = 0.66
TICKS = os.sysconf("SC_CLK_TCK")


def _film(folder: Path, seed: int) -> Path:
    film = folder / f"street-{seed}.ts"
    asked = ["--to", f"file:{film}", "--seconds", str(FILM_S), "--every", "4", "--seed", str(seed)]
    subprocess.run([sys.executable, "-m", "bowstreet.simulation.street_cameras", *asked], check=True)
    return film


def _decode_alone(films: list[Path], seconds: float) -> float:
    """Cores that decoding takes: processor seconds a second of film, for all of them."""
    spent = 0.0
    for film in films:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            began = time.process_time()
            for frame in container.decode(stream):
                if frame.time is not None and frame.time > seconds:
                    break
            spent += time.process_time() - began
    return spent / seconds


class _Timed:
    """The service, with the moment at which each sighting's deciding picture was taken, and its alert delivered."""

    def __init__(self, world: World) -> None:
        self._inner, self._taken_s = world.recognition, 0.0
        self.waits_s: list[float] = []
        world.recorder.bus.subscribe(AlertRaised, self._delivered)

    async def _delivered(self, message: AlertRaised) -> None:
        self.waits_s.append(time.time() - self._taken_s)

    def may_process(self, frame: Any) -> Any:
        return self._inner.may_process(frame)

    def count(self, deployment_id: str, more: Counts) -> None:
        self._inner.count(deployment_id, more)

    async def submit(self, sighting: Sighting) -> object:
        self._taken_s = max(look.at for look in sighting.looks).timestamp()
        return await self._inner.submit(sighting)


def _workers() -> dict[int, tuple[float, float]]:
    """Processor seconds and resident MB of each camera's worker."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "fixed_worker"], capture_output=True, text=True, check=False)
    told = {}
    for pid in map(int, found.stdout.split()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        told[pid] = (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return told


async def _measure(folder: Path, films: list[Path]) -> dict[str, Any]:
    clock = SystemClock()
    pipeline = CameraPipeline(clock, clock, open_eye)
    cameras = [
        CameraConfig(camera_id=f"c{number}", name=f"Camera {number}", address=f"file+loop:{film}", position=HIGHBURY)
        for number, film in enumerate(films)
    ]
    world = await World(folder / "data", real=clock, cameras=cameras, pipeline=pipeline).started()
    timed = _Timed(world)
    pipeline.desk = timed
    one = await world.running(*WANTED, threshold=THRESHOLD)

    async def run(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(1.0)
            await world.recognition.look()

    def counts() -> Counts:
        return world.recognition.counts(world.recognition.get(one.deployment_id))

    await run(SETTLE_S)
    before, used, waits = counts(), _workers(), len(timed.waits_s)
    own = time.process_time()
    began = time.monotonic()
    await run(MEASURE_S)
    took = time.monotonic() - began
    after, now = counts(), _workers()
    own = time.process_time() - own
    waited = sorted(timed.waits_s[waits:])
    await world.recognition.stop(one.deployment_id, "acc-operator")
    await world.close()
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
        "alert_delivered_s": {
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
        films = [_film(folder, seed) for seed in range(1, CAMERAS + 1)]
        baseline = _decode_alone(films, 10.0)
        return {
            "load_before": os.getloadavg()[0],
            **asyncio.run(_measure(folder, films)),
            "baseline_decoding_alone_cores": baseline,
        }
