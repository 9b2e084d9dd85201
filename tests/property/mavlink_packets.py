"""MAVLink packets that no library would make: any payload, any flag, any number, with the checksum that makes them look right."""

from fastcrc.crc16 import mcrf4xx
from pymavlink.dialects.v20 import ardupilotmega as mavlink

NUMBERS = sorted(mavlink.mavlink_map)


def crafted(
    number: int, payload: bytes, *, system_id: int = 1, component_id: int = 1, flags: int = 0, sequence: int = 0
) -> bytes:
    """A MAVLink 2 packet with a right checksum; of a message that the dialect does not have, with that of its bytes alone."""
    body = bytes([len(payload), flags, 0, sequence, system_id, component_id, *number.to_bytes(3, "little")]) + payload
    known = mavlink.mavlink_map.get(number)
    extra = b"" if known is None else bytes([known.crc_extra])
    return b"\xfd" + body + mcrf4xx(body + extra).to_bytes(2, "little")
