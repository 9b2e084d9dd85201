"""Somebody who signs in at the terminal, and what the policy says to what they do: decided, and on record before it is done, as
for a request over HTTP."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.policy import OPERATION, What
from bowstreet.accountability.model import Action, Identity
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput, BowstreetError, Refused

# What stands for a network address where there is none.
HERE = "terminal"
MOST_SECRET_BYTES = 4_096


class Person:
    """Signed in until `leave`. Who it is is asked of the accounts each time: one that was disabled does nothing any more."""

    def __init__(self, accounts: Accounts, token: str) -> None:
        self._accounts, self._token = accounts, token
        identity = self.identity
        self.account_id, self.name = identity.account_id, identity.name

    @property
    def identity(self) -> Identity:
        """Raises `NotSignedIn`."""
        return self._accounts.authenticate(self._token)

    def may_still(self, action: Action, places: Sequence[str] = ()) -> bool:
        """Whether they might, were they asked: for what they had leave for when it is done later by itself."""
        return all(self._accounts.may_now(self.account_id, action, What(borough=borough)) for borough in places or (None,))

    async def again(self, password: str) -> None:
        """Their session is over; the same person signs in anew. Raises as `sign_in` does."""
        self._token = (await self._accounts.sign_in(self.name, password, HERE)).token

    async def may(
        self, action: Action, what: What | None = None, *, places: Sequence[str] = (), changes: bool = True
    ) -> Identity:
        """Raises `NotPermitted`, which is on record, as what is allowed is when it `changes` something."""
        identity, what = self.identity, what or What()
        for borough in places if identity.boroughs else ():
            await self._accounts.require(identity, action, _at(what, borough))
        decision = await self._accounts.require(identity, action, what)
        if changes:
            await self._accounts.allowed(identity, action, what.thing, decision)
        return identity

    async def leave(self) -> None:
        with contextlib.suppress(BowstreetError):
            await self._accounts.sign_out(self._token)


def about(thing: str = OPERATION) -> What:
    return What(thing=thing)


def _at(what: What, borough: str) -> What:
    return What(thing=what.thing, borough=borough, requested_by=what.requested_by, own_account=what.own_account)


async def sign_in(accounts: Accounts, name: str, password: str) -> Person:
    """Raises `NotSignedIn`, `TooManyAttempts`."""
    opened = await accounts.sign_in(name, password, HERE)
    return Person(accounts, opened.token)


async def asked(accounts: Accounts, terminal: Terminal, name: str, as_whom: str, source: str = "") -> Person:
    """Somebody signs in by a password that is asked for here, or lies where `source` says.

    Raises:
        Refused: nobody sits here, no account exists yet, or the password is wrong.
    """
    if accounts.needs_setup:
        raise Refused(
            "this data directory has no accounts", remedy="make them first: 'bowstreet authority account --help' shows how"
        )
    if not source and not terminal.is_there:
        raise Refused(f"the password of {as_whom} '{name}' cannot be asked for here", remedy="run it at a terminal")
    password = secret_at(source) if source else await terminal.secret(f"Password of {as_whom} '{name}': ")
    return await sign_in(accounts, name, password)


def secret_at(source: str) -> str:
    """What lies at `file:PATH` or `env:NAME`. Raises `BadInput`."""
    kind, _, where = source.partition(":")
    said = ""
    if kind == "env":
        said = os.environ.get(where, "")
    elif kind == "file":
        try:
            with Path(where).open("rb") as file:
                said = file.read(MOST_SECRET_BYTES).decode("utf-8", "replace").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no such name"
            raise BadInput(
                f"the password at {source} cannot be read ({why})", remedy="name a file that holds it alone"
            ) from error
    if not said:
        raise BadInput(f"there is no password at '{source}'", remedy="give file:PATH or env:NAME that holds it")
    return said
