"""A link for an officer, as the store keeps it, and the situation that it shows. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.geo import Position


class LinkState(StrEnum):
    MADE = "made"  # nobody has opened it yet
    OPENED = "opened"
    ENDED = "ended"


class LinkEnd(StrEnum):
    """Why a link opens nothing any more."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    INCIDENT_CLOSED = "incident-closed"
    MAKER_MAY_NOT = "maker-may-not"  # who made it may not make it any more: account disabled, other role, other boroughs


class LinkPurpose(StrEnum):
    """What an officer is given the picture for: a closed list, as for watches (D1)."""

    ATTENDING = "attending"
    SEARCHING = "searching"
    CORDON = "cordon"
    COMMAND = "command"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that the link is bound to. `digest` is SHA-256 of its cookie, hex; the cookie itself is nowhere kept."""

    digest: str
    since: datetime


class OfficerLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link. `recipient` is a person: sealed under the link's own key, and shown to who may make links.

    Attributes:
        digest: SHA-256 of the secret in the address, hex; the secret itself is with the recipient alone.
        expires_at, made_at, ended_at, and of devices: real time; an officer waits in no other.
        words: whether the page shows what callers said.
        most_devices: how many browsers it may be opened in.
        turned_away: how often another browser was refused.
    """

    link_id: str
    incident_id: str
    digest: str
    recipient: str
    purpose: LinkPurpose
    made_by: str
    made_at: datetime
    expires_at: datetime
    words: bool = False
    most_devices: int = 1
    devices: tuple[Device, ...] = ()
    turned_away: int = 0
    ended: LinkEnd | None = None
    ended_at: datetime | None = None

    @property
    def state(self) -> LinkState:
        if self.ended is not None:
            return LinkState.ENDED
        return LinkState.OPENED if self.devices else LinkState.MADE


class Lock(StrEnum):
    """How the lock on a subject stands, as far as a phone needs it."""

    NOBODY = "nobody"  # nobody is followed
    SEEN = "seen"
    UNSEEN = "unseen"  # hidden for a moment; where it should be is a guess
    LOST = "lost"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who is followed. `within_m`: half the longer axis of the 95% ellipse. `direction_deg` from true north, None at rest."""

    lock: Lock
    shape: str = ""
    position: Position | None = None
    within_m: float = 0.0
    speed_mps: float = 0.0
    direction_deg: float | None = None
    unseen_s: float = 0.0


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as a phone may know it, now.

    Attributes:
        watching: the drone that has the watch, or is on its way; "" for none.
        eyes_on: whether it is over the scene.
        picture: whether its stream sends pictures that may be shown.
    """

    watching: str = ""
    eyes_on: bool = False
    picture: bool = False
    subject: Subject = Subject(lock=Lock.NOBODY)


class Alert(StrEnum):
    """What an officer is told without a sound."""

    EYES_ON = "eyes-on"
    NO_EYES = "no-eyes"
    HANDED_OVER = "handed-over"
    PICTURE_LOST = "picture-lost"
    PICTURE_BACK = "picture-back"
    FOLLOWED = "followed"
    MOVES = "moves"
    STOPS = "stops"
    TURNS = "turns"
    LOST = "lost"
    FOUND = "found"
    ENDS_SOON = "ends-soon"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an officer was last told, so that nothing is told twice and a flicker is told not at all.

    Attributes:
        moving, direction_deg: of the subject, as last told.
        since: when what is now first differed from that; None while it does not.
        dark_since: since when there was no picture; None while there is.
    """

    situation: Situation
    moving: bool = False
    direction_deg: float | None = None
    moving_since: datetime | None = None
    turning_since: datetime | None = None
    dark_since: datetime | None = None
    dark_told: bool = False
    lost_told: bool = False
