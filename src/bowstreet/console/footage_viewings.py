"""Who looks at footage now. Each viewing is on record before its first octet, and so is its end; pictures are opened as they are
asked for, and one whose right, session, key or time has ended gets no more of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing import rules
from bowstreet.accountability.processing.model import Justification
from bowstreet.console.access import Access, Asker
from bowstreet.console.services import ConsoleServices
from bowstreet.errors import BowstreetError, NotFound
from bowstreet.intake.model import IncidentState
from bowstreet.video.playback import Reel
from bowstreet.video.recorder import Recording
from bowstreet.video.viewing import ViewingBook

log = structlog.get_logger(__name__)

# Two players side by side, and one that was just left. What is more ends the oldest.
MOST_BY_ACCOUNT = 4
# A player that asks for nothing so long is gone; one that is paused tells that it is still there.
IDLE_S = 300.0
ORIGINAL, COPY = "footage", "redacted-footage"


@dataclass(kw_only=True)
class FootageViewing:
    """One that is open. `reel` is laid out once, when it begins."""

    viewing_id: str
    asker: Asker
    recording: Recording
    what: str
    reel: Reel
    asked_at_s: float


class FootageViewings:
    """All of this console."""

    def __init__(self, services: ConsoleServices, access: Access) -> None:
        self._services, self._access = services, access
        self._book = ViewingBook(services.recorder, services.clock)
        self._open: dict[str, FootageViewing] = {}

    async def begin(self, asker: Asker, recording_id: str, what: str, said: Justification | None) -> FootageViewing:
        """Put a viewing on record, then lay the recording out.

        Raises:
            NotFound: no such recording, or no copy of it.
            Refused: what it is of is over, the person had no part in it and does not say why they look.
            StoreUnavailable: it cannot be recorded, so nothing is shown.
        """
        recording = self._services.footage.recordings.get(recording_id)
        laid_out = self._layer(recording_id, what)
        why = self._why(asker, recording, said)
        await self._make_room(asker.account_id)
        viewing_id = await self._book.begun_footage(asker.account_id, recording_id, recording.incident_id, what, why)
        try:
            reel = await asyncio.to_thread(laid_out)
        except BaseException:
            await self._over(viewing_id)
            raise
        one = FootageViewing(
            viewing_id=viewing_id, asker=asker, recording=recording, what=what, reel=reel, asked_at_s=self._now_s()
        )
        self._open[viewing_id] = one
        return one

    def find(self, asker: Asker, recording_id: str, viewing_id: str) -> FootageViewing:
        """One's own that is open; asking keeps it so. Raises `NotFound`."""
        one = self._open.get(viewing_id)
        mine = one is not None and one.asker.account_id == asker.account_id and one.asker.session == asker.session
        if one is None or not mine or one.recording.recording_id != recording_id:
            raise NotFound("this viewing is over", remedy="begin another")
        one.asked_at_s = self._now_s()
        return one

    def octets(self, one: FootageViewing, clip: int, start: int, stop: int) -> "Callable[[], bytes | None]":
        """Gives one part after the other, None after the last. Each call asks anew for the key, since erased is erased, and
        whether the viewing goes on: it raises `NotFound` when it does not, in the middle of a film too."""
        services, recording_id = self._services, one.recording.recording_id
        parts = one.reel.octets(clip, start, stop, services.footage.key_of(recording_id))

        def more() -> bytes | None:
            if one.viewing_id not in self._open:
                raise NotFound("this viewing is over", remedy="begin another")
            services.footage.key_of(recording_id)
            return next(parts, None)

        return more

    async def end(self, asker: Asker, recording_id: str, viewing_id: str) -> None:
        """Raises `NotFound` for one that is over, or somebody else's."""
        self.find(asker, recording_id, viewing_id)
        await self._end(viewing_id)

    async def tidy(self) -> None:
        """Now and then: who is gone, or may not any more."""
        for one in tuple(self._open.values()):
            gone = self._now_s() - one.asked_at_s > IDLE_S
            if gone or not self._access.still_valid(one.asker) or Action.WATCH not in one.asker.identity.may:
                await self._end(one.viewing_id)

    async def close(self) -> None:
        for viewing_id in tuple(self._open):
            await self._end(viewing_id)

    def _layer(self, recording_id: str, what: str) -> Callable[[], Reel]:
        """What lays it out; raises `NotFound` before anything is put on record."""
        footage, redactions = self._services.footage, self._services.redactions
        footage.key_of(recording_id)
        if what == COPY:
            redactions.require_copy(recording_id)
            return lambda: redactions.copy_reel(recording_id)
        return lambda: footage.reel(recording_id)

    def _why(self, asker: Asker, recording: Recording, said: Justification | None) -> Justification:
        incident = self._services.intake.incidents.find(recording.incident_id)
        standing = incident is not None and incident.state is not IncidentState.CLOSED
        flights = (one for one in self._services.flight.missions.all() if one.incident_id == recording.incident_id)
        acts = any(asker.account_id in (one.authorised_by, one.pilot) for one in flights)
        return rules.justified(asker.identity.role, said, acts=acts, standing=standing)

    async def _make_room(self, account_id: str) -> None:
        mine = [one for one in self._open.values() if one.asker.account_id == account_id]
        for one in sorted(mine, key=lambda one: one.asked_at_s)[: max(0, len(mine) + 1 - MOST_BY_ACCOUNT)]:
            await self._end(one.viewing_id)

    async def _end(self, viewing_id: str) -> None:
        if self._open.pop(viewing_id, None) is not None:
            await self._over(viewing_id)

    async def _over(self, viewing_id: str) -> None:
        try:
            await self._book.over(viewing_id)
        except BowstreetError as error:
            log.warning("the end of a viewing was not recorded", problem=error.problem)

    def _now_s(self) -> float:
        return self._services.real_clock.monotonic_s()
