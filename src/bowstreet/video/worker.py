"""One stream's worker: opens the source, hands on what is coded as it came, and lets an analyst look at pictures.

Run by `ingest` as a process of its own. Bytes from outside are parsed here and nowhere else, and this process may do little: it
writes no file, has bounded memory, and a crash of it is a stream that is connected anew.
"""

import importlib
import os
import struct
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import av
import msgspec
from av.bitstream import BitStreamFilterContext

from bowstreet.errors import BowstreetError
from bowstreet.frames import CameraPose, DroneFrame
from bowstreet.runtime.confinement import limit
from bowstreet.video import klv, nal
from bowstreet.video.address import Address, parse_address
from bowstreet.video.confined import Pace, Teller, Unusable, worked
from bowstreet.video.fragments import Fragmenter
from bowstreet.video.model import (
    MOST_PIXELS,
    MOST_UNIT_BYTES,
    AccessUnit,
    CapturedBy,
    Codec,
    Finding,
    Fragment,
    Header,
    Looked,
    Metadata,
    PoseBy,
    StreamFormat,
    VideoSource,
)
from bowstreet.video.orders import Order, PoseKnown, read_orders
from bowstreet.video.poses import Poses
from bowstreet.video.rules import analysed_hz
from bowstreet.video.stills import StillMaker

# Coded pictures that wait to be decoded: a second. Beyond it the decoder starts again at the next keyframe.
MOST_WAITING = 30
# How often it says how the analyst keeps up.
TELL_EVERY_S = 2.0
# Two metadata packets further apart than this do not tell the same camera: a clock that jumps is reported.
MOST_CLOCK_JUMP_US = 5_000_000
# Metadata further from its picture than this, by the stream's clock, is not about that picture: the clock was set anew.
MOST_METADATA_APART_US = 2_000_000
# `AVProducerReferenceTime`: microseconds of Unix time, then flags. Where an RTP sender reports on its clock, each packet has one.
_PRODUCED = struct.Struct("<q")


class Looker:
    """Decodes, makes small pictures while they are wanted, and lets the analyst look if there is one: in two threads of its own,
    always at the newest picture."""

    def __init__(self, source: VideoSource, teller: Teller) -> None:
        self._source, self._teller = source, teller
        self._waiting: deque[AccessUnit] = deque()
        self._newest: DroneFrame | None = None
        self._newest_s = 0.0
        self._orders: deque[bytes] = deque(maxlen=100)
        self._ready, self._seen = threading.Condition(), threading.Condition()
        self.stills = StillMaker()
        self.poses = Poses()
        self.pose: CameraPose | None = None  # at the newest picture that came
        self._hz = source.analysed_hz
        self._skipping = True  # until a picture that can be decoded without those before it
        self._looked = self._passed_over = self._undecoded = 0
        self._told_s = 0.0

    def start(self, codec: Codec) -> None:
        threading.Thread(target=self._decode, args=(codec,), daemon=True).start()
        if self._source.analyst:
            threading.Thread(target=self._look, daemon=True).start()

    def give(self, unit: AccessUnit) -> None:
        with self._ready:
            if not self._source.analyst and not self.stills.wanted:
                self._waiting.clear()
                self._skipping = True
                return
            if len(self._waiting) >= MOST_WAITING:
                self._undecoded += len(self._waiting)
                self._waiting.clear()
                self._teller.trouble("behind", "pictures come faster than they are decoded")
            if self._waiting or unit.keyframe or not self._skipping:
                self._waiting.append(unit)
            self._skipping = not self._waiting
            self._undecoded += self._skipping
            self._ready.notify()

    def order(self, data: bytes) -> None:
        self._orders.append(data)

    def _decode(self, codec: Codec) -> None:
        decoder: Any = av.CodecContext.create(codec.value, "r")
        decoder.thread_count = 1
        due = 0.0
        while True:
            with self._ready:
                while not self._waiting:
                    self._ready.wait()
                unit = self._waiting.popleft()
            packet = av.Packet(unit.data)
            packet.pts = unit.pts_us
            try:
                pictures = decoder.decode(packet)
            except av.FFmpegError:
                self._teller.trouble("corrupt", "a picture cannot be decoded")
                continue
            for picture in pictures:
                if picture.width * picture.height > MOST_PIXELS:
                    self._teller.trouble("too-large", "a picture is larger than 4096 × 2304")
                    continue
                if picture.is_corrupt:
                    self._teller.trouble("corrupt", "a picture is damaged")
                self._small(unit, picture)
                now = time.monotonic()
                if now < due or not self._source.analyst:
                    continue
                due = max(due + 1.0 / self._hz, now)
                self._show(unit, picture)

    def _small(self, unit: AccessUnit, picture: Any) -> None:
        try:
            still = self.stills.take(unit, picture, time.monotonic())
        except av.FFmpegError:
            self._teller.trouble("still", "no small picture can be made of it")
            return
        if still is not None:
            self._teller.say(still)

    def _show(self, unit: AccessUnit, picture: Any) -> None:
        at = datetime.fromtimestamp((unit.captured_us or unit.received_us) / 1e6, UTC)
        frame = DroneFrame(
            source_id=self._source.source_id, vehicle_id=self._source.vehicle_id, sequence=unit.sequence, captured_at=at,
            pixels=picture.to_ndarray(format="rgb24"), pose=self.pose,
        )  # fmt: skip
        with self._seen:
            self._passed_over += self._newest is not None
            self._newest, self._newest_s = frame, unit.received_us / 1e6
            self._seen.notify()

    def _look(self) -> None:
        # Loaded with the first picture: a source that sends none, and is tried again and again, costs little.
        module, _, name = self._source.analyst.partition(":")
        analyst: Any = getattr(importlib.import_module(module), name)()
        while True:
            with self._seen:
                while self._newest is None:
                    self._seen.wait()
                frame, received_s, self._newest = self._newest, self._newest_s, None
            while self._orders:
                analyst.order(self._orders.popleft())
            try:
                found = analyst.look(frame)
            except Exception as error:
                # The edge of the analyst, which may be an operator's own: without it the picture goes on, and people are told.
                self._teller.trouble("analyst", f"nobody looks at this picture: {type(error).__name__}")
                continue
            self._keep_up(time.time() - received_s)
            if found is not None:
                captured_us = int(frame.captured_at.timestamp() * 1e6)
                self._teller.say(Finding(sequence=frame.sequence, captured_us=captured_us, data=found))

    def _keep_up(self, age_s: float) -> None:
        """After a look: fewer are due where they come late, and people are told now and then."""
        self._looked += 1
        self._hz = analysed_hz(self._hz, self._source.analysed_hz, age_s, len(self._waiting))
        if time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._teller.say(
                Looked(
                    looked=self._looked, passed_over=self._passed_over, undecoded=self._undecoded,
                    analysed_hz=round(self._hz, 2), age_ms=round(1e3 * age_s, 1),
                )
            )  # fmt: skip


class Reader:
    """Reads one opened source to its end."""

    def __init__(self, teller: Teller, looker: Looker) -> None:
        self._teller, self._looker = teller, looker
        self._sequence = 0
        self._first_pts_us: int | None = None
        self._captured_us = 0
        self._captured_at = 0.0
        self._captured_pts_us: int | None = None
        self._metadata_fresh = self._pose_by_stream = False
        self._before_pts_us: int | None = None
        self._headers = b""
        self._format: StreamFormat | None = None
        self._pace = Pace()
        self._fragments: Fragmenter | None = None
        self._before: tuple[AccessUnit, int] | None = None

    def read(self, container: Any, address: Address) -> None:
        streams = container.streams.video
        if not streams:
            raise Unusable("no-video", "the source holds no video")
        stream = streams[0]
        name = stream.codec_context.name
        if name not in (Codec.H264, Codec.H265):
            raise Unusable("wrong-codec", f"the source sends {name[:20]}; H.264 or H.265 is needed")
        codec = Codec(name)
        wanted = [stream, *container.streams.data]
        # Out of band, as RTSP tells them; an MP4's are of another form, and the filter puts those before each keyframe.
        self._headers = nal.headers(codec, bytes(stream.codec_context.extradata or b""))
        filters = BitStreamFilterContext("h264_mp4toannexb" if codec is Codec.H264 else "hevc_mp4toannexb", stream)
        for packet in container.demux(wanted):
            if packet.size == 0:
                continue
            if packet.stream.type == "data":
                self._metadata(bytes(packet), _us(packet), stamped=packet.pts is not None)
                continue
            sent_us = _sender_us(packet)
            for part in filters.filter(packet):
                self._unit(codec, stream, bytes(part), _us(part), address, sent_us)

    def _metadata(self, data: bytes, pts_us: int, *, stamped: bool) -> None:
        if len(data) > klv.MOST_BYTES:
            self._teller.trouble("bad-metadata", "a metadata packet is too large")
            return
        try:
            sensed = klv.read(data)
        except BowstreetError as error:
            self._teller.trouble("bad-metadata", error.message)
            return
        now = time.monotonic()
        if (
            self._captured_us
            and abs(sensed.captured_us - self._captured_us - (now - self._captured_at) * 1e6) > MOST_CLOCK_JUMP_US
        ):
            self._teller.trouble("clock-jump", "the camera's clock has jumped")
        self._captured_us, self._captured_at = sensed.captured_us, now
        self._captured_pts_us = pts_us if stamped else None
        self._metadata_fresh = True
        if sensed.pose is not None:
            self._looker.poses.tell(sensed.pose, sensed.captured_us, now)
        self._teller.say(Metadata(pts_us=pts_us - (self._first_pts_us or 0), received_us=_now_us(), data=data))

    def _captured(self, pts_us: int, sent_us: int) -> tuple[int, CapturedBy]:
        """When a picture was taken, and who says so: its own metadata before the sender's report.

        Where metadata is stamped by the pictures' own clock (synchronous, MISB ST 1402), what came since the last picture and is
        stamped nearer to this one is this one's; what is another's is counted on from by that clock. Else the time since it came
        is added.
        """
        fresh, self._metadata_fresh = self._metadata_fresh, False
        before_us, self._before_pts_us = self._before_pts_us, pts_us
        if not self._captured_us:
            return (sent_us, CapturedBy.SENDER) if sent_us else (0, CapturedBy.NOBODY)
        stamped_us = self._captured_pts_us
        if stamped_us is None or abs(pts_us - stamped_us) >= MOST_METADATA_APART_US:
            return self._captured_us + int((time.monotonic() - self._captured_at) * 1e6), CapturedBy.METADATA
        its_own = fresh and (before_us is None or abs(pts_us - stamped_us) <= abs(before_us - stamped_us))
        return self._captured_us + (0 if its_own else pts_us - stamped_us), CapturedBy.METADATA

    def _unit(self, codec: Codec, stream: Any, data: bytes, pts_us: int, address: Address, sent_us: int) -> None:
        if len(data) > MOST_UNIT_BYTES:
            self._teller.trouble("too-large", "a coded picture is larger than 4 MB")
            return
        keyframe = nal.refreshes(codec, data)
        if keyframe and (found := nal.headers(codec, data)):
            self._headers = found
        if self._format is None:
            if not keyframe or not self._headers:
                return
            self._announce(codec, stream)
        if keyframe:
            data = nal.self_contained(codec, data, self._headers)
        if self._first_pts_us is None:
            self._first_pts_us = pts_us
        if address.file:
            self._pace.keep(pts_us)
        captured_us, captured_by = self._captured(pts_us, sent_us)
        unit = AccessUnit(
            sequence=self._sequence, pts_us=pts_us - self._first_pts_us, received_us=_now_us(), keyframe=keyframe, data=data,
            captured_us=captured_us, captured_by=captured_by,
        )  # fmt: skip
        self._sequence += 1
        self._teller.say(unit)
        self._place(captured_us)
        self._looker.give(unit)
        self._fragment(unit)

    def _place(self, captured_us: int) -> None:
        poses = self._looker.poses
        before = poses.refused
        placed = poses.at(captured_us, time.monotonic())
        self._looker.pose = placed.pose
        if placed.by_stream is not self._pose_by_stream:
            self._pose_by_stream = placed.by_stream
            self._teller.say(PoseBy(stream=placed.by_stream))
        if poses.refused and not before:
            self._teller.trouble("lying-metadata", "its metadata tells a place where its drone, by telemetry, cannot be")

    def _fragment(self, unit: AccessUnit) -> None:
        try:
            if self._fragments is None:
                assert self._format is not None
                self._fragments = Fragmenter(self._format, unit.data)
                self._teller.say(Header(data=self._fragments.header()))
            data = self._fragments.fragment(unit)
        except av.FFmpegError:
            self._teller.trouble("not-recorded", "a picture cannot be put into a file")
            return
        held, self._before = self._before, (unit, self._fragments.at_us)
        if data and held is not None:
            before, at_us = held
            self._teller.say(
                Fragment(
                    sequence=before.sequence, pts_us=before.pts_us, captured_us=before.captured_us or before.received_us,
                    keyframe=before.keyframe, data=data, captured_by=before.captured_by, received_us=before.received_us,
                    at_us=at_us,
                )
            )  # fmt: skip

    def _announce(self, codec: Codec, stream: Any) -> None:
        width, height = int(stream.codec_context.width), int(stream.codec_context.height)
        if width * height > MOST_PIXELS:
            raise Unusable("too-large", f"the pictures measure {width} × {height}; at most 4096 × 2304 are taken")
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        self._format = StreamFormat(
            codec=codec, width_px=width, height_px=height, frame_rate_hz=min(max(rate, 1.0), 240.0), headers=self._headers
        )
        self._teller.say(self._format)
        self._looker.start(codec)


def _us(packet: Any) -> int:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return 0 if stamp is None or packet.time_base is None else int(stamp * packet.time_base * 1_000_000)


def _sender_us(packet: Any) -> int:
    """When the sender says the picture was taken; 0 when it does not."""
    for said in packet.iter_sidedata():
        if said.data_type == "prft" and len(data := bytes(said)) >= _PRODUCED.size:
            return max(0, int(_PRODUCED.unpack_from(data)[0]))
    return 0


def _now_us() -> int:
    return time.time_ns() // 1_000


def _orders(looker: Looker) -> None:
    """What the program says, until it goes: then this process ends too."""
    for order in read_orders(sys.stdin.buffer):
        if isinstance(order, PoseKnown):
            looker.poses.know(order, time.monotonic())
        elif isinstance(order, Order):
            looker.order(order.data)
        else:
            looker.stills.want(order.hz)
    os._exit(0)


def main() -> int:
    source = msgspec.json.decode(sys.stdin.buffer.readline(1_000_000), type=VideoSource)
    teller = Teller()
    address = parse_address(source.address)
    looker = Looker(source, teller)
    limit()
    threading.Thread(target=_orders, args=(looker,), daemon=True).start()
    av.logging.set_level(None)
    reader = Reader(teller, looker)
    return worked(address, teller, lambda container: reader.read(container, address))


if __name__ == "__main__":
    sys.exit(main())
