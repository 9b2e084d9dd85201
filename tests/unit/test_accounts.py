"""Accounts: no default password, no way to learn who exists, sessions that end, and every refusal in the ledger."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import argon2
import pytest
from msgspec.structs import replace

from bowstreet.accountability import ledger, rules
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.model import Account, Action, Identity, Opened, Role
from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BadInput, Conflict, NotFound, NotPermitted, NotSignedIn, Refused, TooManyAttempts
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Store
from bowstreet.runtime.sqlite import SqliteStore

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
HOME, AWAY = "192.0.2.1", "198.51.100.7"
SECRET = "three unrelated words"
# The cheapest that argon2 allows: these tests are about what happens around the hash.
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class House:
    """One operation's accounts, started."""

    def __init__(self, store: Store, hasher: argon2.PasswordHasher = CHEAP) -> None:
        self.store = store
        self.clock = SimulatedClock(START)
        recorder = Recorder(store, InlineBus(), self.clock)
        self.accounts = Accounts(
            recorder, self.clock, SeededIds(1, self.clock), passwords=Passwords(hasher), real_clock=self.clock
        )

    async def started(self) -> "House":
        await self.accounts.load(self.store)
        return self

    async def first(self) -> Opened:
        token = await self.accounts.new_setup_token()
        assert token is not None
        return await self.accounts.set_up(token, "Ada", SECRET, HOME)

    async def member(self, by: Opened, name: str, role: Role) -> Account:
        return await self.accounts.create(by.identity, name, role, SECRET + name)

    async def fails(self, name: str, address: str) -> Exception:
        with pytest.raises((NotSignedIn, TooManyAttempts)) as caught:
            await self.accounts.sign_in(name, "guess", address)
        return caught.value

    async def entries(self) -> list[tuple[str, str]]:
        return [(entry.kind, entry.subject) for entry in [ledger.read_entry(row.entry) async for row in self.store.log_rows()]]

    async def rules_denied(self) -> list[str]:
        messages = [ledger.message_of(row) async for row in self.store.log_rows()]
        return [message.rule for message in messages if message is not None and hasattr(message, "rule")]

    def later(self, by: timedelta) -> None:
        self.clock.advance_to(self.clock.now() + by)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = await House(MemoryStore()).started()
    yield house
    house.accounts.close()


# --- the first start -------------------------------------------------------------------------------------------------


async def test_the_first_account_needs_the_one_time_token(house: House) -> None:
    assert house.accounts.needs_setup
    opened = await house.first()
    assert opened.identity.role is Role.SUPERVISOR
    assert house.accounts.authenticate(opened.token) == opened.identity
    assert not house.accounts.needs_setup
    assert await house.accounts.new_setup_token() is None
    kinds = [kind for kind, _ in await house.entries()]
    assert kinds == ["AccountChanged", "SignedIn"]


async def test_the_setup_token_is_good_once(house: House) -> None:
    token = await house.accounts.new_setup_token()
    assert token is not None
    await house.accounts.set_up(token, "Ada", SECRET, HOME)
    with pytest.raises(NotSignedIn):
        await house.accounts.set_up(token, "Eve", SECRET, HOME)
    assert [account.name for account in house.accounts.all()] == ["Ada"]


async def test_two_who_race_for_it(house: House) -> None:
    token = await house.accounts.new_setup_token()
    assert token is not None
    both = await asyncio.gather(
        house.accounts.set_up(token, "Ada", SECRET, HOME),
        house.accounts.set_up(token, "Eve", SECRET, AWAY),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Opened) for one in both) == 1
    assert len(house.accounts.all()) == 1


async def test_each_start_makes_a_new_one_and_voids_the_last(house: House) -> None:
    old = await house.accounts.new_setup_token()
    new = await house.accounts.new_setup_token()
    assert old is not None
    assert new is not None
    assert old != new
    with pytest.raises(NotSignedIn):
        await house.accounts.set_up(old, "Ada", SECRET, HOME)
    await house.accounts.set_up(new, "Ada", SECRET, HOME)


async def test_it_expires_and_a_poor_password_does_not_spend_it(house: House) -> None:
    token = await house.accounts.new_setup_token()
    assert token is not None
    with pytest.raises(BadInput):
        await house.accounts.set_up(token, "Ada", "short", HOME)
    house.later(rules.SETUP_LIFE)
    with pytest.raises(NotSignedIn):
        await house.accounts.set_up(token, "Ada", SECRET, HOME)
    assert await house.rules_denied() == ["setup-token-expired"]


async def test_an_empty_token_is_not_the_absent_one(house: House) -> None:
    for token in ("", "\ud800"):
        with pytest.raises(NotSignedIn):
            await house.accounts.set_up(token, "Ada", SECRET, HOME)


# --- signing in ------------------------------------------------------------------------------------------------------


async def test_sign_in_and_out(house: House) -> None:
    await house.first()
    opened = await house.accounts.sign_in("  ＡＤＡ ", SECRET, HOME)
    assert house.accounts.authenticate(opened.token).name == "Ada"
    await house.accounts.sign_out(opened.token)
    with pytest.raises(NotSignedIn):
        house.accounts.authenticate(opened.token)
    await house.accounts.sign_out(opened.token)


@pytest.mark.parametrize(
    ("name", "password"), [("Ada", "wrong"), ("nobody", SECRET), ("", ""), ("Ada", "x" * 5_000), ("Ada\x00", SECRET)]
)
async def test_wrong_is_wrong_and_looks_the_same(house: House, name: str, password: str) -> None:
    await house.first()
    with pytest.raises(NotSignedIn) as caught:
        await house.accounts.sign_in(name, password, HOME)
    assert str(caught.value) == "name or password is wrong; try again, or ask a supervisor"
    assert await house.rules_denied() == ["credentials"]


async def test_unknown_names_cost_as_much_as_known_ones() -> None:
    """Counted in hashes, not in seconds: the same verifications are made whether or not the name exists."""

    class Counting(argon2.PasswordHasher):
        verified = 0

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
            Counting.verified += 1
            return super().verify(hash, password)

    house = await House(MemoryStore(), Counting(time_cost=1, memory_cost=8, parallelism=1)).started()
    opened = await house.first()
    await house.member(opened, "Bob", Role.VIEWER)
    await house.accounts.disable(opened.identity, house.accounts.all()[1].account_id)
    counts = []
    for name, password in (("Ada", "wrong"), ("nobody", "wrong"), ("Bob", SECRET + "Bob"), ("Ada", SECRET)):
        before = Counting.verified
        with pytest.raises(NotSignedIn) if password != SECRET else _nothing():
            await house.accounts.sign_in(name, password, HOME)
        counts.append(Counting.verified - before)
    assert counts == [1, 1, 1, 1]
    house.accounts.close()


class _nothing:  # noqa: N801 - a context manager named as one
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


async def test_guessing_is_slowed_alike_for_all_names(house: House) -> None:
    await house.first()
    tried = {}
    for name in ("Ada", "nobody"):
        tried[name] = [type(await house.fails(name, f"203.0.113.{number}")) for number in range(12)]
    assert tried["Ada"] == tried["nobody"] == [NotSignedIn] * 10 + [TooManyAttempts] * 2


async def test_the_owner_is_not_locked_out_by_a_guesser_elsewhere(house: House) -> None:
    await house.first()
    await house.accounts.sign_in("Ada", SECRET, HOME)
    for number in range(10):
        with pytest.raises(NotSignedIn):
            await house.accounts.sign_in("Ada", "guess", f"203.0.113.{number}")
    with pytest.raises(TooManyAttempts):
        await house.accounts.sign_in("Ada", SECRET, AWAY)
    assert (await house.accounts.sign_in("Ada", SECRET, HOME)).identity.name == "Ada"
    house.later(timedelta(minutes=2))
    assert (await house.accounts.sign_in("Ada", SECRET, AWAY)).identity.name == "Ada"


async def test_one_address_may_not_try_many_names(house: House) -> None:
    await house.first()
    outcomes = [type(await house.fails(f"name {number}", AWAY)) for number in range(40)]
    assert outcomes == [NotSignedIn] * 30 + [TooManyAttempts] * 10


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_sessions_end_by_idleness_and_by_age(house: House) -> None:
    opened = await house.first()
    for _ in range(3):
        house.later(rules.SESSION_IDLE - timedelta(seconds=1))
        house.accounts.authenticate(opened.token)
    house.later(rules.SESSION_IDLE - timedelta(seconds=1))
    house.accounts.authenticate(opened.token, touch=False)  # looking is not using
    house.later(timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        house.accounts.authenticate(opened.token)

    opened = await house.accounts.sign_in("Ada", SECRET, HOME)
    for _ in range(int(rules.SESSION_LIFE / timedelta(minutes=20)) - 1):
        house.later(timedelta(minutes=20))
        house.accounts.authenticate(opened.token)
    house.later(timedelta(minutes=20))
    with pytest.raises(NotSignedIn):
        house.accounts.authenticate(opened.token)


async def test_sessions_outlive_a_restart_and_tokens_are_not_in_the_store(tmp_path: Path) -> None:
    house = await House(SqliteStore(tmp_path / "record.db")).started()
    opened = await house.first()
    _, secret = await house.accounts.tokens.issue(house.accounts.authenticate(opened.token), "CAD")
    house.later(timedelta(minutes=20))
    house.accounts.authenticate(opened.token)
    await house.accounts.tidy()
    await house.store.close()
    house.accounts.close()
    again = House(SqliteStore(tmp_path / "record.db"))
    again.clock.advance_to(START + timedelta(minutes=40))
    await again.started()
    assert again.accounts.authenticate(opened.token) == replace(opened.identity, proved_s=40 * 60)
    assert again.accounts.tokens.authenticate(secret).role is Role.CAD
    assert not again.accounts.needs_setup
    again.later(timedelta(hours=13))
    await again.accounts.tidy()
    assert await again.store.find("session") == []
    await again.store.close()
    again.accounts.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for kept_nowhere in (opened.token, opened.csrf, secret, SECRET):
        assert kept_nowhere.encode() not in stored


async def test_the_ledger_holds_no_name_and_no_address(house: House) -> None:
    await house.first()
    with pytest.raises(NotSignedIn):
        await house.accounts.sign_in("Grace Hopper", "wrong", AWAY)
    everything = b"".join([row.entry + (row.payload or b"") async for row in house.store.log_rows()])
    for personal in (b"Ada", b"Grace", AWAY.encode(), HOME.encode()):
        assert personal not in everything
    assert house.accounts.subject_of(AWAY).encode() in everything


async def test_old_sessions_make_room(house: House) -> None:
    first = await house.first()
    for _ in range(rules.SESSIONS_BY_ACCOUNT):
        house.later(timedelta(seconds=1))
        last = await house.accounts.sign_in("Ada", SECRET, HOME)
    house.accounts.authenticate(last.token)
    with pytest.raises(NotSignedIn):
        house.accounts.authenticate(first.token)


async def test_the_csrf_value_belongs_to_its_session(house: House) -> None:
    first = await house.first()
    second = await house.accounts.sign_in("Ada", SECRET, HOME)
    assert first.csrf != second.csrf
    assert house.accounts.csrf_of(first.token) == first.csrf
    assert house.accounts.csrf_matches(first.token, first.csrf)
    for wrong in (second.csrf, "", first.csrf[:-1], "é", "\ud800"):
        assert not house.accounts.csrf_matches(first.token, wrong)


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800", "a" * 10_000])
async def test_made_up_tokens(house: House, token: str) -> None:
    await house.first()
    with pytest.raises(NotSignedIn):
        house.accounts.authenticate(token)
    with pytest.raises(NotSignedIn):
        house.accounts.tokens.authenticate(token)


# --- managing --------------------------------------------------------------------------------------------------------


async def test_disabling_ends_every_session(house: House) -> None:
    ada = await house.first()
    bob = await house.member(ada, "Bob", Role.PILOT)
    opened = [await house.accounts.sign_in("Bob", SECRET + "Bob", HOME) for _ in range(3)]
    await house.accounts.disable(ada.identity, bob.account_id)
    for one in opened:
        with pytest.raises(NotSignedIn):
            house.accounts.authenticate(one.token)
    with pytest.raises(NotSignedIn):
        await house.accounts.sign_in("Bob", SECRET + "Bob", HOME)
    assert ("AccountChanged", bob.account_id) in await house.entries()
    await house.accounts.disable(ada.identity, bob.account_id)


async def test_disabled_while_the_password_is_checked(house: House) -> None:
    ada = await house.first()
    bob = await house.member(ada, "Bob", Role.PILOT)
    signing = asyncio.ensure_future(house.accounts.sign_in("Bob", SECRET + "Bob", HOME))
    await asyncio.sleep(0)
    await house.accounts.disable(ada.identity, bob.account_id)
    with pytest.raises(NotSignedIn):
        await signing


async def test_the_last_supervisor_stays(house: House) -> None:
    ada = await house.first()
    with pytest.raises(Refused):
        await house.accounts.disable(ada.identity, ada.identity.account_id)
    await house.member(ada, "Bob", Role.SUPERVISOR)
    await house.accounts.disable(ada.identity, ada.identity.account_id)


async def test_only_supervisors_manage_and_refusals_are_recorded(house: House) -> None:
    ada = await house.first()
    for role in (Role.VIEWER, Role.DISPATCHER, Role.PILOT, Role.REGULATOR):
        await house.member(ada, f"{role} person", role)
        other = (await house.accounts.sign_in(f"{role} person", f"{SECRET}{role} person", HOME)).identity
        for attempt in (
            house.accounts.create(other, "New", Role.VIEWER, SECRET),
            house.accounts.disable(other, ada.identity.account_id),
            house.accounts.tokens.issue(other, "CAD"),
            house.accounts.tokens.revoke(other, "svc-x"),
        ):
            with pytest.raises(NotPermitted):
                await attempt
        assert (await house.rules_denied())[-4:] == [f"role:{role}"] * 4
        assert (await house.entries())[-1] == ("AccessDenied", other.account_id)


async def test_names_are_unique_whatever_their_case(house: House) -> None:
    ada = await house.first()
    with pytest.raises(Conflict):
        await house.accounts.create(ada.identity, "ADA", Role.VIEWER, SECRET)
    both = await asyncio.gather(*(house.member(ada, name, Role.VIEWER) for name in ("Straße", "STRASSE")), return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in both) == 1


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", SECRET),
        ("x" * 81, SECRET),
        ("a\u202eb", SECRET),
        ("Bob", "short"),
        ("Bob", "a" * 20),
        ("Bob", "x" * 257),
        ("\u200b", SECRET),
    ],
)
async def test_poor_names_and_passwords(house: House, name: str, password: str) -> None:
    ada = await house.first()
    with pytest.raises(BadInput):
        await house.accounts.create(ada.identity, name, Role.VIEWER, password)


async def test_changing_the_password_ends_all_sessions(house: House) -> None:
    ada = await house.first()
    with pytest.raises(NotSignedIn):
        await house.accounts.change_password(ada.identity, "wrong", "another three words", HOME)
    await house.accounts.change_password(ada.identity, SECRET, "another three words", HOME)
    with pytest.raises(NotSignedIn):
        house.accounts.authenticate(ada.token)
    with pytest.raises(NotSignedIn):
        await house.accounts.sign_in("Ada", SECRET, HOME)
    await house.accounts.sign_in("Ada", "another three words", HOME)


async def test_service_tokens(house: House) -> None:
    ada = await house.first()
    token, secret = await house.accounts.tokens.issue(ada.identity, "CAD of the Met")
    cad = house.accounts.tokens.authenticate(secret)
    assert (cad.role, cad.may) == (Role.CAD, (Action.REPORT,))
    assert secret not in repr(token)
    with pytest.raises(BadInput):
        await house.accounts.tokens.issue(ada.identity, "too much", Role.SUPERVISOR)
    await house.accounts.tokens.revoke(ada.identity, token.token_id)
    with pytest.raises(NotSignedIn):
        house.accounts.tokens.authenticate(secret)
    with pytest.raises(NotFound):
        await house.accounts.tokens.revoke(ada.identity, "svc-none")


async def test_hashes_are_renewed_when_the_cost_changes() -> None:
    house = await House(MemoryStore()).started()
    await house.first()
    dearer = argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    again = await House(house.store, dearer).started()
    await again.accounts.sign_in("Ada", SECRET, HOME)
    assert "m=16,t=2" in again.accounts.all()[0].password_hash
    await again.accounts.sign_in("Ada", SECRET, HOME)
    house.accounts.close()
    again.accounts.close()


async def test_the_default_cost_is_rfc_9106() -> None:
    passwords = Passwords()
    hashed = await passwords.hash(SECRET)
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await passwords.verify(hashed, SECRET)
    assert not await passwords.verify(None, SECRET)
    passwords.close()


# --- permission ------------------------------------------------------------------------------------------------------


async def test_require_passes_what_is_allowed(house: House) -> None:
    pilot = Identity(account_id="acc-1", name="P", role=Role.PILOT, may=house.accounts.policy.actions_of(Role.PILOT))
    await house.accounts.require(pilot, Action.CONTROL)
    with pytest.raises(NotPermitted):
        await house.accounts.require(pilot, Action.LAUNCH)
