"""How a flight is made coarse, and a release put together. Pure."""

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from bowstreet.accountability.disclosure.model import (
    Facts,
    Flown,
    Held,
    PublicCheckpoint,
    PublicFlight,
    PublicPath,
    ReleaseBody,
    Share,
)
from bowstreet.geo import Position, to_grid
from bowstreet.messages import (
    AccessDenied,
    AuthorisationChanged,
    CommandDecided,
    Erased,
    Message,
    MissionChanged,
    PublicRequestChanged,
)

# No count of a named category is below this: the usual floor for published counts (ICO anonymisation guidance; NHS and ONS use 5
# too).
LEAST = 5
# Nor does a category make up more than this of those that a flight could be one of: whoever saw a drone would know what it was
# for.
MOST_SHARE = 0.75
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


def coarse(facts: Facts, track: Track, area_of: Callable[[Position], str] = square_of) -> Flown:
    """A flight without what would find a door: squares in the order first flown over, whole minutes, the hour."""
    squares = dict.fromkeys(square_of(position) for _, position in track) | {square_of(facts.scene): None}
    over: dict[str, float] = {}
    for (at, position), (after, _) in itertools.pairwise(track):
        area = area_of(position)
        over[area] = over.get(area, 0.0) + max(0.0, min(MOST_GAP, after - at).total_seconds())
    took_off = facts.took_off_at.astimezone(UTC)
    return Flown(
        mission_id=facts.mission_id, day=f"{took_off:%Y-%m-%d}", hour=took_off.hour, borough=facts.borough,
        category=facts.category, purpose=facts.purpose, outcome=facts.outcome,
        air_min=_minutes(facts.took_off_at, facts.ended_at),
        scene_min=0 if facts.eyes_on_at is None else _minutes(facts.eyes_on_at, facts.ended_at),
        squares=tuple(squares), areas=tuple(over), area_seconds=tuple(round(seconds) for seconds in over.values()),
    )  # fmt: skip


def _minutes(start: datetime, end: datetime) -> int:
    return max(1, round((end - start).total_seconds() / 60.0))


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What of a ledger entry is counted. `mission_id` is that of a take-off, `request` the kind and state of a person's
    request."""

    at: datetime
    what: str
    mission_id: str = ""
    request: str = ""


TAKE_OFF, DENIED, COMMAND, ERASED, AUTHORISED = "take-off", "denied", "command", "erased", "authorised"
REQUEST, DEPLOYMENT = "request", "deployment"
# Entries that will tell of a recognition deployment begin so. None is written yet: what the public is told counts them all the
# same.
DEPLOYMENTS = "Deployment"
# Entries that count by their kind alone, whether or not what they commit to can still be read.
BY_KIND = {AccessDenied.__name__: DENIED, CommandDecided.__name__: COMMAND, Erased.__name__: ERASED}


def happening(kind: str, at: datetime, message: Message | None) -> Happening | None:
    """What an entry counts as; None for all others."""
    if kind in BY_KIND:
        return Happening(at=at, what=BY_KIND[kind])
    if kind.startswith(DEPLOYMENTS):
        return Happening(at=at, what=DEPLOYMENT)
    if isinstance(message, MissionChanged) and message.phase in IN_THE_AIR:
        return Happening(at=at, what=TAKE_OFF, mission_id=message.mission_id)
    if isinstance(message, AuthorisationChanged) and message.state == "in-force":
        return Happening(at=at, what=AUTHORISED)
    if isinstance(message, PublicRequestChanged):
        return Happening(at=at, what=REQUEST, request=f"{message.request_kind}: {message.state}")
    return None


def generalised(flown: Iterable[Flown]) -> dict[str, str]:
    """The category that is told of each flight, by mission.

    Flights that have borough, purpose and outcome in common are one class: from what could be seen of a flight, and the paths,
    nobody can tell which of its class it was. A category is named where at least `LEAST` of the class have it, and in no class
    of which it would be more than `MOST_SHARE`. So every named count in any table is a sum of numbers that are 0 or at least
    `LEAST`, and since periods do not overlap, so is whatever differs between releases.
    """
    classes: dict[tuple[str, str, str], list[Flown]] = defaultdict(list)
    for one in flown:
        classes[one.borough, one.purpose, one.outcome].append(one)
    told: dict[str, str] = {}
    for alike in classes.values():
        counts = Counter(one.category for one in alike)
        named = {category for category, count in counts.items() if count >= LEAST}
        if any(counts[category] > MOST_SHARE * len(alike) for category in named):
            named = set()
        told |= {one.mission_id: one.category if one.category in named else GENERAL for one in alike}
    return told


def tell(held: Mapping[str, Held], new: Iterable[tuple[str, int]]) -> tuple[dict[str, Share], dict[str, Held]]:
    """What of sums can be told now, and what must be held back until at least `LEAST` happenings make it up.

    Whatever is subtracted between releases is then a sum over at least so many, and in the end all of it is told.

    Args:
        held: from before, by key.
        new: key and amount of each happening of this period.
    """
    counts: dict[str, list[int]] = {key: [one.count, one.amount] for key, one in held.items()}
    for key, amount in new:
        count = counts.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += amount
    told = {key: Share(count=n, amount=amount) for key, (n, amount) in sorted(counts.items()) if n >= LEAST}
    rest = {key: Held(key=key, count=n, amount=amount) for key, (n, amount) in counts.items() if n < LEAST}
    return told, rest


AREA_KEY, REQUEST_KEY = "area:", "request:"


def release(
    release_id: str, operator: str, start: datetime, end: datetime, checkpoint: PublicCheckpoint,
    happenings: Iterable[Happening], flown: Mapping[str, Flown], held: Mapping[str, Held] | None = None, area_kind: str = "",
    *, salt: bytes,
) -> tuple[ReleaseBody, dict[str, Held]]:  # fmt: skip
    """Every flight that took off in the period, by the ledger; those whose details are not there stand in it all the same.

    Also gives what is held back for a later release. `salt` mixes the rows: 32 random bytes that are kept nowhere. The ids of
    flights are in the public log with their times, so that an order by ids alone would tell which row is which flight.
    """
    within = [one for one in happenings if start <= one.at < end]
    took_off = [one.mission_id for one in within if one.what == TAKE_OFF]
    counts = Counter(one.what for one in within)
    known = [flown[mission_id] for mission_id in took_off if mission_id in flown]
    categories = generalised(known)
    new = [
        (AREA_KEY + area, seconds) for one in known for area, seconds in zip(one.areas, one.area_seconds, strict=True) if seconds
    ]
    new += [(REQUEST_KEY + one.request, 1) for one in within if one.what == REQUEST]
    told, rest = tell(held or {}, new)
    body = ReleaseBody(
        release_id=release_id, start=start, end=end, operator=operator, checkpoint=checkpoint,
        flights=tuple(
            _row(number, flown.get(mission_id), categories.get(mission_id, UNKNOWN))
            for number, mission_id in enumerate(_mixed(salt + b"flights", took_off), 1)
        ),
        paths=tuple(
            _path(number, flown.get(mission_id), start)
            for number, mission_id in enumerate(_mixed(salt + b"paths", took_off), 1)
        ),
        took_off_by_ledger=len(took_off), area_kind=area_kind,
        areas={key.removeprefix(AREA_KEY): one for key, one in told.items() if key.startswith(AREA_KEY)},
        requests={key.removeprefix(REQUEST_KEY): one.count for key, one in told.items() if key.startswith(REQUEST_KEY)},
        denied=counts[DENIED], commands=counts[COMMAND], erased=counts[ERASED], authorised=counts[AUTHORISED],
        deployments=counts[DEPLOYMENT],
    )  # fmt: skip
    return body, rest


def _mixed(salt: bytes, mission_ids: Iterable[str]) -> list[str]:
    return sorted(mission_ids, key=lambda one: hashlib.sha256(salt + one.encode()).digest())


def _row(number: int, flown: Flown | None, category: str) -> PublicFlight:
    if flown is None:
        return PublicFlight(number=number, borough=UNKNOWN, category=category, purpose=UNKNOWN, outcome=UNKNOWN)
    return PublicFlight(
        number=number, borough=flown.borough, category=category, purpose=flown.purpose, outcome=flown.outcome
    )  # fmt: skip


def _path(number: int, flown: Flown | None, start: datetime) -> PublicPath:
    if flown is None:
        return PublicPath(number=number, day=f"{start:%Y-%m-%d}", hour=None, squares=(), air_min=None, scene_min=None)
    return PublicPath(
        number=number, day=flown.day, hour=flown.hour, squares=flown.squares, air_min=flown.air_min, scene_min=flown.scene_min
    )


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
