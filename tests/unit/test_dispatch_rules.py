"""The rules of dispatch, one by one, on fleets of a few drones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bowstreet.airspace.model import Clearance, Refusal
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Assignment, Code, Drone, NoDrone
from bowstreet.dispatch.policy import LEAVE_SCENE_PENALTY_S, TARGETS, TURN_PENALTY_S, policy_named
from bowstreet.dispatch.rules import choose_drone, deadline, is_expired
from bowstreet.errors import BadInput
from bowstreet.flight.airframes import PATROL_QUADCOPTER
from bowstreet.flight.model import Phase, VehicleStatus, Wind
from bowstreet.geo import GridPoint, to_grid, to_wgs84
from bowstreet.intake.model import Grade, Incident
from bowstreet.messages import Reason

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
CALM = Wind(speed_mps=0.0, from_deg=0.0, gust_mps=0.0)
SCENE = to_grid(to_wgs84(GridPoint(easting_m=531_000.0, northing_m=184_000.0)))
CRUISE = PATROL_QUADCOPTER.cruise_mps
LAUNCH_S = PATROL_QUADCOPTER.launch_s


def _incident(grade: Grade = Grade.IMMEDIATE, age_s: float = 0.0) -> Incident:
    return Incident(
        incident_id="inc-1", reported_at=NOW - timedelta(seconds=age_s), opened_at=NOW, position=to_wgs84(SCENE), grade=grade,
        category="burglary",
    )  # fmt: skip


def _east(metres: float) -> GridPoint:
    return GridPoint(easting_m=SCENE.easting_m + metres, northing_m=SCENE.northing_m)


def _drone(name: str, metres: float, **fields: Any) -> Drone:
    told = {
        "vehicle_id": name, "dock_id": f"dock-{name}", "at": _east(metres), "home": _east(metres), "status": VehicleStatus.READY,
        "charge_fraction": 1.0, "airframe": PATROL_QUADCOPTER, **fields,
    }  # fmt: skip
    return Drone(**told)


def _flying(name: str, metres: float, phase: Phase, grade: str, **fields: Any) -> Drone:
    told = {
        "status": VehicleStatus.BUSY, "mission_id": f"mis-{name}", "mission_incident_id": f"inc-{name}", "mission_grade": grade,
        "mission_phase": phase.value, **fields,
    }  # fmt: skip
    return _drone(name, metres, **told)


def _clear(start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
    return Clearance(waypoints=(start, goal), length_m=start.distance_m(goal), height_m_agl=80.0)


def _choose(*drones: Drone, incident: Incident | None = None, **told: Any) -> Assignment | NoDrone:
    wind = told.pop("wind", CALM)
    policy = policy_named(told.pop("policy", "closest-eta"))
    return choose_drone(incident or _incident(), Fleet(drones), wind, NOW, clear=told.pop("clear", _clear), policy=policy)


def _chosen(outcome: Assignment | NoDrone) -> str:
    assert isinstance(outcome, Assignment), outcome
    return outcome.vehicle_id


def _why_not(outcome: Assignment | NoDrone, vehicle_id: str) -> str:
    return next(one.reason.code for one in outcome.considered if one.vehicle_id == vehicle_id)


def test_the_first_there_goes_and_the_other_is_told_how_much_later() -> None:
    outcome = _choose(_drone("a", 3_000), _drone("b", 1_500))
    assert isinstance(outcome, Assignment)
    assert outcome.vehicle_id == "b"
    assert outcome.eta_s == pytest.approx(LAUNCH_S + 1_500 / CRUISE, abs=0.1)
    assert outcome.reasons[0].code == Code.EARLIEST
    other = outcome.considered[1]
    assert (other.vehicle_id, other.reason.code) == ("a", Code.LATER)
    assert "100 s later" in other.reason.text


def test_a_tailwind_beats_a_shorter_way() -> None:
    wind = Wind(speed_mps=8.0, from_deg=90.0, gust_mps=8.0)  # blows to the west
    assert _chosen(_choose(_drone("east", 2_600), _drone("west", -1_600), wind=wind)) == "east"
    assert _chosen(_choose(_drone("east", 2_600), _drone("west", -1_600))) == "west"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (VehicleStatus.UNSEEN, Code.UNSEEN),
        (VehicleStatus.STALE, Code.STALE),
        (VehicleStatus.UNFIT, Code.UNFIT),
        (VehicleStatus.GROUNDED, Code.GROUNDED),
    ],
)
def test_a_drone_that_is_out_of_service_is_never_sent(status: VehicleStatus, code: Code) -> None:
    outcome = _choose(_drone("near", 500, status=status, unfit_reason="compass"), _drone("far", 3_000))
    assert _chosen(outcome) == "far"
    assert _why_not(outcome, "near") == code


def test_none_flies_above_its_wind_limit_and_none_when_the_wind_is_unknown() -> None:
    gusty = Wind(speed_mps=8.0, from_deg=0.0, gust_mps=12.5)
    outcome = _choose(_drone("a", 500), wind=gusty)
    assert isinstance(outcome, NoDrone)
    assert [reason.code for reason in outcome.reasons] == [Code.WIND]
    assert not outcome.final
    unknown = _choose(_drone("a", 500), wind=None)
    assert isinstance(unknown, NoDrone)
    assert [reason.code for reason in unknown.reasons] == [Code.WIND_UNKNOWN]


def test_charge_must_pay_for_out_scene_and_home_with_the_reserve() -> None:
    outcome = _choose(_drone("low", 1_000, charge_fraction=0.35), _drone("full", 3_000))
    assert _chosen(outcome) == "full"
    assert _why_not(outcome, "low") == Code.CHARGE


def test_airspace_overrules_nearness_and_its_words_are_shown() -> None:
    def clear(start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        if start == _east(500):
            return Refusal(reasons=(Reason(code="airspace-zone", text="London City FRZ is active"),))
        return _clear(start, goal)

    outcome = _choose(_drone("near", 500), _drone("far", 2_000), clear=clear)
    assert _chosen(outcome) == "far"
    refused = next(one for one in outcome.considered if one.vehicle_id == "near")
    assert refused.reason.code == Code.AIRSPACE
    assert "London City FRZ" in refused.reason.text


def test_a_way_round_counts_as_long_as_it_is() -> None:
    def clear(start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        if start == _east(1_000):
            corner = GridPoint(easting_m=SCENE.easting_m + 500, northing_m=SCENE.northing_m + 2_000)
            return Clearance(waypoints=(start, corner, goal), length_m=4_123.0, height_m_agl=80.0)
        return _clear(start, goal)

    assert _chosen(_choose(_drone("round", 1_000), _drone("straight", 2_000), clear=clear)) == "straight"


def test_grades_that_are_not_flown_are_final() -> None:
    for grade in (Grade.EXTENDED, Grade.REFERRED):
        outcome = _choose(_drone("a", 500), incident=_incident(grade))
        assert isinstance(outcome, NoDrone)
        assert outcome.final
        assert outcome.reasons[0].code == Code.GRADE_NOT_FLOWN


def test_eyes_that_would_come_too_late_are_not_sent() -> None:
    late = _incident(age_s=15 * 60 - 60)
    outcome = _choose(_drone("a", 3_000), incident=late)
    assert isinstance(outcome, NoDrone)
    assert not outcome.final
    assert _why_not(outcome, "a") == Code.TOO_LATE
    assert _chosen(_choose(_drone("a", 300), incident=late)) == "a"


def test_time_runs_out_at_the_target_of_the_grade() -> None:
    for grade, target in TARGETS.items():
        incident = _incident(grade, target.total_seconds() - 1)
        assert deadline(incident) == NOW + timedelta(seconds=1)
        assert not is_expired(incident, NOW)
        assert is_expired(incident, NOW + timedelta(seconds=1))
        expired = _choose(_drone("a", 100), incident=_incident(grade, target.total_seconds()))
        assert isinstance(expired, NoDrone)
        assert expired.final
        assert expired.reasons[0].code == Code.EXPIRED
    assert not is_expired(_incident(Grade.EXTENDED, 1e6), NOW)


def test_an_operators_own_targets_count_in_place_of_the_usual_ones() -> None:
    policy = msgspec.structs.replace(policy_named("closest-eta"), targets={Grade.IMMEDIATE: timedelta(minutes=5)})

    def choose(age_s: float) -> Assignment | NoDrone:
        drone = Fleet([_drone("a", 1_500)])
        return choose_drone(_incident(age_s=age_s), drone, CALM, NOW, clear=_clear, policy=policy)

    assert _chosen(choose(0)) == "a"
    assert _why_not(choose(4 * 60), "a") == Code.TOO_LATE
    expired = choose(5 * 60)
    assert isinstance(expired, NoDrone)
    assert expired.final
    assert expired.reasons[0].text == "none could be sent within 5 min of the call"


# --- turning drones that are in the air ----------------------------------------------------------------------------------


def test_a_returning_drone_with_charge_is_turned_and_needs_no_launch() -> None:
    outcome = _choose(_drone("dock", 1_500), _flying("back", 1_500, Phase.RETURNING, "I", charge_fraction=0.9))
    assert isinstance(outcome, Assignment)
    assert outcome.vehicle_id == "back"
    assert outcome.preempts_mission_id == "mis-back"
    assert outcome.reasons[0].code == Code.RETASKED
    assert outcome.eta_s == pytest.approx(1_500 / CRUISE, abs=0.1)
    assert outcome.homeward[-1] == _east(1_500)
    assert _chosen(_choose(_drone("dock", 1_500), _flying("back", 1_500, Phase.RETURNING, "I", charge_fraction=0.4))) == "dock"


@pytest.mark.parametrize("phase", [Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE])
def test_a_graver_incident_takes_a_drone_and_one_of_the_same_grade_never(phase: Phase) -> None:
    near, far = _flying("near", 300, phase, "S"), _drone("far", 3_500)
    outcome = _choose(near, far)
    assert isinstance(outcome, Assignment)
    assert (outcome.vehicle_id, outcome.preempts_mission_id) == ("near", "mis-near")
    assert outcome.reasons[0].code == Code.PREEMPTED
    for grade in ("I", "S"):
        same = _choose(_flying("near", 300, phase, grade), far, incident=_incident(Grade(grade)))
        assert _chosen(same) == "far"
        assert _why_not(same, "near") == Code.BUSY
    lesser = _choose(_flying("near", 300, phase, "I"), far, incident=_incident(Grade.SIGNIFICANT))
    assert _chosen(lesser) == "far"


@pytest.mark.parametrize(("phase", "penalty_s"), [(Phase.OUTBOUND, TURN_PENALTY_S), (Phase.ON_SCENE, LEAVE_SCENE_PENALTY_S)])
def test_it_is_taken_only_when_that_brings_eyes_clearly_earlier(phase: Phase, penalty_s: float) -> None:
    free = _drone("free", 1_500)
    free_s = LAUNCH_S + 1_500 / CRUISE
    just_worth = (free_s - penalty_s - 1.0) * CRUISE
    not_worth = (free_s - penalty_s + 1.0) * CRUISE
    assert _chosen(_choose(free, _flying("busy", -just_worth, phase, "S"))) == "busy"
    assert _chosen(_choose(free, _flying("busy", -not_worth, phase, "S"))) == "free"


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        (Phase.AUTHORISED, Code.LEAVING),
        (Phase.PREFLIGHT, Code.LEAVING),
        (Phase.LANDING, Code.LEAVING),
        (Phase.CONTINGENCY, Code.LEAVING),
        (Phase.CONTROLLED, Code.PILOTED),
    ],
)
def test_phases_in_which_nobody_turns_a_drone(phase: Phase, code: Code) -> None:
    outcome = _choose(_flying("near", 100, phase, "S"), _drone("far", 3_000))
    assert _chosen(outcome) == "far"
    assert _why_not(outcome, "near") == code


def test_a_policy_can_forbid_turning() -> None:
    assert _chosen(_choose(_flying("near", 100, Phase.RETURNING, "S"), _drone("far", 3_000), policy="no-preemption")) == "far"
    assert _chosen(_choose(_flying("near", 100, Phase.OUTBOUND, "S"), _drone("far", 3_000), policy="no-preemption")) == "far"


def test_a_drone_in_the_air_needs_a_clear_way_home_too() -> None:
    def clear(start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        return (
            Refusal(reasons=(Reason(code="airspace-zone", text="closed"),))
            if start.distance_m(SCENE) < 1
            else _clear(start, goal)
        )

    outcome = _choose(_flying("back", 300, Phase.RETURNING, "I"), _drone("dock", 2_000), clear=clear)
    assert _chosen(outcome) == "dock"
    assert _why_not(outcome, "back") == Code.AIRSPACE


# --- preference, ties, words ------------------------------------------------------------------------------------------------


def test_ties_go_to_the_fuller_drone_then_to_the_lower_id() -> None:
    assert _chosen(_choose(_drone("a", 1_000, charge_fraction=0.8), _drone("b", 1_000, charge_fraction=0.9))) == "b"
    assert _chosen(_choose(_drone("b", 1_000), _drone("a", 1_000))) == "a"


def test_cover_is_kept_when_it_costs_little() -> None:
    alone = _drone("alone", 1_400)
    together = [_drone(f"pair-{n}", -1_500) for n in range(4)]
    incident = _incident(Grade.SIGNIFICANT)
    assert _chosen(_choose(alone, *together, incident=incident)) == "alone"
    kept = _choose(alone, *together, incident=incident, policy="nearest-with-cover")
    assert _chosen(kept) == "pair-0"
    assert isinstance(kept, Assignment)
    assert kept.reasons[0].code == Code.COVER_KEPT
    far = [_drone(f"pair-{n}", -6_000) for n in range(4)]
    assert _chosen(_choose(alone, *far, incident=incident, policy="nearest-with-cover")) == "alone"


def test_why_none_counts_the_fleet_and_names_the_nearest() -> None:
    drones = [_drone(f"s{n:02d}", 1_000 + n, status=VehicleStatus.STALE) for n in range(20)] + [
        _drone("low", 500, charge_fraction=0.1)
    ]
    outcome = _choose(*drones)
    assert isinstance(outcome, NoDrone)
    assert [reason.code for reason in outcome.reasons] == [Code.STALE, Code.CHARGE]
    assert outcome.reasons[0].text.startswith("20 of 21 drones")
    assert outcome.considered[0].vehicle_id == "low"
    assert len(outcome.considered) == policy_named("closest-eta").explain


def test_no_drones_at_all() -> None:
    outcome = _choose()
    assert isinstance(outcome, NoDrone)
    assert outcome.reasons[0].code == Code.NO_FLEET


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="closest-eta"):
        policy_named("fastest")
