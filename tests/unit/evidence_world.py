"""Footage of real coded pictures, recorded, anchored, and given out as a bundle of evidence."""

import asyncio
import functools
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from tests.unit.test_footage import Keys

from bowstreet.accountability.authority.model import Authorisation, Ground, UseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.note import Note, SoftwareSigner
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.frames import CameraPose, DroneFrame
from bowstreet.geo import Position
from bowstreet.messages import RunChanged
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.video import klv, recorder
from bowstreet.video.evidence.bundle import Bundle
from bowstreet.video.evidence.service import Credentials, Exporter, Order
from bowstreet.video.fragments import Fragmenter
from bowstreet.video.model import AccessUnit, Codec, Fragment, Header, Metadata, StreamFormat, VideoSource
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.model import Redaction, RedactionState
from bowstreet.video.redaction.service import Redactions

START = datetime(2026, 11, 28, 3, tzinfo=UTC)
SOURCE = VideoSource(source_id="cam-1", address="udp://127.0.0.1:1", vehicle_id="drone-7")
INCIDENT = "inc-1"
FINDER = "tests.unit.evidence_world:Standing"


class Standing:
    """A finder that sees somebody in the same place in every picture."""

    def look(self, frame: DroneFrame) -> bytes:
        height, width = frame.pixels.shape[:2]
        box = {"left": 60, "top": 20, "width": 20, "height": 80}
        return msgspec.msgpack.encode(
            {"width_px": width, "height_px": height, "tracks": [{"track_id": 1, "shape": "person", "box": box}]}
        )


async def settled(redactions: Redactions, recording_id: str) -> Redaction:
    """A redaction when its worker is done."""
    async with asyncio.timeout(60):
        while (one := redactions.all.get(recording_id)).state in (RedactionState.FINDING, RedactionState.MAKING):
            await asyncio.sleep(0.02)
        await asyncio.gather(*redactions._tasks)
    assert not one.failed
    return one


class Kept:
    """Signed checkpoints, in memory."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def last(self) -> Note | None:
        return self.notes[-1] if self.notes else None

    def history(self, most: int) -> list[Any]:
        return []

    def add(self, note: Note, *, keep: bool = False) -> None:
        self.notes.append(note)


@functools.cache
def pictures(count: int, width: int = 160, height: int = 120) -> tuple[Header, tuple[Fragment, ...]]:
    """A head and fragments of H.264 as a worker makes them of a stream."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "bf": "0"}
    made: Fragmenter | None = None
    header, found = Header(data=b""), []
    for number in range(count + 1):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, (number * 5) % width :] = (40, 160, 220)
        picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        picture.pts = number
        for packet in encoder.encode(picture):
            data = bytes(packet)
            if made is None:
                form = StreamFormat(codec=Codec.H264, width_px=width, height_px=height, frame_rate_hz=25.0, headers=b"")
                made = Fragmenter(form, data)
                header = Header(data=made.header())
            unit = AccessUnit(sequence=number, pts_us=number * 40_000, received_us=0, keyframe=packet.is_keyframe, data=data)
            if written := made.fragment(unit):
                found.append(
                    Fragment(
                        sequence=number - 1,
                        pts_us=(number - 1) * 40_000,
                        captured_us=0,
                        keyframe=(number - 1) % 10 == 0,
                        data=written,
                    )
                )
    return header, tuple(found)


def metadata(number: int) -> Metadata:
    pose = CameraPose(
        position=Position(latitude_deg=51.54, longitude_deg=-0.1), altitude_m_amsl=80.0, heading_deg=10.0, pan_deg=0.0,
        tilt_deg=-30.0, roll_deg=0.0, horizontal_fov_deg=60.0,
    )  # fmt: skip
    at_us = int(START.timestamp() * 1e6) + number * 40_000
    return Metadata(pts_us=number * 40_000, received_us=at_us, data=klv.written(at_us, pose))


class World:
    """A small operation that records and exports."""

    def __init__(self, folder: Path, credentials: Credentials | None = None, *, world: "World | None" = None) -> None:
        """`world`: one that was killed, whose store and keys this one goes on with."""
        self.clock = SimulatedClock(world.clock.now() if world else START)
        self.store, self.keys = (world.store, world.keys) if world else (MemoryStore(), Keys())
        self.acts = Recorder(self.store, InlineBus(), self.clock)
        ids = self.ids = RandomIds(self.clock)
        self.folder = folder / "footage"
        self.footage = FootageRecorder(self.acts, self.clock, ids, self.keys, self.folder)
        self.log = TransparencyLog(self.store, "bow.example/city", SoftwareSigner(bytes(range(32))), Kept())
        self.authorities = Authorities(self.acts, self.clock, ids)
        self.exporter = Exporter(
            self.acts, self.clock, ids, self.log, self.footage, self.authorities, operator="Test <Police>", version="1.2.3",
            credentials=credentials,
        )  # fmt: skip

    async def open(self) -> "World":
        await self.acts.open()
        await self.footage.load(self.store)
        return self

    async def record(self, count: int = 24, *, incident_id: str = INCIDENT, restarts: int = 0, stop: bool = True) -> str:
        """Footage of pictures, metadata and places; anchored at a third and at two thirds of it."""
        recording_id = await self.footage.start(SOURCE, "mis-1", incident_id)
        header, fragments = pictures(count)
        for _ in range(restarts + 1):
            self.footage.take(SOURCE, header)
            for number, one in enumerate(fragments):
                self.footage.take(SOURCE, one)
                if number % 4 == 0:
                    self.footage.take(SOURCE, metadata(number))
                    said = msgspec.json.encode({"vehicle_id": "drone-7", "height_m": number})
                    self.footage.place("cam-1", self.clock.now(), said)
                if number in (count // 3, 2 * count // 3):
                    await self.anchored(recording_id)
        if stop:
            await self.footage.stop("cam-1", "left the scene")
        return recording_id

    async def anchored(self, recording_id: str) -> None:
        """Wait until all that was given is in the file, and have it anchored as every few seconds it is."""
        running = self.footage._running["cam-1"]
        async with asyncio.timeout(10):
            while not running.waiting.empty():
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
        self.clock.advance_to(self.clock.now() + timedelta(seconds=recorder.ANCHOR_EVERY_S))
        await self.footage._anchor(running)

    async def leave(self, incident_id: str = INCIDENT) -> Authorisation:
        asked = self.authorities.requested(
            use_case=UseCase.DISCLOSURE, ground=Ground.CRIMINAL_PROCEEDINGS, subject_id=incident_id, boroughs=("Islington",),
            starts_at=self.clock.now(), ends_at=self.clock.now() + timedelta(days=1), by="acc-asks",
        )  # fmt: skip
        await self.authorities.request(asked)
        return await self.authorities.decide(asked.authorisation_id, "acc-gives", allow=True)

    def order(self, leave: Authorisation, *recordings: str) -> Order:
        return Order(
            incident_id=leave.subject_id, by="acc-asks", leave=leave, recipient="prosecutor", recordings=recordings,
            people={"acc-asks": "A. Asker"},
        )  # fmt: skip

    async def export(self, *recordings: str, leave: Authorisation | None = None) -> Bundle:
        leave = leave or await self.leave()
        return await self.exporter.make(self.exporter.new_id(), self.order(leave, *recordings))

    async def noise(self, count: int) -> None:
        """Other entries, so that proofs are of some length."""
        for number in range(count):
            await self.acts.record(messages=[RunChanged(at=self.clock.now(), change="noise", detail=str(number))])


def as_file(bundle: Bundle, path: Path) -> Path:
    path.write_bytes(b"".join(bundle.as_zip()))
    assert path.stat().st_size == bundle.octets
    return path


def flipped(whole: bytes, place: int, bit: int = 0) -> bytes:
    return whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :]
