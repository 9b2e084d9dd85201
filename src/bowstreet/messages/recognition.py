"""What recognition tells: deployments, their lists, alerts and what people did with them. Ids and counts, never a face or a
name."""

from datetime import datetime

from bowstreet.messages.base import Message


class DeploymentChanged(Message, frozen=True, kw_only=True):
    """A deployment is something else now: `state` is one of `recognition.model.State`. Digests are of what was submitted."""

    deployment_id: str
    state: str
    change: str
    by: str
    revision: int
    plan_digest: str
    list_digest: str
    authorisation_id: str
    why: str = ""


class DeploymentCounted(Message, frozen=True, kw_only=True):
    """The counters of a deployment so far, so that gaps show: camera to matcher to alert."""

    deployment_id: str
    frames: int
    analysed: int
    dropped: int
    tracks: int
    matched: int
    alerts: int
    repeated: int
    inconsistent: int
    refused: int


class WatchlistChanged(Message, frozen=True, kw_only=True):
    """A list was made for a deployment, or reviewed, or opened to match with: how many people and images, and its digest."""

    deployment_id: str
    watchlist_id: str
    change: str
    by: str
    people: int
    images: int
    digest: str


class ListingReviewed(Message, frozen=True, kw_only=True):
    """A second person approved that somebody under 18 or vulnerable is listed, or had them taken off (R6)."""

    deployment_id: str
    watchlist_id: str
    person_id: str
    by: str
    approved: bool


class AlertRaised(Message, frozen=True, kw_only=True):
    """Durable before anybody sees the alert."""

    alert_id: str
    deployment_id: str
    camera_id: str
    person_id: str
    score: float
    threshold: float
    seen_at: datetime
    seeded: bool


class AlertViewed(Message, frozen=True, kw_only=True):
    """Somebody is about to see the two pictures of an alert."""

    alert_id: str
    deployment_id: str
    by: str
    role: str
    justification: str


class AlertChanged(Message, frozen=True, kw_only=True):
    """What a person did with an alert, or that its time was over (`by` is then ""). The answers are those of `Outcome`."""

    alert_id: str
    deployment_id: str
    change: str
    state: str
    by: str
    judgement: str = ""
    engaged: bool | None = None
    identity: str = ""
    disposal: str = ""


class PushSubscriptionChanged(Message, frozen=True, kw_only=True):
    """An officer's phone is called when an alert waits, from now on or no more. `subject` is the officer's account, `host` the
    push service's name; the address itself stands nowhere here. `change` is subscribed, renewed or ended, `why` how it ended."""

    subject: str
    subscription_id: str
    change: str
    by: str
    host: str
    until: datetime
    consent: str
    why: str = ""


class VolunteerPassed(Message, frozen=True, kw_only=True):
    """A volunteer of the list walked past a camera: what true recognition is measured over (R14)."""

    opportunity_id: str
    deployment_id: str
    camera_id: str
    person_id: str
    by: str


class DeploymentPublished(Message, frozen=True, kw_only=True):
    """The public record of a deployment is out; its SHA-256, hex."""

    deployment_id: str
    digest: str
