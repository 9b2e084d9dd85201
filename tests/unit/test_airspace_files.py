"""Zone files as operators download them: each format, what is refused, and where it says so."""

import json
from datetime import UTC, datetime, time
from typing import Any

import pytest
import shapely
from tests.unit.airspace_world import NOW, feet, ground, square, zone

from bowstreet.airspace import heights, london
from bowstreet.airspace.export import write_zones
from bowstreet.airspace.model import Activation, Datum, Limit, Restriction
from bowstreet.airspace.zonefile import read_zones
from bowstreet.errors import MalformedZone

NAUTICAL_MILE_M = 1_852.0


# --- heights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("SFC", heights.GROUND),
        ("gnd", heights.GROUND),
        ("1400 FT AMSL", feet(1_400, Datum.AMSL)),
        ("1400ft MSL", feet(1_400, Datum.AMSL)),
        ("2,000 ft AGL", feet(2_000, Datum.AGL)),
        ("2000 FT SFC", feet(2_000, Datum.AGL)),
        ("2500ALT", feet(2_500, Datum.AMSL)),
        ("ALT 2500 ft", feet(2_500, Datum.AMSL)),
        ("120 m AGL", Limit(height_m=120.0, datum=Datum.AGL)),
        ("FL65", feet(6_500, Datum.STANDARD)),
        ("FL 195", feet(19_500, Datum.STANDARD)),
        ("UNL", heights.UNLIMITED),
        ("UNLTD", heights.UNLIMITED),
    ],
)
def test_heights(text: str, limit: Limit) -> None:
    assert heights.lower_limit(text) == heights.upper_limit(text) == limit


def test_a_height_without_datum_is_read_so_that_the_zone_is_largest() -> None:
    assert heights.lower_limit("2000 ft").datum is Datum.AMSL
    assert heights.upper_limit("2000 ft").datum is Datum.AGL


@pytest.mark.parametrize(
    "text", ["", "high", "20 furlongs", "2000 FT QNH", "9999999", "FL", "FL6500", "1e9 FT", "nan", "400000 FT"]
)
def test_heights_that_are_none(text: str) -> None:
    with pytest.raises(MalformedZone) as error:
        heights.upper_limit(text)
    assert error.value.remedy


# --- OpenAir ----------------------------------------------------------------------------------------------------------

OPENAIR = """\
* A comment, and a blank line

AC R
AN EGR157 HYDE PARK   * the palace
AL SFC
AH 1400ft AMSL
AT 51:30:23 N 000:09:15 W
DP 51:32:12 N 000:09:11 W
DP 51:31.5N 0:12.5W
DP 51.4900 N 0.1700 W

AC CTR
AN LONDON CITY
AL GND
AH 2500ALT
V X=51:30:19 N 000:03:19 E
DC 2

AC Q
AN Danger over midnight
AL 100ft AGL
AH FL65
V D=-
V X=51:30:00 N 000:00:00 E
DP 51:34:00 N 000:00:00 E
DA 3,0,180
V D=+
DB 51:27:00 N 000:00:00 E, 51:33:00 N 000:00:00 E
"""


@pytest.mark.parametrize("encode", [str.encode, lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()])
def test_openair(encode: Any) -> None:
    read = read_zones(encode(OPENAIR), "uk.txt")
    assert [one.zone_id for one in read.zones] == ["EGR157", "LONDON CITY"]
    hyde, city = read.zones
    assert (hyde.name, hyde.restriction) == ("EGR157 HYDE PARK", Restriction.REQUIRES_AUTHORISATION)
    assert (hyde.lower, hyde.upper) == (heights.GROUND, feet(1_400, Datum.AMSL))
    assert shapely.contains(hyde.polygon, ground(51.51, -0.17))
    assert city.restriction is Restriction.CONDITIONAL
    edge = shapely.distance(city.polygon.boundary, ground(51.50528, 0.05528))
    assert edge == pytest.approx(2 * NAUTICAL_MILE_M, rel=0.005)
    # The third goes out by one circle and back by another that crosses its start: it says so, with the line.
    where, why = read.rejected[0]
    assert where.startswith("line 19 (Danger over midnight)")
    assert "outline" in why


def arcs(*lines: str) -> Any:
    text = "\n".join(["AC R", "AN X", "AL SFC", "AH 500ft AGL", "V X=51:30:00 N 000:00:00 E", *lines])
    read = read_zones(text.encode(), "x.txt")
    assert not read.rejected, read.rejected
    return read.zones[0].polygon


CIRCLE_M2 = 3.14159265 * (3 * NAUTICAL_MILE_M) ** 2


@pytest.mark.parametrize(
    ("lines", "share", "inside", "outside"),
    [
        (("DA 3,0,180",), 0.5, (51.50, 0.05), (51.50, -0.05)),
        (("V D=-", "DA 3,0,180"), 0.5, (51.50, -0.05), (51.50, 0.05)),
        (("DA 3,0,90", "DP 51:30:00 N 000:00:00 E"), 0.25, (51.52, 0.03), (51.48, -0.03)),
        (("V D=-", "DA 3,0,90", "DP 51:30:00 N 000:00:00 E"), 0.75, (51.48, -0.03), (51.52, 0.03)),
        (("DA 3,350,10", "DP 51:30:00 N 000:00:00 E"), 20 / 360, (51.53, 0.0), (51.48, 0.0)),
        (("DB 51:33:00 N 000:00:00 E, 51:27:00 N 000:00:00 E",), 0.5, (51.50, 0.05), (51.50, -0.05)),
        (("V D=-", "DB 51:33:00 N 000:00:00 E,51:27:00 N 000:00:00 E"), 0.5, (51.50, -0.05), (51.50, 0.05)),
        (("DC 3",), 1.0, (51.50, 0.05), (51.60, 0.0)),
    ],
)
def test_openair_arcs(lines: tuple[str, ...], share: float, inside: tuple[float, float], outside: tuple[float, float]) -> None:
    """Clockwise unless told, by the area that comes of it and by a point on either side."""
    polygon = arcs(*lines)
    assert polygon.area == pytest.approx(CIRCLE_M2 * share, rel=0.01)
    assert shapely.contains(polygon, ground(*inside))
    assert not shapely.contains(polygon, ground(*outside))


def test_the_direction_and_centre_of_one_zone_are_not_the_nexts() -> None:
    text = "AC R\nAN A\nAL SFC\nAH 500ft AGL\nV D=-\nV X=51:30:00 N 000:00:00 E\nDC 1\nAC R\nAN B\nAL SFC\nAH 500ft AGL\nDC 1\n"
    read = read_zones(text.encode(), "x.txt")
    assert [one.zone_id for one in read.zones] == ["A"]
    assert read.rejected == (("line 12 (B)", "there is no centre; write V X= before the arc or circle, within the zone"),)


@pytest.mark.parametrize(
    ("line", "where", "why"),
    [
        ("DP 51:61:00 N 000:00:00 E", "line 6", "60 minutes"),
        ("DP somewhere", "line 6", "not understood"),
        ("DC -1", "line 6", "no centre"),
        ("DA 1,2", "line 6", "expected 3"),
        ("XX what", "line 6", "not known"),
        ("DY 51:30:00 N 000:00:00 E", "line 6", "airway"),
        ("V Q=3", "line 6", "variable"),
        ("AH tall", "line 6", "not understood"),
        ("DP 51:30:00 N 000:00:00 E", "line 2", "1 points"),
    ],
)
def test_a_wrong_line_spoils_its_zone_only(line: str, where: str, why: str) -> None:
    good = "AC P\nAN Good\nAL SFC\nAH UNL\nV X=51:30:00 N 000:00:00 E\nDC 1\n"
    read = read_zones(f"*\nAC R\nAN Bad\nAL SFC\nAH 1000ft AGL\n{line}\n{good}".encode(), "x.txt")
    assert [(one.zone_id, one.restriction) for one in read.zones] == [("Good", Restriction.PROHIBITED)]
    ((at, said),) = read.rejected
    assert at == f"{where} (Bad)"
    assert why in said
    assert ";" in said or "expected" in said


def test_latin_1() -> None:
    text = "AC R\nAN Caf\xe9\nAL SFC\nAH UNL\nV X=51:30:00 N 000:00:00 E\nDC 1\n"
    (one,) = read_zones(text.encode("latin-1"), "x.txt").zones
    assert (one.name, one.zone_id) == ("Café", "Caf")


def test_names_that_stand_twice_are_numbered() -> None:
    one = "AC R\nAN LTMA\nAL SFC\nAH UNL\nV X=51:30:00 N 000:00:00 E\nDC 1\n"
    assert [zone.zone_id for zone in read_zones((one * 3).encode(), "x.txt").zones] == ["LTMA", "LTMA (2)", "LTMA (3)"]


# --- ED-269 and ED-318 ------------------------------------------------------------------------------------------------

SQUARE = [[[-0.10, 51.50], [-0.05, 51.50], [-0.05, 51.55], [-0.10, 51.55], [-0.10, 51.50]]]


def ed269(**more: Any) -> dict[str, Any]:
    return {
        "identifier": "GBR001", "country": "GBR", "name": "Prison", "type": "COMMON", "restriction": "REQ_AUTHORISATION",
        "applicability": [{"permanent": "YES"}], "zoneAuthority": [{"name": "HMPPS", "purpose": "AUTHORIZATION"}],
        "geometry": [{
            "uomDimensions": "FT", "lowerLimit": 0, "lowerVerticalReference": "AGL", "upperLimit": 400,
            "upperVerticalReference": "AGL", "horizontalProjection": {"type": "Circle", "center": [-0.115, 51.545], "radius": 400},
        }],
        **more,
    }  # fmt: skip


def ed318(geometry: Any = None, **more: Any) -> dict[str, Any]:
    layer = {"lower": 0, "lowerReference": "AGL", "upper": 426.7, "upperReference": "AMSL", "uom": "m"}
    return {
        "type": "Feature", "geometry": geometry or {"type": "Polygon", "coordinates": SQUARE, "layer": layer},
        "properties": {
            "identifier": "EGR157", "country": "GBR", "name": [{"lang": "fr", "text": "Parc"}, {"lang": "en-GB", "text": "Park"}],
            "type": "REQ_AUTHORIZATION", "variant": "COMMON",
            "zoneAuthority": [{"name": [{"lang": "en-GB", "text": "CAA"}], "purpose": "AUTHORIZATION"}], **more,
        },
    }  # fmt: skip


def features(*them: Any) -> bytes:
    return json.dumps({"features": them}).encode()


def test_ed269() -> None:
    (one,) = read_zones(features(ed269()), "gbr.json").zones
    assert (one.zone_id, one.kind, one.authority, one.activations) == ("GBR001", "COMMON", "HMPPS", ())
    assert (one.restriction, one.upper) == (Restriction.REQUIRES_AUTHORISATION, feet(400, Datum.AGL))
    assert shapely.distance(one.polygon.boundary, ground(51.545, -0.115)) == pytest.approx(400, rel=0.01)


def test_ed269_with_several_volumes_is_several_zones() -> None:
    volume = ed269()["geometry"][0]
    read = read_zones(features(ed269(geometry=[volume, {**volume, "upperLimit": 800}])), "gbr.json")
    assert [(one.zone_id, round(one.upper.height_m)) for one in read.zones] == [("GBR001-1", 122), ("GBR001-2", 244)]


def test_ed318() -> None:
    (one,) = read_zones(features(ed318()), "gbr.json").zones
    assert (one.zone_id, one.name, one.kind, one.authority) == ("EGR157", "Park", "COMMON", "CAA")
    assert (one.restriction, one.upper) == (Restriction.REQUIRES_AUTHORISATION, Limit(height_m=426.7, datum=Datum.AMSL))


def test_ed318_circle_in_a_collection() -> None:
    layer = {"lower": 0, "lowerReference": "AGL", "upperReference": "AMSL", "uom": "ft"}
    geometry = {"type": "GeometryCollection", "geometries": [
        {"type": "Point", "coordinates": [-0.115, 51.545], "extent": {"subType": "Circle", "radius": 400}, "layer": layer},
        {"type": "Polygon", "coordinates": SQUARE, "layer": layer},
    ]}  # fmt: skip
    (one,) = read_zones(features(ed318(geometry)), "gbr.json").zones
    assert one.upper == heights.UNLIMITED
    assert shapely.contains(one.polygon, ground(51.545, -0.115))
    assert shapely.contains(one.polygon, ground(51.52, -0.07))


def test_schedules() -> None:
    times = [
        {"startDateTime": "2026-10-01T00:00:00+01:00", "endDateTime": "2027-01-01T00:00:00Z", "schedule": [
            {"day": ["MON", "FRI"], "startTime": "08:00:00Z", "endTime": "18:00:00Z"},
            {"day": ["SAT"], "startTime": "00:30:00+01:00", "endTime": "24:00Z"},
            {"day": ["ANY"], "startEvent": "SR", "endEvent": "SS"},
        ]},
    ]  # fmt: skip
    (one,) = read_zones(features(ed318(limitedApplicability=times)), "gbr.json").zones
    start, end = datetime(2026, 9, 30, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert one.activations == (
        Activation(start=start, end=end, weekdays=frozenset({0, 4}), from_utc=time(8), to_utc=time(18)),
        # Half past midnight on Saturday, an hour ahead, is Friday night.
        Activation(start=start, end=end, weekdays=frozenset({4}), from_utc=time(23, 30), to_utc=time(0)),
        Activation(start=start, end=end),
    )


@pytest.mark.parametrize(
    ("feature", "why"),
    [
        (ed318(type="SOMETHING", restriction="SOMETHING"), "restriction"),
        (
            ed318({"type": "Polygon", "coordinates": SQUARE, "layer": {"lower": 0, "upper": 400, "upperReference": "AGL"}}),
            "lower limit",
        ),
        (ed318({"type": "Polygon", "coordinates": SQUARE, "layer": {"upper": 4, "upperReference": "QFE"}}), "QFE"),
        (ed318({"type": "Point", "coordinates": [0, 51]}), "no area"),
        (ed318({"type": "Polygon", "coordinates": [[[0, 51], [1, 52], [1, 51], [0, 52], [0, 51]]]}), "polygon"),
        (ed318(limitedApplicability=[{"schedule": [{"day": ["NODAY"]}]}]), "form of ED"),
        (ed269(geometry=[]), "no geometry"),
        (ed269(identifier=" "), "no identifier"),
        ({"name": "x", "geometry": [ed269()["geometry"][0]]}, "'identifier' is missing"),
        ("text", "not an object"),
    ],
)
def test_features_that_are_refused_say_which_and_why(feature: Any, why: str) -> None:
    read = read_zones(features(ed269(), feature), "gbr.json")
    assert [one.zone_id for one in read.zones] == ["GBR001"]
    ((where, said),) = read.rejected
    assert where.startswith("feature 2")
    assert why in said
    assert ";" in said


@pytest.mark.parametrize("data", [b"", b"hello", b"{", b"[]", b'{"features": 3}', b"[" * 100_000, b"\x00" * 100])
def test_what_is_no_zone_file_is_refused_whole(data: bytes) -> None:
    with pytest.raises(MalformedZone) as error:
        read_zones(data, "x.bin")
    assert "OpenAir" in error.value.remedy


# --- ED-318 out, and what comes with the product ----------------------------------------------------------------------


def test_what_is_written_follows_ed_318() -> None:
    holed = square(0, 0, 500).difference(square(0, 0, 100))
    times = (Activation(start=NOW, weekdays=frozenset({0, 6}), from_utc=time(8), to_utc=time(18)),)
    data = json.loads(write_zones([zone("P1", holed, activations=times, upper=heights.UNLIMITED)], issued=NOW, provider="met"))
    (feature,) = data["features"]
    assert feature["properties"]["type"] == "PROHIBITED"
    assert len(feature["geometry"]["coordinates"]) == 2
    assert feature["geometry"]["layer"] == {"lower": 0.0, "lowerReference": "AGL", "upperReference": "AMSL", "uom": "m"}
    assert feature["properties"]["limitedApplicability"] == [
        {
            "startDateTime": "2026-11-23T12:00:00Z",
            "schedule": [{"day": ["MON", "SUN"], "startTime": "08:00:00Z", "endTime": "18:00:00Z"}],
        }
    ]


def test_flight_levels_are_written_wide() -> None:
    level = Limit(height_m=2_000.0, datum=Datum.STANDARD)
    data = json.loads(write_zones([zone("D1", square(0, 0, 500), lower=level, upper=level)], issued=NOW, provider="met"))
    layer = data["features"][0]["geometry"]["layer"]
    assert (layer["lower"], layer["upper"]) == (1_475.0, 2_305.0)


def test_londons_zones() -> None:
    """By the aerodromes' reference points of the UK AIP, with sources, and not for operational use."""
    zones = {one.zone_id: one for one in london.zones()}
    assert set(zones) == {"EGRU128A", "EGRU129A", "EGRU134A", "EGRU135A", "EGRU143A"}
    assert not any(one.for_operational_use for one in zones.values())
    assert all("94A" in one.source and one.upper == feet(2_000, Datum.AGL) for one in zones.values())
    heathrow = zones["EGRU128A"].polygon
    assert heathrow.area == pytest.approx(3.14159 * (2.5 * NAUTICAL_MILE_M) ** 2, rel=0.005)
    assert shapely.contains(heathrow, ground(51.47, -0.45))
    assert not shapely.contains(heathrow, ground(51.545, -0.10))


def test_an_export_read_again_is_still_not_for_operational_use() -> None:
    read = read_zones(write_zones(london.zones(), issued=NOW, provider="met"), "met.json")
    assert not read.rejected
    assert not any(one.for_operational_use for one in read.zones)
