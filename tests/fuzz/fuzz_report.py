"""One report as a CAD might send it: whatever the JSON, an incident inside the area, or quarantine with a reason. Nothing else."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.errors import MalformedReport
from bowstreet.intake import area, rules
from bowstreet.intake.model import Incident, Quarantined
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.memory import MemoryStore

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SEEDS = [
    (
        b'{"id":"CAD 1","reported_at":"2026-11-23T15:00:00Z","latitude":51.54,"longitude":-0.1025,"grade":"I","category":"robbery",'
        b'"text":"two men"}'
    ),
    b'{"id":4711,"reported_at":"2026-11-23T14:59:00+00:00","easting":"531350","northing":195850.5,"grade":"immediate","category":"fire"}',
    b'{"reported_at":"2026-11-23","latitude":0,"longitude":"-1e-1","grade":null,"category":["x"]}',
]


def fuzz_one(data: bytes) -> None:
    try:
        row = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if isinstance(row, dict):
        _take(row)


def _take(row: dict[str, Any]) -> None:
    london = area.london()
    try:
        report = rules.parse_report(row, source="fuzz", area=london, now=NOW)
    except MalformedReport as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        report = None
    clock = SimulatedClock(NOW)
    store = MemoryStore()
    recorder = Recorder(store, InlineBus(), clock, salts=seeded_salts(1))
    service = IntakeService(recorder, store, clock, SeededIds(1, clock), london)
    try:
        service.receive_raw(row, "fuzz", 1).send(None)
    except StopIteration as stop:
        found = stop.value
    else:
        raise AssertionError("intake waited for something")
    if not isinstance(found, Quarantined if report is None else Incident):
        raise AssertionError("rules and service disagree")
    if isinstance(found, Incident) and not london.contains(found.position):
        raise AssertionError("an incident outside the area")
    if service.counts()["received"] != 1:
        raise AssertionError("a report is not counted")
