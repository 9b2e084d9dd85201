"""Who sees live pictures now. Each viewing is on record before the first picture, and so is its end; one whose right or session
has ended, or whose drone may show nothing any more, ends by itself."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Justification
from bowstreet.accountability.processing.rules import justified
from bowstreet.console.access import Access, Asker
from bowstreet.console.services import ConsoleServices
from bowstreet.dispatch.leaving import leaves
from bowstreet.errors import BowstreetError, NotFound, Refused, TooManyAttempts
from bowstreet.flight.model import Mission
from bowstreet.messages import MissionChanged, MissionRetasked
from bowstreet.video.service import Stream
from bowstreet.video.times import PictureTime
from bowstreet.video.viewing import Picture, ViewingBook
from bowstreet.video.whep import Whep

log = structlog.get_logger(__name__)

# A wall of pictures has nine; a person sees no more.
MOST_BY_ACCOUNT = 12
CHECK_S = 1.0
# Whoever watches pictures of another server says every few seconds that they are still there.
LEASE_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Somebody with no account who was given leave to see one incident. `holds` says whether the leave still stands."""

    account_id: str
    incident_id: str
    why: Justification
    holds: Callable[[], bool]


Beholder = Asker | Guest


def picture_of(services: ConsoleServices, incident_id: str) -> tuple[Mission, Stream] | None:
    """The flight that has the watch of an incident, or serves it, and its camera's stream; None when there is none."""
    mission = services.dispatch.serving(incident_id)
    stream = None if mission is None else services.video.of_vehicle(mission.vehicle_id)
    return None if mission is None or stream is None else (mission, stream)


class ViewingView(msgspec.Struct, frozen=True, kw_only=True):
    """One of the asker's viewings now. `session_id` stays while the picture of an incident changes over, the rest changes.

    `pictures` are those sent lately, at most ten a second, oldest first: the stamp that the player shows each with (the RTP time
    of WebRTC, microseconds in the file of MP4), when it was received here, when it was taken (0: nobody tells), who says so.
    """

    session_id: str
    viewing_id: str
    source_id: str
    vehicle_id: str
    way: str
    pictures: tuple[PictureTime, ...]


@dataclass(slots=True)
class Shown:
    """A viewing that is under way. `watching` ends it when its viewer may see no more."""

    asker: Beholder
    viewing_id: str
    incident_id: str
    stream: Stream
    way: str
    times: Callable[[], tuple[PictureTime, ...]] = tuple
    watching: asyncio.Task[None] | None = None
    renewed_s: float = 0.0


class Viewings:
    """All live viewings of this console, by session: what one viewer has open, whichever drone it shows."""

    def __init__(self, services: ConsoleServices, access: Access) -> None:
        self.services, self.access, self.video = services, access, services.video
        self._book = ViewingBook(services.recorder, services.clock)
        self._shown: dict[str, Shown] = {}
        self._begun: dict[str, Shown] = {}  # by viewing: all that are on record; not each is open here
        self._beginning: Counter[str] = Counter()  # by account: on their way into the record
        self._tasks: set[asyncio.Task[None]] = set()
        self.whep = Whep(services.video, self._whep_ended)
        services.recorder.bus.subscribe(MissionChanged, self._on_mission)
        services.recorder.bus.subscribe(MissionRetasked, self._on_mission)

    def __len__(self) -> int:
        return len(self._begun)

    async def begin(self, asker: Beholder, source_id: str, way: str) -> Shown:
        """Put a viewing on record: `give_up` puts its end there. One that is `open` in a session ends with it.

        Raises:
            NotFound: no such source.
            Refused: it may show nothing now.
            TooManyAttempts: this account watches too many.
            StoreUnavailable: it cannot be recorded, so nothing is shown.
        """
        stream = self.video.shown(source_id)
        begun = sum(one.asker.account_id == asker.account_id for one in self._begun.values())
        if begun + self._beginning[asker.account_id] >= MOST_BY_ACCOUNT:
            raise TooManyAttempts("you watch too many pictures at once", remedy="close some")
        incident_id = self._incident_of(stream.source.vehicle_id)
        if isinstance(asker, Guest):
            if not self.may_go_on(asker, stream):
                raise Refused("this drone does not serve what you were given to see", remedy="ask again when another one does")
            why = asker.why
        else:
            why = justified(asker.identity.role, None, acts=False, standing=True)
        self._beginning[asker.account_id] += 1
        try:
            viewing_id = await self._book.begun(asker.account_id, source_id, incident_id, way, why)
        finally:
            self._beginning[asker.account_id] -= 1
        shown = Shown(asker=asker, viewing_id=viewing_id, incident_id=incident_id, stream=stream, way=way)
        self._begun[viewing_id] = shown
        return shown

    def open(self, session_id: str, shown: Shown) -> None:
        self._shown[session_id] = shown

    async def begin_whep(self, asker: Beholder, source_id: str, offer: bytes) -> tuple[str, str]:
        """The WHEP session's id and the answer. Raises as `begin` and `Whep.offer` do."""
        shown = await self.begin(asker, source_id, "whep")
        try:
            session_id, answer = await self.whep.offer(source_id, offer)
        except BaseException:
            await self.give_up(shown)
            raise
        shown.times = lambda: self.whep.times(session_id)
        self.open(session_id, shown)
        shown.watching = self._spawn(self._watch(session_id))
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
        self._spawn(self._change_over(incident_id, session_id))
        return source_id, session_id, answer

    def another(self, incident_id: str, now: Stream) -> Stream | None:
        """The source that has the watch of an incident, when it is another than this one."""
        found = picture_of(self.services, incident_id)
        return None if found is None or found[1] is now else found[1]

    async def _change_over(self, incident_id: str, session_id: str) -> None:
        """As long as the session lasts: when another source has the watch, it is joined before the old one is let go."""
        while (shown := self._shown.get(session_id)) is not None:
            await asyncio.sleep(CHECK_S)
            other = self.another(incident_id, shown.stream)
            if other is None or session_id not in self._shown:
                continue
            try:
                after = await self.begin(shown.asker, other.source.source_id, "whep")
            except BowstreetError as error:
                log.warning("a viewer could not change over", problem=error.problem)
                continue
            try:
                await self.whep.turn(session_id, other.source.source_id)
            except BowstreetError as error:
                await self.give_up(after)
                log.warning("a viewer could not change over", problem=error.problem)
                continue
            await self.changed_over(session_id, after)

    async def changed_over(self, session_id: str, after: Shown) -> None:
        """A session shows another source now, which is on record; the viewing of the one before is over."""
        before = self._shown.get(session_id)
        if before is None:
            await self.give_up(after)
            return
        after.watching, after.times = before.watching, before.times
        self._shown[session_id] = after
        await self.give_up(before)

    def of(self, asker: Asker) -> list[ViewingView]:
        """What somebody has open."""
        return [
            ViewingView(
                session_id=session_id, viewing_id=one.viewing_id, source_id=one.stream.source.source_id,
                vehicle_id=one.stream.source.vehicle_id, way=one.way, pictures=one.times(),
            )
            for session_id, one in self._shown.items() if one.asker.account_id == asker.account_id
        ]  # fmt: skip

    def own(self, asker: Asker, viewing_id: str) -> Shown:
        """Raises `NotFound` for one that is over, or somebody else's."""
        for one in self._shown.values():
            if one.viewing_id == viewing_id and one.asker.account_id == asker.account_id:
                return one
        raise NotFound("this viewing is over", remedy="begin another")

    async def snapshot(self, asker: Asker, viewing_id: str, picture: Picture) -> str:
        """Put on record that somebody keeps a picture of a viewing of theirs; gives the snapshot's id.

        Raises:
            NotFound: the viewing is over, or somebody else's.
            StoreUnavailable: it cannot be recorded, so it is not to be kept.
        """
        shown = self.own(asker, viewing_id)
        why = justified(asker.identity.role, None, acts=False, standing=True)
        source_id = shown.stream.source.source_id
        return await self._book.snapshot(viewing_id, asker.account_id, source_id, shown.incident_id, why, picture)

    async def begin_elsewhere(self, asker: Asker, source_id: str) -> Shown:
        """A viewing whose pictures come from another server. It lasts as long as its viewer says that they are there.

        Raises as `begin`.
        """
        shown = await self.begin(asker, source_id, "elsewhere")
        shown.renewed_s = self.video.clock.monotonic_s()
        self.open(shown.viewing_id, shown)
        shown.watching = self._spawn(self._lease(shown))
        return shown

    def renew(self, asker: Asker, viewing_id: str) -> None:
        """Somebody is still there. Raises `NotFound` for a viewing that is over."""
        self.own(asker, viewing_id).renewed_s = self.video.clock.monotonic_s()

    async def _lease(self, shown: Shown) -> None:
        def goes_on() -> bool:
            heard = self.video.clock.monotonic_s() - shown.renewed_s < LEASE_S
            return heard and shown.stream.order.live and self.may_go_on(shown.asker, shown.stream)

        while goes_on():  # noqa: ASYNC110 - silence has no event
            await asyncio.sleep(CHECK_S)
        await self.end(shown.viewing_id)

    async def end_elsewhere(self, asker: Asker, viewing_id: str) -> None:
        """Raises `NotFound` for a viewing that is over, or somebody else's, or not of another server."""
        shown = self.own(asker, viewing_id)
        if shown.way != "elsewhere":
            raise NotFound("this viewing is none of another server", remedy="end it the way it began")
        await self.end(viewing_id)

    async def end_whep(self, asker: Beholder, session_id: str) -> None:
        """Raises `NotFound` for a session that is over, or somebody else's."""
        shown = self._shown.get(session_id)
        if shown is None or shown.asker.account_id != asker.account_id:
            raise NotFound("this viewing is over", remedy="begin another")
        await self.whep.end(session_id)

    async def end(self, session_id: str) -> None:
        """It is over; doing it again is harmless."""
        shown = self._shown.pop(session_id, None)
        if shown is None:
            return
        if shown.watching is not None and shown.watching is not asyncio.current_task():
            shown.watching.cancel()
        await self.give_up(shown)

    async def give_up(self, shown: Shown) -> None:
        """A viewing is over, on record; doing it again is harmless."""
        if self._begun.pop(shown.viewing_id, None) is None:
            return
        try:
            await self._book.over(shown.viewing_id)
        except BowstreetError as error:
            log.warning("the end of a viewing was not recorded", problem=error.problem)

    async def cut(self, account_id: str) -> None:
        """End at once what somebody watches by WebRTC; who serves a socket ends that."""
        for session_id, shown in tuple(self._shown.items()):
            if shown.asker.account_id == account_id and shown.way == "whep":
                await self._cut(session_id)

    async def _on_mission(self, message: MissionChanged | MissionRetasked) -> None:
        """A drone turns to another incident, or for home: nobody waits for the next look; sockets look with each picture."""
        for session_id, shown in tuple(self._shown.items()):
            of_it = shown.way == "whep" and shown.stream.source.vehicle_id == message.vehicle_id
            if of_it and not self.may_go_on(shown.asker, shown.stream):
                self._spawn(self._cut(session_id))

    async def _cut(self, session_id: str) -> None:
        with contextlib.suppress(NotFound):
            await self.whep.end(session_id)

    def may_go_on(self, asker: Beholder, stream: Stream) -> bool:
        """Whether somebody may see a source still: their session holds, and what its drone flies to is where they see.

        A guest's leave is for one incident: a drone that was turned to another, or flies home, shows them nothing from then on.
        """
        if isinstance(asker, Guest):
            return asker.holds() and self._serves(stream.source.vehicle_id, asker.incident_id)
        return (
            self.access.still_valid(asker) and Action.WATCH in asker.identity.may and self.sees(asker, stream.source.vehicle_id)
        )

    def sees(self, asker: Asker, vehicle_id: str) -> bool:
        """Whether what a drone is doing now is where somebody sees."""
        boroughs = asker.identity.boroughs
        incident_id = self._incident_of(vehicle_id) if boroughs else ""
        return not incident_id or self.access.borough_of(incident_id=incident_id) in boroughs

    async def close(self) -> None:
        await self.whep.close()
        for session_id in tuple(self._shown):
            await self.end(session_id)
        for shown in tuple(self._begun.values()):
            await self.give_up(shown)

    def _incident_of(self, vehicle_id: str) -> str:
        missions = self.services.flight.active_missions()
        return next((one.incident_id for one in missions if one.vehicle_id == vehicle_id), "")

    def _serves(self, vehicle_id: str, incident_id: str) -> bool:
        """On its way to an incident or there, also for the moment that it stays beside its relief; not once it is called home,
        though a pilot takes it on that way."""
        return any(
            one.incident_id == incident_id and not leaves(one) and one.return_reason is None
            for one in self.services.flight.active_missions() if one.vehicle_id == vehicle_id
        )  # fmt: skip

    async def _watch(self, session_id: str) -> None:
        # Time itself ends a session; there is no event for it.
        while (shown := self._shown.get(session_id)) is not None and self.may_go_on(shown.asker, shown.stream):  # noqa: ASYNC110
            await asyncio.sleep(CHECK_S)
        await self._cut(session_id)

    def _whep_ended(self, session_id: str) -> None:
        if session_id in self._shown:
            self._spawn(self.end(session_id))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
