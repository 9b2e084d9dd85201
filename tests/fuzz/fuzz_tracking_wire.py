"""Orders to and findings from a stream's analyst: whatever the bytes, a value that can be written again, or a clear error."""

from collections.abc import Callable

from bowstreet.errors import MalformedPacket
from bowstreet.tracking import wire

SEEDS = [
    wire.written(wire.Click(follow_id="fol-1", x=0.5, y=0.25, sequence=17)),
    wire.written(wire.Setup(ground_m_amsl=30.0, tiles=2)),
    wire.written(wire.Choose(follow_id="fol-1", track_id=3)),
]


def fuzz_one(data: bytes) -> None:
    readers: tuple[Callable[[bytes], wire.AnyOrder | wire.Findings], ...] = (wire.read_order, wire.read_findings)
    for read in readers:
        try:
            value = read(data)
        except MalformedPacket as error:
            if not (error.message and error.remedy):
                raise AssertionError("an error that does not say what to do") from error
            continue
        read(wire.written(value))
