"""Reads OpenAir files: text, one command a line, as gliding and flight planning exchange airspace. Text in, zones out, no IO.

Format: OpenAir 0.92 (WinPilot, 1998) with the classes and the type line (AY) that came since. Radii are nautical miles, bearings
true, heights feet where no unit stands.
"""

import re
from collections.abc import Callable

import shapely

from bowstreet.airspace import heights, outlines
from bowstreet.airspace.model import Limit, Restriction, Zone
from bowstreet.errors import BadInput, MalformedZone

BEGIN = re.compile(r"^[ \t]*AC[ \t]+\S", re.MULTILINE | re.IGNORECASE)
COMMENT = re.compile(r"(^|\s)\*.*")
# Degrees with minutes and seconds, each with a fraction if it is the last: 51:28:39 N 000:27:41 W, 51:28.65N 0:27.7W, 51.4775 N …
PART = r"(\d{1,3}(?:\.\d+)?)(?::(\d{1,2}(?:\.\d+)?))?(?::(\d{1,2}(?:\.\d+)?))?\s*"
PLACE = re.compile(PART + r"([NS])[\s,]*" + PART + r"([EW])", re.IGNORECASE)
# Classes that forbid nothing to a drone: uncontrolled airspace, and what is for gliders.
OPEN = frozenset({"E", "F", "G", "GP", "GSEC", "W", "FIR", "UIR"})
# Of controlled airspace the terms of the operator's authorisation decide, so leave is asked for. (The CAA's page "Airspace
# restrictions for unmanned aircraft": classes A to E do not apply below 400 ft in the Open category; flights beyond sight are not
# in that.)
CONTROLLED = frozenset({"A", "B", "C", "D", "CTR", "CTA", "TMA", "ATZ", "MATZ", "RMZ", "TMZ"})
# How a map looks, where its label stands, frequencies, call signs, transponder codes: nothing that bounds a zone.
IGNORED = frozenset({"AT", "AF", "AG", "AI", "AX", "AA", "TP", "SP", "SB"})
TERRAIN = frozenset({"TO", "TC", "TX"})


def is_openair(text: str) -> bool:
    return BEGIN.search(text) is not None


def read(text: str, name: str) -> tuple[list[Zone], list[tuple[str, str]]]:
    """The zones, and for each that could not be understood the line at which and why."""
    zones: list[Zone] = []
    rejected: list[tuple[str, str]] = []
    current: _Block | None = None
    for number, line in enumerate([*text.splitlines(), "AC"], start=1):
        words = COMMENT.sub("", line).split(None, 1)
        command, rest = (words[0] if words else ""), (words[1] if len(words) > 1 else "")
        command, rest = command.upper(), rest.strip()
        if command in ("AC", *TERRAIN):
            if current is not None:
                current.close(name, zones, rejected)
            current = _Block(number, rest) if command == "AC" else None
        elif command and current is not None:
            current.take(number, command, rest)
    return zones, rejected


class _Block:
    """The lines of one zone."""

    def __init__(self, line: int, kind: str) -> None:
        self.line, self.kind = line, kind.upper()
        self.name = self.type = ""
        self.lower: Limit | None = None
        self.upper: Limit | None = None
        self.points: list[tuple[float, float]] = []
        self.round: tuple[tuple[float, float], float] | None = None
        self.centre: tuple[float, float] | None = None
        self.clockwise = True
        self.wrong: tuple[int, str] | None = None

    def take(self, number: int, command: str, rest: str) -> None:
        """One line. The first that is wrong spoils the zone."""
        if self.wrong is not None or command in IGNORED:
            return
        try:
            act = self._ACTS.get(command)
            if act is None:
                raise MalformedZone(f"the command {command[:10]} is not known", remedy="use AC AN AL AH AT AY V DP DA DB DC")
            act(self, rest)
            if len(self.points) > outlines.MAX_POINTS:
                raise MalformedZone("the outline has too many points", remedy="split the zone")
        except (BadInput, ValueError, OverflowError) as error:
            self.wrong = (number, str(error))

    def close(self, name: str, zones: list[Zone], rejected: list[tuple[str, str]]) -> None:
        if self.wrong is None:
            try:
                zones.append(self._zone(name))
            except (BadInput, ValueError, shapely.errors.ShapelyError) as error:
                self.wrong = (self.line, str(error))
        if self.wrong is not None:
            rejected.append((f"line {self.wrong[0]}" + (f" ({self.name[:60]})" if self.name else ""), self.wrong[1]))

    def _zone(self, name: str) -> Zone:
        if self.lower is None or self.upper is None:
            raise MalformedZone("the zone has no floor or no ceiling", remedy="give AL and AH")
        if self.round is not None and self.points:
            raise MalformedZone("the zone is a circle and an outline", remedy="give each a zone of its own")
        if self.round is None:
            shape = outlines.polygon(self.points)
        else:
            (longitude, latitude), radius_m = self.round
            shape = outlines.circle(longitude, latitude, radius_m)
        return Zone(
            zone_id=outlines.identifier(self.name),
            name=self.name,
            kind=self.type or self.kind or "COMMON",
            restriction=self._restriction(),
            polygon=shape,
            lower=self.lower,
            upper=self.upper,
            source=name,
            for_operational_use=True,
        )

    def _restriction(self) -> Restriction:
        words = {self.kind, self.type}
        if words & {"P", "PROHIBITED"}:
            return Restriction.PROHIBITED
        if words & CONTROLLED:
            return Restriction.CONDITIONAL
        if self.kind in OPEN and not self.type:
            return Restriction.NONE
        return Restriction.REQUIRES_AUTHORISATION  # R, Q, and whatever is not known

    # --- commands -----------------------------------------------------------------------------------------------------

    def _an(self, rest: str) -> None:
        self.name = rest[:200]

    def _ay(self, rest: str) -> None:
        self.type = "" if rest.upper() in ("", "UNCLASSIFIED") else rest.upper()[:40].replace("OPERATING_VOLUME", "OTHER")

    def _al(self, rest: str) -> None:
        self.lower = heights.lower_limit(rest)

    def _ah(self, rest: str) -> None:
        self.upper = heights.upper_limit(rest)

    def _v(self, rest: str) -> None:
        key, _, value = (part.strip() for part in rest.partition("="))
        if key.upper() == "D" and value in ("+", "-"):
            self.clockwise = value == "+"
        elif key.upper() == "X":
            self.centre = _place(value)
        elif key.upper() != "Z":  # a zoom for drawing
            raise MalformedZone(f"the variable '{rest[:20]}' is not known", remedy="use V D=+, V D=- or V X=")

    def _dp(self, rest: str) -> None:
        self.points.append(_place(rest))

    def _da(self, rest: str) -> None:
        radius, start, end = (float(part) for part in rest.split(","))
        radius_m = radius * outlines.NAUTICAL_MILE_M
        if not all(-360.0 <= bearing <= 360.0 for bearing in (start, end)):
            raise MalformedZone("a bearing is more than a turn", remedy="give degrees from 0 to 360")
        self.points += outlines.arc(self._centre(), (radius_m, radius_m), (start, end), self.clockwise)

    def _db(self, rest: str) -> None:
        places = list(PLACE.finditer(rest))
        if len(places) != 2:
            raise MalformedZone("an arc has two ends", remedy="write DB place, place")
        ends, (longitude, latitude) = [_degrees(found) for found in places], self._centre()
        bearings, _, radii_m = outlines.GEOD.inv([longitude] * 2, [latitude] * 2, [x for x, _ in ends], [y for _, y in ends])
        along = outlines.arc((longitude, latitude), tuple(radii_m), tuple(bearings), self.clockwise)
        self.points += [ends[0], *along[1:-1], ends[1]]

    def _dc(self, rest: str) -> None:
        if self.round is not None:
            raise MalformedZone("the zone has two circles", remedy="give each a zone of its own")
        self.round = (self._centre(), float(rest) * outlines.NAUTICAL_MILE_M)

    def _dy(self, rest: str) -> None:
        raise MalformedZone("an airway is no area", remedy="give its outline with DP, or leave it out")

    def _centre(self) -> tuple[float, float]:
        if self.centre is None:
            raise MalformedZone("there is no centre", remedy="write V X= before the arc or circle, within the zone")
        return self.centre

    _ACTS: dict[str, Callable[["_Block", str], None]] = {  # noqa: RUF012 - not changed
        "AN": _an, "AY": _ay, "AL": _al, "AH": _ah, "V": _v, "DP": _dp, "DA": _da, "DB": _db, "DC": _dc, "DY": _dy,
    }  # fmt: skip


def _place(text: str) -> tuple[float, float]:
    found = PLACE.fullmatch(text.strip())
    if found is None:
        raise MalformedZone(f"the place '{text[:40]}' is not understood", remedy="write such as 51:28:39 N 000:27:41 W")
    return _degrees(found)


def _degrees(found: re.Match[str]) -> tuple[float, float]:
    """Longitude, latitude."""
    values = []
    for first in (1, 5):
        degrees, minutes, seconds = (float(found[first + place] or 0.0) for place in range(3))
        if minutes >= 60.0 or seconds >= 60.0:
            raise MalformedZone(f"the place '{found[0][:40]}' has 60 minutes or seconds", remedy="mend the place")
        value = degrees + minutes / 60.0 + seconds / 3_600.0
        values.append(-value if found[first + 3].upper() in "SW" else value)
    return values[1], values[0]
