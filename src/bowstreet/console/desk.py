"""What every route stands on: the services, who asks, and commands that are done once."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action
from bowstreet.console import idempotency
from bowstreet.console.access import Access, Asker
from bowstreet.console.idempotency import Act, Idempotency
from bowstreet.console.problems import Misfit
from bowstreet.console.scene import Scene
from bowstreet.console.services import ConsoleServices
from bowstreet.console.settings import EdgeSettings
from bowstreet.console.sight import sight_of
from bowstreet.errors import NotPermitted

# The borough of what is in none: in nobody's who is limited to some.
NOWHERE = ""
KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Made once for an app, given to every router."""

    services: ConsoleServices
    settings: EdgeSettings
    access: Access
    scene: Scene
    once: Idempotency

    async def command(self, request: Request, asker: Asker, act: Act, *, repeatable: bool = False) -> Response:
        """Do `act`, at most once for the request's Idempotency-Key. A service's refusal of the person is recorded.

        Raises:
            Misfit: for a key that is empty, too long or not plain ASCII.
        """
        try:
            return await self._once(request, asker, act, repeatable)
        except NotPermitted:
            await self.access.refused(asker, request.scope["route"].name, "not-theirs")
            raise

    async def require_sight(self, who: Asker, action: Action, thing: str, borough: str | None) -> None:
        """For what a request's path does not place. Raises `NotPermitted`, on record, when it is not where somebody sees."""
        if not sight_of(who.identity.boroughs).sees(borough):
            await self.access.require(who, action, What(thing=thing, borough=borough or NOWHERE), changes=False)

    async def _once(self, request: Request, asker: Asker, act: Act, repeatable: bool) -> Response:
        key = request.headers.get("idempotency-key")
        if key is None:
            return await act()
        if not KEY.fullmatch(key):
            raise Misfit("the Idempotency-Key is not 1 to 255 visible ASCII characters", remedy="use a UUID")
        told = idempotency.Request(
            account_id=asker.account_id, method=request.method, path=request.url.path, key=key, body=await request.body()
        )
        return await self.once.run(told, act, repeatable=repeatable)


def nothing() -> Response:
    """Done, and nothing to say."""
    return Response(status_code=HTTPStatus.NO_CONTENT)
