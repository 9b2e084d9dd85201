"""What can be run: the example configuration is a whole operation, and each demo is one that airspace lets fly."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace.configured import take_zone_files
from bowstreet.airspace.model import Clearance, Refusal
from bowstreet.airspace.rules import OPERATING_VOLUME
from bowstreet.airspace.service import AirspaceService
from bowstreet.errors import BowstreetError, MalformedConfiguration
from bowstreet.flight.model import Wind
from bowstreet.geo import to_grid
from bowstreet.intake.model import Grade
from bowstreet.operations import configured_operation, demo_city, demo_operation
from bowstreet.process import Operation
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.simulation.hardware import layout_of, moved_to
from bowstreet.tracking.wire import Setup
from bowstreet.wiring import ROLES, in_order

EXAMPLE = Path(__file__).parents[2] / "deploy/city.example.toml"


async def _airspace(operation: Operation, store: MemoryStore | None = None) -> AirspaceService:
    clock = SimulatedClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
    store = store or MemoryStore()
    recorder = Recorder(store, InlineBus(), clock)
    await recorder.open()
    airspace = AirspaceService(
        recorder, store, clock,
        zones=operation.zones, permissions=operation.permissions, operator=operation.operator_id,
    )  # fmt: skip
    await airspace.load()
    await take_zone_files(airspace, operation.zone_files)
    return airspace


async def test_the_example_is_an_operation_that_may_fly() -> None:
    operation = configured_operation(EXAMPLE, calls=None, headless=True, port=None)
    airspace = await _airspace(operation)
    assert any(zone.kind == OPERATING_VOLUME for zone in airspace.zones)
    [dock] = operation.docks
    at = to_grid(dock.position)
    assert isinstance(airspace.clear(at, at), Clearance)


def test_what_the_configuration_says_of_dispatch_is_what_dispatch_goes_by(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace('grades_flown = ["I", "S"]', 'grades_flown = ["I", "E"]').replace("I = 900.0", "I = 300.0")
    file = tmp_path / "city.toml"
    file.write_text(text.replace("S = 3600.0", "E = 7200.0").replace('["operating-volume.example.geojson"]', "[]"))
    policy = configured_operation(file, calls=None, headless=True, port=None).policy
    assert policy.flown == {Grade.IMMEDIATE, Grade.EXTENDED}
    assert policy.targets == {Grade.IMMEDIATE: timedelta(minutes=5), Grade.EXTENDED: timedelta(hours=2)}
    assert policy.on_scene_s == 120.0


async def test_the_configured_zones_are_in_the_ledger_once_and_go_when_they_are_configured_no_more() -> None:
    operation, store = configured_operation(EXAMPLE, calls=None, headless=True, port=None), MemoryStore()
    await _airspace(operation, store)
    size = await store.log_size()
    assert size > 0
    await _airspace(operation, store)
    assert await store.log_size() == size
    without = await _airspace(msgspec.structs.replace(operation, zone_files=()), store)
    assert await store.log_size() > size
    assert not any(zone.kind == OPERATING_VOLUME for zone in without.zones)


async def test_without_its_permission_nothing_is_launched(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("TDA-EXAMPLE", "ANOTHER")
    (tmp_path / "city.toml").write_text(text)
    volume = EXAMPLE.with_name("operating-volume.example.geojson")
    (tmp_path / volume.name).write_bytes(volume.read_bytes())
    operation = configured_operation(tmp_path / "city.toml", calls=None, headless=True, port=None)
    at = to_grid(operation.docks[0].position)
    refused = (await _airspace(operation)).clear(at, at)
    assert isinstance(refused, Refusal)
    assert "operating volume" in refused.reasons[0].text


def test_a_zone_that_is_not_understood_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(EXAMPLE.read_text())
    (tmp_path / "operating-volume.example.geojson").write_text('{"type": "FeatureCollection", "features": [{"type": "Feature"}]}')
    with pytest.raises(MalformedConfiguration, match="feature 1"):
        configured_operation(tmp_path / "city.toml", calls=None, headless=True, port=None)


@pytest.mark.parametrize("name", ["islington", "london"])
async def test_no_dock_of_a_demo_stands_where_none_may_fly(name: str) -> None:
    city = demo_city(name, None)
    airspace = await _airspace(demo_operation(city, calls=None, speed=1.0, seed=1, port=None))
    for dock in city.docks:
        at = to_grid(dock.position)
        assert isinstance(airspace.clear(at, at), Clearance), dock


def test_roles_start_after_those_they_need() -> None:
    seen: set[str] = set()
    for role in in_order():
        assert set(role.needs) <= seen
        seen.add(role.name)
    assert seen == set(ROLES)


def test_a_vehicle_names_its_stream(tmp_path: Path) -> None:
    [vehicle] = configured_operation(EXAMPLE, calls=None, headless=True, port=None).vehicles
    assert (vehicle.video_address, vehicle.field_of_view_deg) == ("rtsp://10.0.1.2/live", 60.0)
    text = EXAMPLE.read_text().replace("rtsp://10.0.1.2/live", "http://10.0.1.2:80/live")
    text = text.replace('files = ["operating-volume.example.geojson"]', "files = []")
    (tmp_path / "city.toml").write_text(text)
    with pytest.raises(MalformedConfiguration, match="no scheme that is known"):
        configured_operation(tmp_path / "city.toml", calls=None, headless=True, port=None)


HEIGHTS = b"ncols 3\nnrows 2\nxllcorner 530000\nyllcorner 180000\ncellsize 50\n1 2 3\n4 5 6\n"
CARD = """name = "ours"
file = "ours.onnx"
sha256 = "{sha256}"
licence = "MIT"
source = "our own pictures"
limits = "by day"
output = "rows"
width_px = 640
height_px = 640
layout = "nchw"
scale = 0.00392156862745098
shift = 0.0
least_score = 0.3
classes = ["pedestrian", "car"]
shapes = {{ pedestrian = "person", car = "vehicle" }}
"""


def looking(folder: Path, section: str) -> Setup:
    text = EXAMPLE.read_text().replace('files = ["operating-volume.example.geojson"]', "files = []")
    (folder / "city.toml").write_text(f"{text}\n[tracking]\n{section}\n")
    return configured_operation(folder / "city.toml", calls=None, headless=True, port=None).look


def test_a_detector_and_heights_of_ones_own_are_what_analysts_look_with(tmp_path: Path) -> None:
    (tmp_path / "ours.onnx").write_bytes(b"a model")
    (tmp_path / "ours.toml").write_text(CARD.format(sha256=sha256(b"a model").hexdigest()))
    (tmp_path / "tq38.asc").write_bytes(HEIGHTS)
    look = looking(tmp_path, 'detector = "ours.toml"\nheights = ["tq38.asc"]\ntiles = 2\nmovement = false')
    assert look == Setup(
        card_file=str(tmp_path / "ours.toml"), height_files=(str(tmp_path / "tq38.asc"),), tiles=2, movement=False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('detector = "ours.toml"', "ours.toml cannot be read"),
        ('detector = "other.toml"', "is not the one"),
        ('heights = ["none.asc"]', "none.asc cannot be read"),
        ('heights = ["city.toml"]', "grid"),
        ("tiles = 9", "tracking.tiles"),
    ],
)
def test_what_is_wrong_with_how_to_look_is_told_at_the_start(tmp_path: Path, section: str, told: str) -> None:
    (tmp_path / "ours.onnx").write_bytes(b"another model")
    (tmp_path / "other.toml").write_text(CARD.format(sha256=sha256(b"a model").hexdigest()))
    with pytest.raises(BowstreetError, match=told):
        looking(tmp_path, section)


def test_each_demo_drone_has_a_port_of_its_own_for_its_pictures() -> None:
    city = moved_to(demo_city("islington", None), 20_000)
    layout = layout_of(city, Wind(speed_mps=0.0, from_deg=0.0, gust_mps=0.0), 1)
    ports = [one.port for one in (*layout.docks, *layout.vehicles)]
    ports += [int(one.video.rpartition(":")[2]) for one in layout.vehicles]
    assert sorted(ports) == list(range(20_000, 20_000 + len(city.docks) + 2 * len(city.vehicles)))
    assert [one.video for one in layout.vehicles] == [one.video_address for one in city.vehicles]
    held = {one.port for one in (*layout.docks, *layout.vehicles)}
    # The ports of pictures are free while their drones are in their docks: no other fleet finds a block among them.
    assert all({port - 1, port + 1} <= held for port in ports if port not in held)
