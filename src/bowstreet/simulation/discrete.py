"""Vehicles and docks as events on a simulated clock: the other side of `flight.ports.VehicleLink`, without sockets.

A command is acknowledged at once and its effect is entered in the agenda; telemetry comes only when something ends: a climb,
a leg, a landing, a while on scene. Between events nothing is computed. Faults are drawn from a seeded source, sortie by
sortie.
"""

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec

from bowstreet.flight.model import (
    Airframe,
    Arm,
    CloseDock,
    Command,
    Disarm,
    DockConfig,
    DockStatus,
    GoTo,
    Hold,
    Land,
    OpenDock,
    Orbit,
    PointGimbal,
    SetSpeed,
    TakeOff,
    Telemetry,
    VehicleConfig,
    Waypoint,
    Wind,
)
from bowstreet.flight.ports import DockReport, OnDock, OnTelemetry, Outcome, Settled
from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.simulation.agenda import Agenda
from bowstreet.simulation.craft import Craft

# A lid opens or closes in about ten seconds (makers of docks give 5 to 20).
LID_S = 10.0
ARM_S = 2.0
# From the order to take off until it leaves the pad. The lid, arming, this and the climb away make up `Airframe.launch_s`.
SPIN_UP_S = 3.0
# Power in a full climb over power at cruise: the work of lifting 4 kg at 4 m/s at what propellers give back of it.
CLIMB_POWER = 1.4
# The lid is wanted open when the drone is over it: on a long leg it is heard this long before its end.
AHEAD_S = 18.0
# Telemetry comes about once a second on a thinned link: what an event's news waits at most.
REPORT_S = 0.5
# On scene nothing ends by itself, so the drone is heard this often; on the pad, while charging, this often.
ON_SCENE_REPORT_S = 120.0
CHARGING_REPORT_S = 600.0
# A jammed lid is freed by a person who has to come by.
JAM_S = 1_800.0
# Nearer than this a landing is in the dock; farther off it is beside it.
IN_DOCK_M = 10.0
# What the vehicle does by itself when its ground station is silent this long: turn home. As in the failsafe parameters that
# flight checks.
OWN_FAILSAFE_S = 20.0

ACCEPTED = Settled(outcome=Outcome.ACCEPTED)
TIMED_OUT = Settled(outcome=Outcome.TIMED_OUT, detail="no answer")


class FaultRates(msgspec.Struct, frozen=True, kw_only=True):
    """How likely each fault is in one sortie. All zero: nothing fails."""

    link_loss: float = 0.0
    gps_loss: float = 0.0
    lid_jam: float = 0.0
    battery_sag: float = 0.0
    arm_refused: float = 0.0


# Lengths of link loss that the fault list names.
LINK_LOSSES_S = (1.0, 10.0, 60.0)
GPS_LOSSES_S = (2.0, 10.0)
# When in a sortie a fault begins: on the way out as often as over the scene.
WITHIN_S = (5.0, 150.0)
SAG = 1.15


class SimulatedDock:
    """A dock: its lid, its pads, and who is on them."""

    __slots__ = ("at", "config", "pads", "plan", "status")

    def __init__(self, config: DockConfig) -> None:
        self.config = config
        self.at = to_grid(config.position)
        self.status = DockStatus.CLOSED
        self.pads = [0] * config.pads
        self.plan = 0


class DiscreteFleet:
    """A `VehicleLink` to simulated vehicles and docks.

    Args:
        agenda: where effects are entered.
        wind: the wind now; the same air that dispatch asks about.
        seed, faults: what goes wrong, and the source of its chances.
    """

    def __init__(
        self,
        agenda: Agenda,
        vehicles: Iterable[VehicleConfig],
        docks: Iterable[DockConfig],
        airframes: Iterable[Airframe],
        wind: Callable[[], Wind],
        *,
        seed: int = 1,
        faults: FaultRates | None = None,
    ) -> None:
        self._agenda = agenda
        self._wind = wind
        self._random = random.Random(f"bowstreet faults {seed}")  # noqa: S311 - chance, not a secret
        self._faults = faults or FaultRates()
        self._on_telemetry: OnTelemetry | None = None
        self._on_dock: OnDock | None = None
        kinds = {airframe.name: airframe for airframe in airframes}
        self.docks = {dock.dock_id: SimulatedDock(dock) for dock in docks}
        self.crafts = {vehicle.vehicle_id: self._parked(vehicle, kinds[vehicle.airframe]) for vehicle in vehicles}
        self.up: dict[str, Craft] = {}
        self._dock_keys = {_near_key(dock.config.position) for dock in self.docks.values()}
        self.counts: Counter[str] = Counter()
        self._last_commands: dict[str, str] = {}
        self._effects: dict[type[Command], Callable[[str, Any], Settled]] = {
            OpenDock: self._open,
            CloseDock: self._close,
            Arm: self._arm,
            Disarm: self._disarm,
            TakeOff: self._take_off,
            SetSpeed: self._set_speed,
            GoTo: self._go_to,
            Orbit: self._orbit,
            Hold: self._hold,
            PointGimbal: self._point_gimbal,
            Land: self._land,
        }

    def _parked(self, vehicle: VehicleConfig, airframe: Airframe) -> Craft:
        dock = self.docks[vehicle.home_dock_id]
        dock.pads[dock.pads.index(0)] = vehicle.system_id
        craft = Craft(vehicle.vehicle_id, vehicle.system_id, airframe, dock.config.dock_id, dock.config.position, dock.at)
        craft.ground_m_amsl = dock.config.ground_m_amsl
        return craft

    # --- the port ---------------------------------------------------------------------------------------------------

    async def send(self, target_id: str, command: Command, command_id: str) -> Settled:
        """Acknowledge at once. A command id that was seen before is acknowledged and not done again."""
        craft = self.crafts.get(target_id)
        if craft is not None:
            if self._silent(craft):
                return TIMED_OUT
            craft.settle(self._agenda.now_s)
        if self._last_commands.get(target_id) == command_id:
            self.counts["repeated_commands"] += 1
            return ACCEPTED
        self._last_commands[target_id] = command_id
        effect = self._effects.get(type(command))
        return ACCEPTED if effect is None else effect(target_id, command)

    def listen(self, on_telemetry: OnTelemetry, on_dock: OnDock) -> None:
        self._on_telemetry, self._on_dock = on_telemetry, on_dock

    def heard_s_ago(self, target_id: str) -> float | None:
        """Heartbeats come without end unless the link is lost; then seconds since the last."""
        craft = self.crafts.get(target_id)
        if craft is None:
            return 0.0 if target_id in self.docks else None
        return self._agenda.now_s - craft.heard_s if self._silent(craft) else 0.0

    async def first_reports(self) -> None:
        """Everybody says once where and how they are."""
        for dock in self.docks.values():
            await self._dock_report(dock)
        for craft in self.crafts.values():
            await self.report(craft)

    async def report(self, craft: Craft) -> None:
        """Bring a vehicle up to now and let it speak, unless its link is down."""
        now_s = self._agenda.now_s
        craft.settle(now_s)
        if self._on_telemetry is None or self._silent(craft):
            return
        craft.heard_s = now_s
        await self._on_telemetry(
            Telemetry(
                vehicle_id=craft.vehicle_id,
                at=self._agenda.moment(now_s),
                position=craft.position(),
                altitude_m_amsl=craft.ground_m_amsl + craft.height_m,
                height_m_above_dock=craft.height_m,
                heading_deg=craft.heading_deg,
                ground_speed_mps=craft.ground_speed_mps,
                vertical_speed_mps=craft.up_mps,
                charge_fraction=max(0.0, craft.charge),
                armed=craft.armed,
                landed=craft.landed,
                gps_ok=now_s >= craft.gps_lost_until_s,
                ready_to_arm=craft.landed,
                gimbal_pitch_deg=craft.gimbal_pitch_deg,
                mode=craft.mode,
            )
        )

    def moving(self) -> list[Craft]:
        """Those under way from one place to another, whose last word on their place is out of date."""
        return [craft for craft in self.up.values() if craft.v_east_mps or craft.v_north_mps]

    # --- docks ------------------------------------------------------------------------------------------------------

    def _open(self, target_id: str, command: OpenDock) -> Settled:
        dock = self.docks[command.dock_id]
        still = dock.status in (DockStatus.OPEN, DockStatus.JAMMED)  # a lid that does not move does not jam
        if self._faults.lid_jam and not still and self._random.random() < self._faults.lid_jam:
            return self._jam(dock)
        return self._move_lid(dock, DockStatus.OPENING, DockStatus.OPEN)

    def _close(self, target_id: str, command: CloseDock) -> Settled:
        return self._move_lid(self.docks[command.dock_id], DockStatus.CLOSING, DockStatus.CLOSED)

    def _move_lid(self, dock: SimulatedDock, moving: DockStatus, ended: DockStatus) -> Settled:
        if dock.status is DockStatus.JAMMED:
            return Settled(outcome=Outcome.REJECTED, detail="lid jammed")
        dock.plan += 1
        if dock.status is ended:
            self._lid_after(dock, REPORT_S, ended)
        else:
            # That it moves is seen with its next report; none is made for that alone.
            dock.status = moving
            self._lid_after(dock, LID_S, ended)
        return ACCEPTED

    def _jam(self, dock: SimulatedDock) -> Settled:
        self.counts["lid_jams"] += 1
        dock.plan += 1
        self._lid_after(dock, REPORT_S, DockStatus.JAMMED)
        self._lid_after(dock, JAM_S, DockStatus.CLOSED)
        return ACCEPTED

    def _lid_after(self, dock: SimulatedDock, wait_s: float, status: DockStatus) -> None:
        plan = dock.plan
        self._agenda.after(wait_s, lambda: self._lid(dock, plan, status))

    def _lid(self, dock: SimulatedDock, plan: int, status: DockStatus) -> Coroutine[Any, Any, None] | None:
        if dock.plan != plan:
            return None
        dock.status = status
        return self._dock_report(dock)

    async def _dock_report(self, dock: SimulatedDock) -> None:
        if self._on_dock is not None:
            # Docks tell no wind here: dispatch and flight are given the weather itself.
            await self._on_dock(DockReport(dock_id=dock.config.dock_id, status=dock.status, pads=tuple(dock.pads)))

    # --- vehicles ---------------------------------------------------------------------------------------------------

    def _arm(self, target_id: str, command: Arm) -> Settled:
        craft = self.crafts[target_id]
        if self._faults.arm_refused and self._random.random() < self._faults.arm_refused:
            self.counts["arm_refused"] += 1
            return Settled(outcome=Outcome.REJECTED, detail="pre-arm check failed")
        craft.armed = True
        self._report_after(craft, ARM_S)
        return ACCEPTED

    def _disarm(self, target_id: str, command: Disarm) -> Settled:
        craft = self.crafts[target_id]
        if not craft.landed:
            return Settled(outcome=Outcome.REJECTED, detail="in the air")
        craft.armed = False
        self._report_after(craft, REPORT_S)
        return ACCEPTED

    def _take_off(self, target_id: str, command: TakeOff) -> Settled:
        craft = self.crafts[target_id]
        if not craft.armed:
            return Settled(outcome=Outcome.REJECTED, detail="not armed")
        craft.mode = "takeoff"
        craft.plan += 1
        self._at_end(craft, SPIN_UP_S if craft.landed else 0.0, lambda: self._lift(craft, command.height_m_above_dock))
        return ACCEPTED

    async def _lift(self, craft: Craft, height_m: float) -> None:
        if craft.landed:
            self._leave_pad(craft)
        needed_s = craft.climb_to(height_m)
        craft.drawing_w = CLIMB_POWER * craft.airframe.cruise_w
        self._at_end(craft, needed_s, lambda: self._climbed(craft, height_m))

    def _leave_pad(self, craft: Craft) -> None:
        dock = self.docks[craft.dock_id] if craft.dock_id else None
        if dock is not None:
            if dock.status is not DockStatus.OPEN:
                self.counts["takeoffs_under_closed_lid"] += 1
            dock.pads[dock.pads.index(craft.system_id)] = 0
            self._agenda.after(REPORT_S, lambda: self._dock_report(dock))
        craft.dock_id, craft.landed, craft.charging = None, False, False
        self.up[craft.vehicle_id] = craft
        craft.sorties += 1
        craft.draw = 1.0
        self.counts["sorties"] += 1
        self._draw_faults(craft)

    async def _climbed(self, craft: Craft, height_m: float) -> None:
        craft.stay()
        craft.height_m = height_m
        await self.report(craft)

    def _set_speed(self, target_id: str, command: SetSpeed) -> Settled:
        self.crafts[target_id].set_speed_mps = command.ground_speed_mps
        return ACCEPTED

    def _go_to(self, target_id: str, command: GoTo) -> Settled:
        craft = self.crafts[target_id]
        if craft.landed:
            return Settled(outcome=Outcome.REJECTED, detail="on the ground")
        craft.mode = "guided"
        self._fly(craft, command.waypoint)
        return ACCEPTED

    def _fly(self, craft: Craft, waypoint: Waypoint, then: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        goal = to_grid(waypoint.position)
        level_s = craft.fly_to(goal, self._wind())
        rise = waypoint.height_m_above_dock - craft.height_m
        limit = craft.airframe.climb_mps if rise > 0 else craft.airframe.descent_mps
        needed_s = max(level_s, abs(rise) / limit)
        if needed_s == float("inf"):
            # The wind holds it: it hovers and is heard, and flight decides.
            craft.stay()
            self._report_after(craft, REPORT_S)
            return
        if needed_s > 0:
            craft.up_mps = rise / needed_s
            craft.v_east_mps *= level_s / needed_s
            craft.v_north_mps *= level_s / needed_s
        if needed_s > AHEAD_S + REPORT_S and _near_key(waypoint.position) in self._dock_keys:
            self._at_end(craft, needed_s - AHEAD_S, lambda: self.report(craft))
        self._at_end(craft, needed_s, lambda: self._arrived(craft, goal, waypoint, then))

    async def _arrived(
        self, craft: Craft, goal: GridPoint, waypoint: Waypoint, then: Callable[[], Coroutine[Any, Any, None]] | None
    ) -> None:
        craft.stay()
        craft.put_at(goal, waypoint.position)
        craft.height_m = waypoint.height_m_above_dock
        if then is None:
            await self.report(craft)
        else:
            await then()

    def _orbit(self, target_id: str, command: Orbit) -> Settled:
        craft = self.crafts[target_id]
        if craft.landed:
            return Settled(outcome=Outcome.REJECTED, detail="on the ground")
        craft.stay()
        craft.mode = "orbit"
        self._at_end(craft, REPORT_S, lambda: self._still_there(craft, craft.plan))
        return ACCEPTED

    def _hold(self, target_id: str, command: Hold) -> Settled:
        craft = self.crafts[target_id]
        craft.stay()
        craft.mode = "hold"
        if not craft.landed:
            self._at_end(craft, REPORT_S, lambda: self._still_there(craft, craft.plan))
        return ACCEPTED

    async def _still_there(self, craft: Craft, plan: int) -> None:
        await self.report(craft)
        if craft.plan == plan:
            self._at_end(craft, ON_SCENE_REPORT_S, lambda: self._still_there(craft, plan))

    def _point_gimbal(self, target_id: str, command: PointGimbal) -> Settled:
        self.crafts[target_id].gimbal_pitch_deg = command.pitch_deg
        return ACCEPTED

    # --- landing ----------------------------------------------------------------------------------------------------

    def _land(self, target_id: str, command: Land) -> Settled:
        craft = self.crafts[target_id]
        if craft.landed:
            return ACCEPTED
        craft.mode = "land"
        above = Waypoint(position=command.waypoint.position, height_m_above_dock=craft.height_m)
        self._fly(craft, above, lambda: self._descend(craft))
        return ACCEPTED

    async def _descend(self, craft: Craft) -> None:
        dock = self._dock_below(craft)
        ground_m = craft.ground_m_amsl if dock is None else dock.config.ground_m_amsl
        needed_s = craft.climb_to(ground_m - craft.ground_m_amsl)
        self._at_end(craft, needed_s, lambda: self._touch(craft, dock))

    def _dock_below(self, craft: Craft) -> SimulatedDock | None:
        here = craft.at
        near = min(self.docks.values(), key=lambda dock: dock.at.distance_m(here))
        return near if near.at.distance_m(here) <= IN_DOCK_M else None

    async def _touch(self, craft: Craft, dock: SimulatedDock | None) -> None:
        craft.stay()
        self.up.pop(craft.vehicle_id, None)
        craft.landed, craft.armed, craft.drawing_w, craft.mode = True, False, 0.0, "standby"
        craft.set_speed_mps = None
        if craft.charge <= 0.0:
            self.counts["exhaustions"] += 1
        if dock is None:
            self.counts["landed_elsewhere"] += 1
        elif dock.status is not DockStatus.OPEN or 0 not in dock.pads:
            self.counts["pad_conflicts"] += 1
        else:
            dock.pads[dock.pads.index(0)] = craft.system_id
            craft.dock_id, craft.charging = dock.config.dock_id, True
            craft.ground_m_amsl, craft.height_m = dock.config.ground_m_amsl, 0.0
            craft.put_at(dock.at, dock.config.position)
            self.counts["landed_in_dock"] += 1
            await self._dock_report(dock)
        await self.report(craft)
        self._charge_on(craft, craft.plan)

    def _charge_on(self, craft: Craft, plan: int) -> None:
        """On the pad the drone is heard now and then until it is full, so that dispatch knows its charge."""
        if craft.plan != plan or not craft.landed or not craft.charging or craft.charge >= 1.0:
            return
        to_full_s = (1.0 - craft.charge) * craft.airframe.charge_full_s

        async def charged() -> None:
            await self.report(craft)
            self._charge_on(craft, plan)

        self._at_end(craft, min(CHARGING_REPORT_S, to_full_s + 1e-6), charged)

    # --- events -----------------------------------------------------------------------------------------------------

    def _at_end(self, craft: Craft, wait_s: float, then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Enter what follows when the present plan ends, unless another plan has taken its place by then."""
        plan = craft.plan

        def due() -> Coroutine[Any, Any, None] | None:
            if craft.plan != plan:
                return None
            craft.settle(self._agenda.now_s)
            return then()

        self._agenda.after(wait_s, due)

    def _report_after(self, craft: Craft, wait_s: float) -> None:
        self._agenda.after(wait_s, lambda: self.report(craft))

    # --- faults -----------------------------------------------------------------------------------------------------

    def _silent(self, craft: Craft) -> bool:
        return self._agenda.now_s < craft.silent_until_s

    def _draw_faults(self, craft: Craft) -> None:
        """What will go wrong in the sortie that begins now."""
        faults, chance = self._faults, self._random
        if faults.battery_sag and chance.random() < faults.battery_sag:
            craft.draw = SAG
            self.counts["battery_sags"] += 1
        if faults.link_loss and chance.random() < faults.link_loss:
            lasts_s = chance.choice(LINK_LOSSES_S)
            self._agenda.after(chance.uniform(*WITHIN_S), lambda: self._lose_link(craft, lasts_s))
        if faults.gps_loss and chance.random() < faults.gps_loss:
            lasts_s = chance.choice(GPS_LOSSES_S)
            self._agenda.after(chance.uniform(*WITHIN_S), lambda: self._lose_gps(craft, lasts_s))

    def _lose_link(self, craft: Craft, lasts_s: float) -> None:
        if craft.landed:
            return
        self.counts["link_losses"] += 1
        craft.heard_s = self._agenda.now_s
        craft.silent_until_s = self._agenda.now_s + lasts_s
        self._report_after(craft, lasts_s)
        if lasts_s > OWN_FAILSAFE_S:
            plan = craft.silent_until_s
            self._agenda.after(OWN_FAILSAFE_S, lambda: self._return_by_itself(craft, plan))

    def _return_by_itself(self, craft: Craft, silent_until_s: float) -> None:
        if craft.landed or craft.silent_until_s != silent_until_s:
            return
        self.counts["own_failsafes"] += 1
        craft.settle(self._agenda.now_s)
        craft.mode = "rtl"
        self._fly(craft, Waypoint(position=craft.home_place, height_m_above_dock=max(craft.height_m, 30.0)))

    def _lose_gps(self, craft: Craft, lasts_s: float) -> None:
        if craft.landed:
            return
        self.counts["gps_losses"] += 1
        craft.gps_lost_until_s = self._agenda.now_s + lasts_s
        self._report_after(craft, 0.0)
        self._report_after(craft, lasts_s)


def _near_key(position: Position) -> tuple[float, float]:
    """The same for two positions of one dock that came by different arithmetic."""
    return round(position.latitude_deg, 5), round(position.longitude_deg, 5)
