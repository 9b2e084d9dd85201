"""A deployment's document says what it was written to say, in TOML as in JSON; each wrong one is told by its key."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.fuzz_deployment_file import WHOLE

from bowstreet.errors import MalformedConfiguration
from bowstreet.recognition.deployment_file import MOST_BYTES, parse_deployment
from bowstreet.recognition.model import DeploymentUse, LocationBasis

NAMES = st.text("abcdefghij-_.0123456789", min_size=1, max_size=20).filter(lambda one: one[0].isalnum())
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds it
LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    starts = draw(MOMENTS)
    cameras = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    return {
        "use_case": draw(st.sampled_from(DeploymentUse)).value,
        "location_basis": draw(st.sampled_from(LocationBasis)).value,
        "starts_at": starts.isoformat(),
        "ends_at": (starts + draw(st.timedeltas(timedelta(seconds=1), timedelta(days=400)))).isoformat(),
        "threshold": draw(st.floats(0, 1)),
        "zone": draw(st.lists(st.tuples(LATITUDES, LONGITUDES), min_size=3, max_size=60)),
        "operator": {"id": draw(NAMES), "name": draw(WORDS)},
        "people": {"operator": "one person", "authorising_officer": draw(st.sampled_from(["", "another"]))},
        "cameras": [
            {"camera_id": name, "latitude_deg": draw(LATITUDES), "longitude_deg": draw(LONGITUDES), "name": draw(WORDS)}
            for name in cameras
        ],
        "notice": {"published_at": draw(MOMENTS).isoformat(), "reference": draw(NAMES)},
        "signs": [
            {
                "put_up_at": draw(MOMENTS).isoformat(),
                "reference": draw(NAMES),
                "cameras": draw(st.lists(st.sampled_from(cameras))),
            }
        ],
        "list": {"file": "list.csv", "images": "pictures"},
    }


@settings(max_examples=150, deadline=None)
@given(documents())
def test_a_document_says_what_was_written(said: dict[str, Any]) -> None:
    told = parse_deployment(json.dumps(said).encode())
    again = msgspec.to_builtins(told)
    for key in ("use_case", "location_basis", "threshold", "operator"):
        assert again[key] == said[key]
    assert [tuple(corner) for corner in again["zone"]] == [tuple(corner) for corner in said["zone"]]
    plan = told.plan()
    assert told.plans(plan)
    # What the program adds makes it no other plan; what authority is asked for does.
    assert told.plans(msgspec.structs.replace(plan, boroughs=("Islington",), model_sha256="ab" * 32, report_sha256="cd" * 32))
    assert not told.plans(msgspec.structs.replace(plan, threshold=plan.threshold + 0.01))
    assert not told.plans(msgspec.structs.replace(plan, ends_at=plan.ends_at + timedelta(seconds=1)))
    assert not told.plans(msgspec.structs.replace(plan, cameras=plan.cameras[1:]))


@settings(max_examples=100, deadline=None)
@given(documents(), st.data())
def test_whatever_is_left_out_is_told_by_its_key(said: dict[str, Any], data: st.DataObject) -> None:
    """Nothing of what the law asks for has a default."""
    key = data.draw(st.sampled_from(sorted(said)))
    del said[key]
    with pytest.raises(MalformedConfiguration, match=key):
        parse_deployment(json.dumps(said).encode())


def test_the_example_is_one_and_both_forms_say_the_same() -> None:
    told = parse_deployment(WHOLE)
    assert told.people.authorising_officer == "C. Superintendent"
    assert parse_deployment(msgspec.json.encode(told)) == told


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("threshold = 0.6", "threshold = nan", "'threshold'"),
        ("threshold = 0.6", "threshold = 6", "'threshold'"),
        ("[51.5455, -0.1045], [51.5475", "[51.5455, nan], [51.5475", "'zone"),
        ("2026-12-05T16:00:00Z", "2026-12-05T09:00:00Z", "ends before it starts"),
        ("2026-12-05T16:00:00Z", "2026-12-05T16:00:00", "timezone"),
        ("2026-12-05T16:00:00Z", "2026-12-05", "'ends_at'"),
        ("find-people-wanted", "find-anybody", "'use_case'"),
        ("C. Superintendent", "b. operator", "R3"),
        ('cameras = ["north"]', 'cameras = ["south"]', "no camera of it"),
        ("notice-117", "see the web", "'notice.reference'"),
        ("latitude_deg = 51.5465", "latitude_deg = 151.5465", "latitude_deg"),
        ("published_at", "publishd_at", "did you mean 'published_at'"),
        ("[list]", "[lists]", "did you mean 'list'"),
        ("zone = [[", "zone = [", "neither TOML nor JSON"),
        ("use_case", "{", "neither TOML nor JSON"),
    ],
)
def test_each_wrong_document_is_told_by_its_key(before: str, after: str, says: str) -> None:
    assert before.encode() in WHOLE
    with pytest.raises(MalformedConfiguration) as wrong:
        parse_deployment(WHOLE.replace(before.encode(), after.encode()), "market.toml")
    assert says in str(wrong.value)
    assert str(wrong.value).startswith("market.toml ")
    assert "\n" not in str(wrong.value)
    assert wrong.value.remedy


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"x" * (MOST_BYTES + 1), b"[" * 5_000, b"{" + b'"a":[' * 5_000, b"{}", b"[]", b"null"]
)
def test_what_is_no_document_is_told(data: bytes) -> None:
    with pytest.raises(MalformedConfiguration):
        parse_deployment(data)


def test_a_camera_twice_is_told() -> None:
    camera = WHOLE[WHOLE.index(b"[[cameras]]") : WHOLE.index(b"[notice]")]
    with pytest.raises(MalformedConfiguration, match="twice"):
        parse_deployment(WHOLE.replace(b"[notice]", camera + b"[notice]"))
