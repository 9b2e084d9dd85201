"""The airspace of an operation: what is in force, what people change, what is recorded, and what it means for flights."""

from datetime import time, timedelta
from typing import Any

import numpy as np
import pytest
from tests.unit.airspace_world import NOW, World, at, square, volume, zone

from bowstreet.airspace.export import write_zones
from bowstreet.airspace.model import Activation, Clearance, Datum, Limit, Permission, Refusal, Restriction, Trajectory, Zone
from bowstreet.airspace.zonefile import read_zones
from bowstreet.errors import BadInput, Conflict, MalformedZone, NotFound, StoreUnavailable
from bowstreet.messages import ZoneChanged

WEST, EAST = at(-3_000, 0), at(3_000, 0)
LEAVE = Permission(operator="met", zone_id="R157", reference="AUTH/2026/1", granted_by="CAA")


def hyde_park() -> Zone:
    return zone("R157", square(0, 0, 500), restriction=Restriction.REQUIRES_AUTHORISATION)


def file_of(*zones: Zone) -> bytes:
    return write_zones(zones, issued=NOW, provider="test")


async def changes(world: World) -> list[tuple[str, str]]:
    """What the ledger says, as the bus tells it."""
    return [(one.zone_id, one.change) for one in world.said]  # type: ignore[attr-defined]


@pytest.fixture
async def world() -> World:
    made = World(hyde_park(), volume())
    made.said = []  # type: ignore[attr-defined]

    async def hear(message: ZoneChanged) -> None:
        made.said.append(message)  # type: ignore[attr-defined]

    made.bus.subscribe(ZoneChanged, hear)
    await made.airspace.load()
    return made


def straight(found: Clearance | Refusal) -> bool:
    return isinstance(found, Clearance) and len(found.waypoints) == 2


# --- people's word ----------------------------------------------------------------------------------------------------


async def test_a_zone_is_gone_round_until_somebody_says_that_it_does_not_apply(world: World) -> None:
    assert not straight(world.airspace.clear(WEST, EAST))
    await world.airspace.activate("R157", False, "acc-1", "stood down by the CAA")
    assert straight(world.airspace.clear(WEST, EAST))
    assert await changes(world) == [("R157", "deactivated")]
    await world.restarted()
    assert straight(world.airspace.clear(WEST, EAST))


async def test_a_word_may_have_an_end(world: World) -> None:
    await world.airspace.activate("R157", False, "acc-1", "for an hour", NOW + timedelta(hours=1))
    assert straight(world.airspace.clear(WEST, EAST))
    world.wait(minutes=40)  # it would apply again before the flight is over
    assert not straight(world.airspace.clear(WEST, EAST))
    with pytest.raises(BadInput):
        await world.airspace.activate("R157", False, "acc-1", "late", NOW)
    with pytest.raises(NotFound):
        await world.airspace.activate("R999", False, "acc-1", "wrong")


async def test_times_of_a_notice_stand_in_place_of_the_files(world: World) -> None:
    daily = Activation(from_utc=time(9), to_utc=time(17))
    await world.airspace.register.set_times("TDA", [daily], "acc-1", "NOTAM H1234/26")
    assert world.airspace.refuses(EAST) is None
    world.wait(hours=4, minutes=45)
    refused = world.airspace.refuses(EAST)
    assert refused is not None
    assert refused.code == "airspace-outside-operating-volume"
    await world.restarted()
    assert world.airspace.refuses(EAST) is not None
    wrong = Activation(start=NOW, end=NOW)
    with pytest.raises(BadInput):
        await world.airspace.register.set_times("TDA", [wrong], "acc-1", "NOTAM")


# --- leave ------------------------------------------------------------------------------------------------------------


async def test_leave_opens_a_zone_for_its_time_and_is_recorded(world: World) -> None:
    assert world.airspace.refuses(at(0, 0)) is not None
    await world.airspace.grant(Permission(**{**_told(LEAVE), "end": NOW + timedelta(hours=2)}), "acc-1")
    assert straight(found := world.airspace.clear(WEST, EAST))
    assert isinstance(found, Clearance)
    assert found.permitted_zones == ("R157",)
    assert world.airspace.refuses(at(0, 0)) is None
    ((subject, said),) = await changes(world)
    assert subject == "R157"
    assert all(word in said for word in ("met", "CAA", "AUTH/2026/1", "until 2026-11-23T14:00Z"))
    await world.restarted()
    assert straight(world.airspace.clear(WEST, EAST))
    world.wait(hours=1, minutes=45)  # a flight might outlast it
    assert not straight(world.airspace.clear(WEST, EAST))
    assert world.airspace.refuses(at(0, 0)) is not None


def _told(permission: Permission) -> dict[str, Any]:
    return {field: getattr(permission, field) for field in permission.__struct_fields__}


async def test_the_same_leave_again_changes_nothing(world: World) -> None:
    await world.airspace.grant(LEAVE, "acc-1")
    await world.airspace.grant(LEAVE, "acc-1")
    assert len(await changes(world)) == 1


async def test_leave_that_is_taken_back_closes_the_zone(world: World) -> None:
    await world.airspace.grant(LEAVE, "acc-1")
    await world.airspace.register.revoke("met", "R157", "AUTH/2026/1", "acc-2")
    assert not straight(world.airspace.clear(WEST, EAST))
    assert (await changes(world))[-1] == ("R157", "leave for met taken back, AUTH/2026/1")
    with pytest.raises(NotFound):
        await world.airspace.register.revoke("met", "R157", "AUTH/2026/1", "acc-2")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"zone_id": "R999"}, NotFound),
        ({"reference": " "}, BadInput),
        ({"granted_by": ""}, BadInput),
        ({"start": NOW, "end": NOW}, BadInput),
    ],
)
async def test_leave_without_a_zone_document_or_time_is_refused(
    world: World, wrong: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await world.airspace.grant(Permission(**{**_told(LEAVE), **wrong}), "acc-1")


async def test_leave_of_another_operator_opens_nothing(world: World) -> None:
    await world.airspace.grant(Permission(**{**_told(LEAVE), "operator": "btp"}), "acc-1")
    assert not straight(world.airspace.clear(WEST, EAST))


# --- files ------------------------------------------------------------------------------------------------------------


async def test_an_imported_zone_stands_at_once_and_after_a_restart(world: World) -> None:
    prison = zone("EGRU999", square(3_000, 0, 400))
    assert world.airspace.refuses(EAST) is None
    done = await world.airspace.import_file(file_of(prison), "nats.json", version="2026-11", by="acc-1", source="nats")
    assert (done.added, done.replaced, done.removed) == (("EGRU999",), (), ())
    for service in (world.airspace, await world.restarted()):
        refused = service.refuses(EAST)
        assert refused is not None
        assert "EGRU999" in refused.text
    (kept,) = [one for one in world.airspace.zones if one.zone_id == "EGRU999"]
    assert (kept.source, kept.version) == ("nats", "2026-11")
    assert kept.polygon.symmetric_difference(prison.polygon).area < 100.0
    told = await changes(world)
    assert told[0][0] == "nats"
    assert told[0][1].startswith("imported version 2026-11, sha256 ")
    assert told[1:] == [("EGRU999", "added from nats 2026-11")]


async def test_a_new_version_replaces_the_old(world: World) -> None:
    first = [zone("A1", square(3_000, 0, 400)), zone("B1", square(0, 3_000, 400)), zone("C1", square(0, -3_000, 400))]
    second = [zone("A1", square(3_000, 5_000, 400)), first[1], zone("D1", square(-3_000, 0, 400))]
    await world.airspace.import_file(file_of(*first), "a.json", version="1", by="acc-1", source="nats")
    assert world.airspace.refuses(EAST) is not None
    done = await world.airspace.import_file(file_of(*second), "b.json", version="2", by="acc-1", source="nats")
    assert (done.added, done.replaced, done.removed) == (("D1",), ("A1",), ("C1",))
    assert world.airspace.refuses(EAST) is None
    assert world.airspace.refuses(WEST) is not None
    assert {one.zone_id for one in world.airspace.zones} == {"R157", "TDA", "A1", "B1", "D1"}
    (source,) = world.airspace.register.sources
    assert (source.version, source.zone_ids) == ("2", ("A1", "B1", "D1"))


async def test_the_same_file_again_changes_nothing(world: World) -> None:
    data = file_of(zone("A1", square(3_000, 0, 400)))
    await world.airspace.import_file(data, "a.json", version="1", by="acc-1", source="nats")
    before = await changes(world)
    again = await world.airspace.import_file(data, "a.json", version="1", by="acc-1", source="nats")
    assert (again.added, again.replaced, again.removed) == ((), (), ())
    assert await changes(world) == before
    with pytest.raises(Conflict):
        await world.airspace.import_file(data + b"\n", "a.json", version="1", by="acc-1", source="nats")


async def test_an_imported_zone_takes_the_place_of_one_not_for_operational_use(world: World) -> None:
    moved = zone("R157", square(0, 5_000, 500))
    await world.airspace.import_file(file_of(moved), "a.json", version="1", by="acc-1")
    assert straight(world.airspace.clear(WEST, EAST))


async def test_the_zone_of_another_source_is_not_replaced(world: World) -> None:
    await world.airspace.import_file(file_of(zone("A1", square(0, 0, 9))), "a.json", version="1", by="acc-1")
    with pytest.raises(Conflict, match=r"a\.json"):
        await world.airspace.import_file(file_of(zone("A1", square(0, 9_000, 9))), "b.json", version="1", by="acc-1")


async def test_a_file_that_is_understood_in_part_is_taken_only_when_asked_for_and_then_removes_nothing(world: World) -> None:
    whole = file_of(zone("A1", square(3_000, 0, 400)), zone("B1", square(0, 3_000, 400)))
    await world.airspace.import_file(whole, "a.json", version="1", by="acc-1", source="nats")
    broken = whole.replace(b'"B1"', b'""')
    assert len(read_zones(broken, "x").rejected) == 1
    with pytest.raises(MalformedZone, match="feature 2"):
        await world.airspace.import_file(broken, "b.json", version="2", by="acc-1", source="nats")
    done = await world.airspace.import_file(broken, "b.json", version="2", by="acc-1", source="nats", partly=True)
    assert (done.removed, len(done.rejected)) == ((), 1)
    assert {"A1", "B1"} <= {one.zone_id for one in world.airspace.zones}


async def test_a_file_is_withdrawn_with_its_zones(world: World) -> None:
    await world.airspace.import_file(file_of(zone("A1", square(3_000, 0, 400))), "a.json", version="1", by="acc-1")
    assert await world.airspace.register.withdraw("a.json", "acc-2") == ("A1",)
    assert world.airspace.refuses(EAST) is None
    await world.restarted()
    assert world.airspace.refuses(EAST) is None
    with pytest.raises(NotFound):
        await world.airspace.register.withdraw("a.json", "acc-2")


async def test_what_cannot_be_recorded_does_not_stand(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_: object) -> None:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(world.store, "commit", full)
    with pytest.raises(StoreUnavailable):
        await world.airspace.import_file(file_of(zone("A1", square(3_000, 0, 400))), "a.json", version="1", by="acc-1")
    with pytest.raises(StoreUnavailable):
        await world.airspace.grant(LEAVE, "acc-1")
    assert world.airspace.refuses(EAST) is None
    assert not straight(world.airspace.clear(WEST, EAST))
    assert world.airspace.permissions == ()


async def test_what_is_in_force_is_handed_out(world: World) -> None:
    await world.airspace.import_file(file_of(zone("A1", square(3_000, 0, 400))), "a.json", version="7", by="acc-1")
    await world.airspace.activate("R157", False, "acc-1", "stood down")
    read = read_zones(world.airspace.export(), "ours.json")
    assert not read.rejected
    assert {one.zone_id for one in read.zones} == {"A1", "TDA"}


# --- flights ----------------------------------------------------------------------------------------------------------


async def test_a_zone_that_begins_soon_is_gone_round_by_new_flights_and_left_by_flights_when_it_begins() -> None:
    soon = zone("R1", square(0, 0, 500), activations=(Activation(start=NOW + timedelta(minutes=10)),))
    world = World(soon, volume())
    await world.airspace.load()
    assert not straight(world.airspace.clear(WEST, EAST))
    assert world.airspace.crossed((WEST, EAST)) == frozenset()
    assert world.airspace.way_home(WEST, EAST) == (WEST, EAST)
    world.wait(minutes=10)
    assert world.airspace.crossed((WEST, EAST)) == {"R1"}
    assert world.airspace.crossed((at(0, 0),)) == {"R1"}
    way = world.airspace.way_home(WEST, EAST)
    assert way is not None
    assert len(way) > 2


async def test_who_is_inside_a_zone_leaves_by_its_nearest_edge(world: World) -> None:
    way = world.airspace.way_home(at(-400, 0), EAST)
    assert way is not None
    assert way[1].easting_m == pytest.approx(at(-565, 0).easting_m, abs=3)
    assert way[-1] == EAST


async def test_who_was_blown_out_of_the_volume_still_comes_home_round_zones() -> None:
    world = World(hyde_park(), volume(1_000.0))
    await world.airspace.load()
    way = world.airspace.way_home(at(-3_000, 0), at(800, 0))
    assert way is not None
    assert len(way) > 2


async def test_a_low_volume_lowers_the_levels_and_too_low_a_one_is_none() -> None:
    low = World(volume(upper=Limit(height_m=90.0, datum=Datum.AGL)))
    cleared = low.airspace.clear(WEST, EAST)
    assert isinstance(cleared, Clearance)
    taken = [
        Trajectory(mission_id="m", waypoints=(WEST, EAST), starts_at=NOW, ground_speed_mps=15.0, height_m_agl=level)
        for level in (80.0, 85.0)
    ]
    low.airspace.traffic = lambda: taken
    assert isinstance(low.airspace.clear(WEST, EAST), Refusal)
    assert isinstance(World(volume(upper=Limit(height_m=60.0, datum=Datum.AGL))).airspace.clear(WEST, EAST), Refusal)


async def test_places_inside_zones_are_found(world: World) -> None:
    places = [at(0, 0), EAST, at(499, 499)]
    found = world.airspace.breaches(np.array([p.easting_m for p in places]), np.array([p.northing_m for p in places]))
    assert found == [(0, "R157"), (2, "R157")]
