"""What counts as an occurrence, who must be told of it by when, and what may become of it. Pure."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bowstreet.accountability.occurrence.model import (
    Body,
    Damage,
    Findings,
    FlightPhase,
    Injuries,
    Involved,
    Kind,
    Occurrence,
    OccurrenceState,
    Outcome,
    Sent,
    Severity,
)
from bowstreet.errors import BadInput, Refused

# UK Reg (EU) 376/2014, article 4(7) and (8): from when it became known.
REPORT_WITHIN = timedelta(hours=72)
# Telemetry before the flight began, and after: a battery lasts less than an hour, and it may lie somewhere.
BEFORE, AFTER = timedelta(minutes=1), timedelta(hours=1)

# A flight's own reasons that are an occurrence. A link that is back within seconds is none; the vehicle's own failsafe is.
BY_CODE: dict[str, Kind] = {
    "lost": Kind.LOST_VEHICLE,
    "not-heard": Kind.LOST_VEHICLE,
    "landed-elsewhere": Kind.OFF_SITE_LANDING,
    "landed-unasked": Kind.OFF_SITE_LANDING,
    "not-resumed": Kind.OWN_FAILSAFE,
    "after-contingency": Kind.OWN_FAILSAFE,
    "own-failsafe": Kind.OWN_FAILSAFE,
    "gps-off": Kind.POSITION_LOST,
    "gps-stuck": Kind.POSITION_LOST,
    "gps-wrong": Kind.POSITION_LOST,
    "no-progress": Kind.LOSS_OF_CONTROL,
    "does-not-land": Kind.LOSS_OF_CONTROL,
    "rose": Kind.LOSS_OF_CONTROL,
    "short-of-charge": Kind.LOW_ENERGY,
}
PHASES: dict[str, FlightPhase] = {
    "authorised": FlightPhase.STANDING,
    "preflight": FlightPhase.STANDING,
    "climbing": FlightPhase.TAKE_OFF,
    "outbound": FlightPhase.EN_ROUTE,
    "on-scene": FlightPhase.MANOEUVRING,
    "controlled": FlightPhase.MANOEUVRING,
    "returning": FlightPhase.EN_ROUTE,
    "landing": FlightPhase.LANDING,
}


def kind_of(phase: str, code: str) -> Kind | None:
    """What a flight's change is as an occurrence; None when it is none. However a flight is lost, it is one."""
    kind = BY_CODE.get(code)
    return Kind.LOST_VEHICLE if kind is None and phase == "lost" else kind


def first_findings(kind: Kind, phase: str) -> Findings:
    """What can be said at once. How grave it is, whether somebody was hurt: a person finds out."""
    damage = Damage.MISSING if kind is Kind.LOST_VEHICLE else Damage.UNKNOWN
    return Findings(phase=PHASES.get(phase, FlightPhase.UNKNOWN), damage=damage)


def check_findings(found: Findings) -> None:
    """Raises `BadInput` for findings that contradict each other."""
    hurt = found.injuries in (Injuries.SERIOUS, Injuries.FATAL)
    if hurt and found.severity is not Severity.ACCIDENT:
        raise BadInput("serious and fatal injuries make it an accident", remedy="say accident, or mend the injuries")
    if found.severity is Severity.NO_SAFETY_EFFECT and (
        found.injuries is Injuries.MINOR or found.damage in (Damage.SUBSTANTIAL, Damage.DESTROYED)
    ):
        raise BadInput("something with such effects is an incident at least", remedy="say incident, or mend the effects")


def is_determined(found: Findings) -> bool:
    """Whether enough is known to say whom the law wants told."""
    return (
        found.severity is not Severity.NOT_DETERMINED
        and found.injuries is not Injuries.UNKNOWN
        and found.crewed_aircraft is not Involved.UNKNOWN
    )


def duties(found: Findings) -> frozenset[Body]:
    """Who must be told.

    The AAIB of accidents and serious incidents, without delay (UK Reg (EU) 996/2010, article 9). The CAA when somebody was
    killed or seriously hurt, or an aircraft with people on board was involved (UK Reg (EU) 376/2014, article 3(2), as the CAA
    reads it in GM1 to article 19(2) of UK Reg (EU) 2019/947); all else may be reported. An operator's own authorisation may
    ask for more.
    """
    told = set()
    if found.severity in (Severity.ACCIDENT, Severity.SERIOUS_INCIDENT):
        told.add(Body.AAIB)
    if found.injuries in (Injuries.SERIOUS, Injuries.FATAL) or found.crewed_aircraft is Involved.YES:
        told.add(Body.CAA)
    return frozenset(told)


def owed(one: Occurrence) -> frozenset[Body]:
    """Who must be told and was not."""
    return duties(one.findings) - {sent.body for sent in one.sent}


def due_at(one: Occurrence) -> datetime | None:
    """By when it must be decided and reported; None when nothing is owed any more. What is not determined is owed."""
    if one.state is OccurrenceState.CLOSED or (is_determined(one.findings) and not owed(one)):
        return None
    return one.known_at + REPORT_WITHIN


def amended(one: Occurrence, found: Findings) -> Occurrence:
    """Raises `BadInput`, or `Refused` once it is closed."""
    _check_standing(one)
    check_findings(found)
    return replace(one, findings=found)


def reported(one: Occurrence, sent: Sent) -> Occurrence:
    """A body was told. Raises `Refused` when it was told before, or it is closed."""
    _check_standing(one)
    if sent.body in {before.body for before in one.sent}:
        raise Refused(f"the {sent.body.upper()} was told already", remedy="follow it up under the number that it gave")
    return replace(one, state=OccurrenceState.REPORTED, sent=(*one.sent, sent))


def closed(one: Occurrence, outcome: Outcome, by: str, now: datetime) -> Occurrence:
    """Nothing more is to be done.

    Raises:
        Refused: it is closed, or somebody who must be told was not, or it is not determined whether somebody must.
    """
    _check_standing(one)
    void = outcome in (Outcome.DUPLICATE, Outcome.OPENED_IN_ERROR)
    if owed(one):
        told = ", ".join(sorted(body.upper() for body in owed(one)))
        raise Refused(f"the law wants it reported to the {told}", remedy="report it, then close it")
    if not void and not is_determined(one.findings):
        raise Refused("it is not determined how grave it was", remedy="say severity, injuries and crewed aircraft first")
    if outcome is Outcome.NOT_REPORTABLE and one.sent:
        raise Refused("it was reported", remedy=f"close it as {Outcome.ANALYSED}")
    return replace(one, state=OccurrenceState.CLOSED, outcome=outcome, closed_by=by, closed_at=now)


def _check_standing(one: Occurrence) -> None:
    if one.state is OccurrenceState.CLOSED:
        raise Refused("the occurrence is closed", remedy="open another one")
