"""What dispatch finds when the program starts again: nothing is flown to twice, and nobody is forgotten."""

from collections import Counter

import msgspec
import pytest
from tests.unit.dispatch_town import BREEZE, Air, Town

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.dispatch.model import NoDrone
from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.service import DispatchService
from bowstreet.flight.model import Phase
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import LaunchAuthorised
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.ids import SeededIds
from bowstreet.simulation.agenda import drive


class Restarted:
    """The same store, opened by new services: what a restart finds. The vehicles are another program and go on."""

    def __init__(self, town: Town) -> None:
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
        self.air = Air()
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
    town = Town()
    incident = town.call()
    town.wait(seconds)
    before = town.mission_for(incident)
    after = Restarted(town)
    assert after.serving()[incident.incident_id] <= 1
    found = after.intake.incidents.get(incident.incident_id)
    if before.eyes_on_at is not None:
        assert after.launches == [], "seen once is enough"
        assert found.eyes_on_at is not None
    assert found.state is not IncidentState.OPEN or after.dispatch.decisions_for(found.incident_id)


def test_what_was_left_because_the_program_ended_is_flown_to_when_it_starts() -> None:
    """A person's word holds an incident until another; a program's end is nobody's word."""
    town = Town()
    incident = town.call()
    town.wait(40)
    drive(town.dispatch.bring_home(town.mission_for(incident).mission_id))
    for _ in range(3):
        drive(town.dispatch.consider_queue())
    assert len(town.heard(LaunchAuthorised)) == 1, "while it ends nobody is sent"
    town.wait(200)
    after = Restarted(town)
    assert [one.incident_id for one in after.launches] == [incident.incident_id]


def test_a_restart_queues_what_waits() -> None:
    town = Town()
    town.air.now = None
    incident = town.call()
    after = Restarted(town)
    assert [one.incident_id for one in after.launches] == [incident.incident_id]
    assert after.intake.incidents.get(incident.incident_id).state is IncidentState.ASSIGNED


def test_a_restart_takes_up_an_incident_whose_mission_ended_meanwhile() -> None:
    """The program died between flight's record that the launch was broken off and dispatch's that the incident waits again."""
    town = Town()
    incident = town.call()
    mission = town.mission_for(incident)
    recorder = town.kernel.recorder
    ended = msgspec.structs.replace(mission, phase=Phase.ABORTED)
    drive(recorder.record(save=[(town.flight.missions, ended)]))
    assert town.incident(incident).state is IncidentState.ASSIGNED
    after = Restarted(town)
    assert [one.incident_id for one in after.launches] == [incident.incident_id]
    assert after.serving()[incident.incident_id] == 1


def test_a_restart_remembers_that_a_person_called_it_back() -> None:
    town = Town()
    incident = town.call()
    town.wait(40)
    drive(town.dispatch.recall(town.mission_for(incident).mission_id, "acc-1", "no"))
    after = Restarted(town)
    assert after.launches == []
    assert after.intake.incidents.get(incident.incident_id).state is IncidentState.OPEN


def test_decisions_are_kept_over_a_restart() -> None:
    town = Town()
    incident = town.call()
    told = town.dispatch.decisions_for(incident.incident_id)
    assert Restarted(town).dispatch.decisions_for(incident.incident_id) == told
    assert not isinstance(told[0].outcome, NoDrone)
