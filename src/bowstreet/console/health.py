"""Whether it lives, whether it is ready, and its figures: for the machines that watch it. They say nothing of any person."""

import hmac
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
import structlog
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from bowstreet.console import contracts as c
from bowstreet.console.desk import Desk
from bowstreet.console.headers import is_loopback
from bowstreet.errors import BowstreetError, LedgerBroken, NotPermitted
from bowstreet.runtime import metrics
from bowstreet.runtime.ports import Batch, Record

log = structlog.get_logger(__name__)

# A busy city has a handful of messages on their way at a time; thousands mean that nobody takes them.
MAX_UNDELIVERED = 2_000
READY_FOR_S = 1.0  # an answer holds so long: the probe writes to disk, and anyone may ask


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must hold for the program to do its work."""

    name: str
    ok: bool
    detail: str = ""


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    ready: bool
    checks: tuple[Check, ...]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    known: tuple[float, Readiness] | None = None

    @routes.api_route("/healthz", methods=["GET", "HEAD"])
    async def alive() -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    @routes.api_route("/readyz", methods=["GET", "HEAD"])
    async def ready() -> Response:
        nonlocal known
        now = desk.services.real_clock.monotonic_s()
        if known is None or now - known[0] > READY_FOR_S:
            known = (now, await readiness(desk))
        found = known[1]
        return c.json(found, HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE, {"Cache-Control": "no-store"})

    @routes.get("/metrics")
    async def figures(request: Request) -> Response:
        _admit(request, desk.settings.metrics_token)
        return Response(desk.services.metrics.render(), media_type=metrics.CONTENT_TYPE)

    return routes


async def readiness(desk: Desk) -> Readiness:
    """Ask each part whether it can do its work."""
    checks = (
        await _check("store", lambda: _writable(desk)),
        await _check("ledger", lambda: _ledger(desk)),
        await _check("bus", lambda: _bus(desk)),
        await _check("links", lambda: _links(desk)),
    )
    return Readiness(ready=all(check.ok for check in checks), checks=checks)


async def _check(name: str, look: Callable[[], Awaitable[str]]) -> Check:
    try:
        return Check(name=name, ok=True, detail=await look())
    except BowstreetError as error:
        return Check(name=name, ok=False, detail=str(error))
    except Exception as error:
        # The edge: a part that fails in an unforeseen way is a part that is not ready.
        log.exception("readiness check failed", part=name)
        return Check(name=name, ok=False, detail=type(error).__name__)


PROBE = ("probe", "ready")


async def _writable(desk: Desk) -> str:
    """Write one small record, durably: the only proof that the disk still takes one."""
    store = desk.services.store
    known = await store.get(*PROBE)
    version = known.version + 1 if known else 1
    await store.commit(Batch(puts=[Record(kind=PROBE[0], id=PROBE[1], version=version, state="", body=b"{}")]))
    return ""


async def _ledger(desk: Desk) -> str:
    """The ledger in the store is as long as the one we append to."""
    size, stored = desk.services.recorder.size, await desk.services.store.log_size()
    if stored < size:
        raise LedgerBroken(f"the store holds {stored} entries of {size}", remedy="run bowstreet audit verify")
    return f"{size} entries"


async def _bus(desk: Desk) -> str:
    """What was committed also reaches those who act on it."""
    waiting = len(await desk.services.store.outbox_pending())
    if waiting > MAX_UNDELIVERED:
        raise BowstreetError(f"{waiting} messages are not delivered", remedy="see the log for a handler that hangs")
    return f"{waiting} on their way"


async def _links(desk: Desk) -> str:
    """How many vehicles are believed without a signature: no fault, but whoever looks should know."""
    unsigned, all_of_them = len(desk.services.unsigned_links()), len(desk.services.flight.picture.vehicles())
    return f"unsigned link of {unsigned} of {all_of_them} vehicles" if unsigned else "every vehicle signs"


def _admit(request: Request, token: str) -> None:
    """Figures are for this machine, or for who has the token.

    Raises:
        NotPermitted: otherwise.
    """
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return
    if request.client is None or not is_loopback(request.client.host):
        raise NotPermitted("/metrics is for this machine", remedy="scrape over loopback, or set console.metrics_token")
