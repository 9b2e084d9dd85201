"""Coded pictures as fragmented MP4 (ISO/IEC 14496-12), one fragment a picture: what is recorded, and what browsers are fed that
have no WebRTC. Nothing is coded again. Runs inside the worker: muxing looks into bytes from outside too."""

import io
from fractions import Fraction
from typing import Any

import av

from bowstreet.video.model import AccessUnit, StreamFormat

_TIME_BASE = Fraction(1, 1_000_000)
# A picture that lasts longer than this is a gap; the file says so by its times, players must not stretch it over minutes.
LONGEST_US = 2_000_000
_FLAGS = "empty_moov+default_base_moof+frag_every_frame+negative_cts_offsets"


class _Written:
    """The file that the library writes to: gives what was written since it was last asked."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


class Fragmenter:
    """Makes a header and then a fragment for each picture. A new one for each format that a stream takes on.

    Args:
        keyframe: a picture to begin with, its parameter sets before it; the library reads from it what the header must say.

    Raises:
        av.FFmpegError: it is no picture.
    """

    def __init__(self, form: StreamFormat, keyframe: bytes) -> None:
        self._written = _Written()
        self._container: Any = av.open(self._written, "w", format="mp4", options={"movflags": _FLAGS})
        with av.open(io.BytesIO(keyframe), format=form.codec.value) as sample:
            self._stream: Any = self._container.add_stream_from_template(sample.streams.video[0])
        self._stream.time_base = _TIME_BASE
        self._usual_us = round(1e6 / form.frame_rate_hz)
        self._dts_us = -1

    def header(self) -> bytes:
        """The boxes before any fragment (ftyp, moov)."""
        self._container.start_encoding()
        return self._written.taken()

    def fragment(self, unit: AccessUnit) -> bytes:
        """What the file gets for this picture; the first time nothing, as a fragment tells how long its picture lasts."""
        packet = av.Packet(unit.data)
        packet.stream = self._stream
        packet.time_base = _TIME_BASE
        self._dts_us = max(self._dts_us + 1, min(unit.pts_us, self._dts_us + LONGEST_US) if self._dts_us >= 0 else 0)
        packet.dts = packet.pts = self._dts_us
        packet.duration = self._usual_us
        packet.is_keyframe = unit.keyframe
        self._container.mux(packet)
        return self._written.taken()

    @property
    def at_us(self) -> int:
        """The time in the file of the picture that was last given."""
        return self._dts_us

    def close(self) -> bytes:
        """What remains."""
        self._container.close()
        return self._written.taken()
