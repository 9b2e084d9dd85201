"""What is covered, for any shapes, any edits, any moment."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bowstreet.video.redaction import rules
from bowstreet.video.redaction.model import Added, CoveredRegion, CoverKind, Edit, Found, Lifted, Look, Shape

WIDTH, HEIGHT = 640, 360
NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)
times = st.integers(min_value=0, max_value=20_000_000)
tracks = st.sampled_from(["c0-1", "c0-2", "c0-3"])
# A track is of one kind, whatever it is.
KINDS = {"c0-1": CoverKind.PERSON, "c0-2": CoverKind.PERSON, "c0-3": CoverKind.VEHICLE, "c0-p1": CoverKind.PLATE}


@st.composite
def shapes(draw: st.DrawFn, track: str) -> Shape:
    """Also such as reach over the picture's edge, or lie beside it."""
    size = st.floats(min_value=2, max_value=300)
    return Shape(
        track=track, kind=KINDS[track], left=draw(st.floats(min_value=-200, max_value=WIDTH + 50)),
        top=draw(st.floats(min_value=-200, max_value=HEIGHT + 50)), width=draw(size), height=draw(size),
    )  # fmt: skip


@st.composite
def finds(draw: st.DrawFn) -> Found:
    moments = sorted(draw(st.sets(times, min_size=1, max_size=8)))
    looks = []
    for at_us in moments:
        seen = draw(st.sets(tracks, max_size=3))
        looks.append(Look(at_us=at_us, shapes=tuple(draw(shapes(track)) for track in sorted(seen))))
    return Found(width_px=WIDTH, height_px=HEIGHT, looks=tuple(looks))


@st.composite
def adds(draw: st.DrawFn) -> Added:
    left, top = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 2))
    begin = draw(times)
    return Added(
        edit_id=f"edi-{draw(st.integers(0, 5))}", from_us=begin, until_us=begin + draw(times), left=left, top=top,
        right=draw(st.integers(left + 1, WIDTH)), bottom=draw(st.integers(top + 1, HEIGHT)), reason="a plate", by="acc", at=NOW,
    )  # fmt: skip


@st.composite
def lifts(draw: st.DrawFn) -> Lifted:
    begin = draw(times)
    return Lifted(
        edit_id="edi-x",
        region_id=draw(tracks),
        from_us=begin,
        until_us=begin + draw(times),
        reason="a hoarding",
        by="acc",
        at=NOW,
    )


edits = st.lists(st.one_of(adds(), lifts()), max_size=6)


def inside(box: rules.Box, region: CoveredRegion) -> bool:
    """Whether a region covers all of a box that lies in the picture."""
    shown = rules.Box(max(0, box.left), max(0, box.top), min(WIDTH, box.right), min(HEIGHT, box.bottom))
    if shown.left >= shown.right or shown.top >= shown.bottom:
        return True
    return rules.Box(region.left, region.top, region.right, region.bottom).holds(shown)


def covers(regions: list[CoveredRegion], box: rules.Box) -> bool:
    shown = rules.Box(max(0, box.left), max(0, box.top), min(WIDTH, box.right), min(HEIGHT, box.bottom))
    return shown.left >= shown.right or shown.top >= shown.bottom or any(inside(box, one) for one in regions)


@given(finds(), edits)
def test_no_region_lies_outside_the_picture_or_is_empty(found: Found, edits: list[Edit]) -> None:
    for one in rules.covered(found, edits):
        assert 0 <= one.left < one.right <= WIDTH
        assert 0 <= one.top < one.bottom <= HEIGHT
        assert one.left % 2 == one.top % 2 == one.right % 2 == one.bottom % 2 == 0
        assert 0 <= one.from_us <= one.until_us


@given(finds(), times)
def test_what_is_found_is_covered_and_a_gap_uncovers_nothing(found: Found, at_us: int) -> None:
    """In a look; between two looks at most three seconds apart, whatever way it went straight from one to the other; and beside."""
    regions = rules.at(rules.covered(found, ()), at_us)
    for track, kind in KINDS.items():
        beside_us = rules.BESIDE_PLATE_US if kind is CoverKind.PLATE else rules.BESIDE_US
        seen = [(look.at_us, one) for look in found.looks for one in look.shapes if one.track == track]
        for when, one in seen:
            if abs(when - at_us) <= beside_us and (when == at_us or len(seen) == 1):
                assert covers(regions, rules.part(one))
        for (before_us, before), (after_us, after) in pairwise(seen):
            if not before_us <= at_us <= after_us or after_us - before_us > rules.MOST_GAP_US:
                continue
            share = (at_us - before_us) / (after_us - before_us)
            a, b = rules.part(before), rules.part(after)
            between = rules.Box(*(
                getattr(a, side) + share * (getattr(b, side) - getattr(a, side)) for side in ("left", "top", "right", "bottom")
            ))  # fmt: skip
            assert covers(regions, between)


@given(finds(), edits, adds(), times)
def test_what_a_person_added_covers_always(found: Found, edits: list[Edit], added: Added, at_us: int) -> None:
    assume(added.from_us <= at_us <= added.until_us)
    assert covers(
        rules.at(rules.covered(found, [*edits, added]), at_us), rules.Box(added.left, added.top, added.right, added.bottom)
    )


@given(finds(), edits, lifts(), times)
def test_a_lift_uncovers_exactly_its_region_and_its_time(found: Found, edits: list[Edit], lift: Lifted, at_us: int) -> None:
    before = rules.at(rules.covered(found, edits), at_us)
    after = rules.at(rules.covered(found, [*edits, lift]), at_us)

    def boxes(regions: list[CoveredRegion]) -> set[tuple[object, ...]]:
        return {(one.region_id, one.left, one.top, one.right, one.bottom) for one in regions}

    if lift.from_us <= at_us <= lift.until_us:
        assert boxes(after) == {one for one in boxes(before) if one[0] != lift.region_id}
    else:
        assert boxes(after) == boxes(before)


def test_the_head_is_in_the_upper_part_and_from_steeply_above_anywhere() -> None:
    upright = Shape(track="c0-1", kind=CoverKind.PERSON, left=100, top=100, width=40, height=120)
    assert (rules.part(upright).top, rules.part(upright).bottom) == (100, pytest.approx(154))
    steep = Shape(track="c0-1", kind=CoverKind.PERSON, left=100, top=100, width=60, height=80)
    small = Shape(track="c0-1", kind=CoverKind.PERSON, left=100, top=100, width=8, height=24)
    for whole in (steep, small):
        assert (rules.part(whole).top, rules.part(whole).bottom) == (whole.top, whole.top + whole.height)
    car = Shape(track="c0-3", kind=CoverKind.VEHICLE, left=100, top=100, width=60, height=80)
    assert (rules.part(car).top, rules.part(car).bottom) == (pytest.approx(128), 180)


def test_a_track_that_was_unseen_for_longer_is_not_joined() -> None:
    """Whoever it was may have been anywhere: its ends are covered for a while, the time between is not."""
    shape = Shape(track="c0-1", kind=CoverKind.PERSON, left=100, top=100, width=40, height=120)
    found = Found(
        width_px=WIDTH, height_px=HEIGHT, looks=(Look(at_us=0, shapes=(shape,)), Look(at_us=9_000_000, shapes=(shape,)))
    )
    regions = rules.covered(found, ())
    assert rules.at(regions, 900_000)
    assert not rules.at(regions, 4_000_000)
    assert rules.at(regions, 8_100_000)
