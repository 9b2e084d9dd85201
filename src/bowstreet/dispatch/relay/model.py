"""A watch over a scene, as the store keeps it. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.messages import Reason


class WatchReason(StrEnum):
    """What eyes may be kept on a scene for: a closed list, so that no watch has a purpose that nobody agreed to (D1)."""

    CRIME_IN_PROGRESS = "crime-in-progress"
    SUSPECT_NEARBY = "suspect-nearby"
    MISSING_PERSON = "missing-person"
    OFFICER_SAFETY = "officer-safety"
    PUBLIC_SAFETY = "public-safety"
    FOLLOWING = "following"  # by itself, as long as a subject is followed


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Eyes are wanted on this incident from `since` to `until`.

    Attributes:
        by: the account of who wants them; "" when it follows from a subject that is followed.
        mission_id: the flight that has the watch, as last recorded; "" before the first one.
        handed_at: when it was handed to it; the one before is let go a little later.
        relieved_id: the flight before, until it has been let go; else "".
        dark_since: since when nobody has seen the scene; None while somebody does, and before anybody did.
        dark_s, handovers: so far, in all.
        planned_for: the flight for which `RelayPlanned` was last recorded; `planned_id` names who was to relieve it, or "".
    """

    incident_id: str
    reason: WatchReason
    by: str
    since: datetime
    until: datetime
    mission_id: str = ""
    handed_at: datetime | None = None
    relieved_id: str = ""
    dark_since: datetime | None = None
    dark_s: float = 0.0
    handovers: int = 0
    planned_for: str = ""
    planned_id: str = ""
    over: bool = False


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What is ahead of a watch, for people to see; made anew at each look, and not kept.

    Attributes:
        leaves_at: when the drone over the scene must turn home.
        relief_id: the flight that is on its way to relieve it; "" when none is.
        relief_at: when that one is expected over the scene.
        launch_at: when a relief is to be sent; when nobody can be sent, when the first could, if that is known.
        vehicle_id: who is to be sent; "" when nobody can be, and `why` says why not.
    """

    leaves_at: datetime | None = None
    relief_id: str = ""
    relief_at: datetime | None = None
    launch_at: datetime | None = None
    vehicle_id: str = ""
    why: tuple[Reason, ...] = ()
