"""Dispatch as a service: what it records, when it acts, what people may ask. Real services, simulated vehicles."""

import pytest
from tests.unit.dispatch_town import BREEZE, Town

from bowstreet.dispatch.model import Assignment, Code
from bowstreet.dispatch.service import ABORT_REST
from bowstreet.errors import Conflict, NotFound, Refused, StoreUnavailable
from bowstreet.flight.failsafe import RESUME_WITHIN_S
from bowstreet.flight.model import Phase, Wind
from bowstreet.intake.model import CloseReason, IncidentState
from bowstreet.messages import LaunchAuthorised, MissionRetasked, NoDroneAvailable, RecallOrdered
from bowstreet.runtime.ports import Batch
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.mishaps import FaultRates

# --- sending ----------------------------------------------------------------------------------------------------------------


def test_a_call_gets_a_drone_at_once_and_all_is_one_act() -> None:
    town = Town()
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
    town = Town()
    first, second = town.call(), town.call(north=0.004)
    assert town.mission_for(first).vehicle_id != town.mission_for(second).vehicle_id


def test_grades_that_are_not_flown_are_closed_with_their_reason() -> None:
    town = Town()
    incident = town.call("E")
    assert (incident.state, incident.close_reason) == (IncidentState.CLOSED, CloseReason.NOT_FLOWN)
    assert town.last_why(incident) == Code.GRADE_NOT_FLOWN
    assert town.flight.missions.all() == []


def test_why_none_is_recorded_once_for_each_change_of_reason() -> None:
    town = Town()
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
    town = Town()
    town.air.now = None
    incident = town.call()
    assert incident.state is IncidentState.OPEN
    town.air.now = BREEZE
    drive(town.dispatch.consider_queue())
    assert town.incident(incident).state is IncidentState.ASSIGNED


def test_a_waiting_incident_goes_when_a_drone_is_free_again() -> None:
    town = Town()
    town.ground_all_but()
    incident = town.call()
    assert incident.state is IncidentState.OPEN
    town.release_all()
    assert town.incident(incident).state is IncidentState.ASSIGNED


def test_the_gravest_and_oldest_goes_first() -> None:
    town = Town()
    town.ground_all_but()
    later, earlier, grave = town.call("S"), town.call("S", north=0.003), town.call("I", east=0.005)
    drive(town.flight.release("drone-001", "acc-1", "test"))
    assert town.incident(grave).state is IncidentState.ASSIGNED
    assert town.incident(later).state is town.incident(earlier).state is IncidentState.OPEN
    drive(town.flight.release("drone-002", "acc-1", "test"))
    assert town.incident(later).state is IncidentState.ASSIGNED
    assert town.incident(earlier).state is IncidentState.OPEN


def test_unserved_when_the_target_has_passed() -> None:
    town = Town()
    town.ground_all_but()
    incident = town.call()
    town.wait(15 * 60 + 1)
    closed = town.incident(incident)
    assert (closed.state, closed.close_reason) == (IncidentState.CLOSED, CloseReason.UNSERVED)
    assert town.last_why(closed) == Code.EXPIRED


def test_eyes_on_then_attended() -> None:
    town = Town()
    incident = town.call()
    town.wait(240)
    seen = town.incident(incident)
    assert seen.state is IncidentState.ON_SCENE
    assert seen.eyes_on_at == town.mission_for(incident).eyes_on_at
    town.wait(900)
    done = town.incident(incident)
    assert (done.state, done.close_reason) == (IncidentState.CLOSED, CloseReason.ATTENDED)


def test_a_launch_that_is_broken_off_gives_the_incident_to_another_drone() -> None:
    town = Town(FaultRates(arm_refused=1.0))
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
    town = Town()
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
    town = Town()
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
    town = Town()
    town.ground_all_but("drone-001")
    first = town.call("I")
    town.wait(30)
    second = town.call("I", north=0.003)
    assert town.heard(MissionRetasked) == []
    assert town.incident(first).state is IncidentState.ASSIGNED
    assert town.incident(second).state is IncidentState.OPEN


# --- people -----------------------------------------------------------------------------------------------------------------


def test_a_person_sends_the_drone_of_their_choice() -> None:
    town = Town()
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
    town = Town()
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
    town = Town()
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
    town = Town()
    incident = town.call()
    drive(town.dispatch.recall(town.mission_for(incident).mission_id, "acc-1", "no"))
    town.wait(15 * 60 + 61)
    assert town.incident(incident).close_reason is CloseReason.UNSERVED


def test_withdrawn_calls_the_drone_back() -> None:
    town = Town()
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
        drive(Town().dispatch.recall("mis-none", "acc-1", "x"))


# --- the record -------------------------------------------------------------------------------------------------------------


def test_launches_fail_closed_without_a_record() -> None:
    """The store takes the call and then nothing: no mission, no command, and the launch comes when the store is back."""
    town = Town()
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
    town = Town()
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
