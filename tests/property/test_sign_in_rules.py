"""What passkeys are good at, and what a provider's word makes of somebody: for all hosts, counters and claims."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bowstreet.accountability.model import Passkey, Role
from bowstreet.accountability.sign_in import rules

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
MAPPING = (("a", Role.SUPERVISOR), ("b", Role.PILOT), ("c", Role.SUPERVISOR))


@given(st.ip_addresses().map(lambda one: f"[{one}]" if isinstance(one, IPv6Address) else str(one)))
def test_no_number_has_passkeys(host: str) -> None:
    assert rules.rp_id_of(host) is None
    assert rules.why_no_passkeys(host, https=True)


@pytest.mark.parametrize(
    ("host", "https", "works"),
    [
        ("localhost", False, True), ("bow.localhost", False, True), ("bow.example", True, True), ("bow.example", False, False),
        ("localhost.example", False, False), ("", True, False), ("-bow.example", True, False), ("bow..example", True, False),
        ("a" * 64 + ".example", True, False),
    ],
)  # fmt: skip
def test_names_have(host: str, https: bool, works: bool) -> None:
    assert (rules.why_no_passkeys(host, https=https) == "") is works


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_counter_only_goes_on(before: int, said: int) -> None:
    key = Passkey(passkey_id="p", label="p", credential_id=b"", public_key=b"", sign_count=before, rp_id="localhost", made_at=NOW)
    assert rules.counter_regressed(key, said) is not (said > before or said == before == 0)


@given(ANYTHING)
def test_a_role_comes_only_from_a_group_that_is_mapped(value: object) -> None:
    role = rules.role_of({"groups": value}, "groups", MAPPING)
    named = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    assert role is next((one for group, one in MAPPING if group in [word for word in named if isinstance(word, str)]), None)


@given(st.permutations(["a", "b", "c"]), st.sets(st.sampled_from(["a", "b", "c"]), min_size=1))
def test_the_mappings_order_decides_not_the_claims(order: list[str], groups: set[str]) -> None:
    claim = [one for one in order if one in groups]
    assert rules.role_of({"g": claim}, "g", MAPPING) is dict(MAPPING)[min(groups)]


@given(ANYTHING, ANYTHING)
@example("force.example", True)
@example("@force.example", True)
@example("a@force.example", True)
def test_an_address_counts_only_when_it_was_verified(email: object, verified: object) -> None:
    assert rules.domain_allowed({"email": email, "email_verified": verified}, ())
    allowed = rules.domain_allowed({"email": email, "email_verified": verified}, ("force.example",))
    assert not allowed or (verified is True and str(email).casefold().endswith("@force.example") and str(email)[0] != "@")


@given(ANYTHING)
def test_only_a_later_sign_in_is_a_fresh_proof(auth_time: object) -> None:
    fresh = rules.proved_afresh({"auth_time": auth_time}, NOW)
    assert not fresh or (isinstance(auth_time, int | float) and auth_time >= (NOW - rules.SKEW).timestamp())
    assert rules.proved_afresh({"auth_time": int(NOW.timestamp())}, NOW)
    assert not rules.proved_afresh({"auth_time": int((NOW - timedelta(minutes=2)).timestamp())}, NOW)
    assert not rules.proved_afresh({}, NOW)


def test_addresses_are_addresses() -> None:
    assert rules.rp_id_of(str(IPv4Address("127.0.0.1"))) is None
