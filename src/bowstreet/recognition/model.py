"""A recognition deployment, its list's manifest, and the closed questions that both answer (R1). Frozen values.

Nothing here holds a face, a template or a name: those lie sealed in the list (`watchlist`) and in alerts (`alerts.model`).
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.geo import Position


class DeploymentUse(StrEnum):
    """What a deployment is for. There is no "other"."""

    WANTED = "find-people-wanted"  # by a court, or for an offence
    RESTRICTED = "find-people-under-conditions"  # of a court's order that forbids them to be there, or to do something
    HARM = "find-people-who-pose-serious-harm"
    MISSING = "find-missing-people-at-risk"


class Category(StrEnum):
    """Why somebody is on a list. Which of them may stand on a list for which use case is in `answers.CATEGORIES`."""

    WANTED_BY_COURT = "wanted-by-court"
    SUSPECTED = "suspected-of-serious-offence"
    UNDER_CONDITIONS = "under-conditions-of-court-order"
    SERIOUS_HARM = "poses-risk-of-serious-harm"
    MISSING = "missing-at-risk"
    VOLUNTEER = "volunteer"  # of the police, who walks past to measure what is missed (R14)


class LocationBasis(StrEnum):
    """Why here."""

    CRIME_HOTSPOT = "recorded-crime-hotspot"
    EXPECTED = "intelligence-that-listed-people-come-here"
    EVENT = "event-at-assessed-risk"
    TRANSPORT = "transport-hub-used-by-listed-people"


class ImageSource(StrEnum):
    """Where an image on the list comes from (R5)."""

    CUSTODY = "custody-image"
    OTHER_FORCE = "another-force"
    COURT = "court"
    FAMILY = "family-of-missing-person"
    CONSENT = "given-by-the-person"


class LegalBasis(StrEnum):
    """The condition of DPA 2018 Schedule 8 on which it is processed, or consent for a volunteer."""

    STATUTORY_PURPOSE = "sch8-1-statutory-purpose"
    JUSTICE = "sch8-2-administration-of-justice"
    VITAL_INTERESTS = "sch8-3-vital-interests"
    SAFEGUARDING = "sch8-4-safeguarding"
    CONSENT = "consent"


class Risk(StrEnum):
    """What an officer is told before walking up to somebody."""

    NONE_KNOWN = "none-known"
    VIOLENT = "may-be-violent"
    ARMED = "may-be-armed"
    SELF_HARM = "may-harm-themselves"
    FRAIL = "needs-care"


class DeploymentState(StrEnum):
    """Of a deployment. Whether it may process is not a state: `rules.lease_until` asks everything anew, each second."""

    PLANNED = "planned"
    SUBMITTED = "submitted"  # plan and list are fixed; authority is asked for
    RUNNING = "running"
    STOPPED = "stopped"  # by somebody, or by itself; may be started again within its window
    CLOSED = "closed"  # nothing more is processed; its list is to be destroyed
    DESTROYED = "list-destroyed"
    PUBLISHED = "published"

    @property
    def is_over(self) -> bool:
        return self in (DeploymentState.CLOSED, DeploymentState.DESTROYED, DeploymentState.PUBLISHED)


class PlacedCamera(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed camera, where it stands for this deployment. `camera_id` names a configured one."""

    camera_id: str
    position: Position


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What authority is asked for. Its digest is what is authorised.

    `zone` is a ring of WGS 84 places, not closed. `threshold` is a cosine similarity of the model `model_sha256` (hex).
    """

    use_case: DeploymentUse
    location_basis: LocationBasis
    zone: tuple[Position, ...]
    boroughs: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    cameras: tuple[PlacedCamera, ...]
    threshold: float
    model_sha256: str
    report_sha256: str = ""  # the equitability report that stood when it was planned (R12); "" when none did


class EvidenceKind(StrEnum):
    NOTICE = "public-notice"  # published where the public reads it
    SIGN = "sign"  # put up where people walk into the view of a camera


class PublicEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """That the public was told (R15). `since` is when it was published or put up, `recorded_at` when that was said here.

    `camera_ids`: before which cameras a sign stands. `reference` is a notice's number or a photograph's SHA-256.
    """

    kind: EvidenceKind
    since: datetime
    recorded_at: datetime
    by: str
    reference: str
    camera_ids: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a list when it is destroyed, and what is shown of it before: counts, and the digest that was authorised.

    `to_review` are people under 18 or vulnerable whom no second person has approved yet (R6), by their pseudonyms.
    `model_sha256` is of the model that its images were described with (hex): only faces that the same one describes are compared
    with them. "" where that was not put down.
    """

    watchlist_id: str
    digest: str
    people: int
    images: int
    categories: dict[Category, int]
    enrolled_by: str
    enrolled_at: datetime
    policy: str  # the version of the rules on categories that it was made under (R4)
    to_review: tuple[str, ...] = ()
    reviewed: int = 0
    aged: int = 0  # images older than `rules.IMAGE_AGES`
    volunteers: int = 0
    model_sha256: str = ""
    destroyed_at: datetime | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What counters alone survive of faces that were on no list (R7). Sums over the whole deployment.

    They reconcile: `frames` came, `analysed + dropped == frames`; each of `tracks` is one face seen; `matched` of them reached
    the threshold, and of those `alerts` became alerts, `repeated` were the same pass again, `inconsistent` too uncertain.
    """

    frames: int = 0
    analysed: int = 0
    dropped: int = 0
    corrupt: int = 0
    tracks: int = 0
    matched: int = 0
    alerts: int = 0
    repeated: int = 0
    inconsistent: int = 0
    refused: int = 0  # came when nothing might be processed

    def plus(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """Another plan for a deployment that is authorised already: cameras that stand elsewhere. It holds once it is authorised."""

    plan: Plan
    authorisation_id: str
    asked_by: str


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment, as the store keeps it.

    `plan_digest` and `list_digest` are what was submitted. `authorisation_id` names the authority asked for or given.
    """

    deployment_id: str
    plan: Plan
    planned_by: str
    planned_at: datetime
    state: DeploymentState = DeploymentState.PLANNED
    revision: int = 1
    evidence: tuple[PublicEvidence, ...] = ()
    manifest: Manifest | None = None
    plan_digest: str = ""
    list_digest: str = ""
    authorisation_id: str = ""
    authorised_by: str = ""
    amendment: Amendment | None = None
    moved: tuple[str, ...] = ()  # cameras that stand elsewhere than authorised: nothing of theirs is processed
    started_by: str = ""
    started_at: datetime | None = None  # the first time
    closed_at: datetime | None = None
    why: str = ""  # of the last stop or close, or that an amended plan was not taken
    counts: Counts = Counts()
    record_digest: str = ""


class ListState(StrEnum):
    STANDS = "stands"
    ENDED = "ended"  # to be destroyed


class KeptList(msgspec.Struct, frozen=True, kw_only=True):
    """That a list is kept: for retention, which destroys its key and erases this record with it (R9)."""

    watchlist_id: str
    deployment_id: str
    made_at: datetime
    state: ListState = ListState.STANDS
    ended_at: datetime | None = None


class Obstacle(StrEnum):
    """Why nothing is processed. Each has its words in `obstacles.SAYS`."""

    NOT_RUNNING = "not-running"
    NO_AUTHORITY = "no-authority"
    OUTSIDE_WINDOW = "outside-window"
    NOT_THIS_CAMERA = "camera-not-authorised"
    CAMERA_MOVED = "camera-moved"
    NO_LEDGER = "no-ledger"
    NO_LIST = "no-list"
    LIST_CHANGED = "list-not-the-authorised-one"
    LIST_MODEL = "list-made-with-another-model"
    LIST_POLICY = "list-made-under-other-rules"
    LIST_MISPLACED = "list-of-another-use-case"
    LIST_UNREVIEWED = "list-needs-second-approval"
    NO_NOTICE = "no-public-notice"
    NO_SIGNS = "no-signs"
    NO_CAMERA = "camera-not-configured"
    OTHER_MODEL = "another-model-in-use"
    BELOW_FLOOR = "threshold-below-floor"
    NO_REPORT = "no-accuracy-report"
    SAME_PERSON = "authoriser-is-operator"
    ANOTHER_RUNS = "another-deployment-runs"


class Opportunity(msgspec.Struct, frozen=True, kw_only=True):
    """A volunteer walked past (R14): it should have raised an alert. Kept whether or not it did."""

    opportunity_id: str
    deployment_id: str
    person_id: str
    camera_id: str
    at: datetime
    noted_by: str


class PublicRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The public record of a deployment, as it is kept: the bytes that are served, and their SHA-256, hex."""

    deployment_id: str
    ended_at: datetime
    digest: str
    text: str
