"""MAVLink 2 signatures of one vehicle: what is believed, and with which key and timestamp we sign. No IO.

pymavlink signs what we send (`mavlink_frames.Packer`). Its check of what comes in is not used: it takes a packet's timestamp as
the stream's before it looks at the signature, so that anybody can shut a vehicle out with one bad packet, and compares with `==`.

A vehicle's clock follows ours: an autopilot that hears a signed packet goes on from its timestamp. So after a restart nothing is
believed that is not newer than the first timestamp of this run, which is above all that were used before: what was captured
before is then no use. A vehicle that is signed but behind is told our time, and nothing else is made of its packet.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.accountability.vehicle_keys.model import SigningKey, SigningKeys
from bowstreet.flight.mavlink_frames import V2, Frame

UNSIGNED, NO_KEY, BAD_SIGNATURE = "unsigned", "no-signing-key", "bad-signature"
REPLAYED, BEHIND, AHEAD = "replayed", "timestamp-behind", "timestamp-ahead"

# MAVLink's signing time: tens of microseconds since 2015, 48 bits (until 2104).
EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=10)
TICKS_S = 100_000
LAST_TICK = 2**48 - 1
# A stream not heard before may be so far behind us, as the protocol has it.
NEW_STREAM_TICKS = 60 * TICKS_S
# Further ahead of the wall clock is no clock that is fast: whoever has a key could otherwise use up all timestamps for good.
MOST_AHEAD_TICKS = 366 * 86_400 * TICKS_S
# Ours: a vehicle hears us over one link only, and its key is its own, so all it hears from us is one stream.
LINK_ID = 0
# Radios put their own state into a stream and can sign nothing. Nothing is made of it, signed link or not.
MAY_BE_UNSIGNED = frozenset({int(mavlink.MAVLINK_MSG_ID_RADIO_STATUS)})
SIGNATURE, DIGEST = 13, 6
_SIGNED_FLAG = 0x01


NO_SIGNING = SigningKeys(unsigned=True)


def ticks(at: datetime) -> int:
    return (at - EPOCH) // TICK


def is_signed(raw: bytes) -> bool:
    """Whether a checked frame bears a signature; MAVLink 1 has none."""
    return raw[0] == V2 and bool(raw[2] & _SIGNED_FLAG)


def right(key: SigningKey, raw: bytes) -> bool:
    """Whether a signed frame's signature is that of `key`."""
    told = hashlib.sha256(key.secret + raw[:-DIGEST]).digest()[:DIGEST]
    return hmac.compare_digest(told, raw[-DIGEST:])


def timestamp_of(raw: bytes) -> int:
    return int.from_bytes(raw[-SIGNATURE + 1 : -DIGEST], "little")


class Signature(NamedTuple):
    """What one packet is signed with."""

    secret: bytes
    timestamp: int


class Verdict(NamedTuple):
    """`reason` is why a packet is refused, "" when it is believed; `key` is the one that signed it, when one of ours did."""

    reason: str
    key: SigningKey | None = None


BELIEVED = Verdict("")


class Seal:
    """The signing of one vehicle's link, both ways.

    Args:
        first: no timestamp up to this one was used in this run, all were in earlier ones.
        keys: what holds now; replace it when that changes.
    """

    __slots__ = ("_first", "_last", "_streams", "keys")

    def __init__(self, keys: SigningKeys = NO_SIGNING, first: int = 0) -> None:
        self.keys = keys
        self._first = self._last = first
        self._streams: dict[tuple[int, int, int], int] = {}

    @property
    def last(self) -> int:
        """The newest timestamp that was used or believed."""
        return self._last

    @property
    def signs(self) -> bool:
        """Whether what we send is signed."""
        return self.keys.current is not None or self.keys.coming is not None

    @property
    def mute(self) -> bool:
        """Whether nothing may be sent: a signature is required, and there is no key to make one with."""
        return not self.signs and not self.keys.unsigned

    def all_keys(self) -> list[SigningKey]:
        return [key for key in (self.keys.current, self.keys.coming) if key is not None]

    def starts_at(self, first: int) -> None:
        """Before anything is sent or heard: where earlier runs have left off."""
        self._first = self._last = max(first, self._last)

    def signature(self, now: datetime, key: SigningKey | None = None) -> Signature | None:
        """For the next packet, newer than all before; None when it goes unsigned. The current key is used until the vehicle
        has shown that it has the next; `key` is another one. A vehicle that has no key yet takes no notice of signatures."""
        key = key or self.keys.current or self.keys.coming
        if key is None:
            return None
        self._last = max(self._last + 1, ticks(now))
        return Signature(key.secret, self._last)

    def judge(self, frame: Frame, now: datetime) -> Verdict:
        """Whether a frame is believed. Nothing is noted of it; `note` does that once it is also from the right address."""
        keys = self.keys
        if not is_signed(frame.raw):
            return BELIEVED if keys.unsigned else Verdict(UNSIGNED)
        known = self.all_keys()
        if not known:
            return BELIEVED if keys.unsigned else Verdict(NO_KEY)
        key = next((one for one in known if right(one, frame.raw)), None)
        if key is None:
            return Verdict(BAD_SIGNATURE)
        return Verdict(self._untimely(frame, now), key)

    def _untimely(self, frame: Frame, now: datetime) -> str:
        told, now_ticks = timestamp_of(frame.raw), ticks(now)
        last = self._streams.get(_stream(frame))
        if told > max(now_ticks, self._first) + MOST_AHEAD_TICKS:
            return AHEAD
        if last is not None:
            return REPLAYED if told <= last else ""
        return BEHIND if told <= max(self._first, self._last - NEW_STREAM_TICKS) else ""

    def note(self, frame: Frame) -> None:
        """A signed frame was believed: nothing as old is from now on, and what we send is newer."""
        told = self._streams[_stream(frame)] = timestamp_of(frame.raw)
        self._last = max(self._last, told)


def _stream(frame: Frame) -> tuple[int, int, int]:
    return frame.raw[-SIGNATURE], frame.system_id, frame.component_id
