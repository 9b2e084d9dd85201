"""Bytes from a signed link: nothing is believed that the vehicle's key did not sign, and nothing twice."""

from datetime import UTC, datetime

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.accountability.vehicle_keys.model import SigningKey, SigningKeys
from bowstreet.flight.mavlink_frames import Packer, Splitter
from bowstreet.flight.mavlink_signing import Seal, ticks

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SECRET = bytes(range(32))
FIRST = ticks(NOW)
PACKER = Packer(7, 1)
SIGNED = [
    PACKER.pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3), SECRET, FIRST + 1),
    PACKER.pack(mavlink.MAVLink_command_ack_message(400, 0), SECRET, FIRST + 2, 4),
    PACKER.pack(mavlink.MAVLink_statustext_message(4, b"PreArm: check"), SECRET, FIRST - 7_000_000),
]
SEEDS = [*SIGNED, SIGNED[0] + SIGNED[1], SIGNED[0] * 2, PACKER.pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3))]


def fuzz_one(data: bytes) -> None:
    seal = Seal(SigningKeys(current=SigningKey("key", SECRET)), FIRST)
    believed: set[bytes] = set()
    for frame in Splitter().datagram(data):
        last = seal.last
        if seal.judge(frame, NOW).reason:
            assert seal.last == last, "a refused packet moved the clock"
            continue
        seal.note(frame)
        assert frame.raw in SIGNED, "believed what the key did not sign"
        assert frame.raw not in believed, "believed twice"
        believed.add(frame.raw)
