"""Requests of the public, from when they come to when they are answered. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec


class RequestKind(StrEnum):
    """What a person asks. The list is closed: each has its own law and time."""

    SUBJECT_ACCESS = "subject-access"  # DPA 2018 s.45
    ERASURE = "erasure"  # DPA 2018 s.47
    COMPLAINT = "complaint"  # DPA 2018 s.164A, and any other complaint


class RequestState(StrEnum):
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        return self in (RequestState.ANSWERED, RequestState.REFUSED)


class RefusalGround(StrEnum):
    """Why a request was refused."""

    NOT_IDENTIFIED = "not-identified"  # s.52(4): who asks could not be confirmed
    UNFOUNDED = "unfounded-or-excessive"  # s.53
    RESTRICTED = "restricted"  # ss.45(4) and 48(3): it would prejudice what the Act protects
    NOT_HELD = "not-held"
    NOT_OURS = "not-ours"  # of another controller


class RequestChange(msgspec.Struct, frozen=True, kw_only=True):
    """A step. `by` is an account, "" for the person who asked."""

    at: datetime
    state: RequestState
    by: str = ""
    ground: RefusalGround | None = None


class PublicRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `contact` and `words` are what the person wrote: sealed under its own key, shown to whoever handles it.

    Attributes:
        reference_digest: SHA-256 of the reference, hex; the reference itself is with the person alone.
        acknowledge_by, answer_by: what the law asks; None where it names no time.
    """

    request_id: str
    kind: RequestKind
    contact: str
    words: str
    filed_at: datetime
    state: RequestState
    reference_digest: str
    acknowledge_by: datetime | None
    answer_by: datetime | None
    changes: tuple[RequestChange, ...] = ()

    @property
    def settled_at(self) -> datetime | None:
        return self.changes[-1].at if self.state.is_final else None
