"""Keeps the coarse part of each flight when it is over, and makes releases when their time has come: once, never changed."""

import asyncio
import secrets
from datetime import datetime, timedelta

import structlog

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import ledger
from bowstreet.accountability.disclosure import rules
from bowstreet.accountability.disclosure.areas import Areas
from bowstreet.accountability.disclosure.model import Flown, Held, PublicCheckpoint, Release
from bowstreet.accountability.disclosure.ports import Checkpoint, Flights
from bowstreet.accountability.recorder import Recorder, Remove, Save
from bowstreet.messages import MissionChanged, ReleasePublished
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection
from bowstreet.runtime.turns import in_turns

log = structlog.get_logger(__name__)

# No drone stays up so long: what is not over then is a mistake in the record, and shows as one.
MOST_WAIT = timedelta(hours=6)
FINAL = frozenset({"done", "lost"})
COUNTED_BY_CONTENT = frozenset({"MissionChanged", "AuthorisationChanged", "PublicRequestChanged"})


class Disclosure:
    """The public register of one operation.

    Args:
        period, delay: how much a release covers, and how long after its end it comes.
        areas: what minutes overhead are told by.
    """

    def __init__(
        self, recorder: Recorder, store: Store, clock: Clock, flights: Flights, operator: str,
        period: timedelta, delay: timedelta, checkpoint: Checkpoint,
        areas: Areas,
    ) -> None:  # fmt: skip
        self.operator, self.period, self.delay, self.areas = operator, period, delay, areas
        self._recorder, self._store, self._clock = recorder, store, clock
        self._flights, self._checkpoint = flights, checkpoint
        self._flown: Collection[Flown] = Collection("public-flight", Flown, id_of=lambda one: one.mission_id)
        self.releases: Collection[Release] = Collection("release", Release, id_of=lambda one: one.release_id)
        self._held: Collection[Held] = Collection("public-held", Held, id_of=lambda one: one.key)
        self._read = 0  # entries of the ledger that were read
        self._took_off: set[str] = set()
        self._happenings: list[rules.Happening] = []
        self._first_at: datetime | None = None
        self._lock = asyncio.Lock()
        recorder.bus.subscribe(MissionChanged, self._on_changed)

    async def load(self) -> None:
        await self._flown.load(self._store)
        await self.releases.load(self._store)
        await self._held.load(self._store)

    def next_at(self) -> datetime | None:
        """When the next release is due; None before anything is on record."""
        last = max((one.end for one in self.releases.all()), default=None)
        return None if last is None else last + self.period + self.delay

    async def _on_changed(self, message: MissionChanged) -> None:
        if message.phase in FINAL:
            await self._keep(message.mission_id)

    async def _keep(self, mission_id: str) -> Flown | None:
        """The coarse part of a flight that is over; made once."""
        known = self._flown.find(mission_id)
        facts = None if known else await self._flights.facts(mission_id)
        if facts is None:
            return known
        track = await self._flights.track(facts.vehicle_id, facts.took_off_at, facts.ended_at)
        flown = rules.coarse(facts, track, self.areas.of)
        if self._flown.find(mission_id) is None:
            await self._recorder.record(save=[(self._flown, flown)])
        return flown

    async def work(self) -> int:
        """Make every release whose time has come; gives how many."""
        async with self._lock:
            await self._read_to(checkpoints.read_text((await self._checkpoint()).text).size)
            if self._first_at is None:
                return 0
            last = max((one.end for one in self.releases.all()), default=None)
            count = 0
            for start, end in rules.periods(last or self._first_at, self.period, self.delay, self._clock.now()):
                if self._must_wait(start, end):
                    break
                # Kept for good: whoever has the release can ask for the checkpoint that it names.
                said = checkpoints.read_text((await self._checkpoint(keep=True)).text)
                await self._read_to(said.size)
                where = PublicCheckpoint(origin=said.origin, size=said.size, root=said.root.hex())
                await self._release(start, end, where)
                count += 1
            return count

    def _must_wait(self, start: datetime, end: datetime) -> bool:
        """Whether a flight of the period is not over: its row would say nothing. The release waits for it, but not for ever."""
        if self._clock.now() >= end + self.delay + MOST_WAIT:
            return False
        within = (one.mission_id for one in self._happenings if start <= one.at < end and one.mission_id)
        return any(self._flights.is_under_way(mission_id) for mission_id in within)

    async def _read_to(self, size: int) -> None:
        async for row in in_turns(self._store.log_rows(self._read, size)):
            entry = ledger.read_entry(row.entry)
            self._first_at = self._first_at or entry.at
            needed = entry.kind in COUNTED_BY_CONTENT
            found = rules.happening(entry.kind, entry.at, ledger.message_of(row) if needed else None)
            if found is None or found.mission_id in self._took_off:
                continue
            if found.mission_id:
                self._took_off.add(found.mission_id)
            self._happenings.append(found)
        self._read = max(self._read, size)

    async def _release(self, start: datetime, end: datetime, where: PublicCheckpoint) -> None:
        release_id = f"{start:%Y-%m-%dT%H%MZ}"
        within = [one for one in self._happenings if start <= one.at < end]
        kept = [await self._keep(one.mission_id) for one in within if one.mission_id]
        flown = {one.mission_id: one for one in kept if one is not None}
        held = {one.key: one for one in self._held.all()}
        body, rest = rules.release(
            release_id, self.operator, start, end, where, within, flown, held, self.areas.kind,
            salt=secrets.token_bytes(32),
        )  # fmt: skip
        text = rules.written(body)
        made = Release(release_id=release_id, start=start, end=end, digest=rules.digest(text), text=text)
        said = ReleasePublished(at=self._clock.now(), release_id=release_id, digest=made.digest, flights=len(flown))
        # What was released is not needed in its finer form any more.
        gone: list[Remove] = [(self._flown, mission_id) for mission_id in flown]
        gone += [(self._held, key) for key in held.keys() - rest.keys()]
        changed: list[Save] = [(self._held, one) for key, one in rest.items() if held.get(key) != one]
        await self._recorder.record(save=[(self.releases, made), *changed], remove=gone, messages=[said])
        self._happenings = [one for one in self._happenings if one.at >= end]
        log.info("a release was published", release=release_id, flights=len(flown))
