"""A fixed camera's worker: opens the source, lets an analyst look at pictures, and sends nothing else out.

Run by `fixed` as a process of its own. It has no way to hand on what is coded, to keep a picture or to write a file: what leaves
it is what the analyst says, and counts. Bytes from outside are parsed here and nowhere else; a crash of it is a camera that is
connected anew.
"""

import importlib
import os
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

import av
import msgspec

from bowstreet.errors import BowstreetError
from bowstreet.frames import CameraFrame
from bowstreet.runtime.confinement import limit
from bowstreet.video import klv
from bowstreet.video.address import Address, parse_address
from bowstreet.video.confined import Pace, Teller, Unusable, worked
from bowstreet.video.fixed_model import FixedSource, Opened, Tally
from bowstreet.video.model import MOST_PIXELS, MOST_UNIT_BYTES, Finding
from bowstreet.video.orders import Order, read_orders

TALLY_EVERY_S = 0.5
# Without a picture for so long the analyst puts away what it still holds of the last one.
REST_AFTER_S = 1.0
# What cameras send. A decoder that nobody needs is a way in that nobody watches.
CODECS = frozenset({"h264", "hevc", "mjpeg", "mpeg4", "rawvideo", "vp8", "vp9", "av1"})
# What is looked at must show a moment that can be told: a camera's clock may be off by no more than this.
MOST_CLOCK_OFF_S = 5.0


class Looker:
    """A thread in which the analyst looks, always at the newest picture: what comes meanwhile is counted as dropped."""

    def __init__(self, source: FixedSource, teller: Teller) -> None:
        self._source, self._teller = source, teller
        self._newest: Any = None
        self._condition = threading.Condition()
        self._orders: list[bytes] = []
        self.frames = self.analysed = self.dropped = self.corrupt = 0
        self._told = (0, 0, 0, 0)
        self._told_at = 0.0
        self._due_s = 0.0
        self.ready = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def order(self, data: bytes) -> None:
        with self._condition:
            self._orders.append(data)
            self._condition.notify()

    def give(self, picture: Any, captured_us: int) -> None:
        """One decoded picture; most are dropped, for so many a second are looked at."""
        self.frames += 1
        now = time.monotonic()
        if now < self._due_s:
            self.dropped += 1
        else:
            self._due_s = max(self._due_s + 1.0 / self._source.analysed_hz, now)
            with self._condition:
                if self._newest is not None:
                    self.dropped += 1
                self._newest = picture, captured_us, self.frames
                self._condition.notify()
        if now - self._told_at >= TALLY_EVERY_S:
            self._told_at = now
            self.tell()

    def tell(self) -> None:
        """What was counted since it was told last."""
        now = self.frames, self.analysed, self.dropped, self.corrupt
        frames, analysed, dropped, corrupt = (new - old for new, old in zip(now, self._told, strict=True))
        self._told = now
        self._teller.say(Tally(frames=frames, analysed=analysed, dropped=dropped, corrupt=corrupt))

    def _look(self) -> None:
        module, _, name = self._source.analyst.partition(":")
        try:
            analyst: Any = getattr(importlib.import_module(module), name)(self._source.options)
        except BowstreetError as error:
            self._teller.trouble("analyst", error.message)
            os._exit(1)
        self.ready.set()
        while True:
            with self._condition:
                if self._newest is None and not self._orders:
                    self._condition.wait(REST_AFTER_S)
                orders, self._orders = self._orders, []
                newest, self._newest = self._newest, None
            for data in orders:
                analyst.order(data)
            if newest is not None:
                self._one(analyst, *newest)
            elif not orders:
                analyst.rest()

    def _one(self, analyst: Any, picture: Any, captured_us: int, sequence: int) -> None:
        frame = CameraFrame(
            camera_id=self._source.camera_id, sequence=sequence, captured_at=datetime.fromtimestamp(captured_us / 1e6, UTC),
            pixels=picture.to_ndarray(format="rgb24"),
        )  # fmt: skip
        try:
            found = analyst.look(frame)
        except Exception as error:
            # The edge of the analyst, whose models may be an operator's own: the camera goes on, and people are told.
            self._teller.trouble("analyst", f"a picture could not be looked at: {type(error).__name__}")
            self.dropped += 1
            return
        finally:
            frame.pixels.fill(0)  # nobody's face waits in freed memory for what is put there next
        self.analysed += 1
        if found is not None:
            self._teller.say(Finding(sequence=sequence, captured_us=captured_us, data=found))


class Reader:
    """Reads one opened source to its end."""

    def __init__(self, teller: Teller, looker: Looker) -> None:
        self._teller, self._looker = teller, looker
        self._captured: tuple[int, float] | None = None
        self._pace = Pace()

    def read(self, container: Any, address: Address) -> None:
        if not container.streams.video:
            raise Unusable("no-video", "the source holds no video")
        stream = container.streams.video[0]
        coder = stream.codec_context
        if coder.codec.canonical_name not in CODECS:
            raise Unusable("wrong-codec", f"the video is {coder.name[:20]}, which is not decoded here: H.264 or H.265 is needed")
        if coder.width * coder.height > MOST_PIXELS:
            raise Unusable("too-large", f"the pictures measure {coder.width} × {coder.height}; at most 4096 × 2304 are taken")
        coder.thread_count = 1
        # The filter over block edges costs a third of decoding, and what it smooths is finer than a face's features.
        coder.options = {"skip_loop_filter": "nokey"}
        self._teller.say(Opened(codec=coder.name[:20], width_px=coder.width, height_px=coder.height))
        for packet in container.demux([stream, *container.streams.data]):
            if packet.stream.type == "data":
                if not address.file:  # which was taken another day
                    self._metadata(bytes(packet))
            elif packet.size > MOST_UNIT_BYTES:
                self._teller.trouble("too-large", "a coded picture is larger than 4 MB")
            else:
                self._decode(packet, address)

    def _decode(self, packet: Any, address: Address) -> None:
        try:
            pictures = packet.decode()
        except av.error.InvalidDataError:
            self._corrupt("a picture cannot be decoded")
            return
        for picture in pictures:
            if picture.width * picture.height > MOST_PIXELS:
                self._teller.trouble("too-large", "a picture is larger than 4096 × 2304")
            elif picture.is_corrupt:
                self._corrupt("a picture is damaged")
            else:
                if address.file:
                    self._pace.keep(int((picture.time or 0.0) * 1e6))
                self._looker.give(picture, self._captured_us())

    def _corrupt(self, text: str) -> None:
        """A damaged face may look like somebody else's: it is counted, and nobody looks at it."""
        self._looker.frames += 1
        self._looker.corrupt += 1
        self._teller.trouble("corrupt", text)

    def _metadata(self, data: bytes) -> None:
        """When the picture was taken, by the camera's own clock where that can be believed."""
        if not data or len(data) > klv.MOST_BYTES:
            return
        try:
            captured_us = klv.read(data).captured_us
        except BowstreetError as error:
            self._teller.trouble("bad-metadata", error.message)
            return
        if abs(captured_us - time.time_ns() // 1_000) > MOST_CLOCK_OFF_S * 1e6:
            self._teller.trouble("clock-jump", "the camera's clock is off: the time of arrival is taken")
            self._captured = None
        else:
            self._captured = captured_us, time.monotonic()

    def _captured_us(self) -> int:
        if self._captured is None:
            return time.time_ns() // 1_000
        told_us, at_s = self._captured
        return told_us + int((time.monotonic() - at_s) * 1e6)


def _orders(looker: Looker) -> None:
    """What the program says, until it goes: then this process ends too."""
    for order in read_orders(sys.stdin.buffer):
        if isinstance(order, Order):
            looker.order(order.data)
    os._exit(0)


def main() -> int:
    source = msgspec.json.decode(sys.stdin.buffer.readline(1_000_000), type=FixedSource)
    teller = Teller()
    address = parse_address(source.address)
    looker = Looker(source, teller)
    limit()
    threading.Thread(target=_orders, args=(looker,), daemon=True).start()
    av.logging.set_level(None)

    def at_end() -> None:
        looker.tell()
        if address.file:  # its last picture may be before the analyst still
            time.sleep(2.0 / source.analysed_hz)
            looker.tell()

    looker.ready.wait()
    return worked(address, teller, lambda container: Reader(teller, looker).read(container, address), at_end)


if __name__ == "__main__":
    status = main()
    os._exit(status)  # threads wait for more, and would hold up the end
