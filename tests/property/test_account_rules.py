"""Permissions, expiry, names and pseudonyms, whatever the values."""

import unicodedata
from datetime import UTC, datetime, timedelta

from hypothesis import assume, example, given
from hypothesis import strategies as st

from bowstreet.accountability import credentials, rules
from bowstreet.accountability.attempts import MAX_KEYS, Attempts
from bowstreet.accountability.model import Session
from bowstreet.errors import BadInput
from bowstreet.runtime.clock import SimulatedClock

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
SPANS = st.timedeltas(timedelta(days=-2), timedelta(days=2))


@given(seen=SPANS, now=SPANS)
def test_a_session_lives_only_within_both_its_limits(seen: timedelta, now: timedelta) -> None:
    session = Session(session_id="s", account_id="a", opened_at=START, seen_at=START, expires_at=START + rules.SESSION_LIFE)
    live = rules.session_live(session, START + seen, START + now)
    assert live == (timedelta(0) <= now < rules.SESSION_LIFE and now - seen < rules.SESSION_IDLE)


@given(st.text(max_size=120))
def test_names_that_are_kept_are_shown_as_they_are(name: str) -> None:
    try:
        kept = rules.checked_name(name)
    except BadInput as error:
        assert error.remedy  # noqa: PT017 - whether it raises depends on the value
        return
    assert rules.checked_name(kept) == kept
    assert rules.name_key(kept) == rules.name_key(kept.upper().lower()) or kept.upper().lower() != kept.lower()
    assert 0 < len(kept) <= rules.NAME_MAX
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in kept)


@given(st.text(max_size=40))
def test_the_key_of_a_name_is_the_key_of_its_key(name: str) -> None:
    assert rules.name_key(rules.name_key(name)) == rules.name_key(name)


@given(password=st.text(max_size=300), name=st.text(min_size=1, max_size=20))
def test_passwords_are_long_enough_and_not_the_name(password: str, name: str) -> None:
    try:
        rules.checked_password(password, name)
    except BadInput as error:
        assert error.remedy  # noqa: PT017 - whether it raises depends on the value
        return
    assert rules.PASSWORD_MIN <= len(password) <= rules.PASSWORD_MAX
    assert password != name


@given(key=st.binary(min_size=32, max_size=32), other=st.binary(min_size=32, max_size=32), address=st.text(max_size=60))
def test_pseudonyms_of_addresses(key: bytes, other: bytes, address: str) -> None:
    assume(key != other)
    made = credentials.pseudonym(key, address)
    assert made == credentials.pseudonym(key, address)
    assert made != credentials.pseudonym(other, address)
    assert made != credentials.pseudonym(key, address + "x")
    assert len(made) == 20
    assert len(address) < 4 or address not in made.removeprefix("adr-")


@given(st.text(max_size=80), st.text(max_size=80))
@example("", "\x00")
def test_comparing_is_by_value(left: str, right: str) -> None:
    assert credentials.same(left, right) == (left == right)
    assert credentials.same(left, left)
    assert (credentials.csrf_of(left) == credentials.csrf_of(right)) == (left == right)


def test_tokens_have_256_bits_and_do_not_repeat() -> None:
    tokens = {credentials.new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert all(len(token) == 43 for token in tokens)


def test_attempts_are_counted_in_bounded_memory() -> None:
    attempts = Attempts(SimulatedClock(START))
    for number in range(MAX_KEYS + 500):
        attempts.allowed(f"name {number}", f"address {number}")
        attempts.succeeded(f"name {number}", f"address {number}")
    assert len(attempts._addresses._left) <= MAX_KEYS
    assert len(attempts._known) <= MAX_KEYS


@given(st.lists(st.floats(0, 600), max_size=200))
def test_no_pattern_of_guessing_gets_more_than_the_rate(pauses: list[float]) -> None:
    clock = SimulatedClock(START)
    attempts = Attempts(clock)
    allowed = 0
    for number, pause in enumerate(pauses):
        clock.advance_to(clock.now() + timedelta(seconds=pause))
        allowed += attempts.allowed("ada", f"address {number}")
    assert allowed <= 10 + (clock.now() - START).total_seconds() / 60 + 1e-6
