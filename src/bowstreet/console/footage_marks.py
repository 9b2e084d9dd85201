"""What happened while something was recorded, laid on the recording's own time: the drone's way, and the moments to look at.

The drone's telemetry and the ledger tell the operation's time, pictures tell the camera's. What was recorded beside the pictures
joins the two, so that marks stand right whatever either clock says.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from bowstreet import messages as m
from bowstreet.accountability import ledger
from bowstreet.accountability.occurrence.evidence import first_at
from bowstreet.flight.model import Phase, Telemetry
from bowstreet.geo import EARTH_RADIUS_M
from bowstreet.runtime.ports import Store
from bowstreet.runtime.turns import in_turns
from bowstreet.video.playback import Beside, Reel
from bowstreet.video.recorder import Recording

# Two pictures further apart than this are a gap that is shown.
GAP_US = 1_000_000
# Flatter than this the camera looks at no place on the ground that could be told.
LEAST_DOWN_DEG, FARTHEST_M = 5.0, 1_500.0
# A flight arrives at most so long before its recording begins; and so many entries are looked through at most.
BEFORE, AFTER, MOST_ENTRIES = timedelta(minutes=1), timedelta(seconds=30), 200_000
MOST_MARKS = 500
_KINDS = {one.__name__ for one in (m.MissionChanged, m.CameraSteered, m.FollowChanged)}


class PathPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the drone was. `look` is the place on level ground in the middle of its picture; null when it looks too flat."""

    at_us: int
    lat: float
    lon: float
    heading_deg: float
    height_m: float
    tilt_deg: float
    look: tuple[float, float] | None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of a recording; `until_us` for what lasts."""

    at_us: int
    kind: str
    said: str
    until_us: int | None = None


def path_of(reel: Reel) -> list[PathPoint]:
    found = []
    for beside in reel.places:
        try:
            said = msgspec.json.decode(beside.data, type=Telemetry)
        except msgspec.DecodeError:
            continue
        found.append(
            PathPoint(
                at_us=beside.at_us, lat=round(said.position.latitude_deg, 7), lon=round(said.position.longitude_deg, 7),
                heading_deg=round(said.heading_deg, 1), height_m=round(said.height_m_above_dock, 1),
                tilt_deg=round(said.gimbal_pitch_deg, 1), look=_look(said),
            )
        )  # fmt: skip
    return found


def _look(said: Telemetry) -> tuple[float, float] | None:
    down_deg = -said.gimbal_pitch_deg
    if down_deg < LEAST_DOWN_DEG or said.height_m_above_dock <= 0:
        return None
    away_m = said.height_m_above_dock / math.tan(math.radians(min(down_deg, 90.0)))
    if away_m > FARTHEST_M:
        return None
    bearing, latitude = math.radians(said.heading_deg), math.radians(said.position.latitude_deg)
    north, east = away_m * math.cos(bearing) / EARTH_RADIUS_M, away_m * math.sin(bearing) / EARTH_RADIUS_M / math.cos(latitude)
    place = said.position
    return round(place.latitude_deg + math.degrees(north), 7), round(place.longitude_deg + math.degrees(east), 7)


def gaps_of(reel: Reel) -> Iterator[Mark]:
    """Where pictures are missing."""
    last_us: int | None = None
    for clip in reel.clips:
        for at_us in clip.at_us:
            if last_us is not None and at_us - last_us > GAP_US:
                yield Mark(at_us=last_us, until_us=at_us, kind="gap", said=f"no pictures for {(at_us - last_us) / 1e6:.1f} s")
            last_us = at_us


async def marks_of(store: Store, recording: Recording, reel: Reel, now: datetime) -> list[Mark]:
    """All moments of a recording, in order."""
    ended = recording.closed_at
    found = [Mark(at_us=0, kind="recording-began", said="recording began"), *gaps_of(reel)]
    if ended is not None:
        found.append(Mark(at_us=reel.lasts_us, kind="recording-ended", said=f"recording ended: {recording.why_closed}"))
    count = 0
    async for row in in_turns(store.log_rows(await first_at(store, recording.started_at - BEFORE))):
        entry = ledger.read_entry(row.entry)
        count += 1
        if entry.at > (ended or now) + AFTER or count > MOST_ENTRIES or len(found) >= MOST_MARKS:
            break
        if entry.kind not in _KINDS or row.payload is None:
            continue
        said = _said(ledger.message_of(row), recording.mission_id)
        if said is not None:
            at_us = min(max(0, on_time(reel.places, entry.at)), reel.lasts_us)
            found.append(Mark(at_us=at_us, kind=said[0], said=said[1]))
    return sorted(found, key=lambda one: one.at_us)


def _said(message: m.Message | None, mission_id: str) -> tuple[str, str] | None:
    if getattr(message, "mission_id", None) != mission_id:
        return None
    if isinstance(message, m.MissionChanged):
        if message.phase == Phase.ON_SCENE:
            return "arrived", "arrived over the scene"
        return ("left", "left the scene") if message.phase == Phase.RETURNING else None
    if isinstance(message, m.CameraSteered):
        return ("camera", f"camera {message.why}") if message.by else None
    if isinstance(message, m.FollowChanged):
        return (f"follow-{message.stage}", f"follow {message.stage}" + (f": {message.why}" if message.why else ""))
    return None


def on_time(places: Sequence[Beside], moment: datetime) -> int:
    """A moment of the operation on the recording's time, by what was recorded beside; 0 where nothing was."""
    if not places:
        return 0
    wanted = int(moment.timestamp() * 1e6)
    at = bisect_left(places, wanted, key=lambda one: one.captured_us)
    if at == 0 or at == len(places):
        near = places[min(at, len(places) - 1)]
        return near.at_us + wanted - near.captured_us
    before, after = places[at - 1], places[at]
    share = (wanted - before.captured_us) / max(1, after.captured_us - before.captured_us)
    return int(before.at_us + share * (after.at_us - before.at_us))
