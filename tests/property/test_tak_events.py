"""Whatever the situation: events that the format's own facts, and independent readers of it, agree with."""

import re
import warnings
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from takproto import TAKProtoVer, parse_proto, xml2proto

from bowstreet.geo import Position
from bowstreet.tak import events
from bowstreet.tak.events import Origin
from bowstreet.tak.geoid import undulation_m
from bowstreet.tak.model import DroneSeen, IncidentSeen, Item, Kind, LookAt, SubjectSeen
from bowstreet.tracking.model import Ellipse, Motion, Shape

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of how it finds its own version
    from taky.cot.models import Event

NOW = datetime(2026, 11, 28, 9, 30, 0, 123_456, tzinfo=UTC)
ids = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}\Z")
words = st.text(max_size=200)
moments = st.timedeltas(timedelta(seconds=-30), timedelta(0)).map(lambda age: NOW + age)
places = st.builds(
    Position, latitude_deg=st.floats(-90, 90, allow_nan=False), longitude_deg=st.floats(-180, 180, allow_nan=False)
)
metres = st.floats(0.1, 500.0)
ellipses = st.builds(Ellipse, semi_major_m=metres, semi_minor_m=metres, bearing_deg=st.floats(0, 180, exclude_max=True))
azimuths = st.floats(0, 360, exclude_max=True)
motions = st.builds(Motion, speed_mps=st.floats(0, 40), speed_sigma_mps=st.floats(0, 5), direction_deg=st.none() | azimuths)
about = {"incident_id": ids, "borough": st.none() | words, "position": places}
drones = st.builds(
    DroneSeen, vehicle_id=ids, taken_at=moments, altitude_m_amsl=st.floats(-50, 600), phase=words.map(lambda said: said[:20]),
    ground_speed_mps=st.floats(0, 40), course_deg=st.none() | azimuths, charge_fraction=st.floats(-0.1, 1.1),
    looks_deg=st.none() | azimuths, tilt_deg=st.floats(-90, 30), field_of_view_deg=st.none() | st.floats(1, 170), range_m=st.none() | metres,
    **about,
)  # fmt: skip
incidents = st.builds(
    IncidentSeen, grade=st.sampled_from("ISER"), category=words, state=st.sampled_from(["assigned", "on-scene"]),
    changed_at=moments, **about,
)  # fmt: skip
looks = st.builds(LookAt, vehicle_id=ids, taken_at=moments, ellipse=ellipses, **about)
subjects = st.builds(
    SubjectSeen, follow_id=ids, vehicle_id=ids, taken_at=moments, ellipse=ellipses, shape=st.none() | st.sampled_from(Shape),
    quality=st.sampled_from(["good", "weak", "coasting"]), unseen_s=st.floats(0, 30), motion=st.none() | motions, **about,
)  # fmt: skip
items: st.SearchStrategy[Item] = drones | incidents | looks | subjects
origins = st.builds(Origin, name=words, simulated=st.booleans())

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TYPE = re.compile(r"[a-z](-[a-zA-Z0-9]+)+")
REQUIRED = {"version", "uid", "type", "time", "start", "stale", "how"}


def read(data: bytes) -> ET.Element:
    return ET.fromstring(data.decode())


def sound(data: bytes) -> ET.Element:
    """What the schema demands of every event."""
    made = read(data)
    assert made.tag == "event"
    assert set(made.keys()) >= REQUIRED
    assert made.get("version") == "2.0"
    assert TYPE.fullmatch(made.get("type", ""))
    times = [made.get(name, "") for name in ("time", "start", "stale")]
    assert all(MOMENT.fullmatch(one) for one in times)
    assert times[0] == times[1] <= times[2]
    assert [child.tag for child in made] == ["point", "detail"]
    point = {name: float(value) for name, value in made[0].items()}
    assert set(point) == {"lat", "lon", "hae", "ce", "le"}
    assert abs(point["lat"]) <= 90 and abs(point["lon"]) <= 180  # noqa: PT018
    assert point["ce"] >= 0 and point["le"] >= 0  # noqa: PT018
    assert b"\n" not in data
    assert len(data) <= events.MOST_BYTES
    return made


@given(item=items, origin=origins)
def test_every_event_is_sound(item: Item, origin: Origin) -> None:
    made = sound(events.event(item, origin, NOW))
    point = {name: float(value) for name, value in made[0].items()}
    assert point["lat"] == pytest.approx(item.position.latitude_deg, abs=1e-7)
    assert point["lon"] == pytest.approx(item.position.longitude_deg, abs=1e-7)
    assert made.get("uid") == events.uid_of(origin, *events.key_of(item))
    assert made.find("detail/contact") is not None
    assert made.find("detail/archive") is None, "no device is asked to keep it"
    assert (made.get("how") == "m-s") is origin.simulated
    assert (made.findtext("detail/remarks") or "").startswith("SIMULATED") is origin.simulated


@given(item=items, origin=origins)
def test_an_independent_server_and_an_independent_reader_understand_it(item: Item, origin: Origin) -> None:
    data = events.event(item, origin, NOW)
    from lxml import etree

    theirs = Event.from_elm(etree.fromstring(data))
    assert (theirs.uid, theirs.etype) == (read(data).get("uid"), read(data).get("type"))
    assert theirs.point.lat == pytest.approx(item.position.latitude_deg, abs=1e-7)
    message = parse_proto(bytes(xml2proto(data, TAKProtoVer.STREAM)))
    assert message.cotEvent.uid == theirs.uid
    assert message.cotEvent.lon == pytest.approx(item.position.longitude_deg, abs=1e-7)


@given(origin=origins, kind=st.sampled_from(Kind), id_=ids)
def test_deletions_and_pings_are_sound(origin: Origin, kind: Kind, id_: str) -> None:
    gone = sound(events.deletion(origin, kind, id_, NOW))
    assert gone.get("type") == "t-x-d-d"
    link = gone.find("detail/link")
    assert link is not None
    assert link.get("uid") == events.uid_of(origin, kind, id_)
    assert gone.find("detail/__forcedelete") is not None
    assert sound(events.ping(origin, NOW)).get("type") == "t-x-c-t"


@given(drone=drones)
def test_a_drones_height_is_above_the_ellipsoid_or_not_told(drone: DroneSeen) -> None:
    point = read(events.event(drone, Origin(name="x"), NOW))[0]
    between = undulation_m(drone.position)
    if between is None:
        assert point.get("hae") == point.get("le") == "9999999.0"
    else:
        assert float(point.get("hae", 0)) == pytest.approx(drone.altitude_m_amsl + between, abs=0.051)
        assert float(point.get("le", 0)) < 10


@given(subject=subjects)
def test_a_subjects_circle_holds_its_ellipse_and_its_height_is_not_told(subject: SubjectSeen) -> None:
    made = read(events.event(subject, Origin(name="x"), NOW))
    point = made[0]
    assert float(point.get("ce", 0)) >= subject.ellipse.semi_major_m - 0.051
    assert point.get("hae") == "9999999.0"
    assert made.get("type", "").startswith("a-u-G"), "followed is not suspected: unknown, never hostile"


@given(item=drones | looks | subjects, later=st.timedeltas(timedelta(0), timedelta(minutes=5)))
def test_what_moves_is_believed_for_ten_seconds_from_when_it_was_so(item: Any, later: timedelta) -> None:
    assert events.stale_at(item, NOW + later) == item.taken_at + timedelta(seconds=10)


@given(first=st.tuples(words, st.sampled_from(Kind), ids), second=st.tuples(words, st.sampled_from(Kind), ids))
def test_one_id_for_one_thing_and_none_for_two(first: tuple[str, Kind, str], second: tuple[str, Kind, str]) -> None:
    one, two = (events.uid_of(Origin(name=name), kind, id_) for name, kind, id_ in (first, second))
    if first == second:
        assert one == two
    elif "/" not in first[0] + second[0]:
        assert one != two


@given(incident=incidents)
def test_an_incident_says_its_category_its_grade_and_nothing_else_of_it(incident: IncidentSeen) -> None:
    made = read(events.event(incident, Origin(name="x"), NOW))
    told = [value for one in made.iter() for value in (*one.attrib.values(), one.text or "")]
    callsign = made.find("detail/contact")
    assert callsign is not None
    assert callsign.get("callsign") == f"{events.fit(incident.category)} {incident.incident_id[-6:]}"[:80]
    assert made.findtext("detail/remarks") == f"grade {incident.grade}, {incident.state}"
    if incident.borough:
        marked = f"borough of {incident.borough}"
        made = read(events.event(msgspec.structs.replace(incident, borough=marked), Origin(name="x"), NOW))
        told = [value for one in made.iter() for value in (*one.attrib.values(), one.text or "")]
        assert not any(marked in one for one in told)
