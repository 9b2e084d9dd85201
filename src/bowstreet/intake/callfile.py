"""A file of calls: CSV, GeoJSON or JSON lines, from bytes to rows. No IO in here; one bad row never stops the rest.

Rows are mappings as `rules.parse_report` takes them; columns that intake does not know stay in them for whoever wants them. Lines
count from 1, as an editor shows them. Rows come one by one: a file is never held a second time as text.
"""

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

import msgspec

from bowstreet.errors import MalformedReport

# A year of London's immediate calls takes about 50 MB; what is read is sorted by time in memory.
MAX_BYTES = 100_000_000
# A row is a call, not a document.
MAX_ROW = 100_000
# A quoted field may run over lines: remarks do. One that runs over more than this has lost its closing quote.
MAX_LINES_A_ROW = 200
# How UTF-16, a spreadsheet (a ZIP in truth), gzip and PDF begin.
NOT_TEXT = (b"\xff\xfe", b"\xfe\xff", b"PK\x03\x04", b"\x1f\x8b", b"%PDF")
BOM = b"\xef\xbb\xbf"
PLACE_COLUMNS = (("latitude", "longitude"), ("easting", "northing"))
# What the decoder raises for bytes that are not JSON, or not UTF-8 inside it, or nested without end.
JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
FORMS = "give CSV with a header line, a GeoJSON FeatureCollection of points, or JSON lines"


class Row(NamedTuple):
    """One row of a file; `values` is None when it could not be read, and `reason` says why. `part` counts those of one line."""

    line: int
    values: Mapping[str, Any] | None
    reason: str
    raw: str
    part: int = 1


def read_calls(data: bytes, name: str = "") -> Iterator[Row]:
    """The rows of a file, by its name's ending, else by how it begins.

    Raises:
        MalformedReport: when the file as a whole is none of the three. At once, not when the first row is asked for.
    """
    if len(data) > MAX_BYTES:
        raise MalformedReport(f"the file is larger than {MAX_BYTES // 1_000_000} MB", remedy="split it")
    if data.startswith(NOT_TEXT) or b"\0" in data[:4]:
        raise MalformedReport("the file is not UTF-8 text", remedy="save it as CSV, GeoJSON or JSON lines in UTF-8")
    data = data.removeprefix(BOM)
    if not data.strip():
        raise MalformedReport("the file is empty", remedy=FORMS)
    kind = _kind(data, name.lower())
    if kind == "csv":
        return _csv(data)
    return _geojson(data) if kind == "geojson" else _json_lines(data)


def _kind(data: bytes, name: str) -> str:
    for endings, kind in (((".csv", ".tsv"), "csv"), ((".geojson",), "geojson"), ((".jsonl", ".ndjson"), "lines")):
        if name.endswith(endings):
            return kind
    start = data.lstrip()
    if not start.startswith((b"{", b"[")):
        return "csv"
    first, _, rest = start.partition(b"\n")
    try:
        whole = msgspec.json.decode(first)
    except JSON_ERRORS:
        # Objects at the start of lines are JSON lines whose first is broken; else it is one object over many lines.
        return "lines" if rest.startswith(b"{") else "geojson"
    return "geojson" if not isinstance(whole, dict) or "features" in whole else "lines"


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


# --- CSV -------------------------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a file with their numbers, and a look at those that follow."""

    def __init__(self, data: bytes) -> None:
        # Lines end in LF or CR LF; a file that knows only CR comes from a very old machine.
        self._rest = iter(BytesIO(data if b"\n" in data else data.replace(b"\r", b"\n")))
        self._ahead: deque[bytes] = deque()
        self.number = 0

    def peek(self, ahead: int) -> bytes | None:
        """The line `ahead` of the next one (0), without its end."""
        while len(self._ahead) <= ahead:
            line = next(self._rest, None)
            if line is None:
                return None
            self._ahead.append(line.rstrip(b"\r\n"))
        return self._ahead[ahead]

    def pop(self, count: int = 1) -> None:
        for _ in range(count):
            self._ahead.popleft()
        self.number += count


def _csv(data: bytes) -> Iterator[Row]:
    lines = _Lines(data)
    while (first := lines.peek(0)) is not None and not first.strip():
        lines.pop()
    assert first is not None, "an empty file was refused before"
    delimiter = "\t" if first.count(b"\t") > first.count(b",") else ","
    lines.pop()
    try:
        header = [cell.strip() for cell in _cells(first[:MAX_ROW], delimiter)]
    except ValueError as error:
        raise MalformedReport(f"the header {error}", remedy=FORMS) from None
    known = set(header)
    missing = [key for key in ("reported_at", "grade", "category") if key not in known]
    if not any(known.issuperset(columns) for columns in PLACE_COLUMNS):
        missing.append("latitude and longitude (or easting and northing)")
    if missing:
        raise MalformedReport(f"the header has no {', '.join(missing)}", remedy="name the columns in the first line")
    if len(known) < len(header):
        raise MalformedReport("the header names a column twice", remedy="give each column a name of its own")
    return _csv_rows(lines, header, delimiter)


def _cells(record: bytes, delimiter: str) -> list[str]:
    """Raises ValueError, which says why, for bytes that are no record."""
    try:
        rows = list(csv.reader([record.decode()], delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1} of it)") from None
    except csv.Error as error:
        raise ValueError(f"cannot be read ({error})") from None
    return rows[0] if rows else []


def _csv_rows(lines: _Lines, header: list[str], delimiter: str) -> Iterator[Row]:
    while (first := lines.peek(0)) is not None:
        number = lines.number + 1
        if not first.strip():
            lines.pop()
            continue
        try:
            record, count = _record(lines, first)
            cells = _fitting(record, count, delimiter, len(header))
        except ValueError as error:
            # Only this line is lost: a quote that was never closed must not swallow the calls below it.
            lines.pop()
            yield Row(number, None, f"the row {error}", _text(first[:MAX_ROW]))
            continue
        lines.pop(count)
        yield Row(number, dict(zip(header, cells, strict=True)), "", _text(record))


def _record(lines: _Lines, first: bytes) -> tuple[bytes, int]:
    """A row and how many lines it takes: with a quote open, it goes on in the next."""
    record, count, quotes = first, 1, first.count(b'"')
    parts = [first]
    size = len(first)
    while quotes % 2:
        more = lines.peek(count)
        if more is None or count == MAX_LINES_A_ROW or size > MAX_ROW:
            raise ValueError("has a quote that is not closed")
        parts.append(more)
        quotes += more.count(b'"')
        size += len(more) + 1
        count += 1
    if size > MAX_ROW:
        raise ValueError(f"is longer than {MAX_ROW} bytes")
    return record if count == 1 else b"\n".join(parts), count


def _fitting(record: bytes, lines: int, delimiter: str, columns: int) -> list[str]:
    try:
        cells = _cells(record, delimiter)
    except ValueError:
        if lines == 1:
            raise
        cells = []
    if len(cells) != columns and lines > 1:
        raise ValueError("has a quote that is not closed")
    if len(cells) != columns:
        raise ValueError(f"has {len(cells)} columns, the header {columns}; quote commas inside fields")
    return cells


# --- JSON ------------------------------------------------------------------------------------------------------------------


def _json_lines(data: bytes) -> Iterator[Row]:
    for number, line in enumerate(BytesIO(data), start=1):
        if stripped := line.strip():
            yield _object(number, stripped, "line")


def _object(number: int, raw: bytes, what: str) -> Row:
    """A call as a JSON object, or as a GeoJSON feature."""
    if len(raw) > MAX_ROW:
        return Row(number, None, f"the {what} is longer than {MAX_ROW} bytes", _text(raw[:MAX_ROW]))
    try:
        values = msgspec.json.decode(raw)
    except JSON_ERRORS as error:
        return Row(number, None, f"the {what} is not JSON ({error})", _text(raw))
    if not isinstance(values, dict):
        return Row(number, None, f"the {what} is not a JSON object", _text(raw))
    if what == "line" and values.get("type") != "Feature":
        return Row(number, values, "", _text(raw))
    try:
        return Row(number, _feature(values), "", _text(raw))
    except ValueError as error:
        return Row(number, None, str(error), _text(raw))


class _Collection(msgspec.Struct, frozen=True, kw_only=True):
    """The outermost of GeoJSON; each feature is left as it is, so that a broken one breaks nothing else."""

    type: str
    features: list[msgspec.Raw]


def _geojson(data: bytes) -> Iterator[Row]:
    try:
        whole = msgspec.json.decode(data, type=_Collection)
    except JSON_ERRORS as error:
        raise MalformedReport(f"the file is not a GeoJSON FeatureCollection ({error})", remedy=FORMS) from error
    if whole.type != "FeatureCollection":
        raise MalformedReport("the file is not a GeoJSON FeatureCollection", remedy=FORMS)
    return _features(data, whole.features)


def _features(data: bytes, features: list[msgspec.Raw]) -> Iterator[Row]:
    place = max(0, data.find(b'"features"'))
    line, last, part = 1 + data.count(b"\n", 0, place), 0, 0
    for feature in features:
        raw = bytes(feature)
        start = data.find(raw, place)
        line += data.count(b"\n", place, start)
        part = part + 1 if line == last else 1
        yield _object(line, raw, "feature")._replace(part=part)
        last = line
        line += raw.count(b"\n")
        place = start + len(raw)


def _feature(feature: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError, which says why, for what is no feature at a point."""
    properties = feature.get("properties")
    if feature.get("type") != "Feature" or not isinstance(properties, dict):
        raise ValueError("the feature has no properties" if feature.get("type") == "Feature" else "it is not a GeoJSON feature")
    values = dict(properties)
    if "id" not in values and feature.get("id") is not None:
        values["id"] = feature["id"]
    geometry = feature.get("geometry")
    if geometry is None:
        return values  # its place may be among the properties
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        raise ValueError("the feature's geometry is not a Point")
    if not isinstance(coordinates, list) or len(coordinates) < 2:
        raise ValueError("the feature's Point has no longitude and latitude")
    return values | {"longitude": coordinates[0], "latitude": coordinates[1]}
