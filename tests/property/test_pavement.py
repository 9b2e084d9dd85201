"""Who walks past a simulated camera: nobody twice at once, nobody through another, the same for the same seed; and where heads are."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bowstreet.errors import NotFound
from bowstreet.simulation.pavement.cutout import Cutout, cut_out, image, people
from bowstreet.simulation.pavement.paint import Painter
from bowstreet.simulation.pavement.walk import AGAIN_S, FAR_M, NEAR_M, SAME_LANE_S, Standing, Walk

SEEDS = st.integers(0, 2**31)


@given(seed=SEEDS, count=st.integers(1, 12), every_s=st.floats(0.7, 20.0), until_s=st.floats(1.0, 300.0))
@settings(deadline=None)
def test_nobody_is_there_twice_or_walks_through_another(seed: int, count: int, every_s: float, until_s: float) -> None:
    who = [f"P{number:03}" for number in range(count)]
    passes = Walk(who, seed, every_s).passes(until_s)
    assert passes == Walk(who, seed, every_s).passes(until_s)
    assert [one.begins_s for one in passes] == sorted(one.begins_s for one in passes)
    for number, one in enumerate(passes):
        for other in passes[number + 1 :]:
            if other.person_id == one.person_id:
                assert other.begins_s >= one.ends_s + AGAIN_S
            if other.lane_m == one.lane_m:
                assert other.begins_s >= one.begins_s + SAME_LANE_S


@given(seed=SEEDS, scene_s=st.floats(0.0, 200.0))
@settings(deadline=None)
def test_who_stands_there_is_within_sight_and_the_nearest_comes_last(seed: int, scene_s: float) -> None:
    walk = Walk(("P001", "P002", "P003", "P004"), seed, 3.0)
    there = walk.at(scene_s)
    assert all(NEAR_M <= one.ahead_m <= FAR_M for one in there)
    assert [one.ahead_m for one in there] == sorted((one.ahead_m for one in there), reverse=True)
    begun = {one.person_id for one in walk.passes(scene_s + 0.001) if one.begins_s <= scene_s < one.ends_s}
    assert {one.person_id for one in there} == begun


def plain(colour: int) -> Cutout:
    body = np.zeros((400, 120, 4), np.uint8)
    body[..., :3], body[..., 3] = colour, 255
    return Cutout(person_id="P", sizes=(body,))


@given(ahead_m=st.floats(NEAR_M, FAR_M), right_m=st.floats(-1.0, 1.0), height_m=st.floats(1.5, 1.95))
@settings(deadline=None, max_examples=30)
def test_a_head_is_where_the_truth_says(ahead_m: float, right_m: float, height_m: float) -> None:
    painter = Painter({"P": plain(250)}, 640, 360)
    standing = [Standing(person_id="P", ahead_m=ahead_m, right_m=right_m, height_m=height_m)]
    (head,) = painter.heads(standing)
    empty = Painter({}, 640, 360).paint([]).astype(int)
    seen = (painter.paint(standing).astype(int) - empty).sum(axis=2) > 60
    rows, columns = np.nonzero(seen)
    assume(columns.min() > 0 and columns.max() < seen.shape[1] - 1)  # whom the picture's edge cuts has another middle
    assert abs(rows.min() - head.top) < 3
    assert abs((columns.min() + columns.max()) / 2 - (head.left + head.width / 2)) < 3


def test_people_are_cut_out_whole() -> None:
    assert len(people()) == 10
    for person_id in ("P001", "P007"):
        body = cut_out(person_id).sizes[0]
        share = body[..., 3] / 255.0
        assert 1_150 < body.shape[0] < 1_376  # from head to feet, and not the picture
        assert 2.8 < body.shape[0] / body.shape[1] < 4.2
        assert 0.25 < share.mean() < 0.6
        # Nothing of the grey wall stands beside the head.
        assert share[: body.shape[0] // 10, : body.shape[1] // 8].mean() < 0.02
    with pytest.raises(NotFound, match="has no selfie of P001"):
        image("P001", "selfie")
