"""Signatures: what pymavlink signs is believed once, whatever is changed is not, and timestamps only go up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.accountability.vehicle_keys.model import SigningKey, SigningKeys
from bowstreet.flight.mavlink_frames import Frame, Packer, Splitter
from bowstreet.flight.mavlink_signing import (
    AHEAD,
    BAD_SIGNATURE,
    BEHIND,
    LAST_TICK,
    NEW_STREAM_TICKS,
    NO_KEY,
    NO_SIGNING,
    REPLAYED,
    TICKS_S,
    UNSIGNED,
    Seal,
    ticks,
)

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = ticks(NOW)
KEY, NEXT = SigningKey("key-1", bytes(range(32))), SigningKey("key-2", bytes(range(1, 33)))
SIGNING = SigningKeys(current=KEY)


def library(secret: bytes, timestamp: int, *, link_id: int = 3, component: int = 1) -> Any:
    """pymavlink's own signing, as a vehicle has it."""
    mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=component)
    mav.signing.secret_key, mav.signing.timestamp, mav.signing.link_id = secret, timestamp, link_id
    mav.signing.sign_outgoing = True
    return mav


def framed(packet: bytes) -> Frame:
    [frame] = Splitter().datagram(packet)
    return frame


def heartbeat(mav: Any) -> bytes:
    packet: bytes = mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3).pack(mav)
    return packet


def said(timestamp: int, secret: bytes = KEY.secret, **more: int) -> Frame:
    return framed(heartbeat(library(secret, timestamp, **more)))


def reason(seal: Seal, frame: Frame, now: datetime = NOW) -> str:
    """As the link does it."""
    verdict = seal.judge(frame, now)
    if not verdict.reason:
        seal.note(frame)
    return verdict.reason


def test_what_the_library_signs_is_believed_once() -> None:
    seal, frame = Seal(SIGNING, FIRST), said(FIRST + 1)
    assert reason(seal, frame) == ""
    assert reason(seal, frame) == REPLAYED
    assert reason(seal, said(FIRST)) == REPLAYED
    assert reason(seal, said(FIRST + 2)) == ""


@given(at=st.integers(min_value=0, max_value=20_000), flip=st.integers(min_value=1, max_value=255))
def test_whatever_byte_is_changed_it_is_not_believed(at: int, flip: int) -> None:
    packet = bytearray(heartbeat(library(KEY.secret, FIRST + 1)))
    packet[at % len(packet)] ^= flip
    seal = Seal(SIGNING, FIRST)
    for frame in Splitter().datagram(bytes(packet)):
        assert reason(seal, frame) in (BAD_SIGNATURE, UNSIGNED, NO_KEY)


@given(secret=st.binary(min_size=32, max_size=32).filter(lambda one: one != KEY.secret), timestamp=st.integers(0, LAST_TICK - 1))
def test_another_key_is_not_believed_and_moves_nothing(secret: bytes, timestamp: int) -> None:
    """pymavlink's own check takes the timestamp before it looks at the signature: one bad packet then shuts a vehicle out."""
    seal = Seal(SIGNING, FIRST)
    assert reason(seal, said(timestamp, secret)) == BAD_SIGNATURE
    assert seal.last == FIRST
    assert reason(seal, said(FIRST + 1)) == ""


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(-200, 200)),
            st.tuples(st.just("hear"), st.integers(-2 * NEW_STREAM_TICKS, 2 * NEW_STREAM_TICKS)),
        ),
        max_size=30,
    ),
    restart=st.integers(0, 30),
)
def test_no_timestamp_is_used_twice_or_believed_twice(steps: list[tuple[str, int]], restart: int) -> None:
    """Whatever the clock and the vehicle do, and over a restart that begins at what was reserved."""
    seal, now = Seal(SIGNING, FIRST), NOW
    used: list[int] = []
    believed: set[bytes] = set()
    for number, (step, amount) in enumerate(steps):
        if number == restart:
            seal = Seal(SIGNING, max(seal.last + 30 * TICKS_S, ticks(now)))
        if step == "send":
            now += timedelta(seconds=amount)
            signature = seal.signature(now)
            assert signature is not None
            used.append(signature.timestamp)
        elif FIRST + amount > 0:
            frame = said(FIRST + amount)
            if reason(seal, frame, now) == "":
                assert frame.raw not in believed
                believed.add(frame.raw)
    assert used == sorted(set(used))


def test_what_was_captured_before_a_restart_is_behind_after_it() -> None:
    before = Seal(SIGNING, FIRST)
    captured = said(FIRST + 5)
    assert reason(before, captured) == ""
    after = Seal(SIGNING, before.last + 30 * TICKS_S)
    verdict = after.judge(captured, NOW)
    assert (verdict.reason, verdict.key) == (BEHIND, KEY)


def test_a_stream_not_heard_before_may_be_a_minute_behind_and_no_more() -> None:
    seal = Seal(SIGNING, FIRST)
    seal.signature(NOW + timedelta(hours=1))
    late = seal.last - NEW_STREAM_TICKS
    assert reason(seal, said(late, component=100)) == BEHIND
    assert reason(seal, said(late + 1, component=100)) == ""


def test_nobody_uses_up_all_timestamps() -> None:
    seal = Seal(SIGNING, FIRST)
    assert reason(seal, said(LAST_TICK)) == AHEAD
    assert reason(seal, said(FIRST + 365 * 86_400 * TICKS_S)) == ""
    assert reason(seal, said(FIRST + 367 * 86_400 * TICKS_S)) == AHEAD


def test_what_we_sign_the_library_believes() -> None:
    seal, packer, vehicle = Seal(SIGNING, FIRST), Packer(255, 190), library(KEY.secret, FIRST)
    for _ in range(3):
        signature = seal.signature(NOW)
        assert signature is not None
        packet = packer.pack(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3), signature.secret, signature.timestamp)
        [heard] = vehicle.parse_buffer(packet)
        assert heard.get_type() == "HEARTBEAT"
    with pytest.raises(mavlink.MAVError, match="signature"):
        vehicle.parse_buffer(packet)


def test_old_and_new_are_believed_and_only_they() -> None:
    seal = Seal(SigningKeys(current=KEY, coming=NEXT), FIRST)
    assert seal.judge(said(FIRST + 1), NOW) == ("", KEY)
    assert seal.judge(said(FIRST + 1, NEXT.secret), NOW) == ("", NEXT)
    assert seal.judge(said(FIRST + 1, bytes(32)), NOW).reason == BAD_SIGNATURE
    signature = seal.signature(NOW)
    assert signature is not None
    assert signature.secret == KEY.secret


def test_without_a_signature() -> None:
    packet = framed(Packer(1, 1).pack(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3)))
    old = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    first_version = framed(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3).pack(old, force_mavlink1=True))
    for frame in (packet, first_version):
        assert Seal(SIGNING).judge(frame, NOW).reason == UNSIGNED
        assert Seal(NO_SIGNING).judge(frame, NOW).reason == ""
        assert Seal(SigningKeys(coming=KEY, unsigned=True)).judge(frame, NOW).reason == ""
        assert Seal(SigningKeys(coming=KEY)).judge(frame, NOW).reason == UNSIGNED
    assert Seal(SigningKeys()).mute
    assert Seal(SigningKeys()).judge(said(FIRST + 1), NOW).reason == NO_KEY
