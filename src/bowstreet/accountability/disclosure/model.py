"""Flights as the public sees them, and the releases that hold them. Frozen values."""

from datetime import datetime

import msgspec

from bowstreet.geo import Position


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the record holds of a flight that is over."""

    mission_id: str
    vehicle_id: str
    purpose: str
    category: str
    scene: Position
    borough: str
    took_off_at: datetime
    eyes_on_at: datetime | None
    ended_at: datetime
    outcome: str


class Flown(msgspec.Struct, frozen=True, kw_only=True):
    """The coarse part of a flight, kept until it is released: kilometre squares, whole minutes, no place that is a door.

    `areas` are those it was over, `area_seconds` how long; neither is told of one flight.
    """

    mission_id: str
    day: str
    hour: int
    borough: str
    category: str
    purpose: str
    outcome: str
    air_min: int
    scene_min: int
    squares: tuple[str, ...]
    areas: tuple[str, ...] = ()
    area_seconds: tuple[int, ...] = ()


class PublicFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A row of what was flown to. `number` is its place in a mixed order, and tells nothing."""

    number: int
    borough: str
    category: str
    purpose: str
    outcome: str


class PublicPath(msgspec.Struct, frozen=True, kw_only=True):
    """A row of what could be seen in the sky. Mixed otherwise than the flights: which path is whose is not told.

    `hour` and the rest are None where the details are not in the register.
    """

    number: int
    day: str
    hour: int | None
    squares: tuple[str, ...]
    air_min: int | None
    scene_min: int | None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of an area, or of one kind of request: so many happenings, and their sum."""

    count: int
    amount: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is not told yet of something, because too few happenings make it up. `key` is such as `area:Islington 001`."""

    key: str
    count: int
    amount: int


class PublicCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger that a release was computed from: so many entries, with that root (hex)."""

    origin: str
    size: int
    root: str


class ReleaseBody(msgspec.Struct, frozen=True, kw_only=True):
    """A release. Its JSON, keys in order, is what the ledger has the digest of."""

    release_id: str
    start: datetime
    end: datetime
    operator: str
    checkpoint: PublicCheckpoint
    flights: tuple[PublicFlight, ...]
    paths: tuple[PublicPath, ...] = ()
    took_off_by_ledger: int
    area_kind: str = ""
    areas: dict[str, Share] = {}  # seconds overhead, by area; what was held back before is in it
    requests: dict[str, int] = {}  # of the public, by kind and what became of them; the same
    deployments: int = 0  # entries of the ledger about recognition deployments
    denied: int  # requests that were refused
    commands: int  # commands that were allowed
    erased: int
    authorised: int


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release as it is kept: the bytes that are served, and their SHA-256, hex."""

    release_id: str
    start: datetime
    end: datetime
    digest: str
    text: str
