"""Runs the edge in the present event loop, and stops it gracefully."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import closing

import h11
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import BadInput

log = structlog.get_logger(__name__)

STOP_S = 5.0  # how long answers under way may take once the server stops
MAX_CONNECTIONS = 512  # each costs a file and some memory; a control room has tens of consoles
KEEP_ALIVE_S = 20
MAX_HEADER_BYTES = 32 * 1024


class _Quiet(uvicorn.Server):
    """uvicorn without its own signal handlers: the program decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _timed(head_s: float) -> type[H11Protocol]:
    """HTTP/1.1 that gives up on a peer who does not finish the head of a request: else a few hundred such peers would hold every
    connection there is."""

    class Timed(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            if self._late is None and self.conn.their_state is h11.IDLE:
                self._wait()
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._stop_waiting()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._late = self.loop.call_later(head_s, self.transport.abort)

        def _stop_waiting(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Timed


class Server:
    """One listening HTTP server. `start` returns when it listens, `stop` when it is gone."""

    def __init__(self, app: ASGIApp, settings: EdgeSettings) -> None:
        self._settings = settings
        self._server = _Quiet(
            uvicorn.Config(
                app,
                loop="none",
                http=_timed(settings.limits.head_s),
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws_per_message_deflate=False,
                ws_max_size=settings.limits.live_message_bytes,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=int(STOP_S),
                limit_concurrency=MAX_CONNECTIONS,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.private_key,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._socket is not None, "the server was not started"
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Listen.

        Raises:
            BadInput: when the address cannot be had.
        """
        self._socket = listening(self._settings.host, self._settings.port)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]), name="http server")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise BadInput("the HTTP server did not start", remedy="see the log for its reason")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Take no more requests, let those under way end, close every live feed."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    async def run(self) -> None:
        """Serve until cancelled."""
        await self.start()
        assert self._task is not None
        try:
            await asyncio.shield(self._task)
        finally:
            await self.stop()


def listening(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        BadInput: when the address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends small answers at once (TCP_NODELAY) only on sockets that name it; else each
    # answer would wait 40 ms for the peer's delayed acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(socket.SOMAXCONN)
        made.setblocking(False)
    except (OSError, OverflowError) as error:
        with closing(made):
            raise BadInput(
                f"cannot listen on {host} port {port} ({error})", remedy="stop the program that has it, or choose another --port"
            ) from error
    return made
