"""Who may be sent to, what is told, and when it is tried again: whatever is given."""

import json
import string
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.recognition_world import NOW

from bowstreet.errors import BadInput, Refused
from bowstreet.recognition.alerts import rules as alert_rules
from bowstreet.recognition.alerts.model import Alert, AlertState, Judgement
from bowstreet.recognition.callouts import rules
from bowstreet.recognition.callouts.model import KNOWN_HOSTS, Answer, Attempt, Call
from bowstreet.recognition.model import Category, Risk

INSIDE = [
    ip_network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/4",
    )
]
FACES = st.sampled_from(["https://", "http://", "HTTPS://", "//", "https:/", "wss://"])
HOSTS = st.sampled_from([*KNOWN_HOSTS, "fcm.googleapis.com.evil.example", "xfcm.googleapis.com", "127.0.0.1", "[::1]", "a.push.apple.com",
                         "push.apple.com", "localhost", "1.2.3.4.", "fcm.googleapis.com.", "FCM.googleapis.com", "fcm。googleapis.com"])  # fmt: skip
TAILS = st.text(string.printable + "é\u202e", max_size=30)


@given(st.text(max_size=300) | st.builds("".join, st.tuples(FACES, st.text("@:\\/a1", max_size=4), HOSTS, TAILS)))
@example("https://fcm.googleapis.com/fcm/send/abc:def-_")
@example("https://fcm.googleapis.com/fcm/send/abc#")
def test_what_is_taken_is_plain_https_to_an_allowed_name(endpoint: str) -> None:
    try:
        host = rules.endpoint_host(endpoint)
    except BadInput:
        return
    parts = urlsplit(endpoint)
    assert parts.scheme == "https"
    assert (parts.hostname or "").rstrip(".") == host
    assert parts.port in (None, 443)
    assert parts.username is None
    assert not set(endpoint) & set(" \r\n\t\\#")
    if rules.host_allowed(host, KNOWN_HOSTS):
        assert host in KNOWN_HOSTS or host.endswith((".push.apple.com", ".notify.windows.com"))


@given(st.sampled_from(KNOWN_HOSTS), st.text(string.ascii_lowercase + ".-", max_size=20))
def test_no_name_beside_an_allowed_one_is_allowed(allowed: str, more: str) -> None:
    base = allowed.removeprefix("*.")
    assert rules.host_allowed(f"{more}.{base}", [allowed]) is allowed.startswith("*.")
    assert not rules.host_allowed(f"{base}.{more}x", [allowed])
    assert not rules.host_allowed(f"x{more}-{base}", [allowed])
    assert rules.host_allowed(base, [allowed]) is not allowed.startswith("*.")


@given(st.integers(0, 2**32 - 1), st.sampled_from(INSIDE))
def test_nothing_within_is_reachable_in_whatever_clothes(number: int, inside: object) -> None:
    network = inside
    address = IPv4Address(int(network.network_address) | number & int(network.hostmask))  # type: ignore[attr-defined]
    assert not rules.reachable(address)
    for dressed in (0xFFFF << 32, 0x64FF9B << 96, 0x2002 << 112):
        bits = int(address) << 80 if dressed == 0x2002 << 112 else int(address)
        assert not rules.reachable(IPv6Address(dressed | bits)), IPv6Address(dressed | bits)


@pytest.mark.parametrize("said", ["142.250.1.1", "2a00:1450:4009::200e"])
def test_what_is_public_is(said: str) -> None:
    assert rules.reachable(IPv6Address(said) if ":" in said else IPv4Address(said))


@given(st.text(max_size=200), st.text(max_size=60))
def test_keys_are_taken_or_refused_and_nothing_else(point: str, secret: str) -> None:
    with pytest.raises((BadInput, Refused)):
        rules.push_address("https://fcm.googleapis.com/x", point, secret, KNOWN_HOSTS)


IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", fullmatch=True)


@given(IDS, IDS, st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_call_is_ids_alone_and_its_topic_tells_none(alert: str, deployment: str, secret: bytes, other: bytes) -> None:
    call = Call(alert_id=alert, deployment_id=deployment)
    assert json.loads(rules.words(call)) == {"alert": alert, "deployment": deployment}
    assert len(rules.words(call)) <= rules.PADDED_BYTES
    topic = rules.topic(call, secret)
    assert len(topic) <= 32
    assert set(topic) <= set(string.ascii_letters + string.digits + "-_")
    assert (rules.topic(call, other) == topic) is (other == secret)


@given(st.integers(1, 200), st.floats(0, 700), st.floats(0, 1_000), st.sampled_from(Answer))
def test_it_is_tried_again_later_and_later_and_never_beyond_the_alert(
    tries: int, left_s: float, asked_s: float, answer: Answer
) -> None:
    wait = rules.next_wait(Attempt(answer=answer, wait_s=asked_s), tries, left_s)
    if answer is not Answer.LATER:
        assert wait is None
        return
    if wait is not None:
        assert asked_s <= wait
        assert rules.FIRST_WAIT_S <= wait <= max(asked_s, rules.LONGEST_WAIT_S)
        assert wait + rules.LEAST_LEFT_S <= left_s
        assert wait >= (rules.next_wait(Attempt(answer=answer, wait_s=asked_s), max(1, tries - 1), left_s) or 0)


@given(st.integers(100, 599), st.text(max_size=12))
def test_every_status_is_one_of_four_and_a_redirect_is_never_followed(status: int, said: str) -> None:
    answer = rules.answered(status, rules.retry_after_s(said)).answer
    assert (answer is Answer.SENT) is (status in (200, 201, 202, 204))
    assert (answer is Answer.GONE) is (status in (404, 410))
    if 300 <= status < 400:
        assert answer is Answer.REJECTED
    assert 0 <= rules.retry_after_s(said) <= 600


def an_alert(state: AlertState) -> Alert:
    return Alert(
        alert_id="alr-1", deployment_id="dep-1", camera_id="north", track_id="1", person_id="per-1", category=Category.MISSING,
        risk=Risk.NONE_KNOWN, minor_or_vulnerable=False, score=0.7, threshold=0.5, quality=0.7, looks=3, seen_at=NOW, raised_at=NOW,
        borough="Islington", state=state, claimed_by="acc-1" if state is AlertState.CLAIMED else "", claimed_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("state", AlertState)
def test_officers_are_called_while_an_alert_waits_and_for_no_volunteer(state: AlertState) -> None:
    waiting = rules.waits(an_alert(state))
    assert (waiting is not None) is (state is AlertState.RAISED)
    if waiting is not None:
        assert waiting.until == NOW + alert_rules.LAPSES_AFTER


def test_a_second_opinion_is_another_officers() -> None:
    asked = alert_rules.opinion_asked(an_alert(AlertState.CLAIMED), "acc-1", NOW + timedelta(seconds=5))
    waiting = rules.waits(asked)
    assert waiting is not None
    assert (waiting.not_for, waiting.until) == ("acc-1", NOW + timedelta(seconds=5) + alert_rules.OPINION_WITHIN)
    looked = alert_rules.viewed(asked, "acc-2")
    assert (
        rules.waits(alert_rules.opinion_given(looked, "acc-2", Judgement.SAME, datetime(2026, 11, 23, 9, 1, tzinfo=UTC))) is None
    )
