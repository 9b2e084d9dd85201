"""Coded pictures as fragmented MP4 (ISO/IEC 14496-12), one fragment a picture: what is recorded, and what browsers are fed that
have no WebRTC. Nothing is coded again. Runs inside the worker: muxing looks into bytes from outside too."""

import io
from fractions import Fraction
from typing import Any

import av

from bowstreet.video.confined import LEAST_STEP_US, MOST_STEP_US
from bowstreet.video.model import AccessUnit, StreamFormat

_TIME_BASE = Fraction(1, 1_000_000)
# No more pictures follow each other out of order (H.264 and H.265, the decoded picture buffer): more show a clock that went back.
MOST_REORDERED = 16
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
        steady: the times of its pictures are this program's own, which do not jump; a long gap among them is one.

    Raises:
        av.FFmpegError: it is no picture.
    """

    def __init__(self, form: StreamFormat, keyframe: bytes, *, steady: bool = False) -> None:
        self._written = _Written()
        self._container: Any = av.open(self._written, "w", format="mp4", options={"movflags": _FLAGS})
        with av.open(io.BytesIO(keyframe), format=form.codec.value) as sample:
            self._stream: Any = self._container.add_stream_from_template(sample.streams.video[0])
        self._stream.time_base = _TIME_BASE
        self._usual_us = round(1e6 / form.frame_rate_hz)
        self._dts_us = -1
        self._offset_us = 0  # from the stream's clock to the file's
        self._behind = 0  # pictures in a row that did not bring the time forward
        self._before_us: int | None = None
        self._steady = steady

    def header(self) -> bytes:
        """The boxes before any fragment (ftyp, moov)."""
        self._container.start_encoding()
        return self._written.taken()

    def fragment(self, unit: AccessUnit) -> bytes:
        """What the file gets for this picture; the first time nothing, as a fragment tells how long its picture lasts."""
        packet = av.Packet(unit.data)
        packet.stream = self._stream
        packet.time_base = _TIME_BASE
        self._dts_us = self._next_us(unit.pts_us)
        packet.dts = packet.pts = self._dts_us
        packet.duration = self._usual_us
        packet.is_keyframe = unit.keyframe
        self._container.mux(packet)
        return self._written.taken()

    def _next_us(self, pts_us: int) -> int:
        """The file's time goes on at the stream's pace, whatever its clock jumps to: players and redaction go by it."""
        unstamped, self._before_us = pts_us == self._before_us, pts_us
        if self._dts_us < 0:
            self._offset_us = -pts_us
            return 0
        step_us = pts_us + self._offset_us - self._dts_us
        self._behind = self._behind + 1 if step_us <= 0 else 0
        jumps = unstamped or not LEAST_STEP_US <= step_us <= MOST_STEP_US or self._behind > MOST_REORDERED
        if jumps and not self._steady:
            self._offset_us += self._usual_us - step_us
            self._behind, step_us = 0, self._usual_us
        return self._dts_us + max(1, step_us)

    @property
    def at_us(self) -> int:
        """The time in the file of the picture that was last given."""
        return self._dts_us

    def close(self) -> bytes:
        """What remains."""
        self._container.close()
        return self._written.taken()
