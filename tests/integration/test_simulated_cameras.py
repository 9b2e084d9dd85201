"""Eight simulated cameras, as the demo has them, taken in by eight real workers."""

import asyncio
import contextlib
import itertools
import json
import math
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from bowstreet.geo import GridPoint, to_grid
from bowstreet.runtime.clock import SystemClock
from bowstreet.simulation.broadcast import sender
from bowstreet.simulation.cameras import Look, Looks, Mount, Setup
from bowstreet.simulation.layout import SceneLayout
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.truth import Truth
from bowstreet.video import klv
from bowstreet.video.ingest import Ingest
from bowstreet.video.model import AccessUnit, FromWorker, Metadata, StreamFormat, VideoSource

ORIGIN = GridPoint(easting_m=531_000.0, northing_m=184_000.0)
CAMERAS, RATE_HZ = 8, 5.0


def free_ports(count: int) -> list[int]:
    probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def setup_of(addresses: list[str], scene: SceneLayout) -> Setup:
    mounts = tuple(
        Mount(vehicle_id=f"drone-{number:03d}", address=address, field_of_view_deg=60.0)
        for number, address in enumerate(addresses, start=1)
    )
    return Setup(seed=5, origin=ORIGIN, ground_m_amsl=35.0, speed=1.0, scene=scene, mounts=mounts)


def looks_of(count: int, began_s: float) -> Looks:
    now_s = time.monotonic()
    looks = tuple(
        Look(
            number=number, east_m=ORIGIN.easting_m + 90.0 * number + 2.0 * (now_s - began_s), north_m=ORIGIN.northing_m,
            up_m_amsl=95.0, v_east=2.0, v_north=0.0, v_up=0.0, heading_deg=30.0 * number, turn_deg_s=0.0, tilt_deg=-50.0,
        )
        for number in range(count)
    )  # fmt: skip
    return Looks(at_us=time.time_ns() // 1_000, scene_s=100.0 + now_s - began_s, looks=looks)


async def fly(setup: Setup, count: int, until: asyncio.Event) -> None:
    """What the fleet does: start the cameras, and say where they are."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bowstreet.simulation.cameras", stdin=asyncio.subprocess.PIPE
    )
    assert program.stdin is not None
    program.stdin.write(msgspec.json.encode(setup) + b"\n")
    began_s = time.monotonic()
    while not until.is_set():
        program.stdin.write(msgspec.json.encode(looks_of(count, began_s)) + b"\n")
        await asyncio.sleep(0.05)
    program.stdin.close()
    assert await asyncio.wait_for(program.wait(), 10.0) == 0


async def test_eight_cameras_arrive_through_real_workers_and_tell_the_truth(tmp_path: Path) -> None:
    record = tmp_path / "truth.jsonl"
    addresses = [f"udp://127.0.0.1:{port}" for port in free_ports(CAMERAS)]
    scene = SceneLayout(ground_m_amsl=35.0, width_px=320, height_px=180, rate_hz=RATE_HZ, truth=str(record))
    said: dict[str, list[FromWorker]] = defaultdict(list)
    runs = [
        asyncio.ensure_future(
            Ingest(VideoSource(source_id=f"drone-{n:03d}", address=one), SystemClock(), said[f"drone-{n:03d}"].append).run()
        )
        for n, one in enumerate(addresses, start=1)
    ]
    over = asyncio.Event()
    flight = asyncio.ensure_future(fly(setup_of(addresses, scene), CAMERAS, over))

    def units(name: str) -> list[AccessUnit]:
        return [one for one in said[name] if isinstance(one, AccessUnit)]

    names = [f"drone-{n:03d}" for n in range(1, CAMERAS + 1)]
    for _ in range(900):
        if flight.done() or all(len(units(name)) >= 12 for name in names):
            break
        await asyncio.sleep(0.1)
    over.set()
    await flight
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    truths = [msgspec.json.decode(line, type=Truth) for line in record.read_bytes().splitlines()]
    by_time = {(one.vehicle_id, one.captured_us): one for one in truths}
    assert any(one.objects for one in truths)
    for name in names:
        (told,) = [one for one in said[name] if isinstance(one, StreamFormat)]
        assert (told.width_px, told.height_px) == (320, 180)
        assert len(units(name)) >= 12
        sensed = [klv.read(one.data) for one in said[name] if isinstance(one, Metadata)]
        assert len(sensed) >= 12
        for one in sensed:
            true = by_time[name, one.captured_us].pose
            assert one.pose is not None
            assert to_grid(one.pose.position).distance_m(to_grid(true.position)) < 0.05
            assert abs(one.pose.altitude_m_amsl - true.altitude_m_amsl) < 0.5
            assert abs(math.remainder(one.pose.heading_deg - true.heading_deg, 360.0)) < 0.02
            assert one.pose.tilt_deg == pytest.approx(-50.0, abs=0.01)
            assert one.pose.horizontal_fov_deg == pytest.approx(60.0, abs=0.01)
        # What is burnt into the picture is what the camera's clock said, and the worker has found the same for each picture.
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        off_us = []
        for unit in units(name):
            for frame in decoder.decode(av.Packet(unit.data)):
                burnt = strip.read(frame.to_ndarray(format="rgb24"))
                assert (name, burnt) in by_time
                assert burnt is not None
                off_us.append(unit.captured_us - burnt)
        assert len(off_us) >= 11
        assert float(np.median(off_us)) < 50_000


async def test_no_more_than_the_most_send_and_nobody_on_the_ground() -> None:
    ports = free_ports(3)
    sockets = []
    for port in ports:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", port))
        one.setblocking(False)
        sockets.append(one)
    scene = SceneLayout(ground_m_amsl=35.0, width_px=160, height_px=90, rate_hz=5.0, most=1)
    over = asyncio.Event()
    # Two in the air, one on the ground; one may send.
    flight = asyncio.ensure_future(fly(setup_of([f"udp://127.0.0.1:{port}" for port in ports], scene), 2, over))
    heard = [0, 0, 0]
    for _ in range(600):
        await asyncio.sleep(0.05)
        for number, one in enumerate(sockets):
            with contextlib.suppress(BlockingIOError):
                heard[number] += len(one.recv(65_536))
        if sum(heard) > 20_000:
            break
    over.set()
    await flight
    for one in sockets:
        one.close()
    assert heard[0] > 20_000
    assert heard[1:] == [0, 0]


async def test_a_file_is_a_stream_that_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "flight.ts"
    scene = SceneLayout(ground_m_amsl=35.0, width_px=320, height_px=180, rate_hz=10.0)
    over = asyncio.Event()
    flight = asyncio.ensure_future(fly(setup_of([f"file:{path}"], scene), 1, over))
    for _ in range(600):
        await asyncio.sleep(0.05)
        if path.exists() and path.stat().st_size > 150_000:
            break
    over.set()
    await flight
    with av.open(str(path)) as container:
        kinds = {stream.type: stream for stream in container.streams}
        assert set(kinds) == {"video", "data"}
        times = [frame.time for frame in container.decode(kinds["video"])]
    assert len(times) >= 10
    assert all(0.0 < later - earlier < 2.0 for earlier, later in itertools.pairwise(times))


async def test_pictures_are_pushed_by_rtsp_to_a_worker_that_listens() -> None:
    (port,) = free_ports(1)
    said: list[FromWorker] = []
    source = VideoSource(source_id="pushed", address=f"rtsp+listen://127.0.0.1:{port}/live")
    run = asyncio.ensure_future(Ingest(source, SystemClock(), said.append).run())
    scene = SceneLayout(ground_m_amsl=35.0, width_px=320, height_px=180, rate_hz=10.0)
    over = asyncio.Event()
    flight = asyncio.ensure_future(fly(setup_of([f"rtsp://127.0.0.1:{port}/live"], scene), 1, over))
    for _ in range(600):
        await asyncio.sleep(0.1)
        if sum(isinstance(one, AccessUnit) for one in said) >= 20:
            break
    over.set()
    await flight
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    units = [one for one in said if isinstance(one, AccessUnit)]
    assert len(units) >= 20
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    read = [strip.read(frame.to_ndarray(format="rgb24")) for frame in frames]
    assert None not in read
    assert read == sorted(read)


def test_pictures_larger_than_a_packet_can_say_come_whole(tmp_path: Path) -> None:
    from bowstreet.simulation.broadcast import Encoder

    path, encoder = tmp_path / "noise.ts", Encoder(1280, 720, 10.0, crf=1)
    out = sender(f"file:{path}", 10.0)
    sizes = []
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
        unit, keyframe = encoder.encode(picture, number * 100_000)
        sizes.append(len(unit))
        out.send(unit, klv_of(number), number * 100_000, keyframe=keyframe)
    out.close()
    assert min(sizes) > 1 << 16
    with av.open(str(path)) as container:
        received = [packet.size for packet in container.demux(video=0) if packet.size]
    # Whole, give or take the delimiters.
    assert len(received) >= 3
    assert received[:3] == pytest.approx(sizes, abs=16)


def klv_of(number: int) -> bytes:
    from bowstreet.frames import CameraPose
    from bowstreet.geo import to_wgs84

    pose = CameraPose(
        position=to_wgs84(ORIGIN), altitude_m_amsl=90.0, heading_deg=0.0, tilt_deg=-45.0, horizontal_fov_deg=60.0
    )  # fmt: skip
    return klv.written(1_795_000_000_000_000 + number * 100_000, pose)


def test_the_process_ends_with_its_fleet() -> None:
    program = subprocess.Popen([sys.executable, "-m", "bowstreet.simulation.cameras"], stdin=subprocess.PIPE)
    setup = setup_of(["udp://127.0.0.1:9"], SceneLayout(ground_m_amsl=35.0))
    assert program.stdin is not None
    program.stdin.write(json.dumps(msgspec.to_builtins(setup)).encode() + b"\n")
    program.stdin.close()
    assert program.wait(20.0) == 0
