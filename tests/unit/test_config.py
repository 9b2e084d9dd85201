"""Configuration: typed, complete in its example, and each mistake answered with the file, the key and what to do."""

from pathlib import Path

import pytest

from bowstreet.errors import MalformedConfiguration
from bowstreet.runtime import config

FILE = Path("/etc/bowstreet/city.toml")
EXAMPLE = (Path(__file__).parents[2] / "docs/configuration.md").read_text().partition("```toml\n")[2].partition("```")[0]
PERMISSION = "[[airspace.permissions]]\nzone_id='a'\nreference='b'\n"


def complaint(text: str) -> str:
    with pytest.raises(MalformedConfiguration) as caught:
        config.parse(text.encode(), FILE)
    assert str(FILE) in caught.value.message
    assert caught.value.remedy
    return str(caught.value)


def test_nothing_is_required() -> None:
    assert config.parse(b"", FILE) == config.Config()


def test_the_example_is_whole_and_right() -> None:
    read = config.parse(EXAMPLE.encode(), FILE)
    assert read.server.port == 8700
    assert read.area.boundary == Path("/etc/bowstreet/islington.geojson")
    assert read.airspace.files[0] == Path("/etc/bowstreet/uas-zones.json")
    assert read.airspace.permissions[0].start is not None
    assert read.fleet.vehicles[0].home_dock_id == read.fleet.docks[0].dock_id
    assert read.dispatch.max_wait_s.I == 900.0


def test_absolute_paths_stay() -> None:
    assert config.parse(b"[area]\nboundary = '/srv/a.geojson'", FILE).area.boundary == Path("/srv/a.geojson")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\nprot = 1", "unknown key 'server.prot'; did you mean 'port'?"),
        ("[servr]\nport = 1", "unknown key 'servr'; did you mean 'server'?"),
        ("[dispatch.max_wait_s]\nX = 3", "unknown key 'dispatch.max_wait_s.X'; the keys there are I, S, E, R"),
        ("[server]\nport = 'x'", "'server.port'"),
        ("[server]\nport = 70000", "'server.port': expected `int` <= 65535"),
        ("server = 3", "'server': expected `table`, got `int`"),
        ("[weather]\nsource = 'fixed'\nspeed_mps = nan", "'weather.speed_mps'"),
        ("[weather]\nsource = 'fixed'\nspeed_mps = inf", "'weather.speed_mps'"),
        ("[weather]\nspeed_mps = 3.0", "weather.source = 'fixed'"),
        ("[dispatch]\ngrades_flown = ['Q']", "'dispatch.grades_flown[0]'"),
        ("[airspace]\nfiles = [3]", "'airspace.files[0]': expected the path of a file"),
        (PERMISSION + "start=2020-01-01T00:00:00", "'airspace.permissions[0].start'"),
        (PERMISSION + "start=2021-01-01T00:00:00Z\nend=2020-01-01T00:00:00Z", "ends before it starts"),
        ("[server]\ncertificate = 'a.pem'", "name both, or neither"),
        ("[server]\ncertificate = 'a.pem'\nprivate_key = 'b.pem'", "server.https = true"),
        ("[server", "is not TOML"),
        ("a = 1\na = 2", "is not TOML"),
        ("x = " + "9" * 5_000, "is not TOML"),
        ("x = " + "[" * 5_000, "nested too deeply"),
        (EXAMPLE.replace('home_dock_id = "dock-upper', 'home_dock_id = "dock-uper'), "did you mean 'dock-upper-street'?"),
        (EXAMPLE.replace('airframe = "patrol', 'airframe = "other'), "'fleet.vehicles[0].airframe'"),
        (EXAMPLE.replace("10.0.1.2", "10.0.1.1").replace("system_id = 101", "system_id = 1"), "more than once at 'fleet'"),
        (EXAMPLE.replace("udpout:10.0.1.2:14550", "serial:/dev/tty"), "'fleet.vehicles[0].link'"),
        (EXAMPLE.replace("system_id = 101", "system_id = 0"), "'fleet.docks[0].system_id'"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_answer(text: str, says: str) -> None:
    assert says in complaint(text)


def test_more_vehicles_than_pads() -> None:
    another = (
        EXAMPLE.partition("[[fleet.vehicles]]")[2]
        .partition("[weather]")[0]
        .replace("drone-1", "drone-2")
        .replace("10.0.1.2", "10.0.1.3")
    )
    assert "has 1 pads; raise 'fleet.docks[0].pads'" in complaint(EXAMPLE + "\n[[fleet.vehicles]]" + another)
    assert "'drone-1' more than once" in complaint(EXAMPLE + "\n[[fleet.vehicles]]" + another.replace("drone-2", "drone-1"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path, Path("nul\x00.toml")):
        with pytest.raises(MalformedConfiguration, match="cannot be read"):
            config.load(path)
    (tmp_path / "latin.toml").write_bytes(b"[operator]\nname = '\xe9'")
    with pytest.raises(MalformedConfiguration, match="not UTF-8"):
        config.load(tmp_path / "latin.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * (config.MAX_BYTES + 1))
    with pytest.raises(MalformedConfiguration, match="too large"):
        config.load(tmp_path / "huge.toml")
    (tmp_path / "right.toml").write_bytes(b"[server]\nport = 9000")
    assert config.load(tmp_path / "right.toml").server.port == 9000
