"""The closed lists of the log of processing, and a line of it."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Processing(StrEnum):
    """The six kinds of DPA 2018 s.62(1)."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"


class NotPersonal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message stands for no processing of personal data."""

    because: str


class Matter(StrEnum):
    """What was consulted."""

    WORDS = "words"  # what callers said of an incident
    DECISIONS = "decisions"  # about an incident, with the reasons that people typed
    REPORT = "quarantined-report"
    INCIDENTS = "incidents"  # the list: places and categories
    FEED = "live-feed"  # the same, and reasons that people typed, as it happens
    REQUEST = "public-request"  # what a member of the public wrote, and how to reach them
    OFFICER_PAGE = "officer-page"  # one incident, its drone and whom it follows, on an officer's phone
    LOG = "processing-log"
    LEDGER = "ledger-bundle"
    WATCHLIST = "watchlist"  # who is on it, with images
    STREET = "street"  # what a recognition camera shows, with every face hidden that raised no alert


# What is no single incident's or report's stands under one of these.
OPERATION, LEDGER = "operation", "ledger"


class Justification(StrEnum):
    """Why somebody looks. Never typed freely."""

    INCIDENT_HANDLING = "incident-handling"
    AWARENESS = "awareness"  # the operation is watched while it goes on
    SUPERVISION = "supervision"
    AUTHORISATION = "authorisation"  # a request for authority is weighed
    COMPLAINT = "complaint"
    SUBJECT_ACCESS = "subject-access"
    SAFETY = "safety"  # an occurrence is looked into
    AUDIT = "audit"
    ADJUDICATION = "adjudication"  # an alert is decided on
    ENROLMENT = "enrolment"  # a list is made, or approved


class Recipient(StrEnum):
    """To whom personal data were given, as far as it is kept: the name stands in the file of the authorisation."""

    SUBJECT = "data-subject"
    PROSECUTOR = "prosecutor"
    COURT = "court"
    OVERSIGHT = "oversight-body"
    AVIATION = "aviation-authority"
    POLICE = "police-force"
    EMERGENCY = "emergency-service"


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day (UTC) of which consultations are on record; they are kept, and erased, together."""

    log_id: str
    over_at: datetime


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. `by_name` only while the account is still there; `readable` is false once its content was erased."""

    index: int
    at: datetime
    processing: Processing
    what: str
    subject_id: str
    by: str
    by_name: str
    justification: str
    recipient: str
    authorisation_id: str
    readable: bool
