"""A city that only moves: docks, drones, calls and flights that look right to a console, and obey no rule of the program.

For driving the console's page. What it says are the program's own view types, so it cannot say what the program could not.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from bowstreet.console import views as v

CENTRE = (51.5465, -0.1058)  # Islington
METRES_PER_DEGREE = 111_320.0
CRUISE_MPS = 15.0
TRANSIT_HEIGHT_M = 95.0
ON_SCENE_S = 75.0
ORBIT_M = 60.0

CATEGORIES = (
    "Disturbance in licensed premises", "Burglary in progress", "Missing person", "Road traffic collision", "Knife seen",
    "Suspicious circumstances", "Robbery", "Person in water", "Stolen vehicle", "Violence against the person",
)  # fmt: skip
WAITING = (
    "No drone can be there within 6 minutes: the nearest is IS-04-2, 7:40 away",
    "All drones near are busy with incidents as grave",
    "Gusts of 13 m/s are over the airframe's 12 m/s",
)
DOCK_NAMES = (
    "Islington", "Holloway", "Highbury", "Barnsbury", "Canonbury", "Clerkenwell", "Finsbury Park", "Archway", "Tufnell Park",
    "Angel", "Kings Cross", "Euston", "Camden", "Kentish Town", "Hampstead", "Stoke Newington", "Dalston", "Hackney",
)  # fmt: skip


def metres(lat: float, lon: float, east: float, north: float) -> tuple[float, float]:
    """The place `east` and `north` metres from one."""
    return lat + north / METRES_PER_DEGREE, lon + east / (METRES_PER_DEGREE * math.cos(math.radians(lat)))


def offset(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """East and north from `a` to `b`, metres."""
    north = (b[0] - a[0]) * METRES_PER_DEGREE
    return (b[1] - a[1]) * METRES_PER_DEGREE * math.cos(math.radians(a[0])), north


@dataclass
class City:
    """The picture, moved on by `step`.

    Args:
        flying: how many drones are in the air at the start; they are replaced as they land.
        spread_m: half the side of the square that docks stand in.
    """

    seed: int = 1
    drone_count: int = 300
    flying: int = 24
    waiting: int = 6
    spread_m: float = 9_000.0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.events: list[v.EventView] = []
        self.docks: dict[str, v.DockView] = {}
        self.drones: list[v.DroneView] = []
        self.incidents: dict[str, v.IncidentView] = {}
        self.words: dict[str, str] = {}
        self.missions: dict[str, v.MissionView] = {}
        self.changed: set[tuple[str, str]] = set()
        self._ids = 0
        self._place_docks()
        for _ in range(self.waiting):
            self.call(state="open")
        while len(self._under_way()) < min(self.flying, self.drone_count):
            self._send(progress=self.random.random())
        self.tell(
            "dock-jammed", f"Dock {self._dock(3).name} is jammed: the lid stopped half open", "alarm", vehicle_id=self._dock(3).id
        )
        self.docks[self._dock(3).id] = replace(self._dock(3), status="jammed", reason="the lid stopped half open")

    # --- making things ------------------------------------------------------------------------------------------------

    def _id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}-{self._ids:05d}"

    def _dock(self, place: int) -> v.DockView:
        return list(self.docks.values())[place % len(self.docks)]

    def _place_docks(self) -> None:
        count = max(1, math.ceil(self.drone_count / 3))
        side = math.ceil(math.sqrt(count))
        for place in range(count):
            east = ((place % side + 0.5) / side - 0.5) * 2 * self.spread_m + self.random.uniform(-300, 300)
            north = ((place // side + 0.5) / side - 0.5) * 2 * self.spread_m + self.random.uniform(-300, 300)
            lat, lon = metres(*CENTRE, east, north)
            name = DOCK_NAMES[place % len(DOCK_NAMES)] + ("" if place < len(DOCK_NAMES) else f" {place // len(DOCK_NAMES) + 1}")
            dock_id = f"dock-{place + 1:02d}"
            self.docks[dock_id] = v.DockView(
                id=dock_id, name=name, lat=lat, lon=lon, pads=3, pads_taken=3, status="closed", reason=""
            )  # fmt: skip
            for pad in range(min(3, self.drone_count - len(self.drones))):
                self.drones.append(self._new_drone(place, pad, dock_id, lat, lon))

    def _new_drone(self, place: int, pad: int, dock_id: str, lat: float, lon: float) -> v.DroneView:
        roll = self.random.random()
        charge = 1.0 if roll < 0.7 else self.random.uniform(0.3, 0.95)
        status, reason = ("ready", "") if charge == 1.0 else ("charging", "")
        if roll > 0.985:
            status, reason = "unfit", "no GPS fix"
        elif roll > 0.97:
            status, reason = "grounded", "propeller change due"
        elif roll > 0.96:
            status, reason = "stale", "not heard for 12 s"
        return v.DroneView(
            id=f"IS-{place + 1:02d}-{pad + 1}", dock_id=dock_id, airframe="patrol quadcopter", lat=lat, lon=lon, status=status,
            system_id=len(self.drones) % 254 + 1, heading_deg=0.0, ground_speed_mps=0.0, height_m_above_dock=0.0, phase=None,
            charge_fraction=charge, reason=reason, mission_id=None, zoom=1.0, zoom_most=8.0 if pad == 0 else 1.0,
        )  # fmt: skip

    def call(
        self, *, grade: str = "", category: str = "", text: str = "", state: str = "open", place: Any = None
    ) -> v.IncidentView:
        """A call comes in."""
        near = self._dock(self.random.randrange(len(self.docks)))
        lat, lon = place or metres(near.lat, near.lon, self.random.uniform(-1500, 1500), self.random.uniform(-1500, 1500))
        age = timedelta(seconds=self.random.uniform(5, 500)) if not place and not category else timedelta()
        incident = v.IncidentView(
            id=self._id("inc"), grade=grade or self.random.choices("ISER", (4, 6, 3, 1))[0], lat=lat, lon=lon,
            category=category or self.random.choice(CATEGORIES), reported_at=self.at - age - timedelta(seconds=4),
            opened_at=self.at - age, state=state, close_reason=None, reports=self.random.choice((1, 1, 1, 2, 3)), mission_ids=(),
            eyes_on_at=None, closed_at=None, waiting_reason=self.random.choice(WAITING) if state == "open" else "",
        )  # fmt: skip
        self.incidents[incident.id] = incident
        self.words[incident.id] = text
        self.changed.add(("incidents", incident.id))
        names = {"I": "Immediate", "S": "Significant", "E": "Extended", "R": "Referred"}
        severity = "notice" if incident.grade == "I" else "info"
        self.tell("incident-opened", f"{names[incident.grade]} call: {incident.category}", severity, incident_id=incident.id)
        return incident

    def tell(self, kind: str, text: str, severity: str = "info", **about: str) -> None:
        self.events.append(v.EventView(seq=len(self.events) + 1, at=self.at, kind=kind, text=text, severity=severity, **about))

    def _under_way(self) -> list[v.MissionView]:
        return [m for m in self.missions.values() if m.phase != "done"]

    def _send(self, progress: float = 0.0) -> None:
        """One more drone for one more call; `progress` is how far along its flight is."""
        free = [
            place for place, drone in enumerate(self.drones) if drone.mission_id is None and drone.status in ("ready", "charging")
        ]
        if not free:
            free = [place for place, drone in enumerate(self.drones) if drone.mission_id is None]
        self.launch(self.random.choice(free), self.call(state="assigned"), progress=progress)

    def launch(self, place: int, incident: v.IncidentView, *, by: str = "dispatch", progress: float = 0.0) -> v.MissionView:
        """A drone is on its way to an incident."""
        drone = self.drones[place]
        dock = self.docks[drone.dock_id]
        bend = metres(
            dock.lat,
            dock.lon,
            *(part / 2 + self.random.uniform(-150, 150) for part in offset((dock.lat, dock.lon), (incident.lat, incident.lon))),
        )
        route = ((dock.lat, dock.lon), bend, (incident.lat, incident.lon))
        total_s = self._total_s(route)
        began = self.at - timedelta(seconds=progress * total_s)
        arrives = began + timedelta(seconds=10 + self._length(route) / CRUISE_MPS)
        reason = v.ReasonView(
            code="earliest",
            text=f"There in {self._length(route) / CRUISE_MPS:.0f} s, before any other drone",
            vehicle_id=drone.id,
        )
        mission = v.MissionView(
            id=self._id("mis"), incident_id=incident.id, vehicle_id=drone.id, dock_id=dock.id, phase="authorised",
            phase_since=began, authorised_at=began, authorised_by=by, eta_at=arrives, eyes_on_at=None,
            bingo_fraction=0.38, route=route, pilot=None,
            home=tuple(reversed(route)), pilot_account_id=None, reasons=(reason,), return_reason=None, diverted_to=None,
        )  # fmt: skip
        self.missions[mission.id] = mission
        self.drones[place] = replace(drone, status="busy", reason="", mission_id=mission.id, phase="authorised")
        self._change_incident(incident.id, state="assigned", waiting_reason="", mission_ids=(*incident.mission_ids, mission.id))
        self.changed |= {("missions", mission.id), ("drones", drone.id)}
        self.tell(
            "launch", f"{drone.id} from {dock.name} to {incident.category.lower()}: {reason.text}", "notice",
            incident_id=incident.id, mission_id=mission.id, vehicle_id=drone.id,
        )  # fmt: skip
        return mission

    def fly_over(self, pad: int) -> v.MissionView:
        """A drone of this pad is over a call near its own dock from the next step on, for a minute."""
        place = next(
            place
            for place, drone in enumerate(self.drones)
            if drone.mission_id is None and drone.status in ("ready", "charging") and drone.id.endswith(f"-{pad}")
        )
        dock = self.docks[self.drones[place].dock_id]
        return self.launch(place, self.call(state="assigned", place=(dock.lat, dock.lon)), progress=0.3)

    # --- moving -------------------------------------------------------------------------------------------------------

    def step(self, seconds: float) -> None:
        """Move everything on."""
        self.at += timedelta(seconds=seconds)
        places = {drone.id: place for place, drone in enumerate(self.drones)}
        for mission in self._under_way():
            self._fly(mission, places[mission.vehicle_id])
        for place, drone in enumerate(self.drones):
            if drone.status == "charging" and drone.charge_fraction is not None:
                charge = min(1.0, drone.charge_fraction + seconds / 2400)
                self.drones[place] = replace(
                    drone, charge_fraction=round(charge, 4), status="ready" if charge >= 1 else "charging"
                )
        if len(self._under_way()) < min(self.flying, self.drone_count):
            self._send()

    @staticmethod
    def _length(route: tuple[v.LatLon, ...]) -> float:
        return sum(math.hypot(*offset(a, b)) for a, b in pairwise(route))

    def _total_s(self, route: tuple[v.LatLon, ...]) -> float:
        return 10 + 2 * self._length(route) / CRUISE_MPS + ON_SCENE_S + 8

    def _fly(self, mission: v.MissionView, place: int) -> None:
        drone = self.drones[place]
        flown = (self.at - mission.authorised_at).total_seconds()
        leg_s = self._length(mission.route) / CRUISE_MPS
        scene = mission.route[-1]
        if mission.pilot is not None:
            self._hover(place, scene, flown, "controlled")
        elif mission.return_reason is not None and mission.phase not in ("returning", "landing", "done"):
            self._phase(mission, "returning", phase_since=self.at)
            self._along(place, mission.home, 0.0, "returning")
        elif flown < 10:
            phase = "preflight" if flown < 6 else "climbing"
            self._phase(mission, phase)
            self.drones[place] = replace(drone, phase=phase, height_m_above_dock=max(0.0, (flown - 6) * 4))
        elif flown < 10 + leg_s and mission.return_reason is None:
            self._phase(mission, "outbound")
            self._along(place, mission.route, (flown - 10) * CRUISE_MPS, "outbound")
        elif flown < 10 + leg_s + ON_SCENE_S and mission.return_reason is None:
            if mission.eyes_on_at is None:
                self._phase(mission, "on-scene", eyes_on_at=self.at)
                self._change_incident(mission.incident_id, state="on-scene", eyes_on_at=self.at)
                self.tell(
                    "mission-on-scene", f"{drone.id} has eyes on the scene", incident_id=mission.incident_id, vehicle_id=drone.id
                )
            self._hover(place, scene, flown, "on-scene")
        else:
            self._return(mission, place)

    def _return(self, mission: v.MissionView, place: int) -> None:
        current = self.missions[mission.id]
        if current.phase not in ("returning", "landing"):
            self._phase(current, "returning", phase_since=self.at)
            self._change_incident(mission.incident_id, state="closed", close_reason="attended", closed_at=self.at)
        since = self.missions[mission.id].phase_since or self.at
        back = (self.at - since).total_seconds() * CRUISE_MPS
        if back < self._length(mission.home):
            self._along(place, mission.home, back, "returning")
            return
        drone, dock = self.drones[place], self.docks[mission.dock_id]
        self._phase(mission, "done")
        self.drones[place] = replace(
            drone, status="charging", phase=None, mission_id=None, lat=dock.lat, lon=dock.lon, ground_speed_mps=0.0,
            height_m_above_dock=0.0,
        )  # fmt: skip
        self.changed.add(("drones", drone.id))

    def _phase(self, mission: v.MissionView, phase: str, **also: Any) -> None:
        current = self.missions[mission.id]
        if current.phase == phase and not also:
            return
        self.missions[mission.id] = replace(current, phase=phase, **{"phase_since": self.at, **also})
        self.changed.add(("missions", mission.id))

    def change_mission(self, mission_id: str, **values: Any) -> None:
        self.missions[mission_id] = replace(self.missions[mission_id], **values)
        self.changed.add(("missions", mission_id))

    def _change_incident(self, incident_id: str, **values: Any) -> None:
        self.incidents[incident_id] = replace(self.incidents[incident_id], **values)
        self.changed.add(("incidents", incident_id))

    change_incident = _change_incident

    def _along(self, place: int, route: tuple[v.LatLon, ...], flown_m: float, phase: str) -> None:
        for a, b in pairwise(route):
            east, north = offset(a, b)
            leg = math.hypot(east, north)
            if flown_m <= leg or b is route[-1]:
                part = min(1.0, flown_m / max(leg, 1.0))
                lat, lon = metres(*a, east * part, north * part)
                self._put(place, lat, lon, math.degrees(math.atan2(east, north)) % 360, phase)
                return
            flown_m -= leg

    def _hover(self, place: int, scene: v.LatLon, flown_s: float, phase: str) -> None:
        angle = flown_s * CRUISE_MPS / 2 / ORBIT_M
        lat, lon = metres(*scene, math.sin(angle) * ORBIT_M, math.cos(angle) * ORBIT_M)
        self._put(place, lat, lon, math.degrees(angle + math.pi / 2) % 360, phase)

    def _put(self, place: int, lat: float, lon: float, heading: float, phase: str) -> None:
        drone = self.drones[place]
        charge = max(0.05, (drone.charge_fraction or 1.0) - 0.2 / 1300)
        self.drones[place] = replace(
            drone, lat=round(lat, 6), lon=round(lon, 6), heading_deg=round(heading, 1), phase=phase, status="busy",
            ground_speed_mps=CRUISE_MPS, height_m_above_dock=TRANSIT_HEIGHT_M, charge_fraction=round(charge, 4),
        )  # fmt: skip

    # --- what a console asks for ----------------------------------------------------------------------------------------

    def decisions(self, incident_id: str) -> list[v.DecisionView]:
        """Why a drone, or why none: some for every incident."""
        incident = self.incidents[incident_id]
        by_distance = sorted(
            self.drones, key=lambda d: math.hypot(*offset((incident.lat, incident.lon), (d.lat or 0.0, d.lon or 0.0)))
        )[:24]  # fmt: skip
        mission = self.missions.get(incident.mission_ids[-1]) if incident.mission_ids else None
        if mission and all(drone.id != mission.vehicle_id for drone in by_distance):
            by_distance[-1] = next(drone for drone in self.drones if drone.id == mission.vehicle_id)
        considered = []
        for n, drone in enumerate(by_distance):
            eta = 34.0 + 9.5 * n
            text = "there before any other" if mission and drone.id == mission.vehicle_id else f"could fly, {9.5 * n:.0f} s later"
            if drone.status in ("unfit", "grounded", "stale"):
                considered.append(self._considered(drone.id, None, drone.status, drone.reason))
            elif drone.mission_id is not None and not (mission and drone.id == mission.vehicle_id):
                considered.append(self._considered(drone.id, None, "busy", "serves an incident as grave"))
            else:
                considered.append(self._considered(drone.id, eta, "later", text))
        reasons = mission.reasons if mission else (v.ReasonView(code="no-fleet", text=incident.waiting_reason, vehicle_id=None),)
        return [
            v.DecisionView(
                at=incident.opened_at, took_ms=2.31, outcome="assigned" if mission else "none", reasons=reasons,
                vehicle_id=mission.vehicle_id if mission else None, eta_s=34.0 if mission else None, considered=tuple(considered),
            )
        ]  # fmt: skip

    @staticmethod
    def _considered(vehicle_id: str, eta_s: float | None, code: str, text: str) -> v.ConsideredView:
        return v.ConsideredView(
            vehicle_id=vehicle_id, eta_s=eta_s, reason=v.ReasonView(code=code, text=text, vehicle_id=vehicle_id)
        )
