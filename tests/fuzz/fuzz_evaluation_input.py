"""Pairs, groups, pictures' headers, and a worker's answers: whatever the bytes, values in their bounds, or a clear error."""

from collections.abc import Callable
from typing import Any

import msgspec

from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation.examiner.header import read_header
from bowstreet.recognition.evaluation.examiner.model import Examined, Ready
from bowstreet.recognition.evaluation.examiner.pipe import parse_answer
from bowstreet.recognition.evaluation.groups import parse_groups
from bowstreet.recognition.evaluation.pairs import parse_pairs

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"
_JPEG = b"\xff\xd8\xff\xe0\0\x04JF\xff\xc0\0\x11\x08\0\x10\0\x10\x03" + b"\0" * 12
_WEBP = b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x0f\0\0" + b"\0" * 8
SEEDS = [
    b"2\t1\nAnn\t1\t2\nAnn\t1\tBob\t3\nBob\t2\t3\nBob\t1\tAnn\t4\n",
    b"person,sex,tone\na,f,I\nb,m,II\n",
    _PNG, _JPEG, _WEBP, b"P6 16 16 255\n", b"BM" + b"\0" * 12 + b"\x28\0\0\0\x10\0\0\0\x10\0\0\0",
    *(msgspec.msgpack.encode(one) for one in (Examined(number=1, vector=b"x" * 512), Ready(loading_s=1.0))),
]  # fmt: skip
_PARSERS: tuple[Callable[[bytes], Any], ...] = (parse_pairs, parse_groups, parse_answer)


def fuzz_one(data: bytes) -> None:
    header = read_header(data)
    if header is not None and not (header.width_px > 0 and header.height_px > 0):
        raise AssertionError("a picture without a size")
    for parse in _PARSERS:
        try:
            found = parse(data)
        except BadInput as error:
            if not (error.message and error.remedy):
                raise AssertionError("an error that does not say what to do") from error
            continue
        if parse is parse_pairs:
            names = [name for pair in found for name, _ in (pair.first, pair.second)]
            if any("/" in name or name in ("", ".", "..") for name in names):
                raise AssertionError("a name that leads out of the folder")
