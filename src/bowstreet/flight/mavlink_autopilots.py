"""How each brand of autopilot wants to be asked. Learnt on a real ArduCopter 4.7-dev and a real PX4 1.17-alpha.

| | ArduCopter | PX4 |
|---|---|---|
| take-off | GUIDED, arm, NAV_TAKEOFF above home | NAV_TAKEOFF above sea, armed before or after |
| reposition | above home; the speed is reset by it | above sea only, param2 exactly 1; ACCEPTED even outside its fence |
| orbit | no DO_ORBIT, and CIRCLE mode obeys a throttle stick that nobody holds: guided points round the circle | DO_ORBIT |
| integers in parameters | cast to float | bytewise in the float |
"""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight import mavlink_modes as modes
from bowstreet.flight.mavlink_gimbal import Gimbal
from bowstreet.flight.mavlink_hub import GROUND_STATION_SYSTEM
from bowstreet.flight.mavlink_lens import Lens
from bowstreet.flight.mavlink_state import ARDUPILOT, PX4, VehicleState
from bowstreet.flight.mavlink_talk import TRIES, Ack, Conversation, Parameter
from bowstreet.flight.model import (
    Arm,
    Command,
    ConfirmFailsafes,
    Disarm,
    GoTo,
    Hold,
    Land,
    Orbit,
    PointGimbal,
    SetSpeed,
    TakeOff,
    Waypoint,
    ZoomCamera,
)
from bowstreet.flight.ports import Outcome, Settled
from bowstreet.flight.reckoning import distance_m, moved, offset_m

NAN = math.nan
CUSTOM_MODE = float(mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED)
REPOSITION_CHANGES_MODE = float(mavlink.MAV_DO_REPOSITION_FLAGS_CHANGE_MODE)
# Heartbeats come once a second; four may be lost.
CONFIRM_S = 5.0
# A refusal's reason comes as text right before or after the acknowledgement. PX4 refuses a place by text alone.
TEXT_S = 0.4
REFUSED_PLACE = ("outside geofence", "geofence", "rejected", "denied", "refused")
# Landing goes straight down from here: over the pad, within what GPS can tell, and nearly still.
OVER_PAD_M, STILL_MPS = 1.5, 0.8
OVER_PAD_S = 10.0
LANDING = ("LAND", "AUTO.LAND")
NEAR_PAD_M = 8.0
# Round a scene at walking pace's double: steady pictures, and no bank that a gimbal must fight.
ORBIT_MPS = 5.0
ORBIT_STEP_S = 0.5
# How much later than ordered a position is flown: the guided point runs ahead of the drone by that much.
ORBIT_LEAD_S = 1.0
# A multicopter of this size brakes so hard.
BRAKING_MPS2 = 2.5

ACCEPTED = Settled(outcome=Outcome.ACCEPTED)
Spawn = Callable[[Coroutine[Any, Any, None]], Any]


def rejected(detail: str) -> Settled:
    return Settled(outcome=Outcome.REJECTED, detail=detail)


def timed_out(detail: str) -> Settled:
    return Settled(outcome=Outcome.TIMED_OUT, detail=detail)


class Pilot:
    """What both brands share. One per vehicle.

    Args:
        spawn: runs what goes on after an acknowledgement, such as an orbit made of points.
    """

    bytewise = False
    takes_gimbal = False
    # Loss of the ground station: the parameter that switches the response on, and the value for "return to launch".
    failsafe = ("", 0)

    def __init__(self, talk: Conversation, state: VehicleState, spawn: Spawn) -> None:
        self.talk, self.state, self._spawn = talk, state, spawn
        self.speed_mps: float | None = None
        self.course = 0  # counts orders of where to fly; what was under way for an older one ends
        self.gimbal = Gimbal(talk, state, spawn, self.settled, must_take=self.takes_gimbal)
        self.lens = Lens(talk, state.lens, self.settled)

    async def obey(self, command: Command) -> Settled:
        """Have one command carried out, by as many messages as this brand wants."""
        if isinstance(command, GoTo | Orbit | Hold | Land | TakeOff):
            self.course += 1
        match command:
            case ConfirmFailsafes():
                return await self.confirm_failsafes()
            case Arm():
                return await self.arm()
            case Disarm():
                return await self.disarm()
            case TakeOff():
                return await self.take_off(command.height_m_above_dock)
            case SetSpeed():
                self.speed_mps = command.ground_speed_mps
                return await self.settled(self.change_speed())
            case GoTo():
                return await self.go_to(command.waypoint)
            case Orbit():
                return await self.orbit(command.centre, command.radius_m)
            case Hold():
                return await self.hold()
            case Land():
                return await self.land(command.waypoint)
        return await self._have_camera(command)

    async def _have_camera(self, command: Command) -> Settled:
        match command:
            case PointGimbal():
                return await self.gimbal.point(command.pitch_deg)
            case ZoomCamera():
                return await self.lens.zoom(command.zoom)
        return rejected(f"{type(command).__name__} is not asked of vehicles")

    # --- what differs ---------------------------------------------------------------------------------------------------

    async def arm(self) -> Settled:
        raise NotImplementedError

    async def take_off(self, height_m: float) -> Settled:
        raise NotImplementedError

    async def go_to(self, waypoint: Waypoint) -> Settled:
        raise NotImplementedError

    async def orbit(self, centre: Waypoint, radius_m: float) -> Settled:
        raise NotImplementedError

    async def confirm_ground_station(self) -> Settled:
        raise NotImplementedError

    # --- what does not --------------------------------------------------------------------------------------------------

    async def settled(self, asked: Coroutine[Any, Any, Ack], *, holds: Callable[[], bool] | None = None) -> Settled:
        """How a command ended. A refusal of a repeat, after the first was obeyed and its answer lost, is no refusal: `holds`
        tells whether what was asked for is so."""
        since_s = self.talk.now_s()
        ack = await asked
        if ack.accepted:
            return ACCEPTED
        if holds is not None and ack.tries > 1 and await self.talk.until(holds, 2.0):
            return Settled(outcome=Outcome.ACCEPTED, detail=f"{ack.word}, and it is so")
        if ack.result is None:
            return timed_out(ack.word)
        await self.talk.pause(TEXT_S)
        said = "; ".join(dict.fromkeys(self.state.texts_since(since_s - TEXT_S)))
        return rejected(f"{ack.word}: {said}" if said else ack.word)

    async def in_mode(self, custom_mode: int, *values: float) -> Settled:
        """Be in this mode, as its heartbeat says."""

        def holds() -> bool:
            return self.state.custom_mode == custom_mode

        if holds():
            return ACCEPTED
        answer = await self.settled(self.talk.long(mavlink.MAV_CMD_DO_SET_MODE, CUSTOM_MODE, *values), holds=holds)
        if answer.outcome is Outcome.ACCEPTED and not await self.talk.until(holds, CONFIRM_S):
            return rejected(f"it stays in {self.state.mode}")
        return answer

    async def armed(self) -> Settled:
        """Armed, as its heartbeat says."""
        ask = self.talk.long(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1.0)
        answer = await self.settled(ask, holds=lambda: self.state.armed)
        if answer.outcome is Outcome.ACCEPTED and not await self.talk.until(lambda: self.state.armed, CONFIRM_S):
            return rejected("it says that it arms, and does not")
        return answer

    async def disarm(self) -> Settled:
        ask = self.talk.long(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0.0)
        return await self.settled(ask, holds=lambda: not self.state.armed)

    async def change_speed(self) -> Ack:
        """Speed over the ground, as last ordered."""
        return await self.talk.long(mavlink.MAV_CMD_DO_CHANGE_SPEED, 1.0, self.speed_mps or -1.0, -1.0)

    async def hold(self) -> Settled:
        """To the point where it comes to a stop. PX4 is in its hold mode already while it goes somewhere; ArduPilot's LOITER
        obeys the throttle stick, and BRAKE would have to be left again."""
        fix, position = self.state.fix, self.state.position
        if fix is None or position is None:
            return rejected("its position is not known")
        speed_mps = math.hypot(fix.north_cms, fix.east_cms) / 100.0
        seconds = speed_mps / (2.0 * BRAKING_MPS2) + min(1.0, self.talk.now_s() - self.state.fix_at_s)
        stop = moved(position, fix.east_cms / 100.0 * seconds, fix.north_cms / 100.0 * seconds)
        return await self.go_to(Waypoint(position=stop, height_m_above_dock=fix.relative_mm / 1000.0))

    async def reposition(self, frame: int, waypoint: Waypoint, z_m: float) -> Ack:
        return await self.talk.place(
            mavlink.MAV_CMD_DO_REPOSITION, frame, waypoint.position.latitude_deg, waypoint.position.longitude_deg, z_m,
            self.speed_mps or -1.0, REPOSITION_CHANGES_MODE, 0.0, NAN,
        )  # fmt: skip

    async def land(self, pad: Waypoint) -> Settled:
        """Autopilots land where they are: first over the pad, then straight down."""
        course = self.course
        going_down = self.state.landed or self.state.mode in LANDING
        if self.state.gps_ok(self.talk.now_s()) and not going_down and not self._over(pad):
            fix = self.state.fix
            assert fix is not None
            answer = await self.go_to(Waypoint(position=pad.position, height_m_above_dock=fix.relative_mm / 1000.0))
            if answer.outcome is not Outcome.ACCEPTED:
                return answer
            await self.talk.until(lambda: self._over(pad) or self.course != course, OVER_PAD_S)
            if self.course != course:
                return rejected("another order has come")
            if self._off_m(pad) > NEAR_PAD_M:
                return rejected(f"it does not get over the pad: {self._off_m(pad):.0f} m off")
        return await self.settled(self.talk.long(mavlink.MAV_CMD_NAV_LAND, 0.0, 0.0, 0.0, NAN))

    def _off_m(self, pad: Waypoint) -> float:
        position = self.state.position
        return math.inf if position is None else distance_m(position, pad.position)

    def _over(self, pad: Waypoint) -> bool:
        fix = self.state.fix
        still = fix is not None and math.hypot(fix.north_cms, fix.east_cms) <= 100.0 * STILL_MPS
        return still and self._off_m(pad) <= OVER_PAD_M

    # --- failsafes ------------------------------------------------------------------------------------------------------

    async def confirm_failsafes(self) -> Settled:
        """On, as the vehicle itself tells it after it was set. An operator's own choice of response is left as it is."""
        name, wanted = self.failsafe
        answer = await self.parameter_is(name, lambda value: value > 0, wanted)
        return answer if answer.outcome is not Outcome.ACCEPTED else await self.confirm_ground_station()

    async def parameter_is(self, name: str, good: Callable[[int], bool], wanted: int, tries: int = TRIES) -> Settled:
        """Read it; when it is not good, set it, and read it again."""
        told = await self.talk.read(name, tries)
        if told is None:
            return timed_out(f"{name} is not told")
        if not told.exists:
            return rejected(f"it has no {name}")
        if good(self._integer(told)):
            return ACCEPTED
        if await self.talk.write(name, wanted, bytewise=self.bytewise) is None:
            return timed_out(f"{name} is not set")
        told = await self.talk.read(name)
        if told is None:
            return timed_out(f"{name} is not told")
        if not good(self._integer(told)):
            return rejected(f"{name} stays {self._integer(told)}")
        return Settled(outcome=Outcome.ACCEPTED, detail=f"{name} set to {self._integer(told)}")

    def _integer(self, told: Parameter) -> int:
        return told.integer(bytewise=self.bytewise)


class ArduPilot(Pilot):
    """ArduCopter."""

    failsafe = ("FS_GCS_ENABLE", 1)

    async def confirm_ground_station(self) -> Settled:
        """It counts heartbeats of one ground station only: that must be us. The parameter's name has changed with version 4.7."""
        answer = timed_out("nobody told whose heartbeats it counts")
        for name in ("MAV_GCS_SYSID", "SYSID_MYGCS") * 2:
            answer = await self.parameter_is(
                name, lambda value: value == GROUND_STATION_SYSTEM, GROUND_STATION_SYSTEM, TRIES // 2
            )
            if answer.outcome is Outcome.ACCEPTED:
                break
        return answer

    async def guided(self) -> Settled:
        return await self.in_mode(modes.GUIDED, float(modes.GUIDED))

    async def arm(self) -> Settled:
        answer = await self.guided()
        return answer if answer.outcome is not Outcome.ACCEPTED else await self.armed()

    async def take_off(self, height_m: float) -> Settled:
        answer = await self.guided()
        if answer.outcome is not Outcome.ACCEPTED:
            return answer
        ask = self.talk.long(mavlink.MAV_CMD_NAV_TAKEOFF, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, height_m)
        return await self.settled(ask, holds=lambda: not self.state.landed)

    async def go_to(self, waypoint: Waypoint) -> Settled:
        frame = int(mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT)
        answer = await self.settled(self.reposition(frame, waypoint, waypoint.height_m_above_dock))
        if answer.outcome is Outcome.ACCEPTED and self.speed_mps is not None:
            # It starts its position controller anew, at its own default speed.
            await self.change_speed()
        return answer

    async def orbit(self, centre: Waypoint, radius_m: float) -> Settled:
        """To the nearest point of the circle, acknowledged; then round it by points, until there is another order."""
        course, start_rad = self.course, self._bearing(centre)
        entry = moved(centre.position, radius_m * math.sin(start_rad), radius_m * math.cos(start_rad))
        answer = await self.go_to(Waypoint(position=entry, height_m_above_dock=centre.height_m_above_dock))
        if answer.outcome is Outcome.ACCEPTED:
            self._spawn(self._circle(centre, radius_m, start_rad, course))
        return answer

    def _bearing(self, centre: Waypoint) -> float:
        position = self.state.position
        east_m, north_m = (0.0, 1.0) if position is None else offset_m(centre.position, position)
        return math.atan2(east_m, north_m)

    async def _circle(self, centre: Waypoint, radius_m: float, angle_rad: float, course: int) -> None:
        turn_rad_s = min(ORBIT_MPS, self.speed_mps or ORBIT_MPS) / radius_m
        then_s = self.talk.now_s()
        while True:
            await self.talk.pause(ORBIT_STEP_S)
            if not self._still_circling(course):
                return  # a point sent now would undo the order that has come meanwhile
            passed_s, then_s = self.talk.now_s() - then_s, self.talk.now_s()
            # The point waits while the drone is still on its way to the circle, and is never far ahead of it.
            ahead_rad = math.remainder(angle_rad - self._bearing(centre), math.tau)
            if self._distance_from(centre) < 2.0 * radius_m and ahead_rad < 2.0 * turn_rad_s * ORBIT_LEAD_S:
                angle_rad += turn_rad_s * passed_s
            self.talk.tell(self._point(centre, radius_m, angle_rad + turn_rad_s * ORBIT_LEAD_S))

    def _still_circling(self, course: int) -> bool:
        """Nobody has ordered anything else, it still takes our points, and it is heard."""
        state = self.state
        heard = self.talk.now_s() - state.heartbeat_at_s < CONFIRM_S
        return self.course == course and heard and state.armed and state.custom_mode == modes.GUIDED

    def _distance_from(self, centre: Waypoint) -> float:
        position = self.state.position
        return math.inf if position is None else distance_m(position, centre.position)

    def _point(self, centre: Waypoint, radius_m: float, angle_rad: float) -> Any:
        """A point of the circle, nose to the middle. Positions and yaw count, the rest is masked out."""
        at = moved(centre.position, radius_m * math.sin(angle_rad), radius_m * math.cos(angle_rad))
        mask = 0b0000_1001_1111_1000  # ignore velocity, acceleration and yaw rate
        return mavlink.MAVLink_set_position_target_global_int_message(
            0, self.talk.system_id, self.talk.component_id, int(mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT), mask,
            round(at.latitude_deg * 1e7), round(at.longitude_deg * 1e7), centre.height_m_above_dock, 0, 0, 0, 0, 0, 0,
            math.remainder(angle_rad + math.pi, math.tau), 0,
        )  # fmt: skip


class Px4(Pilot):
    """PX4."""

    bytewise = takes_gimbal = True
    failsafe = ("NAV_DLL_ACT", 2)

    async def confirm_ground_station(self) -> Settled:
        return ACCEPTED  # it takes any ground station's heartbeat

    async def arm(self) -> Settled:
        """From hold: it stays in the mode of its last landing, in which it does not arm."""
        if self.state.custom_mode not in (modes.px4_mode(modes.PX4_LOITER), modes.px4_mode(modes.PX4_TAKEOFF)):
            await self.auto(modes.PX4_LOITER)
        return await self.armed()

    async def auto(self, sub: int) -> Settled:
        return await self.in_mode(modes.px4_mode(sub), float(modes.PX4_AUTO), float(sub))

    def _amsl(self, height_m: float) -> float | None:
        home = self.state.home_m_amsl
        return None if home is None else home + height_m

    async def take_off(self, height_m: float) -> Settled:
        amsl = self._amsl(height_m)
        if amsl is None:
            return rejected("its position is not known")
        ask = self.talk.long(mavlink.MAV_CMD_NAV_TAKEOFF, NAN, 0.0, 0.0, NAN, NAN, NAN, amsl)
        answer = await self.settled(ask, holds=lambda: not self.state.landed)
        if answer.outcome is Outcome.ACCEPTED and not self.state.armed:
            return await self.armed()
        return answer

    async def go_to(self, waypoint: Waypoint) -> Settled:
        amsl = self._amsl(waypoint.height_m_above_dock)
        if amsl is None:
            return rejected("its position is not known")
        since_s = self.talk.now_s()
        answer = await self.settled(self.reposition(int(mavlink.MAV_FRAME_GLOBAL), waypoint, amsl))
        return await self._unless_refused(answer, since_s)

    async def _unless_refused(self, answer: Settled, since_s: float) -> Settled:
        """It accepts a place outside its fence, and then only says that it does not go there."""
        if answer.outcome is not Outcome.ACCEPTED:
            return answer

        def refusals() -> list[str]:
            return [text for text in self.state.texts_since(since_s) if any(word in text.lower() for word in REFUSED_PLACE)]

        return rejected("; ".join(refusals())) if await self.talk.until(lambda: bool(refusals()), TEXT_S) else answer

    async def orbit(self, centre: Waypoint, radius_m: float) -> Settled:
        amsl = self._amsl(centre.height_m_above_dock)
        if amsl is None:
            return rejected("its position is not known")
        since_s, place = self.talk.now_s(), centre.position
        speed_mps = min(ORBIT_MPS, self.speed_mps or ORBIT_MPS)
        answer = await self.settled(
            self.talk.place(
                mavlink.MAV_CMD_DO_ORBIT, int(mavlink.MAV_FRAME_GLOBAL), place.latitude_deg, place.longitude_deg, amsl,
                radius_m, speed_mps, float(mavlink.ORBIT_YAW_BEHAVIOUR_HOLD_FRONT_TO_CIRCLE_CENTER), NAN,
            )
        )  # fmt: skip
        return await self._unless_refused(answer, since_s)


def pilot_for(autopilot: int | None, talk: Conversation, state: VehicleState, spawn: Spawn) -> Pilot | None:
    """None for a brand that is not known here."""
    kinds: dict[int | None, type[Pilot]] = {ARDUPILOT: ArduPilot, PX4: Px4}
    kind = kinds.get(autopilot)
    return None if kind is None else kind(talk, state, spawn)
