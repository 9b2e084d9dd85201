"""Eyes that stay on a scene: what a relay does on a good day, and on every bad one. Real services, simulated vehicles."""

from datetime import datetime, timedelta

import pytest
from tests.unit.relay_world import RelayTown

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.relay import rules
from bowstreet.dispatch.relay.model import WatchReason
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.service import DispatchService
from bowstreet.errors import BadInput, Conflict
from bowstreet.flight.model import Phase
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import LaunchAuthorised, RecallOrdered, RelayPlanned, WatchEnded, WatchHandedOver, WatchWanted
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.ids import SeededIds
from bowstreet.simulation.agenda import drive


def _returned_because(town: RelayTown, mission_id: str) -> str:
    reason = town.flight.missions.get(mission_id).return_reason
    return "" if reason is None else reason.code


# --- a good day -------------------------------------------------------------------------------------------------------------


def test_eyes_stay_for_an_hour_and_a_half_without_a_dark_second_and_never_two_at_one_height() -> None:
    town = RelayTown()
    town.keep(90)
    town.wait(2 * 3_600)
    handed = town.heard(WatchHandedOver)
    assert len(handed) >= 3
    assert [one.gap_s for one in handed] == [0.0] * len(handed)
    assert town.witness.dark_s > 0.0, "after the end nobody looks"
    assert town.witness.gaps_s == [town.witness.dark_s], "and before it somebody always did"
    assert town.witness.seen_s >= 88 * 60
    assert town.witness.at_one_height == []
    assert town.witness.least_apart_m >= rules.APART_M
    assert town.witness.most_there == 2
    assert town.most_live <= 2, "one that watches, one that relieves it"
    (end,) = town.heard(WatchEnded)
    assert (end.handovers, end.dark_s) == (len(handed), 0.0)
    assert town.incident().state is IncidentState.CLOSED
    assert all(one.phase is Phase.DONE for one in town.flight.missions.all())


def test_without_a_watch_a_drone_leaves_when_its_time_is_up() -> None:
    town = RelayTown()
    town.wait(1_200)
    assert town.witness.seen_s == pytest.approx(300, abs=15)
    assert town.incident().state is IncidentState.CLOSED


def test_a_relief_is_there_before_bingo_with_the_margin_and_the_other_leaves_after_the_overlap() -> None:
    town = RelayTown()
    town.keep(60)
    relief = town.until_relief()
    outgoing = town.serving()
    bingo_at = town.flight.staying.bingo_at(outgoing)
    assert bingo_at is not None
    assert town.wait(300, lambda: town.serving().mission_id == relief.mission_id)
    seen_at = town.now()
    assert bingo_at - seen_at >= timedelta(seconds=rules.MARGIN_S)
    assert town.wait(60, lambda: _returned_because(town, outgoing.mission_id))
    assert _returned_because(town, outgoing.mission_id) == "relieved"
    assert (town.now() - seen_at).total_seconds() >= rules.OVERLAP_S


def test_a_launch_of_a_relief_is_authorised_with_its_purpose_and_why() -> None:
    town = RelayTown()
    town.keep(60)
    relief = town.until_relief()
    authority = town.heard(LaunchAuthorised)[-1]
    assert (authority.mission_id, authority.purpose) == (relief.mission_id, "999-response")
    assert [reason.code for reason in authority.reasons] == ["relief", "earliest"]


def test_it_is_said_early_who_relieves_and_when() -> None:
    town = RelayTown()
    town.keep(60)
    town.wait(120)
    (planned,) = town.heard(RelayPlanned)
    assert planned.mission_id == town.serving().mission_id
    assert planned.vehicle_id not in ("", town.serving().vehicle_id)
    assert planned.launch_at < planned.leaves_at
    assert planned.leaves_at - town.now() > timedelta(minutes=10), "long before it matters"


# --- people -------------------------------------------------------------------------------------------------------------------


def test_a_watch_is_asked_for_with_a_reason_and_an_end() -> None:
    town = RelayTown()
    with pytest.raises(BadInput):
        town.keep(4)
    with pytest.raises(BadInput):
        town.keep(241)
    town.keep(30)
    town.keep(60, WatchReason.OFFICER_SAFETY)
    assert [one.why for one in town.heard(WatchWanted)] == ["suspect-nearby", "officer-safety"]
    assert town.watch().reason is WatchReason.OFFICER_SAFETY
    drive(town.dispatch.withdraw(town.id, "acc-1", "done"))
    with pytest.raises(Conflict):
        town.keep(60)


def test_let_go_the_relief_comes_home_and_the_other_stays_no_longer_than_planned() -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    drive(town.relay.let_go(town.id, "acc-2"))
    assert _returned_because(town, relief.mission_id) == "watch-over"
    assert _returned_because(town, outgoing.mission_id) == "time-over"
    assert [one.by for one in town.heard(WatchEnded)] == ["acc-2"]
    drive(town.relay.let_go(town.id, "acc-2"))
    assert len(town.heard(WatchEnded)) == 1
    assert town.incident().state is IncidentState.CLOSED


def test_closing_the_incident_brings_both_home() -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    drive(town.dispatch.withdraw(town.id, "acc-1", "over"))
    assert _returned_because(town, relief.mission_id) == "watch-over"
    assert _returned_because(town, outgoing.mission_id) == "withdrawn"
    assert town.relay.watch_of(town.id) is None


def test_a_relief_that_a_person_calls_back_is_not_replaced_and_the_other_stays_to_bingo() -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    drive(town.dispatch.recall(relief.mission_id, "acc-1", "not needed"))
    assert town.wait(900, lambda: _returned_because(town, outgoing.mission_id))
    assert _returned_because(town, outgoing.mission_id) == "bingo"
    assert len(town.heard(LaunchAuthorised)) == 2
    assert town.incident().state is IncidentState.OPEN
    town.keep(60)
    assert town.wait(300, lambda: town.incident().state is IncidentState.ON_SCENE), "until a person wants eyes again"


def test_the_drone_over_the_scene_is_called_back_and_its_relief_takes_the_watch_with_the_gap_counted() -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    drive(town.dispatch.recall(outgoing.mission_id, "acc-1", "it smokes"))
    left_at = town.now()
    assert town.serving().mission_id == relief.mission_id
    assert town.incident().state is IncidentState.ASSIGNED
    assert town.wait(120, lambda: town.incident().state is IncidentState.ON_SCENE)
    (handed,) = town.heard(WatchHandedOver)
    assert handed.gap_s == pytest.approx((town.now() - left_at).total_seconds(), abs=2.0)
    assert handed.gap_s > 5.0
    assert town.wait(1_800, lambda: len(town.heard(WatchHandedOver)) == 2), "and it is relieved in its turn"


# --- bad days -----------------------------------------------------------------------------------------------------------------


def test_a_relief_that_does_not_arm_is_replaced_by_the_next_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    town = RelayTown()
    town.keep(60)
    answers = iter([True])
    monkeypatch.setattr(town.kernel.link.mishaps, "arm_refused", lambda: next(answers, False) if len(town.live()) > 1 else False)
    assert town.wait(3_000, lambda: town.heard(WatchHandedOver))
    first, second = town.heard(LaunchAuthorised)[1:3]
    assert town.flight.missions.get(first.mission_id).phase is Phase.ABORTED
    assert first.vehicle_id != second.vehicle_id
    assert town.heard(WatchHandedOver)[0].gap_s == 0.0
    assert town.witness.dark_s == 0.0


def test_a_relief_that_is_lost_on_its_way_is_replaced_and_the_other_stays_meanwhile() -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    craft = town.kernel.link.crafts[relief.vehicle_id]
    craft.silent_until_s = town.kernel.agenda.now_s + 60.0
    assert town.wait(600, lambda: town.heard(WatchHandedOver))
    handed = town.heard(WatchHandedOver)[0]
    assert handed.to_mission_id != relief.mission_id
    assert handed.gap_s == 0.0
    assert _returned_because(town, outgoing.mission_id) in ("", "relieved")
    assert town.witness.dark_s == 0.0
    assert town.witness.at_one_height == []


def test_nobody_is_free_it_is_said_early_the_drone_stays_to_bingo_and_the_gap_is_counted() -> None:
    town = RelayTown()
    town.keep(120)
    town.wait(100)
    outgoing = town.serving()
    town.ground_all_but(outgoing.vehicle_id)
    town.wait(60)
    told = town.heard(RelayPlanned)[-1]
    assert told.vehicle_id == ""
    assert told.reasons[0].code == "grounded"
    assert town.wait(2_400, lambda: _returned_because(town, outgoing.mission_id))
    assert _returned_because(town, outgoing.mission_id) == "bingo"
    assert town.incident().state is IncidentState.OPEN
    town.wait(300)
    town.release_all()
    assert town.wait(300, lambda: town.incident().state is IncidentState.ON_SCENE), "whatever the target of its grade was"
    handed = town.heard(WatchHandedOver)[-1]
    assert handed.gap_s > 300.0
    assert town.watch().dark_s == handed.gap_s
    assert town.witness.dark_s == pytest.approx(handed.gap_s, abs=5.0)


def test_it_is_said_when_the_first_that_charges_could_go() -> None:
    town = RelayTown()
    town.keep(120)
    town.wait(100)
    for craft in town.kernel.link.crafts.values():
        if craft.landed:
            craft.charge = 0.2
            drive(town.kernel.link.report(craft))
    town.wait(30)
    told = town.heard(RelayPlanned)[-1]
    assert (told.vehicle_id, told.reasons[0].code) == ("", "charge")
    assert town.now() < told.launch_at < told.leaves_at


def test_a_graver_call_takes_the_relief_and_another_one_is_sent() -> None:
    town = RelayTown()
    town.keep(60)
    relief = town.until_relief()
    mission = town.flight.missions.get(relief.mission_id)
    assert mission.grade == "I", "one as grave takes nobody's"
    assert mission.stay_until == town.watch().until


# --- a restart -----------------------------------------------------------------------------------------------------------------


class _Restarted:
    """The same record, opened by new services. The vehicles are another program and go on."""

    def __init__(self, town: RelayTown) -> None:
        kernel = town.kernel

        async def dead(*_: object) -> None:
            """The old program does nothing any more."""

        for gone, does in (
            (kernel.flight, "tick"),
            (kernel.relay, "look"),
            (kernel.dispatch, "consider"),
            (kernel.dispatch, "consider_queue"),
        ):
            setattr(gone, does, dead)
        self.bus = InlineBus()
        recorder = Recorder(kernel.store, self.bus, kernel.clock, salts=seeded_salts(9))
        ids, city, wind = SeededIds(9, kernel.clock), kernel.world.city, kernel.weather
        self.intake = IntakeService(recorder, kernel.store, kernel.clock, ids, city.area, check_future=False)
        self.flight = FlightService(
            recorder, kernel.store, self.bus, kernel.clock, kernel.link, vehicles=city.vehicles, docks=city.docks,
            airframes={one.name: one for one in city.airframes}, wind=wind.wind,
        )  # fmt: skip
        self.dispatch = DispatchService(
            recorder, kernel.clock, ids, self.intake, self.flight, kernel.airspace, wind, policy_named("closest-eta")
        )
        self.relay = RelayService(recorder, kernel.clock, self.intake, self.flight, kernel.airspace, self.dispatch, wind)
        self.said: list[object] = []
        for kind in (LaunchAuthorised, WatchHandedOver, RecallOrdered):
            self.bus.subscribe(kind, self._hear)
        self.town = town
        drive(recorder.open())
        drive(self.intake.load())
        drive(self.flight.load())
        drive(self.relay.load(kernel.store))
        drive(self.dispatch.load(kernel.store))
        drive(recorder.recover())
        drive(kernel.link.first_reports())

    async def _hear(self, message: object) -> None:
        self.said.append(message)

    def wait(self, seconds: int) -> None:
        kernel = self.town.kernel
        for _ in range(seconds):
            kernel.agenda.run_to(kernel.agenda.now_s + 1.0)
            self.town.witness.look(kernel.agenda.now_s)
            for craft in list(kernel.link.up.values()):  # live, a drone is heard all the time
                drive(kernel.link.report(craft))
            drive(self.flight.tick())
            drive(self.dispatch.consider_queue())
            drive(self.relay.look())

    def heard(self, kind: type) -> list[object]:
        return [one for one in self.said if isinstance(one, kind)]


def _steps(town: RelayTown, step: str) -> None:
    if step == "planned":
        assert town.wait(600, lambda: town.heard(RelayPlanned))
    elif step == "authorised":
        assert town.wait(3_000, lambda: len(town.heard(LaunchAuthorised)) == 2)
    elif step in ("climbing", "outbound"):
        town.until_relief(Phase(step))
    elif step == "handed over":
        assert town.wait(3_000, lambda: town.heard(WatchHandedOver))
    else:
        assert town.wait(3_000, lambda: any(one.reason.code == "relieved" for one in town.heard(RecallOrdered)))


@pytest.mark.parametrize("step", ["planned", "authorised", "climbing", "outbound", "handed over", "let go"])
def test_a_restart_takes_the_relay_up_where_it_was(step: str) -> None:
    town = RelayTown()
    town.keep(75)
    _steps(town, step)
    launched, handed = len(town.heard(LaunchAuthorised)), len(town.heard(WatchHandedOver))
    after = _Restarted(town)
    after.wait(1_500)
    assert town.witness.dark_s == 0.0
    assert town.witness.at_one_height == []
    assert handed + len(after.heard(WatchHandedOver)) >= 1
    assert all(getattr(one, "gap_s", 0.0) == 0.0 for one in after.heard(WatchHandedOver))
    # At most the first, its relief, another one for a launch that was broken off by the restart, and the next relief.
    assert launched + len(after.heard(LaunchAuthorised)) <= 4
    ids = [one.mission_id for one in (*town.heard(LaunchAuthorised), *after.heard(LaunchAuthorised))]  # type: ignore[attr-defined]
    assert len(ids) == len(set(ids))


# --- the subject ------------------------------------------------------------------------------------------------------------------


class _Followed:
    """Somebody follows a subject: written by hand, as the real one will be told."""

    def __init__(self) -> None:
        self.until: dict[str, datetime] = {}
        self.handed: list[tuple[str, str]] = []

    def followed_until(self, vehicle_id: str) -> datetime | None:
        return self.until.get(vehicle_id)

    def hand_over(self, from_vehicle_id: str, to_vehicle_id: str) -> None:
        self.handed.append((from_vehicle_id, to_vehicle_id))
        if from_vehicle_id in self.until:
            self.until[to_vehicle_id] = self.until.pop(from_vehicle_id)


def test_the_subject_goes_with_the_watch_once_a_hand_over() -> None:
    town = RelayTown()
    followed = town.relay.subjects = _Followed()
    town.keep(60)
    first, relief = town.serving().vehicle_id, town.until_relief().vehicle_id
    followed.until[first] = town.now() + timedelta(minutes=30)
    assert town.wait(300, lambda: town.heard(WatchHandedOver))
    assert followed.handed == [(first, relief)]
    town.wait(120)
    assert followed.handed == [(first, relief)]
    assert followed.until.keys() == {relief}


def test_while_a_subject_is_followed_eyes_stay_by_themselves() -> None:
    town = RelayTown()
    followed = town.relay.subjects = _Followed()
    town.wait(100)
    followed.until[town.serving().vehicle_id] = town.now() + timedelta(minutes=40)
    drive(town.relay.look())
    assert (town.watch().reason, town.watch().by) == (WatchReason.FOLLOWING, "")
    town.wait(600)
    assert town.incident().state is IncidentState.ON_SCENE, "longer than its planned five minutes"
