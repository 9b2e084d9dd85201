"""For whoever checks: the log of processing (DPA 2018 s.62) page by page, and the whole ledger in one file."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bowstreet.accountability import bundle
from bowstreet.accountability.model import Action
from bowstreet.accountability.note import Note
from bowstreet.accountability.processing.export import line_of, wanted
from bowstreet.accountability.processing.model import LEDGER, LogLine, Matter
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.authorisations import document_route
from bowstreet.console.desk import Desk
from bowstreet.console.looking import consult
from bowstreet.errors import TooManyAttempts
from bowstreet.runtime.turns import in_turns

# So many entries are read for one page at most: an answer takes well under a second, however rare what is asked for.
ENTRIES_A_PAGE = 20_000
PART_BYTES = 64 * 1024

Day = Annotated[str | None, Query(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")]
About = Annotated[str | None, Query(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]


class Downloads:
    """One bundle at a time for each account: each reads the whole ledger, and a script that asks for many would leave no time
    for anything else."""

    def __init__(self) -> None:
        self._under_way: set[str] = set()

    def begin(self, account_id: str) -> Callable[[], None]:
        """Gives what ends it. Raises `TooManyAttempts` while another is under way."""
        if account_id in self._under_way:
            raise TooManyAttempts("a bundle is being sent to this account already", remedy="wait until it has come")
        self._under_way.add(account_id)
        return functools.partial(self._under_way.discard, account_id)


class _Sent(StreamingResponse):
    """Says when it is over, whole or broken off: also when not a byte of it was ever asked for."""

    def __init__(self, parts: AsyncIterator[bytes], ended: Callable[[], None], headers: dict[str, str]) -> None:
        super().__init__(parts, media_type="application/jsonl", headers=headers)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines in order, and the `start` of the next page; null when this was the last."""

    lines: tuple[LogLine, ...]
    next: int | None


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["record"])
    services, sees, downloads = desk.services, desk.access.needs(Action.SEE_LOG), Downloads()

    @routes.get("/log62", **c.route(LogPage, says="A page; it may have few lines, or none, and a next one all the same"))
    async def log62(
        who: Annotated[Asker, sees],
        first: Annotated[Day, Query(alias="from")] = None,
        last: Annotated[Day, Query(alias="to")] = None,
        subject: About = None,
        account: About = None,
        start: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 500,
    ) -> Response:
        """What was done with personal data: days (UTC) from and to, both included; about a subject; by an account."""
        await desk.require_sight(who, Action.SEE_LOG, LEDGER, None)
        filtered = wanted(first, last, subject, account)
        await consult(services.consultations, who, Matter.LOG, LEDGER)
        names = {one.account_id: one.name for one in services.accounts.all()} | services.officer_links.recipients()
        lines: list[LogLine] = []
        end = start
        async for row in in_turns(services.store.log_rows(start, start + ENTRIES_A_PAGE)):
            if len(lines) == limit:
                break
            one = line_of(row, filtered, names)
            if one is not None:
                lines.append(one)
            end = row.index + 1
        return c.json(LogPage(lines=tuple(lines), next=end if start < end < services.recorder.size else None))

    @routes.get("/audit/bundle", **document_route("application/jsonl", "The ledger; bowstreet audit verify FILE"))
    async def whole(who: Annotated[Asker, sees]) -> Response:
        """The whole ledger as of now, this request included, as a file that anybody can verify elsewhere."""
        await desk.require_sight(who, Action.SEE_LOG, LEDGER, None)
        ended = downloads.begin(who.account_id)
        try:
            await consult(services.consultations, who, Matter.LEDGER, LEDGER)
            note = await services.log.publish(services.recorder.size, services.recorder.root)
        except BaseException:
            ended()
            raise
        return _Sent(_parts(desk, note), ended, {"Content-Disposition": 'attachment; filename="ledger.bundle"'})

    return routes


async def _parts(desk: Desk, note: Note) -> AsyncIterator[bytes]:
    """In parts of some size: a line each would be a packet each."""
    services = desk.services
    lines = bundle.stream(
        services.store,
        note,
        services.log.key,
        services.log.seal,
        made_at=services.clock.now(),
        version=services.run.version,
        transitions=services.log.transitions,
    )
    part = bytearray()
    async for line in lines:
        part += line
        if len(part) >= PART_BYTES:
            yield bytes(part)
            part.clear()
            await asyncio.sleep(0)  # a buffer that takes all at once would keep everybody else waiting
    yield bytes(part)
