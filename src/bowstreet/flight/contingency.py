"""Link or position lost: the vehicle's own failsafe flies, and nothing is ordered until telemetry shows what became of it."""

from datetime import datetime, timedelta

from bowstreet.flight.air import arrive, is_beyond, stays_until
from bowstreet.flight.failsafe import BLIND_HOLD_S, LOST_AFTER_S, OWN_FAILSAFE_MODES, RESUME_WITHIN_S, endurance
from bowstreet.flight.ground import aborted, is_flying
from bowstreet.flight.home import down, go_home, with_way_out
from bowstreet.flight.legs import LEVEL_DEG, set_out
from bowstreet.flight.lens import WIDEST, widened
from bowstreet.flight.model import Hold, Land, Mission, Phase, PointGimbal, Telemetry, Waypoint
from bowstreet.flight.reckoning import distance_m
from bowstreet.flight.step import RETRY_S, Sight, Step, because, changed, due, enter, is_due, to_vehicle, told
from bowstreet.messages import Reason

# Over the scene still, or again, after a short gap.
AT_SCENE_M = 150.0
# Going down faster than this is a landing under way.
DESCENDING_MPS = -0.3
LAND_S = 90.0


def link_lost(mission: Mission, sight: Sight, now: datetime) -> Step:
    silent = "has not been heard yet" if sight.heard_s_ago is None else f"is not heard for {sight.heard_s_ago:.0f} s"
    return _break_in(mission, sight, now, because(mission, "link-lost", f"it {silent}; its own failsafe flies"))


def position_lost(mission: Mission, sight: Sight, now: datetime) -> Step:
    """With a link it is told to hold its place, which it can for a while by its other senses."""
    texts = {"gps-off": "no position fix", "gps-stuck": "its position is stuck", "gps-wrong": "its position contradicts itself"}
    text = f"{texts.get(sight.doubt, sight.doubt)}: not trusted"
    return _break_in(mission, sight, now, because(mission, sight.doubt, text), hold=not mission.land_ordered)


def _break_in(mission: Mission, sight: Sight, now: datetime, reason: Reason, *, hold: bool = False) -> Step:
    orders = to_vehicle(mission, Hold(), PointGimbal(pitch_deg=LEVEL_DEG)) + widened(mission) if hold else ()
    pilot = mission.pilot
    step = enter(
        mission, Phase.CONTINGENCY, reason, now, orders,
        resume=mission.resume if mission.phase is Phase.CONTROLLED else mission.phase, pilot=None, orphaned_at=None,
        land_ordered=mission.land_ordered, lid_ordered=mission.lid_ordered,
        due_at=due(now, RESUME_WITHIN_S), zoom=WIDEST if hold else mission.zoom,
    )  # fmt: skip
    return step if pilot is None else Step(mission=step.mission, orders=step.orders, changes=step.changes, released=pilot)


def contingency(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    telemetry, since = sight.telemetry, mission.phase_since or now
    step = None
    if sight.heard and telemetry is not None and telemetry.at >= since:
        step = _heard(mission, sight, telemetry, now)
    if step is None and is_due(mission, now):
        if (lost_at := since + _lasts(sight)) > now:
            return _not_resumed(mission, now, lost_at)
        return enter(
            mission,
            Phase.LOST,
            because(mission, "lost", "not heard again, or not to be helped, until its charge was used up"),
            now,
        )
    return step


def _lasts(sight: Sight) -> timedelta:
    """How long it can be up, and then some."""
    last = timedelta(0) if sight.telemetry is None else endurance(sight.telemetry, sight.airframe)
    return last + timedelta(seconds=LOST_AFTER_S)


def _not_resumed(mission: Mission, now: datetime, lost_at: datetime) -> Step:
    """The gap is too long to go on where it was: whenever it is heard again it comes home. Its incident needs another drone."""
    after = changed(mission, due_at=lost_at)
    if mission.return_reason is not None:
        return Step(mission=after)
    reason = because(mission, "not-resumed", f"not back after {RESUME_WITHIN_S:.0f} s: it comes home when it can")
    return told(after, reason, return_reason=reason)


def _heard(mission: Mission, sight: Sight, telemetry: Telemetry, now: datetime) -> Step | None:
    if telemetry.landed and mission.took_off_at is None:
        reason = because(mission, "did-not-rise", "heard again, and it has not left the ground")
        if not telemetry.armed:
            return aborted(mission, sight, now, reason)
        return enter(mission, Phase.CLIMBING, reason, now, return_reason=reason, resume=None, due_at=due(now, RETRY_S))
    if telemetry.landed:
        if telemetry.armed:
            return None
        return down(mission, sight, now, because(mission, "landed-unobserved", "found on the ground when it was heard again"))
    if mission.took_off_at is None:
        mission = changed(mission, took_off_at=mission.phase_since)
    if sight.doubt:
        return _blind(mission, sight, telemetry, now)
    return _heard_again(mission, sight, telemetry, now)


def _blind(mission: Mission, sight: Sight, telemetry: Telemetry, now: datetime) -> Step | None:
    """Heard, and not knowing where it is. It holds for a while, then it comes down where it is."""
    held_s = (now - (mission.phase_since or now)).total_seconds()
    if mission.land_ordered or (held_s < BLIND_HOLD_S and not is_beyond(mission, sight, now, 1.0, 1.0)):
        return None
    here = Waypoint(position=telemetry.position, height_m_above_dock=0.0)
    return Step(mission=changed(mission, land_ordered=True), orders=to_vehicle(mission, Land(waypoint=here)))


def _heard_again(mission: Mission, sight: Sight, telemetry: Telemetry, now: datetime) -> Step | None:
    gap_s = (now - (mission.phase_since or now)).total_seconds()
    own = telemetry.mode.lower() in OWN_FAILSAFE_MODES
    if mission.land_ordered and mission.resume is Phase.LANDING and (own or telemetry.vertical_speed_mps < DESCENDING_MPS):
        reason = because(mission, "heard-again", "heard again on its way down")
        return enter(
            mission, Phase.LANDING, reason, now, resume=None, land_ordered=True, lid_ordered=True, due_at=due(now, LAND_S)
        )
    reason = because(mission, "heard-again", f"heard again after {gap_s:.0f} s")
    if own or gap_s > RESUME_WITHIN_S or not is_flying(telemetry):
        return go_home(mission, sight, now, because(mission, "after-contingency", f"heard again after {gap_s:.0f} s; returns"))
    return carry_on(mission, sight, now, reason)


def carry_on(mission: Mission, sight: Sight, now: datetime, reason: Reason) -> Step:
    """Go on with what was broken in on, from where it is now."""
    resume = mission.resume
    if mission.serving != mission.incident_id and resume in (Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING):
        return set_out(mission, sight, now, reason, eyes_on_at=None, return_reason=None)
    if mission.return_reason is not None or resume not in (Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE):
        return go_home(mission, sight, now, mission.return_reason or reason)
    if resume is Phase.CLIMBING and mission.relieves:
        # It may hang below the height at which it must come to a scene where another drone is: somebody else is sent.
        return go_home(mission, sight, now, because(mission, "not-at-height", "it was broken off before it was at its height"))
    if resume is Phase.ON_SCENE:
        if mission.eyes_on_at is not None and now >= stays_until(mission, now):
            return go_home(mission, sight, now, because(mission, "time-over", "its time over the scene is over"))
        if sight.telemetry is not None and distance_m(sight.telemetry.position, mission.plan.outbound[-1].position) <= AT_SCENE_M:
            return arrive(mission, sight, now, reason)
    return set_out(with_way_there(mission, sight), sight, now, reason)


def with_way_there(mission: Mission, sight: Sight) -> Mission:
    """The plan from where it is now: the rest of the way out, or the way that airspace finds."""
    plan, telemetry = mission.plan, sight.telemetry
    if telemetry is None:
        return mission
    scene = plan.outbound[-1]
    here = Waypoint(position=telemetry.position, height_m_above_dock=scene.height_m_above_dock)
    if mission.resume in (Phase.CLIMBING, Phase.OUTBOUND) and mission.phase is Phase.CONTINGENCY:
        rest = plan.outbound[max(1, mission.leg) :]
    else:
        found = sight.docks.find_route(telemetry.position, scene.position, scene.height_m_above_dock)
        rest = found[1:] if found else (scene,)
    return changed(mission, plan=with_way_out(plan, (here, *rest)))
