"""Whatever bytes come, the parsers of video give a value or the error that says so; what was written is read back."""

import io
import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.errors import BowstreetError, MalformedConfiguration, MalformedPacket, MalformedProof
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.video import footage, klv, nal, pipe
from bowstreet.video.address import parse_address, shown
from bowstreet.video.model import AccessUnit, Codec, Ended, Fragment, FromWorker, Header, Metadata, Trouble

messages: st.SearchStrategy[FromWorker] = st.one_of(
    st.builds(
        AccessUnit, sequence=st.integers(0, 2**40), pts_us=st.integers(0, 2**50), received_us=st.integers(0, 2**52),
        keyframe=st.booleans(), data=st.binary(max_size=200), captured_us=st.integers(0, 2**52),
    ),
    st.builds(Header, data=st.binary(max_size=100)),
    st.builds(
        Fragment, sequence=st.integers(0, 2**40), pts_us=st.integers(0, 2**50), captured_us=st.integers(0, 2**52),
        keyframe=st.booleans(), data=st.binary(max_size=200),
    ),
    st.builds(Metadata, pts_us=st.integers(0, 2**50), received_us=st.integers(0, 2**52), data=st.binary(max_size=50)),
    st.builds(Trouble, code=st.text(max_size=20), text=st.text(max_size=50), count=st.integers(0, 2**31)),
    st.just(Ended()),
)  # fmt: skip


@given(st.lists(messages, max_size=6), st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_what_a_worker_says_is_read_back_however_it_is_cut(said: list[FromWorker], cuts: list[int]) -> None:
    data = b"".join(pipe.framed(message) for message in said)
    unframer, found, at, number = pipe.Unframer(), [], 0, 0
    while at < len(data):
        step = cuts[number % len(cuts)]
        found += unframer.feed(data[at : at + step])
        at, number = at + step, number + 1
    assert found == said


@given(st.binary(max_size=300))
def test_a_worker_that_was_taken_over_is_found_out_or_waited_for(data: bytes) -> None:
    try:
        list(pipe.Unframer().feed(data))
    except MalformedPacket:
        return


def test_a_worker_cannot_make_the_program_hold_much() -> None:
    with pytest.raises(MalformedPacket):
        list(pipe.Unframer().feed(struct.pack(">I", pipe.MOST_BYTES + 1)))


@given(st.text(max_size=200))
def test_an_address_is_understood_or_refused(text: str) -> None:
    try:
        found = parse_address(text)
    except MalformedConfiguration:
        return
    assert found.options["protocol_whitelist"]


@pytest.mark.parametrize(
    "text",
    [
        "http://10.0.0.1/playlist.m3u8", "concat:/etc/passwd", "file:", "udp://10.0.0.1", "rtsp://", "gopher://x:1", "data:x",
        "subfile:/x", "sdp:/etc/passwd", "file://host/etc/passwd", "rtp://:5004", "udp://10.0.0.1:99999", "rtsp://a b/x", "x" * 2_000,
    ],
)  # fmt: skip
def test_what_is_no_source_of_video_is_refused(text: str) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        parse_address(text)
    assert "rtsp://" in caught.value.remedy


def test_a_password_is_not_shown() -> None:
    assert "secret" not in shown("rtsp://admin:secret@10.0.0.1/live")


units = st.lists(
    st.binary(min_size=1, max_size=40).map(lambda body: bytes([body[0] | 1]) + body.replace(b"\x00", b"\x01")), max_size=8
)


@given(units)
def test_units_are_told_apart(bodies: list[bytes]) -> None:
    assert list(nal.units(b"".join(nal.START + body for body in bodies))) == bodies


@given(st.sampled_from(Codec), st.binary(max_size=300))
def test_any_bytes_can_be_looked_through(codec: Codec, data: bytes) -> None:
    nal.refreshes(codec, data)
    assert nal.media_type(codec, nal.headers(codec, data)).startswith("video/mp4")


@given(st.binary(max_size=300))
def test_metadata_is_a_local_set_or_refused(data: bytes) -> None:
    try:
        klv.read(data)
    except MalformedPacket:
        return


@given(
    st.integers(klv.EARLIEST_US, 4_000_000_000_000_000), st.floats(-89, 89), st.floats(-179, 179), st.floats(-400, 9_000),
    st.floats(0, 359.9), st.floats(-90, 30), st.floats(2, 160),
)  # fmt: skip
def test_a_pose_is_read_back(
    at_us: int, latitude: float, longitude: float, altitude: float, heading: float, tilt: float, view: float
) -> None:
    pose = CameraPose(
        position=Position(latitude_deg=latitude, longitude_deg=longitude), altitude_m_amsl=altitude, heading_deg=heading,
        tilt_deg=tilt, horizontal_fov_deg=view,
    )  # fmt: skip
    read = klv.read(klv.written(at_us, pose))
    assert read.captured_us == at_us
    assert read.pose is not None
    assert read.pose.position.latitude_deg == pytest.approx(latitude, abs=1e-6)
    assert read.pose.altitude_m_amsl == pytest.approx(altitude, abs=0.5)
    assert read.pose.tilt_deg == pytest.approx(tilt, abs=0.01)
    assert read.pose.horizontal_fov_deg == pytest.approx(view, abs=0.01)


@given(st.integers(0, 500), st.integers(1, 255))
def test_a_changed_local_set_is_refused_or_says_the_same(at: int, flip: int) -> None:
    pose = CameraPose(
        position=Position(latitude_deg=51.5, longitude_deg=-0.1), altitude_m_amsl=100.0, heading_deg=10.0, tilt_deg=-40.0,
        horizontal_fov_deg=60.0,
    )  # fmt: skip
    whole = klv.written(klv.EARLIEST_US, pose)
    at %= len(whole)
    with pytest.raises(BowstreetError):
        klv.read(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])


@given(st.binary(max_size=400))
def test_any_file_is_footage_or_refused(data: bytes) -> None:
    try:
        list(footage.read(io.BytesIO(footage.MAGIC + data), "rec-1", AESGCM(bytes(32))))
    except MalformedProof:
        return
