"""What `simulate` says to bad options and files, and what a plan file may be."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.errors import BadInput
from bowstreet.simulation.city import islington, london, planned
from bowstreet.simulation.planfile import read_plan
from bowstreet.simulation.run import Options, simulate


def _plan(**dock: object) -> bytes:
    return json.dumps({"docks": [{"latitude": 51.54, "longitude": -0.1, "drones": 2, **dock}], "bound": 1}).encode()


def test_a_plan_is_read_and_flown(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(_plan(name="Roof"))
    city = planned(read_plan(path.read_bytes()))
    assert [(dock.name, dock.pads) for dock in city.docks] == [("Roof", 3)]
    assert len(city.vehicles) == 2
    calls = tmp_path / "calls.csv"
    calls.write_text(
        "reported_at,latitude,longitude,grade,category\n2026-11-02T10:00:00+00:00,51.541,-0.101,I,fire\n"
        "2026-11-02T10:05:00+00:00,51.541,,I,fire\nnonsense,51.541,-0.101,I,fire\n"
    )
    result = simulate(Options(calls=calls, plan=path, progress=False, seed=3))
    assert result.figures["calls"] == {"received": 3, "incidents": 1, "duplicates": 0, "quarantined": 2}
    assert result.figures["drones"] == 2
    assert "compared_with_observed" not in result.figures


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "cannot be read"),
        (b"[1]", "cannot be read"),
        (b'{"docks": []}', "cannot be read"),
        (_plan(latitude=123.0), "cannot be read"),
        (_plan(drones=-1), "cannot be read"),
        (_plan(drones=0), "no drone"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_plan_that_is_none_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(BadInput, match=what):
        read_plan(data)


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_bad_input(data: bytes) -> None:
    try:
        docks = read_plan(data)
    except BadInput:
        return
    assert any(drones for _, _, drones in docks)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (Options(), "one source"),
        (Options(calls=Path("a.csv"), demand="immediate-2014"), "one source"),
        (Options(calls=Path("/nowhere/calls.csv")), "cannot be read"),
        (Options(demand="no-such-model"), "no demand model"),
        (Options(demand="immediate-2014", days=0.01, policy="no-such"), "no dispatch policy"),
        (Options(demand="immediate-2014", days=float("nan")), "cannot be simulated"),
        (Options(demand="immediate-2014", days=1e-9), "no calls"),
        (Options(demand="immediate-2014", days=0.01, plan=Path("p.json"), drones=3), "plan says"),
    ],
)
def test_options_that_cannot_be_used_are_refused_with_a_remedy(options: Options, what: str) -> None:
    with pytest.raises(BadInput, match=what) as raised:
        simulate(options)
    assert raised.value.remedy


def test_the_demo_cities_are_what_they_say() -> None:
    pilot = islington()
    assert (len(pilot.docks), len(pilot.vehicles)) == (4, 9)
    assert {dock.pads for dock in pilot.docks} == {3}
    for drones in (1, 31, 96, 288, 300):
        city = london(drones)
        assert len(city.vehicles) == drones
        for dock in city.docks:
            here = sum(vehicle.home_dock_id == dock.dock_id for vehicle in city.vehicles)
            assert 1 <= here < dock.pads == 3
        assert all(city.area.borough_of(dock.position) is not None for dock in city.docks)
        links = [one.link for one in (*city.docks, *city.vehicles)]
        assert len(set(links)) == len(links)
    with pytest.raises(BadInput, match="do not fit"):
        islington(13)
