"""A recording laid out: films with new heads, gaps between them, what was changed, and any stretch of octets."""

import io
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from tests.filmed_street import filmed, parts_of

from bowstreet.errors import MalformedPacket, MalformedProof
from bowstreet.video import boxes, footage, playback
from bowstreet.video.footage import FootageWriter, Part, PartKind
from bowstreet.video.model import Fragment, Header

KEY = AESGCM(bytes(32))
BEGAN = datetime(2026, 11, 28, 3, tzinfo=UTC)
NAME = "rec-1"
PERIOD_US = 80_000


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    """One film of 24 pictures, each 80 ms."""
    found = []
    for one in parts_of(list(filmed(2.0, width=160, height=90)), BEGAN):
        if isinstance(one, Header):
            found.append(Part(kind=PartKind.HEADER, pts_us=0, captured_us=0, data=one.data))
        elif isinstance(one, Fragment):
            found.append(Part(kind=PartKind.FRAGMENT, pts_us=one.pts_us, captured_us=one.captured_us, data=one.data))
    return found


def later(parts: list[Part], by_us: int) -> list[Part]:
    """The same film again, as after the camera was connected anew."""
    return [
        Part(kind=one.kind, pts_us=one.pts_us, captured_us=one.captured_us and one.captured_us + by_us, data=one.data)
        for one in parts
    ]


def kept(path: Path, parts: list[Part]) -> Path:
    path.unlink(missing_ok=True)
    writer = FootageWriter(path, NAME, KEY)
    for one in parts:
        writer.append(one)
    writer.close()
    return path


def test_a_new_head_begins_a_film_as_long_after_as_the_camera_says(tmp_path: Path, parts: list[Part]) -> None:
    reel = playback.laid_out(NAME, kept(tmp_path / "one", parts + later(parts, 10_000_000)), KEY)
    assert [len(clip.at_us) for clip in reel.clips] == [24, 24]
    assert [clip.begins_us for clip in reel.clips] == [0, 10_000_000]
    assert reel.clips[1].at_us[1] == 10_000_000 + PERIOD_US
    assert reel.lasts_us > 11_000_000
    assert reel.clips[1].keyframes == [0, 12]


@pytest.mark.parametrize("by_us", [-50_000_000, 0, 10**15])
def test_a_cameras_clock_that_jumps_neither_turns_time_back_nor_makes_years_of_it(
    tmp_path: Path, parts: list[Part], by_us: int
) -> None:
    reel = playback.laid_out(NAME, kept(tmp_path / "one", parts + later(parts, by_us)), KEY)
    first, second = reel.clips
    assert first.at_us[-1] < second.at_us[0] <= first.at_us[-1] + playback.MOST_GAP_US + PERIOD_US


def test_what_was_changed_ends_it_and_all_before_can_be_shown(tmp_path: Path, parts: list[Part]) -> None:
    path = kept(tmp_path / "one", parts)
    with path.open("rb") as file:
        tenth = list(footage.read(file, NAME, KEY))[10]
    data = bytearray(path.read_bytes())
    data[tenth.place + 40] ^= 1
    path.write_bytes(data)
    reel = playback.laid_out(NAME, path, KEY)
    assert reel.whole is False
    [clip] = reel.clips
    assert len(clip.at_us) == 9
    with av.open(io.BytesIO(b"".join(reel.octets(0, 0, clip.octets, KEY)))) as film:
        assert len(list(film.decode(video=0))) == 9


def test_a_part_that_is_changed_while_it_is_shown_is_not_shown(tmp_path: Path, parts: list[Part]) -> None:
    path = kept(tmp_path / "one", parts)
    reel = playback.laid_out(NAME, path, KEY)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(MalformedProof):
        list(reel.octets(0, 0, reel.clips[0].octets, KEY))


def test_a_film_that_is_none_ends_it(tmp_path: Path, parts: list[Part]) -> None:
    reel = playback.laid_out(
        NAME, kept(tmp_path / "one", [*parts, Part(kind=PartKind.HEADER, pts_us=0, captured_us=0, data=b"no film")]), KEY
    )
    assert (len(reel.clips), reel.whole) == (1, False)


@given(a=st.integers(0, 200_000), b=st.integers(0, 200_000))
def test_any_stretch_of_octets_is_that_of_the_film(
    tmp_path_factory: pytest.TempPathFactory, parts: list[Part], a: int, b: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "stretch"
    if not path.exists():
        kept(path, parts)
    reel = playback.laid_out(NAME, path, KEY)
    whole = b"".join(part.data for part in parts)
    start, stop = sorted((a % (len(whole) + 1), b % (len(whole) + 1)))
    assert b"".join(reel.octets(0, start, stop, KEY)) == whole[start:stop]


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x00\x00\x08moov", b"\x00\x00\x00\x00moof" * 3, b"\x00\x00\x00\x01moof" + b"\xff" * 8]
)
def test_what_is_no_film_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        boxes.film(data)
    with pytest.raises(MalformedPacket):
        boxes.shown(data)


def test_boxes_inside_boxes_without_end_are_not_followed() -> None:
    data = b""
    for _ in range(2_000):
        data = (len(data) + 8).to_bytes(4) + b"moov" + data
    with pytest.raises(MalformedPacket):
        boxes.film(data)
