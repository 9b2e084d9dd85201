"""Between the program and a camera's worker, bytes in and values out; no IO.

A worker looks at bytes from outside and may have been taken over by them: what it says is checked like any other input.
"""

from typing import Any

import msgspec

from bowstreet.errors import MalformedPacket
from bowstreet.recognition.cameras.model import Lease, Report, Seen, Setup

MOST_REPORT_BYTES = 2 * 1024 * 1024
MOST_SEEN, MOST_LOOKS, MOST_ID = 50, 20, 64
JPEG = b"\xff\xd8\xff"
_reports: Any = msgspec.msgpack.Decoder(Report)
_leases: Any = msgspec.msgpack.Decoder(Lease)


def written(message: Report | Lease) -> bytes:
    return msgspec.msgpack.encode(message)


def read_lease(data: bytes) -> Lease:
    """In the worker, from the program."""
    lease: Lease = _leases.decode(data)
    return lease


def setup_text(setup: Setup) -> str:
    return msgspec.json.encode(setup).decode()


def read_setup(text: str) -> Setup:
    return msgspec.json.decode(text, type=Setup)


def read_report(data: bytes) -> Report:
    """In the program, from a worker. Raises `MalformedPacket`."""
    if len(data) > MOST_REPORT_BYTES:
        raise MalformedPacket(f"a camera's worker sent {len(data)} bytes at once", remedy="it is started again")
    try:
        report: Report = _reports.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedPacket("a camera's worker sent what is no report", remedy="it is started again") from error
    if not (0 <= report.new_faces <= 500 and 0 <= report.refused <= 1) or len(report.seen) > MOST_SEEN:
        raise MalformedPacket("a camera's worker counts more than there can be", remedy="it is started again")
    if not all(_is_sound(one) for one in report.seen) or (report.view and not report.view.startswith(JPEG)):
        raise MalformedPacket("a camera's worker sent a sighting that is none", remedy="it is started again")
    return report


def _is_sound(one: Seen) -> bool:
    return (
        0 < len(one.track_id) <= MOST_ID
        and 0 < len(one.looks) <= MOST_LOOKS
        and one.probe.startswith(JPEG)
        and all(
            0 < len(look.person_id) <= MOST_ID
            and -1.0 <= look.score <= 1.0
            and 0.0 <= look.quality <= 1.0
            and 0 < look.at_us < 1 << 53
            for look in one.looks
        )
    )
