"""Files of calls under attack: a bad row never takes a good one with it."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz import fuzz_callfile

from bowstreet.errors import MalformedReport
from bowstreet.intake.callfile import read_calls
from bowstreet.intake.replay import due_calls

HEAD = b"id,reported_at,latitude,longitude,grade,category,text\n"


def good(number: int) -> bytes:
    return b'%d,2026-11-23T15:%02d:00Z,51.54,-0.1,I,robbery,"he said ""go"", and\nwent"' % (number, number % 60)


rubbish = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b"").replace(b'"', b""))


@settings(max_examples=200, deadline=None)
@given(st.lists(rubbish | st.none(), max_size=12), st.integers(0, 13))
def test_good_rows_are_read_whatever_stands_between_them(between: list[bytes | None], where: int) -> None:
    """None stands for a good row; one rubbish row may have a quote that is never closed."""
    rows = [good(number) if row is None else b"x" + row for number, row in enumerate(between)]
    lost = b'lost,2026-11-23T15:00:00Z,51.5,-0.1,I,robbery,5 inch " pipe'
    rows.insert(where, lost)
    found = list(read_calls(HEAD + b"\n".join(rows) + b"\n", "x.csv"))
    ids = [row.values["id"] for row in found if row.values is not None]
    wanted = [str(number) for number, row in enumerate(between) if row is None]
    assert [one for one in ids if not one.startswith("x")] == wanted
    assert any(row.values is None and "quote" in row.reason for row in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")) | st.none(), max_size=12))
def test_good_lines_are_read_whatever_stands_between_them(between: list[bytes | None]) -> None:
    rows = [b'{"id":"good-%d"}' % number if row is None else b"x" + row for number, row in enumerate(between)]
    data = b"\n".join(rows)
    try:
        found = list(read_calls(data, "x.jsonl"))
    except MalformedReport as error:
        if "empty" not in error.message and "not UTF-8 text" not in error.message:
            raise AssertionError("a file of lines was refused") from error
        return
    assert [row.values["id"] for row in found if row.values is not None] == [
        f"good-{number}" for number, row in enumerate(between) if row is None
    ]
    assert [row.line for row in found] == list(range(1, len(rows) + 1))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b"\xff", b"I", b"2026-11-23T15:00:00Z", b"0", b"\t", b" ", b"\0"]))
)
def test_any_mixture_of_what_matters_to_csv(parts: list[bytes]) -> None:
    fuzz_callfile.fuzz_one(HEAD + b"".join(parts))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from(
            [
                b"{",
                b"}",
                b"[",
                b"]",
                b",",
                b":",
                b'"type"',
                b'"FeatureCollection"',
                b'"features"',
                b'"Feature"',
                b'"properties"',
                b"\n",
                b"null",
                b"1e999",
                b'"geometry"',
                b'"coordinates"',
                b'"Point"',
                b'"id"',
                b"\xff",
                b'"reported_at"',
                b"99999999999999999999",
            ]
        )
    )
)
def test_any_mixture_of_what_matters_to_json(parts: list[bytes]) -> None:
    fuzz_callfile.fuzz_one(b"".join(parts))
    fuzz_callfile.fuzz_one(b'{"type":"FeatureCollection","features":[{}' + b"".join(parts) + b"]}")


@given(st.permutations(range(8)))
def test_the_order_of_rows_in_the_file_does_not_matter(order: list[int]) -> None:
    data = HEAD + b"\n".join(good(number) for number in order)
    assert [due.row.values and due.row.values["id"] for due in due_calls(data, "x.csv")] == [str(number) for number in range(8)]
