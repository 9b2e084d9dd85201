"""The log of processing: every audited message has its kind or its reason, nobody looks without one, and what is exported is right."""

import csv
import itertools
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bowstreet import messages as m
from bowstreet.accountability import ledger
from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.authority.rules import GROUNDS
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing import export, rules
from bowstreet.accountability.processing.model import Justification, NotPersonal, Processing
from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BadInput, Refused
from bowstreet.messages import MESSAGES
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.mark.requirement("R16")
def test_every_audited_message_is_in_a_kind_or_says_why_not() -> None:
    assert set(rules.KINDS) == {kind for kind, spec in MESSAGES.items() if spec.audited}
    assert all(said.because for said in rules.KINDS.values() if isinstance(said, NotPersonal))
    assert set(rules.BY_NAME.values()) == set(Processing)


def test_every_kind_of_processing_has_a_word_of_its_own() -> None:
    assert set(rules.WHAT) == set(rules.BY_NAME)


@pytest.mark.requirement("R16")
def test_whoever_did_it_is_found_in_each_kind_where_the_message_says() -> None:
    """`by` is the one name for it: a message that called it otherwise would stand in the log as done by nobody."""
    without = {
        "IncidentOpened",
        "CallMerged",
        "CallQuarantined",
        "Erased",
        "RecordingStarted",
        "AlertRaised",
        "SharingChanged",
        "PartnerShown",
    }  # a call comes in; a receipt follows its order; configuration shares; a program compared
    for kind, said in rules.KINDS.items():
        if isinstance(said, Processing) and kind.__name__ not in without:
            assert "by" in {field.name for field in msgspec.structs.fields(kind)}, kind


def test_each_ground_of_a_disclosure_names_its_recipient() -> None:
    assert set(rules.RECIPIENTS) >= set(GROUNDS[UseCase.DISCLOSURE])


@pytest.mark.requirement("R16")
@pytest.mark.parametrize("role", Role)
def test_nobody_looks_without_a_reason_that_the_role_has(role: Role) -> None:
    for acts, standing in itertools.product((True, False), repeat=2):
        for said in (None, *Justification):
            try:
                found = rules.justified(role, said, acts=acts, standing=standing)
            except Refused:
                continue
            if said is not None:
                assert found is said
                assert said in rules.MAY_SAY[role]
            if role is Role.REGULATOR:
                assert found is Justification.AUDIT
    if role is Role.CAD:
        with pytest.raises(Refused):
            rules.justified(role, None, acts=False, standing=True)
    if role in (Role.DISPATCHER, Role.PILOT, Role.VIEWER):
        with pytest.raises(Refused, match="say why"):
            rules.justified(role, None, acts=False, standing=False)


def _consulted(**changes: Any) -> m.Consulted:
    said = {"at": AT, "log_id": "log-2026-11-23", "by": "acc-1", "role": "dispatcher", "what": "words", "subject_id": "inc-1"}
    return m.Consulted(**(said | {"justification": "incident-handling"} | changes))


async def _rows(*said: m.Message) -> list[Any]:
    store = MemoryStore()
    recorder = Recorder(store, InlineBus(), SimulatedClock(AT))
    await recorder.record(messages=said)
    return [row async for row in store.log_rows()]


async def test_filters_and_names() -> None:
    rows = await _rows(
        _consulted(),
        m.SignedIn(at=AT, subject="acc-1", role="dispatcher"),
        _consulted(by="acc-2", subject_id="inc-2", at=AT.replace(day=24)),
        _consulted(what="live-feed", subject_id="operation", stage="opened", at=AT.replace(day=25)),
        m.Erased(at=AT.replace(day=26), erasure_id="era-1", subject_id="inc-1", retention_class="incident"),
    )

    def found(*wanted: str | None) -> list[int]:
        return [one.index for one in export.lines(rows, export.wanted(*wanted), {"acc-1": "Ann"})]

    assert found(None, None, None, None) == [0, 2, 3, 4]
    assert found("2026-11-24", "2026-11-25", None, None) == [2, 3]
    assert found(None, None, "inc-1", None) == [0, 4]
    assert found(None, None, None, "acc-2") == [2]
    lines = list(export.lines(rows, export.wanted(None, None, None, None), {"acc-1": "Ann"}))
    assert [one.by_name for one in lines] == ["Ann", "", "Ann", ""]
    assert lines[2].what == "live-feed-opened"
    with pytest.raises(BadInput, match="no day"):
        export.wanted("2026-02-30", None, None, None)


@pytest.mark.requirement("R16")
async def test_pictures_and_follows_are_found_under_their_incident_and_named() -> None:
    rows = await _rows(
        m.VideoWatched(
            at=AT, viewing_id="viw-1", by="acc-1", source_id="d-1", incident_id="inc-1", way="whep",
            justification="incident-handling",
        ),
        m.FollowChanged(
            at=AT, follow_id="fol-1", incident_id="inc-1", mission_id="mis-1", vehicle_id="d-1", stage="ended", by="acc-1",
            ends_at=AT,
        ),
        m.RecordingStarted(at=AT, recording_id="rec-1", source_id="d-1", vehicle_id="d-1", mission_id="mis-1", incident_id="inc-1"),
        m.VideoWatched(at=AT, viewing_id="viw-2", by="acc-1", source_id="d-1", incident_id="", way="whep", justification="audit"),
    )  # fmt: skip
    lines = list(export.lines(rows, export.wanted(None, None, "inc-1", None), {}))
    assert [one.what for one in lines] == ["live-pictures", "follow-ended", "recording-started"]
    [alone] = export.lines(rows, export.wanted(None, None, "viw-2", None), {})
    assert alone.justification == "audit"


@pytest.mark.requirement("R16")
async def test_whom_an_incident_was_shown_to_is_found_under_it() -> None:
    told: dict[str, Any] = {"at": AT, "sharing_id": "shr-1", "recipient": "fire brigade"}
    rows = await _rows(
        m.PartnerShown(**told, incident_id="inc-1", what="incident-shown"),
        m.PartnerShown(**told, incident_id="inc-1", what="subject-shown", follow_id="fol-1"),
        m.PartnerShown(**told, incident_id="inc-2", what="incident-shown"),
    )
    lines = list(export.lines(rows, export.wanted(None, None, "inc-1", None), {}))
    assert [(one.processing, one.what, one.recipient) for one in lines] == [
        ("disclosure", "incident-shown", "fire brigade"), ("disclosure", "subject-shown", "fire brigade"),
    ]  # fmt: skip


async def test_what_was_erased_is_counted_and_not_read() -> None:
    [row, other] = await _rows(_consulted(), _consulted(subject_id="inc-2"))
    gone = msgspec.structs.replace(row, payload=None, salt=None)
    summary = export.Summary()
    [first, second] = summary.counted(export.lines([gone, other], export.wanted(None, None, None, None), {}))
    assert (first.readable, first.by, first.subject_id, first.what) == (False, "", "log-2026-11-23", "consulted")
    assert (second.readable, second.subject_id) == (True, "inc-2")
    said = summary.says()
    assert "consultation" in said
    assert "1 of them can only be counted" in said
    assert export.Summary().says() == "Nothing of that is on record."


async def test_a_name_is_no_formula_in_a_spreadsheet() -> None:
    rows = await _rows(_consulted())
    text = "".join(export.as_csv(export.lines(rows, export.wanted(None, None, None, None), {"acc-1": '=HYPERLINK("x"),"a'})))
    head, line = csv.reader(text.splitlines())
    assert tuple(head) == export.COLUMNS
    assert line[head.index("by_name")] == '\'=HYPERLINK("x"),"a'
    assert line[head.index("readable")] == "true"


def test_the_day_is_what_the_public_ledger_shows() -> None:
    """Whom somebody looked at, and who, is not for the tiles that anybody can read."""
    message = _consulted()
    entry = ledger.read_entry(ledger.entry_of(message, 0, ledger.payload_of(message), bytes(32)))
    assert entry.subject == "log-2026-11-23"
