"""`/api/v1/recognition/live`: the WebSocket of an adjudicating officer's page. The list of alerts goes out whenever one changes.

Closed as the live feed is (`live`): 4401 without a session, 4403 when the role may not look, 4429 with too many, 1013 when it
takes nothing.
"""

import asyncio
import contextlib
from collections import Counter

import msgspec
import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.accountability.model import Action
from bowstreet.console import live
from bowstreet.console.access import Asker
from bowstreet.console.alerts import AlertView, listed
from bowstreet.console.desk import Desk
from bowstreet.errors import BowstreetError, NotSignedIn
from bowstreet.recognition.alerts.model import Alert

log = structlog.get_logger(__name__)

# Many alerts at once are one message: people see no difference.
GATHER_S = 0.05
# With nothing new a message all the same, so that a page knows that it is still connected.
ALIVE_S = 10.0


class AlertsNow(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="alerts"):
    """Every alert that the page shows, as it is now; and the program's time, by which its countdowns run."""

    now: str
    alerts: list[AlertView]


class AlertFeed:
    """Every officer's connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._changed: set[asyncio.Event] = set()
        self._open: Counter[str] = Counter()  # by account: nobody's pages keep another's out
        self._closed = False
        desk.services.recognition.alerts.listen(self._hear)

    def close(self) -> None:
        self._closed = True
        for event in self._changed:
            event.set()

    def _hear(self, alert: Alert) -> None:
        for event in self._changed:
            event.set()

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        code = 1000
        changed = asyncio.Event()
        try:
            who = await self._desk.access.allowed(socket, Action.SEE_ALERTS)
            if self._open[who.account_id] >= self._desk.settings.limits.live_connections_by_account:
                code = live.TOO_MANY
                return
            self._open[who.account_id] += 1
            self._changed.add(changed)
            try:
                code = await self._converse(socket, who, changed)
            finally:
                self._open[who.account_id] -= 1
        except NotSignedIn:
            code = live.NOT_SIGNED_IN
        except BowstreetError:
            code = live.NOT_PERMITTED
        except WebSocketDisconnect:
            return
        finally:
            self._changed.discard(changed)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(live.CLOSE_S):
                    await socket.close(code)

    async def _converse(self, socket: WebSocket, who: Asker, changed: asyncio.Event) -> int:
        """Send and listen until either ends; gives the code to close with."""
        parts = [asyncio.ensure_future(self._send(socket, who, changed)), asyncio.ensure_future(self._listen(socket))]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _send(self, socket: WebSocket, who: Asker, changed: asyncio.Event) -> int:
        silent_s = ALIVE_S
        while not self._closed:
            if not self._desk.access.still_valid(who):
                return live.NOT_SIGNED_IN
            if changed.is_set() or silent_s >= ALIVE_S:
                await asyncio.sleep(GATHER_S)
                changed.clear()
                told = AlertsNow(now=self._desk.services.clock.now().isoformat(), alerts=listed(self._desk, who))
                try:
                    async with asyncio.timeout(self._desk.settings.limits.live_stall_s):
                        await socket.send_text(msgspec.json.encode(told).decode())
                except TimeoutError:
                    return live.STALLED
                silent_s = 0.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(live.SESSION_CHECK_S):
                    await changed.wait()
                    continue
            silent_s += live.SESSION_CHECK_S
        return 1012

    @staticmethod
    async def _listen(socket: WebSocket) -> int:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            return live.BAD_MESSAGE  # a page has nothing to say here


def router(feed: AlertFeed) -> APIRouter:
    routes = APIRouter()
    routes.add_api_websocket_route("/recognition/live", feed.serve)
    return routes
