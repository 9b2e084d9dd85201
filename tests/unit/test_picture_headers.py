"""What a picture is and how large, before it is decoded; and what is decoded of it."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.recognition.evaluation.examiner.decode import ENOUGH_PX, Picture, decode
from bowstreet.recognition.evaluation.examiner.header import read_header
from bowstreet.recognition.evaluation.examiner.model import Reason


def coded(ending: str, width: int, height: int) -> bytes:
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    done, data = cv2.imencode(ending, picture)
    assert done
    return bytes(data)


@given(ending=st.sampled_from([".jpg", ".png", ".webp", ".bmp", ".ppm"]), width=st.integers(1, 90), height=st.integers(1, 90))
def test_the_size_is_what_opencv_wrote(ending: str, width: int, height: int) -> None:
    header = read_header(coded(ending, width, height))
    assert header is not None
    assert (header.width_px, header.height_px) == (width, height)


def oriented(data: bytes, orientation: int) -> bytes:
    """The same JPEG with an EXIF segment that says how it is to be turned."""
    tiff = b"MM\x00*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def test_a_picture_is_turned_upright_as_its_exif_says() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, :20] = 255  # white at the left
    data = bytes(cv2.imencode(".jpg", picture)[1])
    found = decode(oriented(data, 6))  # to be turned clockwise: white at the top
    assert isinstance(found, Picture)
    assert found.pixels.shape == (80, 40, 3)
    assert found.pixels[:15].mean() > 240 > 20 > found.pixels[30:].mean()


def test_a_large_jpeg_is_made_smaller_while_it_is_decoded() -> None:
    data = coded(".jpg", 4_500, 3_000)
    found = decode(data)
    assert isinstance(found, Picture)
    assert found.reduced == 4
    assert max(found.pixels.shape) >= ENOUGH_PX
    turned = decode(oriented(data, 6))
    assert isinstance(turned, Picture)
    assert turned.pixels.shape[:2] == found.pixels.shape[1::-1]


def png_that_says(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + coded(".png", 8, 8)[33:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.UNSUPPORTED), (b"GIF89a" + b"x" * 40, Reason.UNSUPPORTED), (b"\xff\xd8\xff\xe0", Reason.UNSUPPORTED),
        (b"<svg/>", Reason.UNSUPPORTED), (b"%PDF-1.7", Reason.UNSUPPORTED),
        (png_that_says(60_000, 60_000), Reason.TOO_LARGE), (png_that_says(30_001, 1), Reason.TOO_LARGE),
        (png_that_says(10_000, 10_000), Reason.TOO_LARGE), (png_that_says(0, 5), Reason.UNSUPPORTED),
        (b"P6 9999999 9999999 255\n", Reason.TOO_LARGE), (b"P6 5 5 255\n", Reason.DAMAGED),
    ],
)  # fmt: skip
def test_what_is_no_picture_has_a_reason(data: bytes, reason: Reason) -> None:
    assert decode(data) is reason


@pytest.mark.parametrize("ending", [".png", ".webp", ".bmp"])
def test_half_a_picture_is_none(ending: str) -> None:
    data = coded(ending, 300, 200)
    found = decode(data[: len(data) // 2])
    # A decoder may give what it has: then it has the size that was announced.
    assert found is Reason.DAMAGED or (isinstance(found, Picture) and found.pixels.shape == (200, 300, 3))


@pytest.mark.parametrize("shape", [(50, 60), (50, 60, 4)])
def test_grey_and_see_through_pictures_are_read(shape: tuple[int, ...]) -> None:
    found = decode(bytes(cv2.imencode(".png", np.full(shape, 90, np.uint8))[1]))
    assert isinstance(found, Picture)
    assert found.pixels.shape == (50, 60, 3)
    sixteen = decode(bytes(cv2.imencode(".png", np.full((50, 60), 30_000, np.uint16))[1]))
    assert isinstance(sixteen, Picture)
    assert sixteen.pixels.dtype == np.uint8
