"""`/api/v1/live`: the WebSocket of one console. Frames out, a pilot's heartbeat in.

It is closed with 4401 when the session is missing, ended or expired, 4403 when the role may not look, 4400 when the console
says what it should not, 4429 when it says too much or has too many connections, 1013 when it takes nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.accountability.model import Action
from bowstreet.console.access import Access, Asker
from bowstreet.console.feed import Encoding, Feed
from bowstreet.console.frames import Me
from bowstreet.console.limits import Buckets, Limits
from bowstreet.console.looking import Looking
from bowstreet.console.sight import sight_of
from bowstreet.errors import BowstreetError, NotSignedIn
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

NOT_SIGNED_IN, NOT_PERMITTED, BAD_MESSAGE, TOO_MANY, STALLED = 4401, 4403, 4400, 4429, 1013
SESSION_CHECK_S = 1.0  # how long an ended session may still look
CLOSE_S = 2.0

OnHeartbeat = Callable[[str], Awaitable[None]]


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The console of a pilot who is at it."""

    type: Literal["heartbeat"]


class _Closed(Exception):
    """This connection ends, with a WebSocket close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class LiveFeed:
    """Every console's connection.

    Args:
        on_heartbeat: told the account of a pilot whose console is alive.
        looking: records that somebody looks, and when they leave.
    """

    def __init__(
        self, feed: Feed, access: Access, on_heartbeat: OnHeartbeat, clock: Clock, limits: Limits, looking: Looking
    ) -> None:
        self._feed = feed
        self._access = access
        self._on_heartbeat = on_heartbeat
        self._limits = limits
        self._looking = looking
        self._said = Buckets(limits.live_messages, clock)
        self._open: Counter[str] = Counter()

    @property
    def connections(self) -> int:
        return self._open.total()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from handshake to close."""
        encoding = next((e for e in Encoding if e in socket.scope["subprotocols"]), None)
        await socket.accept(encoding)
        try:
            asker = await self._admit(socket)
            try:
                await self._looking.opened(asker.identity)
                await self._converse(socket, asker, encoding or Encoding.JSON)
            finally:
                self._open[asker.account_id] -= 1
                self._looking.closed(asker.identity)
        except _Closed as closed:
            await self._close(socket, closed)
        except WebSocketDisconnect:
            pass

    async def _admit(self, socket: WebSocket) -> Asker:
        try:
            asker = await self._access.allowed(socket, Action.SEE)
        except NotSignedIn as error:
            raise _Closed(NOT_SIGNED_IN, "sign in first") from error
        except BowstreetError as error:
            raise _Closed(NOT_PERMITTED, "this account may not see the operation") from error
        if self._open[asker.account_id] >= self._limits.live_connections_by_account:
            raise _Closed(TOO_MANY, "too many consoles for one account")
        self._open[asker.account_id] += 1
        return asker

    async def _converse(self, socket: WebSocket, asker: Asker, encoding: Encoding) -> None:
        """Send, listen and watch the session, until the first of them ends."""
        parts = [
            asyncio.ensure_future(part)
            for part in (self._send(socket, asker, encoding), self._listen(socket, asker), self._watch(asker))
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _send(self, socket: WebSocket, asker: Asker, encoding: Encoding) -> None:
        me = Me(
            account_id=asker.account_id,
            name=asker.identity.name,
            role=asker.identity.role.value,
            may=tuple(action.value for action in asker.identity.may),
            boroughs=asker.identity.boroughs,
        )
        sight = sight_of(asker.identity.boroughs)
        seq = self._feed.seq
        await self._put(socket, self._feed.snapshot(me, encoding, sight), encoding)
        while not self._feed.closed:
            await self._feed.wait(seq)
            since, seq = seq, self._feed.seq
            reaches = self._feed.reaches(since)
            frame = self._feed.frame(since, encoding, sight) if reaches else self._feed.snapshot(me, encoding, sight)
            await self._put(socket, frame, encoding)
        raise _Closed(1012, "the program stops")

    async def _put(self, socket: WebSocket, frame: bytes, encoding: Encoding) -> None:
        """Hand one frame to the connection; waits, alone, while the console takes nothing."""
        message = {"type": "websocket.send"}
        carried = message | ({"text": frame.decode()} if encoding is Encoding.JSON else {"bytes": frame})
        try:
            async with asyncio.timeout(self._limits.live_stall_s):
                await socket.send(carried)
        except TimeoutError:
            raise _Closed(STALLED, "the console takes nothing") from None

    async def _listen(self, socket: WebSocket, asker: Asker) -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._said.take(asker.account_id):
                raise _Closed(TOO_MANY, "too many messages")
            said = message.get("text")
            try:
                msgspec.json.decode(said if said is not None else message.get("bytes") or b"", type=Heartbeat)
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                raise _Closed(BAD_MESSAGE, 'only {"type": "heartbeat"} is understood') from None
            self._access.still_valid(asker, touch=True)  # who flies is at the console
            await self._on_heartbeat(asker.account_id)

    async def _watch(self, asker: Asker) -> None:
        while self._access.still_valid(asker):  # noqa: ASYNC110 - time itself ends a session; there is no event for it
            await asyncio.sleep(SESSION_CHECK_S)
        raise _Closed(NOT_SIGNED_IN, "the session has ended")

    @staticmethod
    async def _close(socket: WebSocket, closed: _Closed) -> None:
        log.info("live feed closed", code=closed.code, reason=closed.reason)
        try:
            async with asyncio.timeout(CLOSE_S):  # one that takes nothing does not take the close either
                await socket.close(closed.code, closed.reason)
        except (RuntimeError, WebSocketDisconnect, TimeoutError):  # it is gone already
            log.debug("live feed was gone")


def router(live: LiveFeed) -> APIRouter:
    routes = APIRouter()
    routes.add_api_websocket_route("/live", live.serve)
    return routes
