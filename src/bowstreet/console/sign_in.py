"""Ways in besides the password, over HTTP: passkeys, and the way to an identity provider and back.

A sign-in under way is bound to its browser by a cookie of its own. The provider sends the browser back to an address outside
/api, because that request comes from another site; it leads nowhere but to the console's own page.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bowstreet.accountability import credentials
from bowstreet.accountability import rules as account_rules
from bowstreet.accountability.model import Opened, Passkey
from bowstreet.accountability.sign_in import rules
from bowstreet.accountability.sign_in.oidc import MAX_PARAMETER, ProviderSignIn
from bowstreet.accountability.sign_in.passkeys import Place
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker, address_of
from bowstreet.console.accounts import SessionView, session_view
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.headers import host_name
from bowstreet.errors import BowstreetError, NotFound, Refused

BACK = "/sign-in/oidc"  # where the provider sends the browser; registered there

# What a browser's device says, as WebAuthn's own JSON; the library that verifies it reads it.
Said = Annotated[dict[str, Any], msgspec.Meta(description="PublicKeyCredential.toJSON()")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=account_rules.LABEL_MAX)]


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """How people may sign in here. `why_no_passkeys` is for the person who reads it; `provider` is "" when there is none."""

    passkeys: bool
    why_no_passkeys: str
    provider: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """For the browser: `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` reads it."""

    options: dict[str, Any]


class Answer(c.Body, frozen=True, kw_only=True):
    """What the device said to the question."""

    credential: Said


class NewPasskey(c.Body, frozen=True, kw_only=True):
    label: Label
    credential: Said


class Named(c.Body, frozen=True, kw_only=True):
    label: Label


class PasskeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`stopped_at` is when its counter went back, as if it had been copied; it is good for nothing since."""

    passkey_id: str
    label: str
    made_at: datetime
    used_at: datetime | None
    stopped_at: datetime | None
    host: str


class WayThere(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the browser."""

    location: str


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["sign-in"])
    routes.include_router(_ways(desk))
    routes.include_router(_passkeys(desk))
    routes.include_router(_with_passkey(desk))
    return routes


def _ways(desk: Desk) -> APIRouter:
    routes = APIRouter()
    access, provider = desk.access, desk.services.provider

    @routes.get("/session/ways", **c.route(Ways, open_to_all=True))
    async def ways(request: Request) -> Response:
        """How people may sign in at this address."""
        why = rules.why_no_passkeys(host_name(request.headers.get("host", "")) or "", https=desk.settings.https)
        name = "" if provider is None else provider.provider.settings.name
        return c.json(Ways(passkeys=not why, why_no_passkeys=why, provider=name))

    @routes.post("/session/oidc", **c.route(WayThere, open_to_all=True, says="Go there"))
    async def leave(request: Request) -> Response:
        """Begin to sign in at the identity provider."""
        secret = credentials.new_token()
        there = await _provider(provider).begin(secret, _origin(desk, request) + BACK, address_of(request))
        return _visiting(desk, c.json(WayThere(location=there)), secret)

    @routes.post("/session/proof/oidc", **c.route(WayThere, changes=True, says="Go there"))
    async def leave_to_prove(request: Request) -> Response:
        """Begin to prove again who one is, by a fresh sign-in at the identity provider."""
        who = await access.person(request, "prove")
        if not desk.services.accounts.people.get(who.account_id).issuer:
            raise Refused("your account is not the identity provider's", remedy="give your password, or use a passkey")
        secret, session_id = credentials.new_token(), credentials.digest(who.session or "")
        back = _origin(desk, request) + BACK
        there = await _provider(provider).begin(secret, back, address_of(request), session_id=session_id)
        return _visiting(desk, c.json(WayThere(location=there)), secret)

    return routes


def _passkeys(desk: Desk) -> APIRouter:
    routes = APIRouter()
    access, passkeys = desk.access, desk.services.passkeys

    @routes.get("/passkeys", **c.route(list[PasskeyView]))
    async def list_passkeys(request: Request) -> Response:
        """One's own passkeys."""
        who = await access.person(request, "passkeys")
        return c.json([_view(one) for one in passkeys.held_by(who.account_id)])

    @routes.post("/passkeys/question", **c.route(Question, changes=True))
    async def ask_to_make(request: Request) -> Response:
        """What the browser asks a device to make a passkey. Needs a sign-in, or a proof, within five minutes."""
        who = await access.person(request, "make-passkey")
        return c.json(Question(options=await passkeys.begin_making(who.identity, who.session or "", _place(desk, request))))

    @routes.post("/passkeys", **c.route(PasskeyView, status=201, body=NewPasskey, changes=True))
    async def make_passkey(request: Request) -> Response:
        """Keep the passkey that the device made."""
        who = await access.person(request, "make-passkey")
        said: NewPasskey = await c.read(request, NewPasskey)
        place = _place(desk, request)
        made = await passkeys.make(who.identity, who.session or "", place, said.label, said.credential)
        return c.json(_view(made), HTTPStatus.CREATED)

    @routes.post("/passkeys/{passkey_id}/name", **c.route(PasskeyView, body=Named, changes=True))
    async def name_passkey(request: Request, passkey_id: c.Id) -> Response:
        """Give one of one's own passkeys another name."""
        who = await access.person(request, "name-passkey")
        said: Named = await c.read(request, Named)
        return c.json(_view(await passkeys.rename(who.identity, passkey_id, said.label)))

    @routes.post("/passkeys/{passkey_id}/remove", **c.route(status=204, changes=True, says="Removed"))
    async def remove_passkey(request: Request, passkey_id: c.Id) -> Response:
        """Remove one of one's own passkeys. Needs a sign-in, or a proof, within five minutes."""
        who = await access.person(request, "remove-passkey")
        await passkeys.remove(who.identity, passkey_id)
        return nothing()

    return routes


def _with_passkey(desk: Desk) -> APIRouter:
    routes = APIRouter()
    access, passkeys = desk.access, desk.services.passkeys

    @routes.post("/session/passkey/question", **c.route(Question, open_to_all=True))
    async def ask_who(request: Request) -> Response:
        """What the browser asks a device to sign in with a passkey."""
        secret = credentials.new_token()
        asked = await passkeys.begin_sign_in(secret, _place(desk, request), address_of(request))
        return _visiting(desk, c.json(Question(options=asked)), secret)

    @routes.post("/session/passkey", **c.route(SessionView, body=Answer, open_to_all=True, says="Signed in"))
    async def sign_in_with_passkey(request: Request) -> Response:
        """Sign in with what the device said. The question is used up by it, right or wrong."""
        said: Answer = await c.read(request, Answer)
        opened = await passkeys.sign_in(_visit(desk, request), _place(desk, request), said.credential, address_of(request))
        view = session_view(desk.services, Asker(identity=opened.identity, session=opened.token))
        return access.give_cookie(c.json(view), opened)

    @routes.post("/session/proof/passkey/question", **c.route(Question, changes=True))
    async def ask_to_prove(request: Request) -> Response:
        """What the browser asks a device before a grave act."""
        who = await access.person(request, "prove")
        return c.json(Question(options=await passkeys.begin_proof(who.identity, who.session or "", _place(desk, request))))

    @routes.post("/session/proof/passkey", **c.route(SessionView, body=Answer, changes=True, says="Proved"))
    async def prove_with_passkey(request: Request) -> Response:
        """Prove again who one is, with what the device said."""
        who = await access.person(request, "prove")
        said: Answer = await c.read(request, Answer)
        identity = await passkeys.prove(who.identity, who.session or "", _place(desk, request), said.credential)
        return c.json(session_view(desk.services, Asker(identity=identity, session=who.session)))

    return routes


def pages(desk: Desk) -> APIRouter:
    """Where the identity provider sends the browser back to. It leads to the console's own page, whatever happened."""
    routes = APIRouter(include_in_schema=False)
    provider = desk.services.provider

    @routes.get(BACK)
    async def back(request: Request) -> Response:
        said = {name: request.query_params.get(name, "")[: MAX_PARAMETER + 1] for name in ("state", "code", "iss")}
        secret = _visit(desk, request)
        try:
            done = await _provider(provider).finish(secret, said["state"], said["code"], said["iss"], address_of(request))
        except BowstreetError as error:
            return _left(desk, _to_console(f"?refused={error.problem}"))
        answer = _to_console("")
        return _left(desk, desk.access.give_cookie(answer, done) if isinstance(done, Opened) else answer)

    return routes


def _to_console(why: str) -> Response:
    return RedirectResponse(f"/#/signed-in{why}", HTTPStatus.SEE_OTHER, {"cache-control": "no-store"})


def _provider(provider: ProviderSignIn | None) -> ProviderSignIn:
    if provider is None:
        raise NotFound("no identity provider is configured", remedy="sign in with a password or passkey")
    return provider


def _origin(desk: Desk, request: Request) -> str:
    """The console's address as this browser has it; the edge has let no Host in that is not the console's."""
    return f"{'https' if desk.settings.https else 'http'}://{request.headers.get('host', '')}"


def _place(desk: Desk, request: Request) -> Place:
    host = host_name(request.headers.get("host", "")) or ""
    rp_id = rules.rp_id_of(host)
    why = rules.why_no_passkeys(host, https=desk.settings.https)
    if rp_id is None or why:
        raise Refused("passkeys do not work at this address", remedy=why)
    return Place(rp_id=rp_id, origin=_origin(desk, request))


def _visiting(desk: Desk, answer: Response, secret: str) -> Response:
    """Bind what is under way to this browser. Lax, not strict: the way back from the provider begins at another site."""
    life_s = int(rules.FLOW_LIFE.total_seconds())
    answer.set_cookie(
        desk.settings.visit_cookie, secret, max_age=life_s, path="/", secure=desk.settings.https, httponly=True, samesite="lax"
    )
    return answer


def _left(desk: Desk, answer: Response) -> Response:
    answer.delete_cookie(desk.settings.visit_cookie, path="/", secure=desk.settings.https, httponly=True, samesite="lax")
    return answer


def _visit(desk: Desk, request: Request) -> str:
    return request.cookies.get(desk.settings.visit_cookie, "")


def _view(one: Passkey) -> PasskeyView:
    return PasskeyView(
        passkey_id=one.passkey_id, label=one.label, made_at=one.made_at, used_at=one.used_at, stopped_at=one.stopped_at,
        host=one.rp_id,
    )  # fmt: skip
