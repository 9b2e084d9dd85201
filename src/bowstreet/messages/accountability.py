"""What accountability tells: who came in, what was decided and by which rules, what was kept, erased, shown and published."""

from datetime import datetime

from bowstreet.messages.base import Message


class AccessDenied(Message, frozen=True, kw_only=True):
    """A refusal at the edge. `subject` is a pseudonymous account or address id."""

    subject: str
    action: str
    rule: str


class SignedIn(Message, frozen=True, kw_only=True):
    subject: str
    role: str
    how: str = "password"


class ProvedAgain(Message, frozen=True, kw_only=True):
    """Somebody signed in proved again who they are, before a grave act."""

    subject: str
    how: str = "password"


class PolicyInForce(Message, frozen=True, kw_only=True):
    """Which policy decides from now on: SHA-256 of its text."""

    version: str
    source: str


class CommandDecided(Message, frozen=True, kw_only=True):
    """A command was allowed at the edge, before it was done: to whom, on what, by which rules of which policy."""

    subject: str
    action: str
    thing: str
    rules: str
    policy: str
    authorisation_id: str = ""


class AuthorisationChanged(Message, frozen=True, kw_only=True):
    """`state` is one of `accountability.authority.model.State`; `digest` is SHA-256 of the authorisation's document."""

    authorisation_id: str
    use_case: str
    state: str
    by: str
    digest: str


class RetentionTableInForce(Message, frozen=True, kw_only=True):
    """By which table personal data are kept from now on; `digest` is SHA-256 of its text."""

    version: str
    digest: str


class ErasureOrdered(Message, frozen=True, kw_only=True):
    """Personal data are about to be erased. `by` is the table's version, or the account of who ordered it."""

    erasure_id: str
    subject_id: str
    retention_class: str
    by: str
    due_at: datetime
    table: str


class Erased(Message, frozen=True, kw_only=True):
    """The receipt: the data key is destroyed, the records are deleted."""

    erasure_id: str
    subject_id: str
    retention_class: str


class Disclosed(Message, frozen=True, kw_only=True):
    """Personal data of a subject were given out: by whose order, under which authority, on which ground, to whom."""

    subject_id: str
    by: str
    authorisation_id: str
    parts: int
    ground: str = ""
    recipient: str = ""


class Consulted(Message, frozen=True, kw_only=True):
    """Somebody is about to see something personal (DPA 2018 s.62). `log_id` is the day's log, which is kept and erased whole.

    `what` and `justification` are of the closed lists in `accountability.processing.model`; `subject_id` is an incident, a
    report, or what is named there. `stage` is empty, or `opened` and `closed` for the live feed, which is looked at all the time.
    """

    log_id: str
    by: str
    role: str
    what: str
    subject_id: str
    justification: str
    stage: str = ""


class OccurrenceChanged(Message, frozen=True, kw_only=True):
    """`state` is one of `accountability.occurrence.model.State`; `digest` is SHA-256 of the report as it is now."""

    occurrence_id: str
    occurrence_kind: str
    severity: str
    state: str
    by: str
    digest: str


class ReleasePublished(Message, frozen=True, kw_only=True):
    """A release of the public register, made once; `digest` is SHA-256 of its bytes."""

    release_id: str
    digest: str
    flights: int


class PublicRequestChanged(Message, frozen=True, kw_only=True):
    """A request or complaint of a member of the public came, or moved on. What it says and who sent it stay with the request.

    `ground` is why it was refused, one of a closed list; `by` the account of whoever handles it, "" when it came in.
    """

    request_id: str
    request_kind: str
    state: str
    by: str = ""
    ground: str = ""


class ForkSeen(Message, frozen=True, kw_only=True):
    """A checkpoint that this log's key signed does not fit the record. `source` is the witness who has it, or "public".

    `root` (hex) is what it says of `size` entries; `ours` what the record says, "" when it has fewer.
    """

    fork_id: str
    source: str
    size: int
    root: str
    ours: str


class MasterKeyChanged(Message, frozen=True, kw_only=True):
    """All keys are put under another master key: `state` is ordered or done. The names tell nothing of the keys."""

    old: str
    new: str
    state: str


class LogKeyChanged(Message, frozen=True, kw_only=True):
    """The log's key changes with this entry. `digest` is SHA-256 of the statement that both keys sign."""

    digest: str
    old: str
    new: str


class AccountChanged(Message, frozen=True, kw_only=True):
    subject: str
    change: str
    by: str


class VehicleKeyChanged(Message, frozen=True, kw_only=True):
    """A vehicle's signing key: made, rotated, in-use, replaced or revoked. `by` is an account, the vehicle or the clock."""

    vehicle_id: str
    key_id: str
    change: str
    by: str
    fingerprint: str
