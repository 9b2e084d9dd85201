"""Programs' ways in: tokens that a supervisor makes and revokes. Who may is asked of the policy, as for people."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from bowstreet.accountability import credentials, rules
from bowstreet.accountability.authority.policy import AccessPolicy
from bowstreet.accountability.model import Action, Identity, Role, ServiceToken
from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BadInput, NotSignedIn, Refused
from bowstreet.messages import AccountChanged
from bowstreet.runtime.ports import Clock
from bowstreet.runtime.records import Collection

Require = Callable[[Identity, Action], Awaitable[Any]]


class ServiceTokens:
    """The tokens of one operation. `require` raises `NotPermitted`, on record, for whoever may not."""

    def __init__(self, recorder: Recorder, clock: Clock, policy: AccessPolicy, require: Require) -> None:
        self._recorder, self._clock, self._policy, self._require = recorder, clock, policy, require
        self.all = Collection("service-token", ServiceToken, id_of=lambda one: one.token_id)

    def authenticate(self, secret: str) -> Identity:
        """Who holds this service token. Raises `NotSignedIn` when it is unknown or revoked."""
        token = self.all.find(_token_id(secret))
        if token is None or not rules.token_live(token) or not credentials.same(token.digest, credentials.digest(secret)):
            raise NotSignedIn("the service token is not valid", remedy="ask a supervisor for one")
        return Identity(account_id=token.token_id, name=token.label, role=token.role, may=self._policy.actions_of(token.role))

    def holds(self, token_id: str) -> bool:
        """Whether a service token that was shown before has not been revoked since."""
        token = self.all.find(token_id)
        return token is not None and rules.token_live(token)

    async def issue(self, by: Identity, label: str, role: Role = Role.CAD) -> tuple[ServiceToken, str]:
        """Make a service token; the secret is shown this once and kept nowhere.

        Raises:
            NotPermitted: `by` may not.
            BadInput: the label will not do, or the role is one for people.
            Refused: the program would see further than `by`: programs are not limited to boroughs.
        """
        await self._require(by, Action.MANAGE_ACCOUNTS)
        if by.boroughs and role is not Role.CAD:
            raise Refused("the program would see further than you", remedy="ask a supervisor who is not limited to boroughs")
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
            save=[(self.all, token)], messages=[self._changed(token.token_id, f"token-issued:{role}", by)]
        )
        return token, secret

    async def revoke(self, by: Identity, token_id: str) -> None:
        """A revoked token stays in the list.

        Raises:
            NotPermitted: `by` may not.
            NotFound: there is no such token.
            Refused: it serves everybody, and `by` is limited to boroughs and did not make it.
        """
        await self._require(by, Action.MANAGE_ACCOUNTS)
        token = self.all.get(token_id)
        if by.boroughs and token.created_by != by.account_id:
            raise Refused("the program serves other boroughs too", remedy="ask a supervisor who is not limited to boroughs")
        if rules.token_live(token):
            revoked = replace(token, revoked_at=self._clock.now())
            await self._recorder.record(save=[(self.all, revoked)], messages=[self._changed(token_id, "token-revoked", by)])

    def _changed(self, token_id: str, change: str, by: Identity) -> AccountChanged:
        return AccountChanged(at=self._clock.now(), subject=token_id, change=change, by=by.account_id)


def _token_id(secret: str) -> str:
    """Found by the secret, and telling nothing of it."""
    return "svc-" + credentials.digest("id:" + secret)[:24]
