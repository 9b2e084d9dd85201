"""Files of calls as people really save them. One bad row never stops the rest."""

import json
from typing import Any

import pytest

from bowstreet.errors import MalformedReport
from bowstreet.intake import callfile
from bowstreet.intake.callfile import Row, read_calls

HEAD = "id,reported_at,latitude,longitude,grade,category,text"
A = "a,2026-11-23T15:00:00Z,51.54,-0.1,I,robbery,at the bank"
B = "b,2026-11-23T15:01:00Z,51.55,-0.1,S,assault,"
C = "c,2026-11-23T15:02:00Z,51.56,-0.1,E,collision,two cars"


def read(data: bytes | str, name: str = "calls.csv") -> list[Row]:
    return list(read_calls(data.encode() if isinstance(data, str) else data, name))


def good(rows: list[Row]) -> list[str]:
    return [str(row.values["id"]) for row in rows if row.values is not None]


def bad(rows: list[Row]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if row.values is None]


def test_plain_csv() -> None:
    [a, b] = read(f"{HEAD}\n{A}\n{B}\n")
    assert a.values == {
        "id": "a", "reported_at": "2026-11-23T15:00:00Z", "latitude": "51.54", "longitude": "-0.1", "grade": "I",
        "category": "robbery", "text": "at the bank",
    }  # fmt: skip
    assert (a.line, a.raw, a.reason) == (2, A, "")
    assert (b.line, b.values is not None and b.values["text"]) == (3, "")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + f"{HEAD}\n{A}\n{B}".encode(),
        f"{HEAD}\r\n{A}\r\n{B}\r\n".encode(),
        f"{HEAD}\r{A}\r{B}\r".encode(),
        f"\n\n{HEAD}\n\n{A}\n   \n{B}\n\n".encode(),
        f"{HEAD}\n{A}\n{B}".replace(",", "\t").encode(),
        f"{HEAD}\n{A}\n{B}".replace("id,", '"id", ', 1).encode(),
    ],
    ids=["BOM", "CR LF", "CR", "blank lines", "tabs", "quoted header"],
)
def test_csv_as_programs_write_it(data: bytes) -> None:
    rows = read(data)
    assert (len(rows), bad(rows)) == (2, [])
    assert rows[0].values is not None
    assert rows[0].values["category"] == "robbery"


def test_columns_that_intake_does_not_know_are_kept() -> None:
    [only] = read(f"{HEAD},observed_first_arrival_s\n{A},296")
    assert only.values is not None
    assert only.values["observed_first_arrival_s"] == "296"


def test_a_quoted_field_may_run_over_lines() -> None:
    rows = read(f'{HEAD}\n{A[:-11]}"one, ""two""\nthree\n\nfive"\n{B}')
    assert rows[0].values is not None
    assert rows[0].values["text"] == 'one, "two"\nthree\n\nfive'
    assert [(row.line, row.reason) for row in rows] == [(2, ""), (6, "")]


def test_a_lost_quote_loses_its_own_row_only() -> None:
    rows = read("\n".join([HEAD, A, 'x,2026-11-23T15:00:00Z,51.5,-0.1,I,robbery,"at the', B, 'y,t,1,2,I,5" pipe,', C]))
    assert good(rows) == ["a", "b", "c"]
    assert bad(rows) == [(3, "the row has a quote that is not closed"), (5, "the row has a quote that is not closed")]
    one = read("\n".join([HEAD, 'x,t,1,2,I,robbery,"at the', *[B] * 1_000]))
    assert (len(good(one)), len(bad(one))) == (1_000, 1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,t,1,2,I", "the row has 5 columns, the header 7; quote commas inside fields"),
        (A + ",more", "the row has 8 columns"),
        ("x,t,1,2,I,c,\xa3".encode("latin-1"), "the row is not UTF-8 (byte 13 of it)"),
        (A + "a" * callfile.MAX_ROW, "the row is longer than 100000 bytes"),
        ('"a"b,t,1,2,I,c,d', "the row cannot be read"),
    ],
    ids=["short", "long", "latin-1", "huge", "after a quote"],
)
def test_a_bad_row_has_its_line_and_reason(row: str | bytes, reason: str) -> None:
    raw = row if isinstance(row, bytes) else row.encode()
    rows = read(b"\n".join([HEAD.encode(), A.encode(), raw, B.encode()]))
    assert good(rows) == ["a", "b"]
    [(line, why)] = bad(rows)
    assert line == 3
    assert why.startswith(reason)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n\n", "the file is empty"),
        (f"{HEAD}\n{A}".encode("utf-16"), "not UTF-8 text"),
        (f"{HEAD}\n{A}".encode("utf-16-le"), "not UTF-8 text"),
        (f"{HEAD}\n{A}".encode("utf-16-be"), "not UTF-8 text"),
        (b"PK\x03\x04\x14\x00\x00", "not UTF-8 text"),
        (b"name,age\nx,3", "the header has no reported_at, grade, category, latitude and longitude (or easting and northing)"),
        (b"reported_at,latitude,longitude,category\n", "the header has no grade"),
        (b"reported_at,latitude,northing,grade,category\n", "the header has no latitude and longitude"),
        ((HEAD + ",grade").encode(), "the header names a column twice"),
        (b'"id,reported_at\n', "the header cannot be read"),
        (b"id,\xff\n1,2", "the header is not UTF-8"),
        (A.encode(), "the header has no reported_at"),
        (b"\xf0\x9f\x9a\x93", "the header has no reported_at"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedReport) as caught:
        read_calls(data, "x.csv")  # at once: nobody has to ask for the first row
    assert reason in caught.value.message
    assert caught.value.remedy


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callfile, "MAX_BYTES", 1_000)
    with pytest.raises(MalformedReport, match="larger than"):
        read_calls(HEAD.encode() + b"\n" * 1_000, "x.csv")


# --- JSON lines ------------------------------------------------------------------------------------------------------------


def test_json_lines() -> None:
    rows = read('{"id":"a","latitude":51.5}\r\n\n{bad}\n[1]\n"x"\n{"id":7,"odd":{"a":[1,2]}}\n\xff'.encode("latin-1"), "x.jsonl")
    assert [(row.line, row.values) for row in rows if row.values is not None] == [
        (1, {"id": "a", "latitude": 51.5}), (6, {"id": 7, "odd": {"a": [1, 2]}}),
    ]  # fmt: skip
    assert [line for line, _ in bad(rows)] == [3, 4, 5, 7]
    assert bad(rows)[1][1] == "the line is not a JSON object"


# --- GeoJSON ---------------------------------------------------------------------------------------------------------------


def feature(id_: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "properties": {"id": id_, "grade": "I"}, "geometry": {"type": "Point", "coordinates": [-0.1, 51.5, 9.0]},
        **changes,
    }  # fmt: skip


def collection(*features: Any, indent: int | None = None) -> str:
    return json.dumps({"type": "FeatureCollection", "name": "calls", "features": features}, indent=indent)


def test_geojson_points() -> None:
    data = collection(feature("a"), feature("b", id="ignored"), {**feature("c"), "properties": {"grade": "S"}, "id": 9})
    rows = read(data, "x.geojson")
    assert [row.values for row in rows] == [
        {"id": "a", "grade": "I", "longitude": -0.1, "latitude": 51.5},
        {"id": "b", "grade": "I", "longitude": -0.1, "latitude": 51.5},
        {"id": 9, "grade": "S", "longitude": -0.1, "latitude": 51.5},
    ]
    # A program writes all on one line; each is still a row of its own.
    assert [(row.line, row.part) for row in rows] == [(1, 1), (1, 2), (1, 3)]


def test_geojson_lines_are_those_of_the_file() -> None:
    data = collection(feature("a"), feature("b"), feature("c"), indent=1)
    lines = [row.line for row in read(data, "x.geojson")]
    assert [data.split("\n")[line - 1].strip() for line in lines] == ["{"] * 3
    assert len(set(lines)) == 3


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (5, "the feature is not a JSON object"),
        (feature("x", properties=None), "the feature has no properties"),
        (feature("x", type="Call"), "it is not a GeoJSON feature"),
        (feature("x", geometry={"type": "LineString", "coordinates": [[0, 1], [2, 3]]}), "the feature's geometry is not a Point"),
        (feature("x", geometry=[0, 51]), "the feature's geometry is not a Point"),
        (feature("x", geometry={"type": "Point", "coordinates": [1]}), "the feature's Point has no longitude and latitude"),
        (feature("x", geometry={"type": "Point"}), "the feature's Point has no longitude and latitude"),
    ],
)
def test_a_bad_feature_stops_no_other(wrong: Any, reason: str) -> None:
    rows = read(collection(feature("a"), wrong, feature("b")), "x.geojson")
    assert good(rows) == ["a", "b"]
    assert [why for _, why in bad(rows)] == [reason]


def test_bytes_that_are_not_utf8_spoil_their_feature_only() -> None:
    data = collection(feature("a"), feature("SPOIL"), feature("b")).encode().replace(b"SPOIL", b"\xff\xfe")
    rows = read(data, "x.geojson")
    assert good(rows) == ["a", "b"]
    assert "is not JSON" in bad(rows)[0][1]


def test_a_feature_without_geometry_may_say_its_place_in_its_properties() -> None:
    [only] = read(collection(feature("a", geometry=None, properties={"easting": 1, "northing": 2})), "x.geojson")
    assert only.values == {"easting": 1, "northing": 2}


@pytest.mark.parametrize(
    "data",
    [b"[1]", b"{}", b'{"type":"FeatureCollection"}', b'{"type":"Topology","features":[]}', b"{" * 10_000, b"[" * 10_000, b"nul"],
)
def test_json_that_is_no_collection_is_refused_whole(data: bytes) -> None:
    with pytest.raises(MalformedReport, match="not a GeoJSON FeatureCollection"):
        read_calls(data, "x.geojson")


# --- which is it -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "calls", "calls.json", "calls.txt"])
@pytest.mark.parametrize(
    "data",
    [
        f"{HEAD}\n{A}\n{B}",
        '{"id":"a"}\n{"id":"b"}',
        '{"type":"Feature","properties":{"id":"a"}}\n{"type":"Feature","properties":{"id":"b"}}',
        collection(feature("a"), feature("b")),
        collection(feature("a"), feature("b"), indent=2),
    ],
    ids=["csv", "lines", "features a line", "geojson", "geojson indented"],
)
def test_the_form_is_found_by_content(data: str, name: str) -> None:
    assert good(read(data, name)) == ["a", "b"]


def test_json_lines_with_a_broken_first_line_are_still_lines() -> None:
    rows = read('{"id":"a"\n{"id":"b"}\n', "calls")
    assert (good(rows), [line for line, _ in bad(rows)]) == (["b"], [1])
