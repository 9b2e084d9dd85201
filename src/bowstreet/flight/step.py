"""What the rules are given, and what they give back."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from bowstreet.flight.docks import Docks
from bowstreet.flight.failsafe import STALE_S
from bowstreet.flight.model import Airframe, CloseDock, Command, Disarm, Mission, OpenDock, Phase, Telemetry, Wind
from bowstreet.messages import Reason

# How often a command that may be repeated is ordered before something else is done about it.
MOST_ATTEMPTS = 3
# After a refusal, or silence, the next attempt waits this long.
RETRY_S = 2.0


class Sight(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known about a mission's vehicle at one moment.

    Attributes:
        telemetry: its last word; None when it was not heard yet.
        heard_s_ago: since its last heartbeat, whatever that said; None when it was not heard yet.
        doubt: why its position is not trusted; "" when it is.
        wind: as dispatch uses it; in the air the last known.
        docks: what docks said, and who is bound for them.
        bingo: charge at which it must leave the scene, in the wind of now.
        pilot_silent_s: since the pilot in control was last heard.
        zoom_most: of its lens; 1 for one that does not zoom.
    """

    telemetry: Telemetry | None
    heard_s_ago: float | None
    doubt: str
    airframe: Airframe
    wind: Wind
    docks: Docks
    bingo: float
    pilot_silent_s: float = 0.0
    zoom_most: float = 1.0

    @property
    def heard(self) -> bool:
        return self.heard_s_ago is not None and self.heard_s_ago <= STALE_S


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A command, and the vehicle or dock that it goes to."""

    target_id: str
    command: Command


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that people are told and that is kept: the phase then, and why."""

    phase: Phase
    reason: Reason


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A mission after one decision: what is ordered, in this order, and what is told.

    `released` names a pilot whose control has ended with it.
    """

    mission: Mission
    orders: tuple[Order, ...] = ()
    changes: tuple[Change, ...] = ()
    released: str | None = None

    def then(self, after: "Step") -> "Step":
        """This step and the one that follows on it, as one."""
        return Step(
            mission=after.mission,
            orders=self.orders + after.orders,
            changes=self.changes + after.changes,
            released=after.released or self.released,
        )


def because(mission: Mission, code: str, text: str) -> Reason:
    return Reason(code=code, text=text, vehicle_id=mission.vehicle_id)


def due(now: datetime, seconds: float) -> datetime:
    # A wind that cannot be flown against makes times infinite: then the next look comes in an hour, and charge decides before.
    return now + timedelta(seconds=min(seconds, 3_600.0))


def is_due(mission: Mission, now: datetime) -> bool:
    return mission.due_at is not None and now >= mission.due_at


def changed(mission: Mission, **fields: Any) -> Mission:
    return msgspec.structs.replace(mission, **fields)


def enter(mission: Mission, phase: Phase, reason: Reason, now: datetime, orders: tuple[Order, ...] = (), **fields: Any) -> Step:
    """Into a phase: nothing has been ordered in vain there yet."""
    fields = {"attempts": 0, "due_at": None, "lid_ordered": False, "land_ordered": False, **fields}
    after = changed(mission, phase=phase, phase_since=now, **fields)
    return Step(mission=after, orders=orders, changes=(Change(phase=phase, reason=reason),))


def told(mission: Mission, reason: Reason, orders: tuple[Order, ...] = (), **fields: Any) -> Step:
    """The same phase, and something about it that people are told."""
    return Step(mission=changed(mission, **fields), orders=orders, changes=(Change(phase=mission.phase, reason=reason),))


def to_vehicle(mission: Mission, *commands: Command) -> tuple[Order, ...]:
    return tuple(Order(target_id=mission.vehicle_id, command=command) for command in commands)


def open_lid(dock_id: str) -> tuple[Order, ...]:
    return (Order(target_id=dock_id, command=OpenDock(dock_id=dock_id)),)


def close_lid(mission: Mission, dock_id: str, docks: Docks) -> tuple[Order, ...]:
    """Close it, unless another mission needs it open."""
    if docks.lid_needed(dock_id, mission.mission_id):
        return ()
    return (Order(target_id=dock_id, command=CloseDock(dock_id=dock_id)),)


def disarm(mission: Mission) -> tuple[Order, ...]:
    return to_vehicle(mission, Disarm())
