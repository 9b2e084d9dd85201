"""KML and KMZ: heights, faces, what is refused, hostile files."""

import io
import struct
import zipfile

import pytest
import shapely
from tests.unit.airspace_world import feet, ground

from bowstreet.airspace import heights, kml
from bowstreet.airspace.model import Datum, Limit
from bowstreet.airspace.zonefile import read_zones
from bowstreet.errors import MalformedZone

RING = "-0.10,51.50,{0} -0.05,51.50,{0} -0.05,51.55,{0} -0.10,51.55,{0} -0.10,51.50,{0}"


def placemark(inner: str, name: str = "EGRU128A LONDON HEATHROW") -> str:
    return f"<Placemark><name>{name}</name>{inner}</Placemark>"


def document(*placemarks: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>'
    return (head + "".join(placemarks) + "</Folder></Document></kml>").encode()


def area(height_m: float = 0.0, mode: str = "", extrude: bool = False) -> str:
    return (
        f"<Polygon>{'<extrude>1</extrude>' if extrude else ''}{f'<altitudeMode>{mode}</altitudeMode>' if mode else ''}"
        f"<outerBoundaryIs><LinearRing><coordinates>{RING.format(height_m)}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )


@pytest.mark.parametrize(
    ("inner", "lower", "upper"),
    [
        (area(609.6, "relativeToGround", True), heights.GROUND, Limit(height_m=609.6, datum=Datum.AGL)),
        (area(426.7, "absolute", True), heights.GROUND, Limit(height_m=426.7, datum=Datum.AMSL)),
        (area(426.7, "absolute"), heights.GROUND, Limit(height_m=426.7, datum=Datum.AMSL)),
        (
            "<ExtendedData><Data name='Lower Limit'><value>SFC</value></Data>"
            "<Data name='upper_limit'><value>1400 FT AMSL</value></Data></ExtendedData>" + area(),
            heights.GROUND, feet(1_400, Datum.AMSL),
        ),
        (
            "<ExtendedData><SchemaData schemaUrl='#z'><SimpleData name='LOWER'>500ft AGL</SimpleData>"
            "<SimpleData name='UPPER'>FL65</SimpleData></SchemaData></ExtendedData>" + area(),
            feet(500, Datum.AGL), feet(6_500, Datum.STANDARD),
        ),
        (
            "<description><![CDATA[<b>Upper limit:</b> 2000 FT SFC<br/>Lower limit: SFC<br/>Active H24]]></description>" + area(),
            heights.GROUND, feet(2_000, Datum.AGL),
        ),
        (
            "<description>Vertical limits: SFC - 1,400 FT AMSL. Permission needed</description>" + area(),
            heights.GROUND, feet(1_400, Datum.AMSL),
        ),
        (  # words go before what is drawn
            "<description>Upper limit 2000 ft AGL</description>" + area(100.0, "relativeToGround", True),
            heights.GROUND, feet(2_000, Datum.AGL),
        ),
    ],
)  # fmt: skip
def test_kml_heights(inner: str, lower: Limit, upper: Limit) -> None:
    read = read_zones(document(placemark(inner)), "uas.kml")
    assert not read.rejected
    (one,) = read.zones
    assert (one.zone_id, one.lower, one.upper) == ("EGRU128A", lower, upper)
    assert shapely.contains(one.polygon, ground(51.52, -0.07))


def test_kml_drawn_face_by_face() -> None:
    """A solid of a floor, a roof and walls: its plan is the floor's, its heights are those of its points."""
    wall = "-0.10,51.50,100 -0.05,51.50,100 -0.05,51.50,300 -0.10,51.50,300 -0.10,51.50,100"
    side = area(0, "absolute").replace(RING.format(0), wall)
    inner = f"<MultiGeometry>{area(100, 'absolute')}{area(300, 'absolute')}{side}</MultiGeometry>"
    read = read_zones(document(placemark(inner)), "uas.kml")
    assert not read.rejected
    assert (read.zones[0].lower.height_m, read.zones[0].upper.height_m) == (100.0, 300.0)
    flat = read_zones(document(placemark(area(300, "absolute"))), "x.kml").zones[0]
    assert read.zones[0].polygon.area == pytest.approx(flat.polygon.area)


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        (area(), "says no heights"),
        (area(400, "clampToGround", True), "says no heights"),
        ("<LineString><coordinates>-0.1,51.5 -0.2,51.5</coordinates></LineString>", "line is no area"),
        (
            "<Polygon><outerBoundaryIs><LinearRing><coordinates>1,2,3,4</coordinates></LinearRing></outerBoundaryIs></Polygon>",
            "point",
        ),
        (area(9, "absolute").replace(RING.format(9), "0,51.5,9 0.1,51.6,9 0.1,51.5,9 0,51.6,9 0,51.5,9"), "polygon"),
        (area(609.6, "absolute", True).replace("-0.05", "200"), "nowhere on Earth"),
    ],
)
def test_kml_that_is_refused_says_which_and_why(inner: str, why: str) -> None:
    good = placemark(area(609.6, "absolute", True), "EGR158 CITY")
    read = read_zones(document(good, placemark(inner, "EGRU999 BAD")), "uas.kml")
    assert [one.zone_id for one in read.zones] == ["EGR158"]
    ((where, said),) = read.rejected
    assert where == "placemark 2 (EGRU999 BAD)"
    assert why in said


def test_labels_are_no_zones() -> None:
    label = placemark("<Point><coordinates>-0.1,51.5</coordinates></Point>")
    assert read_zones(document(label), "x.kml") == ((), ())


def test_a_link_to_another_file_is_told() -> None:
    link = "<NetworkLink><Link><href>http://example.org/zones.kml</href></Link></NetworkLink>"
    assert read_zones(document(link), "x.kml").rejected[0][0] == "NetworkLink"


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><kml>&b;</kml>',
        b'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml><Placemark><name>&x;</name></Placemark></kml>',
        b'<!DOCTYPE kml SYSTEM "http://example.org/x.dtd"><kml/>',
        b"<kml>" + b"<Folder>" * 100 + b"</Folder>" * 100 + b"</kml>",
        b"<kml><Placemark>",
        b"<gpx/>",
        b'<?xml version="1.0" encoding="no-such"?><kml/>',
        b"\xff\xfe<\x00",
    ],
)
def test_hostile_xml_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedZone) as error:
        read_zones(data, "x.kml")
    assert error.value.remedy


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(name.replace("_", "."), data)
    return packed.getvalue()


def test_kmz() -> None:
    inner = document(placemark(area(609.6, "relativeToGround", True)))
    read = read_zones(archive(doc_kml=inner, icon_png=b"x"), "uas.kmz")
    assert [one.zone_id for one in read.zones] == ["EGRU128A"]


def test_a_kmz_that_unpacks_too_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kml, "MAX_BYTES", 1_000_000)
    bomb = archive(doc_kml=b"<kml>" + b" " * 5_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(MalformedZone, match="unpacks to more"):
        read_zones(bomb, "bomb.kmz")


def test_a_kmz_that_lies_about_its_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes in both headers say one byte."""
    monkeypatch.setattr(kml, "MAX_BYTES", 1_000_000)
    bomb = bytearray(archive(doc_kml=b" " * 5_000_000))
    size = struct.pack("<I", 5_000_000)
    while (found := bomb.find(size)) >= 0:
        bomb[found : found + 4] = struct.pack("<I", 1)
    with pytest.raises(MalformedZone):
        read_zones(bytes(bomb), "bomb.kmz")


# An archive bears the time of day: named, so that two workers call the same test by the same name.
@pytest.mark.parametrize(
    "data", [b"PK\x03\x04", archive(readme_txt=b"x"), archive(doc_kml=b"<kml/>")[:-30]], ids=["head", "no-kml", "cut-off"]
)
def test_a_kmz_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedZone):
        read_zones(data, "x.kmz")
