"""Whatever is found and in whatever order: nothing is closed while somebody who must be told was not, and a deadline stays 72 h."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bowstreet.accountability.occurrence import rules
from bowstreet.accountability.occurrence.model import (
    Body,
    Evidence,
    Findings,
    Injuries,
    Involved,
    Kind,
    Occurrence,
    OccurrenceState,
    Outcome,
    Sent,
    Severity,
)
from bowstreet.errors import BadInput, Refused

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
ONE = Occurrence(
    occurrence_id="occ-1", kind=Kind.COLLISION, occurred_at=AT, known_at=AT, opened_by="acc-1",
    evidence=Evidence(
        mission_id=None, incident_id=None, vehicle_id=None, airframe=None, telemetry_from=AT, telemetry_until=AT
    ),
)  # fmt: skip
FINDINGS = st.builds(
    Findings, severity=st.sampled_from(Severity), injuries=st.sampled_from(Injuries), crewed_aircraft=st.sampled_from(Involved)
)
ACTS = st.lists(st.one_of(FINDINGS, st.sampled_from(Body), st.sampled_from(Outcome)), max_size=12)


@pytest.mark.requirement("D8")
@given(acts=ACTS)
def test_nothing_is_closed_that_is_owed(acts: list[Findings | Body | Outcome]) -> None:
    one = ONE
    for number, act in enumerate(acts):
        before = one
        now = AT + timedelta(hours=number)
        try:
            if isinstance(act, Findings):
                one = rules.amended(one, act)
            elif isinstance(act, Body):
                one = rules.reported(one, Sent(body=act, reference="r", by="acc-1", at=now))
            else:
                one = rules.closed(one, act, "acc-1", now)
        except (Refused, BadInput):
            one = before
        if before.state is OccurrenceState.CLOSED:
            assert one == before
        due = rules.due_at(one)
        assert due in (None, AT + timedelta(hours=72))
        if one.state is OccurrenceState.CLOSED:
            assert not rules.owed(one)
            void = one.outcome in (Outcome.DUPLICATE, Outcome.OPENED_IN_ERROR)
            assert void or rules.is_determined(one.findings)
            assert due is None
        elif rules.owed(one) or not rules.is_determined(one.findings):
            assert due is not None
        assert len({sent.body for sent in one.sent}) == len(one.sent)


@given(found=FINDINGS)
def test_whoever_was_hurt_seriously_is_an_accident_of_both_bodies(found: Findings) -> None:
    hurt = found.injuries in (Injuries.SERIOUS, Injuries.FATAL)
    try:
        rules.check_findings(found)
    except BadInput:
        return
    if hurt:
        assert rules.duties(found) == {Body.AAIB, Body.CAA}
    if found.crewed_aircraft is Involved.YES:
        assert Body.CAA in rules.duties(found)
    if not hurt and found.crewed_aircraft is Involved.NO and found.severity in (Severity.INCIDENT, Severity.NO_SAFETY_EFFECT):
        assert rules.duties(found) == frozenset()


@pytest.mark.parametrize(
    ("phase", "code", "kind"),
    [
        ("lost", "landed-elsewhere", Kind.OFF_SITE_LANDING),
        ("lost", "lost", Kind.LOST_VEHICLE),
        ("lost", "whatever-else", Kind.LOST_VEHICLE),
        ("contingency", "link-lost", None),  # it may be back within seconds
        ("contingency", "not-resumed", Kind.OWN_FAILSAFE),
        ("contingency", "gps-wrong", Kind.POSITION_LOST),
        ("returning", "short-of-charge", Kind.LOW_ENERGY),
        ("returning", "no-progress", Kind.LOSS_OF_CONTROL),
        ("returning", "time-over", None),
        ("done", "landed", None),
    ],
)
def test_what_is_an_occurrence(phase: str, code: str, kind: Kind | None) -> None:
    assert rules.kind_of(phase, code) is kind


def test_the_reasons_are_those_of_flight() -> None:
    """A reason that flight does not give would open nothing."""
    from pathlib import Path

    import bowstreet.flight

    said = "".join(path.read_text() for path in Path(next(iter(bowstreet.flight.__path__))).glob("*.py"))
    assert [code for code in rules.BY_CODE if f'"{code}"' not in said] == []


def test_a_closed_one_stays_as_it_is() -> None:
    found = Findings(severity=Severity.INCIDENT, injuries=Injuries.NONE, crewed_aircraft=Involved.NO)
    closed = rules.closed(replace(ONE, findings=found), Outcome.ANALYSED, "acc-1", AT)
    with pytest.raises(Refused, match="closed"):
        rules.amended(closed, found)
