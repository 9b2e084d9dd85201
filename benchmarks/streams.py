"""Eight drones' streams at once, each taken in by a worker of its own, recorded sealed and chained, looked at and followed.

Baseline: the same eight streams taken in by the library alone (demultiplexed; then decoded too), one process, nothing kept.
Processor time is told by process: the program (which records), its workers (which decode and look), and the cameras, which in a
real operation are elsewhere. Of each picture that was looked at, how old it was when the finding was there.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import msgspec
from tests.integration.test_simulated_cameras import free_ports
from tests.unit.test_footage import Keys

from bowstreet.accountability.recorder import Recorder
from bowstreet.dispatch.follows import ANALYST
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.sqlite import SqliteStore
from bowstreet.tracking import wire
from bowstreet.tracking.model import FollowPhase
from bowstreet.video.model import Finding, VideoSource
from bowstreet.video.orders import Order
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.rules import CameraOrder
from bowstreet.video.service import VideoService

STREAMS, RATE_HZ = 8, 25.0
SIZES = {"640x360": (640, 360), "1280x720": (1280, 720)}
BARE_S, SETTLE_S, MEASURED_S = 4.0, 4.0, 12.0
# Eight workers that start at once need some seconds of both cores, on a machine with nothing else to do.
START_S = 45.0
ON_SCENE = CameraOrder(level=False, recording=True, live=True, why="over the scene")
TICKS = os.sysconf("SC_CLK_TCK")


def spent_s(pid: int) -> float:
    """Processor time of a process so far; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def cameras(width: int, height: int, addresses: list[str], counter: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    said = [str(counter), str(width), str(height), str(RATE_HZ), *addresses]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks._publisher", *said], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pictures = process.stdout.readline().decode().strip()
        try:
            yield process, pictures
        finally:
            process.kill()


def bare(addresses: list[str], *, decode: bool) -> float:
    """The library alone, a thread a stream: the share of a core."""
    over = threading.Event()

    def take(address: str) -> None:
        with av.open(f"{address}?timeout=5000000", format="mpegts", options={"fflags": "nobuffer"}) as source:
            source.streams.video[0].thread_count = 1
            for packet in source.demux(video=0):
                if decode:
                    packet.decode()
                if over.is_set():
                    return

    threads = [threading.Thread(target=take, args=(one,), daemon=True) for one in addresses]
    for thread in threads:
        thread.start()
    time.sleep(2.0)
    spent, began = time.process_time(), time.monotonic()
    time.sleep(BARE_S)
    share = (time.process_time() - spent) / (time.monotonic() - began)
    over.set()
    for thread in threads:
        thread.join(6.0)
    return share


class Watched:
    """What comes of each stream."""

    def __init__(self, video: VideoService) -> None:
        self.video = video
        self.looks: dict[str, list[wire.Findings]] = {}
        self.ages_ms: list[float] = []
        self.clicks = 0
        self.counting = False
        self.known: set[str] = set()  # vehicles whose pictures are looked at
        self._clicked_s: dict[str, float] = {}
        video.listen(on_finding=self.found)

    def found(self, source: VideoSource, finding: Finding) -> None:
        found = wire.read_findings(finding.data)
        if source.vehicle_id not in self.known:
            self.known.add(source.vehicle_id)
            self.video.tell(source.vehicle_id, Order(data=wire.written(wire.Setup(ground_m_amsl=35.0))))
        if self.counting:
            self.looks.setdefault(source.vehicle_id, []).append(found)
            self.ages_ms.append(time.time_ns() / 1e6 - finding.captured_us / 1e3)
        held = found.follow is not None and found.follow.phase is not FollowPhase.LOST
        if not held and time.monotonic() - self._clicked_s.get(source.vehicle_id, 0.0) > 1.0:
            self._clicked_s[source.vehicle_id] = time.monotonic()
            self._click(source.vehicle_id, found)

    def _click(self, vehicle_id: str, found: wire.Findings) -> None:
        """On the surest shape, else where the picture's middle is: what stands there is held by its picture."""
        self.clicks += 1
        best = max(found.tracks, key=lambda one: one.score, default=None)
        x, y = (0.5, 0.5) if best is None else (best.box.centre[0] / found.width_px, best.box.centre[1] / found.height_px)
        at = {"x": min(1.0, max(0.0, x)), "y": min(1.0, max(0.0, y))}
        order = wire.Click(follow_id="fol-1", sequence=found.sequence, **at)
        self.video.tell(vehicle_id, Order(data=wire.written(order)))


async def ours(addresses: list[str], camera_pid: int, folder: Path, counter: Path) -> dict[str, Any]:
    clock = SystemClock()
    store = SqliteStore(folder / "record.db")
    recorder = Recorder(store, QueueBus(), clock)
    await recorder.open()
    names = [f"drone-{number:03d}" for number in range(1, STREAMS + 1)]
    video = VideoService(
        [VideoSource(source_id=n, vehicle_id=n, address=a, analyst=ANALYST) for n, a in zip(names, addresses, strict=True)], clock
    )
    footage = FootageRecorder(recorder, clock, RandomIds(clock), Keys(), folder / "footage")
    await footage.load(store)
    video.listen(on_part=footage.take)
    watched = Watched(video)
    running = asyncio.ensure_future(video.run())
    await asyncio.sleep(0)
    for name in names:
        video.steer(name, ON_SCENE)
        video.wake(name)
        await footage.start(video.find(name).source, f"mis-{name}", f"inc-{name}")
    started_s = await started(video, watched)
    await asyncio.sleep(SETTLE_S)
    workers = [pid for one in video.streams.values() if (pid := one.ingest.worker_pid) is not None]
    before = {"program": time.process_time(), "workers": sum(map(spent_s, workers)), "cameras": spent_s(camera_pid)}
    units = sum(one.ingest.status.units for one in video.streams.values())
    sent = int.from_bytes(counter.read_bytes(), "big")
    watched.counting, began = True, time.monotonic()
    await asyncio.sleep(MEASURED_S)
    passed, watched.counting = time.monotonic() - began, False
    after = {"program": time.process_time(), "workers": sum(map(spent_s, workers)), "cameras": spent_s(camera_pid)}
    sent = int.from_bytes(counter.read_bytes(), "big") - sent
    units = sum(one.ingest.status.units for one in video.streams.values()) - units
    statuses = video.statuses()
    for name in names:
        await footage.stop(name, "the measurement is over")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    recordings = footage.recordings.all()
    await footage.close()
    await recorder.flush()
    await store.close()
    return {
        "started_s": started_s,
        "cores": {name: (after[name] - before[name]) / passed for name in before},
        "cores_program_and_workers": sum(after[name] - before[name] for name in ("program", "workers")) / passed,
        "pictures_taken_in_share": units / sent,
        "recorded_parts_dropped": sum(one.dropped for one in recordings),
        **looked(watched, passed),
        "pictures_passed_over": video.passed_over(),
        "restarts": sum(one.restarts for one in statuses),
        "troubles": sorted({one.trouble for one in statuses if one.trouble}),
    }  # fmt: skip


async def started(video: VideoService, watched: Watched) -> float:
    """Until every stream is looked at, its subject chosen; gives how long that took."""
    began = time.monotonic()
    while len(watched.known) < STREAMS and time.monotonic() - began < START_S:
        await asyncio.sleep(0.1)
    return time.monotonic() - began


def looked(watched: Watched, passed: float) -> dict[str, Any]:
    rates = [len(looks) / passed for looks in watched.looks.values()]
    every = [look for looks in watched.looks.values() for look in looks]
    following = [look for look in every if look.follow is not None and look.follow.phase is not FollowPhase.LOST]
    cut = statistics.quantiles(watched.ages_ms, n=100) if len(watched.ages_ms) > 1 else [0.0] * 99
    return {
        "streams_looked_at": len(rates), "looks_a_second_least": min(rates, default=0.0),
        "looks_a_second_mean": sum(rates) / STREAMS, "looks_that_follow_share": len(following) / max(1, len(every)),
        "clicks": watched.clicks, "finding_age_ms_p50": cut[49], "finding_age_ms_p95": cut[94],
        "look_cpu_ms_mean": statistics.fmean(one.timing.total_ms for one in every) if every else 0.0,
    }  # fmt: skip


def one(size: str) -> dict[str, Any]:
    width, height = SIZES[size]
    load = os.getloadavg()[0]
    addresses = [f"udp://127.0.0.1:{port}" for port in free_ports(STREAMS)]
    with (
        tempfile.TemporaryDirectory(prefix="streams-") as folder,
        cameras(width, height, addresses, Path(folder) / "sent") as (sending, pictures),
    ):
        demuxed = bare(addresses, decode=False)
        decoded = bare(addresses, decode=True)
        found = asyncio.run(ours(addresses, sending.pid, Path(folder), Path(folder) / "sent"))
    return {
        "load_before": load,
        "pictures": pictures,
        "library_alone_cores": {"demultiplexed": demuxed, "decoded": decoded},
        **found,
    }


def run() -> dict[str, Any]:
    return {size: one(size) for size in SIZES}


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(one(sys.argv[1] if len(sys.argv) > 1 else "640x360")), indent=1).decode())
