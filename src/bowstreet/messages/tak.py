"""What sharing with partners tells: with whom, from when to when, what of, and how much."""

from datetime import datetime

from bowstreet.messages.base import Message


class SharingChanged(Message, frozen=True, kw_only=True):
    """Sharing with one partner begins, reaches their server, or ends: `stage` is one of `tak.model.Stage`.

    Attributes:
        recipient: the partner, as the configuration calls them.
        address: where events go.
        shares, boroughs: what is shared, of where; no boroughs is everywhere.
        until: when it ends by itself.
        certificate, authority: SHA-256 (hex) of this program's certificate and of the one that must have signed the server's.
        server: SHA-256 (hex) of the server's own certificate, once it has been reached.
    """

    sharing_id: str
    recipient: str
    address: str
    shares: tuple[str, ...]
    boroughs: tuple[str, ...]
    until: datetime | None
    stage: str
    why: str = ""
    certificate: str = ""
    authority: str = ""
    server: str = ""


class PartnerShown(Message, frozen=True, kw_only=True):
    """A partner is about to be shown an incident, or the subject that is followed for it: `incident-shown` or `subject-shown`."""

    sharing_id: str
    recipient: str
    incident_id: str
    what: str
    follow_id: str = ""


class SharingCounted(Message, frozen=True, kw_only=True):
    """How many events went to a partner since `since`, by kind; `dropped` were too old or too many to be sent."""

    sharing_id: str
    since: datetime
    sent: dict[str, int]
    dropped: int
