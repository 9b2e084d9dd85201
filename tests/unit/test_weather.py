"""The simulated wind: repeatable, within what winds do, and moved by the clock alone."""

from datetime import UTC, datetime, timedelta

import numpy as np

from bowstreet.runtime.clock import SimulatedClock
from bowstreet.simulation.weather import GUST_FACTOR, MEAN_SPEED_MPS, STEP_S, SeededWind

START = datetime(2026, 11, 23, tzinfo=UTC)


def _series(seed: int, hours: int, every_s: float = STEP_S) -> list[tuple[float, float]]:
    clock = SimulatedClock(START)
    source = SeededWind(seed, clock)
    found = []
    for step in range(int(hours * 3600 / every_s)):
        clock.advance_to(START + timedelta(seconds=step * every_s))
        found.append((source.wind().speed_mps, source.wind().from_deg))
    return found


def test_same_seed_same_wind_and_another_seed_another() -> None:
    assert _series(1, 48) == _series(1, 48)
    assert _series(1, 48) != _series(2, 48)


def test_wind_depends_on_the_time_not_on_how_often_it_is_asked() -> None:
    assert _series(3, 24, STEP_S)[::6] == _series(3, 24, 6 * STEP_S)


def test_the_same_report_holds_for_a_step() -> None:
    clock = SimulatedClock(START)
    source = SeededWind(1, clock)
    first = source.wind()
    clock.advance_to(START + timedelta(seconds=STEP_S - 1))
    assert source.wind() is first
    clock.advance_to(source.changes_at)
    assert source.wind() is not first


def test_long_run_has_the_climate_that_it_claims() -> None:
    speeds = np.array([speed for seed in range(20) for speed, _ in _series(seed, 24 * 30, 3600.0)])
    assert abs(speeds.mean() - MEAN_SPEED_MPS) < 0.35
    # A Rayleigh distribution has its median at 0.939 of its mean, and 99% below 2.42 times the mean.
    assert abs(np.median(speeds) / speeds.mean() - 0.939) < 0.05
    assert 1.9 < np.percentile(speeds, 99) / speeds.mean() < 2.9
    assert speeds.min() >= 0.0


def test_gusts_are_above_the_mean_and_directions_on_the_compass() -> None:
    clock = SimulatedClock(START)
    source = SeededWind(5, clock)
    for hour in range(200):
        clock.advance_to(START + timedelta(hours=hour))
        wind = source.wind()
        assert wind.gust_mps == wind.speed_mps * GUST_FACTOR
        assert 0.0 <= wind.from_deg < 360.0
