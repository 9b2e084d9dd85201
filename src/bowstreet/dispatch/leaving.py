"""How a flight leaves its incident, and what becomes of an incident that nobody flies to any more."""

from collections.abc import Iterable

from bowstreet.dispatch.model import Code, NoDrone
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import CloseReason, Incident

# The code with which flight ends a mission that a person called back.
RECALLED = "recalled"
# The code with which the program calls all back that fly when it ends; what they left is looked at again when it starts.
RUN_ENDS = "run-ends"
# Those with which dispatch calls back a drone that has been relieved, or a relief that is not wanted any more.
RELIEVED = "relieved"
WATCH_OVER = "watch-over"
# Phases in which a mission has turned from its incident.
LEAVING = (Phase.RETURNING, Phase.LANDING, Phase.DONE, Phase.ABORTED, Phase.LOST)


def leaves(mission: Mission) -> bool:
    """Whether a mission has turned from its incident, or will when it is heard again."""
    return mission.phase in LEAVING or (mission.phase is Phase.CONTINGENCY and mission.return_reason is not None)


def under_way(flight: FlightService) -> list[Mission]:
    """All flights that are not over, also those that were authorised a moment ago and of which flight has not heard yet."""
    active = flight.active_missions()
    known = {one.mission_id for one in active}
    return active + [one for one in flight.missions.in_states(Phase.AUTHORISED.value) if one.mission_id not in known]


def close_reason_of(incident: Incident, outcome: NoDrone) -> CloseReason:
    if outcome.reasons[0].code == Code.GRADE_NOT_FLOWN:
        return CloseReason.NOT_FLOWN
    return CloseReason.ATTENDED if incident.eyes_on_at is not None else CloseReason.UNSERVED


def successor(missions: Iterable[Mission], mission: Mission) -> Mission | None:
    """The flight that was sent to relieve this one and still goes to the same incident, if any."""
    for one in missions:
        if one.relieves == mission.mission_id and one.incident_id == mission.incident_id and not leaves(one):
            return one
    return None
