"""How a flight is made coarse, and a release put together. Pure."""

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from bowstreet.accountability.disclosure.model import Facts, Flown, PublicCheckpoint, PublicFlight, ReleaseBody
from bowstreet.geo import Position, to_grid
from bowstreet.messages import (
    AccessDenied,
    AuthorisationChanged,
    CommandDecided,
    Erased,
    Message,
    MissionChanged,
)

# Fewer flights than this of one category in one borough and release are not told apart: the usual floor for published counts
# (ICO anonymisation guidance; NHS and ONS use 5 too).
LEAST = 5
GENERAL = "emergency call"
UNKNOWN = "not in the register"
# A square whose side is a kilometre holds some 6,000 people in London: a path through it is no path to a door.
SQUARE_M = 1_000.0
# A drone that is not heard for so long is not counted overhead meanwhile.
MOST_GAP = timedelta(seconds=10)
# A mission that was seen in one of these took off. After a crash the first may have been missed.
IN_THE_AIR = frozenset({"climbing", "outbound", "on-scene", "returning", "landing", "controlled", "contingency"})

Track = Sequence[tuple[datetime, Position]]


def square_of(position: Position) -> str:
    """The kilometre square of the National Grid that a place lies in, such as `TQ3184`.

    Raises:
        OutsideBritain: from `geo`.
    """
    point = to_grid(position)
    east, north = int(point.easting_m // 100_000), int(point.northing_m // 100_000)
    # Letters run in rows of five without I, first of 500 km squares, then of 100 km squares (OS, The National Grid).
    first = (19 - north) - (19 - north) % 5 + (east + 10) // 5
    second = (19 - north) * 5 % 25 + east % 5
    letters = "".join("ABCDEFGHJKLMNOPQRSTUVWXYZ"[number] for number in (first, second))
    return f"{letters}{int(point.easting_m % 100_000 // SQUARE_M):02d}{int(point.northing_m % 100_000 // SQUARE_M):02d}"


def coarse(facts: Facts, track: Track) -> Flown:
    """A flight without what would find a door: squares in the order first flown over, whole minutes, the hour."""
    over: dict[str, float] = {}
    for (at, position), (after, _) in itertools.pairwise(track):
        square = square_of(position)
        over[square] = over.get(square, 0.0) + max(0.0, min(MOST_GAP, after - at).total_seconds())
    over.setdefault(square_of(facts.scene), 0.0)
    took_off = facts.took_off_at.astimezone(UTC)
    return Flown(
        mission_id=facts.mission_id, day=f"{took_off:%Y-%m-%d}", hour=took_off.hour, borough=facts.borough,
        category=facts.category, purpose=facts.purpose, outcome=facts.outcome,
        air_min=_minutes(facts.took_off_at, facts.ended_at),
        scene_min=0 if facts.eyes_on_at is None else _minutes(facts.eyes_on_at, facts.ended_at),
        squares=tuple(over), seconds_over=tuple(round(seconds) for seconds in over.values()),
    )  # fmt: skip


def _minutes(start: datetime, end: datetime) -> int:
    return max(1, round((end - start).total_seconds() / 60.0))


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What of a ledger entry is counted. `mission_id` is that of a take-off."""

    at: datetime
    what: str
    mission_id: str = ""


TAKE_OFF, DENIED, COMMAND, ERASED, AUTHORISED = "take-off", "denied", "command", "erased", "authorised"
# Entries that count by their kind alone, whether or not what they commit to can still be read.
BY_KIND = {AccessDenied.__name__: DENIED, CommandDecided.__name__: COMMAND, Erased.__name__: ERASED}


def happening(kind: str, at: datetime, message: Message | None) -> Happening | None:
    """What an entry counts as; None for all others."""
    if kind in BY_KIND:
        return Happening(at=at, what=BY_KIND[kind])
    if isinstance(message, MissionChanged) and message.phase in IN_THE_AIR:
        return Happening(at=at, what=TAKE_OFF, mission_id=message.mission_id)
    if isinstance(message, AuthorisationChanged) and message.state == "in-force":
        return Happening(at=at, what=AUTHORISED)
    return None


def generalised(flown: Iterable[Flown]) -> dict[str, str]:
    """The category that is told of each flight, by mission: its own where at least `LEAST` share it in the borough.

    Whatever is subtracted from whatever, in this release or between releases, no count of a named category in a borough is
    below `LEAST`: the rows are all that is published, totals are sums of rows, and periods do not overlap.
    """
    flights = list(flown)
    sharing = Counter((one.borough, one.category) for one in flights)
    return {one.mission_id: one.category if sharing[one.borough, one.category] >= LEAST else GENERAL for one in flights}


def release(
    release_id: str, operator: str, start: datetime, end: datetime, checkpoint: PublicCheckpoint,
    happenings: Iterable[Happening], flown: Mapping[str, Flown],
) -> ReleaseBody:  # fmt: skip
    """Every flight that took off in the period, by the ledger; those whose details are not there stand in it all the same."""
    within = [one for one in happenings if start <= one.at < end]
    took_off = [one.mission_id for one in within if one.what == TAKE_OFF]
    counts = Counter(one.what for one in within)
    known = [flown[mission_id] for mission_id in took_off if mission_id in flown]
    categories = generalised(known)
    mixed = sorted(took_off, key=lambda one: hashlib.sha256(f"{release_id} {one}".encode()).digest())
    seconds: dict[str, int] = defaultdict(int)
    for one in known:
        for square, spent_s in zip(one.squares, one.seconds_over, strict=True):
            seconds[square] += spent_s
    return ReleaseBody(
        release_id=release_id, start=start, end=end, operator=operator, checkpoint=checkpoint,
        flights=tuple(
            _row(number, flown.get(mission_id), categories.get(mission_id, UNKNOWN), start)
            for number, mission_id in enumerate(mixed, 1)
        ),
        took_off_by_ledger=len(took_off), seconds_over=dict(sorted(seconds.items())),
        denied=counts[DENIED], commands=counts[COMMAND], erased=counts[ERASED], authorised=counts[AUTHORISED],
    )  # fmt: skip


def _row(number: int, flown: Flown | None, category: str, start: datetime) -> PublicFlight:
    if flown is None:
        return PublicFlight(
            number=number, day=f"{start:%Y-%m-%d}", hour=None, borough=UNKNOWN, category=category, purpose=UNKNOWN,
            outcome=UNKNOWN, air_min=None, scene_min=None, squares=(),
        )  # fmt: skip
    return PublicFlight(
        number=number, day=flown.day, hour=flown.hour, borough=flown.borough, category=category, purpose=flown.purpose,
        outcome=flown.outcome, air_min=flown.air_min, scene_min=flown.scene_min, squares=flown.squares,
    )  # fmt: skip


def written(body: ReleaseBody) -> str:
    """RFC 8785: it holds no floats, so sorted keys are all that is asked."""
    return msgspec.json.encode(body, order="sorted").decode()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def periods(first: datetime, length: timedelta, delay: timedelta, now: datetime) -> list[tuple[datetime, datetime]]:
    """The whole periods from the one that `first` lies in, of which the delay is over. They are counted from 1970, in UTC."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    start = epoch + (first - epoch) // length * length
    found = []
    while start + length + delay <= now:
        found.append((start, start + length))
        start += length
    return found
