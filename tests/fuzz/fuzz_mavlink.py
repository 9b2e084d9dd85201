"""Bytes from a link: whatever comes, good frames are found, and what they say is read or refused."""

import contextlib
from datetime import UTC, datetime

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import MalformedPacket
from bowstreet.flight.mavlink_frames import Packer, Splitter, decode
from bowstreet.flight.mavlink_state import DockState, VehicleState
from bowstreet.flight.mavlink_talk import Conversation
from bowstreet.runtime.clock import SimulatedClock
from tests.property.mavlink_packets import NUMBERS, crafted

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PACKER = Packer(7, 1)
GOOD = PACKER.pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3))
SEEDS = [
    GOOD,
    PACKER.pack(mavlink.MAVLink_global_position_int_message(1, 515_000_000, -1_000_000, 30_000, 0, 0, 0, 0, 9_000)),
    PACKER.pack(mavlink.MAVLink_command_ack_message(400, 0)) + GOOD,
    PACKER.pack(mavlink.MAVLink_sys_status_message(0, 0, 0, 0, 12_000, -1, 80, 0, 0, 0, 0, 0, 0)),
    PACKER.pack(mavlink.MAVLink_statustext_message(4, b"PreArm: check")),
    GOOD[:9],
]


def fuzz_one(data: bytes) -> None:
    whole, cut = Splitter(), Splitter()
    frames = whole.stream(data)
    middle = len(data) // 2
    assert cut.stream(data[:middle]) + cut.stream(data[middle:]) == frames
    # Behind a checksum no fuzzer comes by itself: the same bytes once more as a message's number and payload.
    frames += Splitter().datagram(crafted(NUMBERS[int.from_bytes(data[:2], "little") % len(NUMBERS)], data[2:257]))
    vehicle, dock = VehicleState("fuzzed"), DockState("fuzzed", 2)
    for frame in frames:
        with contextlib.suppress(MalformedPacket):
            decode(frame)
        for state in (vehicle, dock):
            with contextlib.suppress(MalformedPacket):
                state.take(frame, 0.0)
                Conversation(SimulatedClock(AT), 1, state, lambda message: None).hear(frame)
    vehicle.telemetry(AT, 1.0)
    dock.report()
    after = Splitter()
    after.datagram(data)
    assert GOOD in [frame.raw for frame in after.datagram(GOOD)], "a good datagram was lost behind a bad one"
