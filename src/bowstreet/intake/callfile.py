"""A file of calls: CSV, GeoJSON or JSON lines, from bytes to rows. No IO in here; one bad row never stops the rest.

Rows are mappings as `rules.parse_report` takes them; other columns stay in them. Lines count from 1, as an editor shows them.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from bowstreet.errors import MalformedReport

# A city's calls of a year take about 200 MB; more is another kind of file.
MAX_BYTES = 256_000_000
# A row is a call, not a document.
MAX_FIELD = 100_000


class Row(NamedTuple):
    """One row of a file; `values` is None when it could not be read, and `reason` says why."""

    line: int
    values: Mapping[str, Any] | None
    reason: str
    raw: str


def read_calls(data: bytes, name: str = "") -> Iterator[Row]:
    """The rows of a file, by its name's ending, else by how it begins.

    Raises:
        MalformedReport: when the file as a whole is none of the three.
    """
    if len(data) > MAX_BYTES:
        raise MalformedReport(f"the file is larger than {MAX_BYTES // 1_000_000} MB", remedy="split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedReport(f"the file is not UTF-8 (byte {error.start})", remedy="save it as UTF-8") from error
    kind = _kind(text, name.lower())
    if kind == "csv":
        return _csv(text)
    return _geojson(text) if kind == "geojson" else _json_lines(text)


def _kind(text: str, name: str) -> str:
    if name.endswith((".csv", ".tsv")):
        return "csv"
    if name.endswith(".geojson"):
        return "geojson"
    if name.endswith((".jsonl", ".ndjson")):
        return "lines"
    start = text.lstrip()[:1]
    if start != "{":
        return "csv"
    first = text.lstrip().split("\n", 1)[0]
    try:
        whole = msgspec.json.decode(first.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return "geojson"
    return "geojson" if isinstance(whole, dict) and whole.get("type") == "FeatureCollection" else "lines"


def _csv(text: str) -> Iterator[Row]:
    lines = io.StringIO(text, newline="")
    first = text.split("\n", 1)[0]
    reader = csv.reader(lines, delimiter="\t" if first.count("\t") > first.count(",") else ",")
    csv.field_size_limit(MAX_FIELD)
    try:
        header = [cell.strip() for cell in next(reader)]
    except StopIteration:
        raise MalformedReport("the file is empty", remedy="give a header line and rows") from None
    except csv.Error as error:
        raise MalformedReport(f"the header cannot be read ({error})", remedy="give a header line and rows") from error
    if "reported_at" not in header:
        raise MalformedReport("the header has no reported_at", remedy="name the columns in the first line")
    return _csv_rows(reader, header)


def _csv_rows(reader: Any, header: list[str]) -> Iterator[Row]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, None, f"the row cannot be read ({error}); quote its fields", "")
            continue
        if not cells or all(not cell.strip() for cell in cells):
            continue
        raw = ",".join(cells)
        if len(cells) != len(header):
            yield Row(line, None, f"the row has {len(cells)} columns, the header {len(header)}; quote commas inside fields", raw)
            continue
        yield Row(line, dict(zip(header, cells, strict=True)), "", raw)


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = msgspec.json.decode(line.encode())
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            yield Row(number, None, f"the line is not JSON ({error})", line)
            continue
        if isinstance(values, dict):
            yield Row(number, _flat(values), "", line)
        else:
            yield Row(number, None, "the line is not a JSON object", line)


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature on a line of its own counts as a row too."""
    return _feature(values) if values.get("type") == "Feature" else values


def _geojson(text: str) -> Iterator[Row]:
    try:
        whole = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise MalformedReport(f"the file is not JSON ({error})", remedy="give a GeoJSON FeatureCollection of points") from error
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list):
        raise MalformedReport("the file is not a FeatureCollection", remedy="give a GeoJSON FeatureCollection of points")
    return _features(features)


def _features(features: list[Any]) -> Iterator[Row]:
    for number, feature in enumerate(features, start=1):
        raw = msgspec.json.encode(feature).decode()
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            yield Row(number, None, "the feature has no properties", raw)
            continue
        yield Row(number, _feature(feature), "", raw)


def _feature(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    values = dict(properties) if isinstance(properties, dict) else {}
    if "id" not in values and feature.get("id") is not None:
        values["id"] = feature["id"]
    geometry = feature.get("geometry")
    if isinstance(geometry, dict) and geometry.get("type") == "Point":
        coordinates = geometry.get("coordinates")
        if isinstance(coordinates, list) and len(coordinates) >= 2:
            values["longitude"], values["latitude"] = coordinates[0], coordinates[1]
    return values
