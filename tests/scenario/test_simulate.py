"""Whole simulated operations: the same services as live, on a simulated clock. See simulate.md."""

import csv
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bowstreet.accountability.verify import verify_log
from bowstreet.dispatch.policy import policy_named
from bowstreet.flight.model import Phase
from bowstreet.intake.model import CloseReason, IncidentState
from bowstreet.messages import IncidentChanged, LaunchAuthorised, MissionChanged
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import islington, london
from bowstreet.simulation.kernel import Kernel, World, rows
from bowstreet.simulation.mishaps import FaultRates
from bowstreet.simulation.run import Options, SimulationResult, simulate

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# A fault in most sorties: many times what any fleet has.
FAULTS = FaultRates(link_loss=0.5, gps_loss=0.1, lid_jam=0.03, battery_sag=0.2, arm_refused=0.03)
# What measures this machine, and so differs from run to run.
TIMINGS = ("decision_ms", "real_time_factor")


def _kernel(faults: FaultRates | None = None, mean_wind_mps: float = 3.0) -> Kernel:
    """The Islington pilot, in light wind so that days are not lost to weather."""
    world = World(
        city=islington(), policy=policy_named("closest-eta"), seed=3, faults=faults or FaultRates(), mean_wind_mps=mean_wind_mps
    )
    kernel = Kernel(world, START - timedelta(minutes=1))
    kernel.start()
    return kernel


def _call(number: int, seconds: float, grade: str = "I", east: float = 0.0, north: float = 0.0) -> dict[str, Any]:
    return {
        "id": f"call-{number}", "reported_at": (START + timedelta(seconds=seconds)).isoformat(), "latitude": 51.5420 + north,
        "longitude": -0.1050 + east, "grade": grade, "category": "burglary in progress",
    }  # fmt: skip


def _again(number: int, seconds: float, grade: str) -> dict[str, Any]:
    """What is new in a later report of the same thing."""
    new = _call(number, seconds, grade)
    return {key: new[key] for key in ("id", "reported_at", "grade")}


def _verified(kernel: Kernel) -> None:
    found = drive(verify_log(kernel.store.log_rows(), expected_size=kernel.recorder.size))
    assert found.ok, found
    assert found.root == kernel.recorder.root.hex()


def _untimed(result: SimulationResult) -> dict[str, Any]:
    return {key: value for key, value in result.figures.items() if key not in TIMINGS}


@pytest.mark.requirement("P3", "P4", "D1")
def test_one_call_end_to_end() -> None:
    kernel = _kernel()
    phases: list[str] = []
    authorities: list[LaunchAuthorised] = []

    async def phase(message: MissionChanged) -> None:
        phases.append(message.phase)

    async def authority(message: LaunchAuthorised) -> None:
        # By the time anybody hears of it, it is in the store and in the ledger.
        assert await kernel.store.get("mission", message.mission_id) is not None
        authorities.append(message)

    kernel.bus.subscribe(MissionChanged, phase)
    kernel.bus.subscribe(LaunchAuthorised, authority)
    kernel.run(rows([_call(1, 0)]))

    (incident,) = kernel.intake.incidents.all()
    assert (incident.state, incident.close_reason) == (IncidentState.CLOSED, CloseReason.ATTENDED)
    (mission,) = kernel.flight.missions.all()
    assert mission.phase is Phase.DONE
    assert mission.purpose == "999-response"
    assert list(dict.fromkeys(phases)) == ["preflight", "climbing", "outbound", "on-scene", "returning", "landing", "done"]
    assert [one.reasons[0].code for one in authorities] == ["earliest"]
    assert incident.eyes_on_at is not None
    took_s = (incident.eyes_on_at - incident.reported_at).total_seconds()
    assert took_s == pytest.approx(mission.plan.expected_eyes_on_s, rel=0.1), "eyes were there about when dispatch said"
    (decision,) = kernel.dispatch.decisions_for(incident.incident_id)
    assert len(decision.outcome.considered) == 9, "each drone was considered, with its reason"
    assert kernel.link.counts["landed_in_dock"] == 1
    assert not kernel.bus.failed
    _verified(kernel)


@pytest.mark.requirement("P5")
def test_same_seed_same_result_to_the_last_byte_of_the_ledger() -> None:
    options = Options(demand="immediate-2014", days=0.15, drones=64, seed=11, progress=False)
    first, second = simulate(options), simulate(options)
    assert _untimed(first) == _untimed(second)
    assert first.figures["ledger"]["verified"] is True
    assert first.figures["flights"]["launched"] > 20
    other = simulate(msgspec.structs.replace(options, seed=12))
    assert other.figures["ledger"]["root"] != first.figures["ledger"]["root"]


@pytest.mark.requirement("F11", "P4")
def test_twenty_calls_at_once_are_served_by_priority() -> None:
    kernel = _kernel()
    grades = ["S", "I"] * 10
    calls = [
        _call(number, 0.001 * number, grade, east=0.002 * (number % 5), north=0.0016 * (number // 5) - 0.003)
        for number, grade in enumerate(grades)
    ]
    kernel.run(rows(calls))
    incidents = kernel.intake.incidents.all()
    assert len(incidents) == 20
    assert all(one.state is IncidentState.CLOSED for one in incidents)
    immediate = [one for one in incidents if one.grade.value == "I"]
    significant = [one for one in incidents if one.grade.value == "S"]
    seen = [one for one in immediate if one.eyes_on_at is not None]
    assert len(seen) >= 9, "nine drones: nearly every immediate call gets one, though the other half rang first"
    waits = [(one.eyes_on_at - one.reported_at).total_seconds() for one in seen if one.eyes_on_at]
    late = [(one.eyes_on_at - one.reported_at).total_seconds() for one in significant if one.eyes_on_at]
    assert sorted(waits)[len(waits) // 2] < min([*sorted(late)[len(late) // 2 :], 3_600.0])
    assert max(kernel.dispatch.decision_ms) < 1_000.0
    assert not kernel.bus.failed
    _verified(kernel)


class _Watch:
    """Looks at the whole operation after every event and keeps what must never be."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.wrong: Counter[str] = Counter()
        step = kernel.agenda.step

        def watched() -> None:
            step()
            self.look()

        kernel.agenda.step = watched  # type: ignore[method-assign]  # the agenda is the loop: nothing happens outside it

    def look(self) -> None:
        serving: Counter[str] = Counter()
        by_vehicle: Counter[str] = Counter()
        for mission in self.kernel.flight.active_missions():
            by_vehicle[mission.vehicle_id] += 1
            gone = mission.return_reason is not None or mission.phase in (Phase.RETURNING, Phase.LANDING)
            if not gone:
                serving[mission.incident_id] += 1
        self.wrong["two missions serve one incident"] += sum(count > 1 for count in serving.values())
        self.wrong["two missions for one vehicle"] += sum(count > 1 for count in by_vehicle.values())
        for dock in self.kernel.link.docks.values():
            here = sum(one.dock_id == dock.config.dock_id for one in self.kernel.link.crafts.values())
            self.wrong["vehicles and pads disagree"] += here != sum(pad != 0 for pad in dock.pads)


def _day(count: int, every_s: float) -> Iterable[dict[str, Any]]:
    """Calls all over Islington, two in three immediate, some of them twice."""
    for number in range(count):
        east, north = ((number * 37) % 60 - 30) / 1_500, ((number * 53) % 50 - 25) / 1_400
        yield _call(number, number * every_s, "IIS"[number % 3], east=east / 2, north=north / 2)
        if number % 17 == 0:
            yield {
                **_call(number, number * every_s + 20, "IIS"[number % 3], east=east / 2, north=north / 2),
                "id": f"again-{number}",
            }


@pytest.mark.requirement("P1", "P2", "P3", "F1", "F2", "F3", "F4", "F8")
def test_a_day_of_faults_loses_nothing() -> None:
    kernel = _kernel(FAULTS)
    watch = _Watch(kernel)
    calls = list(_day(140, 600.0))
    calls += [
        {**_call(900, 300), "latitude": 0.0, "longitude": 0.0},  # nowhere
        {**_call(901, 400), "grade": "Q"},
        {**_call(902, 500), "latitude": "north"},
    ]
    kernel.run(rows(calls))

    counts = kernel.intake.counts()
    assert counts["received"] == len(calls)
    assert counts["quarantined"] == 3
    assert counts["incidents"] + counts["duplicates"] + counts["quarantined"] == counts["received"]
    assert counts["duplicates"] >= 9

    assert {name: number for name, number in watch.wrong.items() if number} == {}
    incidents, missions = kernel.intake.incidents.all(), kernel.flight.missions.all()
    assert all(one.state is IncidentState.CLOSED for one in incidents), "no incident is forgotten"
    assert all(mission.phase.is_final for mission in missions)
    told = kernel.link.counts
    assert told["exhaustions"] == 0
    assert told["pad_conflicts"] == 0
    assert told["takeoffs_under_closed_lid"] == 0
    assert told["repeated_commands"] == 0
    assert min(craft.least_charge for craft in kernel.link.crafts.values()) > 0.0
    # The faults did happen.
    assert told["link_losses"] > 5
    assert told["gps_losses"] > 2
    assert told["battery_sags"] > 5
    assert told["arm_refused"] + told["lid_jams"] > 0
    # Who lost its drone before eyes were on got another one.
    lost = {mission.incident_id for mission in missions if mission.eyes_on_at is None and mission.took_off_at is not None}
    again = [one for one in incidents if one.incident_id in lost and one.close_reason is CloseReason.ATTENDED]
    assert again, "at least one incident was flown to again after its first drone had to turn back"
    assert not kernel.bus.failed
    _verified(kernel)


@pytest.mark.requirement("P4")
def test_a_file_with_observed_arrivals_is_compared_with_them(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    with path.open("w", newline="") as file:
        header = ["id", "reported_at", "latitude", "longitude", "grade", "category", "observed_first_arrival_s"]
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        for number in range(12):
            call = _call(number, number * 900.0, "I" if number else "E", east=0.001 * number)
            writer.writerow({**call, "observed_first_arrival_s": "" if number == 1 else 300 + number})
    result = simulate(Options(calls=path, drones=96, seed=2, progress=False))
    compared = result.figures["compared_with_observed"]
    assert compared["calls"] == 10, "one has no observed time, one has a grade that is not flown"
    assert compared["observed_s"]["p50"] == pytest.approx(306.5)
    assert compared["seen_by_a_drone"] <= 10
    assert "2009" in compared["note"]
    page = result.report()
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http-equiv", ""), "the page asks nothing of any network"
    assert page.count("<svg") >= 3
    json.dumps(result.figures)


@pytest.mark.requirement("P4")
def test_policies_differ_and_each_keeps_the_rules() -> None:
    figures = {}
    for policy in ("closest-eta", "nearest-with-cover", "no-preemption"):
        result = simulate(Options(demand="all-999-2018", days=0.04, drones=160, seed=4, policy=policy, progress=False))
        assert result.figures["flights"]["not_returned"] == 0
        assert result.figures["ledger"]["verified"] is True
        figures[policy] = result.figures["ledger"]["root"]
    assert len(set(figures.values())) == 3


@pytest.mark.requirement("P2", "P4")
@pytest.mark.parametrize("first", ["E", "S"])
def test_an_incident_that_a_later_report_makes_graver_is_closed_when_its_new_time_is_up(first: str) -> None:
    kernel = Kernel(World(city=london(64), policy=policy_named("closest-eta"), seed=3, mean_wind_mps=3.0), START)
    kernel.start()
    heathrow = {**_call(1, 10, first), "latitude": 51.4775, "longitude": -0.4300}  # where nobody may fly
    kernel.run(rows([heathrow, {**heathrow, **_again(2, 70, "I")}]))
    (incident,) = kernel.intake.incidents.all()
    assert incident.reports == 2
    assert (incident.state, incident.close_reason) == (IncidentState.CLOSED, CloseReason.UNSERVED)
    assert incident.closed_at == START + timedelta(seconds=10, minutes=15)
    assert not kernel.bus.failed
    _verified(kernel)


@pytest.mark.requirement("P2", "F1")
def test_an_incident_that_loses_its_drone_is_looked_at_until_it_has_another_or_its_time_is_up() -> None:
    """Every drone refuses to arm: each launch is broken off, and the incident is open again, long after the call came."""
    kernel = _kernel(FaultRates(arm_refused=1.0))
    opened: list[IncidentChanged] = []

    async def changed(message: IncidentChanged) -> None:
        opened.append(message)

    kernel.bus.subscribe(IncidentChanged, changed)
    kernel.run(rows([_call(1, 0)]))
    (incident,) = kernel.intake.incidents.all()
    assert len(kernel.flight.missions.all()) > 9, "each drone was tried, and some again after they had rested"
    assert sum(message.state == IncidentState.OPEN for message in opened) == len(kernel.flight.missions.all())
    assert incident.close_reason is CloseReason.UNSERVED
    assert incident.closed_at is not None
    assert timedelta(0) <= incident.closed_at - (incident.reported_at + timedelta(minutes=15)) < timedelta(minutes=1)
    _verified(kernel)


@pytest.mark.requirement("P4", "F8")
def test_why_incidents_were_not_served_is_told_with_what_was_assumed(tmp_path: Path) -> None:
    """A week of a call each half hour, every fourth inside a restriction zone: some of the week is too windy to fly."""
    path = tmp_path / "calls.jsonl"
    places = {0: {"latitude": 51.4775, "longitude": -0.4300}}
    path.write_text("".join(json.dumps({**_call(n, n * 1_800.0), **places.get(n % 4, {})}) + "\n" for n in range(336)))
    result = simulate(Options(calls=path, drones=64, seed=1, progress=False))
    found = result.figures
    assert sum(found["unserved_because"].values()) == found["unserved"]
    assert found["airspace_refused"] == {"the place is in London Heathrow FRZ (EGRU128A)": found["unserved_because"]["airspace"]}
    gusts = [report.gust_mps for report in result.kernel.weather.reports]
    assert found["wind"]["share_of_time_above_limit"] == pytest.approx(sum(gust > 12.0 for gust in gusts) / len(gusts), abs=1e-4)
    # A call in a quarter of an hour of too much wind is lost; most of a windy spell's calls are, and none in a calm.
    lost = found["unserved_because"]["wind"] / 336
    assert 0.0 < lost < found["wind"]["share_of_time_above_limit"]
    page = result.report()
    assert "London Heathrow FRZ" in page
    assert "not the weather of the days" in page


@pytest.mark.requirement("D5", "F10")
def test_nothing_is_launched_where_airspace_says_no_and_the_reason_is_kept() -> None:
    kernel = Kernel(World(city=london(64), policy=policy_named("closest-eta"), seed=3, mean_wind_mps=3.0), START)
    kernel.start()
    heathrow = {**_call(1, 10), "latitude": 51.4775, "longitude": -0.4300}
    kernel.run(rows([heathrow]))
    (incident,) = kernel.intake.incidents.all()
    assert incident.close_reason is CloseReason.UNSERVED
    assert kernel.flight.missions.all() == []
    first = kernel.dispatch.decisions_for(incident.incident_id)[0]
    assert first.outcome.reasons[0].code == "airspace"
    assert "Heathrow" in first.outcome.reasons[0].text
