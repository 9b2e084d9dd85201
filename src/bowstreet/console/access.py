"""Who asks, and whether they may. The policy decides (`accountability/authority/policy.cedar`). Each command that is
allowed is recorded before it is done, and each refusal.

People come by cookie, and then every change needs the CSRF value of their session too. Programs come by bearer token, which no
browser sends by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from bowstreet.accountability import rules
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.policy import OPERATION, What
from bowstreet.accountability.model import Action, Identity, Opened
from bowstreet.console.headers import SAFE_METHODS, asker_at
from bowstreet.console.limits import Buckets
from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import NotPermitted, NotSignedIn, TooManyAttempts
from bowstreet.runtime.ports import Clock

Locate = Callable[[Mapping[str, str]], Sequence[str]]
CSRF_HEADER = "x-bowstreet-csrf"
# A page that keeps a list fresh by itself says so: that is no use of the session, which must end when nobody is there.
BACKGROUND_HEADER = "x-bowstreet-background"


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody who is who they say. `session` is the cookie's token; a program has none."""

    identity: Identity
    session: str | None

    @property
    def account_id(self) -> str:
        return self.identity.account_id


class Access:
    """Guards every route.

    Args:
        clock: real time, for rates.
        locate: the boroughs of what a request acts upon; none for what is nowhere in particular.
    """

    def __init__(self, accounts: Accounts, clock: Clock, settings: EdgeSettings, locate: Locate) -> None:
        self._accounts = accounts
        self._locate = locate
        self._settings = settings
        self._requests = Buckets(settings.limits.requests, clock)
        self._denials = Buckets(settings.limits.recorded_denials, clock)
        self.denials_not_recorded = 0

    def needs(self, action: Action) -> Any:
        """A route's dependency: gives the asker, or refuses."""

        async def dependency(request: Request) -> Asker:
            return await self.allowed(request, action)

        return Depends(dependency)

    async def allowed(self, connection: HTTPConnection, action: Action) -> Asker:
        """Who asks, when they may do `action`.

        Raises:
            NotSignedIn: no valid session or token came.
            NotPermitted: the role does not include it, or the CSRF value is missing or wrong.
            TooManyAttempts: too many requests of this account.
        """
        asker = await self.asker(connection, action)
        thing, borough = _thing(connection.path_params), self._farthest(asker, self._locate(connection.path_params))
        await self.require(asker, action, What(thing=thing, borough=borough), changes=_changes(connection))
        return asker

    async def require(self, asker: Asker, action: Action, what: What, *, changes: bool, authorisation_id: str = "") -> None:
        """The policy's word on an act of somebody who is who they say; what is allowed and changes something is recorded.

        Raises:
            NotPermitted: the policy does not allow it.
        """
        decision = self._accounts.decide(asker.identity, action, what)
        if not decision.allowed:
            self._limit_denials(asker.account_id)
            await self._accounts.require(asker.identity, action, what)
        elif changes:
            await self._accounts.allowed(asker.identity, action, what.thing, decision, authorisation_id)

    @staticmethod
    def _farthest(asker: Asker, boroughs: Sequence[str]) -> str | None:
        """The place that decides: one where the asker does not see, if there is any among them."""
        return next((one for one in boroughs if one not in asker.identity.boroughs), next(iter(boroughs), None))

    def borough_of(self, *, incident_id: str = "", mission_id: str = "") -> str:
        """Where an incident, or what a mission flies to, is; `NOWHERE` ("") for what is not known, or in no borough."""
        return next(iter(self._locate({"mission_id": mission_id} if mission_id else {"incident_id": incident_id})), "")

    async def may_ever(self, asker: Asker, action: Action) -> None:
        """Refuse at once, before the body is read, whoever could never do it. Raises `NotPermitted`."""
        if action not in asker.identity.may:
            await self.require(asker, action, What(), changes=False)

    async def asker(self, connection: HTTPConnection, action: str, *, expected: bool = False) -> Asker:
        """Who asks, whatever they may do. Raises as `allowed` does.

        Args:
            expected: that nobody is signed in is no attempt, and not recorded: a console asks so when it is opened.
        """
        session = connection.cookies.get(self._settings.cookie)
        bearer = bearer_of(connection)
        try:
            asker = self._identified(session, bearer, touch=BACKGROUND_HEADER not in connection.headers)
        except NotSignedIn:
            rule = "token" if bearer is not None else "session" if session is not None else "nobody"
            if not (expected and rule == "nobody"):
                await self.denied(address_of(connection), action, rule)
            raise
        if not self._requests.take(asker.account_id):
            raise TooManyAttempts("too many requests from this account", remedy="wait a few seconds")
        await self._check_csrf(connection, asker, action)
        return asker

    def _identified(self, session: str | None, bearer: str | None, *, touch: bool) -> Asker:
        """Who holds the token, or else the session. Raises `NotSignedIn`."""
        if bearer is not None:
            try:
                return Asker(identity=self._accounts.tokens.authenticate(bearer), session=None)
            except NotSignedIn:
                if session is None:
                    raise
        if session is None:
            raise NotSignedIn("nobody is signed in", remedy="sign in, or send a service token")
        return Asker(identity=self._accounts.authenticate(session, touch=touch), session=session)

    async def person(self, connection: HTTPConnection, action: str) -> Asker:
        """Who asks, when it is a person. Raises as `allowed` does."""
        asker = await self.asker(connection, action)
        if asker.session is None:
            await self.refused(asker, action, "program")
            raise NotPermitted("this is for people, not for programs", remedy="sign in")
        return asker

    async def _check_csrf(self, connection: HTTPConnection, asker: Asker, action: str) -> None:
        if asker.session is None or connection.scope["type"] != "http" or connection.scope["method"] in SAFE_METHODS:
            return
        given = connection.headers.get(CSRF_HEADER, "")
        if not self._accounts.csrf_matches(asker.session, given):
            await self.refused(asker, action, "csrf")
            raise NotPermitted(
                "the CSRF header is missing or wrong", remedy="send X-Bowstreet-CSRF with the csrf of GET /api/v1/session"
            )

    def still_valid(self, asker: Asker, *, touch: bool = False) -> bool:
        """Whether the session, or a program's token, that opened a connection still holds."""
        if asker.session is None:
            return self._accounts.tokens.holds(asker.account_id)
        try:
            identity = self._accounts.authenticate(asker.session, touch=touch)
        except NotSignedIn:
            return False
        # A connection shows what was decided when it was opened.
        return identity.role is asker.identity.role and identity.boroughs == asker.identity.boroughs

    async def denied(self, address: str, action: str, rule: str) -> None:
        """Record that somebody at an address was refused; past a rate they are counted instead."""
        subject = self._accounts.subject_of(address)
        if self._denials.take(subject):
            await self._accounts.denied(subject, action, rule)
        else:
            self.denials_not_recorded += 1

    async def refused(self, asker: Asker, action: str, rule: str) -> None:
        """Record that a service refused somebody who may do such a thing, but not to this."""
        self._limit_denials(asker.account_id)
        await self._accounts.denied(asker.account_id, action, rule)

    def _limit_denials(self, account_id: str) -> None:
        if not self._denials.take(account_id):
            self.denials_not_recorded += 1
            raise TooManyAttempts("too many refused requests from this account", remedy="wait a minute")

    # --- the cookie ---------------------------------------------------------------------------------------------------

    def give_cookie(self, answer: Response, opened: Opened) -> Response:
        """Out of reach of scripts and of other sites, and over https of plain http too."""
        answer.set_cookie(
            self._settings.cookie,
            opened.token,
            max_age=int(rules.SESSION_LIFE.total_seconds()),
            path="/",
            secure=self._settings.https,
            httponly=True,
            samesite="strict",
        )
        return answer

    def take_cookie(self, answer: Response) -> Response:
        answer.delete_cookie(self._settings.cookie, path="/", secure=self._settings.https, httponly=True, samesite="strict")
        return answer


def _changes(connection: HTTPConnection) -> bool:
    return connection.scope["type"] == "http" and connection.scope["method"] not in SAFE_METHODS


def _thing(parameters: Mapping[str, str]) -> str:
    """What a request names in its path."""
    return next(iter(parameters.values()), OPERATION)


def bearer_of(connection: HTTPConnection) -> str | None:
    """The bearer token of a request, or None when it says nothing of the kind."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def address_of(connection: HTTPConnection) -> str:
    """The asker's network address, as the edge found it; of IPv6 the network that is theirs."""
    return asker_at(connection.client.host) if connection.client else "unknown"
