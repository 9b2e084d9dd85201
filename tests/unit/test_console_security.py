"""The pure rules of the edge: hosts, origins, CSRF, rates."""

from datetime import UTC, datetime, timedelta

import pytest

from bowstreet.console import headers
from bowstreet.console.limits import MAX_KEYS, Buckets, Rate
from bowstreet.console.settings import EdgeSettings
from bowstreet.runtime.clock import SimulatedClock

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8700",
        "localhost:8700",
        "LOCALHOST",
        "[::1]:8700",
        "bow.localhost",
        "bow.example.org",
        "bow.example.org.",
    ],
)
def test_own_hosts_are_allowed(host: str) -> None:
    assert headers.host_allowed(host, {"bow.example.org"})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "bow.example.org.evil.example",
        "user@127.0.0.1",
        "127.0.0.1/x",
        "127.0.0.1?x",
        "127.0.0.1:port",
        "[::1",
        "0.0.0.0",
        "192.168.0.7",
        "127.0.0.1:99999",
    ],
)
def test_other_hosts_are_not(host: str) -> None:
    assert not headers.host_allowed(host, {"bow.example.org"})


@pytest.mark.parametrize(
    ("origin", "site", "expected"),
    [
        (None, None, True),
        ("http://127.0.0.1:8700", None, True),
        ("http://127.0.0.1:8700", "same-origin", True),
        (None, "same-origin", True),
        (None, "cross-site", False),
        (None, "same-site", False),
        (None, "none", False),
        ("null", None, False),
        ("https://127.0.0.1:8700", None, False),
        ("http://127.0.0.1:8701", None, False),
        ("http://127.0.0.1:8700.evil.example", None, False),
        ("http://evil.example", "same-origin", False),
    ],
)
def test_origin(origin: str | None, site: str | None, expected: bool) -> None:
    assert headers.same_origin(origin, site, scheme="http", host="127.0.0.1:8700") is expected


def test_policy_has_no_inline_script_and_no_other_origin() -> None:
    policy = headers.content_security_policy()
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "https://tiles.example.org" in headers.content_security_policy(("https://tiles.example.org",))


def test_cookie_prefix_only_with_https() -> None:
    assert EdgeSettings(https=True).cookie.startswith("__Host-")
    assert not EdgeSettings().cookie.startswith("__")


def test_bucket_refills_with_the_clock() -> None:
    clock = SimulatedClock(START)
    buckets = Buckets(Rate(burst=2, per_s=0.5), clock)
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.take("b")
    clock.advance_to(START + timedelta(seconds=2))
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    clock.advance_to(START + timedelta(hours=1))
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]


def test_buckets_stay_small() -> None:
    clock = SimulatedClock(START)
    buckets = Buckets(Rate(burst=1, per_s=0), clock)
    for number in range(MAX_KEYS + 50):
        buckets.take(str(number))
    assert len(buckets) == MAX_KEYS


@pytest.mark.parametrize(
    ("address", "asker"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("unknown", "unknown"),
    ],
)
def test_whoever_has_a_network_of_ipv6_is_one_asker(address: str, asker: str) -> None:
    assert headers.asker_at(address) == asker
