"""The frames of a link, however they are cut, damaged or mixed with other things."""

import itertools
from typing import Any

import hypothesis.strategies as st
from hypothesis import given
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.mavlink_frames import BAD_CHECKSUM, NOT_MAVLINK, TRUNCATED, V1, V2, Packer, Splitter, decode


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
