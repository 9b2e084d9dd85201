"""What an authorisation may become, and what it covers. Pure: an authorisation and the time in, an authorisation out."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from bowstreet.accountability.authority.model import Authorisation, Ground, Refusal, State, UseCase
from bowstreet.errors import BadInput, Refused

# A month is what footage and alerts are kept at most (ACCOUNTABILITY D3, R10): what needs longer is asked for again.
MOST = timedelta(days=31)
# Long enough to reach another authorising officer at night; an urgent authority that nobody confirms must end within a shift.
MOST_URGENT = timedelta(hours=4)
# A request that nobody has decided on in a week is not what it was.
REQUEST_LIVES = timedelta(days=7)
# A hand's clock and the server's differ; a start this far back is "now".
SLACK = timedelta(minutes=5)

GROUNDS: dict[UseCase, frozenset[Ground]] = {
    UseCase.LEGAL_HOLD: frozenset(
        {Ground.CRIMINAL_PROCEEDINGS, Ground.INVESTIGATION, Ground.COMPLAINT, Ground.OCCURRENCE, Ground.COURT_ORDER}
    ),
    UseCase.ERASURE: frozenset({Ground.REQUEST_OF_SUBJECT, Ground.UNLAWFULLY_HELD, Ground.COURT_ORDER}),
    UseCase.DISCLOSURE: frozenset(
        {
            Ground.CRIMINAL_PROCEEDINGS,
            Ground.COMPLAINT,
            Ground.OCCURRENCE,
            Ground.COURT_ORDER,
            Ground.REQUEST_OF_SUBJECT,
            Ground.THREAT_TO_LIFE,
        }
    ),
    UseCase.FOLLOW: frozenset({Ground.THREAT_TO_LIFE, Ground.SERIOUS_CRIME, Ground.MISSING_AT_RISK}),
    UseCase.RECOGNITION: frozenset({Ground.THREAT_TO_LIFE, Ground.SERIOUS_CRIME, Ground.MISSING_AT_RISK}),
}
# Urgency excuses one signature where life or evidence is at stake, never for erasing.
MAY_BE_URGENT = frozenset({UseCase.LEGAL_HOLD, UseCase.DISCLOSURE, UseCase.FOLLOW})

Because = Refusal | UnsetType


def check_request(asked: Authorisation, now: datetime) -> None:
    """Raises `BadInput` for a request that cannot be granted as it is."""
    if asked.ground not in GROUNDS[asked.use_case]:
        fitting = ", ".join(sorted(GROUNDS[asked.use_case]))
        raise BadInput(f"{asked.ground} is no ground for {asked.use_case}", remedy=f"its grounds are {fitting}")
    if not asked.place.boroughs:
        raise BadInput("the request names no place", remedy="name the boroughs where it shall hold")
    if asked.ends_at <= asked.starts_at or asked.ends_at <= now:
        raise BadInput("the window ends before it begins, or is over", remedy="mend start or end")
    if asked.starts_at < now - SLACK:
        raise BadInput("authority is not given for the past", remedy="let it start now")
    if asked.ends_at - asked.starts_at > MOST:
        raise BadInput(f"the window is longer than {MOST.days} days", remedy="ask for less, and again before it ends")


def made_urgent(asked: Authorisation, now: datetime) -> Authorisation:
    """In force at once by its requester's word alone, for hours at most.

    Raises:
        Refused: the use case is never urgent.
    """
    if asked.use_case not in MAY_BE_URGENT:
        raise Refused(f"{asked.use_case} is never urgent", remedy="request it, and have another officer decide")
    ends_at = min(asked.ends_at, max(now, asked.starts_at) + MOST_URGENT)
    return replace(asked, urgent=True, state=State.IN_FORCE, ends_at=ends_at, decided_by=asked.requested_by, decided_at=now)


def decided(
    asked: Authorisation, by: str, allow: bool, now: datetime, because: Because = UNSET, makers: Sequence[str] = ()
) -> Authorisation:
    """Another officer's word on a request.

    Args:
        makers: of the account that decides, see `is_own_account`.

    Raises:
        Refused: it was decided on before, its time is over, or the officer is who asked for it (R3).
    """
    if by == asked.requested_by:
        raise Refused("whoever asks for authority does not give it", remedy="ask another authorising officer")
    if expired(asked, now) is not None:
        raise Refused("the request has lapsed", remedy="request it again")
    if asked.state is not State.REQUESTED:
        raise Refused(f"the request is {asked.state} already", remedy="request it again if it is still needed")
    state = State.IN_FORCE if allow else State.REFUSED
    own = True if is_own_account(asked.requested_by, by, makers) else UNSET
    return replace(
        asked, state=state, decided_by=by, decided_at=now, refused_because=UNSET if allow else because, own_account=own
    )


def reviewed(
    urgent: Authorisation, by: str, uphold: bool, now: datetime, because: Because = UNSET, makers: Sequence[str] = ()
) -> Authorisation:
    """Another officer's review of an urgent authority; upheld it holds to its end, which stays as it was.

    Raises:
        Refused: it is not urgent, was reviewed before, or the reviewer gave it.
    """
    if not urgent.urgent or urgent.reviewed_by is not None:
        raise Refused("there is nothing to review", remedy="look at its state")
    if by in (urgent.requested_by, urgent.decided_by):
        raise Refused("whoever gave an urgent authority does not review it", remedy="ask another authorising officer")
    state = urgent.state if uphold or urgent.state is not State.IN_FORCE else State.REVOKED
    why = UNSET if state is not State.REVOKED else because
    own = True if is_own_account(urgent.requested_by, by, makers) else UNSET
    return replace(urgent, reviewed_by=by, reviewed_at=now, state=state, refused_because=why, own_account=own)


def is_own_account(asked_by: str, decides: str, makers: Sequence[str]) -> bool:
    """Whether who asks could be who decides, under an account that they made themselves, directly or through others (R3)."""
    return decides != asked_by and asked_by in makers


def revoked(standing: Authorisation, now: datetime) -> Authorisation:
    """Raises `Refused` when there is nothing left to end."""
    if standing.state.is_final or expired(standing, now) is not None:
        raise Refused("it is over already", remedy="look at its state")
    return replace(standing, state=State.REVOKED)


def expired(standing: Authorisation, now: datetime) -> Authorisation | None:
    """The same, expired, when its time has come; None while it has not."""
    if standing.state.is_final:
        return None
    lapsed = standing.state is State.REQUESTED and now - standing.requested_at >= REQUEST_LIVES
    return replace(standing, state=State.EXPIRED) if lapsed or now >= standing.ends_at else None


def covers(standing: Authorisation, use_case: UseCase, subject_id: str, borough: str | None, now: datetime) -> bool:
    """Whether it covers an act now. Time decides by itself, whether or not anybody has noted that it is over."""
    return (
        standing.state is State.IN_FORCE
        and standing.starts_at <= now < standing.ends_at
        and standing.use_case is use_case
        and standing.subject_id == subject_id
        and (borough is None or borough in standing.place.boroughs)
    )
