"""A command that is sent twice is done once: `Idempotency-Key`, kept in the store so that it holds over a restart.

Before the act a note says that it began; after it the note holds the answer, and the same key gets that answer again. When
the process died in between, nobody knows whether the act was done: the same key is then refused, not repeated, unless the act
is safe to repeat (a call report merges with itself; not repeating it could lose a call).

What a caller said is kept with the incident and nowhere else, so that it can be erased: an answer that shows an incident says so
by `Content-Location`, and whoever asks again is shown the incident as it is by then.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from bowstreet.errors import BadInput, Conflict, Refused
from bowstreet.runtime.ports import Batch, Clock, Record, Store

KIND = "idempotency"
STARTED, DONE = "started", "done"
KEPT = timedelta(hours=24)  # the usual promise of HTTP services; a retry comes within minutes

Act = Callable[[], Awaitable[Response]]
Shown = Callable[[str], Awaitable[bytes]]
"""What a path shows now; raises `NotFound` when it is no more."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept for a key. The request itself is kept only as a digest; of an answer that `shows` a path, only the path."""

    at: datetime
    body_sha256: str
    status: int = 0
    media_type: str = ""
    answer: bytes = b""
    shows: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request with a key. A key means something only to one account on one route."""

    account_id: str
    method: str
    path: str
    key: str
    body: bytes

    @property
    def note_id(self) -> str:
        parts = (self.account_id, self.method, self.path, self.key)
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class Idempotency:
    """Runs acts at most once a key."""

    def __init__(self, store: Store, clock: Clock, shown: Shown) -> None:
        self._store = store
        self._clock = clock
        self._shown = shown
        self._running: dict[str, tuple[str, asyncio.Future[Response]]] = {}

    async def run(self, request: Request, act: Act, *, repeatable: bool = False) -> Response:
        """Do `act` unless this key was used before; then give the answer it got.

        Raises:
            Conflict: the key came with another body, or it is unknown how its first use ended.
            NotFound: what the answer showed is erased.
        """
        running = self._running.get(request.note_id)
        if running is not None:
            self._same_body(request, running[0])
            return _copy(await asyncio.shield(running[1]))
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._running[request.note_id] = (request.body_sha256, future)
        try:
            answer = await self._first(request, act, repeatable=repeatable)
        except BaseException as error:
            future.set_exception(_for_others(error))
            future.exception()  # nobody may be waiting; then it is not "never retrieved"
            raise
        else:
            future.set_result(_copy(answer))
            return answer
        finally:
            del self._running[request.note_id]

    async def _first(self, request: Request, act: Act, *, repeatable: bool) -> Response:
        record = await self._store.get(KIND, request.note_id)
        note = msgspec.json.decode(record.body, type=Note) if record else None
        if record is not None and note is not None and self._clock.now() - note.at < KEPT:
            self._same_body(request, note.body_sha256)
            if record.state == DONE:
                body = await self._shown(note.shows) if note.shows else note.answer
                return Response(body, note.status, _again(note.status, note.shows), note.media_type)
            if not repeatable:
                raise Conflict(
                    "this command may have been carried out before the program stopped",
                    remedy="look at the present state, and use a new Idempotency-Key to send it again",
                )
        version = record.version if record else 0
        await self._write(request, version + 1, STARTED, Note(at=self._clock.now(), body_sha256=request.body_sha256))
        return await self._act(request, version + 1, act)

    async def _act(self, request: Request, version: int, act: Act) -> Response:
        try:
            answer = await act()
        except (BadInput, Refused, Conflict):
            # Nothing was done: the key is free again, for when the state allows it.
            await self._store.commit(Batch(deletes=[(KIND, request.note_id)]))
            raise
        shows = _shows(answer)
        note = Note(
            at=self._clock.now(),
            body_sha256=request.body_sha256,
            status=answer.status_code,
            media_type=answer.media_type or "",
            answer=b"" if shows else bytes(answer.body),
            shows=shows,
        )
        await self._write(request, version + 1, DONE, note)
        return answer

    async def _write(self, request: Request, version: int, state: str, note: Note) -> None:
        record = Record(kind=KIND, id=request.note_id, version=version, state=state, body=msgspec.json.encode(note))
        await self._store.commit(Batch(puts=[record]))

    @staticmethod
    def _same_body(request: Request, body_sha256: str) -> None:
        if request.body_sha256 != body_sha256:
            raise Conflict("this Idempotency-Key came before with another request", remedy="use a new key for a new command")

    async def prune(self) -> int:
        """Forget notes older than a day; returns how many."""
        old = self._clock.now() - KEPT
        stale = [r for r in await self._store.find(KIND) if msgspec.json.decode(r.body, type=Note).at < old]
        if stale:
            await self._store.commit(Batch(deletes=[(KIND, record.id) for record in stale]))
        return len(stale)


def _copy(answer: Response) -> Response:
    return Response(bytes(answer.body), answer.status_code, _again(answer.status_code, _shows(answer)), answer.media_type)


def _shows(answer: Response) -> str:
    return str(answer.headers.get("content-location", ""))


def _again(status: int, shows: str) -> dict[str, str]:
    headers = {"Idempotency-Replayed": "true"}
    if shows:
        headers["Content-Location"] = shows
        if status == HTTPStatus.CREATED:
            headers["Location"] = shows
    return headers


def _for_others(error: BaseException) -> Exception:
    """What a second request with the same key is told: the first one's error; an interruption is uncertainty."""
    if isinstance(error, Exception):
        return error
    return Conflict("the first request with this Idempotency-Key was interrupted", remedy="look at the present state")
