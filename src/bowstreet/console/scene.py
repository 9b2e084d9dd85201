"""Watches the services and keeps the picture true: notes what a message touched, and looks at it again when a frame is due.

Messages say that something changed; what it is now is asked of the services, so a message that comes late or twice does no harm.
"""

from datetime import datetime

from bowstreet import messages as m
from bowstreet.accountability import ledger
from bowstreet.console import views, words
from bowstreet.console.frames import Picture
from bowstreet.console.services import ConsoleServices
from bowstreet.console.sight import Sight, mission_elsewhere
from bowstreet.dispatch.model import NoDrone
from bowstreet.flight.model import Mission, ZoomCamera
from bowstreet.geo import Position
from bowstreet.intake.model import Incident, IncidentState, Quarantined
from bowstreet.intake.rules import reported_position

EVENTS_AT_START = 300  # lines of the ledger that a new start puts on the timeline

# Messages after which an incident looks different, and the same for a flight: each has the id in a field of that name.
_TOUCH_INCIDENT = (
    m.IncidentOpened,
    m.CallMerged,
    m.IncidentChanged,
    m.LaunchAuthorised,
    m.NoDroneAvailable,
    m.MissionChanged,
    m.WatchWanted,
    m.WatchEnded,
    m.RelayPlanned,
    m.WatchHandedOver,
)
_TOUCH_MISSION = (
    m.LaunchAuthorised,
    m.MissionChanged,
    m.MissionRetasked,
    m.RecallOrdered,
    m.ControlTaken,
    m.ControlReleased,
)


class Scene:
    """The link between services and picture."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self.picture = Picture(services.run, services.clock.now())
        self._names = words.Names(person=self.person, dock=self._dock_name, incident=self._incident_name)
        self._people: dict[str, str] = {}
        self._loaded = False
        # What was touched since the last frame, in order.
        self._incidents: dict[str, None] = {}
        self._missions: dict[str, None] = {}
        self._flights: dict[str, list[str]] = {}  # missions by incident
        self._turned: dict[str, datetime] = {}  # when a mission in the air was last given another incident

    # --- keeping it true ----------------------------------------------------------------------------------------------

    def subscribe(self) -> None:
        """Hear what changes. Call it before the services publish."""
        for message_type in words.SPOKEN:
            self._services.bus.subscribe(message_type, self._hear)
        self._services.bus.subscribe(m.CommandIssued, self._hear)

    async def load(self) -> None:
        """Take in what stands, and put the end of the ledger on the timeline."""
        await self._services.bus.drain()  # what was said up to now is read from the ledger
        self._loaded = True
        for incident in self._services.intake.incidents.all():
            self._incidents[incident.incident_id] = None
        for mission in sorted(self._services.flight.missions.all(), key=lambda one: one.authorised_at):
            self._missions[mission.mission_id] = None
            self._note_flight(mission.incident_id, mission.mission_id)
        size = await self._services.store.log_size()
        async for row in self._services.store.log_rows(max(0, size - EVENTS_AT_START)):
            message = ledger.message_of(row)
            if isinstance(message, m.MissionRetasked):
                self._turned[message.mission_id] = message.at
            if message is not None:
                self._say(message)

    async def _hear(self, message: m.Message) -> None:
        if isinstance(message, _TOUCH_INCIDENT):
            self._incidents[message.incident_id] = None
        if isinstance(message, m.MissionRetasked):
            self._incidents[message.from_incident_id] = self._incidents[message.to_incident_id] = None
            self._note_flight(message.to_incident_id, message.mission_id)
            self._turned[message.mission_id] = message.at
        if isinstance(message, m.LaunchAuthorised):
            self._note_flight(message.incident_id, message.mission_id)
        if isinstance(message, _TOUCH_MISSION):
            self._missions[message.mission_id] = None
        if isinstance(message, m.CommandIssued) and message.command == ZoomCamera.__name__ and message.mission_id is not None:
            self._missions[message.mission_id] = None  # what its pilot asked of the lens is shown, and no line of the timeline
        if self._loaded:
            self._say(message)

    def _note_flight(self, incident_id: str, mission_id: str) -> None:
        flights = self._flights.setdefault(incident_id, [])
        if mission_id not in flights:
            flights.append(mission_id)

    def _say(self, message: m.Message) -> None:
        event = words.event(message, self._names)
        if event is not None:
            self.picture.put_event(event, self._about(message, event))

    def _about(self, message: m.Message, event: views.EventView) -> set[str | None]:
        """The boroughs of the incidents that a line tells of, for those who see some only."""
        if isinstance(message, m.CallQuarantined):
            return {self._place_of_report(message.quarantine_id)}
        incidents = {event.incident_id} if event.incident_id else set()
        if isinstance(message, m.MissionRetasked):
            incidents.add(message.from_incident_id)
        mission = self._services.flight.missions.find(event.mission_id) if event.mission_id and not incidents else None
        if mission is not None:
            incidents.add(mission.incident_id)
        return {self._borough_named(one) for one in incidents}

    def _borough_named(self, incident_id: str) -> str | None:
        incident = self._services.intake.incidents.find(incident_id)
        return None if incident is None else self.borough_of(incident)

    def _place_of_report(self, quarantine_id: str) -> str | None:
        held = self._services.intake.quarantined.find(quarantine_id)
        return None if held is None else self.borough_of_report(held)

    def gather(self) -> None:
        """Bring the picture up to date. Called once a frame."""
        picture, services = self.picture, self._services
        self._incidents.update(dict.fromkeys(one.incident_id for one in services.relay.wanted()))
        for incident_id in self._incidents:
            incident = services.intake.incidents.find(incident_id)
            if incident is not None:
                picture.put_incident(self.incident(incident), self.borough_of(incident))
        for mission_id in self._missions:
            mission = services.flight.missions.find(mission_id)
            if mission is not None:
                picture.missions.put(mission_id, self.mission(mission), picture.filling)
        self._incidents.clear()
        self._missions.clear()
        picture.put_drones(self.drones())
        for dock in self.docks():
            picture.docks.put(dock.id, dock, picture.filling)
        picture.put_wind(self._wind())
        picture.put_ledger(views.LedgerView(size=services.recorder.size, root=services.recorder.root.hex()))

    # --- views --------------------------------------------------------------------------------------------------------

    def incident(self, incident: Incident) -> views.IncidentView:
        """An incident as it is shown now."""
        relay, incident_id = self._services.relay, incident.incident_id
        watch = relay.watch_of(incident_id)
        watched = None if watch is None else views.watch(watch, relay.outlook(incident_id), self.person)
        return views.incident(incident, self._flights.get(incident_id, ()), self._waiting_reason(incident), watched)

    def mission(self, mission: Mission) -> views.MissionView:
        """A flight as it is shown now."""
        return views.mission(mission, self._turned.get(mission.mission_id, mission.authorised_at), self.person)

    def borough_of(self, incident: Incident) -> str | None:
        """Where an incident is."""
        return self._borough_at(incident.position)

    def borough_of_report(self, held: Quarantined) -> str | None:
        """Where a report that could not be used says that it is; None when that cannot be told."""
        position = reported_position(held.raw)
        return None if position is None else self._borough_at(position)

    def _borough_at(self, position: Position) -> str | None:
        borough = self._services.intake.area.borough_of(position)
        return None if borough is None else borough.name

    def mission_for(self, sight: Sight, mission: Mission) -> views.MissionView:
        """A flight as `sight` shows it."""
        shown = self.mission(mission)
        return shown if sight.sees(self._borough_named(mission.incident_id)) else mission_elsewhere(shown)

    def drones(self) -> list[views.DroneView]:
        return [views.drone(state) for state in self._services.flight.picture.vehicles()]

    def height_m(self, vehicle_id: str) -> float:
        """Height above its dock at which a drone was last heard, metres."""
        found = next((one for one in self._services.flight.picture.vehicles() if one.vehicle_id == vehicle_id), None)
        return found.telemetry.height_m_above_dock if found and found.telemetry else 0.0

    def docks(self) -> list[views.DockView]:
        return [views.dock(state) for state in self._services.flight.picture.docks()]

    def _waiting_reason(self, incident: Incident) -> str:
        if incident.state is not IncidentState.OPEN:
            return ""
        decisions = self._services.dispatch.decisions_for(incident.incident_id)
        if not decisions or not isinstance(decisions[-1].outcome, NoDrone):
            return ""
        return "; ".join(reason.text for reason in decisions[-1].outcome.reasons)

    def _wind(self) -> views.WindView | None:
        wind = self._services.wind()
        if wind is None:
            return None
        return views.WindView(speed_mps=round(wind.speed_mps, 1), from_deg=round(wind.from_deg), gust_mps=round(wind.gust_mps, 1))

    # --- names --------------------------------------------------------------------------------------------------------

    def person(self, account_id: str) -> str:
        """The name to show for an account; an id that is no account (a role of the program) is its own name."""
        if account_id not in self._people:
            self._people = {account.account_id: account.name for account in self._services.accounts.all()}
            self._people.setdefault(account_id, account_id)
        return self._people[account_id]

    def _dock_name(self, dock_id: str) -> str:
        dock = self.picture.docks.get(dock_id)
        return dock.name if dock else dock_id

    def _incident_name(self, incident_id: str) -> str:
        incident = self._services.intake.incidents.find(incident_id)
        return incident.category if incident else "an incident"
