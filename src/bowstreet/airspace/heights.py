"""Heights as the files of the field write them, with the datum always named. Pure."""

import re

from bowstreet.airspace.model import Datum, Limit
from bowstreet.errors import MalformedZone

FOOT_M = 0.3048
# Of these nothing is higher: "unlimited" in the files of the field.
UNLIMITED_M = 30_000.0
GROUND = Limit(height_m=0.0, datum=Datum.AGL)
UNLIMITED = Limit(height_m=UNLIMITED_M, datum=Datum.AMSL)
DATUMS = {
    "AGL": Datum.AGL, "GND": Datum.AGL, "SFC": Datum.AGL, "ASFC": Datum.AGL,
    "AMSL": Datum.AMSL, "MSL": Datum.AMSL, "ALT": Datum.AMSL,
    "STD": Datum.STANDARD, "WGS84": Datum.ELLIPSOID, "W84": Datum.ELLIPSOID,
}  # fmt: skip
FLIGHT_LEVEL = re.compile(r"FL\s*(\d{1,3})")
HEIGHT = re.compile(r"(?:ALT\s*)?(-?\d{1,6}(?:\.\d{1,3})?)\s*(FT|FEET|F|METRES|METERS|M)?\s*([A-Z]+)?")
REMEDY = "write such as SFC, 1400 FT AMSL, 2000 FT AGL, FL65 or UNL"


def height(value: object, datum: Datum, unit: str) -> Limit:
    """A number with its unit (`M` or `FT`). Raises `MalformedZone`."""
    scale = {"M": 1.0, "FT": FOOT_M}.get(unit.upper())
    if scale is None:
        raise MalformedZone(f"the unit {unit[:20]} is not known", remedy="use M or FT")
    metres = float(value) * scale  # type: ignore[arg-type]
    if not -500.0 <= metres <= 100_000.0:
        raise MalformedZone(f"a limit of {metres:.0f} m is none", remedy="give metres or feet")
    return Limit(height_m=metres, datum=datum)


def reference(name: object) -> Datum:
    """Raises `MalformedZone`."""
    datum = DATUMS.get(str(name).upper())
    if datum is None:
        raise MalformedZone(f"the vertical reference {str(name)[:20]} is not known", remedy="use AGL, AMSL or WGS84")
    return datum


def lower_limit(text: str) -> Limit:
    """A floor in words. Raises `MalformedZone`.

    Where no datum is written it may be above ground or above the sea: it is read as above the sea, which never lies higher.
    """
    return _limit(text, Datum.AMSL)


def upper_limit(text: str) -> Limit:
    """A ceiling in words. Raises `MalformedZone`.

    Where no datum is written it may be above ground or above the sea: it is read as above ground, which never lies lower.
    """
    return _limit(text, Datum.AGL)


def _limit(text: str, unsaid: Datum) -> Limit:
    """Feet when no unit is written, as all of the field does."""
    words = " ".join(text.upper().replace(",", "").split())
    if words in ("SFC", "GND", "SURFACE", "GROUND"):
        return GROUND
    if words.startswith("UNL"):
        return UNLIMITED
    if level := FLIGHT_LEVEL.fullmatch(words):
        return height(int(level[1]) * 100, Datum.STANDARD, "FT")
    found = HEIGHT.fullmatch(words)
    if found is None:
        raise MalformedZone(f"the height '{text[:40]}' is not understood", remedy=REMEDY)
    if words.startswith("ALT"):
        unsaid = Datum.AMSL
    return height(found[1], unsaid if found[3] is None else reference(found[3]), "M" if (found[2] or "F")[0] == "M" else "FT")
