"""A choice as the act that is recorded: the mission, and the message by which flight hears of it. Pure."""

from datetime import datetime

import msgspec

from bowstreet.dispatch.model import Assignment, Code, Decision, NoDrone, Purpose
from bowstreet.flight.model import Mission, MissionPlan
from bowstreet.intake.model import Incident
from bowstreet.messages import LaunchAuthorised, MissionRetasked, Reason, RecallOrdered

# Who authorises when no person does.
DISPATCH = "dispatch"


def mission_of(mission_id: str, incident: Incident, chosen: Assignment, plan: MissionPlan, now: datetime, by: str) -> Mission:
    return Mission(
        mission_id=mission_id, incident_id=incident.incident_id, vehicle_id=chosen.vehicle_id, dock_id=chosen.dock_id,
        purpose=Purpose.RESPONSE_999.value, grade=incident.grade.value, plan=plan, authorised_at=now, authorised_by=by,
        phase_since=now, reasons=chosen.reasons,
    )  # fmt: skip


def as_relief(mission: Mission, relieved: Mission, until: datetime, extra_s: float) -> Mission:
    """The same as the relief of a flight over the scene; there `extra_s` later than reckoned, for it climbs all the way first."""
    plan = msgspec.structs.replace(mission.plan, expected_eyes_on_s=mission.plan.expected_eyes_on_s + extra_s)
    return msgspec.structs.replace(mission, plan=plan, relieves=relieved.mission_id, stay_until=until)


def authority(mission: Mission) -> LaunchAuthorised:
    return LaunchAuthorised(
        at=mission.authorised_at, mission_id=mission.mission_id, incident_id=mission.incident_id, vehicle_id=mission.vehicle_id,
        dock_id=mission.dock_id, purpose=mission.purpose, authorised_by=mission.authorised_by, reasons=mission.reasons,
    )  # fmt: skip


def turned(
    before: Mission, incident: Incident, chosen: Assignment, plan: MissionPlan, now: datetime
) -> tuple[Mission, MissionRetasked]:
    """A mission in the air with another incident. Whom it was to relieve is relieved by somebody else."""
    mission = msgspec.structs.replace(
        before, incident_id=incident.incident_id, grade=incident.grade.value, plan=plan, reasons=chosen.reasons, relieves="",
        stay_until=None,
    )  # fmt: skip
    said = MissionRetasked(
        at=now, mission_id=mission.mission_id, vehicle_id=mission.vehicle_id, from_incident_id=before.incident_id,
        to_incident_id=incident.incident_id, reasons=chosen.reasons,
    )  # fmt: skip
    return mission, said


def called_back(mission: Mission, by: str, code: str, text: str, held: str, now: datetime) -> tuple[Decision, RecallOrdered]:
    """A flight called home, and that nobody is sent in its stead; `held` says until when."""
    nobody = NoDrone(incident_id=mission.incident_id, reasons=(Reason(code=Code.HELD, text=held),), considered=())
    decision = Decision(incident_id=mission.incident_id, at=now, outcome=nobody, took_ms=0.0)
    why = Reason(code=code, text=text, vehicle_id=mission.vehicle_id)
    return decision, RecallOrdered(at=now, mission_id=mission.mission_id, ordered_by=by, reason=why)
