"""What flight decides. Pure: a mission, what is known and the time go in; the mission after, what is ordered and why come out.

A mission goes AUTHORISED, PREFLIGHT, CLIMBING, OUTBOUND, ON_SCENE, RETURNING, LANDING, DONE; `ground`, `air` and `home` hold
those phases. What breaks in on them is in `contingency` (link or position lost), `control` (a pilot) and `recovery` (the
program stopped). These hold throughout:

- Arm and TakeOff are ordered at most once in a mission, and only after an authority to launch.
- The camera looks level except over the scene, or as a pilot in control turns it there, or by a person's recorded order.
- Its lens is at the widest except over the scene, as a pilot in control has it.
- A drone leaves for home while its charge pays for it with the reserve untouched, to a dock that has a pad for it alone.
- While the link or the position is lost nothing is ordered that the vehicle's own failsafe could contradict.
- Every flight ends in DONE, or in LOST, which calls for a person.
"""

from datetime import datetime

from bowstreet.flight import air, contingency, control, ground, home, legs, lens, recovery
from bowstreet.flight.energy import can_afford, needed_fraction
from bowstreet.flight.model import (
    Arm,
    CloseDock,
    Command,
    ConfirmFailsafes,
    Disarm,
    GoTo,
    Hold,
    Land,
    Mission,
    OpenDock,
    Orbit,
    Phase,
    PointGimbal,
    TakeOff,
    ZoomCamera,
)
from bowstreet.flight.plan import plan_mission
from bowstreet.flight.ports import Outcome
from bowstreet.flight.step import MOST_ATTEMPTS, RETRY_S, Sight, Step, because, changed, due, to_vehicle, told
from bowstreet.messages import Reason

__all__ = [
    "Sight", "Step", "advance", "can_afford", "matters_when_accepted", "may_send", "needed_fraction", "next_deadline",
    "plan_mission", "recall",
    "rerouted", "restarted", "settled",
]  # fmt: skip

restarted = recovery.restarted

# In one look a mission goes through at most a few phases; more would be a circle.
MOST_STEPS = 8
# A command that fails again and again is repeated after 2, 4, 8, 16, and then every 32 s.
MOST_DOUBLINGS = 4
# Commands that a vehicle can only follow one of: a newer one makes an older one that was not sent yet pointless.
GUIDANCE = (GoTo, Orbit, Hold, Land)

_PHASES = {
    Phase.AUTHORISED: ground.authorised,
    Phase.PREFLIGHT: ground.preflight,
    Phase.CLIMBING: ground.climbing,
    Phase.OUTBOUND: air.outbound,
    Phase.ON_SCENE: air.on_scene,
    Phase.RETURNING: air.returning,
    Phase.LANDING: air.landing,
    Phase.CONTROLLED: control.controlled,
    Phase.CONTINGENCY: contingency.contingency,
}
_WATCHED = frozenset({Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.LANDING})


def advance(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """The mission after what is known now; None when there is nothing to do.

    Ask on every word of its vehicle or its dock, on every settled command, and when `next_deadline` has come.
    """
    step = _once(mission, sight, now)
    if step is None:
        return None
    for _ in range(MOST_STEPS):
        after = _once(step.mission, sight, now)
        if after is None:
            return step
        step = step.then(after)
    return step


def _once(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    phase = mission.phase
    if phase.is_final:
        return None
    if mission.recovering_since is not None:
        return recovery.recovering(mission, sight, now)
    if phase in _WATCHED and mission.landed_at is None:
        if (step := _watch(mission, sight, now)) is not None:
            return step
    elif (phase is Phase.CONTROLLED and not sight.heard) or (phase is Phase.CLIMBING and not sight.heard):
        return contingency.link_lost(mission, sight, now)
    return _PHASES[phase](mission, sight, now)


def _watch(mission: Mission, sight: Sight, now: datetime) -> Step | None:
    """What comes before the business of any phase of flight."""
    if not sight.heard:
        return contingency.link_lost(mission, sight, now)
    if (step := air.landed_unasked(mission, sight, now)) is not None:
        return step
    on_ground = sight.telemetry is not None and sight.telemetry.landed
    if sight.doubt and not on_ground:
        return contingency.position_lost(mission, sight, now)
    if mission.serving != mission.incident_id:
        return air.turned(mission, sight, now)
    if (step := air.homing_unasked(mission, sight, now)) is not None:
        return step
    return None if on_ground else air.dock_lost(mission, sight, now)


def recall(mission: Mission, reason: Reason, sight: Sight, now: datetime) -> Step | None:
    """A person, or dispatch, calls it back: on the ground it is called off, in the air it comes home. Twice is once."""
    phase = mission.phase
    if phase.is_final or phase in (Phase.RETURNING, Phase.LANDING) or mission.return_reason is not None:
        return None
    if phase is Phase.AUTHORISED:
        return ground.aborted(mission, sight, now, reason)
    if mission.recovering_since is not None or phase is Phase.CONTINGENCY:
        # Nothing is ordered now; what it goes on with, once it is heard, is the way home.
        return told(mission, reason, return_reason=reason)
    if phase is Phase.PREFLIGHT:
        return ground.abort(mission, sight, now, reason)
    if phase is Phase.CLIMBING:
        # It may be leaving the pad this moment: it is let rise, and then brought back.
        return told(mission, reason, return_reason=reason)
    step = home.go_home(changed(mission, pilot=None, orphaned_at=None), sight, now, reason)
    return Step(mission=step.mission, orders=step.orders, changes=step.changes, released=mission.pilot)


def rerouted(
    mission: Mission, outbound: home.Route, homeward: home.Route, reason: Reason, sight: Sight, now: datetime
) -> Step | None:
    """A zone has become active: the same flight by other ways, each beginning where the drone is, or over the scene.

    Args:
        outbound: from where it is to the scene; empty when it does not fly there any more.
        homeward: from the scene, or from where it is when it is on its way home, to the dock.
    """
    if mission.phase is Phase.RETURNING:
        return home.start_home(mission, sight, now, reason, homeward)
    plan = home.with_way_home(mission.plan, homeward)
    if mission.phase is Phase.OUTBOUND and outbound:
        return legs.set_out(changed(mission, plan=home.with_way_out(plan, outbound)), sight, now, reason)
    if mission.phase in (Phase.AUTHORISED, Phase.PREFLIGHT, Phase.CLIMBING) and outbound:
        return told(mission, reason, plan=home.with_way_out(plan, outbound))
    if mission.phase in (Phase.ON_SCENE, Phase.CONTROLLED, Phase.CONTINGENCY):
        return told(mission, reason, plan=plan)
    return None


def matters_when_accepted(command: Command) -> bool:
    """Whether `settled` has anything to say of this command's acceptance; of most, telemetry has."""
    return isinstance(command, ConfirmFailsafes | Disarm | GoTo | Orbit | Hold)


def settled(mission: Mission, command: Command, outcome: Outcome, detail: str, sight: Sight, now: datetime) -> Step | None:
    """What follows when a command was accepted, refused, or not answered. What it brought about is telemetry's word, not this."""
    if mission.phase.is_final or mission.recovering_since is not None:
        return None
    if mission.phase is Phase.CONTROLLED and isinstance(command, GoTo | Orbit | Hold):
        return control.answered(mission, command, outcome)
    if outcome is Outcome.ACCEPTED:
        return _accepted(mission, command)
    failed = f"{outcome.value}{': ' + detail if detail else ''}"
    if isinstance(command, Arm | TakeOff):
        return _did_not_start(mission, command, outcome, failed, sight, now)
    if isinstance(command, PointGimbal):
        return _camera_failed(mission, command, failed)
    if isinstance(command, ZoomCamera):
        return _lens_failed(mission, command, detail or outcome.value)
    if isinstance(command, Orbit) and mission.phase is Phase.ON_SCENE:
        # Not every autopilot circles; a drone that holds its place over the scene sees it as well.
        return Step(mission=mission, orders=to_vehicle(mission, Hold()))
    if mission.phase is Phase.CONTINGENCY:
        return Step(mission=changed(mission, land_ordered=False)) if isinstance(command, Land) else None
    if isinstance(command, OpenDock) and mission.phase is Phase.RETURNING:
        return None  # asked for ahead of time; over the dock it is asked for again
    if isinstance(command, GoTo | Land | OpenDock | ConfirmFailsafes) and mission.due_at is not None:
        wait_s = RETRY_S * 2.0 ** min(mission.attempts, MOST_DOUBLINGS)
        return Step(mission=changed(mission, due_at=min(mission.due_at, due(now, wait_s))))
    return None


def _accepted(mission: Mission, command: Command) -> Step | None:
    if isinstance(command, ConfirmFailsafes):
        return Step(mission=changed(mission, failsafes_confirmed=True))
    if isinstance(command, Disarm) and mission.return_reason is not None:
        return Step(mission=changed(mission, arm_ordered=False))
    return None


def _did_not_start(
    mission: Mission, command: Arm | TakeOff, outcome: Outcome, failed: str, sight: Sight, now: datetime
) -> Step | None:
    """Arm and TakeOff are not ordered twice. Refused is off; unanswered may have been heard, so telemetry decides in time."""
    if outcome is not Outcome.REJECTED or mission.phase not in (Phase.PREFLIGHT, Phase.CLIMBING):
        return None
    if ground.is_flying(sight.telemetry):
        return None
    code, what = ("arm-refused", "it did not arm") if isinstance(command, Arm) else ("take-off-refused", "it did not take off")
    return ground.abort(mission, sight, now, mission.return_reason or because(mission, code, f"{what} ({failed})"))


def _camera_failed(mission: Mission, command: PointGimbal, failed: str) -> Step | None:
    if mission.phase in (Phase.PREFLIGHT, Phase.CONTROLLED):
        return None  # before take-off the checks repeat it; a pilot sees it, and repeats it
    wanted_down = mission.phase is Phase.ON_SCENE
    if wanted_down != (command.pitch_deg < legs.LEVEL_DEG):
        return None  # what was asked is not what is wanted any more
    attempts = mission.camera_attempts + 1
    if attempts < MOST_ATTEMPTS:
        return Step(mission=changed(mission, camera_attempts=attempts), orders=to_vehicle(mission, command))
    if attempts > MOST_ATTEMPTS:
        return None
    return told(mission, because(mission, "camera", f"its camera does not turn ({failed})"), camera_attempts=attempts)


def _lens_failed(mission: Mission, command: ZoomCamera, failed: str) -> Step | None:
    """A pilot is told, and asks again or does not; back to the widest is asked some more times, and then told."""
    if mission.phase is Phase.PREFLIGHT:
        return None  # most likely it says so of every zoom; the pilot who asks for one is told
    if mission.phase is Phase.CONTROLLED:
        return told(mission, because(mission, "zoom", failed), zoom_trouble=failed)
    attempts = mission.zoom_attempts + 1
    if command.zoom > lens.WIDEST or attempts > MOST_ATTEMPTS:
        return None
    if attempts < MOST_ATTEMPTS:
        return Step(mission=changed(mission, zoom_attempts=attempts), orders=to_vehicle(mission, command))
    return told(mission, because(mission, "zoom", f"its lens may still be zoomed in: {failed}"), zoom_attempts=attempts)


def may_send(mission: Mission | None, command: Command) -> bool:
    """Whether a command that was recorded may still be sent, now that its turn has come. One that may not is withdrawn."""
    if mission is None:
        return True
    if isinstance(command, Arm):
        return mission.phase is Phase.PREFLIGHT and mission.return_reason is None
    if isinstance(command, TakeOff):
        return mission.phase is Phase.CLIMBING and mission.return_reason is None
    if isinstance(command, ZoomCamera) and command.zoom > lens.WIDEST and mission.phase is not Phase.CONTROLLED:
        return False  # the hand that asked for it is off it
    if mission.phase.is_final:
        return isinstance(command, CloseDock | Disarm)
    if mission.phase is Phase.CONTINGENCY:
        return isinstance(command, Hold | PointGimbal | ZoomCamera | Land | Disarm | OpenDock | CloseDock)
    return True


def next_deadline(mission: Mission) -> datetime | None:
    """When `advance` has something to do even if nothing is heard until then; None when only a word from outside moves it."""
    if mission.phase.is_final:
        return None
    if mission.phase is Phase.AUTHORISED and mission.recovering_since is None:
        return mission.authorised_at
    return mission.due_at
