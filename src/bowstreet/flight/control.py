"""A pilot in control: who may take it, what they may ask, and when the mission takes it back."""

import math
from datetime import datetime, timedelta

from bowstreet.flight import energy
from bowstreet.flight.air import is_beyond
from bowstreet.flight.contingency import carry_on
from bowstreet.flight.failsafe import HARD_RESERVE, ORPHAN_GRACE_S, PILOT_SILENT_S, believed_charge, straight_home
from bowstreet.flight.gimbals import may_be_turned
from bowstreet.flight.home import down, go_home
from bowstreet.flight.legs import LEVEL_DEG
from bowstreet.flight.lens import WIDEST, zooms
from bowstreet.flight.model import Command, GoTo, Hold, Mission, Orbit, Phase, PointGimbal, Waypoint, ZoomCamera
from bowstreet.flight.ports import Outcome
from bowstreet.flight.reckoning import offset_m
from bowstreet.flight.step import Sight, Step, because, changed, enter, to_vehicle, told
from bowstreet.messages import Reason

TAKEABLE = frozenset({Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.LANDING, Phase.CONTINGENCY, Phase.CONTROLLED})
# Above roofs and trees; and, with something in hand, under 120 m above the surface (UK Reg (EU) 2019/947, UAS.OPEN.010).
LOWEST_M, HIGHEST_M = 20.0, 115.0
# A smaller circle is no circle to an autopilot; from a wider one it is no look at one scene.
LEAST_RADIUS_M, MOST_RADIUS_M = 10.0, 500.0
# What the hard minimum keeps for what is not known: less than bingo, because somebody is looking.
HARD_MARGIN = 1.10
# What is refused for D2's sake, by this code.
LEVEL_ON_THE_WAY = "level-on-the-way"


def take(mission: Mission, pilot: str, sight: Sight, now: datetime) -> Step | Reason:
    """A pilot takes a drone that flies. From another pilot only when that one is no longer heard."""
    if mission.phase not in TAKEABLE or mission.landed_at is not None or mission.land_ordered:
        return because(mission, "phase", f"control cannot be taken while it is {mission.phase.value}")
    if mission.pilot not in (None, pilot) and mission.orphaned_at is None:
        return because(mission, "controlled", "another pilot has it in control")
    if not sight.heard:
        return because(mission, "link-lost", "it is not heard")
    before = mission.resume if mission.phase in (Phase.CONTROLLED, Phase.CONTINGENCY) else mission.phase
    hold = Hold()
    step = enter(
        mission, Phase.CONTROLLED, because(mission, "taken", "a pilot has taken control"), now, to_vehicle(mission, hold),
        pilot=pilot, resume=before, orphaned_at=None, alarmed=False, camera_attempts=0, zoom_trouble="",
        guidance=(*mission.guidance, hold) if mission.phase is Phase.CONTROLLED else (hold,),
    )  # fmt: skip
    old = mission.pilot if mission.pilot != pilot else None
    return Step(mission=step.mission, orders=step.orders, changes=step.changes, released=old)


def give_back(mission: Mission, sight: Sight, now: datetime, reason: Reason) -> Step:
    """The mission flies itself again: on with what the pilot broke in on."""
    freed = changed(mission, pilot=None, orphaned_at=None, alarmed=False)
    step = carry_on(freed, sight, now, reason)
    return Step(mission=step.mission, orders=step.orders, changes=step.changes, released=mission.pilot)


def controlled(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    telemetry = sight.telemetry
    if telemetry is not None and telemetry.landed and not telemetry.armed:
        step = down(changed(mission, pilot=None), sight, now, because(mission, "landed-unasked", "it landed under its pilot"))
        return Step(mission=step.mission, orders=step.orders, changes=step.changes, released=mission.pilot)
    if is_beyond(mission, sight, now, HARD_RESERVE, HARD_MARGIN):
        freed = changed(mission, pilot=None, orphaned_at=None)
        reason = because(mission, "hard-minimum", "its charge is at the least that brings it home: it returns by itself")
        step = go_home(freed, sight, now, reason)
        return Step(mission=step.mission, orders=step.orders, changes=step.changes, released=mission.pilot)
    if not mission.alarmed and is_beyond(mission, sight, now, 1.0, energy.HOME_MARGIN):
        return told(
            mission, because(mission, "bingo", "its charge is down to what the way home needs: bring it home"), alarmed=True
        )
    return _orphan(mission, sight, now)


def _orphan(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    silent = sight.pilot_silent_s > PILOT_SILENT_S
    if mission.orphaned_at is None:
        if not silent:
            return None
        reason = because(mission, "pilot-silent", "its pilot's console is not heard; another pilot may take it")
        hold = Hold()
        return told(ordered(mission, hold), reason, to_vehicle(mission, hold), orphaned_at=now)
    if not silent:
        return told(mission, because(mission, "pilot-back", "its pilot's console is heard again"), orphaned_at=None)
    if now - mission.orphaned_at < timedelta(seconds=ORPHAN_GRACE_S):
        return None
    return give_back(mission, sight, now, because(mission, "taken-back", "its pilot did not come back: it flies itself again"))


def refused(
    mission: Mission, pilot: str, command: Command, sight: Sight, now: datetime, *, may_look_down: bool = False
) -> Reason | None:
    """Why this pilot may not ask this of the drone now; None when they may.

    Args:
        may_look_down: an order is on record by which its camera looks down in transit.
    """
    if mission.phase is not Phase.CONTROLLED or mission.pilot != pilot:
        return because(mission, "not-in-control", "only the pilot in control may do that")
    if isinstance(command, Hold):
        return None
    if isinstance(command, PointGimbal):
        if not -90.0 <= command.pitch_deg <= 30.0:
            return because(mission, "pitch", "the camera points from 90 degrees down to 30 up")
        if command.pitch_deg < LEVEL_DEG and not (may_look_down or may_be_turned(mission)):
            return because(mission, LEVEL_ON_THE_WAY, "its camera looks down only over its scene")
        return None
    if isinstance(command, ZoomCamera):
        return _zoom_refused(mission, command.zoom, sight)
    if isinstance(command, GoTo):
        return _place_refused(mission, command.waypoint, sight, now)
    if isinstance(command, Orbit):
        if not LEAST_RADIUS_M <= command.radius_m <= MOST_RADIUS_M:
            return because(mission, "radius", f"a circle is {LEAST_RADIUS_M:.0f} to {MOST_RADIUS_M:.0f} m wide")
        return _place_refused(mission, command.centre, sight, now)
    return because(mission, "not-a-pilots", f"{type(command).__name__} is not for a pilot: release control, and it lands itself")


def ordered(mission: Mission, command: Command) -> Mission:
    """The mission once a pilot's command is on its way: it remembers where the lens was left, and what may be flown now."""
    if isinstance(command, ZoomCamera):
        return changed(mission, zoom=command.zoom, zoom_trouble="")
    if isinstance(command, GoTo | Orbit | Hold):
        return changed(mission, guidance=(*mission.guidance, command))
    return mission


def answered(mission: Mission, command: Command, outcome: Outcome) -> Step | None:
    """An order that was taken has replaced those before it; one that was refused has replaced nothing. One that was not answered
    may have been heard."""
    # By identity: an order that is given twice is two orders, and none that is still to be answered outlives the program.
    place = next((number for number, one in enumerate(mission.guidance) if one is command), None)
    if place is None or outcome is Outcome.TIMED_OUT:
        return None
    before, after = mission.guidance[:place], mission.guidance[place + 1 :]
    left = (mission.guidance[place], *after) if outcome is Outcome.ACCEPTED else before + after
    return None if left == mission.guidance else Step(mission=changed(mission, guidance=left))


def may_go_to(mission: Mission) -> tuple[tuple[Waypoint, float], ...]:
    """Where its pilot's orders may have it go, and how far around that it may be."""
    orders = mission.guidance if mission.phase is Phase.CONTROLLED else ()
    places = (
        (one.waypoint, 0.0) if isinstance(one, GoTo) else (one.centre, one.radius_m)
        for one in orders
        if not isinstance(one, Hold)
    )
    return tuple(places)


def _zoom_refused(mission: Mission, zoom: float, sight: Sight) -> Reason | None:
    if not zooms(sight.zoom_most):
        return because(mission, "zoom", "its camera has no zoom lens, as it is configured")
    if not WIDEST <= zoom <= sight.zoom_most:
        return because(mission, "zoom", f"its lens zooms from 1 to {sight.zoom_most:g} times")
    if zoom > WIDEST and not may_be_turned(mission):
        return because(mission, LEVEL_ON_THE_WAY, "its camera zooms only over its scene")
    return None


def _place_refused(mission: Mission, place: Waypoint, sight: Sight, now: datetime) -> Reason | None:
    height_m, telemetry = place.height_m_above_dock, sight.telemetry
    if not LOWEST_M <= height_m <= HIGHEST_M:
        return because(mission, "height", f"{height_m:.0f} m above the dock is outside {LOWEST_M:.0f} to {HIGHEST_M:.0f} m")
    if telemetry is None:
        return because(mission, "link-lost", "it is not heard")
    airframe = sight.airframe
    east_m, north_m = offset_m(telemetry.position, place.position)
    out_s = energy.leg_s(east_m, north_m, airframe.cruise_mps, energy.planning_wind(sight.wind))
    there = energy.OUT_MARGIN * energy.out_fraction(airframe, out_s, 0.0, airborne=True)
    home = straight_home(airframe, place.position, sight.docks.position(mission.bound_for), sight.wind, height_m)
    needed = there + energy.HOME_MARGIN * home + airframe.reserve_fraction
    charge = believed_charge(mission, telemetry, airframe, now)
    if charge >= needed and math.isfinite(needed):
        return None
    return because(
        mission, "charge", f"there and home needs {min(needed, 9.99):.0%} charge with the reserve; it has {charge:.0%}"
    )
