"""A partner watches a flight on their own TAK server. See partners.md."""

import asyncio
import signal
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest
from tests.integration.tak_world import Authority, Device, Taky, free_port, partner, until
from tests.scenario.figures import measured
from tests.scenario.stage import Stage

from bowstreet.accountability.ledger import message_of
from bowstreet.flight.model import Phase
from bowstreet.flight.reckoning import distance_m
from bowstreet.geo import Position
from bowstreet.messages import PartnerShown, SharingChanged
from bowstreet.tak.events import DELETE, DRONE, MARKER, uid_of
from bowstreet.tak.geoid import above_ellipsoid_m
from bowstreet.tak.model import Kind, TlsFiles

pytestmark = pytest.mark.live

SPEED = 4.0
DOCK = Position(latitude_deg=51.5416, longitude_deg=-0.1027)
SCENE = Position(latitude_deg=51.5470, longitude_deg=-0.1030)
# At four times the speed a drone makes 60 m in a second of ours: a quarter of a second between two positions, and what a busy
# machine adds between a position and the witness's.
MOST_APART_M = 30.0
# What is looked at late is stamped late: a drone has gone on meanwhile.
FASTEST_MPS = 20.0


class Truth:
    """Where the drones really are, and when, by this machine's clock."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.seen: dict[str, list[tuple[datetime, Position, float]]] = {}

    async def watch(self) -> None:
        clock = self._stage.process.real_clock
        while True:
            before = clock.now()
            found = await self._stage.truth()
            at = before + (clock.now() - before) / 2
            for vehicle_id, said in found.items():
                place = Position(latitude_deg=said["latitude_deg"], longitude_deg=said["longitude_deg"])
                self.seen.setdefault(vehicle_id, []).append((at, place, said["height_m"]))
            await asyncio.sleep(0.05)

    def near(self, vehicle_id: str, at: datetime) -> tuple[Position, float]:
        _, place, height_m = min(self.seen[vehicle_id], key=lambda one: abs(one[0] - at))
        return place, height_m


def place_of(event: ET.Element) -> tuple[Position, float, datetime]:
    point = event.find("point")
    assert point is not None
    told = {name: float(value) for name, value in point.items()}
    at = datetime.fromisoformat(event.get("time", ""))
    return Position(latitude_deg=told["lat"], longitude_deg=told["lon"]), told["hae"], at


@pytest.mark.requirement("D2", "R16")
async def test_a_partner_sees_the_flight_where_it_is_and_its_server_may_fail(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates")
    server = Taky(tmp_path, authority, free_port())
    await server.start()
    own, own_key = authority.issue("bowstreet")
    theirs, their_key = authority.issue("device")
    url = f"tls://127.0.0.1:{server.port}"
    tls = TlsFiles(authority=authority.file, certificate=own, private_key=own_key)
    seen_by = TlsFiles(authority=authority.file, certificate=theirs, private_key=their_key)
    brigade = partner(port=server.port, tls=tls)
    device, again = Device(), Device()
    try:
        async with Stage(tmp_path / "data", [("north", DOCK, 1)], speed=SPEED, partners=(brigade,)) as stage:
            truth = Truth(stage)
            watching = asyncio.ensure_future(truth.watch())
            async with device.listening(url, seen_by):
                mission = await stage.flight_to(SCENE)
                await stage.until("it is there", lambda: stage.mission(mission).phase is Phase.ON_SCENE, 300)
                channel = stage.process.sharing.outgoing[0].channel
                await server.stop(signal.SIGKILL)
            await until("noticed", lambda: not channel.is_open)
            await server.start()
            async with again.listening(url, seen_by):
                origin = stage.process.sharing._origin
                drone = uid_of(origin, Kind.DRONES, mission.vehicle_id)
                await until("it is told again", lambda: again.about(drone), 90)
                await stage.bring_home(mission)
                await stage.over(mission)
                gone = {drone, uid_of(origin, Kind.INCIDENTS, mission.incident_id)}
                await until(
                    "both are taken off the map",
                    lambda: gone <= {one.find("detail/link").get("uid") for one in again.of(DELETE)},  # type: ignore[union-attr]
                )
            watching.cancel()
            rows = [row async for row in stage.process.store.log_rows()]
    finally:
        await server.stop(signal.SIGKILL)

    told = [one for one in (*device.of(DRONE), *again.of(DRONE)) if one.get("uid") == drone]
    assert len(device.about(drone)) > 5
    apart, above = [], []
    for event in told:
        place, height_m, at = place_of(event)
        true_place, true_height_m = truth.near(mission.vehicle_id, at)
        apart.append(distance_m(place, true_place))
        dock = stage.process.flight.picture.dock(mission.dock_id).config
        expected = above_ellipsoid_m(place, dock.ground_m_amsl + true_height_m)
        assert expected is not None
        above.append(abs(height_m - expected))
        assert event.get("how") == "m-s", "nothing of a demo is passed off as real"
    measured("partner sees a simulated drone", events=len(told), most_apart_m=max(apart), most_above_m=max(above))
    assert max(apart) < MOST_APART_M + FASTEST_MPS * stage.most_lag_s
    assert sorted(above)[len(above) // 2] < 5.0
    assert device.of(MARKER)
    assert all(event.find("detail/sensor") is None for event in told), "these drones have no pictures, so no cone is drawn"

    messages = [message_of(row) for row in rows]
    kinds = [type(one).__name__ for one in messages]
    assert kinds.index("SharingChanged") < kinds.index("PartnerShown")
    assert [one.incident_id for one in messages if isinstance(one, PartnerShown)] == [mission.incident_id]
    assert [one.stage for one in messages if isinstance(one, SharingChanged)] == ["begun", "connected"]
