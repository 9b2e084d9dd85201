"""When a pass becomes an alert, and what an alert may become. Pure.

Nothing here leads from a score to an action (R11): whatever is done bears the account of an officer who had the two pictures
before them, and says so.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from bowstreet.errors import BadInput, Conflict, Refused
from bowstreet.recognition.alerts.model import (
    Alert,
    AlertResult,
    AlertState,
    Disposal,
    IdentityFound,
    Judgement,
    Look,
    NotEngaged,
    Opinion,
    Raised,
    Withheld,
)
from bowstreet.recognition.model import Category

# An alert rests on more than one picture: a blink, a smear of motion or a hand raises a single score now and then.
LEAST_LOOKS = 2
# Of the looks that reach the threshold so many must be like the same person; a face that is like several people is like none.
LEAST_AGREEING = 0.6
# The same person at the same camera within this is one pass, though the track broke: people walk a camera's view in some 10 s.
SAME_PASS = timedelta(seconds=45)
# An officer who took an alert and says nothing for so long has lost it to another.
CLAIM_LASTS = timedelta(minutes=3)
# Nobody answered: whoever it was is out of reach.
LAPSES_AFTER = timedelta(minutes=10)
# A second opinion is waited for so long; then the first officer decides alone.
OPINION_WITHIN = timedelta(minutes=2)
# Who walked up to somebody has this long to say what came of it, before it is told that the outcome is not known.
OUTCOME_WITHIN = timedelta(hours=12)


# --- from a pass to an alert -------------------------------------------------------------------------------------------------


def judge(looks: Iterable[Look], threshold: float) -> Raised | Withheld:
    """Whether a pass is an alert: enough looks reach the threshold, and most of those are like one person.

    Args:
        threshold: the deployment's; equal to it counts.
    """
    over = [look for look in looks if look.score >= threshold]
    if not over:
        return Withheld.BELOW
    by_person: dict[str, list[Look]] = {}
    for look in over:
        by_person.setdefault(look.person_id, []).append(look)
    person_id, agreeing = max(by_person.items(), key=lambda one: (len(one[1]), max(look.score for look in one[1]), one[0]))
    if len(agreeing) < LEAST_LOOKS:
        return Withheld.TOO_FEW
    if len(agreeing) < LEAST_AGREEING * len(over):
        return Withheld.INCONSISTENT
    best = max(agreeing, key=lambda look: (look.score, look.quality))
    return Raised(person_id=person_id, best=best, agreeing=len(agreeing))


def is_same_pass(one: Alert, camera_id: str, track_id: str, person_id: str, at: datetime) -> bool:
    """Whether an alert is of the very pass: the same track, or the same person at the same camera a moment ago."""
    if one.camera_id != camera_id:
        return False
    return one.track_id == track_id or (one.person_id == person_id and abs(at - one.seen_at) <= SAME_PASS)


def first_state(category: Category) -> AlertState:
    """A volunteer's alert is a measurement: no officer is called (R14)."""
    return AlertState.SEEDED if category is Category.VOLUNTEER else AlertState.RAISED


# --- what people do with it ----------------------------------------------------------------------------------------------------


def viewed(one: Alert, by: str) -> Alert:
    return one if by in one.viewed_by else replace(one, viewed_by=(*one.viewed_by, by))


def claimed(one: Alert, by: str, now: datetime) -> Alert:
    """One officer takes it. Raises `Conflict` when another has it, or it is over."""
    if one.state is AlertState.CLAIMED and one.claimed_by == by:
        return one
    if one.state is not AlertState.RAISED:
        raise Conflict(f"the alert is {one.state}", remedy="look at it again: another officer has it, or it is over")
    return replace(one, state=AlertState.CLAIMED, claimed_by=by, claimed_at=now)


def released(one: Alert, by: str) -> Alert:
    """Back to all. Raises `Refused` for whoever does not have it."""
    _theirs(one, by, AlertState.CLAIMED)
    return replace(one, state=AlertState.RAISED, claimed_by="", claimed_at=None, opinion=None)


def opinion_asked(one: Alert, by: str, now: datetime) -> Alert:
    """Have another officer look first. Raises `Refused`."""
    _theirs(one, by, AlertState.CLAIMED)
    if one.opinion is not None:
        raise Refused("a second opinion was asked for already", remedy="wait for it, or decide when its time is over")
    return replace(one, opinion=Opinion(asked_by=by, asked_at=now))


def opinion_given(one: Alert, by: str, judgement: Judgement, now: datetime) -> Alert:
    """Another officer's word on the two pictures.

    Raises:
        Refused: none is asked for, it is given, it is the same officer, or they have not looked.
    """
    if one.state is not AlertState.CLAIMED or one.opinion is None or one.opinion.judgement is not None:
        raise Refused("no second opinion is waited for", remedy="look at the alert again")
    if by in (one.claimed_by, one.opinion.asked_by):
        raise Refused("a second opinion is another officer's", remedy="ask a colleague")
    _looked(one, by)
    return replace(one, opinion=replace(one.opinion, given_by=by, given_at=now, judgement=judgement))


def decided(one: Alert, by: str, engage: bool, judgement: Judgement, why_not: NotEngaged | None, now: datetime) -> Alert:
    """A person's decision: to walk up to somebody, or not and why (R11).

    Raises:
        Refused: they do not have the alert, have not looked at both pictures, or a second opinion is still waited for.
        BadInput: the answers do not fit each other.
    """
    _theirs(one, by, AlertState.CLAIMED)
    _looked(one, by)
    if one.opinion is not None and one.opinion.judgement is None and now < one.opinion.asked_at + OPINION_WITHIN:
        raise Refused("a second opinion is waited for", remedy="wait for it, or until its two minutes are over")
    if engage is (why_not is not None):
        raise BadInput("who does not engage says why, and nobody else", remedy="give why_not exactly when not engaging")
    if engage and not may_engage(judgement):
        raise BadInput("nobody is engaged who is not the person on the list", remedy="do not engage")
    if why_not is NotEngaged.NOT_SAME and judgement is not Judgement.NOT_SAME:
        raise BadInput("the judgement and the reason contradict each other", remedy="mend one of them")
    outcome = AlertResult(engaged=engage, judgement=judgement, why_not=why_not)
    if engage:
        return replace(one, state=AlertState.ENGAGED, outcome=outcome)
    return replace(one, state=AlertState.SETTLED, outcome=outcome, settled_by=by, settled_at=now)


def settled(one: Alert, by: str, identity: IdentityFound, disposal: Disposal, now: datetime) -> Alert:
    """What came of an engagement. Raises `Refused`, `BadInput`."""
    _theirs(one, by, AlertState.ENGAGED)
    if one.outcome is None:
        raise Refused("nobody decided to engage", remedy="decide first")
    if disposal not in disposals(identity):
        raise BadInput("somebody was dealt with whose identity is not established", remedy="say whether it was confirmed")
    outcome = replace(one.outcome, identity=identity, disposal=disposal)
    return replace(one, state=AlertState.SETTLED, outcome=outcome, settled_by=by, settled_at=now)


# --- answers that fit the one before -------------------------------------------------------------------------------------------


def may_engage(judgement: Judgement) -> bool:
    """Nobody walks up to whom the officer sees to be another."""
    return judgement is not Judgement.NOT_SAME


def reasons(judgement: Judgement) -> tuple[NotEngaged, ...]:
    """Why nobody is engaged. Who does not see the same person has said why already."""
    if judgement is Judgement.NOT_SAME:
        return (NotEngaged.NOT_SAME,)
    if judgement is Judgement.UNSURE:
        return (NotEngaged.UNSURE,)
    return NotEngaged.GONE, NotEngaged.NOT_PROPORTIONATE, NotEngaged.NO_LONGER_WANTED


def disposals(identity: IdentityFound) -> tuple[Disposal, ...]:
    """Nobody is dealt with whose identity is not established."""
    return (Disposal.NONE,) if identity is IdentityFound.UNCONFIRMED else tuple(Disposal)


# --- what time does with it ----------------------------------------------------------------------------------------------------


def timed_out(one: Alert, now: datetime) -> Alert | None:
    """The same when its time is over: a claim goes back to all, an alert that nobody answered lapses; None while neither is
    so."""
    if one.state is AlertState.CLAIMED and one.claimed_at is not None:
        waits = one.opinion is not None and one.opinion.judgement is None and now < one.opinion.asked_at + OPINION_WITHIN
        if now >= one.claimed_at + CLAIM_LASTS and not waits:
            one = replace(one, state=AlertState.RAISED, claimed_by="", claimed_at=None, opinion=None)
            return _lapsed(one, now) or one
        return None
    if one.state is AlertState.ENGAGED and now >= one.raised_at + OUTCOME_WITHIN:
        return replace(one, state=AlertState.SETTLED, settled_at=now)
    return _lapsed(one, now)


def _lapsed(one: Alert, now: datetime) -> Alert | None:
    if one.state is AlertState.RAISED and now >= one.raised_at + LAPSES_AFTER:
        return replace(one, state=AlertState.LAPSED, settled_at=now)
    return None


def ended(one: Alert, now: datetime) -> Alert | None:
    """The same when its deployment is closed: nobody acts on it any more, unless somebody has already walked up to the person."""
    if one.state in (AlertState.RAISED, AlertState.CLAIMED):
        return replace(one, state=AlertState.LAPSED, claimed_by="", opinion=None, settled_at=now)
    return None


def is_false(one: Alert) -> bool:
    """Whether people found the alert wrong: confirmed false, or never engaged because it plainly was another person (R11)."""
    if one.outcome is None:
        return False
    if one.outcome.engaged:
        return one.outcome.identity is IdentityFound.CONFIRMED_FALSE
    return one.outcome.judgement is Judgement.NOT_SAME


def _theirs(one: Alert, by: str, state: AlertState) -> None:
    if one.state is not state or one.claimed_by != by:
        raise Refused("you do not have this alert", remedy="claim it, or look who has it")


def _looked(one: Alert, by: str) -> None:
    if by not in one.viewed_by:
        raise Refused("you have not looked at the two pictures (R11)", remedy="open the alert first")
