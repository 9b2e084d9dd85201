"""Whether a link opens, to whom and until when; and what is told of a situation that changes. Pure."""

import re
from datetime import datetime, timedelta

from msgspec.structs import replace

from bowstreet.dispatch.officers.model import (
    Alert,
    Device,
    LinkEnd,
    LinkPurpose,
    LinkState,
    Lock,
    OfficerLink,
    Situation,
    Told,
)
from bowstreet.errors import BadInput, Refused

# --- the link -----------------------------------------------------------------------------------------------------------

# Long enough for a search, short enough that a forgotten link is no standing view of a street.
USUAL, SHORTEST, LONGEST = timedelta(minutes=60), timedelta(minutes=5), timedelta(hours=4)
MOST_DEVICES = 3
# So often another device is put on record; then it is refused without a word.
MOST_TURNED_AWAY = 20
# Of one incident at once: a whole response team. More is a matter for a shared screen.
MOST_OPEN = 20
MOST_RECIPIENT = 60
# Shoulder and collar numbers, call signs, names: what no line of a screen can be spoilt with.
_RECIPIENT = re.compile(r"[^\W_][\w .,'/()-]*")


def made(
    link_id: str, incident_id: str, digest: str, recipient: str, purpose: LinkPurpose, by: str, now: datetime, lasts: timedelta,
    *, words: bool = False, devices: int = 1,
) -> OfficerLink:  # fmt: skip
    """A new link. Raises `BadInput` for a recipient, a time or a number of devices that will not do."""
    recipient = " ".join(recipient.split())
    if len(recipient) > MOST_RECIPIENT or not _RECIPIENT.fullmatch(recipient):
        raise BadInput("a link is for one named officer", remedy="give the collar number or call sign of who opens it")
    if not SHORTEST <= lasts <= LONGEST:
        raise BadInput("a link lasts from 5 minutes to 4 hours", remedy="give it for a shorter time; another can be made")
    if not 1 <= devices <= MOST_DEVICES:
        raise BadInput(f"a link opens on 1 to {MOST_DEVICES} devices", remedy="make a link for each officer")
    return OfficerLink(
        link_id=link_id, incident_id=incident_id, digest=digest, recipient=recipient, purpose=purpose, made_by=by, made_at=now,
        expires_at=now + lasts, words=words, most_devices=devices,
    )  # fmt: skip


def ending(link: OfficerLink, now: datetime, *, incident_closed: bool, maker_may: bool) -> LinkEnd | None:
    """Why it opens nothing now; None when it does. What ended stays ended for its first reason."""
    if link.ended is not None:
        return link.ended
    if now >= link.expires_at:
        return LinkEnd.EXPIRED
    if incident_closed:
        return LinkEnd.INCIDENT_CLOSED
    return None if maker_may else LinkEnd.MAKER_MAY_NOT


def ended(link: OfficerLink, why: LinkEnd, now: datetime) -> OfficerLink:
    return link if link.ended is not None else replace(link, ended=why, ended_at=now)


def is_bound_to(link: OfficerLink, device_digest: str) -> bool:
    return any(one.digest == device_digest for one in link.devices)


def opened(link: OfficerLink, device_digest: str, now: datetime) -> OfficerLink:
    """The link, bound to this device too.

    Raises:
        Refused: it is over, or is bound to as many others as it may be.
    """
    if link.state is LinkState.ENDED:
        raise Refused("this link is over", remedy="ask the control room for another")
    if is_bound_to(link, device_digest):
        return link
    if len(link.devices) >= link.most_devices:
        raise Refused(
            "this link is open on another device", remedy="use that one, or ask the control room for a link of your own"
        )
    return replace(link, devices=(*link.devices, Device(digest=device_digest, since=now)))


def turned_away(link: OfficerLink) -> OfficerLink:
    return replace(link, turned_away=link.turned_away + 1)


# --- what is told -------------------------------------------------------------------------------------------------------

# A walk begins at about 0.7 m/s; measured speeds of somebody who stands are up to 0.4 (docs/tracking.md).
MOVES_MPS, STOPS_MPS = 0.8, 0.4
# An eighth of a turn is a bend of the pavement; this is another street.
TURN_DEG = 50.0
# So long must it last: a flicker of a tracker is no news.
STEADY = timedelta(seconds=2)
# A picture that is away for less was a keyframe that came late.
DARK = timedelta(seconds=3)
# In time to ask for another link.
ENDS_SOON = timedelta(minutes=5)


def begun(situation: Situation) -> Told:
    """Somebody looks for the first time: what is now is shown, and is no news."""
    subject = situation.subject
    moving = subject.lock is Lock.SEEN and subject.speed_mps >= MOVES_MPS
    return Told(
        situation=situation, moving=moving, direction_deg=subject.direction_deg if moving else None,
        dark_told=not situation.picture, lost_told=subject.lock is Lock.LOST,
    )  # fmt: skip


def tell(told: Told, situation: Situation, now: datetime) -> tuple[Told, tuple[Alert, ...]]:
    """What is news, and what has been told after it."""
    news: list[Alert] = []
    before = told.situation
    if situation.eyes_on and not before.eyes_on:
        news.append(Alert.EYES_ON)
    elif before.eyes_on and not situation.eyes_on:
        news.append(Alert.NO_EYES)
    elif situation.eyes_on and before.watching not in ("", situation.watching):
        news.append(Alert.HANDED_OVER)
    told, more = _picture(told, situation, now)
    news += more
    told, more = _lock(told, situation)
    news += more
    told, more = _movement(told, situation, now)
    news += more
    return replace(told, situation=situation), tuple(news)


def _picture(told: Told, situation: Situation, now: datetime) -> tuple[Told, list[Alert]]:
    if situation.picture:
        back = [Alert.PICTURE_BACK] if told.dark_told else []
        return replace(told, dark_since=None, dark_told=False), back
    since = told.dark_since or now
    if told.dark_told or now - since < DARK:
        return replace(told, dark_since=since), []
    return replace(told, dark_since=since, dark_told=True), [Alert.PICTURE_LOST]


def _lock(told: Told, situation: Situation) -> tuple[Told, list[Alert]]:
    before, lock = told.situation.subject.lock, situation.subject.lock
    if lock is Lock.NOBODY:
        return replace(told, lost_told=False), []
    if lock is Lock.LOST:
        return replace(told, lost_told=True), [] if told.lost_told else [Alert.LOST]
    if lock is Lock.SEEN and told.lost_told:
        return replace(told, lost_told=False), [Alert.FOUND]
    return told, [Alert.FOLLOWED] if before is Lock.NOBODY else []


def _movement(told: Told, situation: Situation, now: datetime) -> tuple[Told, list[Alert]]:
    """Told only of a subject that is seen: a guess moves as it was last seen to move."""
    subject = situation.subject
    if subject.lock is Lock.NOBODY:
        return replace(told, moving=False, direction_deg=None, moving_since=None, turning_since=None), []
    if subject.lock is not Lock.SEEN:
        return replace(told, moving_since=None, turning_since=None), []
    changes = subject.speed_mps < STOPS_MPS if told.moving else subject.speed_mps >= MOVES_MPS
    moving_since = (told.moving_since or now) if changes else None
    if moving_since is not None and now - moving_since >= STEADY:
        moving = not told.moving
        after = replace(
            told, moving=moving, direction_deg=subject.direction_deg if moving else None, moving_since=None, turning_since=None
        )
        return after, [Alert.MOVES if moving else Alert.STOPS]
    told = replace(told, moving_since=moving_since)
    if not told.moving or subject.direction_deg is None:
        return replace(told, turning_since=None), []
    if told.direction_deg is None:
        return replace(told, direction_deg=subject.direction_deg), []
    if between_deg(told.direction_deg, subject.direction_deg) < TURN_DEG:
        return replace(told, turning_since=None), []
    turning_since = told.turning_since or now
    if now - turning_since < STEADY:
        return replace(told, turning_since=turning_since), []
    return replace(told, direction_deg=subject.direction_deg, turning_since=None), [Alert.TURNS]


def between_deg(one: float, other: float) -> float:
    """The angle between two bearings, 0 to 180."""
    return abs((one - other + 180.0) % 360.0 - 180.0)


def ends_soon(link: OfficerLink, now: datetime) -> bool:
    return link.ended is None and link.expires_at - ENDS_SOON <= now < link.expires_at
