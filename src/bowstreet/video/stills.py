"""Small pictures as JPEG, for links that do not carry the stream. Runs inside the worker, on pictures that it decoded anyway."""

from fractions import Fraction
from typing import Any

import av

from bowstreet.video.model import AccessUnit, Still

# A phone shows no more of a scene on a link that is bad; at this quality measured 2 to 6 kB each, of street video.
LONGEST_SIDE_PX = 320
# FFmpeg's scale for JPEG: 2 is the best, 31 the worst.
QUALITY = 5
# More often than this is what the stream itself is for.
MOST_HZ = 5.0
# A camera's clock that says another time than ours by so much is wrong: what is known then is when the picture came.
MOST_CLOCK_OFF_US = 10_000_000
_TIME_BASE = Fraction(1, 25)


class StillMaker:
    """Makes one when it is due and wanted."""

    def __init__(self) -> None:
        self._hz = 0.0
        self._due = 0.0
        self._encoder: Any = None
        self._made = 0
        self._size = (0, 0)

    @property
    def wanted(self) -> bool:
        return self._hz > 0

    def want(self, hz: float) -> None:
        self._hz = min(max(hz, 0.0), MOST_HZ)

    def take(self, unit: AccessUnit, picture: Any, now_s: float) -> Still | None:
        """The still of this picture; None when none is due. Raises `av.FFmpegError` when it cannot be made."""
        hz = self._hz
        if hz <= 0 or now_s < self._due:
            return None
        self._due = max(self._due + 1.0 / hz, now_s)
        width, height = small(picture.width, picture.height)
        if self._encoder is None or self._size != (width, height):
            self._encoder, self._size = _encoder(width, height), (width, height)
        frame = picture.reformat(width=width, height=height, format="yuvj420p", dst_color_range="JPEG")
        # A picture that the encoder takes for one before the last is refused: streams' own times may jump.
        frame.time_base, frame.pts, self._made = _TIME_BASE, self._made, self._made + 1
        data = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        if not data:
            return None
        return Still(sequence=unit.sequence, captured_us=captured_us(unit), width_px=width, height_px=height, data=data)


def small(width_px: int, height_px: int) -> tuple[int, int]:
    """The size of its still: never larger than it is, in even numbers, as the coding of colours asks."""
    share = min(1.0, LONGEST_SIDE_PX / max(width_px, height_px, 1))
    return max(2, int(width_px * share) // 2 * 2), max(2, int(height_px * share) // 2 * 2)


def captured_us(unit: AccessUnit) -> int:
    """When it was taken, by the camera if its clock can be believed."""
    believed = unit.captured_us and abs(unit.received_us - unit.captured_us) <= MOST_CLOCK_OFF_US
    return unit.captured_us if believed else unit.received_us


def _encoder(width: int, height: int) -> Any:
    made: Any = av.CodecContext.create("mjpeg", "w")
    made.width, made.height, made.pix_fmt = width, height, "yuvj420p"
    made.time_base = _TIME_BASE
    made.qmin = made.qmax = QUALITY  # a fixed quality, not a rate
    made.thread_count = 1
    return made
