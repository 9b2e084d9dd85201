"""Authorisations: what was asked for, on which ground, where, when, by whom, and who decided. Every question is closed (R1)."""

from datetime import datetime
from enum import StrEnum

import msgspec


class UseCase(StrEnum):
    """What authority is asked for."""

    LEGAL_HOLD = "legal-hold"  # keep personal data beyond its period
    ERASURE = "erasure"
    DISCLOSURE = "disclosure"  # give personal data to somebody outside
    FOLLOW = "follow"  # a person beyond the response to the incident (D4)
    RECOGNITION = "recognition-deployment"  # R1 to R3


class Ground(StrEnum):
    """Why. Which of them will do for which use case is in `rules.GROUNDS`."""

    CRIMINAL_PROCEEDINGS = "criminal-proceedings"
    INVESTIGATION = "investigation"
    COMPLAINT = "complaint-or-misconduct"
    OCCURRENCE = "aviation-occurrence"
    COURT_ORDER = "court-order"
    REQUEST_OF_SUBJECT = "request-of-the-data-subject"
    UNLAWFULLY_HELD = "unlawfully-held"
    THREAT_TO_LIFE = "threat-to-life"
    SERIOUS_CRIME = "serious-crime"
    MISSING_AT_RISK = "missing-person-at-risk"


class Refusal(StrEnum):
    """Why a request is refused, or an urgent authority ended by its review: as closed a question as the others."""

    NOT_NECESSARY = "not-necessary"
    NOT_PROPORTIONATE = "not-proportionate"
    GROUND_NOT_SHOWN = "ground-not-shown"
    TOO_WIDE = "place-or-window-too-wide"
    WRONG_SUBJECT = "wrong-subject"


class State(StrEnum):
    REQUESTED = "requested"
    IN_FORCE = "in-force"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self not in (State.REQUESTED, State.IN_FORCE)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it holds: boroughs by name. A deployment's drawn zone lies within them."""

    boroughs: tuple[str, ...]


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for one use case on one subject: an incident, a person's request or a deployment, by its id.

    Urgent leave is given by one authorising officer alone, holds for hours, and waits for another's review.
    """

    authorisation_id: str
    use_case: UseCase
    ground: Ground
    subject_id: str
    place: Place
    starts_at: datetime
    ends_at: datetime
    requested_by: str
    requested_at: datetime
    urgent: bool = False
    state: State = State.REQUESTED
    decided_by: str | None = None
    decided_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    # Left out where there is none, so that documents signed before they existed still have the digest that is in the ledger.
    refused_because: Refusal | msgspec.UnsetType = msgspec.UNSET
    # Who asked made the account that decided or reviewed, or one that made it: two accounts are perhaps one person.
    own_account: bool | msgspec.UnsetType = msgspec.UNSET
