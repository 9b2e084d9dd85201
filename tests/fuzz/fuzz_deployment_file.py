"""A deployment's document: whatever the bytes, one whose values are finite and whose parts fit, or a clear error."""

import math
from pathlib import Path

from bowstreet.errors import MalformedConfiguration
from bowstreet.recognition.deployment_file import parse_deployment

EXAMPLE = (Path(__file__).parents[2] / "docs/recognition.md").read_bytes().partition(b"```toml\nuse_case")[2].partition(b"```")[0]
WHOLE = b"use_case" + EXAMPLE
SEEDS = [
    WHOLE, WHOLE.replace(b"0.6\n", b"nan\n"), WHOLE.replace(b"-0.1045", b"inf"), b"\xef\xbb\xbf" + WHOLE,
    b'{"use_case": "find-people-wanted", "zone": [[51.5, -0.1], [51.6, -0.1], [51.5, -0.2]], "cameras": [], "signs": []}',
]  # fmt: skip


def fuzz_one(data: bytes) -> None:
    try:
        told = parse_deployment(data, "fuzz.toml")
    except MalformedConfiguration as error:
        if not (error.message.startswith("fuzz.toml ") and error.remedy):
            raise AssertionError("an error that does not say where or what to do") from error
        return
    if told.ends_at <= told.starts_at or told.people.operator == told.people.authorising_officer:
        raise AssertionError("a window or two persons that are none")
    places = [told.threshold, *(number for corner in told.zone for number in corner)]
    places += [number for one in told.cameras for number in (one.latitude_deg, one.longitude_deg)]
    if not all(map(math.isfinite, places)):
        raise AssertionError("a number that is none")
    if any(set(sign.cameras) - {one.camera_id for one in told.cameras} for sign in told.signs):
        raise AssertionError("a sign before no camera")
    if not told.plans(told.plan()):
        raise AssertionError("a plan that is not its own")
