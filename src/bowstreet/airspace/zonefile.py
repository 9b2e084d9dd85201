"""Reads the zone files that an operator downloads, whatever their format. Bytes in, zones out, no IO.

Known are OpenAir, KML, KMZ, ED-269 JSON, ED-318 GeoJSON, and GeoJSON with those attributes; which it is the content tells, not
the name. A zone that cannot be understood is rejected with where, why and what to do, never lost in silence: whoever imports must
look at what was rejected.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bowstreet.airspace import eurocae, kml, openair
from bowstreet.airspace.model import Zone
from bowstreet.errors import MalformedZone

MAX_BYTES = 64_000_000
MAX_ZONES = 20_000
FORMATS = "give OpenAir, KML, KMZ, ED-269 JSON or ED-318 GeoJSON"
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class ZoneFile(NamedTuple):
    """What a file holds. `rejected` has, for each zone that could not be understood, where it stands and why."""

    zones: tuple[Zone, ...]
    rejected: tuple[tuple[str, str], ...]


def read_zones(data: bytes, name: str) -> ZoneFile:
    """The zones of a file. Identifiers that stand more than once are numbered in order: `R1`, `R1 (2)`.

    Args:
        name: of the file, for messages and as the zones' source.

    Raises:
        MalformedZone: when the file as a whole is none of the known formats.
    """
    if len(data) > MAX_BYTES:
        raise MalformedZone(f"{name} is larger than {MAX_BYTES // 1_000_000} MB", remedy="split it")
    zones, rejected = _read(data, name)
    if len(zones) > MAX_ZONES:
        raise MalformedZone(f"{name} has more than {MAX_ZONES:,} zones", remedy="split it")
    return ZoneFile(tuple(_numbered(zones)), tuple(rejected))


def _read(data: bytes, name: str) -> tuple[list[Zone], list[tuple[str, str]]]:
    if data.startswith(b"PK"):
        zones: list[Zone] = []
        rejected: list[tuple[str, str]] = []
        for inner in kml.unpack(data, name):
            more, wrong = kml.read(inner, name)
            zones += more
            rejected += wrong
        return zones, rejected
    begin = data.removeprefix(UTF8_MARK).lstrip()[:1]
    if begin == b"<" or data.startswith(UTF16_MARKS):
        return kml.read(data, name)
    if begin in (b"{", b"["):
        return eurocae.read(_features(data.removeprefix(UTF8_MARK), name), name)
    text = _text(data)
    if openair.is_openair(text):
        return openair.read(text, name)
    raise MalformedZone(f"{name} is no zone file that is known", remedy=FORMATS)


def _features(data: bytes, name: str) -> list[object]:
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedZone(f"{name} is not JSON ({error})", remedy=FORMATS) from error
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list):
        raise MalformedZone(f"{name} has no list of features", remedy=FORMATS)
    return features


def _text(data: bytes) -> str:
    """UTF-8, else Latin-1, in which the older files are."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _numbered(zones: Sequence[Zone]) -> list[Zone]:
    taken = Counter[str]()
    found: list[Zone] = []
    known = {zone.zone_id for zone in zones}
    for zone in zones:
        taken[zone.zone_id] += 1
        zone_id = zone.zone_id
        if taken[zone_id] > 1:
            while (zone_id := f"{zone.zone_id} ({taken[zone.zone_id]})") in known:
                taken[zone.zone_id] += 1
            known.add(zone_id)
        found.append(zone if zone_id == zone.zone_id else msgspec.structs.replace(zone, zone_id=zone_id))
    return found
