"""What each audited message is in the terms of DPA 2018 s.62, and why somebody may look. Pure.

s.62(2) asked consultation logs for the justification, the moment and as far as possible the person; s.62(3) the same of
disclosures, with the recipient. The Data (Use and Access) Act 2025, s.82, takes the justification out; it is kept here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from bowstreet import messages as m
from bowstreet.accountability.authority.model import Ground
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing.model import Justification, LogLine, NotPersonal, Processing, Recipient
from bowstreet.errors import Refused

_DRONE = NotPersonal(because="what a drone does; pictures have entries of their own")
_FOOTAGE = NotPersonal(because="how far a recording goes; its beginning has the entry")
_STAFF = NotPersonal(because="what somebody at work did with the program, under a pseudonym; nothing of a subject is in it")
_PROGRAM = NotPersonal(because="what the program or its rules are")
_DECISION = NotPersonal(because="what was decided about an incident, by its id; the incident's own entries say what is held")

# Every audited message stands here (a test sees to it).
KINDS: Mapping[type[m.Message], Processing | NotPersonal] = {
    m.IncidentOpened: Processing.COLLECTION,
    m.CallMerged: Processing.COMBINATION,
    m.CallQuarantined: Processing.COLLECTION,
    m.IncidentChanged: Processing.ALTERATION,
    m.LaunchAuthorised: _DECISION,
    m.NoDroneAvailable: _DECISION,
    m.RecallOrdered: _DECISION,
    m.MissionRetasked: _DECISION,
    m.WatchWanted: _DECISION,
    m.WatchEnded: _DECISION,
    m.RelayPlanned: _DECISION,
    m.WatchHandedOver: _DRONE,
    m.MissionChanged: _DRONE,
    m.CommandIssued: _DRONE,
    m.ControlTaken: _STAFF,
    m.ControlReleased: _STAFF,
    m.VehicleGrounded: _STAFF,
    m.VehicleReleased: _STAFF,
    m.FollowChanged: Processing.COLLECTION,
    m.FollowConsentChanged: _STAFF,
    m.CameraSteered: _DRONE,
    m.OfficerLinkChanged: NotPersonal(because="leave to look, by ids; each look by it has its own entry"),
    m.VideoWatched: Processing.CONSULTATION,
    m.FootageWatched: Processing.CONSULTATION,
    m.VideoLeft: NotPersonal(because="the end of a viewing; its beginning has the entry"),
    m.SnapshotTaken: Processing.CONSULTATION,
    m.RecordingStarted: Processing.COLLECTION,
    m.RecordingAnchored: _FOOTAGE,
    m.RecordingClosed: _FOOTAGE,
    m.RedactionChanged: Processing.ALTERATION,
    m.RegionChanged: Processing.ALTERATION,
    m.FootageDisclosed: Processing.DISCLOSURE,
    m.ZoneChanged: _STAFF,
    m.AccessDenied: NotPersonal(because="nothing was shown or changed"),
    m.SignedIn: _STAFF,
    m.ProvedAgain: _STAFF,
    m.PolicyInForce: _PROGRAM,
    m.MasterKeyChanged: _PROGRAM,
    m.LogKeyChanged: _PROGRAM,
    m.CommandDecided: NotPersonal(because="leave for an act; the act has its own entry"),
    m.Consulted: Processing.CONSULTATION,
    m.Disclosed: Processing.DISCLOSURE,
    m.OccurrenceChanged: NotPersonal(because="closed lists about an aircraft, and pseudonyms of staff"),
    m.ReleasePublished: NotPersonal(because="generalised so that nobody can be found in it (docs/transparency.md)"),
    m.RetentionTableInForce: _PROGRAM,
    m.ErasureOrdered: Processing.ERASURE,
    m.Erased: Processing.ERASURE,
    m.AuthorisationChanged: NotPersonal(because="leave for an act, by ids; the act has its own entry"),
    m.AccountChanged: Processing.ALTERATION,
    m.VehicleKeyChanged: _STAFF,
    m.PublicRequestChanged: Processing.COLLECTION,  # and, after the first, what became of it
    m.ForkSeen: _PROGRAM,
    m.SharingChanged: Processing.DISCLOSURE,  # and, after the first, what became of it
    m.PartnerShown: Processing.DISCLOSURE,
    m.SharingCounted: NotPersonal(because="how many events; each incident and subject has an entry of its own"),
    m.DeploymentChanged: NotPersonal(
        because="what a deployment is, by ids and digests; its list and alerts have entries of their own"
    ),
    m.DeploymentCounted: NotPersonal(because="sums over faces that nobody kept"),
    m.WatchlistChanged: Processing.COLLECTION,
    m.ListingReviewed: Processing.ALTERATION,
    m.AlertRaised: Processing.COMBINATION,  # a face with a list
    m.AlertViewed: Processing.CONSULTATION,
    m.AlertChanged: Processing.ALTERATION,
    m.PushSubscriptionChanged: _STAFF,
    m.VolunteerPassed: Processing.COLLECTION,
    m.DeploymentPublished: NotPersonal(because="generalised so that nobody can be found in it (docs/recognition.md)"),
    m.RunChanged: _PROGRAM,
}
BY_NAME: dict[str, Processing] = {kind.__name__: said for kind, said in KINDS.items() if isinstance(said, Processing)}

# What a line calls a message that does not say itself what was looked at, and each whose content was erased.
WHAT: Mapping[str, str] = {
    "IncidentOpened": "incident-opened",
    "CallMerged": "calls-about-one-incident",
    "CallQuarantined": "report-quarantined",
    "IncidentChanged": "incident-changed",
    "FollowChanged": "follow",
    "VideoWatched": "live-pictures",
    "SnapshotTaken": "picture-kept-as-a-file",
    "FootageWatched": "footage",
    "RecordingStarted": "recording-started",
    "RedactionChanged": "redaction",
    "RegionChanged": "redaction-region",
    "FootageDisclosed": "footage-disclosed",
    "Consulted": "consulted",
    "Disclosed": "disclosed",
    "ErasureOrdered": "erasure-ordered",
    "Erased": "erased",
    "AccountChanged": "account-changed",
    "PublicRequestChanged": "public-request",
    "SharingChanged": "sharing",
    "PartnerShown": "shown-to-a-partner",
    "WatchlistChanged": "watchlist",
    "ListingReviewed": "listing-reviewed",
    "AlertRaised": "face-and-list",
    "AlertViewed": "recognition-alert",
    "AlertChanged": "alert",
    "VolunteerPassed": "volunteer-passed",
}

RECIPIENTS: dict[Ground, Recipient] = {
    Ground.CRIMINAL_PROCEEDINGS: Recipient.PROSECUTOR,
    Ground.COMPLAINT: Recipient.OVERSIGHT,
    Ground.OCCURRENCE: Recipient.AVIATION,
    Ground.COURT_ORDER: Recipient.COURT,
    Ground.REQUEST_OF_SUBJECT: Recipient.SUBJECT,
    Ground.THREAT_TO_LIFE: Recipient.EMERGENCY,
}

_WORK = frozenset({Justification.INCIDENT_HANDLING, Justification.COMPLAINT, Justification.SUBJECT_ACCESS, Justification.SAFETY})
# What each role may say, when it says why.
MAY_SAY: dict[Role, frozenset[Justification]] = {
    Role.DISPATCHER: _WORK,
    Role.PILOT: _WORK,
    Role.SUPERVISOR: _WORK | {Justification.SUPERVISION},
    Role.AUTHORISING_OFFICER: frozenset({Justification.AUTHORISATION, Justification.COMPLAINT}),
    Role.RECOGNITION_OPERATOR: frozenset({Justification.ENROLMENT, Justification.COMPLAINT, Justification.SUBJECT_ACCESS}),
    Role.ADJUDICATING_OFFICER: frozenset({Justification.ADJUDICATION, Justification.COMPLAINT}),
    Role.REGULATOR: frozenset({Justification.AUDIT}),
}
# What holds when it says nothing, whatever it looks at.
_ALWAYS: dict[Role, Justification] = {
    Role.SUPERVISOR: Justification.SUPERVISION,
    Role.AUTHORISING_OFFICER: Justification.AUTHORISATION,
    Role.RECOGNITION_OPERATOR: Justification.ENROLMENT,
    Role.REGULATOR: Justification.AUDIT,
}
# What holds while the thing goes on.
_MEANWHILE: dict[Role, Justification] = {
    Role.DISPATCHER: Justification.INCIDENT_HANDLING,
    Role.PILOT: Justification.INCIDENT_HANDLING,
    Role.VIEWER: Justification.AWARENESS,
    Role.PLANNER: Justification.AWARENESS,
    Role.ADJUDICATING_OFFICER: Justification.ADJUDICATION,
}


def justified(role: Role, said: Justification | None, *, acts: bool, standing: bool) -> Justification:
    """Why somebody looks.

    Args:
        said: what the person says, if anything.
        acts: whether the person acts on it: sent the drone, flies it.
        standing: whether it still goes on.

    Raises:
        Refused: the role may not say that, or has to say something: it looks at what is over, and had no part in it.
    """
    may_say = MAY_SAY.get(role, frozenset())
    if said is not None and said in may_say:
        return said
    if said is not None:
        raise Refused(f"a {role} does not look for {said}", remedy=_remedy(may_say))
    if acts and role in _MEANWHILE and role is not Role.ADJUDICATING_OFFICER:
        return Justification.INCIDENT_HANDLING
    found = _ALWAYS.get(role) or (_MEANWHILE.get(role) if standing else None)
    if found is None:
        raise Refused("it is over, and you had no part in it: say why you look", remedy=_remedy(may_say))
    return found


def _remedy(may_say: Iterable[Justification]) -> str:
    words = ", ".join(sorted(may_say))
    return f"add why= one of {words}" if words else "ask a supervisor"


def line(
    index: int, at: datetime, kind: str, subject: str, message: m.Message | None, names: Mapping[str, str]
) -> LogLine | None:
    """The line of an entry; None when it stands for no processing.

    Args:
        subject: what the entry shows. The line names the incident instead where the message does: asked what was done with an
            incident's data, the log must not leave out who watched its pictures.
        message: None when its content was erased.
        names: of accounts that are still there.
    """
    processing = BY_NAME.get(kind)
    if processing is None:
        return None
    by = _said(message, "by")
    return LogLine(
        index=index, at=at, processing=processing, what=_what(kind, message),
        subject_id=_said(message, "subject_id") or _said(message, "incident_id") or subject, by=by, by_name=names.get(by, ""),
        justification=_said(message, "justification") or _said(message, "ground"), recipient=_said(message, "recipient"),
        authorisation_id=_said(message, "authorisation_id"), readable=message is not None,
    )  # fmt: skip


def _what(kind: str, message: m.Message | None) -> str:
    """What was consulted, or what was done; of what has stages, which."""
    said, stage = _said(message, "what") or WHAT[kind], _said(message, "stage")
    return f"{said}-{stage}" if stage else said


def _said(message: m.Message | None, name: str) -> str:
    return str(getattr(message, name, ""))
