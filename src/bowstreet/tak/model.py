"""Partners, and what of the situation can be shown to them. Frozen values.

`taken_at` is when something was so, by this machine's clock: the one that partners' devices compare theirs with.
"""

from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from bowstreet.geo import Position
from bowstreet.tracking.model import Ellipse, Motion, Shape


class Kind(StrEnum):
    """What can be shared; each is shared only where the configuration names it."""

    DRONES = "drones"
    INCIDENTS = "incidents"
    LOOK_AT = "look-at"
    SUBJECTS = "subjects"


class Stage(StrEnum):
    BEGUN = "begun"  # from here on events may be sent
    CONNECTED = "connected"  # the partner's server was reached, with a certificate that was not on record yet
    ENDED = "ended"


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Who a TAK server must be, and who this program is to it. Files are PEM.

    Attributes:
        server_name: what the server's certificate must be made out to.
        pinned: SHA-256 (hex) of the only certificate that is believed; "" for any of that name that the authority signed.
    """

    authority: Path
    certificate: Path
    private_key: Path
    password: str = ""
    server_name: str = ""
    pinned: str = ""


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is shown a part of the situation.

    Attributes:
        tls: for a TAK server; None for datagrams, which anybody on their way can read.
        boroughs: of which the incidents are shown, with their drones; none means all.
        until: when sharing ends by itself.
        interface: the address of the network interface that multicast leaves by; "" for the system's choice.
        hops: how many networks multicast crosses.
    """

    name: str
    host: str
    port: int
    shares: frozenset[Kind]
    tls: TlsFiles | None = None
    boroughs: frozenset[str] = frozenset()
    until: datetime | None = None
    interface: str = ""
    hops: int = 1

    @property
    def address(self) -> str:
        return f"{'udp' if self.tls is None else 'tls'}://{self.host}:{self.port}"


# --- what is shown --------------------------------------------------------------------------------------------------------


class IncidentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that a drone flies for. Of what callers said it has nothing but the category that it was filed under."""

    incident_id: str
    borough: str | None
    position: Position
    grade: str
    category: str
    state: str
    changed_at: datetime  # by this machine's clock, when this state was first seen


class DroneSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A drone in the air. `looks_deg` is the azimuth of its camera, true; None while that is level or shows nothing.
    `field_of_view_deg` is None where nobody tells what its lens is at."""

    vehicle_id: str
    incident_id: str
    borough: str | None
    taken_at: datetime
    position: Position
    altitude_m_amsl: float
    phase: str
    ground_speed_mps: float
    course_deg: float | None
    charge_fraction: float
    looks_deg: float | None = None
    tilt_deg: float = 0.0
    field_of_view_deg: float | None = 60.0
    range_m: float | None = None


class LookAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where on the ground the middle of a drone's picture is."""

    vehicle_id: str
    incident_id: str
    borough: str | None
    taken_at: datetime
    position: Position
    ellipse: Ellipse


class SubjectSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A followed subject, a shape and a place. `unseen_s`: since it was last in the picture; the place is reckoned since."""

    follow_id: str
    vehicle_id: str
    incident_id: str
    borough: str | None
    taken_at: datetime
    position: Position
    ellipse: Ellipse
    shape: Shape | None
    quality: str
    unseen_s: float
    motion: Motion | None = None


Item = IncidentSeen | DroneSeen | LookAt | SubjectSeen


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that could be shown now. `standing`: what goes on though its place is not known now, as (kind, id)."""

    items: tuple[Item, ...] = ()
    standing: frozenset[tuple[Kind, str]] = frozenset()


# --- what is kept ---------------------------------------------------------------------------------------------------------


class Sharing(msgspec.Struct, frozen=True, kw_only=True):
    """Sharing with one partner, from its begin to its end, as the store keeps it."""

    sharing_id: str
    recipient: str
    address: str
    begun_at: datetime
    ended_at: datetime | None = None
    server: str = ""  # SHA-256 of the certificate that the partner's server showed last

    @property
    def state(self) -> str:
        return "open" if self.ended_at is None else "ended"
