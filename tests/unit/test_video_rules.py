"""What a drone's camera may do, stage by stage (D2), and how a stream comes back."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.console.missions import LookDown
from bowstreet.video import rules
from bowstreet.video.model import StreamState
from bowstreet.video.rules import Override, Stage, camera_order

NOW = datetime(2026, 11, 28, 4, tzinfo=UTC)
ORDERED = Override(by="acc-1", reason="threat-to-life", at=NOW)


@pytest.mark.requirement("D2")
@pytest.mark.parametrize(
    ("stage", "level", "recording", "live"),
    [
        (Stage.GROUND, True, False, False),
        (Stage.TRANSIT, True, False, True),
        (Stage.ON_SCENE, False, True, True),
        (Stage.LEAVING, True, False, True),
    ],
)
def test_the_table_of_stages(stage: Stage, level: bool, recording: bool, live: bool) -> None:
    order = camera_order(stage, None, NOW, record_ready=True)
    assert (order.level, order.recording, order.live) == (level, recording, live)


@pytest.mark.requirement("D2")
@given(st.sampled_from(Stage), st.booleans(), st.none() | st.timedeltas(timedelta(-1), timedelta(1)))
def test_nothing_is_recorded_with_a_level_camera_or_without_the_record(
    stage: Stage, record_ready: bool, ago: timedelta | None
) -> None:
    override = None if ago is None else Override(by="acc-1", reason="threat-to-life", at=NOW - ago)
    order = camera_order(stage, override, NOW, record_ready=record_ready)
    assert not (order.recording and order.level)
    assert not (order.recording and not record_ready)
    assert not (order.recording and not order.live)
    assert stage is not Stage.GROUND or not (order.live or order.recording)


@pytest.mark.requirement("D2")
def test_an_override_in_transit_ends_by_itself() -> None:
    at_once = camera_order(Stage.TRANSIT, ORDERED, NOW, record_ready=True)
    assert (at_once.level, at_once.recording) == (False, True)
    after = camera_order(Stage.TRANSIT, ORDERED, NOW + rules.OVERRIDE_LIFE, record_ready=True)
    assert (after.level, after.recording) == (True, False)


def test_the_reasons_that_people_may_give_are_those_of_the_rules() -> None:
    assert get_args(get_type_hints(LookDown)["reason"]) == rules.OVERRIDE_REASONS


def test_the_wait_before_connecting_anew_grows_and_is_bounded() -> None:
    waits = [rules.back_off_s(failures) for failures in range(1, 40)]
    assert waits[0] == rules.FIRST_BACK_OFF_S
    assert all(a <= b for a, b in itertools.pairwise(waits))
    assert max(waits) == rules.MOST_BACK_OFF_S


def test_silence_is_a_stall_and_then_a_reason_to_connect_anew() -> None:
    assert rules.stream_state(0.1, had_unit=False) is StreamState.CONNECTING
    assert rules.stream_state(0.1, had_unit=True) is StreamState.LIVE
    assert rules.stream_state(rules.STALL_S, had_unit=True) is StreamState.STALLED
    assert not rules.reconnects(rules.RECONNECT_S - 0.1)
    assert rules.reconnects(rules.RECONNECT_S)
