"""Zone files of every format: whatever the bytes, zones that can be flown round, each other feature with its reason; or one error."""

import io
import zipfile

import shapely

from bowstreet.airspace.export import write_zones
from bowstreet.airspace.london import zones as london_zones
from bowstreet.airspace.router import Router
from bowstreet.airspace.zonefile import read_zones
from bowstreet.errors import MalformedZone
from bowstreet.geo import Position, to_grid
from tests.unit.airspace_world import NOW

KML = (
    b'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>EGR157 HYDE PARK</name>'
    b"<description><![CDATA[Upper limit: 1400 FT AMSL<br/>Lower limit: SFC]]></description><ExtendedData><Data name='lower'>"
    b"<value>SFC</value></Data></ExtendedData><MultiGeometry><Polygon><extrude>1</extrude><altitudeMode>absolute</altitudeMode>"
    b"<outerBoundaryIs><LinearRing><coordinates>-0.1,51.5,9 0,51.5,9 0,51.6,9 -0.1,51.5,9</coordinates></LinearRing>"
    b"</outerBoundaryIs></Polygon></MultiGeometry></Placemark></Document></kml>"
)


def _packed() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(zipfile.ZipInfo("doc.kml"), KML)
    return packed.getvalue()


SEEDS = [
    b"* c\r\nAC R\r\nAN EGR157\r\nAL SFC\r\nAH 1400ft AMSL\r\nDP 51:30:00 N 000:10:00 W\r\nDP 51.5 N 0.1 W\r\nDP 51:33.5N 0:7W\r\n",
    b"AC Q\nAN D\nAL 100ft AGL\nAH FL65\nV D=-\nV X=51:30:00 N 000:00:00 E\nDA 3,0,180\nV D=+\nDB 51:27:00 N 000:00:00 E, 51:33:00 N 0:0:0 E\n",
    b"AC CTR\nAN C\nAY CTR\nAL GND\nAH 2500ALT\nV X=51:30:00 N 000:00:00 E\nDC 2\n",
    KML,
    _packed(),
    write_zones(london_zones()[:1], issued=NOW, provider="met"),
    (
        b'{"features":[{"identifier":"G1","name":"P","type":"COMMON","restriction":"PROHIBITED","applicability":[{"permanent":"NO",'
        b'"startDateTime":"2026-11-23T00:00:00Z","schedule":[{"day":["MON"],"startTime":"08:00Z","endTime":"24:00Z"}]}],"geometry":'
        b'[{"uomDimensions":"FT","lowerLimit":0,"lowerVerticalReference":"AGL","upperLimit":400,"upperVerticalReference":"AGL",'
        b'"horizontalProjection":{"type":"Circle","center":[-0.1,51.5],"radius":400}}]}]}'
    ),
]
HERE, THERE = (to_grid(Position(latitude_deg=51.4, longitude_deg=longitude)) for longitude in (-0.3, 0.2))


def fuzz_one(data: bytes) -> None:
    try:
        read = read_zones(data, "zones")
    except MalformedZone as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    if any(not (where and why) for where, why in read.rejected):
        raise AssertionError("a zone is refused without where or why")
    if len({zone.zone_id for zone in read.zones}) != len(read.zones):
        raise AssertionError("two zones of one name")
    for zone in read.zones:
        if not zone.polygon.is_valid or zone.polygon.is_empty or not zone.zone_id.strip():
            raise AssertionError("a zone without a place or name")
    again = read_zones(write_zones(read.zones, issued=NOW, provider="met"), "zones")
    if len(again.zones) + len(again.rejected) < len(read.zones):
        raise AssertionError("a zone is lost on its way out and in")
    way = Router(read.zones[:10]).way(HERE, THERE)
    if way is not None:
        line = shapely.LineString([(point.easting_m, point.northing_m) for point in way])
        if any(shapely.intersects(zone.polygon, line) for zone in read.zones[:10]):
            raise AssertionError("a way through a zone")
