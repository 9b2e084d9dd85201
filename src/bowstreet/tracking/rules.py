"""What tracking decides: how good a track is, which candidate the subject is, and how long a follow may last. Pure.

D4: following a person beyond the response to an incident may be directed surveillance (RIPA 2000, s.26). A follow is bound to its
incident and a time; before the time is up it asks for authority, and without it, it ends.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from bowstreet.errors import Refused
from bowstreet.tracking.model import Name, Quality

# --- how good a track is ------------------------------------------------------------------------------------------------

# Found in fewer looks than this, it may be a tree that moved.
FEW_LOOKS = 5
WEAK_SHARE, WEAK_SCORE = 0.6, 0.45
# Unseen for longer, a track is lost: a person may have turned any corner.
LOST_S = 5.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a track. `share`: of the last ten looks, how many saw it; `score`: the detector's, averaged; `by_motion`:
    seen last by its movement alone."""

    looks: int
    share: float
    score: float
    unseen_s: float
    by_motion: bool = False


def quality(measured: Measured) -> tuple[Quality, str]:
    """With the reason, in words for the pilot."""
    if measured.unseen_s > LOST_S:
        return Quality.LOST, f"not seen for {measured.unseen_s:.0f} s"
    if measured.unseen_s > 0:
        return Quality.COASTING, f"not seen for {measured.unseen_s:.1f} s, its place is reckoned"
    if measured.looks < FEW_LOOKS:
        return Quality.WEAK, f"seen {measured.looks} times so far"
    if measured.share < WEAK_SHARE:
        return Quality.WEAK, f"seen in {measured.share:.0%} of the last looks"
    if measured.by_motion:
        return Quality.WEAK, "told by its movement alone"
    if measured.score < WEAK_SCORE:
        return Quality.WEAK, f"the detector is unsure ({measured.score:.2f})"
    return Quality.GOOD, f"seen in {measured.share:.0%} of the last looks"


# --- which candidate the subject is -------------------------------------------------------------------------------------

# 99.9% of a chi-square of two degrees of freedom: further off than this nobody is the subject.
FARTHEST_2 = 13.8
# Shapes of the same person or vehicle are alike by 0.85 to 0.99, of another by 0.3 to 0.85 (docs/tracking.md). Between the two a
# likeness speaks for neither; a tenth more or less speaks as loudly as two standard deviations of place.
NEUTRAL_LIKENESS, LIKENESS_WEIGHT, LEAST_LIKENESS = 0.82, 25.0, 0.65
# Whoever was seen beside the subject is not the subject, unless the tracker swapped the two.
ALIBI_COST = 9.0
# The track that was followed until now.
CONTINUITY_GAIN = 4.0
# Three standard deviations off and neither like nor unlike: less than this is nobody.
LEAST_FIT = -5.0
# The best must be e³ = 20 times as likely as the next, else it is the pilot who says.
CLEAR_MARGIN = 3.0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A shape that may be the subject.

    Attributes:
        distance2: squared distance from where the subject is expected, in standard deviations of both.
        course2: the same of how fast it goes where to, given its place; 0 where that is not known of both.
        likeness: 0 to 1, of shape and colours; None where neither could be taken.
        same_track: the track that was followed until now.
        alibi: it was seen beside the subject.
    """

    track_id: int
    distance2: float
    likeness: float | None
    course2: float = 0.0
    same_track: bool = False
    alibi: bool = False


class Choice(StrEnum):
    MATCH = "match"
    NOBODY = "nobody"
    UNCLEAR = "unclear"


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """`among` are those who fit, best first."""

    choice: Choice
    among: tuple[tuple[Candidate, float], ...] = ()


def fit(one: Candidate) -> float:
    """The logarithm of how likely it is, up to a constant."""
    likeness = NEUTRAL_LIKENESS if one.likeness is None else one.likeness
    gain = LIKENESS_WEIGHT * (min(likeness, 0.95) - NEUTRAL_LIKENESS)
    known = (CONTINUITY_GAIN if one.same_track else 0.0) - (ALIBI_COST if one.alibi else 0.0)
    return -(one.distance2 + one.course2) / 2 + gain + known


def choose(candidates: Sequence[Candidate]) -> Chosen:
    """Who the subject is: one, nobody, or not to be told from where and how they look."""
    possible = [
        (one, fit(one))
        for one in candidates
        if max(one.distance2, one.course2) <= FARTHEST_2 and (one.likeness is None or one.likeness >= LEAST_LIKENESS)
    ]
    ranked = tuple(sorted((pair for pair in possible if pair[1] >= LEAST_FIT), key=lambda pair: -pair[1]))
    if not ranked:
        return Chosen(choice=Choice.NOBODY)
    if len(ranked) > 1 and ranked[0][1] - ranked[1][1] < CLEAR_MARGIN and not ranked[0][0].same_track:
        return Chosen(choice=Choice.UNCLEAR, among=ranked)
    return Chosen(choice=Choice.MATCH, among=ranked)


# --- how long a follow may last (D4) ------------------------------------------------------------------------------------

# Half an hour is what an immediate response lasts; after it the question is no longer an emergency's.
FOLLOW_LASTS = timedelta(minutes=30)
# Asked so long before the end that somebody of rank can be found and can think.
ASKS_BEFORE = timedelta(minutes=5)
# An urgent oral authorisation lasts 72 hours at most (RIPA 2000 s.43(3)(a)); a longer one is not for a drone's pilot to hold.
AUTHORITY_LASTS = timedelta(hours=72)


class Stage(StrEnum):
    FOLLOWING = "following"
    ASKING = "asking"
    ENDED = "ended"


class Ended(StrEnum):
    """Why a follow is over."""

    BY_PILOT = "by-pilot"
    INCIDENT_CLOSED = "incident-closed"
    NO_AUTHORITY = "no-authority"
    AUTHORITY_WITHDRAWN = "authority-withdrawn"
    DRONE_TURNED = "drone-turned"
    LOST = "lost"
    NOT_BEGUN = "not-begun"


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Another person's leave to go on, for this incident and until a time."""

    authority_id: Name
    incident_id: Name
    given_by: Name
    until: datetime


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that is followed for an incident. `clock_began` is when the first follow of this incident began.

    Ending and starting again, another subject and a relay to the next drone do not set it back. `authority` is the one that
    carries it now, if any.
    """

    follow_id: Name
    incident_id: Name
    pilot: Name
    clock_began: datetime
    ends_at: datetime
    stage: Stage = Stage.FOLLOWING
    authority: Authority | None = None
    ended: Ended | None = None
    ended_at: datetime | None = None


def begin(
    follow_id: str, incident_id: str, pilot: str, now: datetime, earlier: Sequence[Follow] = (),
    authority: Authority | None = None,
) -> Follow:  # fmt: skip
    """Start to follow.

    Args:
        earlier: follows so far; those of this incident share its clock.
        authority: what is in force now. What carried an earlier follow may have been taken back since, and carries nobody.

    Raises:
        Refused: the incident's time is up and nobody has given authority for more.
    """
    ours = [one for one in earlier if one.incident_id == incident_id]
    began = min((one.clock_began for one in ours), default=now)
    if authority is not None and not _carries(authority, incident_id, pilot, now):
        authority = None
    ends_at = max(began + FOLLOW_LASTS, authority.until if authority else began)
    if now >= ends_at:
        raise Refused(
            "the time to follow anybody for this incident is over",
            remedy="ask an authorising officer: following on may be directed surveillance under RIPA 2000",
        )
    started = Follow(
        follow_id=follow_id, incident_id=incident_id, pilot=pilot, clock_began=began, ends_at=ends_at, authority=authority
    )
    return tick(started, now)


def tick(follow: Follow, now: datetime) -> Follow:
    """Time goes by: it asks, and at the end it ends."""
    if follow.stage is Stage.ENDED:
        return follow
    if now >= follow.ends_at:
        return end(follow, Ended.NO_AUTHORITY, now)
    if now >= follow.ends_at - ASKS_BEFORE:
        return msgspec.structs.replace(follow, stage=Stage.ASKING)
    return msgspec.structs.replace(follow, stage=Stage.FOLLOWING)


def _carries(authority: Authority, incident_id: str, pilot: str, now: datetime) -> bool:
    fits = authority.incident_id == incident_id and authority.given_by != pilot
    return fits and now < authority.until <= now + AUTHORITY_LASTS


def grant(follow: Follow, authority: Authority, now: datetime) -> Follow:
    """Somebody else lets it go on, until the authority's end.

    Raises:
        Refused: it is over, the authority is for something else, from the pilot, in the past or for too long.
    """
    follow = tick(follow, now)
    if follow.stage is Stage.ENDED:
        raise Refused("the follow has ended", remedy="begin a new one under the authority")
    if authority.incident_id != follow.incident_id:
        raise Refused("the authority is for another incident", remedy="ask for one for this incident")
    if authority.given_by == follow.pilot:
        raise Refused(
            "the pilot who follows cannot allow it", remedy="another person, of the rank that the law asks for, decides"
        )
    if authority.until <= now:
        raise Refused("the authority is over", remedy="ask for a new one")
    if authority.until > now + AUTHORITY_LASTS:
        raise Refused("the authority is for more than 72 hours", remedy="give it for a shorter time; it can be given again")
    ends_at = max(follow.clock_began + FOLLOW_LASTS, authority.until)
    return tick(msgspec.structs.replace(follow, authority=authority, ends_at=ends_at), now)


def withdraw(follow: Follow, authority_id: str, now: datetime) -> Follow:
    """The authority is taken back. What is left of the incident's own half hour stays."""
    if follow.authority is None or follow.authority.authority_id != authority_id or follow.stage is Stage.ENDED:
        return follow
    if now >= follow.clock_began + FOLLOW_LASTS:
        return end(follow, Ended.AUTHORITY_WITHDRAWN, now)
    return tick(msgspec.structs.replace(follow, authority=None, ends_at=follow.clock_began + FOLLOW_LASTS), now)


def end(follow: Follow, why: Ended, now: datetime) -> Follow:
    """Over, once and for good: what ended stays ended for the first reason."""
    if follow.stage is Stage.ENDED:
        return follow
    return msgspec.structs.replace(follow, stage=Stage.ENDED, ended=why, ended_at=now)


def may_follow(follow: Follow, now: datetime) -> bool:
    """Asked before each command to gimbal or vehicle."""
    return tick(follow, now).stage is not Stage.ENDED
