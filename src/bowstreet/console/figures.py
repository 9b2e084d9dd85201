"""The console's figures for Prometheus, read from the services when asked. Never of people or places."""

from functools import partial

from bowstreet.console.access import Access
from bowstreet.console.feed import Feed
from bowstreet.console.live import LiveFeed
from bowstreet.console.services import ConsoleServices
from bowstreet.flight.model import Phase, VehicleStatus
from bowstreet.intake.model import IncidentState


def register(services: ConsoleServices, access: Access, feed: Feed, live: LiveFeed) -> None:
    """Add what an operator watches to the program's figures."""
    gauge = services.metrics.read_gauge
    for state in IncidentState:
        gauge(f"incidents_{_word(state)}", f"Incidents that are {state}", partial(_incidents, services, state))
    for phase in Phase:
        gauge(f"missions_{_word(phase)}", f"Flights that are {phase}", partial(_missions, services, phase))
    for status in VehicleStatus:
        gauge(f"drones_{_word(status)}", f"Drones that are {status}", partial(_drones, services, status))
    gauge("live_connections", "Consoles on the live feed", lambda: live.connections)
    gauge("live_frames", "Frames of the live feed so far", lambda: feed.seq)
    gauge("live_encodes", "Frames encoded so far; a frame for each encoding in use", lambda: feed.encodes)
    gauge("denials_not_recorded", "Refusals past the rate that is recorded", lambda: access.denials_not_recorded)


def _word(state: str) -> str:
    return str(state).replace("-", "_")


def _incidents(services: ConsoleServices, state: IncidentState) -> float:
    return len(services.intake.incidents.in_states(state))


def _missions(services: ConsoleServices, phase: Phase) -> float:
    return sum(mission.phase is phase for mission in services.flight.missions.all())


def _drones(services: ConsoleServices, status: VehicleStatus) -> float:
    return sum(view.status is status for view in services.flight.picture.vehicles())
