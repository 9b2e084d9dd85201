"""Which drone, and why; which not, and why not. Pure: state, weather and time in, decision out.

The rules, in the order in which they are applied:

1. An incident is flown to only when its grade is one that drones fly to, within the time in which eyes matter
   (`Policy.targets`), and when the wind is known.
2. A drone can be sent when it is docked, heard, fit, not grounded, the gusts are within its limit, and its charge pays for
   the way out, the least time on scene and the way home, with the reserve untouched.
3. A drone that is returning may be turned to any incident; its own is done.
4. A drone on its way out, or on scene, may be taken for a strictly graver incident, never for one of the same grade, and only
   when that brings eyes earlier by more than the penalty of the policy. One that a person flies is never taken.
5. Airspace must clear the route. Nothing else overrules a refusal.
6. Of those, the one with the least cost goes: arrival plus the policy's penalty; ties by charge, then by vehicle id.

The search is exact, and short: straight-line times bound real ones from below, so drones are checked in order of that bound
until no further one can be better than the best found.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
import numpy as np
import numpy.typing as npt

from bowstreet.airspace.model import Clearance, Refusal
from bowstreet.dispatch.estimate import bounds, exact, is_airborne
from bowstreet.dispatch.fleet import STATUSES, Fleet, phase_code, status_code
from bowstreet.dispatch.model import Assignment, Code, Considered, Drone, NoDrone
from bowstreet.dispatch.policy import LEAVE_SCENE_PENALTY_S, TARGETS, TURN_PENALTY_S, Policy
from bowstreet.flight.model import Phase, VehicleStatus, Wind
from bowstreet.geo import FloatArray, GridPoint, to_grid
from bowstreet.intake.model import Grade, Incident
from bowstreet.messages import Reason

# Asks airspace for a way from the first point to the second.
Clear = Callable[[GridPoint, GridPoint], Clearance | Refusal]
# Asks airspace why nobody may fly to this point; None when that is not so.
Refuses = Callable[[GridPoint], Reason | None]

CODES = tuple(Code)
_NUMBER = {code: number for number, code in enumerate(CODES)}
ABLE = -1
# Bounds and exact times come by different arithmetic; far below anything that matters, far above what doubles lose.
ROUNDING_S = 1e-6

_STATUS_CODES = {
    VehicleStatus.UNSEEN: Code.UNSEEN,
    VehicleStatus.STALE: Code.STALE,
    VehicleStatus.UNFIT: Code.UNFIT,
    VehicleStatus.GROUNDED: Code.GROUNDED,
}
# As they stand in the columns of a fleet; looked up once, not for each decision.
_BUSY = status_code(VehicleStatus.BUSY)
_CLIMBING, _OUTBOUND, _ON_SCENE = (phase_code(phase) for phase in (Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE))
_RETURNING, _CONTROLLED = phase_code(Phase.RETURNING), phase_code(Phase.CONTROLLED)
_BY_STATUS = np.array([_NUMBER[_STATUS_CODES[status]] if status in _STATUS_CODES else ABLE for status in STATUSES])
_TEXTS = {
    Code.UNSEEN: "not heard since the start",
    Code.STALE: "not heard for more than 3 s",
    Code.UNFIT: "not fit to be sent",
    Code.GROUNDED: "taken out of service by a person",
    Code.BUSY: "serves an incident at least as grave",
    Code.LEAVING: "has a mission and cannot be turned in this phase",
    Code.PILOTED: "a pilot flies it",
    Code.WIND: "gusts are above its limit",
    Code.CHARGE: "its charge does not pay for the way there, the scene and the way home with the reserve",
    Code.TOO_LATE: "would arrive after the time in which eyes matter",
    Code.AIRSPACE: "airspace refuses every way there",
}
# For many at once, in a queue where a line is all there is; each drone's own finding says more.
_SHORT = {
    Code.BUSY: "with incidents at least as grave",
    Code.LEAVING: "cannot be turned in their phase",
    Code.PILOTED: "flown by a pilot",
    Code.WIND: "gusts above their limit",
    Code.CHARGE: "too little charge",
    Code.TOO_LATE: "too far to be there in time",
    Code.AIRSPACE: "no way that airspace allows",
}


def deadline(incident: Incident, targets: Mapping[Grade, timedelta] = TARGETS) -> datetime | None:
    """Until when eyes matter: the target for the grade, the police's own unless told; None for a grade without one."""
    target = targets.get(incident.grade)
    return None if target is None else incident.reported_at + target


def is_expired(incident: Incident, now: datetime, targets: Mapping[Grade, timedelta] = TARGETS) -> bool:
    """Whether a waiting incident's time has passed. It is then closed as unserved, on the record."""
    until = deadline(incident, targets)
    return until is not None and now >= until


def queue_order(incidents: Iterable[Incident]) -> list[Incident]:
    """Gravest first, then oldest, then by id."""
    return sorted(incidents, key=lambda incident: (incident.grade.rank, incident.reported_at, incident.incident_id))


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    row: int
    cost: float
    eta_s: float
    clearance: Clearance
    homeward: tuple[GridPoint, ...]


def choose_drone(
    incident: Incident,
    fleet: Fleet,
    wind: Wind | None,
    now: datetime,
    *,
    clear: Clear,
    policy: Policy,
    refuses: Refuses = lambda scene: None,
) -> Assignment | NoDrone:
    """The drone that should fly to this incident now, or why none does.

    Args:
        incident: what waits.
        fleet: all drones as they are now.
        wind: at transit height; None when no source gives it, and then nothing is launched.
        clear: asks airspace for a way between two points.
        policy: what to prefer among those that may fly.
        refuses: asks airspace why nobody may fly to a scene at all, so that no way need be looked for.
    """
    if (none := hopeless(incident, fleet, wind, now, policy=policy, refuses=refuses)) is not None:
        return none
    assert wind is not None
    return _Choice(incident, fleet, wind, now, clear, policy).decide()


def hopeless(
    incident: Incident,
    fleet: Fleet,
    wind: Wind | None,
    now: datetime,
    *,
    policy: Policy,
    refuses: Refuses = lambda scene: None,
) -> NoDrone | None:
    """Why none can fly there whatever state any drone is in; None when that depends on the drones."""
    if (final := _never(incident, now, policy)) is not None:
        return _none(incident, [final], final=True)
    if wind is None:
        return _none(incident, [Reason(code=Code.WIND_UNKNOWN, text="no dock or station tells the wind: nothing is launched")])
    if not len(fleet):
        return _none(incident, [Reason(code=Code.NO_FLEET, text="no drone is configured")])
    if is_grounded(fleet, wind):
        return _none(incident, [_count(Code.WIND, len(fleet), len(fleet))])
    if (refused := refuses(to_grid(incident.position))) is not None:
        return _none(incident, [Reason(code=Code.AIRSPACE, text=refused.text)])
    return None


def _never(incident: Incident, now: datetime, policy: Policy) -> Reason | None:
    if incident.grade not in policy.flown:
        return Reason(code=Code.GRADE_NOT_FLOWN, text=f"drones are not sent to grade {incident.grade.value}")
    if is_expired(incident, now, policy.targets):
        minutes = policy.targets[incident.grade].total_seconds() / 60
        return Reason(code=Code.EXPIRED, text=f"none could be sent within {minutes:.0f} min of the call")
    return None


def is_grounded(fleet: Fleet, wind: Wind | None) -> bool:
    """Whether the wind lets nobody fly, whatever else holds."""
    if wind is None:
        return True
    # `airframes` may hold kinds that no drone of the fleet is of any more: the drones themselves are asked.
    return max(wind.gust_mps, wind.speed_mps) > fleet.hardiest_mps()


def _count(code: Code, count: int, total: int) -> Reason:
    return Reason(code=code, text=f"{count} of {total} drones: {_SHORT.get(code, _TEXTS[code])}")


def _none(
    incident: Incident, reasons: Iterable[Reason], considered: Iterable[Considered] = (), *, final: bool = False
) -> NoDrone:
    return NoDrone(incident_id=incident.incident_id, reasons=tuple(reasons), considered=tuple(considered), final=final)


def availability(fleet: Fleet, grade: Grade, wind: Wind, policy: Policy) -> npt.NDArray[np.int64]:
    """For each drone `ABLE`, or the place in `CODES` of what keeps it from being sent to an incident of this grade."""
    # A mission that another grade may take: later lines overrule earlier ones, so this reads from the general to the particular.
    why = np.where(fleet.status == _BUSY, _NUMBER[Code.LEAVING], ABLE)
    serving = (fleet.phase == _CLIMBING) | (fleet.phase == _OUTBOUND) | (fleet.phase == _ON_SCENE)
    why[serving] = _NUMBER[Code.BUSY]
    if policy.preempt:
        why[serving & (fleet.rank > grade.rank)] = ABLE
    if policy.retask_returning:
        why[fleet.phase == _RETURNING] = ABLE
    why[fleet.phase == _CONTROLLED] = _NUMBER[Code.PILOTED]
    why[max(wind.gust_mps, wind.speed_mps) > fleet.max_wind_mps] = _NUMBER[Code.WIND]
    unable = _BY_STATUS[fleet.status]
    return np.where(unable == ABLE, why, unable)


def penalties_s(fleet: Fleet, grade: Grade, policy: Policy) -> FloatArray:
    """Seconds that each drone's arrival is made to look later when candidates are compared."""
    penalties = policy.penalties(fleet, grade)
    going = (fleet.phase == _CLIMBING) | (fleet.phase == _OUTBOUND)
    return penalties + np.where(going, TURN_PENALTY_S, 0.0) + np.where(fleet.phase == _ON_SCENE, LEAVE_SCENE_PENALTY_S, 0.0)


class _Choice:
    """One decision on its way: the columns, what excludes each drone, and the best found."""

    def __init__(self, incident: Incident, fleet: Fleet, wind: Wind, now: datetime, clear: Clear, policy: Policy) -> None:
        self.incident, self.fleet, self.wind, self.clear, self.policy = incident, fleet, wind, clear, policy
        self.scene = to_grid(incident.position)
        until = deadline(incident, policy.targets)
        self.left_s = float("inf") if until is None else (until - now).total_seconds()
        self.why = availability(fleet, incident.grade, wind, policy)
        self.arrival_s, affordable = bounds(fleet, self.scene, wind, policy.on_scene_s)
        able = self.why == ABLE
        self.why[able & ~affordable] = _NUMBER[Code.CHARGE]
        self.why[able & affordable & (self.arrival_s > self.left_s)] = _NUMBER[Code.TOO_LATE]
        self.penalty_s = penalties_s(fleet, incident.grade, policy)
        self.refusals: dict[int, Refusal] = {}
        self.found: dict[int, _Candidate] = {}

    def decide(self) -> Assignment | NoDrone:
        best: _Candidate | None = None
        for row in self._in_order():
            if best is not None and float(self.arrival_s[row] + self.penalty_s[row]) > best.cost + ROUNDING_S:
                break
            candidate = self._check(row)
            if candidate is not None and (best is None or self._key(candidate) < self._key(best)):
                best = candidate
        return self._no_drone() if best is None else self._assignment(best)

    def _in_order(self) -> Iterator[int]:
        """Rows that the bounds leave, least bound on cost first."""
        rows = np.flatnonzero(self.why == ABLE)
        bound = (self.arrival_s + self.penalty_s)[rows]
        yield from rows[np.lexsort((rows, -self.fleet.charge[rows], bound))].tolist()

    def _key(self, candidate: _Candidate) -> tuple[float, float, int]:
        return candidate.cost, -float(self.fleet.charge[candidate.row]), candidate.row

    def _check(self, row: int) -> _Candidate | None:
        """The exact check of one drone. Notes why it cannot fly when it cannot."""
        drone = self.fleet.drones[row]
        route = self._cleared(row, drone.at, self.scene)
        # A drone in the air need not come home the way it is going out; one in its dock does.
        home = self._cleared(row, self.scene, drone.home or drone.at) if is_airborne(drone) else route
        if route is None or home is None:
            return None
        homeward = home.waypoints if is_airborne(drone) else route.waypoints[::-1]
        eta_s, affordable = exact(drone, route, homeward, self.wind, self.policy.on_scene_s)
        if not affordable:
            self.why[row] = _NUMBER[Code.CHARGE]
            return None
        if eta_s > self.left_s:
            self.why[row] = _NUMBER[Code.TOO_LATE]
            return None
        self.found[row] = _Candidate(
            row=row, cost=eta_s + float(self.penalty_s[row]), eta_s=eta_s, clearance=route, homeward=homeward
        )
        return self.found[row]

    def _cleared(self, row: int, start: GridPoint, goal: GridPoint) -> Clearance | None:
        """A way that airspace allows. Notes the refusal when there is none."""
        answer = self.clear(start, goal)
        if isinstance(answer, Clearance):
            return answer
        self.refusals[row] = answer
        self.why[row] = _NUMBER[Code.AIRSPACE]
        return None

    # --- reasons ----------------------------------------------------------------------------------------------------

    def _assignment(self, best: _Candidate) -> Assignment:
        drone = self.fleet.drones[best.row]
        chosen = self._why_this(best, drone)
        return Assignment(
            incident_id=self.incident.incident_id,
            vehicle_id=drone.vehicle_id,
            dock_id=drone.dock_id,
            clearance=best.clearance,
            eta_s=best.eta_s,
            preempts_mission_id=drone.mission_id,
            reasons=(chosen,),
            considered=(Considered(vehicle_id=drone.vehicle_id, eta_s=best.eta_s, reason=chosen), *self._others(best)),
            homeward=best.homeward if is_airborne(drone) else (),
        )

    def _why_this(self, best: _Candidate, drone: Drone) -> Reason:
        detail = f"there in {best.eta_s:.0f} s with {drone.charge_fraction:.0%} charge"
        if drone.mission_phase == Phase.RETURNING:
            return self._reason(Code.RETASKED, drone, f"on its way home from another incident, {detail}")
        if drone.mission_id is not None:
            return self._reason(Code.PREEMPTED, drone, f"taken from a grade {drone.mission_grade} incident, {detail}")
        if self._held_back(best):
            return self._reason(Code.COVER_KEPT, drone, f"{detail}; an earlier one is needed where it is, or for others")
        return self._reason(Code.EARLIEST, drone, f"{detail}, the earliest of those that may fly")

    def _held_back(self, best: _Candidate) -> bool:
        """Whether a penalty of the policy, and nothing else, kept a drone back that would be there earlier."""
        if any(other.eta_s < best.eta_s for other in self.found.values()):
            return True
        earlier = np.flatnonzero((self.why == ABLE) & (self.arrival_s < best.eta_s - ROUNDING_S))
        return any(row not in self.found for row in earlier.tolist())

    @staticmethod
    def _reason(code: Code, drone: Drone, text: str) -> Reason:
        return Reason(code=code, text=text, vehicle_id=drone.vehicle_id)

    def _others(self, best: _Candidate) -> list[Considered]:
        """The other drones that people will ask about: those that seem nearer or next, nearest first."""
        rows = self._nearest(self.policy.explain)
        return [self._considered(row, best) for row in rows if row != best.row][: self.policy.explain - 1]

    def _nearest(self, count: int) -> list[int]:
        count = min(count, len(self.fleet))
        near = np.argpartition(self.arrival_s, count - 1)[:count].tolist()
        return sorted({*near, *self.refusals, *self.found}, key=lambda row: (float(self.arrival_s[row]), row))

    def _considered(self, row: int, best: _Candidate | None) -> Considered:
        drone = self.fleet.drones[row]
        number = int(self.why[row])
        bound = float(self.arrival_s[row])
        eta_s = bound if np.isfinite(bound) else None
        if number != ABLE:
            return Considered(vehicle_id=drone.vehicle_id, eta_s=eta_s, reason=self._why_not(CODES[number], row))
        exactly = self.found.get(row)
        if exactly is not None:
            eta_s = exactly.eta_s
        late = 0.0 if best is None or eta_s is None else eta_s - best.eta_s
        text = f"would arrive {late:.0f} s later" if late >= 0.5 else "would arrive no earlier, and was held back by the policy"
        return Considered(vehicle_id=drone.vehicle_id, eta_s=eta_s, reason=self._reason(Code.LATER, drone, text))

    def _why_not(self, code: Code, row: int) -> Reason:
        drone = self.fleet.drones[row]
        text = _TEXTS[code]
        if code is Code.UNFIT and drone.unfit_reason:
            text = drone.unfit_reason
        elif code is Code.AIRSPACE and row in self.refusals:
            text = "; ".join(reason.text for reason in self.refusals[row].reasons)
        elif code is Code.CHARGE:
            text = f"{text} ({drone.charge_fraction:.0%})"
        return self._reason(code, drone, text)

    def _no_drone(self) -> NoDrone:
        """Why none flies: the reasons counted over the whole fleet, and the nearest drones one by one."""
        counts = np.bincount(self.why[self.why != ABLE], minlength=len(CODES)).tolist()
        total = len(self.fleet)
        reasons = [
            _count(code, count, total)
            for count, code in sorted(zip(counts, CODES, strict=True), key=lambda pair: (-pair[0], pair[1]))
            if count
        ]
        considered = [self._considered(row, None) for row in self._nearest(self.policy.explain)[: self.policy.explain]]
        return _none(self.incident, reasons, considered)
