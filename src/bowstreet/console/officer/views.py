"""What a phone is told: one incident, who watches it, whom they follow, and how the picture is doing. Nothing else."""

from datetime import datetime

import msgspec

from bowstreet.console.views import DEGREE_DIGITS
from bowstreet.dispatch.officers.model import Alert, OfficerLink, Subject
from bowstreet.geo import Position


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    lat: float
    lon: float


class SceneView(msgspec.Struct, frozen=True, kw_only=True):
    """The incident: what it is, where, how grave, how far it has come."""

    grade: str
    category: str
    at: PlaceView
    state: str
    opened_at: datetime
    eyes_on_at: datetime | None


class WatcherView(msgspec.Struct, frozen=True, kw_only=True):
    """The drone that has the watch or comes. `at` is null while its position is not known or not trusted."""

    name: str
    at: PlaceView | None
    heading_deg: float
    height_m: float
    eyes_on: bool
    eta_at: datetime | None


class SubjectView(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the drone follows: `lock` is `nobody`, `seen`, `unseen` or `lost`; within `within_m` of `at` in 95 of 100 cases."""

    lock: str
    shape: str
    at: PlaceView | None
    within_m: float
    speed_mps: float
    direction_deg: float | None
    unseen_s: float


class PictureState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there is one, else why not; `kbps` is what the full one needs, and `webrtc` whether that can carry it."""

    shown: bool
    why: str
    kbps: int
    webrtc: bool


class SilentAlertView(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` counts within a link, so that one that was missed is told after a link has broken."""

    seq: int
    at: datetime
    kind: Alert


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the officer is told of the link: whose it is, for what, until when."""

    link_id: str
    recipient: str
    purpose: str
    expires_at: datetime
    words: bool
    operator: str


class StateView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows beside the picture.

    Moments are told by the operation's clock, as in the control room: `now` by it, which a demo runs `speed` times as fast.
    `expires_at` alone is by this machine's: no demo makes a link end earlier.
    """

    now: datetime
    speed: float
    scene: SceneView
    watcher: WatcherView | None
    subject: SubjectView
    picture: PictureState
    alerts: tuple[SilentAlertView, ...]
    expires_at: datetime


class OpenedView(msgspec.Struct, frozen=True, kw_only=True):
    link: LinkFacts
    state: StateView


def place(position: Position) -> PlaceView:
    return PlaceView(lat=round(position.latitude_deg, DEGREE_DIGITS), lon=round(position.longitude_deg, DEGREE_DIGITS))


def subject(one: Subject) -> SubjectView:
    return SubjectView(
        lock=one.lock, shape=one.shape, at=None if one.position is None else place(one.position),
        within_m=round(one.within_m, 1), speed_mps=round(one.speed_mps, 1),
        direction_deg=None if one.direction_deg is None else round(one.direction_deg), unseen_s=round(one.unseen_s, 1),
    )  # fmt: skip


def facts(link: OfficerLink, operator: str) -> LinkFacts:
    return LinkFacts(
        link_id=link.link_id, recipient=link.recipient, purpose=link.purpose, expires_at=link.expires_at, words=link.words,
        operator=operator,
    )  # fmt: skip
