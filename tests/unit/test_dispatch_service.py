"""Dispatch as a service: what it records, when it acts, what people may ask, what a restart finds. Real services, simulated vehicles."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.dispatch.model import Assignment, Code, NoDrone
from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.service import ABORT_REST, DispatchService
from bowstreet.errors import Conflict, NotFound, Refused, StoreUnavailable
from bowstreet.flight.failsafe import RESUME_WITHIN_S
from bowstreet.flight.model import Mission, Phase, Wind
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import CloseReason, Incident, IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import LaunchAuthorised, Message, MissionRetasked, NoDroneAvailable, RecallOrdered
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.ports import Batch
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import islington
from bowstreet.simulation.kernel import Kernel, World
from bowstreet.simulation.mishaps import FaultRates

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BREEZE = Wind(speed_mps=3.0, from_deg=240.0, gust_mps=4.0)


class _Air:
    """A wind that a test sets."""

    def __init__(self) -> None:
        self.now: Wind | None = BREEZE

    def wind(self) -> Wind | None:
        return self.now


class _Town:
    """The Islington pilot on a simulated clock, with handles for the tests."""

    def __init__(self, faults: FaultRates | None = None) -> None:
        world = World(
            city=islington(), policy=policy_named("closest-eta"), seed=5, faults=faults or FaultRates(), mean_wind_mps=3.0
        )
        self.kernel = Kernel(world, START)
        self.kernel.start()
        self.air = _Air()
        self.dispatch, self.flight, self.intake = self.kernel.dispatch, self.kernel.flight, self.kernel.intake
        self.dispatch._wind = self.air
        self.said: list[Message] = []
        for kind in (LaunchAuthorised, NoDroneAvailable, RecallOrdered, MissionRetasked):
            self.kernel.bus.subscribe(kind, self._hear)
        self.calls = 0

    async def _hear(self, message: Message) -> None:
        self.said.append(message)

    def heard(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]

    def call(self, grade: str = "I", north: float = 0.0, east: float = 0.0) -> Incident:
        self.calls += 1
        row = {
            "id": f"c{self.calls}", "reported_at": self.kernel.clock.now().isoformat(), "latitude": 51.5420 + north,
            "longitude": -0.1050 + east, "grade": grade, "category": "robbery",
        }  # fmt: skip
        taken = drive(self.intake.receive_raw(row, "test"))
        assert isinstance(taken, Incident)
        return self.intake.incidents.get(taken.incident_id)

    def incident(self, before: Incident) -> Incident:
        return self.intake.incidents.get(before.incident_id)

    def mission_for(self, incident: Incident) -> Mission:
        found = [one for one in self.flight.missions.all() if one.incident_id == incident.incident_id]
        return max(found, key=lambda one: one.authorised_at)

    def wait(self, seconds: float) -> None:
        self.kernel._until(self.kernel.clock.now() + timedelta(seconds=seconds))

    def ground_all_but(self, *kept: str) -> None:
        for view in self.flight.picture.vehicles():
            if view.vehicle_id not in kept:
                drive(self.flight.ground(view.vehicle_id, "acc-1", "test"))

    def release_all(self) -> None:
        for view in self.flight.picture.vehicles():
            if view.status == "grounded":
                drive(self.flight.release(view.vehicle_id, "acc-1", "test"))

    def last_why(self, incident: Incident) -> str:
        return self.dispatch.decisions_for(incident.incident_id)[-1].outcome.reasons[0].code


# --- sending ----------------------------------------------------------------------------------------------------------------


def test_a_call_gets_a_drone_at_once_and_all_is_one_act() -> None:
    town = _Town()
    size = town.kernel.recorder.size
    incident = town.call()
    assert incident.state is IncidentState.ASSIGNED
    mission = town.mission_for(incident)
    assert (mission.purpose, mission.authorised_by, mission.grade) == ("999-response", "dispatch", "I")
    (authority,) = town.heard(LaunchAuthorised)
    assert authority.mission_id == mission.mission_id
    assert authority.reasons == mission.reasons
    (decision,) = town.dispatch.decisions_for(incident.incident_id)
    assert isinstance(decision.outcome, Assignment)
    assert decision.outcome.vehicle_id == mission.vehicle_id
    assert town.kernel.recorder.size > size + 2


def test_two_calls_never_get_the_same_drone() -> None:
    town = _Town()
    first, second = town.call(), town.call(north=0.004)
    assert town.mission_for(first).vehicle_id != town.mission_for(second).vehicle_id


def test_grades_that_are_not_flown_are_closed_with_their_reason() -> None:
    town = _Town()
    incident = town.call("E")
    assert (incident.state, incident.close_reason) == (IncidentState.CLOSED, CloseReason.NOT_FLOWN)
    assert town.last_why(incident) == Code.GRADE_NOT_FLOWN
    assert town.flight.missions.all() == []


def test_why_none_is_recorded_once_for_each_change_of_reason() -> None:
    town = _Town()
    town.ground_all_but()
    incident = town.call()
    for _ in range(5):
        drive(town.dispatch.consider_queue())
    assert [one.reasons[0].code for one in town.heard(NoDroneAvailable)] == [Code.GROUNDED]
    town.air.now = None
    for _ in range(5):
        drive(town.dispatch.consider_queue())
    assert [one.reasons[0].code for one in town.heard(NoDroneAvailable)] == [Code.GROUNDED, Code.WIND_UNKNOWN]
    assert len(town.dispatch.decisions_for(incident.incident_id)) == 2


def test_nothing_is_launched_while_the_wind_is_not_known() -> None:
    town = _Town()
    town.air.now = None
    incident = town.call()
    assert incident.state is IncidentState.OPEN
    town.air.now = BREEZE
    drive(town.dispatch.consider_queue())
    assert town.incident(incident).state is IncidentState.ASSIGNED


def test_a_waiting_incident_goes_when_a_drone_is_free_again() -> None:
    town = _Town()
    town.ground_all_but()
    incident = town.call()
    assert incident.state is IncidentState.OPEN
    town.release_all()
    assert town.incident(incident).state is IncidentState.ASSIGNED


def test_the_gravest_and_oldest_goes_first() -> None:
    town = _Town()
    town.ground_all_but()
    later, earlier, grave = town.call("S"), town.call("S", north=0.003), town.call("I", east=0.005)
    drive(town.flight.release("drone-001", "acc-1", "test"))
    assert town.incident(grave).state is IncidentState.ASSIGNED
    assert town.incident(later).state is town.incident(earlier).state is IncidentState.OPEN
    drive(town.flight.release("drone-002", "acc-1", "test"))
    assert town.incident(later).state is IncidentState.ASSIGNED
    assert town.incident(earlier).state is IncidentState.OPEN


def test_unserved_when_the_target_has_passed() -> None:
    town = _Town()
    town.ground_all_but()
    incident = town.call()
    town.wait(15 * 60 + 1)
    closed = town.incident(incident)
    assert (closed.state, closed.close_reason) == (IncidentState.CLOSED, CloseReason.UNSERVED)
    assert town.last_why(closed) == Code.EXPIRED


def test_eyes_on_then_attended() -> None:
    town = _Town()
    incident = town.call()
    town.wait(240)
    seen = town.incident(incident)
    assert seen.state is IncidentState.ON_SCENE
    assert seen.eyes_on_at == town.mission_for(incident).eyes_on_at
    town.wait(900)
    done = town.incident(incident)
    assert (done.state, done.close_reason) == (IncidentState.CLOSED, CloseReason.ATTENDED)


def test_a_launch_that_is_broken_off_gives_the_incident_to_another_drone() -> None:
    town = _Town(FaultRates(arm_refused=1.0))
    incident = town.call()
    first = town.mission_for(incident).vehicle_id
    town.wait(15)
    flown = [one.vehicle_id for one in town.flight.missions.all()]
    assert len(flown) >= 2
    assert len(set(flown)) == len(flown), "the one that refused is not tried again at once"
    assert town.flight.missions.all()[0].phase is Phase.ABORTED
    assert town.dispatch._book.drone(first).status == "unfit"
    town.kernel.link.mishaps.rates = FaultRates()
    town.wait(ABORT_REST.total_seconds() + 120)
    assert town.incident(incident).eyes_on_at is not None


@pytest.mark.parametrize("lasts_s", [10.0, 90.0])
def test_who_is_not_heard_for_long_is_replaced_and_who_is_heard_soon_is_not(lasts_s: float) -> None:
    town = _Town()
    incident = town.call(north=0.004)
    first = town.mission_for(incident)
    town.wait(45)
    assert town.flight.missions.get(first.mission_id).phase is Phase.OUTBOUND
    town.kernel.link._lose_link(town.kernel.link.crafts[first.vehicle_id], lasts_s)
    for _ in range(25):  # as live: the simulation itself looks only when something is due
        town.wait(1)
        drive(town.flight.tick())
    flown = [one.vehicle_id for one in town.flight.missions.all() if one.incident_id == incident.incident_id]
    assert flown[0] == first.vehicle_id
    assert len(flown) == len(set(flown)) == (1 if lasts_s < RESUME_WITHIN_S else 2)
    town.wait(1_800)
    assert town.incident(incident).eyes_on_at is not None
    seen = [one.vehicle_id for one in town.flight.missions.all() if one.eyes_on_at is not None]
    assert seen == [flown[-1]]
    assert all(one.phase is Phase.DONE for one in town.flight.missions.all())


def test_a_graver_call_takes_a_drone_and_the_lesser_one_waits_again() -> None:
    town = _Town()
    town.ground_all_but("drone-001")
    lesser = town.call("S")
    town.wait(30)
    grave = town.call("I", north=0.003)
    (turned,) = town.heard(MissionRetasked)
    assert (turned.from_incident_id, turned.to_incident_id) == (lesser.incident_id, grave.incident_id)
    assert town.incident(grave).state is IncidentState.ASSIGNED
    assert town.incident(lesser).state is IncidentState.OPEN
    assert len(town.flight.missions.all()) == 1
    town.wait(300)
    assert town.incident(grave).eyes_on_at is not None
    town.wait(900)
    assert town.incident(lesser).eyes_on_at is not None, "then it goes to the one that waits"


def test_same_grade_is_never_taken() -> None:
    town = _Town()
    town.ground_all_but("drone-001")
    first = town.call("I")
    town.wait(30)
    second = town.call("I", north=0.003)
    assert town.heard(MissionRetasked) == []
    assert town.incident(first).state is IncidentState.ASSIGNED
    assert town.incident(second).state is IncidentState.OPEN


# --- people -----------------------------------------------------------------------------------------------------------------


def test_a_person_sends_the_drone_of_their_choice() -> None:
    town = _Town()
    town.air.now = None
    incident = town.call("E")  # closed: drones are not sent there by themselves
    with pytest.raises(Conflict, match="closed"):
        drive(town.dispatch.manual_launch(incident.incident_id, "drone-005", "acc-1", "please"))
    waiting = town.call("I", north=0.004)
    town.air.now = BREEZE
    mission = drive(town.dispatch.manual_launch(waiting.incident_id, "drone-005", "acc-1", "nearest to the river"))
    assert (mission.vehicle_id, mission.authorised_by) == ("drone-005", "acc-1")
    (authority,) = town.heard(LaunchAuthorised)
    assert authority.reasons[0].code == Code.CHOSEN_BY_PERSON
    assert "river" not in repr(authority), "what a person typed is no evidence, and may be personal"
    assert "river" in repr(town.dispatch.decisions_for(waiting.incident_id)[-1])


def test_a_person_is_held_to_the_rules_of_safety() -> None:
    town = _Town()
    town.air.now = None
    incident = town.call()
    with pytest.raises(Refused, match="wind"):
        drive(town.dispatch.manual_launch(incident.incident_id, "drone-001", "acc-1", "now"))
    town.air.now = Wind(speed_mps=14.0, from_deg=0.0, gust_mps=16.0)
    with pytest.raises(Refused, match="gusts"):
        drive(town.dispatch.manual_launch(incident.incident_id, "drone-001", "acc-1", "now"))
    town.air.now = BREEZE
    drive(town.flight.ground("drone-001", "acc-1", "propeller"))
    with pytest.raises(Refused, match="out of service"):
        drive(town.dispatch.manual_launch(incident.incident_id, "drone-001", "acc-1", "now"))
    with pytest.raises(NotFound):
        drive(town.dispatch.manual_launch(incident.incident_id, "drone-999", "acc-1", "now"))
    with pytest.raises(NotFound):
        drive(town.dispatch.manual_launch("inc-none", "drone-001", "acc-1", "now"))
    assert town.flight.missions.all() == []


def test_recalled_before_eyes_on_it_waits_for_a_person() -> None:
    town = _Town()
    incident = town.call()
    mission = town.mission_for(incident)
    town.wait(40)
    drive(town.dispatch.recall(mission.mission_id, "acc-1", "wrong house"))
    assert town.incident(incident).state is IncidentState.OPEN
    for _ in range(3):
        drive(town.dispatch.consider_queue())
    assert len(town.heard(LaunchAuthorised)) == 1, "nobody is sent again until a person says so"
    assert town.last_why(incident) == Code.HELD
    (order,) = town.heard(RecallOrdered)
    assert "wrong house" not in repr(order)
    again = drive(town.dispatch.manual_launch(incident.incident_id, "drone-004", "acc-1", "right house"))
    assert again.vehicle_id == "drone-004"
    town.wait(900)
    with pytest.raises(Conflict, match="over"):
        drive(town.dispatch.recall(mission.mission_id, "acc-1", "again"))


def test_a_recalled_incident_still_runs_out_of_time() -> None:
    town = _Town()
    incident = town.call()
    drive(town.dispatch.recall(town.mission_for(incident).mission_id, "acc-1", "no"))
    town.wait(15 * 60 + 61)
    assert town.incident(incident).close_reason is CloseReason.UNSERVED


def test_withdrawn_calls_the_drone_back() -> None:
    town = _Town()
    incident = town.call()
    town.wait(40)
    drive(town.dispatch.withdraw(incident.incident_id, "acc-1", "false alarm"))
    assert town.incident(incident).close_reason is CloseReason.WITHDRAWN
    (order,) = town.heard(RecallOrdered)
    assert order.mission_id == town.mission_for(incident).mission_id
    assert town.mission_for(incident).return_reason is not None
    with pytest.raises(Conflict):
        drive(town.dispatch.withdraw(incident.incident_id, "acc-1", "again"))


def test_recall_of_nothing() -> None:
    with pytest.raises(NotFound):
        drive(_Town().dispatch.recall("mis-none", "acc-1", "x"))


# --- the record -------------------------------------------------------------------------------------------------------------


def test_launches_fail_closed_without_a_record() -> None:
    """The store takes the call and then nothing: no mission, no command, and the launch comes when the store is back."""
    town = _Town()
    commit = town.kernel.store.commit

    async def broken(batch: Batch) -> None:
        if any(record.kind == "mission" for record in batch.puts):
            raise StoreUnavailable("disk full")
        await commit(batch)

    town.kernel.store.commit = broken  # type: ignore[method-assign]
    incident = town.call()
    assert incident.state is IncidentState.OPEN
    assert town.flight.missions.all() == []
    assert town.heard(LaunchAuthorised) == []
    assert town.flight.counts()["commands"]["waiting"] == 0
    town.kernel.store.commit = commit  # type: ignore[method-assign]
    drive(town.dispatch.consider_queue())
    assert town.incident(incident).state is IncidentState.ASSIGNED
    assert len(town.heard(LaunchAuthorised)) == 1


@pytest.mark.parametrize("seen", [False, True])
def test_an_incident_follows_its_drone_as_soon_as_the_record_is_back(seen: bool) -> None:
    """Eyes came, or the drone left, while incidents could not be written: nobody is forgotten, and nobody is flown to twice."""
    town = _Town()
    incident = town.call()
    commit = town.kernel.store.commit

    async def broken(batch: Batch) -> None:
        if any(record.kind == "incident" for record in batch.puts):
            raise StoreUnavailable("disk full")
        await commit(batch)

    if seen:
        town.wait(180)
        assert town.incident(incident).state is IncidentState.ON_SCENE
    town.kernel.store.commit = broken  # type: ignore[method-assign]
    town.wait(900)
    assert town.mission_for(incident).phase is Phase.DONE
    assert town.incident(incident).state is (IncidentState.ON_SCENE if seen else IncidentState.ASSIGNED)
    drive(town.dispatch.catch_up())
    town.kernel.store.commit = commit  # type: ignore[method-assign]
    drive(town.dispatch.catch_up())
    after = town.incident(incident)
    assert (after.state, after.close_reason) == (IncidentState.CLOSED, CloseReason.ATTENDED)
    assert after.eyes_on_at is not None
    assert len(town.flight.missions.all()) == 1
    assert town.dispatch._behind == set()


class _Restarted:
    """The same store, opened by new services: what a restart finds. The vehicles are another program and go on."""

    def __init__(self, town: _Town) -> None:
        kernel = town.kernel
        self.bus = InlineBus()
        self.store = kernel.store
        recorder = Recorder(kernel.store, self.bus, kernel.clock, salts=seeded_salts(9))
        ids = SeededIds(9, kernel.clock)
        city = kernel.world.city
        self.intake = IntakeService(recorder, kernel.store, kernel.clock, ids, city.area, check_future=False)
        self.flight = FlightService(
            recorder, kernel.store, self.bus, kernel.clock, kernel.link, vehicles=city.vehicles, docks=city.docks,
            airframes={one.name: one for one in city.airframes}, wind=lambda: BREEZE,
        )  # fmt: skip
        self.air = _Air()
        self.dispatch = DispatchService(
            recorder, kernel.clock, ids, self.intake, self.flight, kernel.airspace, self.air, policy_named("closest-eta")
        )
        self.launches: list[LaunchAuthorised] = []
        self.bus.subscribe(LaunchAuthorised, self._hear)
        drive(recorder.open())
        drive(self.intake.load())
        drive(self.flight.load())
        drive(self.dispatch.load(kernel.store))
        drive(recorder.recover())
        drive(kernel.link.first_reports())
        drive(self.dispatch.consider_queue())

    async def _hear(self, message: LaunchAuthorised) -> None:
        self.launches.append(message)

    def serving(self) -> Counter[str]:
        gone = (Phase.RETURNING, Phase.LANDING)
        alive = [one for one in self.flight.missions.all() if not one.phase.is_final and one.phase not in gone]
        return Counter(one.incident_id for one in alive if one.return_reason is None)


@pytest.mark.parametrize("seconds", [0, 5, 12, 30, 80, 200, 420, 600, 900, 1_500])
def test_a_restart_flies_nothing_twice_and_forgets_nobody(seconds: float) -> None:
    town = _Town()
    incident = town.call()
    town.wait(seconds)
    before = town.mission_for(incident)
    after = _Restarted(town)
    assert after.serving()[incident.incident_id] <= 1
    found = after.intake.incidents.get(incident.incident_id)
    if before.eyes_on_at is not None:
        assert after.launches == [], "seen once is enough"
        assert found.eyes_on_at is not None
    assert found.state is not IncidentState.OPEN or after.dispatch.decisions_for(found.incident_id)


def test_what_was_left_because_the_program_ended_is_flown_to_when_it_starts() -> None:
    """A person's word holds an incident until another; a program's end is nobody's word."""
    town = _Town()
    incident = town.call()
    town.wait(40)
    drive(town.dispatch.bring_home(town.mission_for(incident).mission_id))
    for _ in range(3):
        drive(town.dispatch.consider_queue())
    assert len(town.heard(LaunchAuthorised)) == 1, "while it ends nobody is sent"
    town.wait(200)
    after = _Restarted(town)
    assert [one.incident_id for one in after.launches] == [incident.incident_id]


def test_a_restart_queues_what_waits() -> None:
    town = _Town()
    town.air.now = None
    incident = town.call()
    after = _Restarted(town)
    assert [one.incident_id for one in after.launches] == [incident.incident_id]
    assert after.intake.incidents.get(incident.incident_id).state is IncidentState.ASSIGNED


def test_a_restart_takes_up_an_incident_whose_mission_ended_meanwhile() -> None:
    """The program died between flight's record that the launch was broken off and dispatch's that the incident waits again."""
    town = _Town()
    incident = town.call()
    mission = town.mission_for(incident)
    recorder = town.kernel.recorder
    ended = msgspec.structs.replace(mission, phase=Phase.ABORTED)
    drive(recorder.record(save=[(town.flight.missions, ended)]))
    assert town.incident(incident).state is IncidentState.ASSIGNED
    after = _Restarted(town)
    assert [one.incident_id for one in after.launches] == [incident.incident_id]
    assert after.serving()[incident.incident_id] == 1


def test_a_restart_remembers_that_a_person_called_it_back() -> None:
    town = _Town()
    incident = town.call()
    town.wait(40)
    drive(town.dispatch.recall(town.mission_for(incident).mission_id, "acc-1", "no"))
    after = _Restarted(town)
    assert after.launches == []
    assert after.intake.incidents.get(incident.incident_id).state is IncidentState.OPEN


def test_decisions_are_kept_over_a_restart() -> None:
    town = _Town()
    incident = town.call()
    told = town.dispatch.decisions_for(incident.incident_id)
    assert _Restarted(town).dispatch.decisions_for(incident.incident_id) == told
    assert not isinstance(told[0].outcome, NoDrone)
