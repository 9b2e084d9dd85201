"""Reports that could not be used, with the reason, kept for a person to mend. A flood of them fills neither memory nor disk."""

from collections import deque
from datetime import datetime, timedelta

import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import NotFound
from bowstreet.intake.known import digest_of
from bowstreet.intake.model import Quarantined
from bowstreet.messages import CallQuarantined
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# What is kept of a report: all of any call there is, but not a document.
MAX_RAW = 20_000
# In a flood, from this many in an hour on, only how each begins: a million of them then take a gigabyte, not twenty.
FLOOD = 1_000
FLOOD_TIME = timedelta(hours=1)
MAX_RAW_IN_FLOOD = 200
# All are recorded; this many are held at hand for the console.
HELD = 1_000

# A row of a file: its line, and which of that line's.
Place = tuple[int, int]


class Quarantine:
    """Keeps each unusable report; a row of a file, which is known by its line and its part of that line, once."""

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids, held: int = HELD) -> None:
        self._recorder, self._clock, self._ids, self._held = recorder, clock, ids, held
        self.collection: Collection[Quarantined] = Collection("quarantine", Quarantined, id_of=lambda one: one.quarantine_id)
        self._order: deque[str] = deque()
        self._recent: deque[datetime] = deque(maxlen=FLOOD)
        self.total = 0

    async def load(self, store: Store) -> None:
        await self.collection.load(store)
        self.total = len(self.collection)
        self._order.extend(one.quarantine_id for one in sorted(self.collection.all(), key=lambda one: one.at))
        self._let_go()

    def has(self, source: str, place: Place) -> bool:
        """Whether this row was kept before, as far as it is at hand."""
        return _id_of(source, place) in self.collection

    async def keep(self, source: str, place: Place | None, reason: str, raw: str) -> Quarantined:
        """Record it. The same row of the same source again is the one that is there."""
        if place is None:
            return await self._record(self._ids.new("qua"), source, None, reason, raw)
        quarantine_id = _id_of(source, place)
        try:
            known = await self.collection.fetch(quarantine_id)
        except NotFound:
            return await self._record(quarantine_id, source, place[0], reason, raw)
        if quarantine_id not in self._order:
            self._hold(quarantine_id)
        return known

    async def _record(self, quarantine_id: str, source: str, line: int | None, reason: str, raw: str) -> Quarantined:
        now = self._clock.now()
        flooded = self._is_flooded(now)
        longest = MAX_RAW_IN_FLOOD if flooded else MAX_RAW
        one = Quarantined(quarantine_id=quarantine_id, at=now, source=source, line=line, reason=reason, raw=raw[:longest])
        message = CallQuarantined(at=now, quarantine_id=quarantine_id, source=source, reason=reason)
        await self._recorder.record(save=[(self.collection, one)], messages=[message])
        self.total += 1
        self._recent.append(now)
        self._hold(quarantine_id)
        if not flooded:
            log.info("a report was quarantined", source=source, line=line)
        return one

    def _is_flooded(self, now: datetime) -> bool:
        return len(self._recent) == FLOOD and now - self._recent[0] < FLOOD_TIME

    def _hold(self, quarantine_id: str) -> None:
        self._order.append(quarantine_id)
        self._let_go()

    def _let_go(self) -> None:
        while len(self._order) > self._held:
            self.collection.forget(self._order.popleft())


def _id_of(source: str, place: Place) -> str:
    return f"qua-{digest_of(f'{source}:{place[0]}.{place[1]}')[:26].upper()}"
