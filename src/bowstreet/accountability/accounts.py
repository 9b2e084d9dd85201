"""Signing in, and who may do what. Every sign-in, change and refusal is in the ledger, under pseudonymous ids.

Expiry runs on `real_clock`, not on the run's clock: a demo at 60 times the speed must not end its sessions after half a minute.
"""

import secrets
from datetime import datetime

from msgspec.structs import replace

from bowstreet.accountability import credentials, rules
from bowstreet.accountability.attempts import Attempts
from bowstreet.accountability.authority.policy import EVERYWHERE, AccessPolicy, Decision, What, Who, shipped
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.model import Account, Action, AddressKey, Identity, Opened, Role, ServiceToken, Session, SetupToken
from bowstreet.accountability.recorder import Recorder, Remove
from bowstreet.errors import BadInput, Conflict, NotPermitted, NotSignedIn, ProofNeeded, Refused, TooManyAttempts
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
        self._sessions = Collection("session", Session, id_of=lambda one: one.session_id, state_of=lambda one: one.account_id)
        self._tokens = Collection("service-token", ServiceToken, id_of=lambda one: one.token_id)
        self._setup = Collection("setup-token", SetupToken, id_of=lambda _: _ONLY)
        self._address_key = Collection("address-key", AddressKey, id_of=lambda _: _ONLY)
        self._seen: dict[str, datetime] = {}

    async def load(self, store: Store) -> None:
        """Read what stands; at the very first start make the key that hides addresses."""
        for collection in (self._accounts, self._sessions, self._tokens, self._setup, self._address_key):
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
        now = self._real.now()
        ended: list[Remove] = []
        used = []
        for session in self._sessions.all():
            seen_at = self._seen.get(session.session_id, session.seen_at)
            if not rules.session_live(session, seen_at, now):
                ended.append((self._sessions, session.session_id))
                self._seen.pop(session.session_id, None)
            elif seen_at != session.seen_at:
                used.append((self._sessions, replace(session, seen_at=seen_at)))
        if ended or used:
            await self._recorder.record(save=used, remove=ended)

    def close(self) -> None:
        self._passwords.close()

    # --- the first start --------------------------------------------------------------------------------------------

    @property
    def needs_setup(self) -> bool:
        """Whether nobody has an account yet."""
        return len(self._accounts) == 0

    async def new_setup_token(self) -> str | None:
        """The secret of the link that makes the first account; one made before is void. None once there is an account."""
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
        hashed = await self._passwords.hash(password)
        await self._check_setup(token, address)  # somebody may have been faster
        account = self._new_account(name, Role.SUPERVISOR, hashed)
        changed = self._changed(account.account_id, "created:supervisor", SETUP)
        await self._recorder.record(save=[(self._accounts, account)], remove=[(self._setup, _ONLY)], messages=[changed])
        return await self._open(account, address)

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
        right = await self._passwords.verify(
            account.password_hash if account and usable else None, password[: rules.PASSWORD_MAX + 1]
        )
        # Read again: it may have been disabled or given another password meanwhile.
        current = self._accounts.find(account.account_id) if account else None
        if not right or current is None or current != account:
            await self.denied(account.account_id if account else self.subject_of(address), "sign-in", "credentials")
            raise NotSignedIn("name or password is wrong", remedy="try again, or ask a supervisor")
        self._attempts.succeeded(key, address)
        if self._passwords.outdated(current.password_hash):
            current = await self._rehashed(current, password)
        return await self._open(current, address)

    async def sign_out(self, token: str) -> None:
        """End a session. One that is not open is no error."""
        await self._end([credentials.digest(token)])

    def authenticate(self, token: str, *, touch: bool = True) -> Identity:
        """Who holds this session.

        Args:
            touch: whether this is the person's own doing; looking does not keep a session alive, using it does.

        Raises:
            NotSignedIn: it is unknown, ended or expired.
        """
        session = self._sessions.find(credentials.digest(token))
        now = self._real.now()
        if session is None or not rules.session_live(session, self._seen.get(session.session_id, session.seen_at), now):
            raise _not_signed_in()
        account = self._accounts.find(session.account_id)
        if account is None or account.disabled_at is not None:
            raise _not_signed_in()
        if touch:
            self._seen[session.session_id] = now
        return self._identity(account, session)

    @staticmethod
    def csrf_of(token: str) -> str:
        """What the console must send in X-Bowstreet-CSRF with this session."""
        return credentials.csrf_of(token)

    @staticmethod
    def csrf_matches(token: str, given: str) -> bool:
        return credentials.same(credentials.csrf_of(token), given)

    def authenticate_service(self, secret: str) -> Identity:
        """Who holds this service token. Raises `NotSignedIn` when it is unknown or revoked."""
        token = self._tokens.find(_token_id(secret))
        if token is None or not rules.token_live(token) or not credentials.same(token.digest, credentials.digest(secret)):
            raise NotSignedIn("the service token is not valid", remedy="ask a supervisor for one")
        return Identity(account_id=token.token_id, name=token.label, role=token.role, may=self.policy.actions_of(token.role))

    def service_holds(self, token_id: str) -> bool:
        """Whether a service token that was shown before has not been revoked since."""
        token = self._tokens.find(token_id)
        return token is not None and rules.token_live(token)

    async def prove(self, token: str, password: str, address: str) -> Identity:
        """Somebody signed in gives the password again, before a grave act.

        Raises:
            TooManyAttempts: too many wrong ones.
            NotSignedIn: the password is wrong, or the session is over.
        """
        identity = self.authenticate(token)
        account = self._accounts.get(identity.account_id)
        self._limit(rules.name_key(account.name), address)
        if not await self._passwords.verify(account.password_hash, password[: rules.PASSWORD_MAX + 1]):
            await self.denied(account.account_id, "prove", "credentials")
            raise NotSignedIn("the password is wrong", remedy="try again; you are still signed in")
        self._attempts.succeeded(rules.name_key(account.name), address)
        self.authenticate(token)  # it may have been ended meanwhile
        session = replace(self._sessions.get(credentials.digest(token)), proved_at=self._real.now())
        said = ProvedAgain(at=self._clock.now(), subject=account.account_id)
        await self._recorder.record(save=[(self._sessions, session)], messages=[said])
        return self.authenticate(token)

    # --- permission -------------------------------------------------------------------------------------------------

    def decide(self, identity: Identity, action: Action, what: What = EVERYWHERE) -> Decision:
        """What the policy says to that, now."""
        who = Who(account_id=identity.account_id, role=identity.role, boroughs=identity.boroughs, proved_s=identity.proved_s)
        return self.policy.decide(who, action, what)

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

    # --- managing ---------------------------------------------------------------------------------------------------

    def all(self) -> list[Account]:
        """For those who may see accounts."""
        return self._accounts.all()

    def service_tokens(self) -> list[ServiceToken]:
        return self._tokens.all()

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
        account = replace(self._new_account(name, role, hashed), boroughs=boroughs)
        changed = self._changed(account.account_id, f"created:{role}", by.account_id)
        await self._recorder.record(save=[(self._accounts, account)], messages=[changed])
        return account

    async def disable(self, by: Identity, account_id: str) -> Account:
        """Disable an account and end its sessions at once.

        Raises:
            NotPermitted: `by` may not.
            NotFound: there is no such account.
            Refused: it is the last supervisor's.
        """
        await self.require(by, Action.MANAGE_ACCOUNTS)
        account = self._accounts.get(account_id)
        if account.disabled_at is not None:
            return account
        if rules.last_supervisor(account, self._accounts.all()):
            raise Refused("this is the last supervisor's account", remedy="make another supervisor first")
        disabled = replace(account, disabled_at=self._clock.now())
        ended: list[Remove] = [(self._sessions, one.session_id) for one in self._sessions.in_states(account_id)]
        await self._recorder.record(
            save=[(self._accounts, disabled)], remove=ended, messages=[self._changed(account_id, "disabled", by.account_id)]
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
        self._limit(rules.name_key(account.name), address)
        if not await self._passwords.verify(account.password_hash, old[: rules.PASSWORD_MAX + 1]):
            await self.denied(account.account_id, "change-password", "credentials")
            raise NotSignedIn("the old password is wrong", remedy="try again, or ask a supervisor for a new account")
        rules.checked_password(new, account.name)
        hashed = await self._passwords.hash(new)
        current = self._accounts.get(identity.account_id)
        if current != account:
            raise Conflict("the account was changed meanwhile", remedy="sign in again")
        ended: list[Remove] = [(self._sessions, one.session_id) for one in self._sessions.in_states(account.account_id)]
        await self._recorder.record(
            save=[(self._accounts, replace(account, password_hash=hashed))],
            remove=ended,
            messages=[self._changed(account.account_id, "password", account.account_id)],
        )

    async def issue_token(self, by: Identity, label: str, role: Role = Role.CAD) -> tuple[ServiceToken, str]:
        """Make a service token; the secret is shown this once and kept nowhere.

        Raises:
            NotPermitted: `by` may not.
            BadInput: the label will not do, or the role is one for people.
        """
        await self.require(by, Action.MANAGE_ACCOUNTS)
        if role not in (Role.CAD, Role.VIEWER):
            raise BadInput(f"a program may not be a {role}", remedy=f"use {Role.CAD} or {Role.VIEWER}")
        secret = credentials.new_token()
        token = ServiceToken(
            token_id=_token_id(secret),
            label=rules.checked_label(label),
            role=role,
            digest=credentials.digest(secret),
            created_at=self._clock.now(),
            created_by=by.account_id,
        )
        await self._recorder.record(
            save=[(self._tokens, token)], messages=[self._changed(token.token_id, f"token-issued:{role}", by.account_id)]
        )
        return token, secret

    async def revoke_token(self, by: Identity, token_id: str) -> None:
        """Raises `NotPermitted` or `NotFound`. A revoked token stays in the list."""
        await self.require(by, Action.MANAGE_ACCOUNTS)
        token = self._tokens.get(token_id)
        if rules.token_live(token):
            revoked = replace(token, revoked_at=self._clock.now())
            await self._recorder.record(
                save=[(self._tokens, revoked)], messages=[self._changed(token_id, "token-revoked", by.account_id)]
            )

    # --- parts ------------------------------------------------------------------------------------------------------

    def _limit(self, key: str, address: str) -> None:
        if not self._attempts.allowed(key, address):
            # The attempts that led here are recorded; an entry for each further one would let a guesser fill the disk.
            raise TooManyAttempts("too many attempts", remedy="wait a minute, then try again")

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

    async def _open(self, account: Account, address: str) -> Opened:
        token = credentials.new_token()
        now = self._real.now()
        session = Session(
            session_id=credentials.digest(token), account_id=account.account_id, opened_at=now, seen_at=now,
            expires_at=now + rules.SESSION_LIFE,
        )  # fmt: skip
        standing = sorted(self._sessions.in_states(account.account_id), key=lambda one: one.opened_at)
        surplus = standing[: max(0, len(standing) + 1 - rules.SESSIONS_BY_ACCOUNT)]
        await self._recorder.record(
            save=[(self._sessions, session)],
            remove=[(self._sessions, one.session_id) for one in surplus],
            messages=[SignedIn(at=self._clock.now(), subject=account.account_id, role=account.role)],
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

    async def _end(self, session_ids: list[str]) -> None:
        there: list[Remove] = [(self._sessions, one) for one in session_ids if one in self._sessions]
        for _, session_id in there:
            self._seen.pop(session_id, None)
        if there:
            await self._recorder.record(remove=there)


def _not_signed_in() -> NotSignedIn:
    return NotSignedIn("nobody is signed in", remedy="sign in")


def _token_id(secret: str) -> str:
    """Found by the secret, and telling nothing of it."""
    return "svc-" + credentials.digest("id:" + secret)[:24]
