"""How long a choice of drone takes: 300 drones, 100 open incidents, London's real restriction zones.

Baseline: looking at every drone in full (clearance, energy, arrival) and taking the best, as one would write it first. Both give
the same choices, which is checked. A surge of 20 calls at once is chosen for one after the other, and beside it as one assignment
problem (SciPy), to see whether that would pay.
"""

import random
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace import london as london_zones
from bowstreet.airspace.model import Datum, Limit, Refusal, Restriction, Zone
from bowstreet.airspace.rules import OPERATING_VOLUME
from bowstreet.airspace.service import AirspaceService
from bowstreet.dispatch.estimate import exact, is_airborne
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Assignment, Drone
from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.rules import ABLE, availability, choose_drone, penalties_s, queue_order
from bowstreet.flight.model import Phase, VehicleStatus, Wind
from bowstreet.geo import GridPoint, to_grid, to_wgs84
from bowstreet.intake.model import Grade, Incident
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import City, london, on_grid

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
WIND = Wind(speed_mps=5.0, from_deg=240.0, gust_mps=7.0)
DRONES, INCIDENTS, SURGE = 300, 100, 20


def _airspace(city: City) -> AirspaceService:
    """The zones that come with the product, and a volume over the whole area in which to fly at all."""
    area = shapely.union_all([on_grid(borough.polygon) for borough in city.area.boroughs]).buffer(2_000.0)
    volume = Zone(
        zone_id="BENCH", name="operating volume", kind=OPERATING_VOLUME, restriction=Restriction.CONDITIONAL, polygon=area,
        lower=Limit(height_m=0.0, datum=Datum.AGL), upper=Limit(height_m=120.0, datum=Datum.AGL), source="benchmark",
        permitted_operators=frozenset({"met"}),
    )  # fmt: skip
    clock, store = SimulatedClock(NOW), MemoryStore()
    recorder = Recorder(store, InlineBus(), clock)
    service = AirspaceService(recorder, store, clock, zones=[*london_zones.zones(), volume], operator="met")
    drive(service.load())
    return service


def _drones(city: City, chance: random.Random) -> list[Drone]:
    """A busy evening: one in eight in the air, one in six charging."""
    places = {dock.dock_id: to_grid(dock.position) for dock in city.docks}
    kinds = {airframe.name: airframe for airframe in city.airframes}
    everywhere = list(places.values())
    found = []
    for vehicle in city.vehicles:
        home = places[vehicle.home_dock_id]
        phase = chance.choice([Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING]) if chance.random() < 0.125 else None
        charging = chance.random() < 0.17
        found.append(
            Drone(
                vehicle_id=vehicle.vehicle_id, dock_id=vehicle.home_dock_id, home=home,
                at=home if phase is None else home.toward(chance.choice(everywhere), chance.uniform(100, 2_000)),
                status=VehicleStatus.BUSY if phase else (VehicleStatus.CHARGING if charging else VehicleStatus.READY),
                charge_fraction=chance.uniform(0.3, 0.9) if phase or charging else 1.0, airframe=kinds[vehicle.airframe],
                mission_id=f"mis-{vehicle.vehicle_id}" if phase else None, mission_incident_id="inc" if phase else None,
                mission_grade=chance.choice("IS") if phase else None, mission_phase=phase.value if phase else None,
            )
        )  # fmt: skip
    return found


def _incidents(city: City, count: int, chance: random.Random) -> list[Incident]:
    found: list[Incident] = []
    polygons = [on_grid(borough.polygon) for borough in city.area.boroughs]
    while len(found) < count:
        polygon = chance.choice(polygons)
        west, south, east, north = polygon.bounds
        x, y = chance.uniform(west, east), chance.uniform(south, north)
        if shapely.contains_xy(polygon, x, y):
            position = to_wgs84(GridPoint(easting_m=x, northing_m=y))
            found.append(
                Incident(
                    incident_id=f"inc-{len(found):04d}", opened_at=NOW, position=position,
                    reported_at=NOW - timedelta(seconds=chance.uniform(0, 300)),
                    grade=chance.choice([Grade.IMMEDIATE, Grade.SIGNIFICANT]), category="benchmark",
                )
            )  # fmt: skip
    return found


def _in_full(incident: Incident, fleet: Fleet, airspace: AirspaceService) -> str | None:
    """Baseline: every drone that is not out of the question, in full."""
    policy, scene = policy_named("closest-eta"), to_grid(incident.position)
    why, extra = availability(fleet, incident.grade, WIND, policy), penalties_s(fleet, incident.grade, policy)
    best: tuple[float, float, int] | None = None
    for row, drone in enumerate(fleet.drones):
        if why[row] != ABLE:
            continue
        way = airspace.clear(drone.at, scene)
        home = airspace.clear(scene, drone.home or drone.at) if is_airborne(drone) else way
        if isinstance(way, Refusal) or isinstance(home, Refusal):
            continue
        homeward = home.waypoints if is_airborne(drone) else way.waypoints[::-1]
        eta_s, pays = exact(drone, way, homeward, WIND, policy.on_scene_s)
        key = (eta_s + float(extra[row]), -drone.charge_fraction, row)
        if pays and (best is None or key < best):
            best = key
    return None if best is None else fleet.drones[best[2]].vehicle_id


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(np.array(seconds) * 1_000.0, [50, 99])
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4), "max": round(max(seconds) * 1_000.0, 4)}


def _surge(fleet_of: list[Drone], incidents: list[Incident], airspace: AirspaceService) -> dict[str, Any]:
    """Twenty calls at once, one after the other by priority, beside the assignment with the least sum of arrivals."""
    policy, fleet = policy_named("closest-eta"), Fleet(fleet_of)
    started = perf_counter()
    total_s, served = 0.0, 0
    for incident in queue_order(incidents):
        outcome = choose_drone(incident, fleet, WIND, NOW, clear=airspace.clear, policy=policy)
        if isinstance(outcome, Assignment):
            drone = fleet.drones[fleet.row[outcome.vehicle_id]]
            fleet.put(
                Drone(
                    vehicle_id=drone.vehicle_id, dock_id=drone.dock_id, at=drone.at, home=drone.home, status=VehicleStatus.BUSY,
                    charge_fraction=drone.charge_fraction, airframe=drone.airframe, mission_id="taken", mission_grade="I",
                    mission_phase=Phase.PREFLIGHT.value,
                )
            )  # fmt: skip
            total_s, served = total_s + outcome.eta_s, served + 1
    greedy_ms = (perf_counter() - started) * 1_000.0
    started = perf_counter()
    batch_s, batch_served = _batch(Fleet(fleet_of), incidents, airspace)
    batch_ms = (perf_counter() - started) * 1_000.0
    return {
        "by_priority": {"ms": round(greedy_ms, 3), "served": served, "mean_eta_s": round(total_s / max(served, 1), 1)},
        "as_one_assignment": {
            "ms": round(batch_ms, 3),
            "served": batch_served,
            "mean_eta_s": round(batch_s / max(batch_served, 1), 1),
        },
    }


def _batch(fleet: Fleet, incidents: list[Incident], airspace: AirspaceService) -> tuple[float, int]:
    """The twelve nearest free drones of each incident, exact costs, Hungarian assignment."""
    policy, never = policy_named("closest-eta"), 1e6
    cost = np.full((len(incidents), len(fleet)), never)
    for number, incident in enumerate(incidents):
        scene = to_grid(incident.position)
        free = np.flatnonzero((availability(fleet, incident.grade, WIND, policy) == ABLE) & ~fleet.on_mission)
        gap = (fleet.east_m[free] - scene.easting_m) ** 2 + (fleet.north_m[free] - scene.northing_m) ** 2
        for row in free[np.argsort(gap)[:12]].tolist():
            drone = fleet.drones[row]
            way = airspace.clear(drone.at, scene)
            if not isinstance(way, Refusal):
                eta_s, pays = exact(drone, way, way.waypoints[::-1], WIND, policy.on_scene_s)
                cost[number, row] = eta_s if pays else never
    rows, columns = linear_sum_assignment(cost)
    taken = cost[rows, columns]
    return float(taken[taken < never].sum()), int((taken < never).sum())


def run() -> dict[str, Any]:
    chance = random.Random(1)
    city = london(DRONES)
    airspace, drones = _airspace(city), _drones(city, chance)
    fleet, incidents = Fleet(drones), _incidents(city, INCIDENTS, chance)
    policy = policy_named("closest-eta")
    west, east = min(drones, key=lambda one: one.at.easting_m), max(drones, key=lambda one: one.at.easting_m)
    started = perf_counter()
    airspace.clear(west.at, east.at)  # the way-finder's graph is made once for a set of active zones
    graph_ms = (perf_counter() - started) * 1_000.0

    cold: list[float] = []
    chosen = []
    for incident in queue_order(incidents):
        started = perf_counter()
        outcome = choose_drone(incident, fleet, WIND, NOW, clear=airspace.clear, policy=policy)
        cold.append(perf_counter() - started)
        chosen.append(outcome.vehicle_id if isinstance(outcome, Assignment) else None)
    warm: list[float] = []
    for _ in range(10):
        for incident in queue_order(incidents):
            started = perf_counter()
            choose_drone(incident, fleet, WIND, NOW, clear=airspace.clear, policy=policy)
            warm.append(perf_counter() - started)

    plain = _airspace(city)
    baseline: list[float] = []
    agreed = 0
    for incident, ours in zip(queue_order(incidents), chosen, strict=True):
        started = perf_counter()
        theirs = _in_full(incident, fleet, plain)
        baseline.append(perf_counter() - started)
        agreed += theirs == ours
    return {
        "drones": DRONES,
        "open_incidents": INCIDENTS,
        "way_finder_once_ms": round(graph_ms, 1),
        "decision_ms_first_look": _milliseconds(cold),
        "decision_ms_looked_at_again": _milliseconds(warm),
        "baseline_every_drone_in_full_ms": _milliseconds(baseline),
        "same_choice_as_baseline": f"{agreed}/{INCIDENTS}",
        "surge_of_20": _surge(drones, _incidents(city, SURGE, random.Random(7)), airspace),
        "surge_of_20_in_one_borough": _surge(drones, _near(city, SURGE), airspace),
    }


def _near(city: City, count: int) -> list[Incident]:
    """All within two kilometres of one another, where drones run short."""
    chance = random.Random(11)
    centre = to_grid(next(dock.position for dock in city.docks if dock.name.startswith("Islington")))
    return [
        Incident(
            incident_id=f"inc-{number:04d}", reported_at=NOW - timedelta(seconds=number), opened_at=NOW,
            position=to_wgs84(
                GridPoint(
                    easting_m=centre.easting_m + chance.uniform(-1_000, 1_000),
                    northing_m=centre.northing_m + chance.uniform(-1_000, 1_000),
                )
            ),
            grade=chance.choice([Grade.IMMEDIATE, Grade.SIGNIFICANT]), category="benchmark",
        )
        for number in range(count)
    ]  # fmt: skip
