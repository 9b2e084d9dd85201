"""Figures by track are what a deployment would have alerted: by its own rules, at each threshold (R12)."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.recognition.alerts.rules import LEAST_LOOKS
from bowstreet.recognition.cameras.rules import LEAST_EYES_PX, LEAST_UNIFIED, MOST_LOOKS
from bowstreet.recognition.evaluation import figures, gather
from bowstreet.recognition.evaluation.examiner.model import Examined
from bowstreet.recognition.evaluation.identification import tally
from bowstreet.recognition.evaluation.model import Looked, Part, Still
from bowstreet.recognition.evaluation.passages import NOBODY, Glimpse, Passages, alerted
from bowstreet.recognition.evaluation.report import read_report
from bowstreet.recognition.evaluation.run import Options, Run
from bowstreet.recognition.evaluation.searches import Gallery, Scores
from bowstreet.recognition.models import shipped
from bowstreet.recognition.models.model import Quality


def seen(score: float, *, unified: float = 50.0, person: int = 7, eyes_px: float = 40.0) -> Glimpse:
    return Glimpse(eyes_px=eyes_px, unified=unified, person=person, score=score)


GOOD, POOR = seen(0.7), seen(0.2)


@pytest.mark.parametrize(
    ("track", "named"),
    [
        ([GOOD], NOBODY),  # one look is no alert, however good
        ([GOOD, GOOD], 7),
        ([GOOD, POOR, POOR, GOOD], 7),  # once one reached it, the next pictures are looked at too
        ([GOOD, POOR, POOR, POOR, POOR, POOR, GOOD], NOBODY),  # six in all
        ([POOR, GOOD, GOOD], NOBODY),  # no picture is better than the first by enough to be described
        ([POOR, seen(0.7, unified=66), seen(0.7, unified=20)], 7),
        ([seen(0.7, unified=20), GOOD, GOOD], 7),  # the first is worth no look, and nothing is lost
        ([seen(0.7, unified=20), seen(0.7, unified=20)], NOBODY),  # the second is the first look
        ([seen(0.7, unified=20)] * 3, 7),
        ([seen(0.7, eyes_px=19)] * 5, NOBODY),
        ([seen(0.7, person=1), seen(0.7, person=2), seen(0.7, person=3), seen(0.7, person=4)], NOBODY),
        ([seen(0.7, person=1), seen(0.7, person=2), seen(0.6, person=2)], 2),
        ([], NOBODY),
    ],
)
def test_by_hand(track: Sequence[Glimpse], named: int) -> None:
    assert alerted(track, 0.5) == named


tracks = st.lists(
    st.builds(
        Glimpse, eyes_px=st.sampled_from([10.0, 25.0, 60.0]), unified=st.floats(0, 100), person=st.integers(0, 3),
        score=st.sampled_from([0.1, 0.3, 0.45, 0.5, 0.55, 0.6, 0.8]),
    ),
    max_size=10,
)  # fmt: skip


@given(tracks, st.floats(0.4, 0.8))
def test_an_alert_has_its_looks_and_what_cannot_be_described_changes_nothing(track: list[Glimpse], threshold: float) -> None:
    named = alerted(track, threshold)
    usable = [one for one in track if one.eyes_px >= LEAST_EYES_PX]
    assert alerted(usable, threshold) == named
    if named != NOBODY:
        mine = [one for one in usable if one.person == named and one.score >= threshold and one.unified >= LEAST_UNIFIED]
        assert len(mine) >= LEAST_LOOKS
    if all(one.score < threshold for one in track):
        assert named == NOBODY


@given(st.lists(tracks, max_size=5), st.lists(st.floats(0.05, 0.95), min_size=1, max_size=12))
def test_all_thresholds_at_once_are_each_of_them_alone(given_tracks: list[list[Glimpse]], at: list[float]) -> None:
    flat = [one for track in given_tracks for one in track]
    ends = np.cumsum([len(track) for track in given_tracks], dtype=np.intp)
    passages = Passages(
        pictures=[np.arange(end - len(track), end, dtype=np.intp) for track, end in zip(given_tracks, ends, strict=True)],
        eyes_px=np.array([one.eyes_px for one in flat]), unified=np.array([one.unified for one in flat]),
        mate=np.full(len(flat), -1, np.intp),
        scores=Scores(
            sizes=(4,), mate=np.full(len(flat), -np.inf), other=np.array([[one.score] for one in flat]).reshape(-1, 1),
            who=np.array([[one.person] for one in flat], dtype=np.intp).reshape(-1, 1),
        ),
    )  # fmt: skip
    found = passages.alerts(0, np.array(at))
    assert found.tolist() == [[alerted(track, threshold) for threshold in at] for track in given_tracks]
    for track, highest in zip(given_tracks, passages.highest(0, 0.4, None), strict=True):
        if np.isfinite(highest):
            assert alerted(track, float(highest)) != NOBODY
        steps = [one.score for one in track if one.score > max(0.4, float(highest))]
        assert all(alerted(track, step) == NOBODY for step in steps)


def looked(person: str, track: str, vector: Sequence[float], unified: float = 50.0, part: Part = Part.PROBES) -> Looked:
    quality = Quality(
        eyes_px=50, sharpness=0.5, illumination_uniformity=0.9, mean_luminance=0.5, under_exposed=0, over_exposed=0, contrast=0.2,
        yaw_deg=0, pitch_deg=0, roll_deg=0, score=0.9, unified=unified,
    )  # fmt: skip
    numbers = np.pad(np.array(vector, np.float32), (0, 125))
    kept = (numbers / np.linalg.norm(numbers)).astype("<f4").tobytes()
    still = Still(part=part, person=person, track=track, path=f"{track}{unified}")  # type: ignore[arg-type]
    return Looked(still=still, found=Examined(number=0, quality=quality, vector=kept))


def test_from_pictures_to_rates() -> None:
    """Two of three tracks of a listed person raise an alert; of a stranger one look reaches the threshold, and nobody is told."""
    listed = Gallery(vectors=np.eye(128, dtype=np.float32)[:2], starts=np.array([0, 1], np.intp))
    places = {"a": 0, "b": 1}
    like_a, unlike = (1.0, 0.1, 0.3), (0.1, 0.1, 1.0)
    probes = [
        looked("a", "1/", like_a), looked("a", "1/", like_a),
        looked("a", "2/", like_a), looked("a", "2/", unlike), looked("a", "2/", like_a),
        looked("a", "3/", like_a), looked("a", "3/", unlike),
        looked("a", "alone.jpg", like_a),
    ]  # fmt: skip
    strangers = [looked("c", "1/", (0.8, 0.2, 0.5)), looked("c", "1/", unlike), looked("c", "2/", unlike)]
    mated, nonmated = (
        gather.passed(gather.in_tracks(ones), people, listed, places, (2,), 1, 0.4)
        for ones, people in ((probes, ["a"]), (strangers, ["c"]))
    )
    found = tally(mated, nonmated, 0, np.array([0.5, 0.99]), 1)
    assert found.right.tolist() == [[2.0, 0.0]]
    assert found.mated.tolist() == [3.0]
    assert found.false.tolist() == [[0.0, 0.0]]
    assert found.nonmated.tolist() == [2.0]
    # By its best shot alone the stranger's first track would have counted as a false alert.
    frames = gather.search(strangers, ["c"], listed, places, (2,), 1)
    assert (frames.scores.other[:, 0] >= 0.5).any()


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(("without", "unit"), [(None, "track"), (Part.PROBES, "frame"), (Part.NONLISTED, "frame")])
def test_the_report_is_of_tracks_only_where_everybody_who_is_searched_has_one(without: Part | None, unit: str) -> None:
    """Figures by track leave out whoever has none: one who was hard to follow would make them better."""
    like_a, unlike = (1.0, 0.1, 0.3), (0.1, 0.1, 1.0)
    found = {
        Part.LIST: [looked("a", "portrait.jpg", like_a, part=Part.LIST), looked("b", "portrait.jpg", unlike, part=Part.LIST)],
        Part.PROBES: [looked("a", "1/", like_a), looked("a", "1/", like_a), looked("b", "1/", unlike)],
        Part.NONLISTED: [looked("c", "1/", unlike, part=Part.NONLISTED), looked("d", "1/", unlike, part=Part.NONLISTED)],
    }
    if without is not None:
        last = found[without].pop()
        found[without].append(looked(last.still.person, "alone.jpg", unlike, part=without))
    run = Run(options=Options(), files=shipped.find(), began=0.0, looked=found)
    _, report = figures.identified(run, datetime(2026, 11, 21, tzinfo=UTC))
    assert read_report(report).unit == unit


def test_at_most_three_pictures_are_described_until_one_reaches_the_threshold() -> None:
    better = [seen(0.1, unified=31 * 1.31**step) for step in range(MOST_LOOKS)]
    assert alerted([*better, seen(0.9, unified=99), seen(0.9, unified=99)], 0.5) == NOBODY
    assert alerted([*better[1:], seen(0.9, unified=99), seen(0.9, unified=99)], 0.5) == 7
