"""Files of calls: whatever the bytes, rows, each used or with its reason; or one clear error for the file."""

from bowstreet.errors import MalformedReport
from bowstreet.intake.callfile import read_calls
from bowstreet.intake.replay import due_calls, reference_of

SEEDS = [
    (
        b'id,reported_at,latitude,longitude,grade,category,text\na,2026-11-23T15:00:00Z,51.54,-0.1,I,robbery,"two\nlines, one ""x"""\n'
        b"b,2026-11-23T15:01:00+01:00,51.55,-0.1,S,assault,\n"
    ),
    b"\xef\xbb\xbfreported_at\teasting\tnorthing\tgrade\tcategory\r\n2009-01-01T00:16:02+00:00\t531350\t195850\tI\tfire\r\n",
    (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","id":7,"properties":{"reported_at":"2026-11-23T15:00:00Z","grade":"I"},'
        b'"geometry":{"type":"Point","coordinates":[-0.1,51.54]}},\n {"type":"Feature","properties":null,"geometry":null}]}'
    ),
    b'{"id":1,"reported_at":"2026-11-23T15:00:00Z","latitude":51.54,"longitude":-0.1,"grade":"I","category":"robbery"}\n{"id":2}\n',
]


def fuzz_one(data: bytes) -> None:
    for name in ("", "x.csv", "x.geojson", "x.jsonl"):
        try:
            rows = list(read_calls(data, name))
        except MalformedReport as error:
            if not (error.message and error.remedy):
                raise AssertionError("an error that does not say what to do") from error
            continue
        places = [(row.line, row.part) for row in rows]
        if len(set(places)) != len(places) or places != sorted(places):
            raise AssertionError("two rows at one place of the file, or out of order")
        for row in rows:
            if (row.values is None) is not bool(row.reason) or not 1 <= row.line <= data.count(b"\n") + data.count(b"\r") + 1:
                raise AssertionError("a row without values, reason or line")
        try:
            due = list(due_calls(data, name))
        except MalformedReport:
            continue
        if len(due) != len(rows) or any(not reference_of(one.row) for one in due):
            raise AssertionError("a row is lost on its way to the clock")
