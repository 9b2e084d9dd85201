"""After a restart: what was under way is read from the record, what became of it from telemetry.

A command that was recorded and not settled may or may not have reached its vehicle. It is never sent again. A vehicle that
flies is flown on from the phase that telemetry shows, by new commands; one that still stands where it stood is let stand, and
its mission is called off, so that the incident goes back to the queue.
"""

from datetime import datetime

from bowstreet.flight.air import scene_orders
from bowstreet.flight.contingency import link_lost
from bowstreet.flight.ground import CLIMB_LATE, CLIMB_LATE_S, HEIGHT_WITHIN_M, abort, aborted, climb_height_m, is_flying
from bowstreet.flight.home import down, go_home
from bowstreet.flight.legs import leg, set_out
from bowstreet.flight.model import Mission, Phase, Telemetry
from bowstreet.flight.step import Sight, Step, because, changed, disarm, due, enter, is_due, told
from bowstreet.messages import Reason

# How long the first word of a vehicle is waited for. Heartbeats come each second; a link may take a few to come up.
HEAR_S = 30.0
# How long a vehicle must be seen at rest before nothing that was sent can still move it: MAVLink retransmits for a few seconds.
AT_REST_S = 5.0
# The same when it may have been told to arm or to rise.
MAYBE_ARMED_S = 15.0
# An authority to launch that is older than this is not used: the picture it was given in has changed.
STALE_AUTHORITY_S = 60.0
# A landing that was ordered before the stop is given this long to show.
LANDING_S = 15.0


def restarted(mission: Mission, now: datetime) -> Mission:
    """A mission as it stands when the program starts again: nothing is ordered until its vehicle was heard."""
    return changed(mission, recovering_since=now, due_at=due(now, HEAR_S))


def recovering(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    since = mission.recovering_since
    assert since is not None
    telemetry = sight.telemetry
    if telemetry is None or telemetry.at <= since or not sight.heard:
        if not is_due(mission, now):
            return None
        going = changed(mission, recovering_since=None)
        if mission.phase in (Phase.AUTHORISED, Phase.PREFLIGHT) and not mission.arm_ordered:
            return aborted(going, sight, now, because(mission, "not-heard", "not heard since the program started again"))
        return link_lost(going, sight, now) if mission.phase is not Phase.CONTINGENCY else Step(mission=going)
    if mission.phase is Phase.CONTINGENCY and mission.took_off_at is None:
        mission = changed(mission, phase=Phase.CLIMBING, resume=None)
    if mission.phase in (Phase.AUTHORISED, Phase.PREFLIGHT, Phase.CLIMBING):
        return _rising(mission, sight, telemetry, now, (now - since).total_seconds())
    return _flying(mission, sight, telemetry, now)


def _rising(mission: Mission, sight: Sight, telemetry: Telemetry, now: datetime, waited_s: float) -> Step | None:
    """It was to take off. Whether it did is what it shows."""
    going = changed(mission, recovering_since=None)
    if is_flying(telemetry):
        risen = changed(
            going, resume=None, take_off_ordered=True, arm_ordered=True, took_off_at=mission.took_off_at or now,
            charge_at_take_off=mission.charge_at_take_off or telemetry.charge_fraction,
        )  # fmt: skip
        if mission.return_reason is not None:
            return go_home(risen, sight, now, mission.return_reason)
        if mission.relieves and telemetry.height_m_above_dock < climb_height_m(mission) - HEIGHT_WITHIN_M:
            reason = because(mission, "restarted", "found climbing when the program started again; climbs on")
            late_s = CLIMB_LATE * climb_height_m(mission) / sight.airframe.climb_mps + CLIMB_LATE_S
            return enter(risen, Phase.CLIMBING, reason, now, recovering_since=None, due_at=due(now, late_s))
        return set_out(risen, sight, now, because(mission, "restarted", "found in the air when the program started again"))
    if not telemetry.landed or telemetry.armed:
        return None if waited_s < MAYBE_ARMED_S else abort(changed(going, arm_ordered=True), sight, now, _uncertain(mission))
    if mission.phase is Phase.AUTHORISED and mission.commands_issued == 0:
        if (now - mission.authorised_at).total_seconds() > STALE_AUTHORITY_S:
            return aborted(going, sight, now, because(mission, "stale-authority", "the authority to launch is too old to use"))
        return Step(mission=going)
    if mission.took_off_at is not None:
        return down(going, sight, now, _unobserved(mission))
    if waited_s < (MAYBE_ARMED_S if mission.arm_ordered else AT_REST_S):
        return None
    return aborted(going, sight, now, _uncertain(mission))


def _flying(mission: Mission, sight: Sight, telemetry: Telemetry, now: datetime) -> Step | None:
    going = changed(mission, recovering_since=None)
    if telemetry.landed:
        if not telemetry.armed:
            return Step(mission=going) if mission.landed_at is not None else down(going, sight, now, _unobserved(mission))
        if is_due(mission, now):
            return Step(mission=changed(mission, due_at=due(now, HEAR_S)), orders=disarm(mission))
        return None
    reason = because(mission, "restarted", "flown on after the program started again")
    if mission.return_reason is not None and mission.phase in (Phase.OUTBOUND, Phase.ON_SCENE):
        return go_home(going, sight, now, mission.return_reason)
    if mission.phase is Phase.OUTBOUND:
        orders, fields = leg(changed(going, speed_mps=None), sight, now, mission.plan.outbound, mission.leg)
        return told(going, reason, orders, **fields)
    if mission.phase is Phase.RETURNING:
        orders, fields = leg(changed(going, speed_mps=None), sight, now, mission.plan.homeward, mission.leg)
        return told(going, reason, orders, **fields)
    if mission.phase is Phase.ON_SCENE:
        return told(going, reason, scene_orders(going), due_at=due(now, 1.0))
    if mission.phase is Phase.LANDING:
        return told(going, reason, due_at=due(now, LANDING_S))
    return told(going, reason, due_at=None if mission.phase is Phase.CONTROLLED else mission.due_at)


def _uncertain(mission: Mission) -> Reason:
    text = "the program stopped while it was being launched; it stands on the ground, and whether it left was not seen"
    return because(mission, "uncertain", text)


def _unobserved(mission: Mission) -> Reason:
    return because(mission, "landed-unobserved", "found landed when the program started again")
