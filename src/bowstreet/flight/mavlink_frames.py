"""MAVLink frames out of bytes, and messages out of frames. No IO, and no meaning: what messages say is read elsewhere.

A frame is taken only when its checksum is right. After anything else the search goes on at the very next byte, so that no
good frame is lost behind a bad one. Except behind what passes for a message that the dialect does not have: without its
checksum's extra byte it cannot be checked, and is passed over at the length that it states. A datagram that begins with a good
frame is never lost, whatever came before. MAVLink 1 frames are taken too: autopilots begin with them until they hear MAVLink 2.
"""

from typing import Any, NamedTuple

from fastcrc.crc16 import mcrf4xx
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import MalformedPacket

V1, V2 = 0xFE, 0xFD
_V1_HEADER, _V2_HEADER, _CHECKSUM, _SIGNATURE = 6, 10, 2, 13
_SIGNED = 0x01

NOT_MAVLINK, BAD_CHECKSUM, BAD_FLAGS, TRUNCATED = "not-mavlink", "bad-checksum", "unsupported-flags", "truncated"

# For each message of the dialect: its checksum's extra byte, and its size without trimmed zeros.
_DIALECT: dict[int, tuple[bytes, int]] = {
    number: (bytes([kind.crc_extra]), kind.unpacker.size) for number, kind in mavlink.mavlink_map.items()
}


class Frame(NamedTuple):
    """One checked frame. `payload` has the message's full size: MAVLink 2 trims zeros from the end, here they are back."""

    system_id: int
    component_id: int
    message_id: int
    payload: bytes
    raw: bytes


class Splitter:
    """Finds frames in what one peer sends, however it is cut into pieces.

    Attributes:
        unknown: frames of messages that the dialect does not have, passed over unread. Newer autopilots say more than we know.
        rejected: what could not be used, by reason, since it was last taken. A run of bad bytes counts once in a datagram.
    """

    __slots__ = ("_in_junk", "_rest", "rejected", "unknown")

    def __init__(self) -> None:
        self._rest = b""
        self._in_junk = False
        self.unknown = 0
        self.rejected: list[str] = []

    def stream(self, data: bytes) -> list[Frame]:
        """The frames that are complete with this piece of a stream."""
        data = self._rest + data if self._rest else data
        frames: list[Frame] = []
        used = self._scan(data, frames)
        self._rest = data[used:]
        return frames

    def datagram(self, data: bytes) -> list[Frame]:
        """The same for a datagram. One that begins with a whole frame does not continue a frame that was cut off before it."""
        self._in_junk = self._in_junk and bool(self._rest)
        held_up = self._give_up() if self._rest and _whole(data) else []
        return held_up + self.stream(data)

    def _give_up(self) -> list[Frame]:
        """What waits is not the beginning of a frame; gives the good frames that waited behind it."""
        rest, self._rest = self._rest, b""
        frames: list[Frame] = []
        self._reject(TRUNCATED)
        while rest:
            rest = rest[1:]
            rest = rest[self._scan(rest, frames) :]
        return frames

    def take_rejected(self) -> list[str]:
        taken, self.rejected = self.rejected, []
        return taken

    def _reject(self, reason: str) -> None:
        if not self._in_junk:
            self.rejected.append(reason)
        self._in_junk = True

    def _scan(self, data: bytes, frames: list[Frame]) -> int:
        """Append the whole frames of `data`; gives where an unfinished one may begin."""
        at, end = 0, len(data)
        while at < end:
            size = _size(data, at)
            if size == 0:
                self._reject(NOT_MAVLINK)
                at = _next_mark(data, at + 1)
            elif size > end - at:
                break
            else:
                at += self._one(data, at, size, frames)
        return at

    def _one(self, data: bytes, at: int, size: int, frames: list[Frame]) -> int:
        """Check the frame of that size; gives how far to go on."""
        found = _check(data, at)
        if isinstance(found, Frame):
            frames.append(found)
            self._in_junk = False
            return size
        if found is None:
            self.unknown += 1
            return size
        self._reject(found)
        return 1


def _size(data: bytes, at: int) -> int:
    """Bytes of the frame that begins here, as far as is known yet; 0 when none does."""
    mark, left = data[at], len(data) - at
    if mark == V2:
        if left < 3:
            return _V2_HEADER + _CHECKSUM
        return _V2_HEADER + data[at + 1] + _CHECKSUM + (_SIGNATURE if data[at + 2] & _SIGNED else 0)
    if mark == V1:
        return _V1_HEADER + _CHECKSUM + (data[at + 1] if left > 1 else 0)
    return 0


def _next_mark(data: bytes, at: int) -> int:
    two, one = data.find(V2, at), data.find(V1, at)
    marks = [mark for mark in (two, one) if mark >= 0]
    return min(marks) if marks else len(data)


def _check(data: bytes, at: int) -> Frame | str | None:
    """The frame here; or why it is none; or None when its message is not in the dialect, so that it cannot be checked."""
    length = data[at + 1]
    if data[at] == V2:
        if data[at + 2] & ~_SIGNED:
            return BAD_FLAGS
        body, system_id, component_id = at + _V2_HEADER, data[at + 5], data[at + 6]
        number = data[at + 7] | data[at + 8] << 8 | data[at + 9] << 16
        whole = body + length + _CHECKSUM + (_SIGNATURE if data[at + 2] & _SIGNED else 0)
    else:
        body, system_id, component_id, number = at + _V1_HEADER, data[at + 3], data[at + 4], data[at + 5]
        whole = body + length + _CHECKSUM
    known = _DIALECT.get(number)
    if known is None:
        return None
    extra, size = known
    told = data[body + length] | data[body + length + 1] << 8
    if mcrf4xx(data[at + 1 : body + length] + extra) != told:
        return BAD_CHECKSUM
    return Frame(system_id, component_id, number, data[body : body + length].ljust(size, b"\0")[:size], data[at:whole])


def _whole(data: bytes) -> bool:
    """Whether a good frame begins with the first byte."""
    size = _size(data, 0) if data else 0
    return 0 < size <= len(data) and isinstance(_check(data, 0), Frame)


_decoder = mavlink.MAVLink(None)


def decode(frame: Frame) -> Any:
    """The message of a frame, as the dialect's own class.

    Raises:
        MalformedPacket: when its fields cannot be read, checksum or not.
    """
    try:
        return _decoder.decode(bytearray(frame.raw))
    except mavlink.MAVError as error:
        raise MalformedPacket(f"message {frame.message_id} cannot be read ({error})", remedy="look at what sends it") from error


class Packer:
    """Frames to one address: its own sequence counter, as receivers count losses by it."""

    __slots__ = ("_mav",)

    def __init__(self, system_id: int, component_id: int) -> None:
        self._mav = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=component_id)

    def pack(self, message: Any, secret: bytes | None = None, timestamp: int = 0, link_id: int = 0) -> bytes:
        """The bytes to send; with a secret, signed (`mavlink_signing`)."""
        signing = self._mav.signing
        signing.sign_outgoing = secret is not None
        if secret is not None:
            signing.secret_key, signing.timestamp, signing.link_id = secret, timestamp, link_id
        packet: bytes = message.pack(self._mav)
        self._mav.seq = (self._mav.seq + 1) % 256
        return packet
