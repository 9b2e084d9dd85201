"""From authority to climbing away: the dock, the checks, arming, take-off.

Arm and TakeOff are ordered once in a mission, never again.
"""

from datetime import datetime

from bowstreet.flight.airframes import CLIMB_AWAY_M
from bowstreet.flight.home import go_home
from bowstreet.flight.legs import LEVEL_DEG, is_level, set_out
from bowstreet.flight.lens import WIDEST, zooms
from bowstreet.flight.model import (
    Arm,
    ConfirmFailsafes,
    DockStatus,
    Mission,
    Phase,
    PointGimbal,
    TakeOff,
    Telemetry,
    ZoomCamera,
)
from bowstreet.flight.step import (
    MOST_ATTEMPTS,
    Order,
    Sight,
    Step,
    because,
    changed,
    close_lid,
    disarm,
    due,
    enter,
    is_due,
    open_lid,
    to_vehicle,
    told,
)
from bowstreet.messages import Reason

# One round of checks: a lid opens in 10 to 20 s. After the third round the launch is called off: another drone is sooner there.
CHECKS_S = 20.0
# Arming takes 2 s; the autopilot's own checks may take some more.
ARM_S = 15.0
DISARM_S = 5.0
# A climb takes this much longer than reckoned, and this much besides, before it is looked at as failed.
CLIMB_LATE = 2.0
CLIMB_LATE_S = 15.0
# Higher than this it flies; lower it may be a landing gear that gives.
OFF_THE_GROUND_M = 1.0
# Near enough to the height at which it sets out.
HEIGHT_WITHIN_M = 3.0


def is_flying(telemetry: Telemetry | None) -> bool:
    return telemetry is not None and not telemetry.landed and telemetry.height_m_above_dock > OFF_THE_GROUND_M


def climb_height_m(mission: Mission) -> float:
    """How high it climbs straight up before it sets out: a relief all the way, so that it rises through nobody at the scene."""
    height_m = mission.plan.outbound[0].height_m_above_dock
    return height_m if mission.relieves else min(CLIMB_AWAY_M, height_m)


def authorised(mission: Mission, sight: Sight, now: datetime) -> Step:
    """The launch begins: everything that takes time is ordered at once."""
    if not mission.incident_id or not mission.purpose:
        return aborted(mission, sight, now, because(mission, "no-purpose", "a flight needs an incident and a purpose"))
    reason = because(mission, "preparing", "the dock opens and the checks begin")
    return enter(
        mission, Phase.PREFLIGHT, reason, now, _checks(mission, sight),
        serving=mission.incident_id, lid_ordered=True, due_at=due(now, CHECKS_S),
    )  # fmt: skip


def _checks(mission: Mission, sight: Sight) -> tuple[Order, ...]:
    """What has to be ordered for the checks to pass, of what is not in order yet. All of it may be repeated."""
    orders: tuple[Order, ...] = ()
    if sight.docks.status(mission.dock_id) not in (DockStatus.OPEN, DockStatus.OPENING):
        orders += open_lid(mission.dock_id)
    if not mission.failsafes_confirmed:
        orders += to_vehicle(mission, ConfirmFailsafes())
    if mission.attempts == 0 or (sight.telemetry is not None and not is_level(sight.telemetry)):
        orders += to_vehicle(mission, PointGimbal(pitch_deg=LEVEL_DEG))
    if mission.attempts == 0 and zooms(sight.zoom_most):
        # Whoever had it last may have left it anywhere. That it is there keeps no drone on the ground.
        orders += to_vehicle(mission, ZoomCamera(zoom=WIDEST))
    return orders


def preflight(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    if mission.return_reason is not None:
        return aborting(mission, sight, now)
    telemetry = sight.telemetry
    if mission.arm_ordered:
        if telemetry is not None and telemetry.armed and sight.heard:
            return _take_off(mission, sight, telemetry, now)
        return abort(mission, sight, now, because(mission, "did-not-arm", "it did not arm")) if is_due(mission, now) else None
    if sight.docks.status(mission.dock_id) is DockStatus.JAMMED:
        return abort(mission, sight, now, because(mission, "dock-jammed", f"the lid of dock {mission.dock_id} jams"))
    unmet = _unmet(mission, sight)
    if unmet is None:
        armed = changed(mission, arm_ordered=True, attempts=0, due_at=due(now, ARM_S))
        return Step(mission=armed, orders=to_vehicle(mission, Arm()))
    if not is_due(mission, now):
        return None
    if mission.attempts + 1 >= MOST_ATTEMPTS:
        return abort(mission, sight, now, because(mission, *unmet))
    once_more = changed(mission, attempts=mission.attempts + 1, due_at=due(now, CHECKS_S))
    return Step(mission=once_more, orders=_checks(once_more, sight))


def _unmet(mission: Mission, sight: Sight) -> tuple[str, str] | None:
    """The first thing that keeps it from arming, as code and text."""
    telemetry = sight.telemetry
    if telemetry is None or not sight.heard:
        return "not-heard", "the vehicle is not heard"
    if telemetry.armed or not telemetry.landed:
        return "not-at-rest", "it is armed or in the air already, and nobody here ordered it"
    if telemetry.faults:
        return "unfit", f"a health check fails: {', '.join(telemetry.faults)}"
    if not telemetry.ready_to_arm:
        return "not-ready", "its own checks do not let it arm"
    if sight.doubt:
        return sight.doubt, "its position is not to be trusted"
    if telemetry.charge_fraction < mission.plan.bingo_fraction:
        return "charge", f"its charge of {telemetry.charge_fraction:.0%} would not bring it home"
    if max(sight.wind.speed_mps, sight.wind.gust_mps) > sight.airframe.max_wind_mps:
        return "wind", "gusts are above its limit"
    if not mission.failsafes_confirmed:
        return "failsafes", "its own response to a lost link is not confirmed"
    if not is_level(telemetry):
        return "camera", "its camera does not look level"
    if sight.docks.status(mission.dock_id) is not DockStatus.OPEN:
        return "dock-closed", f"dock {mission.dock_id} did not open"
    if not sight.docks.column_free(mission.dock_id, mission.mission_id):
        return "column", "another drone rises from the dock or lands in it"
    return None


def _take_off(mission: Mission, sight: Sight, telemetry: Telemetry, now: datetime) -> Step:
    height_m = climb_height_m(mission)
    reason = because(mission, "taking-off", f"armed; climbs to {height_m:.0f} m")
    return enter(
        mission, Phase.CLIMBING, reason, now, to_vehicle(mission, TakeOff(height_m_above_dock=height_m)),
        take_off_ordered=True, charge_at_take_off=telemetry.charge_fraction,
        due_at=due(now, CLIMB_LATE * height_m / sight.airframe.climb_mps + CLIMB_LATE_S),
    )  # fmt: skip


def climbing(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    telemetry = sight.telemetry
    if telemetry is None or not is_flying(telemetry):
        if mission.return_reason is not None:
            return aborting(mission, sight, now)
        if is_due(mission, now):
            return abort(mission, sight, now, because(mission, "did-not-rise", "it did not take off"))
        return None
    if mission.took_off_at is None:
        seconds = min(
            telemetry.height_m_above_dock / sight.airframe.climb_mps, (now - (mission.phase_since or now)).total_seconds()
        )
        return Step(mission=changed(mission, took_off_at=due(now, -seconds)))
    if telemetry.height_m_above_dock < climb_height_m(mission) - HEIGHT_WITHIN_M:
        if not is_due(mission, now):
            return None
        return go_home(mission, sight, now, because(mission, "slow-climb", "it does not reach its height"))
    if mission.return_reason is not None:
        return go_home(mission, sight, now, mission.return_reason)
    reason = because(mission, "on-the-way", f"sets out at {telemetry.height_m_above_dock:.0f} m")
    return set_out(mission, sight, now, reason, close_lid(mission, mission.dock_id, sight.docks))


# --- calling off -------------------------------------------------------------------------------------------------------


def abort(mission: Mission, sight: Sight, now: datetime, reason: Reason) -> Step:
    """Call off a launch. A vehicle that may be armed is disarmed first, and the lid stays open until it is."""
    armed = sight.telemetry is not None and sight.telemetry.armed
    if not mission.arm_ordered and not armed:
        return aborted(mission, sight, now, reason)
    return told(mission, reason, disarm(mission), return_reason=reason, attempts=0, due_at=due(now, DISARM_S))


def aborting(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """Called off, and waiting for the word that it is disarmed. If it rises all the same, it is flown home."""
    telemetry, reason = sight.telemetry, mission.return_reason
    assert reason is not None
    if telemetry is not None and is_flying(telemetry):
        rose = because(mission, "rose", "it took off although it was called off; it comes back")
        return enter(
            mission, Phase.CLIMBING, rose, now,
            take_off_ordered=True, took_off_at=now, charge_at_take_off=telemetry.charge_fraction, due_at=due(now, CLIMB_LATE_S),
        )  # fmt: skip
    at_rest = telemetry is not None and telemetry.landed and not telemetry.armed
    if at_rest and (not mission.arm_ordered or mission.attempts >= MOST_ATTEMPTS):
        return aborted(mission, sight, now, reason)
    if not is_due(mission, now):
        return None
    if mission.attempts >= MOST_ATTEMPTS:
        return enter(mission, Phase.LOST, because(mission, "armed", "called off, and it cannot be disarmed"), now)
    return Step(mission=changed(mission, attempts=mission.attempts + 1, due_at=due(now, DISARM_S)), orders=disarm(mission))


def aborted(mission: Mission, sight: Sight, now: datetime, reason: Reason) -> Step:
    """It never left the ground. The incident goes back to the queue."""
    orders: tuple[Order, ...] = ()
    if mission.phase is not Phase.AUTHORISED and sight.docks.status(mission.dock_id) is not DockStatus.CLOSED:
        orders = close_lid(mission, mission.dock_id, sight.docks)
    return enter(
        mission, Phase.ABORTED, reason, now, orders,
        return_reason=reason, took_off_at=None, recovering_since=None, pilot=None, resume=None,
    )  # fmt: skip
