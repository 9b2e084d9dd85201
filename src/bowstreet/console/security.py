"""What every request passes before any route sees it: host, flood, other sites, size and pace of the body; and the headers that
every answer carries. Plain ASGI, so that nothing is buffered twice."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bowstreet.console import headers as rules
from bowstreet.console import problems
from bowstreet.console.limits import Buckets
from bowstreet.console.problems import EdgeError
from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import BowstreetError, NotPermitted, TooManyAttempts
from bowstreet.runtime.ports import Clock

API = "/api/"
FILES = ("/api/v1/airspace/sources/", "/api/v1/recognition/lists/")  # what is put here is a file
PROBES = ("/healthz", "/readyz")  # asked by address, by what watches the program; they tell nothing that a page could use
Denied = Callable[[str, str, str], Awaitable[None]]
"""Record a refusal: address, action, rule."""


class Edge:
    """The outermost part of the program that faces the network.

    Args:
        clock: real time, for rates.
        denied: told of every refusal that is an attempt rather than a mistake.
    """

    def __init__(self, app: ASGIApp, *, settings: EdgeSettings, clock: Clock, denied: Denied) -> None:
        self._app = app
        self._denied = denied
        self._settings = settings
        self._flood = Buckets(settings.limits.requests, clock)
        media = settings.media_server
        policy = rules.content_security_policy(settings.tile_origins, "" if media is None else media.origin).encode()
        self._headers = [*rules.SECURITY_HEADERS, (b"content-security-policy", policy)]
        if settings.https:
            self._headers.append(rules.STRICT_TRANSPORT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["client"] = (address_of(scope, headers, self._settings), 0)
        if scope["type"] == "websocket":
            await self._websocket(scope, headers, receive, send)
        else:
            await self._http(scope, headers, receive, self._with_headers(scope, send))

    async def _websocket(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        try:
            await self._admit(scope, headers)
        except BowstreetError:
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before accept: the handshake is answered 403
            return
        await self._app(scope, receive, send)

    async def _http(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        started = ended = False

        async def sending(message: Message) -> None:
            nonlocal started, ended
            started = True
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._admit(scope, headers)
            body = await self._body(scope, headers, receive)
            await self._app(scope, _replay(body, receive), sending)
        except BowstreetError as error:
            await problems.answer(error, scope["path"])(scope, receive, send)
        except Exception as error:
            # The framework answers by `problems.unforeseen` and raises it again; then all is said. Half an answer is cut off.
            if started and not ended:
                raise
            if not started:
                await problems.unforeseen(error, scope["path"])(scope, receive, send)

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        """Raises what the request is refused with."""
        host = headers.get("host", "")
        address = rules.asker_at(scope["client"][0])
        if scope["path"] not in PROBES and not rules.host_allowed(host, self._settings.hosts):
            await self._denied(address, "request", "host")
            raise EdgeError(
                HTTPStatus.BAD_REQUEST,
                "unknown-host",
                "this console does not go by that name",
                remedy="use the address it printed at start, or name it under hosts in the configuration",
            )
        if not self._flood.take(address):
            raise TooManyAttempts("too many requests from this address", remedy="wait a few seconds")
        changes = scope["type"] == "websocket" or scope["method"] not in rules.SAFE_METHODS
        site = headers.get("sec-fetch-site")
        if not changes and site == "none":  # an address typed by hand
            site = None
        checked = changes or scope["path"].startswith(API)
        scheme = "https" if self._settings.https else "http"
        if checked and not rules.same_origin(headers.get("origin"), site, scheme=scheme, host=host):
            await self._denied(address, "request", "origin")
            raise NotPermitted("the request comes from another site", remedy="use the console's own pages")

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> bytes:
        limits = self._settings.limits
        file = scope["method"] == "PUT" and scope["path"].startswith(FILES)
        most = limits.file_bytes if file else limits.body_bytes
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:12]) > most:
            raise _too_large(most)
        parts: list[bytes] = []
        size = 0
        try:
            # Real seconds of the event loop: a slow sender is slow in the real world, whatever the run's clock.
            async with asyncio.timeout(limits.body_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        break
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise _too_large(most)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise EdgeError(
                HTTPStatus.REQUEST_TIMEOUT,
                "request-timeout",
                f"the body did not come within {limits.body_s:.0f} s",
                remedy="send the request in one go",
                headers={"Connection": "close"},
            ) from None
        return b"".join(parts)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        private = scope["path"].startswith(API)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.setdefault("headers", [])
                said = {name.lower() for name, _ in given}
                given.extend(header for header in self._headers if header[0] not in said)
                if private and b"cache-control" not in said:
                    given.append((b"cache-control", b"no-store"))
            await send(message)

        return sending


def address_of(scope: Scope, headers: Headers, settings: EdgeSettings) -> str:
    """The asker's address: the peer's, or what a trusted proxy says of it (the last hop that is not ours)."""
    peer = scope["client"][0] if scope.get("client") else "unknown"
    if peer not in settings.trusted_proxies:
        return str(peer)
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    return next((hop for hop in reversed(hops) if hop not in settings.trusted_proxies), str(peer))


def _too_large(limit: int) -> EdgeError:
    return EdgeError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        f"the body is over {limit:,} bytes",
        remedy="send less; replay files with bowstreet up --calls",
        headers={"Connection": "close"},
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body that was read, for the app to read; then whatever the connection says."""
    given = False

    async def replaying() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying
