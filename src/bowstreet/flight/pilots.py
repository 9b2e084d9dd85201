"""What a pilot may do with a flight under way: take it in hand, fly it, hand it back. The rules are `control`."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from bowstreet.errors import Conflict, NotPermitted, Refused
from bowstreet.flight import control
from bowstreet.flight.failsafe import PILOT_SILENT_S
from bowstreet.flight.legs import LEVEL_DEG
from bowstreet.flight.model import Command, GoTo, Mission, Orbit, Phase, PointGimbal, Waypoint
from bowstreet.flight.reckoning import between
from bowstreet.flight.step import Sight, Step, because, to_vehicle
from bowstreet.geo import Position
from bowstreet.messages import ControlTaken, Message, Reason
from bowstreet.runtime.ports import Clock

# A zone's corner that lies between two points so far apart is smaller than what a position may be off by.
WAY_STEP_M = 20.0
_REMEDIES = {
    control.LEVEL_ON_THE_WAY: (
        "take it once it has come to its scene; on the way a person orders the camera down for a reason, on record"
    ),
}  # fmt: skip
PilotMayFly = Callable[[Mission, Position, Waypoint, float], Refused | None]


class _Apply(Protocol):
    def __call__(self, before: Mission, step: Step | None, extra: list[Message] = ..., /) -> Awaitable[None]: ...


class Pilots:
    """The pilots who hold a flight, and when each was last heard.

    Args:
        flying: the mission of this id while it is under way; raises `NotFound` or `Conflict`.
        sight: what is known of a mission's vehicle now.
        apply: records a step, then sends what it orders.
        may_fly: asked whether a pilot may go from one place to another, and be up to so many metres around it; the refusal, or
            None.
    """

    def __init__(
        self,
        clock: Clock,
        flying: Callable[[str], Mission],
        sight: Callable[[Mission], Sight],
        apply: _Apply,
        may_fly: PilotMayFly,
    ) -> None:
        self._clock, self._flying, self._sight, self._apply, self._may_fly = clock, flying, sight, apply, may_fly
        self._heard_s: dict[str, float] = {}
        # Asked of a mission when its pilot turns the camera down in transit; whoever keeps such orders sets it.
        self.may_look_down: Callable[[str], bool] = lambda _: False

    async def take(self, mission_id: str, pilot: str) -> None:
        """Raises `Conflict` when another pilot has it, or it cannot be controlled now; `NotFound`."""
        mission = self._flying(mission_id)
        if mission.phase is Phase.CONTROLLED and mission.pilot == pilot and mission.orphaned_at is None:
            return
        now = self._clock.now()
        step = control.take(mission, pilot, self._sight(mission), now)
        if isinstance(step, Reason):
            raise Conflict(step.text, remedy="look again at who flies it and in which phase it is")
        self.heard(pilot)
        taken = ControlTaken(at=now, mission_id=mission_id, vehicle_id=mission.vehicle_id, pilot=pilot)
        await self._apply(mission, step, [taken])

    async def release(self, mission_id: str, pilot: str) -> None:
        """The mission flies itself again. Raises `NotPermitted` when this pilot does not have it."""
        mission = self._held_by(mission_id, pilot)
        reason = because(mission, "released", "its pilot has released it")
        await self._apply(mission, control.give_back(mission, self._sight(mission), self._clock.now(), reason))

    async def command(self, mission_id: str, pilot: str, command: Command) -> None:
        """Raises `NotPermitted` for anybody but the pilot in control, `Refused` for what is not safe or not allowed."""
        mission = self._held_by(mission_id, pilot)
        self.heard(pilot)
        sight = self._sight(mission)
        why = control.refused(mission, pilot, command, sight, self._clock.now(), may_look_down=self.may_look_down(mission_id))
        if why is not None:
            raise Refused(why.text, remedy=_REMEDIES.get(why.code, "ask for something else, or release control"))
        place = command.waypoint if isinstance(command, GoTo) else command.centre if isinstance(command, Orbit) else None
        if place is not None and sight.telemetry is not None:
            reach_m = command.radius_m if isinstance(command, Orbit) else 0.0
            refusal = self._may_fly(mission, sight.telemetry.position, place, reach_m)
            if refusal is not None:
                raise refusal
        await self._apply(mission, Step(mission=control.ordered(mission, command), orders=to_vehicle(mission, command)))

    async def level(self, mission_id: str) -> None:
        """The order by which the camera of a flight under a pilot looked down is over. Raises `NotFound`, `Conflict`."""
        mission = self._flying(mission_id)
        if mission.phase is Phase.CONTROLLED:
            await self._apply(mission, Step(mission=mission, orders=to_vehicle(mission, PointGimbal(pitch_deg=LEVEL_DEG))))

    async def on_behalf(self, mission_id: str, pilot: str, command: GoTo) -> None:
        """A move that this pilot has consented to. It does not count as a word of the pilot's, and the whole way is asked of
        airspace, for nobody looks along it. Raises as `command` does, and `Refused` while the pilot is not heard."""
        mission = self._held_by(mission_id, pilot)
        sight, goal = self._sight(mission), command.waypoint
        why = control.refused(mission, pilot, command, sight, self._clock.now())
        if mission.orphaned_at is not None or sight.pilot_silent_s > PILOT_SILENT_S:
            why = because(mission, "pilot-silent", "its pilot's console is not heard")
        if why is None and sight.telemetry is not None:
            start, height_m = sight.telemetry.position, goal.height_m_above_dock
            way = (Waypoint(position=one, height_m_above_dock=height_m) for one in between(start, goal.position, WAY_STEP_M))
            refusal = next((one for place in way if (one := self._may_fly(mission, start, place, 0.0)) is not None), None)
            why = None if refusal is None else because(mission, "not-there", refusal.message)
        if why is not None:
            raise Refused(why.text, remedy="fly it by hand, or let it stay")
        await self._apply(mission, Step(mission=control.ordered(mission, command), orders=to_vehicle(mission, command)))

    async def heartbeat(self, pilot: str) -> None:
        """This pilot's console is alive."""
        self.heard(pilot)

    def heard(self, pilot: str) -> None:
        self._heard_s[pilot] = self._clock.monotonic_s()

    def silent_s(self, pilot: str) -> float:
        """Seconds of the operation's clock since this pilot's console was last heard."""
        return self._clock.monotonic_s() - self._heard_s.get(pilot, 0.0)

    def _held_by(self, mission_id: str, pilot: str) -> Mission:
        mission = self._flying(mission_id)
        if mission.phase is not Phase.CONTROLLED or mission.pilot != pilot:
            raise NotPermitted("only the pilot in control may do that", remedy="take control first")
        return mission
