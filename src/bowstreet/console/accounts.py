"""People over HTTP: the first account, signing in and out, accounts and service tokens."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability import rules
from bowstreet.accountability.model import Account, Action, Opened, Role, ServiceToken
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker, address_of
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.services import ConsoleServices

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=rules.NAME_MAX)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
NewPassword = Annotated[str, msgspec.Meta(min_length=rules.PASSWORD_MIN, max_length=rules.PASSWORD_MAX)]


Borough = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class SignIn(c.Body, frozen=True, kw_only=True):
    name: Name
    password: Password


class SetUp(c.Body, frozen=True, kw_only=True):
    """The first account. `token` is what the first start prints."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: Name
    password: NewPassword


class NewAccount(c.Body, frozen=True, kw_only=True):
    """An account for a person. They change the password themselves."""

    name: Name
    role: Literal[
        "viewer", "dispatcher", "pilot", "supervisor", "planner", "authorising-officer", "recognition-operator",
        "adjudicating-officer", "regulator",
    ]  # fmt: skip
    password: NewPassword
    boroughs: Annotated[tuple[Borough, ...], msgspec.Meta(max_length=100)] = ()


class Proof(c.Body, frozen=True, kw_only=True):
    """The password again, before a grave act. Passkeys and the identity provider have routes of their own."""

    password: Password


class ChangePassword(c.Body, frozen=True, kw_only=True):
    old: Password
    new: NewPassword


class NewToken(c.Body, frozen=True, kw_only=True):
    """A way in for a program. `cad` may only report calls; `viewer` may only look."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=rules.LABEL_MAX)]
    role: Literal["cad", "viewer"] = "cad"


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, what they may do, how they can prove again who they are, and the CSRF value for their changes. `csrf`
    is empty for a program. `at` is the operation's clock and `speed` how fast it goes, for who has no live feed to tell it."""

    account_id: str
    name: str
    role: str
    at: datetime
    speed: float
    may: tuple[str, ...]
    boroughs: tuple[str, ...]
    proofs: tuple[str, ...]
    csrf: str


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str
    name: str
    role: str
    boroughs: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None
    by_provider: bool


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    token_id: str
    label: str
    role: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is shown this once, and kept nowhere."""

    token: TokenView
    secret: str


def account_view(account: Account) -> AccountView:
    return AccountView(
        account_id=account.account_id,
        name=account.name,
        role=account.role.value,
        boroughs=account.boroughs,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        by_provider=bool(account.issuer),
    )


def token_view(token: ServiceToken) -> TokenView:
    return TokenView(
        token_id=token.token_id,
        label=token.label,
        role=token.role.value,
        created_at=token.created_at,
        created_by=token.created_by,
        revoked_at=token.revoked_at,
    )


def router(desk: Desk) -> APIRouter:
    """Signing in and managing accounts. No Idempotency-Key here: answers hold secrets, and those are not kept."""
    routes = APIRouter(tags=["accounts"])
    routes.include_router(_sessions(desk))
    routes.include_router(_people(desk))
    routes.include_router(_tokens(desk))
    return routes


def _sessions(desk: Desk) -> APIRouter:
    routes = APIRouter()
    accounts, access = desk.services.accounts, desk.access

    def opened(session: Opened, status: HTTPStatus) -> Response:
        view = session_view(desk.services, Asker(identity=session.identity, session=session.token))
        return access.give_cookie(c.json(view, status), session)

    @routes.post("/setup", **c.route(SessionView, status=201, body=SetUp, open_to_all=True, says="Set up and signed in"))
    async def set_up(request: Request) -> Response:
        """Make the first account, a supervisor's, with the one-time token that the first start prints, and sign it in."""
        said: SetUp = await c.read(request, SetUp)
        return opened(await accounts.set_up(said.token, said.name, said.password, address_of(request)), HTTPStatus.CREATED)

    @routes.post("/session", **c.route(SessionView, body=SignIn, open_to_all=True, says="Signed in"))
    async def sign_in(request: Request) -> Response:
        """Sign in. A wrong name and a wrong password are answered alike, and slowly."""
        said: SignIn = await c.read(request, SignIn)
        return opened(await accounts.sign_in(said.name, said.password, address_of(request)), HTTPStatus.OK)

    @routes.get("/session", **c.route(SessionView))
    async def who_am_i(request: Request) -> Response:
        """Who is signed in. Asking keeps the session alive: consoles ask while somebody is at them."""
        who = await access.asker(request, "session", expected=True)
        return c.json(session_view(desk.services, who))

    @routes.delete("/session", **c.route(status=204, changes=True, says="Signed out"))
    async def sign_out(request: Request) -> Response:
        """Sign out, everywhere this session is used."""
        who = await access.asker(request, "session")
        if who.session is not None:
            await accounts.sign_out(who.session)
        return access.take_cookie(nothing())

    @routes.post("/session/proof", **c.route(SessionView, body=Proof, changes=True, says="Proved"))
    async def prove(request: Request) -> Response:
        """Give the password again: grave acts ask for it, and take it for five minutes."""
        who = await access.person(request, "prove")
        said: Proof = await c.read(request, Proof)
        assert who.session is not None
        identity = await accounts.prove(who.session, said.password, address_of(request))
        return c.json(session_view(desk.services, Asker(identity=identity, session=who.session)))

    @routes.post("/session/password", **c.route(status=204, body=ChangePassword, changes=True, says="Changed; sign in again"))
    async def change_password(request: Request) -> Response:
        """Change one's own password. Every session of the account ends, this one too."""
        who = await access.person(request, "change-password")
        said: ChangePassword = await c.read(request, ChangePassword)
        await accounts.change_password(who.identity, said.old, said.new, address_of(request))
        return access.take_cookie(nothing())

    return routes


def _people(desk: Desk) -> APIRouter:
    routes = APIRouter()
    accounts, needs = desk.services.accounts, desk.access.needs

    @routes.get("/accounts", **c.route(list[AccountView]))
    async def list_accounts(who: Annotated[Asker, needs(Action.SEE_ACCOUNTS)]) -> Response:
        """Everybody who has or had an account."""
        return c.json([account_view(account) for account in accounts.all()])

    @routes.post("/accounts", **c.route(AccountView, status=201, body=NewAccount, changes=True))
    async def create_account(request: Request, who: Annotated[Asker, needs(Action.MANAGE_ACCOUNTS)]) -> Response:
        """Make an account for a person."""
        said: NewAccount = await c.read(request, NewAccount)
        account = await accounts.create(who.identity, said.name, Role(said.role), said.password, said.boroughs)
        return c.json(account_view(account), HTTPStatus.CREATED)

    @routes.post("/accounts/{account_id}/disable", **c.route(AccountView, changes=True))
    async def disable_account(account_id: c.Id, who: Annotated[Asker, needs(Action.MANAGE_ACCOUNTS)]) -> Response:
        """Disable an account and end its sessions at once. It stays in the record."""
        return c.json(account_view(await accounts.disable(who.identity, account_id)))

    return routes


def _tokens(desk: Desk) -> APIRouter:
    routes = APIRouter()
    accounts, needs = desk.services.accounts, desk.access.needs

    @routes.get("/service-tokens", **c.route(list[TokenView]))
    async def list_tokens(who: Annotated[Asker, needs(Action.SEE_ACCOUNTS)]) -> Response:
        """Every program's way in."""
        return c.json([token_view(token) for token in accounts.tokens.all.all()])

    @routes.post("/service-tokens", **c.route(IssuedToken, status=201, body=NewToken, changes=True))
    async def issue_token(request: Request, who: Annotated[Asker, needs(Action.MANAGE_ACCOUNTS)]) -> Response:
        """Make a service token."""
        said: NewToken = await c.read(request, NewToken)
        token, secret = await accounts.tokens.issue(who.identity, said.label, Role(said.role))
        return c.json(IssuedToken(token=token_view(token), secret=secret), HTTPStatus.CREATED)

    @routes.post("/service-tokens/{token_id}/revoke", **c.route(status=204, changes=True))
    async def revoke_token(token_id: c.Id, who: Annotated[Asker, needs(Action.MANAGE_ACCOUNTS)]) -> Response:
        """End a service token. It stays in the list."""
        await accounts.tokens.revoke(who.identity, token_id)
        return nothing()

    return routes


def session_view(services: ConsoleServices, who: Asker) -> SessionView:
    """What whoever came is told of themselves."""
    one, session, accounts = who.identity, who.session, services.accounts
    return SessionView(
        account_id=one.account_id, name=one.name, role=one.role.value, at=services.clock.now(), speed=services.run.speed,
        may=tuple(action.value for action in one.may),
        boroughs=one.boroughs, proofs=tuple(way.value for way in accounts.proofs_of(one.account_id)) if session else (),
        csrf=accounts.csrf_of(session) if session else "",
    )  # fmt: skip
