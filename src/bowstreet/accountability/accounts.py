"""Signing in, and who may do what. Every sign-in, change and refusal is in the ledger, under pseudonymous ids.

The other ways in, passkeys and an identity provider, are in `sign_in`; they open sessions here.
"""

import secrets

from msgspec.structs import replace

from bowstreet.accountability import credentials, rules
from bowstreet.accountability.attempts import Attempts
from bowstreet.accountability.authority.policy import EVERYWHERE, AccessPolicy, Decision, What, Who, shipped
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.model import (
    Account,
    Action,
    AddressKey,
    HeldPasskeys,
    How,
    Identity,
    Opened,
    Role,
    Session,
    SetupToken,
)
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.service_tokens import ServiceTokens
from bowstreet.accountability.sessions import Sessions
from bowstreet.errors import BadInput, Conflict, NotFound, NotPermitted, NotSignedIn, ProofNeeded, Refused, TooManyAttempts
from bowstreet.messages import AccessDenied, AccountChanged, CommandDecided, PolicyInForce, ProvedAgain, SignedIn
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

# Somebody who sets up or is set up by the first start's link.
SETUP = "setup"
_ONLY = "only"


class Accounts:
    """Accounts, sessions and service tokens of one operation.

    Args:
        clock: the run's, for the record.
        passwords: how passwords are hashed; the default is argon2id at RFC 9106's recommended cost.
        real_clock: for expiry and rate limits.
        policy: who may do what; the default is the one that comes with the product.
    """

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        ids: Ids,
        *,
        passwords: Passwords | None = None,
        real_clock: Clock | None = None,
        policy: AccessPolicy | None = None,
    ) -> None:
        self.policy = policy or shipped()
        self._recorder = recorder
        self._clock = clock
        self._ids = ids
        self._passwords = passwords or Passwords()
        self._real = real_clock or SystemClock()
        self._attempts = Attempts(self._real)
        self._accounts = Collection("account", Account, id_of=lambda one: one.account_id)
        self.sessions = Sessions(self._real)
        self.passkeys = Collection("passkeys", HeldPasskeys, id_of=lambda one: one.account_id)
        self.tokens = ServiceTokens(recorder, clock, self.policy, self.require)
        self._setup = Collection("setup-token", SetupToken, id_of=lambda _: _ONLY)
        self._address_key = Collection("address-key", AddressKey, id_of=lambda _: _ONLY)

    async def load(self, store: Store) -> None:
        """Read what stands; at the very first start make the key that hides addresses."""
        for collection in (self._accounts, self.sessions, self.passkeys, self.tokens.all, self._setup, self._address_key):
            await collection.load(store)
        if _ONLY not in self._address_key:
            await self._recorder.record(save=[(self._address_key, AddressKey(key=secrets.token_bytes(32)))])
        await self.tidy()

    async def declare_policy(self) -> None:
        """Enter into the record by which policy decisions are made from now on."""
        said = PolicyInForce(at=self._clock.now(), version=self.policy.version, source=self.policy.name)
        await self._recorder.record(messages=[said])

    async def tidy(self) -> None:
        """Forget sessions that have ended, and keep when the others were last used. Call it every few minutes."""
        used, ended = self.sessions.stale()
        if ended or used:
            await self._recorder.record(save=used, remove=ended)

    def close(self) -> None:
        self._passwords.close()

    # --- the first start --------------------------------------------------------------------------------------------

    @property
    def needs_setup(self) -> bool:
        """Whether nobody can manage accounts: at the very first start, or when an identity provider took the last one's role."""
        return not any(one.role is Role.SUPERVISOR and one.disabled_at is None for one in self._accounts.all())

    async def new_setup_token(self) -> str | None:
        """The secret of the link that makes the first account; one made before is void. None once somebody manages them."""
        if not self.needs_setup:
            return None
        token = credentials.new_token()
        value = SetupToken(digest=credentials.digest(token), expires_at=self._real.now() + rules.SETUP_LIFE)
        await self._recorder.record(save=[(self._setup, value)])
        return token

    async def set_up(self, token: str, name: str, password: str, address: str) -> Opened:
        """Make the first account, a supervisor's, and sign it in. The token is spent.

        Raises:
            TooManyAttempts: this address tried too often.
            NotSignedIn: the token is wrong, spent or too old.
            BadInput: the name or password will not do; the token is still good.
        """
        self._limit(SETUP, address)
        await self._check_setup(token, address)
        name = rules.checked_name(name)
        rules.checked_password(password, name)
        self._require_free(name)
        hashed = await self._passwords.hash(password)
        await self._check_setup(token, address)  # somebody may have been faster
        account = self._new_account(name, Role.SUPERVISOR, hashed)
        changed = self._changed(account.account_id, "created:supervisor", SETUP)
        await self._recorder.record(save=[(self._accounts, account)], remove=[(self._setup, _ONLY)], messages=[changed])
        return await self.open(account, How.SETUP)

    async def _check_setup(self, token: str, address: str) -> None:
        standing = self._setup.find(_ONLY) if self.needs_setup else None
        if not credentials.same(credentials.digest(token), standing.digest if standing else ""):
            rule = "setup-token"
        elif standing is None or not rules.setup_live(standing, self._real.now()):
            rule = "setup-token-expired"
        else:
            return
        await self.denied(self.subject_of(address), "set-up", rule)
        raise NotSignedIn(
            "the link is wrong, used or too old", remedy="start the program again; it prints a new one until there is an account"
        )

    # --- signing in and out -----------------------------------------------------------------------------------------

    async def sign_in(self, name: str, password: str, address: str) -> Opened:
        """Open a session.

        Raises:
            TooManyAttempts: too many for this account or from this address.
            NotSignedIn: name or password is wrong, or the account is disabled; it is not said which.
        """
        key = rules.name_key(name)
        self._limit(key, address)
        account = self._named(key)
        usable = account is not None and account.disabled_at is None
        # An account of an identity provider has no password; that takes as long to say no to as any.
        hashed = (account.password_hash or None) if account and usable else None
        right = await self._passwords.verify(hashed, password[: rules.PASSWORD_MAX + 1])
        # Read again: it may have been disabled or given another password meanwhile.
        current = self._accounts.find(account.account_id) if account else None
        if not right or current is None or current != account:
            await self.denied(account.account_id if account else self.subject_of(address), "sign-in", "credentials")
            raise NotSignedIn("name or password is wrong", remedy="try again, or ask a supervisor")
        self._attempts.succeeded(key, address)
        if self._passwords.outdated(current.password_hash):
            current = await self._rehashed(current, password)
        return await self.open(current, How.PASSWORD)

    async def sign_out(self, token: str) -> None:
        """End a session. One that is not open is no error."""
        session_id = credentials.digest(token)
        if session_id in self.sessions.all:
            await self._recorder.record(remove=[self.sessions.end(session_id)])

    def authenticate(self, token: str, *, touch: bool = True) -> Identity:
        """Who holds this session.

        Args:
            touch: whether this is the person's own doing; looking does not keep a session alive, using it does.

        Raises:
            NotSignedIn: it is unknown, ended or expired.
        """
        session = self.sessions.live(credentials.digest(token))
        account = None if session is None else self._accounts.find(session.account_id)
        if session is None or account is None or account.disabled_at is not None:
            raise _not_signed_in()
        if touch:
            self.sessions.touch(session.session_id)
        return self._identity(account, session)

    @staticmethod
    def csrf_of(token: str) -> str:
        """What the console must send in X-Bowstreet-CSRF with this session."""
        return credentials.csrf_of(token)

    @staticmethod
    def csrf_matches(token: str, given: str) -> bool:
        return credentials.same(credentials.csrf_of(token), given)

    async def prove(self, token: str, password: str, address: str) -> Identity:
        """Somebody signed in gives the password again, before a grave act.

        Raises:
            TooManyAttempts: too many wrong ones.
            NotSignedIn: the password is wrong, or the session is over.
        """
        identity = self.authenticate(token)
        account = self._accounts.get(identity.account_id)
        self._limit(rules.name_key(account.name), address)
        if not await self._passwords.verify(account.password_hash or None, password[: rules.PASSWORD_MAX + 1]):
            await self.denied(account.account_id, "prove", "credentials")
            raise NotSignedIn("the password is wrong", remedy="try again; you are still signed in")
        self._attempts.succeeded(rules.name_key(account.name), address)
        return await self.proved(credentials.digest(token), How.PASSWORD)

    async def proved(self, session_id: str, how: How) -> Identity:
        """Note that whoever holds this session has just proved again who they are; `how` they did is checked by the caller.

        Raises:
            NotSignedIn: the session is over.
        """
        session = self.sessions.live(session_id)
        account = None if session is None else self._accounts.find(session.account_id)
        if session is None or account is None or account.disabled_at is not None:
            raise _not_signed_in()
        session = replace(session, proved_at=self._real.now())
        said = ProvedAgain(at=self._clock.now(), subject=account.account_id, how=how)
        await self._recorder.record(save=[(self.sessions.all, session)], messages=[said])
        return self._identity(account, session)

    def proofs_of(self, account_id: str) -> tuple[How, ...]:
        """How somebody can prove again who they are."""
        account, held = self._accounts.get(account_id), self.passkeys.find(account_id)
        ways = {
            How.PASSWORD: bool(account.password_hash),
            How.PASSKEY: held is not None and any(one.stopped_at is None for one in held.passkeys),
            How.PROVIDER: bool(account.issuer),
        }
        return tuple(way for way, is_there in ways.items() if is_there)

    # --- permission -------------------------------------------------------------------------------------------------

    def decide(self, identity: Identity, action: Action, what: What = EVERYWHERE) -> Decision:
        """What the policy says to that, now."""
        who = Who(account_id=identity.account_id, role=identity.role, boroughs=identity.boroughs, proved_s=identity.proved_s)
        return self.policy.decide(who, action, what)

    def may_now(self, account_id: str, action: Action, what: What = EVERYWHERE) -> bool:
        """Whether somebody who does not ask now could do something that is not grave. What they gave others ends with that."""
        account = self._accounts.find(account_id)
        if account is None or account.disabled_at is not None:
            return False
        who = Who(account_id=account_id, role=account.role, boroughs=account.boroughs)
        return self.policy.decide(who, action, what).allowed

    async def require(self, identity: Identity, action: Action, what: What = EVERYWHERE) -> Decision:
        """Raises `NotPermitted`, and records the refusal, when the policy does not allow the act."""
        decision = self.decide(identity, action, what)
        if not decision.allowed:
            await self.denied(identity.account_id, action, decision.rule_ids)
            proof_is_all = identity.proved_s is not None and self.decide(replace(identity, proved_s=0), action, what).allowed
            kind = ProofNeeded if proof_is_all else NotPermitted
            says = "; ".join(rule.says for rule in decision.rules)
            raise kind(says, remedy=decision.rules[0].remedy, rule=decision.rule_ids)
        return decision

    async def allowed(self, by: Identity, action: str, thing: str, decision: Decision, authorisation_id: str = "") -> None:
        """Record that a command was allowed, before it is done: to whom, by which rules of which policy."""
        said = CommandDecided(
            at=self._clock.now(), subject=by.account_id, action=action, thing=thing, rules=decision.rule_ids,
            policy=self.policy.version[:16], authorisation_id=authorisation_id,
        )  # fmt: skip
        await self._recorder.record(messages=[said])

    async def denied(self, subject: str, action: str, rule: str) -> None:
        """Record a refusal. `subject` is an account id or what `subject_of` gives, never a name or an address."""
        await self._recorder.record(messages=[AccessDenied(at=self._clock.now(), subject=subject, action=action, rule=rule)])

    def subject_of(self, address: str) -> str:
        """The pseudonym of a network address."""
        return credentials.pseudonym(self._address_key.get(_ONLY).key, address)

    @property
    def people(self) -> Collection[Account]:
        return self._accounts

    def makers_of(self, account_id: str) -> list[str]:
        """Who made this account, who made theirs, and so on."""
        makers: list[str] = []
        account = self._accounts.find(account_id)
        while account is not None and account.made_by and account.made_by not in makers:
            makers.append(account.made_by)
            account = self._accounts.find(account.made_by)
        return makers

    # --- managing ---------------------------------------------------------------------------------------------------

    def all(self) -> list[Account]:
        """For those who may see accounts."""
        return self._accounts.all()

    async def create(self, by: Identity, name: str, role: Role, password: str, boroughs: tuple[str, ...] = ()) -> Account:
        """Make an account.

        Raises:
            NotPermitted: `by` may not.
            BadInput: name, role or password will not do.
            Conflict: the name is taken.
        """
        await self.require(by, Action.MANAGE_ACCOUNTS)
        if role is Role.CAD:
            raise BadInput("a CAD signs in by token", remedy="make a service token")
        if by.boroughs and not (boroughs and set(boroughs) <= set(by.boroughs)):
            raise Refused("the account would reach further than yours", remedy=f"limit it to {', '.join(by.boroughs)}")
        name = rules.checked_name(name)
        rules.checked_password(password, name)
        self._require_free(name)
        hashed = await self._passwords.hash(password)
        self._require_free(name)
        account = replace(self._new_account(name, role, hashed), boroughs=boroughs, made_by=by.account_id)
        changed = self._changed(account.account_id, f"created:{role}", by.account_id)
        await self._recorder.record(save=[(self._accounts, account)], messages=[changed])
        return account

    async def disable(self, by: Identity, account_id: str) -> Account:
        """Disable an account and end its sessions at once.

        Raises:
            NotPermitted: `by` may not.
            NotFound: there is no such account.
            Refused: it is the last supervisor's, or reaches further than `by`.
        """
        await self.require(by, Action.MANAGE_ACCOUNTS)
        account = self._within_reach(by, account_id)
        if account.disabled_at is not None:
            return account
        if rules.last_supervisor(account, self._accounts.all()):
            raise Refused("this is the last supervisor's account", remedy="make another supervisor first")
        disabled = replace(account, disabled_at=self._clock.now())
        await self._recorder.record(
            save=[(self._accounts, disabled)],
            remove=self.sessions.ended(account_id),
            messages=[self._changed(account_id, "disabled", by.account_id)],
        )
        return disabled

    async def change_password(self, identity: Identity, old: str, new: str, address: str) -> None:
        """Change one's own password; every session of the account ends.

        Raises:
            TooManyAttempts: too many wrong ones.
            NotSignedIn: the old one is wrong.
            BadInput: the new one will not do.
        """
        account = self._accounts.get(identity.account_id)
        if not account.password_hash:
            raise Refused("this account has no password", remedy="change it where you sign in, at the identity provider")
        self._limit(rules.name_key(account.name), address)
        if not await self._passwords.verify(account.password_hash, old[: rules.PASSWORD_MAX + 1]):
            await self.denied(account.account_id, "change-password", "credentials")
            raise NotSignedIn("the old password is wrong", remedy="try again, or ask a supervisor for a new account")
        rules.checked_password(new, account.name)
        hashed = await self._passwords.hash(new)
        current = self._accounts.get(identity.account_id)
        if current != account:
            raise Conflict("the account was changed meanwhile", remedy="sign in again")
        await self._recorder.record(
            save=[(self._accounts, replace(account, password_hash=hashed))],
            remove=self.sessions.ended(account.account_id),
            messages=[self._changed(account.account_id, "password", account.account_id)],
        )

    async def end_session(self, by: Identity, session_id: str) -> None:
        """End one of one's own sessions. Raises `NotFound` for one that is not open, or another's."""
        session = self.sessions.live(session_id)
        if session is None or session.account_id != by.account_id:
            raise NotFound("there is no such session of yours", remedy="ask for the list of your sessions")
        said = self._changed(by.account_id, "session-ended", by.account_id)
        await self._recorder.record(remove=[self.sessions.end(session_id)], messages=[said])

    async def end_sessions(self, by: Identity, account_id: str) -> None:
        """End every session of an account. Raises `NotPermitted`, `NotFound`, or `Refused` when it reaches further than `by`."""
        await self.require(by, Action.MANAGE_ACCOUNTS)
        ended = self.sessions.ended(self._within_reach(by, account_id).account_id)
        # Said though none is open: what outlives a sign-in that was left alone ends with it.
        said = self._changed(account_id, "sessions-ended", by.account_id)
        await self._recorder.record(remove=ended, messages=[said])

    # --- parts ------------------------------------------------------------------------------------------------------

    def limit_address(self, address: str) -> None:
        """Count an attempt that names no account. Raises `TooManyAttempts`."""
        if not self._attempts.allowed_from(address):
            raise TooManyAttempts("too many attempts", remedy="wait a minute, then try again")

    def _limit(self, key: str, address: str) -> None:
        if not self._attempts.allowed(key, address):
            # The attempts that led here are recorded; an entry for each further one would let a guesser fill the disk.
            raise TooManyAttempts("too many attempts", remedy="wait a minute, then try again")

    def _within_reach(self, by: Identity, account_id: str) -> Account:
        """Raises `NotFound`, or `Refused` for one that reaches further than whoever wants to end it."""
        account = self._accounts.get(account_id)
        if by.boroughs and not (account.boroughs and set(account.boroughs) <= set(by.boroughs)):
            raise Refused("the account reaches further than yours", remedy="ask a supervisor who is not limited to boroughs")
        return account

    def _named(self, key: str) -> Account | None:
        return next((account for account in self._accounts.all() if rules.name_key(account.name) == key), None)

    def _require_free(self, name: str) -> None:
        if self._named(rules.name_key(name)) is not None:
            raise Conflict("an account of that name exists", remedy="choose another name")

    def _new_account(self, name: str, role: Role, hashed: str) -> Account:
        return Account(account_id=self._ids.new("acc"), name=name, role=role, password_hash=hashed, created_at=self._clock.now())

    def _changed(self, subject: str, change: str, by: str) -> AccountChanged:
        return AccountChanged(at=self._clock.now(), subject=subject, change=change, by=by)

    async def _rehashed(self, account: Account, password: str) -> Account:
        renewed = replace(account, password_hash=await self._passwords.hash(password))
        if self._accounts.find(account.account_id) != account:
            raise _not_signed_in()
        await self._recorder.record(save=[(self._accounts, renewed)])
        return renewed

    async def open(self, account: Account, how: How) -> Opened:
        """Open a session for somebody whose proof the caller has checked."""
        token, session = self.sessions.new(account.account_id, how)
        await self._recorder.record(
            save=[(self.sessions.all, session)],
            remove=self.sessions.surplus(account.account_id),
            messages=[SignedIn(at=self._clock.now(), subject=account.account_id, role=account.role, how=how)],
        )
        return Opened(
            token=token, csrf=credentials.csrf_of(token), expires_at=session.expires_at, identity=self._identity(account, session)
        )

    def _identity(self, account: Account, session: Session) -> Identity:
        proved_s = int((self._real.now() - (session.proved_at or session.opened_at)).total_seconds())
        return Identity(
            account_id=account.account_id, name=account.name, role=account.role, boroughs=account.boroughs,
            may=self.policy.actions_of(account.role), proved_s=proved_s,
        )  # fmt: skip


def _not_signed_in() -> NotSignedIn:
    return NotSignedIn("nobody is signed in", remedy="sign in")
