"""Signing in by an identity provider: the role follows its groups at every sign-in, and nobody comes in without a mapped one."""

import secrets
from typing import NoReturn

from msgspec.structs import replace

from bowstreet.accountability import credentials
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.model import Account, How, Identity, Opened, Role
from bowstreet.accountability.recorder import Recorder, Remove
from bowstreet.accountability.rules import NAME_MAX, checked_name, name_key
from bowstreet.accountability.sign_in import rules
from bowstreet.accountability.sign_in.model import Claims, Flow
from bowstreet.accountability.sign_in.pending import Pending
from bowstreet.accountability.sign_in.provider import Provider
from bowstreet.errors import BadInput, NotPermitted, NotSignedIn, Refused
from bowstreet.messages import AccountChanged
from bowstreet.runtime.ports import Clock, Ids

BY_PROVIDER = "identity-provider"  # who changed an account, when nobody here did
MOST_SAME_NAME = 100
# As in a query string: longer is no code or state of a provider's.
MAX_PARAMETER = 4_096


class ProviderSignIn:
    """The sign-ins of one operation by one identity provider."""

    def __init__(
        self, provider: Provider, accounts: Accounts, recorder: Recorder, clock: Clock, ids: Ids, real_clock: Clock
    ) -> None:
        self.provider, self._settings = provider, provider.settings
        self._accounts, self._recorder, self._clock, self._ids, self._real = accounts, recorder, clock, ids, real_clock
        self._flows: Pending[Flow] = Pending(real_clock, rules.FLOW_LIFE)

    async def begin(self, secret: str, redirect_uri: str, address: str, *, session_id: str = "") -> str:
        """Where to send the browser. `secret` is what it must bring back, in a cookie; with a `session_id` it is to prove
        again who holds that session.

        Raises:
            TooManyAttempts: from this address.
            ProviderUnavailable: it does not answer.
        """
        self._accounts.limit_address(address)
        flow = Flow(
            state=credentials.new_token(), nonce=credentials.new_token(), verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri, asked_at=self._real.now(), session_id=session_id,
        )  # fmt: skip
        there = await self.provider.way_there(flow)
        self._flows.put(secret, flow)
        return there

    async def finish(self, secret: str, state: str, code: str, issuer: str, address: str) -> Opened | Identity:
        """The browser is back: a session, or for a proof who proved.

        Args:
            issuer: as the answer itself names it, "" when it does not (RFC 9207).

        Raises:
            NotSignedIn: the answer is not to what this browser was sent with, is used up, or does not verify.
            NotPermitted: none of their groups has a role here.
            ProviderUnavailable: it does not answer.
        """
        subject = self._accounts.subject_of(address)
        flow = self._flows.take(secret)
        if flow is None or not credentials.same(flow.state, state):
            await self._refuse(subject, "oidc-state")
        metadata = await self.provider.discovered()
        if issuer != self._settings.issuer and (issuer or metadata.get("authorization_response_iss_parameter_supported") is True):
            await self._refuse(subject, "oidc-issuer")
        if not 0 < len(code) <= MAX_PARAMETER:
            await self._refuse(subject, "oidc-declined")
        try:
            claims = await self.provider.redeem(flow, code)
        except NotSignedIn:
            await self._accounts.denied(subject, "sign-in", "oidc-token")
            raise
        return await self._prove(flow, claims) if flow.session_id else await self._sign_in(claims, subject)

    async def _prove(self, flow: Flow, claims: Claims) -> Identity:
        session = self._accounts.sessions.live(flow.session_id)
        account = None if session is None else self._accounts.people.find(session.account_id)
        if account is None or not _is(account, self._settings.issuer, claims["sub"]):
            await self._refuse(account.account_id if account else "nobody", "oidc-other-person", "prove")
        if not rules.proved_afresh(claims, flow.asked_at):
            await self._refuse(account.account_id, "oidc-not-fresh", "prove")
        return await self._accounts.proved(flow.session_id, How.PROVIDER)

    async def _sign_in(self, claims: Claims, subject: str) -> Opened:
        standing = self._known(claims["sub"])
        role = rules.role_of(claims, self._settings.groups_claim, self._settings.roles)
        allowed = rules.domain_allowed(claims, self._settings.allowed_domains)
        if role is None or not allowed:
            await self._shut_out(standing, subject, "oidc-no-role" if role is None else "oidc-domain")
        if standing is not None and standing.disabled_at is not None:
            await self._refuse(standing.account_id, "disabled")
        boroughs = rules.words_of(claims.get(self._settings.boroughs_claim)) if self._settings.boroughs_claim else ()
        if self._settings.boroughs_claim and not boroughs:
            # Without one the account would reach everywhere: what is missing must not give more.
            await self._shut_out(standing, subject, "oidc-no-borough")
        account = await self._kept(standing, claims, role, boroughs)
        return await self._accounts.open(account, How.PROVIDER)

    async def _kept(self, standing: Account | None, claims: Claims, role: Role, boroughs: tuple[str, ...]) -> Account:
        """The account as the provider has it now: made at the first sign-in, changed at later ones."""
        if standing is None:
            account = Account(
                account_id=self._ids.new("acc"), name=self._free_name(claims), role=role, password_hash="",
                created_at=self._clock.now(), boroughs=boroughs, issuer=self._settings.issuer, subject=claims["sub"],
            )  # fmt: skip
            changes = [f"created:{role}"]
        else:
            account = replace(standing, role=role, boroughs=boroughs)
            changes = [f"role:{role}"] if standing.role is not role else []
            changes += ["boroughs"] if standing.boroughs != boroughs else []
        if account != standing:
            said = [
                AccountChanged(at=self._clock.now(), subject=account.account_id, change=change, by=BY_PROVIDER)
                for change in changes
            ]
            await self._recorder.record(save=[(self._accounts.people, account)], messages=said)
        return account

    async def _shut_out(self, standing: Account | None, subject: str, rule: str) -> NoReturn:
        """Whoever the provider gives no role any more leaves at once, wherever they are still signed in."""
        if standing is not None:
            ended: list[Remove] = self._accounts.sessions.ended(standing.account_id)
            said = AccountChanged(at=self._clock.now(), subject=standing.account_id, change="sessions-ended", by=BY_PROVIDER)
            if ended:
                await self._recorder.record(remove=ended, messages=[said])
        await self._accounts.denied(standing.account_id if standing else subject, "sign-in", rule)
        raise NotPermitted(
            "your account at the identity provider has no role here", remedy="ask who runs it for the group that your work needs"
        )

    async def _refuse(self, subject: str, rule: str, action: str = "sign-in") -> NoReturn:
        await self._accounts.denied(subject, action, rule)
        raise NotSignedIn("the identity provider's answer was not accepted", remedy="sign in again")

    def _known(self, subject: str) -> Account | None:
        return next((one for one in self._accounts.people.all() if _is(one, self._settings.issuer, subject)), None)

    def _free_name(self, claims: Claims) -> str:
        """The provider's name for them, or one made of it where that is somebody's here already."""
        said = claims.get(self._settings.name_claim)
        try:
            name = checked_name(said[: NAME_MAX - 4]) if isinstance(said, str) else "Unnamed"
        except BadInput:
            name = "Unnamed"
        taken = {name_key(one.name) for one in self._accounts.people.all()}
        for number in range(1, MOST_SAME_NAME):
            free = name if number == 1 else f"{name} {number}"
            if name_key(free) not in taken:
                return free
        raise Refused("too many people here have this name", remedy="ask a supervisor")


def _is(account: Account, issuer: str, subject: str) -> bool:
    return account.issuer == issuer and account.subject == subject
