"""State to frame, without IO: what all consoles see, what changed since any frame, and the two kinds of frame made of it.

Each thing remembers the frame in which it last changed, so a console that missed frames is given one frame with everything
since the last one it took: it skips positions that are past, never an incident.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from bowstreet.console.sight import EVERYWHERE, Sight, mission_elsewhere
from bowstreet.console.views import (
    DockView,
    DroneView,
    EventView,
    IncidentView,
    LedgerView,
    MissionView,
    RunView,
    WindView,
)

V = TypeVar("V")

# i, lat, lon, heading_deg, ground_speed_mps, height_m_above_dock, charge_fraction, status, phase
DroneRow = tuple[int, float | None, float | None, float, float, float, float | None, str, str | None]

EVENTS_KEPT = 500  # a long scroll of the timeline; the ledger has all of it
CATCH_UP_FRAMES = 300  # a minute at 5 Hz: a console that missed more starts again
# Incidents whose borough is at hand; past it those that no frame shows any more are let go of.
PLACES_KEPT = 5_000
ENDED_KEPT = 200  # closed incidents and ended flights that a console still sees; GET lists go further back


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks, and what they may do."""

    account_id: str
    name: str
    role: str
    may: tuple[str, ...]
    boroughs: tuple[str, ...] = ()  # whose incidents are shown; none means all


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot", omit_defaults=True):
    """The first frame of a connection."""

    seq: int
    at: datetime
    run: RunView
    me: Me
    drones: list[DroneView]
    docks: list[DockView]
    incidents: list[IncidentView]
    missions: list[MissionView]
    events: list[EventView]
    wind: WindView | None
    ledger: LedgerView | None


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick", omit_defaults=True):
    """Every further frame: what changed. Keys with nothing to say are left out, except `d`."""

    seq: int
    at: datetime
    d: list[DroneRow]
    drones: list[DroneView] = msgspec.field(default_factory=list)
    docks: list[DockView] = msgspec.field(default_factory=list)
    incidents: list[IncidentView] = msgspec.field(default_factory=list)
    missions: list[MissionView] = msgspec.field(default_factory=list)
    events: list[EventView] = msgspec.field(default_factory=list)
    wind: WindView | None = None
    ledger: LedgerView | None = None


class Latest(Generic[V]):
    """The latest value of each id, ordered by the frame of its last change. Of those that ended only the latest are kept."""

    def __init__(self, ended: Callable[[V], bool] = lambda _: False, keep_ended: int = ENDED_KEPT) -> None:
        self._values: OrderedDict[str, tuple[int, V]] = OrderedDict()
        self._ended = ended
        self._ended_ids: deque[str] = deque()
        self._keep_ended = keep_ended

    def put(self, key: str, value: V, seq: int) -> None:
        """Take `value` as of frame `seq`; nothing changes when it is the same as before."""
        known = self._values.get(key)
        if known is not None and known[1] == value:
            return
        self._values[key] = (seq, value)
        self._values.move_to_end(key)
        if self._ended(value) and not (known is not None and self._ended(known[1])):
            self._ended_ids.append(key)
            if len(self._ended_ids) > self._keep_ended:
                self._forget(self._ended_ids.popleft())

    def get(self, key: str) -> V | None:
        known = self._values.get(key)
        return known[1] if known is not None else None

    def since(self, seq: int) -> list[V]:
        """What changed after frame `seq`, oldest change first."""
        changed = []
        for changed_in, value in reversed(self._values.values()):
            if changed_in <= seq:
                break
            changed.append(value)
        changed.reverse()
        return changed

    def changed_since(self, seq: int) -> bool:
        """Whether anything changed after frame `seq`."""
        last = next(reversed(self._values.values()), None)
        return last is not None and last[0] > seq

    def __len__(self) -> int:
        return len(self._values)

    def _forget(self, key: str) -> None:
        known = self._values.get(key)
        if known is not None and self._ended(known[1]):  # one that lives again stays
            del self._values[key]


class Picture:
    """What all consoles see, as of frame `seq`. Fed between frames; `turn` closes a frame. A value put between a `turn` and a
    `snapshot` may be told twice: telling a console the same value again is harmless."""

    def __init__(self, run: RunView, at: datetime) -> None:
        self.seq = 0
        self.at = at
        self.run = run
        self.incidents: Latest[IncidentView] = Latest(lambda i: i.state == "closed")
        self.missions: Latest[MissionView] = Latest(lambda m: m.phase in ("done", "aborted", "lost"))
        self.docks: Latest[DockView] = Latest()
        self._places: dict[str, int] = {}
        self._drones: list[DroneView] = []
        self._rows: Latest[DroneRow] = Latest()
        self._slow: Latest[tuple[int, str, str | None, str, bool, float | None]] = Latest()  # what of a drone is not in its row
        # Each line with the boroughs that it is about, and the frame that it belongs to.
        self._events: deque[tuple[int, EventView, Collection[str | None]]] = deque(maxlen=EVENTS_KEPT)
        self._boroughs: dict[str, str | None] = {}  # of incidents
        self._event_count = 0
        self._wind: tuple[int, WindView | None] = (0, None)
        self._ledger: tuple[int, LedgerView | None] = (0, None)

    @property
    def filling(self) -> int:
        """The frame that changes now belong to."""
        return self.seq + 1

    def turn(self, at: datetime) -> None:
        """Close the frame being filled: what was put so far is what it says."""
        self.seq += 1
        self.at = at

    def put_drones(self, drones: Iterable[DroneView]) -> None:
        """Take the fleet as it is now. A drone's place in the frames is the order in which it was first seen."""
        for drone in drones:
            place = self._places.get(drone.id)
            if place is None:
                place = self._places[drone.id] = len(self._drones)
                self._drones.append(drone)
            elif self._drones[place] == drone:
                continue
            self._drones[place] = drone
            slow = (place, drone.reason, drone.mission_id, drone.dock_id, drone.position_trusted, drone.zoom)
            self._slow.put(drone.id, slow, self.filling)
            self._rows.put(drone.id, _row(place, drone), self.filling)

    def put_incident(self, incident: IncidentView, borough: str | None) -> None:
        """Take an incident as it is now, and where it is."""
        self._boroughs[incident.id] = borough
        if len(self._boroughs) > PLACES_KEPT:
            going_on = {one.incident_id for one in self.missions.since(-1)}
            self._boroughs = {id_: at for id_, at in self._boroughs.items() if id_ in going_on or self.incidents.get(id_)}
            self._boroughs[incident.id] = borough
        self.incidents.put(incident.id, incident, self.filling)

    def put_event(self, event: EventView, about: Collection[str | None] = ()) -> None:
        """Add a line to the timeline; its `seq` is given here. `about`: the boroughs of the incidents that it tells of."""
        self._event_count += 1
        self._events.append((self.filling, msgspec.structs.replace(event, seq=self._event_count), about))

    def put_wind(self, wind: WindView | None) -> None:
        if wind != self._wind[1]:
            self._wind = (self.filling, wind)

    def put_ledger(self, ledger: LedgerView | None) -> None:
        if ledger != self._ledger[1]:
            self._ledger = (self.filling, ledger)

    def drones(self) -> list[DroneView]:
        return list(self._drones)

    def snapshot(self, me: Me, sight: Sight = EVERYWHERE) -> Snapshot:
        """Everything that `sight` shows, for one who looks for the first time."""
        return Snapshot(
            seq=self.seq,
            at=self.at,
            run=self.run,
            me=me,
            drones=self.drones(),
            docks=self.docks.since(-1),
            incidents=self._incidents_since(-1, sight),
            missions=self._missions_since(-1, sight),
            events=[event for frame, event, about in self._events if frame <= self.seq and sight.sees_all(about)],
            wind=self._wind[1],
            ledger=self._ledger[1],
        )

    def reaches(self, since: int) -> bool:
        """Whether a tick can still say all that changed after frame `since`; if not, the console needs a snapshot."""
        oldest = self._events[0][0] if len(self._events) == EVENTS_KEPT else 0
        return 0 <= self.seq - since <= CATCH_UP_FRAMES and oldest <= since + 1

    def same_for_all(self, since: int) -> bool:
        """Whether a tick after frame `since` says nothing that depends on who looks."""
        told = self._events[-1][0] > since if self._events else False
        return not (told or self.incidents.changed_since(since) or self.missions.changed_since(since))

    def tick(self, since: int, sight: Sight = EVERYWHERE) -> Tick:
        """What changed after frame `since`, of what `sight` shows."""
        return Tick(
            seq=self.seq,
            at=self.at,
            d=self._rows.since(since),
            docks=self.docks.since(since),
            # In order of their places: a console puts those it did not know at the end, one after the other.
            drones=[self._drones[place] for place in sorted(slow[0] for slow in self._slow.since(since))],
            incidents=self._incidents_since(since, sight),
            missions=self._missions_since(since, sight),
            events=self._events_since(since, sight),
            wind=self._wind[1] if self._wind[0] > since else None,
            ledger=self._ledger[1] if self._ledger[0] > since else None,
        )

    def _incidents_since(self, since: int, sight: Sight) -> list[IncidentView]:
        changed = self.incidents.since(since)
        return [one for one in changed if sight.sees(self._boroughs.get(one.id))] if sight.is_limited else changed

    def _missions_since(self, since: int, sight: Sight) -> list[MissionView]:
        changed = self.missions.since(since)
        if not sight.is_limited:
            return changed
        return [one if sight.sees(self._boroughs.get(one.incident_id)) else mission_elsewhere(one) for one in changed]

    def _events_since(self, since: int, sight: Sight) -> list[EventView]:
        late = []
        for frame, event, about in reversed(self._events):
            if frame <= since:
                break
            if frame <= self.seq and sight.sees_all(about):
                late.append(event)
        late.reverse()
        return late


def _row(place: int, drone: DroneView) -> DroneRow:
    return (
        place,
        drone.lat,
        drone.lon,
        drone.heading_deg,
        drone.ground_speed_mps,
        drone.height_m_above_dock,
        drone.charge_fraction,
        drone.status,
        drone.phase,
    )
