"""Faults of real peers become occurrences by themselves, and what goes well does not. See occurrences.md."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scenario.stage import Stage

from bowstreet.accountability.occurrence.model import Kind, Occurrence
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.reckoning import moved
from bowstreet.geo import Position

pytestmark = pytest.mark.live

PLACES = [Position(latitude_deg=51.565, longitude_deg=-0.18 + 0.035 * column) for column in range(4)]
DOCKS = [(f"dock {number}", place, 2) for number, place in enumerate(PLACES)]
LINK, GPS, MOTOR, WELL = range(4)


async def _flight(stage: Stage, dock: int, kind: str, **more: object) -> Mission:
    mission = await stage.flight_to(moved(PLACES[dock], 300.0, 600.0), away_m=150.0)
    if kind:
        await stage.fault(mission.vehicle_id, kind, **more)
        await stage.until("something is wrong", lambda: stage.mission(mission).phase is not Phase.OUTBOUND, 300)
        if kind == "motor":
            return await stage.over(mission)
    await stage.until(
        "it is in hand", lambda: stage.mission(mission).phase in (Phase.ON_SCENE, Phase.RETURNING, Phase.LOST, Phase.DONE), 600
    )
    await stage.sleep(5.0)
    if not stage.mission(mission).phase.is_final:
        await stage.bring_home(mission)
    return await stage.over(mission)


@pytest.mark.requirement("D8")
async def test_what_goes_wrong_in_the_air_is_an_occurrence(tmp_path: Path) -> None:
    async with Stage(tmp_path, DOCKS, speed=8.0) as stage:
        link, gps, motor, well = await asyncio.gather(
            _flight(stage, LINK, "link", way="both", seconds=60.0),
            _flight(stage, GPS, "gps", state="jump", seconds=30.0),
            _flight(stage, MOTOR, "motor"),
            _flight(stage, WELL, ""),
        )
        occurrences, process = stage.process.occurrences, stage.process
        await process.bus.drain()
        by_flight: dict[str, dict[Kind, Occurrence]] = {}
        for one in occurrences.all():
            by_flight.setdefault(str(one.evidence.mission_id), {})[one.kind] = one
        story = {stage.story(one) for one in (link, gps, motor, well)}
        assert Kind.OWN_FAILSAFE in by_flight.get(link.mission_id, {}), story
        assert Kind.POSITION_LOST in by_flight.get(gps.mission_id, {}), story
        assert {Kind.LOST_VEHICLE, Kind.OFF_SITE_LANDING} & set(by_flight.get(motor.mission_id, {})), story
        assert well.mission_id not in by_flight, (story, by_flight)
        # Evidence: the flight's own entries, and telemetry that housekeeping leaves alone.
        found = await occurrences.with_evidence(next(iter(by_flight[motor.mission_id].values())))
        assert len(found.evidence.ledger) >= 5
        await process.store_telemetry()
        late = stage.now() + timedelta(days=2)
        await process.telemetry.thin(late, keep=occurrences.telemetry_kept())
        kept = await process.telemetry.between(motor.vehicle_id, motor.authorised_at, stage.now())
        gone = await process.telemetry.between(well.vehicle_id, well.authorised_at, stage.now())
        assert len(kept) > 10
        assert gone == []
