"""A simulated camera's stream: H.264 by libx264 and MISB ST 0601, as MPEG-TS over UDP or a file; pictures alone by RTSP."""

import contextlib
import socket
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
from stanag4609 import TransportMuxer, pcr_from_ticks
from stanag4609.transport import synchronous_klv_stream
from stanag4609.transport.mux import encode_pes_packet
from stanag4609.transport.psi import ElementaryStreamInfo

from bowstreet.errors import BadInput
from bowstreet.frames import Pixels

CLOCK_HZ = 90_000
# Seven packets of 188 bytes are the most that fit an Ethernet frame.
DATAGRAM = 7 * 188
PMT_PID, VIDEO_PID, KLV_PID = 0x100, 0x101, 0x102
H264 = 0x1B
# A picture is shown this long after the clock that comes with it: what a decoder may have to wait for it.
DELAY_US = 100_000
WRAP = 1 << 33
VIDEO_ID, MOST_PES = 0xE0, 65_000
# An access unit delimiter for pictures of any type.
DELIMITER = b"\x00\x00\x00\x01\x09\xf0"


class Encoder:
    """H.264 without pictures that look ahead: each goes in and comes out at once. Parameter sets stand before each keyframe."""

    def __init__(self, width_px: int, height_px: int, rate_hz: float, *, gop_s: float = 1.0, crf: int = 27) -> None:
        coder: Any = av.CodecContext.create("libx264", "w")
        coder.width, coder.height, coder.pix_fmt = width_px, height_px, "yuv420p"
        coder.time_base, coder.framerate = Fraction(1, 1_000_000), Fraction(rate_hz).limit_denominator(1_000)
        coder.gop_size, coder.max_b_frames, coder.thread_count = max(1, round(gop_s * rate_hz)), 0, 1
        coder.options = {
            "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "crf": str(crf),
            "x264-params": "scenecut=0:repeat-headers=1:aud=1:threads=1:sliced-threads=0",
        }  # fmt: skip
        self._coder = coder

    def encode(self, picture: Pixels, captured_us: int) -> tuple[bytes, bool]:
        """One picture, Annex B, and whether it stands alone."""
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = captured_us
        packets = self._coder.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)


class Sender(Protocol):
    """Where coded pictures go, each with its metadata."""

    def send(self, unit: bytes, klv: bytes, captured_us: int, *, keyframe: bool) -> None: ...

    def close(self) -> None: ...


def sender(address: str, rate_hz: float) -> Sender:
    """One for `udp://HOST:PORT`, `rtsp://…` (pushed) or `file:PATH` (MPEG-TS).

    Raises:
        BadInput: the address is of another kind.
    """
    parts = urlsplit(address)
    if parts.scheme == "udp" and parts.hostname and parts.port:
        return Transport(_Datagrams(parts.hostname, parts.port), rate_hz, live=True)
    if parts.scheme == "file" and parts.path:
        return Transport(_File(Path(parts.path)), rate_hz, live=False)
    if parts.scheme == "rtsp" and parts.hostname:
        return Push(address)
    raise BadInput("a simulated camera cannot send there", remedy="use udp://HOST:PORT, rtsp://HOST:PORT/PATH or file:PATH")


class _Out(Protocol):
    def put(self, packets: Iterable[bytes]) -> None: ...

    def close(self) -> None: ...


class _Datagrams:
    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = host, port

    def put(self, packets: Iterable[bytes]) -> None:
        data = b"".join(packets)
        for start in range(0, len(data), DATAGRAM):
            # Nobody may listen yet; a camera does not care.
            with contextlib.suppress(OSError):
                self._socket.sendto(data[start : start + DATAGRAM], self._to)

    def close(self) -> None:
        self._socket.close()


class _File:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def put(self, packets: Iterable[bytes]) -> None:
        self._file.write(b"".join(packets))

    def close(self) -> None:
        self._file.close()


class Transport:
    """MPEG-TS: before each picture the tables, the clock and its metadata (synchronous, MISB ST 1402).

    A receiver knows a picture to be whole when the next one begins. So, live, the next one's delimiter follows at once, with the
    time at which it is due; without it each picture would be shown a whole period late. A file ends with a whole picture.
    """

    def __init__(self, out: _Out, rate_hz: float, *, live: bool) -> None:
        self._out, self._period_us, self._live = out, round(1_000_000 / rate_hz), live
        klv = synchronous_klv_stream(KLV_PID, metadata_input_leak_rate=1_000, metadata_buffer_size=64)
        self._muxer = TransportMuxer(
            transport_stream_id=1, program_number=1, program_map_pid=PMT_PID, pcr_pid=VIDEO_PID,
            streams=(ElementaryStreamInfo(H264, VIDEO_PID, ()), klv),
        )  # fmt: skip
        self._begun = False

    def send(self, unit: bytes, klv: bytes, captured_us: int, *, keyframe: bool) -> None:
        clock, shown_us = _ticks(captured_us), captured_us + DELAY_US
        muxer = self._muxer
        packets = [
            *muxer.program_tables(), muxer.mux_pcr(pcr_from_ticks(clock * 300)),
            *muxer.mux_sync_klv(KLV_PID, klv, pts=_ticks(shown_us)),
        ]  # fmt: skip
        if not self._begun or not self._live:
            packets += self._delimiter(shown_us)
            self._begun = True
        body = unit[len(DELIMITER) :] if unit.startswith(DELIMITER[:5]) else unit
        for start in range(0, len(body), MOST_PES):
            pes = encode_pes_packet(body[start : start + MOST_PES], stream_id=VIDEO_ID)
            packets += muxer.mux_pes(VIDEO_PID, pes)
        if self._live:
            packets += self._delimiter(shown_us + self._period_us)
        self._out.put(packets)

    def _delimiter(self, shown_us: int) -> tuple[bytes, ...]:
        return self._muxer.mux_pes(VIDEO_PID, encode_pes_packet(DELIMITER, stream_id=VIDEO_ID, pts=_ticks(shown_us)))

    def close(self) -> None:
        self._out.close()


def _ticks(us: int) -> int:
    return us * CLOCK_HZ // 1_000_000 % WRAP


class Push:
    """RTSP, announced and pushed over TCP to whoever listens there: pictures alone, for PyAV's RTSP carries no metadata stream.

    Nobody may listen yet, or any more: it is tried again with each keyframe.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._container: Any = None
        self._first_us = 0

    def send(self, unit: bytes, klv: bytes, captured_us: int, *, keyframe: bool) -> None:
        try:
            if self._container is None:
                if not keyframe:
                    return
                self._open()
                self._first_us = captured_us
            packet = av.Packet(unit)
            packet.stream, packet.time_base = self._video, Fraction(1, CLOCK_HZ)
            packet.pts = packet.dts = (captured_us - self._first_us) * CLOCK_HZ // 1_000_000
            packet.is_keyframe = keyframe
            self._container.mux(packet)
        except av.FFmpegError:
            self.close()

    def _open(self) -> None:
        container: Any = av.open(self._address, "w", format="rtsp", options={"rtsp_transport": "tcp"}, timeout=(1.0, 1.0))
        # What is told beforehand of the pictures; the parameter sets that count come with each keyframe.
        video: Any = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        container.start_encoding()
        self._container, self._video = container, video

    def close(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError):
                container.close()
