"""A small world to fly in: kinematic vehicles and docks behind `VehicleLink`, on a simulated clock, and the service on top.

Nothing here is mocked. Vehicles keep flying while the service is gone, as real ones do, so a stop and a start of the program are
a new service over the same world and the same store.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.airspace.model import Clearance
from bowstreet.flight.airframes import AIRFRAMES, PATROL_QUADCOPTER
from bowstreet.flight.model import (
    Arm,
    Command,
    Disarm,
    DockConfig,
    DockStatus,
    GoTo,
    Hold,
    Land,
    Mission,
    MissionPlan,
    OpenDock,
    Orbit,
    Phase,
    PointGimbal,
    SetSpeed,
    TakeOff,
    Telemetry,
    VehicleConfig,
    Waypoint,
    Wind,
    ZoomCamera,
)
from bowstreet.flight.plan import plan_mission
from bowstreet.flight.ports import DockReport, OnDock, OnTelemetry, Outcome, Settled
from bowstreet.flight.reckoning import distance_m, moved, offset_m
from bowstreet.flight.service import TICK_S, FlightService
from bowstreet.geo import Position, to_grid
from bowstreet.messages import (
    CommandIssued,
    CommandSettled,
    DockChanged,
    LaunchAuthorised,
    Message,
    MissionChanged,
    MissionRetasked,
    Reason,
    RecallOrdered,
    VehicleChanged,
)
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CENTRE = Position(latitude_deg=51.5380, longitude_deg=-0.1030)
CALM = Wind(speed_mps=0.0, from_deg=0.0)
LID_S = 10.0
OK = Settled(outcome=Outcome.ACCEPTED)
NO_ANSWER = Settled(outcome=Outcome.TIMED_OUT, detail="no answer")


def refusal(detail: str) -> Settled:
    return Settled(outcome=Outcome.REJECTED, detail=detail)


class Crashed(BaseException):
    """The program is gone, as with kill -9: nothing after this runs."""


def place(east_m: float, north_m: float) -> Position:
    return moved(CENTRE, east_m, north_m)


@dataclass
class Drone:
    config: VehicleConfig
    at: Position
    height_m: float = 0.0
    charge: float = 1.0
    armed: bool = False
    landed: bool = True
    gimbal_deg: float = 0.0
    zoom: float = 1.0
    mode: str = "standby"
    speed_mps: float = 15.0
    target: Waypoint | None = None
    landing: bool = False
    heading_deg: float = 0.0
    ground_speed_mps: float = 0.0
    up_mps: float = 0.0
    heard_at: datetime | None = None
    silent: bool = False  # nothing comes from it, nothing reaches it
    deaf: bool = False  # it is heard, and hears nothing
    gps_ok: bool = True
    shown_at: Position | None = None  # where its GPS says it is, when that is not where it is
    gauge: Callable[[float], float] = lambda charge: charge
    draw: float = 1.0
    faults: tuple[str, ...] = ()
    exhausted: bool = False
    own_failsafe_s: float = 20.0
    lost_for_s: float = 0.0
    take_offs: int = 0
    low_gimbal_m: float = 0.0  # flown with the camera down


@dataclass
class Dock:
    config: DockConfig
    status: DockStatus = DockStatus.CLOSED
    pads: list[int] = field(default_factory=list)
    moving_s: float = 0.0
    jammed: bool = False
    silent: bool = False
    heard_at: datetime | None = None
    conflicts: int = 0


class World:
    """Vehicles and docks, and time. It is the `VehicleLink` of whoever listens."""

    def __init__(
        self, docks: Iterable[tuple[str, Position, int]], vehicles: Iterable[tuple[str, str]], wind: Wind = CALM
    ) -> None:
        self.clock = SimulatedClock(START)
        self.wind = wind
        self.docks = {
            dock_id: Dock(
                DockConfig(
                    dock_id=dock_id,
                    name=dock_id,
                    position=position,
                    ground_m_amsl=30.0,
                    pads=pads,
                    link="udpout:127.0.0.1:1",
                    system_id=100 + number,
                ),
                pads=[0] * pads,
            )
            for number, (dock_id, position, pads) in enumerate(docks)
        }
        self.drones: dict[str, Drone] = {}
        for number, (vehicle_id, dock_id) in enumerate(vehicles, start=1):
            config = VehicleConfig(
                vehicle_id=vehicle_id, link="udpout:127.0.0.1:2", system_id=number,
                airframe=PATROL_QUADCOPTER.name, home_dock_id=dock_id, zoom_most=8.0,
            )  # fmt: skip
            dock = self.docks[dock_id]
            dock.pads[dock.pads.index(0)] = number
            self.drones[vehicle_id] = Drone(config, dock.config.position)
        self._on_telemetry: OnTelemetry | None = None
        self._on_dock: OnDock | None = None
        self.sent: list[tuple[str, str, Command]] = []  # command id, target, command: what reached the link
        self.answers: dict[type[Command], list[Settled | None]] = {}  # answers to give instead, in order; None is the usual one
        self.before_send: Callable[[str, Command], None] = lambda command_id, command: None
        self.after_send: Callable[[str, Command], None] = lambda command_id, command: None

    # --- the port ---------------------------------------------------------------------------------------------------

    def listen(self, on_telemetry: OnTelemetry, on_dock: OnDock) -> None:
        self._on_telemetry, self._on_dock = on_telemetry, on_dock

    def heard_s_ago(self, target_id: str) -> float | None:
        peer = self.drones.get(target_id) or self.docks.get(target_id)
        if peer is None or peer.heard_at is None:
            return None
        return (self.clock.now() - peer.heard_at).total_seconds()

    async def send(self, target_id: str, command: Command, command_id: str) -> Settled:
        self.before_send(command_id, command)
        self.sent.append((command_id, target_id, command))
        answer = self._answer(target_id, command)
        self.after_send(command_id, command)
        return answer

    def _answer(self, target_id: str, command: Command) -> Settled:
        prepared = self.answers.get(type(command))
        if prepared:
            answer = prepared.pop(0)
            if answer is not None:
                return answer
        if target_id in self.docks:
            return self._to_dock(self.docks[target_id], command)
        drone = self.drones[target_id]
        return NO_ANSWER if drone.silent or drone.deaf else self._to_drone(drone, command)

    def _to_dock(self, dock: Dock, command: Command) -> Settled:
        if dock.silent:
            return NO_ANSWER
        if dock.jammed:
            return refusal("jammed")
        wanted, moving = (
            (DockStatus.OPEN, DockStatus.OPENING) if isinstance(command, OpenDock) else (DockStatus.CLOSED, DockStatus.CLOSING)
        )
        if dock.status is not wanted:
            dock.status, dock.moving_s = moving, LID_S
        return OK

    def _to_drone(self, drone: Drone, command: Command) -> Settled:  # noqa: C901 - one case a command
        match command:
            case Arm():
                if not drone.landed:
                    return refusal("in the air")
                drone.armed = True
            case Disarm():
                if not drone.landed:
                    return refusal("in the air")
                drone.armed = False
            case TakeOff(height_m_above_dock=height_m):
                if not drone.armed:
                    return refusal("not armed")
                self._leave_pad(drone)
                drone.take_offs += 1
                drone.landed, drone.mode = False, "guided"
                drone.target = Waypoint(position=drone.at, height_m_above_dock=height_m)
            case GoTo(waypoint=waypoint):
                if drone.landed:
                    return refusal("on the ground")
                drone.target, drone.landing, drone.mode = waypoint, False, "guided"
            case Orbit(centre=centre):
                drone.target, drone.landing, drone.mode = centre, False, "orbit"
            case Hold():
                if not drone.landed:
                    drone.target = Waypoint(position=drone.at, height_m_above_dock=drone.height_m)
                    drone.landing, drone.mode = False, "hold"
            case Land(waypoint=waypoint):
                if not drone.landed:
                    drone.target, drone.landing, drone.mode = waypoint, True, "land"
            case PointGimbal(pitch_deg=pitch_deg):
                drone.gimbal_deg = pitch_deg
            case ZoomCamera(zoom=zoom):
                drone.zoom = zoom
            case SetSpeed(ground_speed_mps=speed_mps):
                drone.speed_mps = speed_mps
            case _:
                pass
        return OK

    # --- physics ----------------------------------------------------------------------------------------------------

    def _leave_pad(self, drone: Drone) -> None:
        for dock in self.docks.values():
            if drone.config.system_id in dock.pads and distance_m(dock.config.position, drone.at) < 10.0:
                dock.pads[dock.pads.index(drone.config.system_id)] = 0
                if dock.status is not DockStatus.OPEN:
                    dock.conflicts += 1

    def _touch(self, drone: Drone) -> None:
        drone.landed, drone.armed, drone.landing, drone.target, drone.mode = True, False, False, None, "standby"
        drone.height_m = drone.ground_speed_mps = drone.up_mps = 0.0
        for dock in self.docks.values():
            if distance_m(dock.config.position, drone.at) < 10.0:
                if dock.status is not DockStatus.OPEN or 0 not in dock.pads:
                    dock.conflicts += 1
                else:
                    dock.pads[dock.pads.index(0)] = drone.config.system_id

    def _fly(self, drone: Drone, seconds: float) -> None:
        if drone.landed:
            if drone.charge < 1.0 and not drone.armed:
                drone.charge = min(1.0, drone.charge + seconds / PATROL_QUADCOPTER.charge_full_s)
            return
        if drone.silent or drone.deaf:
            drone.lost_for_s += seconds
            if drone.lost_for_s >= drone.own_failsafe_s and drone.mode not in ("rtl", "land"):
                home = self.docks[drone.config.home_dock_id].config.position
                drone.mode, drone.landing = "rtl", False
                drone.target = Waypoint(position=home, height_m_above_dock=max(drone.height_m, 30.0))
        else:
            drone.lost_for_s = 0.0
        target = drone.target
        power_w = PATROL_QUADCOPTER.hover_w
        drone.ground_speed_mps = drone.up_mps = 0.0
        if target is not None:
            east, north = offset_m(drone.at, target.position)
            length = math.hypot(east, north)
            over = length < 1.0
            if not over:
                step = min(length, self._ground_speed(drone, east / length, north / length) * seconds)
                drone.at = target.position if step >= length else moved(drone.at, east * step / length, north * step / length)
                drone.ground_speed_mps = step / seconds
                drone.heading_deg = math.degrees(math.atan2(east, north)) % 360.0
                power_w = PATROL_QUADCOPTER.cruise_w
            if not drone.landing or over:
                rise = target.height_m_above_dock - drone.height_m
                limit = (PATROL_QUADCOPTER.climb_mps if rise > 0 else PATROL_QUADCOPTER.descent_mps) * seconds
                drone.up_mps = max(-limit, min(limit, rise)) / seconds
                drone.height_m += drone.up_mps * seconds
                if drone.up_mps > 0:
                    power_w = 1.4 * PATROL_QUADCOPTER.cruise_w
                if drone.landing and over and drone.height_m <= 0.05:
                    self._touch(drone)
        drone.charge -= power_w * drone.draw * seconds / 3600.0 / PATROL_QUADCOPTER.battery_wh
        if drone.charge <= 0.0:
            drone.exhausted = True
        if drone.gimbal_deg < -20.0:
            drone.low_gimbal_m += drone.ground_speed_mps * seconds

    def _ground_speed(self, drone: Drone, east: float, north: float) -> float:
        to = math.radians(self.wind.from_deg + 180.0)
        along = self.wind.speed_mps * (east * math.sin(to) + north * math.cos(to))
        across = max(0.0, self.wind.speed_mps**2 - along**2)
        air = PATROL_QUADCOPTER.cruise_mps**2 - across
        return max(0.0, min(drone.speed_mps, along + math.sqrt(max(0.0, air))))

    def telemetry(self, drone: Drone) -> Telemetry:
        return Telemetry(
            vehicle_id=drone.config.vehicle_id, at=self.clock.now(), position=drone.shown_at or drone.at,
            altitude_m_amsl=30.0 + drone.height_m, height_m_above_dock=drone.height_m, heading_deg=drone.heading_deg,
            ground_speed_mps=drone.ground_speed_mps, vertical_speed_mps=drone.up_mps,
            charge_fraction=max(0.0, min(1.0, drone.gauge(drone.charge))), armed=drone.armed, landed=drone.landed,
            gps_ok=drone.gps_ok, ready_to_arm=drone.landed, gimbal_pitch_deg=drone.gimbal_deg, mode=drone.mode,
            faults=drone.faults,
        )  # fmt: skip

    async def step(self, seconds: float = 0.5) -> None:
        """Let time pass; then everybody speaks."""
        self.clock.advance_to(self.clock.now() + timedelta(seconds=seconds))
        for dock in self.docks.values():
            if dock.jammed:
                dock.status = DockStatus.JAMMED
            elif dock.status in (DockStatus.OPENING, DockStatus.CLOSING):
                dock.moving_s -= seconds
                if dock.moving_s <= 0:
                    dock.status = DockStatus.OPEN if dock.status is DockStatus.OPENING else DockStatus.CLOSED
        for drone in self.drones.values():
            self._fly(drone, seconds)
        await self.speak()

    async def speak(self) -> None:
        for dock in self.docks.values():
            if not dock.silent:
                dock.heard_at = self.clock.now()
                report = DockReport(
                    dock_id=dock.config.dock_id, status=dock.status, pads=tuple(dock.pads),
                    wind_speed_mps=self.wind.speed_mps, wind_from_deg=self.wind.from_deg,
                )  # fmt: skip
                if self._on_dock is not None:
                    await self._on_dock(report)
        for drone in self.drones.values():
            if not drone.silent:
                drone.heard_at = self.clock.now()
                if self._on_telemetry is not None:
                    await self._on_telemetry(self.telemetry(drone))

    def gone(self) -> None:
        """The program is gone: nobody listens."""
        self._on_telemetry = self._on_dock = None

    # --- what must never be -----------------------------------------------------------------------------------------

    def conflicts(self) -> int:
        return sum(dock.conflicts for dock in self.docks.values())

    def ids_sent(self) -> Counter[str]:
        return Counter(command_id for command_id, _, _ in self.sent)


class Pilotless:
    """The service over a world, with what it said; `start` again after a crash over the same store."""

    def __init__(self, world: World, store: MemoryStore | None = None, **options: Any) -> None:
        self.world = world
        self.store = store or MemoryStore()
        self.options = options
        self.said: list[Message] = []
        self.flight: FlightService
        self.recorder: Recorder
        self.bus: InlineBus

    async def start(self) -> "Pilotless":
        self.bus = InlineBus()
        self.recorder = Recorder(self.store, self.bus, self.world.clock, salts=seeded_salts(1))
        self.flight = FlightService(
            self.recorder, self.store, self.bus, self.world.clock, self.world,
            vehicles=[drone.config for drone in self.world.drones.values()],
            docks=[dock.config for dock in self.world.docks.values()],
            airframes=AIRFRAMES, **self.options,
        )  # fmt: skip
        for kind in (MissionChanged, CommandIssued, CommandSettled, VehicleChanged, DockChanged):
            self.bus.subscribe(kind, self._hear)
        await self.flight.load()
        await self.recorder.recover()
        return self

    async def _hear(self, message: Message) -> None:
        self.said.append(message)

    async def run(self, seconds: float, step_s: float = 0.5, until: Callable[[], bool] = lambda: False) -> None:
        """Let the world turn; `tick` is called as live, each `TICK_S`."""
        steps = int(seconds / step_s)
        each = max(1, int(TICK_S / step_s))
        for number in range(steps):
            await self.world.step(step_s)
            if number % each == 0:
                await self.flight.tick()
            if until():
                return

    async def authorise(
        self, mission_id: str, vehicle_id: str, scene: Position, *, grade: str = "I", incident_id: str | None = None
    ) -> Mission:
        """What dispatch does: the mission and the authority in one act."""
        mission = self.planned(mission_id, vehicle_id, scene, grade=grade, incident_id=incident_id)
        order = LaunchAuthorised(
            at=self.world.clock.now(), mission_id=mission_id, incident_id=mission.incident_id, vehicle_id=vehicle_id,
            dock_id=mission.dock_id, purpose=mission.purpose, authorised_by="dispatch", reasons=(),
        )  # fmt: skip
        await self.recorder.record(save=[(self.flight.missions, mission)], messages=[order])
        return self.mission(mission_id)

    def planned(
        self, mission_id: str, vehicle_id: str, scene: Position, *, grade: str = "I", incident_id: str | None = None
    ) -> Mission:
        drone = self.world.drones[vehicle_id]
        dock_id = self.flight.picture.vehicle(vehicle_id).dock_id
        return Mission(
            mission_id=mission_id, incident_id=incident_id or f"inc-{mission_id}", vehicle_id=vehicle_id, dock_id=dock_id,
            purpose="response-999", grade=grade, plan=plan_for(drone.at, scene, drone.charge, dock_id, self.world.wind),
            authorised_at=self.world.clock.now(), authorised_by="dispatch", phase_since=self.world.clock.now(),
        )  # fmt: skip

    async def turn(self, mission_id: str, incident_id: str, scene: Position) -> None:
        """What dispatch does to a drone in the air."""
        import msgspec

        before = self.mission(mission_id)
        drone = self.world.drones[before.vehicle_id]
        home = self.world.docks[before.bound_for].config.position
        plan = plan_for(drone.at, scene, drone.charge, before.bound_for, self.world.wind, home)
        order = MissionRetasked(
            at=self.world.clock.now(), mission_id=mission_id, vehicle_id=before.vehicle_id,
            from_incident_id=before.incident_id, to_incident_id=incident_id, reasons=(),
        )  # fmt: skip
        after = msgspec.structs.replace(before, incident_id=incident_id, plan=plan)
        await self.recorder.record(save=[(self.flight.missions, after)], messages=[order])

    async def recall(self, mission_id: str) -> None:
        reason = Reason(code="recalled", text="called back by a person")
        order = RecallOrdered(at=self.world.clock.now(), mission_id=mission_id, ordered_by="acc-1", reason=reason)
        await self.recorder.record(messages=[order])

    def mission(self, mission_id: str) -> Mission:
        return self.flight.missions.get(mission_id)

    def phase(self, mission_id: str) -> Phase:
        return self.mission(mission_id).phase

    def phases(self, mission_id: str) -> list[str]:
        """The phases that were told, in order, repeats left out."""
        told = [one.phase for one in self.said if isinstance(one, MissionChanged) and one.mission_id == mission_id]
        return [phase for place, phase in enumerate(told) if place == 0 or told[place - 1] != phase]

    def codes(self, mission_id: str) -> list[str]:
        return [one.reason.code for one in self.said if isinstance(one, MissionChanged) and one.mission_id == mission_id]

    def over(self, *mission_ids: str) -> Callable[[], bool]:
        return lambda: all(self.phase(one).is_final for one in mission_ids)


def plan_for(
    start: Position,
    scene: Position,
    charge: float,
    dock_id: str,
    wind: Wind,
    home: Position | None = None,
    on_scene_s: float = 60.0,
) -> MissionPlan:
    way = (to_grid(start), to_grid(scene))
    plan = plan_mission(
        airframe=PATROL_QUADCOPTER, charge_fraction=charge, home_dock_id=dock_id, wind=wind, on_scene_s=on_scene_s,
        least_on_scene_s=30.0, clearance=Clearance(waypoints=way, length_m=way[0].distance_m(way[1]), height_m_agl=90.0),
        airborne=home is not None, homeward=() if home is None else (way[1], to_grid(home)),
    )  # fmt: skip
    assert isinstance(plan, MissionPlan), plan
    return plan


def small_world(wind: Wind = CALM) -> World:
    """Three docks in a row, 1.2 km apart; two drones in the first, one in the second; the third is empty."""
    return World(
        [("d1", place(0, 0), 2), ("d2", place(1_200, 0), 2), ("d3", place(2_400, 0), 1)],
        [("v1", "d1"), ("v2", "d1"), ("v3", "d2")],
        wind,
    )
