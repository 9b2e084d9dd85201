"""The timeline speaks the control room's language, of every message that a person should see."""

from datetime import UTC, datetime

import msgspec
import pytest

from bowstreet import messages as m
from bowstreet.console import words
from bowstreet.flight.model import DockStatus, Phase, VehicleStatus
from bowstreet.geo import Position
from bowstreet.intake.model import Grade, IncidentState

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PEOPLE = {"acc-1": "Ada"}
NAMES = words.Names(
    person=lambda account: PEOPLE.get(account, account), dock=lambda dock: f"Dock {dock}", incident=lambda incident: "robbery"
)
WHY = m.Reason(code="x", text="there first")


def text(message: m.Message) -> str:
    event = words.event(message, NAMES)
    assert event is not None
    return event.text


def test_a_launch_says_who_where_and_why() -> None:
    launch = m.LaunchAuthorised(
        at=AT,
        mission_id="mis-1",
        incident_id="inc-1",
        vehicle_id="isl-07",
        dock_id="k1",
        purpose="999",
        authorised_by="dispatch",
        reasons=(WHY,),
    )
    assert text(launch) == "isl-07 from Dock k1 to robbery: there first"
    by_hand = msgspec.structs.replace(launch, authorised_by="acc-1")
    assert text(by_hand) == "isl-07 from Dock k1 to robbery by Ada: there first"
    event = words.event(launch, NAMES)
    assert event is not None
    assert (event.incident_id, event.mission_id, event.vehicle_id) == ("inc-1", "mis-1", "isl-07")


@pytest.mark.parametrize("grade", list(Grade))
def test_every_grade_has_its_word(grade: Grade) -> None:
    opened = m.IncidentOpened(
        at=AT,
        incident_id="inc-1",
        grade=grade.value,
        category="robbery",
        position=Position(latitude_deg=51.5, longitude_deg=-0.1),
        reported_at=AT,
    )
    assert text(opened) == f"{words.GRADES[grade.value]} call: robbery"


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_its_words(phase: Phase) -> None:
    changed = m.MissionChanged(at=AT, mission_id="m", vehicle_id="isl-07", incident_id="i", phase=phase.value, reason=WHY)
    event = words.event(changed, NAMES)
    assert event is not None
    assert event.text.startswith(f"isl-07 {words.PHASES[phase.value][0]}")
    alarming = phase in (Phase.LOST, Phase.CONTINGENCY)
    assert (event.severity == words.ALARM) is alarming
    assert ("there first" in event.text) is (alarming or phase in (Phase.ABORTED, Phase.RETURNING, Phase.CONTROLLED))


@pytest.mark.parametrize("state", list(IncidentState))
def test_incident_states(state: IncidentState) -> None:
    event = words.event(m.IncidentChanged(at=AT, incident_id="i", state=state.value, reason="attended"), NAMES)
    # Assigned and on scene are said by the flight's own lines.
    assert (event is None) is (state in (IncidentState.ASSIGNED, IncidentState.ON_SCENE))


@pytest.mark.parametrize("status", list(VehicleStatus))
def test_only_trouble_with_vehicles_is_said(status: VehicleStatus) -> None:
    event = words.event(m.VehicleChanged(at=AT, vehicle_id="isl-07", status=status.value, reason="r"), NAMES)
    assert (event is not None) is (status in (VehicleStatus.STALE, VehicleStatus.UNFIT))


@pytest.mark.parametrize("status", list(DockStatus))
def test_only_trouble_with_docks_is_said(status: DockStatus) -> None:
    event = words.event(m.DockChanged(at=AT, dock_id="k1", status=status.value), NAMES)
    assert (event is not None) is (status in (DockStatus.STALE, DockStatus.JAMMED))


def test_commands_are_said_only_when_they_fail() -> None:
    settled = m.CommandSettled(at=AT, command_id="c", target_id="isl-07", outcome="accepted")
    assert words.event(settled, NAMES) is None
    assert "timed-out" in text(msgspec.structs.replace(settled, outcome="timed-out"))


def test_what_is_nobodys_business_has_no_line() -> None:
    assert words.event(m.SignedIn(at=AT, subject="acc-1", role="pilot"), NAMES) is None
    assert words.event(m.AccessDenied(at=AT, subject="acc-1", action="see", rule="x"), NAMES) is None
    assert set(words.SPOKEN) < set(m.MESSAGES)


def test_who_took_a_drone_out_of_service_is_said() -> None:
    out = words.event(m.VehicleGrounded(at=AT, vehicle_id="isl-07", by="acc-1", reason="propeller"), NAMES)
    back = words.event(m.VehicleReleased(at=AT, vehicle_id="isl-07", by="acc-1", reason="mended"), NAMES)
    assert out is not None
    assert back is not None
    assert out.text == f"isl-07 is taken out of service by {NAMES.person('acc-1')}: propeller"
    assert back.text == f"isl-07 is put back into service by {NAMES.person('acc-1')}: mended"
