"""The situation as Cursor on Target 2.0 events. Pure: values in, bytes out.

An event tells what, where, how well that is known, and until when to believe it. `ce` and `le` hold the place in 95 of 100 cases;
the schema speaks of one sigma, so whoever reads them by its letter thinks the place less well known than it is, never better.
`hae` is above the WGS 84 ellipsoid (`geoid`); what is not known is 9999999, as the format has it. No device is asked to keep any.
"""

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from bowstreet.geo import Position
from bowstreet.tak.geoid import above_ellipsoid_m
from bowstreet.tak.model import DroneSeen, IncidentSeen, Item, Kind, LookAt, SubjectSeen
from bowstreet.tracking.model import Shape

# Types as of the CoT type list. A drone: friend, air, rotary wing, unmanned. A subject: unknown, ground, and of a vehicle that it
# is one; nobody is a suspect by being followed. The point that a sensor looks at; a marker.
DRONE, SUBJECT, SUBJECT_VEHICLE, LOOKED_AT, MARKER = "a-f-A-M-H-Q", "a-u-G", "a-u-G-E-V", "b-m-p-s-p-i", "b-m-p-s-m"
DELETE, PING = "t-x-d-d", "t-x-c-t"
# How it is known: by satellite positioning, from a picture, told by a person, simulated.
POSITIONED, MENSURATED, TOLD, SIMULATED = "m-g", "m-i", "h-e", "m-s"
UNKNOWN = "9999999.0"
# Ten of their periods: a moving thing of which nothing is heard any more is greyed out on the partner's map.
MOVING_LIFE, INCIDENT_LIFE, DELETE_LIFE = timedelta(seconds=10), timedelta(minutes=5), timedelta(minutes=1)
# One standard deviation of a drone's own position, level and in height (`frames.CameraPose`), at 95%.
DRONE_CE_M, DRONE_LE_M = 2.45 * 1.5, 1.96 * 2.5
# Small enough for one datagram that no network takes apart.
MOST_BYTES, MOST_WORDS = 1_400, 80
_NAMESPACE = uuid.UUID("6f3fd7b6-0e86-4c1a-9f0e-6d5a5b1c9d2e")
# Marker colours by grade, alpha first, as signed 32-bit numbers: red, orange, yellow, white.
_COLOURS: Mapping[str, int] = {"I": -65_536, "S": -35_072, "E": -256}
_WHITE = -1
# What XML 1.0 cannot hold, and what would break a line.
_UNFIT = re.compile("[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who says it. `simulated`: nothing of it is real, and every event says so."""

    name: str
    simulated: bool = False


def uid_of(origin: Origin, kind: Kind, id_: str) -> str:
    """The same for the same thing of the same operation, always; it tells nothing to who does not have the record."""
    return str(uuid.uuid5(_NAMESPACE, f"{origin.name}/{kind}/{id_}"))


def key_of(item: Item) -> tuple[Kind, str]:
    """What it is, apart from how it is now."""
    match item:
        case DroneSeen():
            return Kind.DRONES, item.vehicle_id
        case LookAt():
            return Kind.LOOK_AT, item.vehicle_id
        case SubjectSeen():
            return Kind.SUBJECTS, item.follow_id
        case IncidentSeen():
            return Kind.INCIDENTS, item.incident_id


def stale_at(item: Item, now: datetime) -> datetime:
    """Until when a partner may take it for true. What moves counts from when it was so, not from when it is sent."""
    return now + INCIDENT_LIFE if isinstance(item, IncidentSeen) else item.taken_at + MOVING_LIFE


def event(item: Item, origin: Origin, now: datetime) -> bytes:
    """One event, without a declaration or a line's end, at most `MOST_BYTES` long."""
    match item:
        case DroneSeen():
            return _drone(item, origin, now)
        case LookAt():
            return _look_at(item, origin, now)
        case SubjectSeen():
            return _subject(item, origin, now)
        case IncidentSeen():
            return _incident(item, origin, now)


def deletion(origin: Origin, kind: Kind, id_: str, now: datetime) -> bytes:
    """Asks devices to take it off the map. Whoever does not hear it sees it go stale."""
    gone = uid_of(origin, kind, id_)
    made = _event(f"{gone}-gone", DELETE, POSITIONED, origin, now, now + DELETE_LIFE)
    _point(made, None)
    detail = ET.SubElement(made, "detail")
    ET.SubElement(detail, "link", uid=gone, type="none", relation="none")
    ET.SubElement(detail, "__forcedelete")
    return _written(made)


def ping(origin: Origin, now: datetime) -> bytes:
    """Asks a TAK server whether it is there; it answers in kind."""
    made = _event(f"{uuid.uuid5(_NAMESPACE, origin.name)}-ping", PING, POSITIONED, origin, now, now + MOVING_LIFE)
    _point(made, None)
    ET.SubElement(made, "detail")
    return _written(made)


# --- the kinds ------------------------------------------------------------------------------------------------------------


def _drone(item: DroneSeen, origin: Origin, now: datetime) -> bytes:
    uid = uid_of(origin, Kind.DRONES, item.vehicle_id)
    made = _event(uid, DRONE, POSITIONED, origin, item.taken_at, stale_at(item, now))
    height = above_ellipsoid_m(item.position, item.altitude_m_amsl)
    _point(made, item.position, hae_m=height, ce_m=DRONE_CE_M, le_m=None if height is None else DRONE_LE_M)
    detail = _detail(made, item.vehicle_id)
    if item.course_deg is not None:
        ET.SubElement(detail, "track", speed=f"{item.ground_speed_mps:.1f}", course=f"{item.course_deg:.1f}")
    ET.SubElement(detail, "status", battery=str(round(100 * max(0.0, min(1.0, item.charge_fraction)))))
    ET.SubElement(detail, "precisionlocation", geopointsrc="GPS", altsrc="???" if height is None else "GPS")
    if item.looks_deg is not None and item.field_of_view_deg is not None:
        _sensor(detail, item)
    _remark(detail, origin, f"{item.phase}, for incident {short(item.incident_id)}")
    return _written(made)


def _sensor(detail: ET.Element, item: DroneSeen) -> None:
    """The camera's field of view, to be drawn as a cone from the drone. None where it is not known: they would make one up."""
    told = {
        "type": "r-e", "version": "0.6", "azimuth": f"{item.looks_deg or 0.0:.1f}", "elevation": f"{item.tilt_deg:.1f}",
        "fov": f"{item.field_of_view_deg:.1f}", "model": "camera", "displayMagneticReference": "0",
    }  # fmt: skip
    if item.range_m is not None:
        told["range"] = f"{item.range_m:.0f}"
    ET.SubElement(detail, "sensor", told)


def _look_at(item: LookAt, origin: Origin, now: datetime) -> bytes:
    uid = uid_of(origin, Kind.LOOK_AT, item.vehicle_id)
    made = _event(uid, LOOKED_AT, MENSURATED, origin, item.taken_at, stale_at(item, now))
    _point(made, item.position, ce_m=item.ellipse.semi_major_m)
    detail = _detail(made, f"{item.vehicle_id} looks here")
    _link(detail, origin, item.vehicle_id)
    _remark(detail, origin, f"within {_ellipse(item)}")
    return _written(made)


def _subject(item: SubjectSeen, origin: Origin, now: datetime) -> bytes:
    type_ = SUBJECT_VEHICLE if item.shape is Shape.VEHICLE else SUBJECT
    uid = uid_of(origin, Kind.SUBJECTS, item.follow_id)
    made = _event(uid, type_, MENSURATED, origin, item.taken_at, stale_at(item, now))
    _point(made, item.position, ce_m=item.ellipse.semi_major_m)
    detail = _detail(made, f"{item.shape or 'subject'} {short(item.follow_id)}")
    if item.motion is not None and item.motion.direction_deg is not None:
        ET.SubElement(detail, "track", speed=f"{item.motion.speed_mps:.1f}", course=f"{item.motion.direction_deg:.1f}")
    _link(detail, origin, item.vehicle_id)
    seen = "seen now" if item.unseen_s < 1.0 else f"last seen {item.unseen_s:.0f} s ago, place reckoned"
    who = f"followed by {item.vehicle_id} for incident {short(item.incident_id)}"
    _remark(detail, origin, f"{who}; {seen}, held: {item.quality}, within {_ellipse(item)}")
    return _written(made)


def _incident(item: IncidentSeen, origin: Origin, now: datetime) -> bytes:
    uid, colour = uid_of(origin, Kind.INCIDENTS, item.incident_id), _COLOURS.get(item.grade, _WHITE)
    made = _event(uid, MARKER, TOLD, origin, item.changed_at, stale_at(item, now))
    _point(made, item.position)
    detail = _detail(made, f"{fit(item.category)} {short(item.incident_id)}")
    ET.SubElement(detail, "usericon", iconsetpath=f"COT_MAPPING_SPOTMAP/{MARKER}/{colour}")
    ET.SubElement(detail, "color", argb=str(colour))
    _remark(detail, origin, f"grade {item.grade}, {item.state}")
    return _written(made)


# --- their parts ----------------------------------------------------------------------------------------------------------


def _event(uid: str, type_: str, how: str, origin: Origin, at: datetime, stale: datetime) -> ET.Element:
    told = {
        "version": "2.0", "uid": uid, "type": type_, "how": SIMULATED if origin.simulated else how, "time": _moment(at),
        "start": _moment(at), "stale": _moment(max(at, stale)),
    }  # fmt: skip
    if origin.simulated:
        told["opex"] = "s-bowstreet"
    return ET.Element("event", told)


def _point(
    made: ET.Element, at: Position | None, *, hae_m: float | None = None, ce_m: float | None = None, le_m: float | None = None
) -> None:
    ET.SubElement(
        made, "point",
        lat=f"{0.0 if at is None else at.latitude_deg:.7f}", lon=f"{0.0 if at is None else at.longitude_deg:.7f}",
        hae=_metres(hae_m), ce=_metres(ce_m), le=_metres(le_m),
    )  # fmt: skip


def _metres(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}"


def _detail(made: ET.Element, callsign: str) -> ET.Element:
    detail = ET.SubElement(made, "detail")
    ET.SubElement(detail, "contact", callsign=fit(callsign))
    return detail


def _link(detail: ET.Element, origin: Origin, vehicle_id: str) -> None:
    ET.SubElement(detail, "link", uid=uid_of(origin, Kind.DRONES, vehicle_id), type=DRONE, relation="p-p")


def _remark(detail: ET.Element, origin: Origin, words: str) -> None:
    ET.SubElement(detail, "remarks").text = _UNFIT.sub(" ", f"SIMULATED. {words}" if origin.simulated else words)


def _ellipse(item: LookAt | SubjectSeen) -> str:
    drawn = item.ellipse
    along = f"{drawn.semi_major_m:.0f} m along {drawn.bearing_deg:.0f} degrees"
    return f"{along} and {drawn.semi_minor_m:.0f} m across, in 95 of 100 cases"


def short(id_: str) -> str:
    """The end of an id, to be read out over the radio."""
    return fit(id_[-6:])


def fit(words: str) -> str:
    """What XML can hold of it, on one line, and not too long."""
    return _UNFIT.sub(" ", words)[:MOST_WORDS]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1_000:03d}Z"


def _written(made: ET.Element) -> bytes:
    return ET.tostring(made, encoding="unicode").encode()
