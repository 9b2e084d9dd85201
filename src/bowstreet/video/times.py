"""When the pictures that a viewer was sent lately were taken: how old what somebody sees is, is told picture by picture.

A picture is named by the time that its viewer's own player shows with it: the RTP time of WebRTC, the time in the file of MP4.
"""

from collections import deque

import msgspec

from bowstreet.video import rules
from bowstreet.video.model import CapturedBy

# Ten a second tell a median as well as all of them.
APART_US = 90_000
# Three seconds: a viewer asks once a second, and one on a bad link is behind.
MOST_KEPT = 30
RTP_HZ = 90_000


class PictureTime(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One picture: its stamp, when it was received here and when it was taken (Unix time, µs), and who says so.

    `captured_us` is 0 where nobody tells a time that can be; `captured_by` then says nobody.
    """

    stamp: int
    received_us: int
    captured_us: int
    captured_by: CapturedBy


class PictureTimes:
    """Of one viewer."""

    def __init__(self) -> None:
        self._kept: deque[PictureTime] = deque(maxlen=MOST_KEPT)

    def note(self, stamp: int, received_us: int, captured_us: int, captured_by: CapturedBy) -> None:
        if self._kept and 0 <= received_us - self._kept[-1].received_us < APART_US:
            return
        known = captured_by is not CapturedBy.NOBODY and rules.capture_can_be(captured_us, received_us)
        self._kept.append(
            PictureTime(
                stamp=stamp, received_us=received_us, captured_us=captured_us if known else 0,
                captured_by=captured_by if known else CapturedBy.NOBODY,
            )
        )  # fmt: skip

    def clear(self) -> None:
        """What comes is counted by another clock."""
        self._kept.clear()

    def told(self, origin: int = 0, modulus: int = 0) -> tuple[PictureTime, ...]:
        """The latest, oldest first; `origin` is added to each stamp."""
        if not origin and not modulus:
            return tuple(self._kept)
        return tuple(msgspec.structs.replace(one, stamp=(one.stamp + origin) % modulus) for one in self._kept)
