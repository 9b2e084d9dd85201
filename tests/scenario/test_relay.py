"""The relief fails in the handover. See relay.md."""

import functools
from collections.abc import Callable

import pytest
from tests.scenario.figures import measured
from tests.unit.relay_world import RelayTown

from bowstreet.flight.model import Mission, Phase
from bowstreet.intake.model import IncidentState
from bowstreet.messages import WatchHandedOver
from bowstreet.simulation.agenda import drive

FOREVER_S = 1e9


def _lose_link(town: RelayTown, relief: Mission) -> None:
    """It is never heard again; its own failsafe brings it down."""
    town.kernel.link.crafts[relief.vehicle_id].silent_until_s = town.kernel.agenda.now_s + FOREVER_S


def _lose_position(town: RelayTown, relief: Mission) -> None:
    craft = town.kernel.link.crafts[relief.vehicle_id]
    craft.gps_lost_until_s = town.kernel.agenda.now_s + FOREVER_S
    drive(town.kernel.link.report(craft))


def _sag(town: RelayTown, relief: Mission) -> None:
    """Its battery breaks down: it is at bingo before it is there."""
    craft = town.kernel.link.crafts[relief.vehicle_id]
    craft.charge = 0.30
    drive(town.kernel.link.report(craft))


FAULTS = {"link lost": _lose_link, "position lost": _lose_position, "battery breaks down": _sag}


@pytest.mark.requirement("F5")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_relief_fails_on_its_way_and_nobody_else_is_free(fault: Callable[[RelayTown, Mission], None]) -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    town.ground_all_but(relief.vehicle_id, outgoing.vehicle_id)
    fault(town, relief)
    assert town.wait(1_200, lambda: town.serving_id() != outgoing.mission_id)
    left = town.flight.missions.get(outgoing.mission_id)
    assert left.return_reason is not None
    assert left.return_reason.code == "bingo", "the outgoing one stays to bingo"
    assert town.incident().state is IncidentState.OPEN
    dark_at = town.kernel.agenda.now_s
    town.wait(240)
    town.release_all()
    assert town.wait(600, lambda: town.incident().state is IncidentState.ON_SCENE)
    handed = town.heard(WatchHandedOver)[-1]
    assert handed.gap_s == pytest.approx(town.kernel.agenda.now_s - dark_at, abs=5.0), "the gap is counted"
    assert town.witness.dark_s == pytest.approx(handed.gap_s, abs=5.0), "and it is the one that was really there"
    assert town.witness.at_one_height == [], "never both at one altitude"
    measured("relay drone fails in a handover, nobody else free", gap_s=handed.gap_s, least_apart_m=town.least_apart_m())


@pytest.mark.requirement("F5")
@pytest.mark.parametrize("phase", [Phase.PREFLIGHT, Phase.CLIMBING, Phase.OUTBOUND])
def test_the_relief_fails_and_the_next_is_there_before_the_outgoing_must_leave(phase: Phase) -> None:
    town = RelayTown()
    town.keep(60)
    relief = town.until_relief(phase)
    _lose_link(town, relief)
    assert town.wait(1_200, lambda: town.heard(WatchHandedOver))
    handed = town.heard(WatchHandedOver)[0]
    assert handed.to_mission_id != relief.mission_id
    assert (handed.gap_s, town.witness.dark_s) == (0.0, 0.0)
    town.wait(120)
    assert town.witness.at_one_height == []
    assert town.most_live <= 2
    measured("relay drone fails in a handover, another one free", gap_s=handed.gap_s, least_apart_m=town.least_apart_m())


@pytest.mark.requirement("F5")
def test_both_fail_and_both_come_home() -> None:
    town = RelayTown()
    town.keep(60)
    relief, outgoing = town.until_relief(), town.serving()
    link, agenda = town.kernel.link, town.kernel.agenda
    for one in (relief, outgoing):
        craft = link.crafts[one.vehicle_id]
        craft.silent_until_s = agenda.now_s + 60.0
        agenda.after(61.0, functools.partial(link.report, craft))
    assert town.wait(
        600,
        lambda: (
            town.incident().state is IncidentState.ON_SCENE and town.serving_id() not in (relief.mission_id, outgoing.mission_id)
        ),
    )
    assert town.wait(600, lambda: all(town.flight.missions.get(one.mission_id).phase is Phase.DONE for one in (relief, outgoing)))
    assert town.heard(WatchHandedOver)[-1].gap_s > 0.0
    assert town.kernel.link.counts["exhaustions"] == town.kernel.link.counts["pad_conflicts"] == 0
