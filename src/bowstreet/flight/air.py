"""In the air: out, over the scene, home, down."""

import math
from datetime import datetime, timedelta

from bowstreet.flight.energy import SECONDS_AN_HOUR, fraction_to_land
from bowstreet.flight.failsafe import HOMING_MODES, MODE_ANSWER_S, believed_charge, draw, straight_home, with_draw
from bowstreet.flight.home import divert, down, find_refuge, go_home, start_home
from bowstreet.flight.legs import again, next_leg, reached, set_out
from bowstreet.flight.lens import WIDEST, widened
from bowstreet.flight.model import (
    DockStatus,
    Land,
    Mission,
    Orbit,
    Phase,
    PointGimbal,
    Waypoint,
)
from bowstreet.flight.reckoning import distance_m
from bowstreet.flight.step import (
    MOST_ATTEMPTS,
    Order,
    Sight,
    Step,
    because,
    changed,
    disarm,
    due,
    enter,
    is_due,
    open_lid,
    to_vehicle,
    told,
)
from bowstreet.messages import Reason

# A small circle round the scene shows it from all sides.
ORBIT_RADIUS_M = 40.0
# The lid is opened this long before the drone is over the dock: opening takes 10 s, and rain should not stand in it.
OPEN_AHEAD_S = 20.0
# How often bingo is looked at while nothing else happens over the scene and telemetry is sparse.
LOOK_S = 30.0
# The lid, or another drone in the column, is waited for this long; then another dock is looked for.
DOCK_WAIT_S = 20.0
COLUMN_WAIT_S = 90.0
LAND_LATE, LAND_LATE_S = 2.0, 30.0
# With this little beyond what the descent takes, a drone that has no dock to land in comes down where it is.
LAST_FRACTION = 0.04
LAST_ATTEMPTS = 12
# On the way home the reserve is there to be used. With less than this part of it to spare, a dock that costs less is looked for.
LEAST_RESERVE = 0.5
LEAST_MARGIN = 1.1


def scene_orders(mission: Mission) -> tuple[Order, ...]:
    """Round the scene, the camera on it, its lens at the widest: nobody's hand is on it."""
    scene = mission.plan.outbound[-1]
    pitch_deg = -math.degrees(math.atan2(scene.height_m_above_dock, ORBIT_RADIUS_M))
    orders = to_vehicle(mission, PointGimbal(pitch_deg=round(pitch_deg, 1)), Orbit(centre=scene, radius_m=ORBIT_RADIUS_M))
    return widened(mission) + orders


def is_low(mission: Mission, sight: Sight, now: datetime) -> bool:
    """Whether the charge that can be believed is down to what the way home takes."""
    telemetry = sight.telemetry
    if telemetry is None:
        return False
    bingo = with_draw(sight.bingo, sight.airframe, draw(mission, telemetry, sight.airframe))
    return believed_charge(mission, telemetry, sight.airframe, now) <= bingo


def _bingo(mission: Mission, sight: Sight, now: datetime) -> Step:
    charge = 0.0 if sight.telemetry is None else sight.telemetry.charge_fraction
    text = f"charge {charge:.0%}: what the way home needs with its margin and the reserve"
    return go_home(mission, sight, now, because(mission, "bingo", text))


# --- out ---------------------------------------------------------------------------------------------------------------


def outbound(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    # The scene is the dearest place to come home from: a drone that has bingo for it has it all the way there.
    if is_low(mission, sight, now):
        return _bingo(mission, sight, now)
    route = mission.plan.outbound
    if reached(sight, route, mission.leg):
        if mission.leg >= len(route) - 1:
            return arrive(mission, sight, now)
        return next_leg(mission, sight, now, route, mission.leg + 1)
    if not is_due(mission, now):
        return None
    if mission.attempts + 1 >= MOST_ATTEMPTS:
        return go_home(mission, sight, now, because(mission, "no-progress", "it does not get to where it was sent"))
    return again(mission, sight, now, route)


def arrive(mission: Mission, sight: Sight, now: datetime, again: Reason | None = None) -> Step:
    """Eyes on the scene; or on it again, for the reason given."""
    seen = mission.eyes_on_at or now
    reason = again or because(mission, "eyes-on", "over the scene")
    after = changed(mission, eyes_on_at=seen)
    return enter(
        mission, Phase.ON_SCENE, reason, now, scene_orders(mission),
        eyes_on_at=seen, resume=None, camera_attempts=0, zoom=WIDEST, zoom_attempts=0, due_at=_leave_at(after, sight, now),
    )  # fmt: skip


def stays_until(mission: Mission, now: datetime) -> datetime:
    """When its time over the scene is over: as planned, or as long as eyes are wanted there."""
    planned = (mission.eyes_on_at or now) + timedelta(seconds=mission.plan.on_scene_s)
    return planned if mission.stay_until is None else max(planned, mission.stay_until)


def bingo_at(mission: Mission, sight: Sight, now: datetime) -> datetime | None:
    """When its charge will be down to what the way home takes, should it stay where it is; None before it is heard."""
    if sight.telemetry is None:
        return None
    drawn = draw(mission, sight.telemetry, sight.airframe)
    spare = believed_charge(mission, sight.telemetry, sight.airframe, now) - with_draw(sight.bingo, sight.airframe, drawn)
    return due(now, max(0.0, spare) * sight.airframe.battery_wh * SECONDS_AN_HOUR / (sight.airframe.hover_w * drawn))


def _leave_at(mission: Mission, sight: Sight, now: datetime) -> datetime:
    """When to look next: the end of the stay, or when charge may have come down to bingo."""
    end = stays_until(mission, now)
    if sight.telemetry is None:
        return min(end, due(now, LOOK_S))
    spare = believed_charge(mission, sight.telemetry, sight.airframe, now) - sight.bingo
    hover = sight.airframe.hover_w * draw(mission, sight.telemetry, sight.airframe)
    return min(end, due(now, max(1.0, spare * sight.airframe.battery_wh * SECONDS_AN_HOUR / hover)))


def on_scene(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    if is_low(mission, sight, now):
        return _bingo(mission, sight, now)
    if not is_due(mission, now):
        return None
    if mission.eyes_on_at is None or now >= stays_until(mission, now):
        return go_home(mission, sight, now, because(mission, "time-over", "its time over the scene is over"))
    return Step(mission=changed(mission, due_at=_leave_at(mission, sight, now)))


# --- home --------------------------------------------------------------------------------------------------------------


def returning(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    route = mission.plan.homeward
    telemetry = sight.telemetry
    last = mission.leg >= len(route) - 1
    if not mission.alarmed and is_beyond(mission, sight, now, LEAST_RESERVE, LEAST_MARGIN):
        return _short(mission, sight, now)
    if reached(sight, route, mission.leg):
        if not last:
            return next_leg(mission, sight, now, route, mission.leg + 1)
        return _over_dock(mission, sight, now)
    if last and not mission.lid_ordered and telemetry is not None:
        ahead_m = OPEN_AHEAD_S * max(telemetry.ground_speed_mps, 1.0)
        if distance_m(telemetry.position, route[-1].position) <= ahead_m:
            return Step(mission=changed(mission, lid_ordered=True), orders=_lid(mission, sight))
    if not is_due(mission, now):
        return None
    step = again(mission, sight, now, route)
    if step.mission.attempts == MOST_ATTEMPTS:
        step = step.then(told(step.mission, because(mission, "no-progress", "it does not get on with its way home")))
    return step


def _short(mission: Mission, sight: Sight, now: datetime) -> Step:
    """The way home has become dearer than the charge: another free dock, when that costs less."""
    telemetry = sight.telemetry
    assert telemetry is not None
    alarmed = changed(mission, alarmed=True)
    refuge = find_refuge(alarmed, sight, telemetry.position)
    if refuge is not None:
        dock_id, route = refuge
        height_m = telemetry.height_m_above_dock
        rest = (Waypoint(position=telemetry.position, height_m_above_dock=height_m), *mission.plan.homeward[mission.leg :])
        there = fraction_to_land(sight.airframe, route, sight.wind, height_m)
        if there < fraction_to_land(sight.airframe, rest, sight.wind, height_m):
            reason = because(mission, "short-of-charge", f"its charge does not bring it home: to dock {dock_id}")
            return start_home(alarmed, sight, now, reason, route, diverted_to=dock_id)
    return told(alarmed, because(mission, "short-of-charge", "its charge may not bring it home, and no free dock costs less"))


def _lid(mission: Mission, sight: Sight) -> tuple[Order, ...]:
    return () if sight.docks.status(mission.bound_for) is DockStatus.OPEN else open_lid(mission.bound_for)


def _over_dock(mission: Mission, sight: Sight, now: datetime) -> Step:
    orders = () if mission.lid_ordered else _lid(mission, sight)
    reason = because(mission, "over-dock", f"over dock {mission.bound_for}")
    return enter(mission, Phase.LANDING, reason, now, orders, lid_ordered=True, due_at=due(now, DOCK_WAIT_S))


def landing(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    telemetry = sight.telemetry
    if mission.landed_at is not None:
        return _down(mission, sight, now)
    if telemetry is not None and telemetry.landed:
        if not telemetry.armed:
            return down(mission, sight, now, because(mission, "landed", "landed"))
        if is_due(mission, now):
            return Step(mission=changed(mission, due_at=due(now, DOCK_WAIT_S)), orders=disarm(mission))
        return None
    if mission.land_ordered:
        return _land(mission, sight, now) if is_due(mission, now) else None
    lid_open = sight.docks.status(mission.bound_for) is DockStatus.OPEN
    if lid_open and sight.docks.column_free(mission.bound_for, mission.mission_id):
        return _land(mission, sight, now)
    if _is_last(sight):
        return _land(mission, sight, now)
    return _wait(mission, sight, now, lid_open=lid_open) if is_due(mission, now) else None


def _land(mission: Mission, sight: Sight, now: datetime) -> Step:
    """Land on the pad below: a new command each time it is ordered, and one that may be repeated."""
    telemetry = sight.telemetry
    pad_m = sight.docks.height_of(mission.bound_for, mission.dock_id)
    height_m = mission.plan.homeward[-1].height_m_above_dock if telemetry is None else telemetry.height_m_above_dock
    seconds = LAND_LATE * max(0.0, height_m - pad_m) / sight.airframe.descent_mps + LAND_LATE_S
    pad = Waypoint(position=sight.docks.position(mission.bound_for), height_m_above_dock=pad_m)
    attempts = mission.attempts + 1 if mission.land_ordered else 0
    after = changed(mission, land_ordered=True, attempts=attempts, due_at=due(now, seconds))
    step = Step(mission=after, orders=to_vehicle(mission, Land(waypoint=pad)))
    if attempts == MOST_ATTEMPTS:
        step = step.then(told(after, because(mission, "does-not-land", "ordered to land, and it does not")))
    return step


def _wait(mission: Mission, sight: Sight, now: datetime, *, lid_open: bool) -> Step:
    """Still no way down: order the lid again, or look for another dock."""
    waited_s = (now - (mission.phase_since or now)).total_seconds()
    if waited_s >= COLUMN_WAIT_S if lid_open else mission.attempts + 1 >= MOST_ATTEMPTS:
        why = "another drone is in the way" if lid_open else f"dock {mission.bound_for} does not open"
        diverted = divert(mission, sight, now, why)
        if diverted is not None:
            return diverted
    after = changed(mission, attempts=min(LAST_ATTEMPTS, mission.attempts + 1), due_at=due(now, DOCK_WAIT_S))
    step = Step(mission=after, orders=() if lid_open else open_lid(mission.bound_for))
    if after.attempts == MOST_ATTEMPTS:
        step = step.then(told(after, because(mission, "cannot-land", "no dock is open to it")))
    return step


def _is_last(sight: Sight) -> bool:
    """Too little charge to wait any longer: down, onto a closed lid if it must be."""
    telemetry = sight.telemetry
    if telemetry is None:
        return False
    airframe = sight.airframe
    seconds = max(0.0, telemetry.height_m_above_dock) / airframe.descent_mps
    descent = seconds * airframe.hover_w / SECONDS_AN_HOUR / airframe.battery_wh
    return telemetry.charge_fraction <= descent + LAST_FRACTION


def _down(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """On the pad: the flight is over when the lid is closed, or must stay open for another."""
    dock_id = mission.bound_for
    if sight.docks.status(dock_id) is DockStatus.CLOSED or sight.docks.lid_needed(dock_id, mission.mission_id):
        return _done(mission, now, "home", f"in dock {dock_id}")
    return _done(mission, now, "lid-open", f"in dock {dock_id}, whose lid did not close") if is_due(mission, now) else None


def _done(mission: Mission, now: datetime, code: str, text: str) -> Step:
    return enter(mission, Phase.DONE, because(mission, code, text), now, recovering_since=None, pilot=None, land_ordered=True)


# --- what holds in every phase of flight -------------------------------------------------------------------------------


def turned(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """Dispatch has given it another incident. Too late for a drone that is on its way down."""
    if mission.serving == mission.incident_id:
        return None
    if mission.phase is Phase.LANDING and (mission.land_ordered or mission.landed_at is not None):
        reason = because(mission, "too-late", "turned when it was landing already; it does not fly there")
        return told(mission, reason, serving=mission.incident_id, eyes_on_at=None)
    kept = mission.diverted_to if mission.diverted_to == mission.plan.home_dock_id else None
    reason = because(mission, "turned", "given another incident in the air")
    return set_out(mission, sight, now, reason, eyes_on_at=None, return_reason=None, diverted_to=kept)


def dock_lost(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """The dock that it is bound for jams, is not heard, or is taken: another one, at once."""
    if mission.landed_at is not None:
        return None
    why = sight.docks.trouble(mission.bound_for, mission)
    return divert(mission, sight, now, why) if why else None


def is_beyond(mission: Mission, sight: Sight, now: datetime, reserve: float, margin: float) -> bool:
    """Whether the charge is below what coming home from here takes, with that much of the reserve and that margin."""
    telemetry = sight.telemetry
    if telemetry is None:
        return False
    dock = sight.docks.position(mission.bound_for)
    home = straight_home(sight.airframe, telemetry.position, dock, sight.wind, telemetry.height_m_above_dock)
    charge = believed_charge(mission, telemetry, sight.airframe, now)
    return charge <= reserve * sight.airframe.reserve_fraction + margin * home


def homing_unasked(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """It comes home by itself: most likely it does not hear us, though we hear it. Somebody else must go there."""
    telemetry, since = sight.telemetry, mission.phase_since or now
    if telemetry is None or telemetry.mode.lower() not in HOMING_MODES or mission.phase not in (Phase.OUTBOUND, Phase.ON_SCENE):
        return None
    if (telemetry.at - since).total_seconds() < MODE_ANSWER_S:
        return None
    return go_home(mission, sight, now, because(mission, "own-failsafe", "its own failsafe brings it home"))


def landed_unasked(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    telemetry = sight.telemetry
    if telemetry is None or not telemetry.landed or telemetry.armed or mission.phase is Phase.LANDING:
        return None
    return down(mission, sight, now, because(mission, "landed-unasked", "it landed without having been told to"))
