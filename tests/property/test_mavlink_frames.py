"""The frames of a link, however they are cut, damaged or mixed with other things."""

import contextlib
import itertools
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import assume, example, given
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.property.mavlink_packets import NUMBERS, crafted

from bowstreet.errors import MalformedPacket
from bowstreet.flight.mavlink_frames import BAD_CHECKSUM, BAD_FLAGS, NOT_MAVLINK, TRUNCATED, V1, V2, Packer, Splitter, decode
from bowstreet.flight.mavlink_state import DockState, VehicleState
from bowstreet.flight.mavlink_talk import Conversation
from bowstreet.runtime.clock import SimulatedClock

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REASONS = {NOT_MAVLINK, BAD_CHECKSUM, BAD_FLAGS, TRUNCATED}
# Bytes of which frames are made come often: plain random ones hardly ever begin like a frame.
JUNK = st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from([V1, V2, 0, 1, 9, 255]), max_size=40).map(bytes),
    st.binary(max_size=300).map(lambda tail: bytes([V2]) + tail),
)


@st.composite
def packets(draw: st.DrawFn) -> list[bytes]:
    packer = Packer(draw(st.integers(1, 255)), draw(st.integers(0, 255)))
    made: list[Any] = draw(
        st.lists(
            st.one_of(
                st.builds(
                    mavlink.MAVLink_heartbeat_message, st.integers(0, 30), st.integers(0, 20), st.integers(0, 255),
                    st.integers(0, 2**32 - 1), st.integers(0, 8), st.just(3),
                ),
                st.builds(
                    mavlink.MAVLink_global_position_int_message, st.integers(0, 2**32 - 1), *[st.integers(-(2**31), 2**31 - 1)] * 4,
                    *[st.integers(-(2**15), 2**15 - 1)] * 3, st.integers(0, 65_535),
                ),
                st.builds(mavlink.MAVLink_command_ack_message, st.integers(0, 65_535), st.integers(0, 10)),
                st.builds(mavlink.MAVLink_statustext_message, st.integers(0, 7), st.binary(max_size=50)),
            ),
            min_size=1,
            max_size=8,
        )
    )  # fmt: skip
    return [packer.pack(message) for message in made]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(marks)]


@given(packets(), st.lists(st.integers(0, 5_000), max_size=12))
def test_a_stream_may_be_cut_anywhere(sent: list[bytes], cuts: list[int]) -> None:
    splitter = Splitter()
    found = [frame.raw for piece in pieces(b"".join(sent), cuts) for frame in splitter.stream(piece)]
    assert found == sent
    assert splitter.take_rejected() == []


@given(packets())
def test_what_is_read_is_what_was_said(sent: list[bytes]) -> None:
    reader = mavlink.MAVLink(None)
    theirs = [message.to_dict() for packet in sent for message in reader.parse_buffer(packet)]
    ours = [decode(frame).to_dict() for packet in sent for frame in Splitter().datagram(packet)]
    assert ours == theirs


@given(packets(), st.binary(max_size=60).map(lambda junk: bytes(byte for byte in junk if byte not in (V1, V2))))
def test_junk_before_and_after_costs_no_frame(sent: list[bytes], junk: bytes) -> None:
    splitter = Splitter()
    found = [frame.raw for packet in sent for frame in splitter.datagram(junk + packet)]
    assert found == sent
    assert splitter.take_rejected() == [NOT_MAVLINK] * (len(sent) if junk else 0)


@given(packets(), st.integers(0, 10_000), st.integers(1, 255))
def test_one_damaged_byte_costs_its_own_frame_alone(sent: list[bytes], where: int, flip: int) -> None:
    number = where % len(sent)
    bent = bytearray(sent[number])
    bent[where % len(bent)] ^= flip
    splitter = Splitter()
    packets_in = [*sent[:number], bytes(bent), *sent[number + 1 :]]
    found = [frame.raw for packet in packets_in for frame in splitter.datagram(packet)]
    assert found == sent[:number] + sent[number + 1 :]


@given(packets(), st.integers(1, 10_000))
def test_a_datagram_that_was_cut_off_does_not_take_the_next_one_along(sent: list[bytes], where: int) -> None:
    first = sent[0]
    splitter = Splitter()
    assert splitter.datagram(first[: where % len(first)]) == []
    found = [frame.raw for packet in sent for frame in splitter.datagram(packet)]
    assert found == sent
    assert set(splitter.take_rejected()) <= {TRUNCATED}


@given(st.binary(max_size=600), st.lists(st.integers(0, 600), max_size=6))
def test_any_bytes_cut_anywhere_give_the_same(data: bytes, cuts: list[int]) -> None:
    whole, cut = Splitter(), Splitter()
    assert [frame for piece in pieces(data, cuts) for frame in cut.stream(piece)] == whole.stream(data)


def test_a_wrong_checksum_and_a_signed_frame() -> None:
    packer = Packer(1, 1)
    good = packer.pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3))
    splitter = Splitter()
    assert splitter.datagram(good[:-1] + bytes([good[-1] ^ 1])) == []
    assert splitter.take_rejected() == [BAD_CHECKSUM]
    signer = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    signer.signing.secret_key, signer.signing.sign_outgoing, signer.signing.timestamp = bytes(32), True, 1
    signed = mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3).pack(signer)
    assert [frame.raw for frame in splitter.datagram(signed)] == [signed]


@given(packets(), st.lists(JUNK, max_size=8))
@example([Packer(1, 1).pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3))], [b"\xfd\xff\x00" + b"\x00" * 7])
def test_no_junk_takes_a_datagram_that_is_good(sent: list[bytes], junk: list[bytes]) -> None:
    splitter = Splitter()
    for packet, before in itertools.zip_longest(sent, junk):
        if before is not None:
            splitter.datagram(before)
        if packet is not None:
            assert [frame.raw for frame in splitter.datagram(packet)] == [packet]


@given(packets(), st.lists(JUNK, min_size=1, max_size=8))
def test_what_is_not_used_is_counted_with_a_reason(sent: list[bytes], junk: list[bytes]) -> None:
    splitter, reasons, found = Splitter(), [], 0
    datagrams = [*junk, *sent]
    for datagram in datagrams:
        found += sum(len(frame.raw) for frame in splitter.datagram(datagram))
        reasons += splitter.take_rejected()
    lost = sum(map(len, datagrams)) - found
    assert lost == 0 or reasons or splitter.unknown
    assert set(reasons) <= REASONS
    # A flood is not counted byte for byte.
    assert len(reasons) <= len(junk) + len(sent)


@given(packets(), st.integers(2, 255))
def test_unsupported_flags(sent: list[bytes], flags: int) -> None:
    """A flag of which nobody knows the meaning may change what the rest of the frame means."""
    strange = crafted(0, bytes(9), flags=flags & ~1)
    # A mark inside it begins what may pass for a message that is not known: see the module for what that costs.
    assume(not {V1, V2} & set(strange[1:]))
    splitter = Splitter()
    assert [frame.raw for frame in splitter.datagram(strange + sent[0])] == sent[:1]
    assert splitter.take_rejected() == [BAD_FLAGS]


@given(packets(), st.sampled_from([0, 24, 33, 77]))
def test_what_half_a_frame_holds_up_comes_with_the_next_datagram(sent: list[bytes], number: int) -> None:
    splitter = Splitter()
    half = crafted(number, bytes(255))[:10]
    found = splitter.datagram(half + sent[0]) + splitter.datagram(sent[-1])
    assert [frame.raw for frame in found] == [sent[0], sent[-1]]
    assert splitter.take_rejected() == [TRUNCATED]


@given(packets(), st.integers(0, 2**24 - 1).filter(lambda number: number not in mavlink.mavlink_map), st.binary(max_size=255))
def test_a_message_that_is_not_known_is_passed_over(sent: list[bytes], number: int, payload: bytes) -> None:
    splitter = Splitter()
    assert [frame.raw for frame in splitter.datagram(crafted(number, payload) + sent[0])] == sent[:1]
    assert (splitter.unknown, splitter.take_rejected()) == (1, [])


@given(
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6), st.integers(1, 255), st.lists(st.integers(0, 5_000), max_size=6)
)
def test_version_one(modes: list[int], system_id: int, cuts: list[int]) -> None:
    sender = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=1)
    messages = [mavlink.MAVLink_heartbeat_message(2, 3, 0, mode, 4, 3) for mode in modes]
    sent = [bytes(message.pack(sender, force_mavlink1=True)) for message in messages]
    assert all(packet[0] == V1 for packet in sent)
    splitter = Splitter()
    found = [frame for piece in pieces(b"".join(sent), cuts) for frame in splitter.stream(piece)]
    assert [frame.raw for frame in found] == sent
    assert [decode(frame).custom_mode for frame in found] == modes
    assert {frame.system_id for frame in found} == {system_id}


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=6), st.lists(st.integers(0, 5_000), max_size=6))
def test_signed_frames_are_read_as_others_are(texts: list[bytes], cuts: list[int]) -> None:
    signer = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    signer.signing.secret_key, signer.signing.sign_outgoing, signer.signing.timestamp = bytes(32), True, 1
    sent = [bytes(mavlink.MAVLink_statustext_message(4, text).pack(signer)) for text in texts]
    splitter = Splitter()
    found = [frame.raw for piece in pieces(b"".join(sent), cuts) for frame in splitter.stream(piece)]
    assert found == sent
    assert splitter.take_rejected() == []


def test_the_largest_datagram() -> None:
    packer = Packer(1, 1)
    sent = [packer.pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, number, 4, 3)) for number in range(3_000)]
    whole = b"".join(sent)[:65_507]
    splitter = Splitter()
    found = [frame.raw for frame in splitter.datagram(whole)]
    assert found == [packet for packet, end in zip(sent, itertools.accumulate(map(len, sent)), strict=True) if end <= len(whole)]


@given(st.sampled_from(NUMBERS), st.binary(max_size=255))
def test_a_right_checksum_does_not_make_a_payload_good(number: int, payload: bytes) -> None:
    """Longer or shorter than its message, or with fields that cannot be: read, or refused in the one way."""
    (frame,) = Splitter().datagram(crafted(number, payload))
    vehicle, dock = VehicleState("it"), DockState("it", 3)
    for state in (vehicle, dock):
        talk = Conversation(SimulatedClock(AT), 1, state, lambda message: None)
        with contextlib.suppress(MalformedPacket):
            state.take(frame, 0.0)
            talk.hear(frame)
    vehicle.telemetry(AT, 1.0)
    dock.report()


@pytest.mark.parametrize("size", [0, 1, 8, 9, 10, 255])
def test_a_heartbeat_of_any_length(size: int) -> None:
    """Zeros at the end are left out, and newer dialects append fields."""
    (frame,) = Splitter().datagram(crafted(0, bytes([7]) * size))
    assert len(frame.payload) == 9
    assert frame.payload == (bytes([7]) * size).ljust(9, b"\0")[:9]
