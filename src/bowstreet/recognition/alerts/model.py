"""An alert, its states, and the closed answers that a person gives. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.recognition.model import Category, Risk


class AlertState(StrEnum):
    RAISED = "raised"  # waits for an officer
    CLAIMED = "claimed"  # one officer has it
    ENGAGED = "engaged"  # that officer walks up to the person; the outcome is still to come
    SETTLED = "settled"
    LAPSED = "lapsed"  # nobody answered in time
    SEEDED = "seeded"  # about a volunteer: it measures, nobody acts

    @property
    def is_open(self) -> bool:
        return self in (AlertState.RAISED, AlertState.CLAIMED, AlertState.ENGAGED)


class Judgement(StrEnum):
    """What an officer sees on comparing the two pictures."""

    SAME = "same-person"
    NOT_SAME = "not-the-same-person"
    UNSURE = "cannot-tell"


class NotEngaged(StrEnum):
    """Why nobody walked up to the person."""

    NOT_SAME = "not-the-same-person"
    UNSURE = "cannot-tell"
    GONE = "gone-before-anyone-came"
    NOT_PROPORTIONATE = "not-proportionate-here"
    NO_LONGER_WANTED = "no-longer-wanted"


class IdentityFound(StrEnum):
    """Whether the alert was right, once somebody was spoken to."""

    CONFIRMED_TRUE = "confirmed-true"
    CONFIRMED_FALSE = "confirmed-false"
    UNCONFIRMED = "not-established"


class Disposal(StrEnum):
    ARREST = "arrest"
    OTHER = "other-disposal"
    NONE = "no-action"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of a face on its way past a camera: whom it is most like on the list, how much, how good the picture was.

    `score` is a cosine similarity, `quality` from 0 to 1.
    """

    at: datetime
    person_id: str
    score: float
    quality: float


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A face's pass of a camera, from the pipeline. It comes only when a look reached the threshold; all else is counted there.

    `track_id` is the pass's own on its camera. `probe` is a JPEG of the face alone, everything else blurred or left out.
    """

    deployment_id: str
    camera_id: str
    track_id: str
    looks: tuple[Look, ...]
    probe: bytes


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """A second opinion: asked for, and given by another officer."""

    asked_by: str
    asked_at: datetime
    given_by: str = ""
    given_at: datetime | None = None
    judgement: Judgement | None = None


class AlertResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an alert."""

    engaged: bool
    judgement: Judgement
    why_not: NotEngaged | None = None
    identity: IdentityFound = IdentityFound.UNCONFIRMED
    disposal: Disposal = Disposal.NONE


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert. Sealed under a key of its own; its probe lies apart, so that a list of alerts opens no picture.

    `viewed_by` are the officers who had the two pictures before them. `score` and `quality` are of the best look.
    """

    alert_id: str
    deployment_id: str
    camera_id: str
    track_id: str
    person_id: str
    category: Category
    risk: Risk
    minor_or_vulnerable: bool
    score: float
    threshold: float
    quality: float
    looks: int
    seen_at: datetime
    raised_at: datetime
    borough: str
    state: AlertState = AlertState.RAISED
    viewed_by: tuple[str, ...] = ()
    claimed_by: str = ""
    claimed_at: datetime | None = None
    opinion: Opinion | None = None
    outcome: AlertResult | None = None
    settled_by: str = ""
    settled_at: datetime | None = None


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """The picture of an alert: a JPEG of the face that was seen."""

    alert_id: str
    image: bytes


class Withheld(StrEnum):
    """Why a sighting becomes no alert."""

    INCONSISTENT = "looks-disagree"
    TOO_FEW = "too-few-looks"
    BELOW = "below-threshold"
    REPEATED = "same-pass"


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """That a sighting is an alert about this person, by its best look."""

    person_id: str
    best: Look
    agreeing: int
