"""Zones, permissions and clearances. Frozen values; geometry is on the National Grid (EPSG:27700)."""

from datetime import datetime, time
from enum import StrEnum
from typing import Any

import msgspec

from bowstreet.geo import GridPoint
from bowstreet.messages import Reason


class Restriction(StrEnum):
    """ED-269 `restriction`."""

    PROHIBITED = "PROHIBITED"
    REQUIRES_AUTHORISATION = "REQ_AUTHORISATION"
    CONDITIONAL = "CONDITIONAL"
    NONE = "NO_RESTRICTION"


class Datum(StrEnum):
    """What a height is above. Never guessed: a file that does not say is refused."""

    AMSL = "AMSL"  # mean sea level
    AGL = "AGL"  # the ground below
    STANDARD = "STD"  # the surface of 1013.25 hPa: flight levels
    ELLIPSOID = "WGS84"  # the WGS 84 ellipsoid, as satellites measure


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One vertical limit, metres above its datum."""

    height_m: float
    datum: Datum


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """When a zone applies: between two moments (open-ended when None), on `weekdays` (0 Monday), between two UTC times of day."""

    start: datetime | None = None
    end: datetime | None = None
    weekdays: frozenset[int] | None = None
    from_utc: time | None = None
    to_utc: time | None = None


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """One volume of airspace. `polygon` is a shapely (multi)polygon in EPSG:27700. No `activations` means always active."""

    zone_id: str
    name: str
    kind: str
    restriction: Restriction
    polygon: Any
    lower: Limit
    upper: Limit
    source: str
    authority: str = ""
    activations: tuple[Activation, ...] = ()
    permitted_operators: frozenset[str] = frozenset()
    for_operational_use: bool = False
    version: str = ""  # of its source, as whoever imported it named it


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for one operator in one zone, with its document's reference and its time.

    `granted_by` is who gave it, such as an air traffic unit; `entered_by` the account of the person who entered it.
    """

    operator: str
    zone_id: str
    reference: str
    start: datetime | None = None
    end: datetime | None = None
    granted_by: str = ""
    entered_by: str = ""


class Trajectory(msgspec.Struct, frozen=True, kw_only=True):
    """Where another of our flights will be: way points, when it starts, how fast, and its transit height."""

    mission_id: str
    waypoints: tuple[GridPoint, ...]
    starts_at: datetime
    ground_speed_mps: float
    height_m_agl: float


class Clearance(msgspec.Struct, frozen=True, kw_only=True):
    """A route that may be flown. Way points run from the start to the goal, both included."""

    waypoints: tuple[GridPoint, ...]
    length_m: float
    height_m_agl: float
    permitted_zones: tuple[str, ...] = ()
    went_round: tuple[str, ...] = ()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """No route may be flown, and why: each reason names the zone and what would make it allowed."""

    reasons: tuple[Reason, ...]
