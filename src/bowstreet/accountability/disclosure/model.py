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

    `seconds_over` has, by square, how long it was overhead.
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
    seconds_over: tuple[int, ...]


class PublicFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a release. `number` is its place in a mixed order, and tells nothing."""

    number: int
    day: str
    hour: int | None
    borough: str
    category: str
    purpose: str
    outcome: str
    air_min: int | None
    scene_min: int | None
    squares: tuple[str, ...]


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
    took_off_by_ledger: int
    seconds_over: dict[str, int]
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
