"""Who sees live pictures now. Each viewing is on record before the first picture, and so is its end; one whose right or session
has ended, or whose drone may show nothing any more, ends by itself."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Justification
from bowstreet.accountability.processing.rules import justified
from bowstreet.console.access import Access, Asker
from bowstreet.console.services import ConsoleServices
from bowstreet.errors import BowstreetError, NotFound, TooManyAttempts
from bowstreet.flight.model import Mission
from bowstreet.video.service import Stream
from bowstreet.video.viewing import ViewingBook
from bowstreet.video.whep import Whep

log = structlog.get_logger(__name__)

# A wall of pictures has nine; a person sees no more.
MOST_BY_ACCOUNT = 12
CHECK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Somebody with no account who was given leave to see one incident. `holds` says whether the leave still stands."""

    account_id: str
    why: Justification
    holds: Callable[[], bool]


Beholder = Asker | Guest


def picture_of(services: ConsoleServices, incident_id: str) -> tuple[Mission, Stream] | None:
    """The flight that has the watch of an incident, or serves it, and its camera's stream; None when there is none."""
    mission = services.dispatch.serving(incident_id)
    stream = None if mission is None else services.video.of_vehicle(mission.vehicle_id)
    return None if mission is None or stream is None else (mission, stream)


class Viewings:
    """All live viewings of this console."""

    def __init__(self, services: ConsoleServices, access: Access) -> None:
        self.services, self.access, self.video = services, access, services.video
        self._book = ViewingBook(services.recorder, services.clock)
        self._open: dict[str, tuple[Beholder, asyncio.Task[None] | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions: dict[str, str] = {}  # WHEP session -> viewing
        self.whep = Whep(services.video, self._whep_ended)

    def __len__(self) -> int:
        return len(self._open)

    async def begin(self, asker: Beholder, source_id: str, way: str) -> str:
        """Put a viewing on record; gives its id. End it with `end`.

        Raises:
            NotFound: no such source.
            TooManyAttempts: this account watches too many.
            StoreUnavailable: it cannot be recorded, so nothing is shown.
        """
        stream = self.video.find(source_id)
        if sum(one.account_id == asker.account_id for one, _ in self._open.values()) >= MOST_BY_ACCOUNT:
            raise TooManyAttempts("you watch too many pictures at once", remedy="close some")
        incident_id = self._incident_of(stream.source.vehicle_id)
        if isinstance(asker, Guest):
            why = asker.why
        else:
            why = justified(asker.identity.role, None, acts=False, standing=True)
        viewing_id = await self._book.begun(asker.account_id, source_id, incident_id, way, why)
        self._open[viewing_id] = asker, None
        return viewing_id

    async def begin_whep(self, asker: Beholder, source_id: str, offer: bytes) -> tuple[str, str]:
        """The WHEP session's id and the answer. Raises as `begin` and `Whep.offer` do."""
        viewing_id = await self.begin(asker, source_id, "whep")
        try:
            session_id, answer = await self.whep.offer(source_id, offer)
        except BaseException:
            await self.end(viewing_id)
            raise
        self._sessions[session_id] = viewing_id
        self._open[viewing_id] = asker, self._spawn(self._watch(asker, lambda: self.whep.end(session_id)))
        return session_id, answer

    async def begin_whep_of_incident(self, asker: Beholder, incident_id: str, offer: bytes) -> tuple[str, str, str]:
        """The same of whatever shows an incident: it changes over with the watch, each source recorded before its first picture.

        Gives the source, the session's id and the answer. Raises `NotFound` when nothing shows it now, and as `begin_whep` does.
        """
        self.services.intake.incidents.get(incident_id)
        found = picture_of(self.services, incident_id)
        if found is None:
            raise NotFound("no drone with a camera serves this incident now", remedy="ask again when one does")
        source_id = found[1].source.source_id
        session_id, answer = await self.begin_whep(asker, source_id, offer)
        self._spawn(self._change_over(asker, incident_id, source_id, session_id))
        return source_id, session_id, answer

    async def _change_over(self, asker: Beholder, incident_id: str, source_id: str, session_id: str) -> None:
        """As long as the session lasts: when another source has the watch, it is joined before the old one is let go."""
        while session_id in self._sessions:
            await asyncio.sleep(CHECK_S)
            found = picture_of(self.services, incident_id)
            if found is None or found[1].source.source_id == source_id or session_id not in self._sessions:
                continue
            try:
                viewing_id = await self.begin(asker, found[1].source.source_id, "whep")
            except BowstreetError as error:
                log.warning("a viewer could not change over", problem=error.problem)
                continue
            before = self._sessions.get(session_id)
            try:
                await self.whep.turn(session_id, found[1].source.source_id)
            except BowstreetError as error:
                await self.end(viewing_id)
                log.warning("a viewer could not change over", problem=error.problem)
                continue
            if before is None or session_id not in self._sessions:
                await self.end(viewing_id)
                return
            source_id, self._sessions[session_id] = found[1].source.source_id, viewing_id
            watching = self._open.pop(before)
            self._open[viewing_id] = watching
            self._open[before] = asker, None
            await self.end(before)

    async def end_whep(self, asker: Beholder, session_id: str) -> None:
        """Raises `NotFound` for a session that is over, or somebody else's."""
        asked_by = self._open.get(self._sessions.get(session_id, ""), None)
        if asked_by is None or asked_by[0].account_id != asker.account_id:
            raise NotFound("this viewing is over", remedy="begin another")
        await self.whep.end(session_id)

    async def end(self, viewing_id: str) -> None:
        """It is over; doing it again is harmless."""
        found = self._open.pop(viewing_id, None)
        if found is None:
            return
        if found[1] is not None and found[1] is not asyncio.current_task():
            found[1].cancel()
        try:
            await self._book.over(viewing_id)
        except BowstreetError as error:
            log.warning("the end of a viewing was not recorded", problem=error.problem)

    async def cut(self, account_id: str) -> None:
        """End at once what somebody watches by WebRTC; who serves a socket ends that."""
        for session_id, viewing_id in tuple(self._sessions.items()):
            found = self._open.get(viewing_id)
            if found is not None and found[0].account_id == account_id:
                with contextlib.suppress(NotFound):
                    await self.whep.end(session_id)

    def may_go_on(self, asker: Beholder) -> bool:
        if isinstance(asker, Guest):
            return asker.holds()
        return self.access.still_valid(asker) and Action.WATCH in asker.identity.may

    async def close(self) -> None:
        await self.whep.close()
        for viewing_id in tuple(self._open):
            await self.end(viewing_id)

    def _incident_of(self, vehicle_id: str) -> str:
        missions = self.services.flight.active_missions()
        return next((one.incident_id for one in missions if one.vehicle_id == vehicle_id), "")

    async def _watch(self, asker: Beholder, end: Callable[[], Awaitable[None]]) -> None:
        while self.may_go_on(asker):  # noqa: ASYNC110 - time itself ends a session; there is no event for it
            await asyncio.sleep(CHECK_S)
        await end()

    def _whep_ended(self, session_id: str) -> None:
        viewing_id = self._sessions.pop(session_id, None)
        if viewing_id is not None:
            self._spawn(self.end(viewing_id))

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
