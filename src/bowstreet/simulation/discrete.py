"""Vehicles and docks as events on a simulated clock: the other side of `flight.ports.VehicleLink`, without sockets.

A command is acknowledged at once and its effect is entered in the agenda; telemetry comes only when something ends: a climb,
a leg, a landing, a while on scene. Between events nothing is computed.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

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
from bowstreet.flight.ports import OnDock, OnTelemetry, Outcome, Settled
from bowstreet.geo import GridPoint, to_grid
from bowstreet.simulation.agenda import Agenda
from bowstreet.simulation.craft import Craft
from bowstreet.simulation.lids import ACCEPTED, REPORT_S, Lids, SimulatedDock
from bowstreet.simulation.mishaps import FaultRates, Mishaps

ARM_S = 2.0
# From the order to take off until it leaves the pad. The lid, arming, this and the climb away make up `Airframe.launch_s`.
SPIN_UP_S = 3.0
# Power in a full climb over power at cruise: the work of lifting 4 kg at 4 m/s at what propellers give back of it.
CLIMB_POWER = 1.4
# The lid is wanted open when the drone is over it: on a long leg it is heard this long before its end.
AHEAD_S = 18.0
# On scene nothing ends by itself, so the drone is heard this often; on the pad, while charging, this often.
ON_SCENE_REPORT_S = 120.0
CHARGING_REPORT_S = 600.0
# When its ground station is silent this long it turns home by itself, as in the failsafe parameters that flight checks.
OWN_FAILSAFE_S = 20.0

TIMED_OUT = Settled(outcome=Outcome.TIMED_OUT, detail="no answer")


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
        self._on_telemetry: OnTelemetry | None = None
        self.counts: Counter[str] = Counter()
        self.mishaps = Mishaps(faults or FaultRates(), seed, self.counts)
        self._lids = Lids(agenda, docks, self.mishaps)
        self.docks = self._lids.docks
        kinds = {airframe.name: airframe for airframe in airframes}
        self.crafts = {vehicle.vehicle_id: self._parked(vehicle, kinds[vehicle.airframe]) for vehicle in vehicles}
        self.up: dict[str, Craft] = {}
        self._last_commands: dict[str, str] = {}
        self._effects: dict[type[Command], Callable[[str, Any], Settled]] = {
            OpenDock: self._lids.open,
            CloseDock: self._lids.close,
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
        dock.park(vehicle.system_id)
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
        self._on_telemetry, self._lids.on_dock = on_telemetry, on_dock

    def heard_s_ago(self, target_id: str) -> float | None:
        """Heartbeats come without end unless the link is lost; then seconds since the last."""
        craft = self.crafts.get(target_id)
        if craft is None:
            return 0.0 if target_id in self.docks else None
        now_s = self._agenda.now_s
        return now_s - craft.heard_s if now_s < craft.silent_until_s else 0.0

    async def first_reports(self) -> None:
        """Everybody says once where and how they are."""
        for dock in self.docks.values():
            await self._lids.report(dock)
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
                at=self._agenda.now,
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

    # --- vehicles ---------------------------------------------------------------------------------------------------

    def _arm(self, target_id: str, command: Arm) -> Settled:
        craft = self.crafts[target_id]
        if self.mishaps.arm_refused():
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
            dock.leave(craft.system_id)
            self._lids.report_soon(dock)
        craft.dock_id, craft.landed, craft.charging = None, False, False
        self.up[craft.vehicle_id] = craft
        craft.sorties += 1
        self.counts["sorties"] += 1
        self._begin_faults(craft)

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
        if needed_s > AHEAD_S + REPORT_S and self._lids.is_dock(waypoint.position):
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
        dock = self._lids.below(craft.at, craft.position())
        ground_m = craft.ground_m_amsl if dock is None else dock.config.ground_m_amsl
        needed_s = craft.climb_to(ground_m - craft.ground_m_amsl)
        self._at_end(craft, needed_s, lambda: self._touch(craft, dock))

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
            dock.park(craft.system_id)
            craft.dock_id, craft.charging = dock.config.dock_id, True
            craft.ground_m_amsl, craft.height_m = dock.config.ground_m_amsl, 0.0
            craft.put_at(dock.at, dock.config.position)
            self.counts["landed_in_dock"] += 1
            await self._lids.report(dock)
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

    def _begin_faults(self, craft: Craft) -> None:
        """What will go wrong in the sortie that begins now."""
        drawn = self.mishaps.sortie()
        craft.draw = drawn.draw
        if drawn.link_loss is not None:
            after_s, link_s = drawn.link_loss
            self._agenda.after(after_s, lambda: self._lose_link(craft, link_s))
        if drawn.gps_loss is not None:
            after_s, gps_s = drawn.gps_loss
            self._agenda.after(after_s, lambda: self._lose_gps(craft, gps_s))

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
