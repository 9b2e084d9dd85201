"""What an operator's OFIQ writes: whatever the bytes, a score from 0 to 100 or none for each image, or one clear error."""

from bowstreet.errors import MeasureUnavailable
from bowstreet.recognition.ofiq.table import parse_table

NAMES = ["/dev/fd/7", "/dev/fd/8"]
_HEADER = b"Filename;UnifiedQualityScore;HeadPoseYaw;UnifiedQualityScore.scalar;HeadPoseYaw.scalar;\n"
SEEDS = [
    _HEADER + b"/dev/fd/7;24.178;-3.5;61;99\n/dev/fd/8;0;0;-1;-1\n", _HEADER + b"/dev/fd/7;24.178;-3.5;61;99\n/dev/fd/8;;\n",
    b"Filename;\n/dev/fd/7;;\n/dev/fd/8;24.178;-3.5;61;99\n", _HEADER.replace(b"\n", b"\r\n") + b"/dev/fd/7;nan;inf;0;100\r\n/dev/fd/8;;\r\n",
]  # fmt: skip


def fuzz_one(data: bytes) -> None:
    try:
        found = parse_table(data, NAMES)
    except MeasureUnavailable as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    if len(found) != len(NAMES):
        raise AssertionError("not one for each image")
    for said in found:
        for value in () if said is None else (said.unified, *said.components.values()):
            if value is not None and not 0.0 <= value <= 100.0:
                raise AssertionError("a score that is none")
