"""Open sessions over HTTP: one's own, each of which one can end, and those of others, which a supervisor can."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability import credentials
from bowstreet.accountability.model import Action, Session
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that still counts. `how` is password, passkey, oidc or setup; `here` that it is the asker's own."""

    session_id: str
    how: str
    opened_at: datetime
    used_at: datetime
    expires_at: datetime
    here: bool


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["accounts"])
    accounts, access = desk.services.accounts, desk.access

    @routes.get("/sessions", **c.route(list[OpenSession]))
    async def list_sessions(request: Request) -> Response:
        """Where one is signed in, the last used first."""
        who = await access.person(request, "sessions")
        here = credentials.digest(who.session or "")
        return c.json([_view(one, here) for one in accounts.sessions.of(who.account_id)])

    @routes.post("/sessions/{session_id}/end", **c.route(status=204, changes=True, says="Ended"))
    async def end_session(request: Request, session_id: c.Id) -> Response:
        """End one of one's own sessions."""
        who = await access.person(request, "end-session")
        await accounts.end_session(who.identity, session_id)
        return nothing()

    @routes.get("/accounts/{account_id}/sessions", **c.route(list[OpenSession]))
    async def list_sessions_of(account_id: c.Id, who: Annotated[Asker, access.needs(Action.SEE_ACCOUNTS)]) -> Response:
        """Where somebody is signed in."""
        known = accounts.people.get(account_id)
        here = credentials.digest(who.session or "")
        return c.json([_view(one, here) for one in accounts.sessions.of(known.account_id)])

    @routes.post("/accounts/{account_id}/sessions/end", **c.route(status=204, changes=True, says="Ended"))
    async def end_sessions_of(account_id: c.Id, who: Annotated[Asker, access.needs(Action.MANAGE_ACCOUNTS)]) -> Response:
        """End every session of an account at once. The person can sign in again."""
        await accounts.end_sessions(who.identity, account_id)
        return nothing()

    return routes


def _view(session: Session, here: str) -> OpenSession:
    return OpenSession(
        session_id=session.session_id, how=session.how.value, opened_at=session.opened_at, used_at=session.seen_at,
        expires_at=session.expires_at, here=session.session_id == here,
    )  # fmt: skip
