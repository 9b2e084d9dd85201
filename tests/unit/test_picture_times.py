"""When pictures were taken, as a viewer is told: believed only where it can be, and with the stamps that its player shows."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bowstreet.video import rules
from bowstreet.video.model import CapturedBy
from bowstreet.video.times import APART_US, MOST_KEPT, PictureTimes

NOW = 1_795_000_000_000_000


def told(received_us: int, captured_us: int, by: CapturedBy = CapturedBy.METADATA) -> tuple[int, CapturedBy]:
    times = PictureTimes()
    times.note(90, received_us, captured_us, by)
    [one] = times.told()
    return one.captured_us, one.captured_by


def test_a_clock_that_cannot_be_is_not_believed() -> None:
    assert told(NOW, NOW - 40_000) == (NOW - 40_000, CapturedBy.METADATA)
    for wrong in (NOW + rules.MOST_AHEAD_US + 1, NOW - rules.MOST_BEHIND_US - 1, 0):
        assert told(NOW, wrong) == (0, CapturedBy.NOBODY)
    assert told(NOW, NOW - 40_000, CapturedBy.NOBODY) == (0, CapturedBy.NOBODY)


@given(st.lists(st.integers(0, 400_000), max_size=200))
def test_at_most_ten_a_second_and_the_latest_are_kept(steps: list[int]) -> None:
    times, at = PictureTimes(), NOW
    for number, step in enumerate(steps):
        at += step
        times.note(number, at, at - 1_000, CapturedBy.SENDER)
    kept = times.told()
    assert len(kept) <= MOST_KEPT
    assert all(later.received_us - earlier.received_us >= APART_US for earlier, later in itertools.pairwise(kept))
    assert [one.stamp for one in kept] == sorted(one.stamp for one in kept)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**33))
def test_stamps_are_told_as_the_player_counts(origin: int, stamp: int) -> None:
    times = PictureTimes()
    times.note(stamp, NOW, NOW, CapturedBy.METADATA)
    assert times.told(origin, 1 << 32)[0].stamp == (stamp + origin) % 2**32
