"""Rates over both denominators, with exact intervals, against figures that were published."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bowstreet.accountability.disclosure.rates import clopper_pearson, false_alerts, rate


@pytest.mark.requirement("R15")
def test_the_metropolitan_police_year_over_both_denominators() -> None:
    """September 2024 to September 2025: 10 false alerts of 2,077, over 3,147,436 faces."""
    told = false_alerts(10, 2_077, 3_147_436)
    assert told.over_alerts.share == pytest.approx(0.0048, abs=5e-5)
    assert told.over_faces.share == pytest.approx(0.000003, abs=5e-7)
    assert (told.over_alerts.interval.low, told.over_alerts.interval.high) == pytest.approx((0.00231, 0.00884), abs=2e-5)
    assert told.over_faces.interval.low < 10 / 3_147_436 < told.over_faces.interval.high


@pytest.mark.requirement("R15")
def test_eight_of_ten_is_anything_from_44_to_97_percent() -> None:
    found = clopper_pearson(8, 10)
    assert (round(found.low, 2), round(found.high, 2)) == (0.44, 0.97)


def test_none_of_18000_shows_what_one_in_6000_needs() -> None:
    """The rule of three: none in some 18,000 searches shows a rate of at most 1 in 6,000, one-sided at 95%."""
    assert clopper_pearson(0, 17_973, confidence=0.90).high <= 1 / 6_000 < clopper_pearson(0, 17_900, confidence=0.90).high


def test_ends_and_what_is_no_share() -> None:
    assert (clopper_pearson(0, 7).low, clopper_pearson(7, 7).high) == (0.0, 1.0)
    assert (rate(0, 0).share, rate(0, 0).interval.low, rate(0, 0).interval.high) == (None, 0.0, 1.0)
    for count, of in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match=" of "):
            clopper_pearson(count, of)
    with pytest.raises(ValueError, match="faces"):
        false_alerts(1, 3, 2)


@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_it_is_exact_by_the_binomial_itself(pair: tuple[int, int]) -> None:
    """At each end of the interval, so few or so many come by chance in one case of forty (scipy's binomial, not its beta)."""
    count, of = pair
    found = clopper_pearson(count, of)
    assert found.low <= count / of <= found.high
    if count:
        assert math.isclose(binom.sf(count - 1, of, found.low), 0.025, rel_tol=1e-6)
    if count < of:
        assert math.isclose(binom.cdf(count, of, found.high), 0.025, rel_tol=1e-6)
