"""Shares the situation with partners, each act on record before its first event leaves.

In this order: that sharing with a partner begins; who their server is; that they are shown an incident or a subject; the event.
What cannot be recorded is not shared. A partner's trouble is its own: it keeps neither another partner nor the program waiting.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError, Refused
from bowstreet.messages import PartnerShown, SharingChanged, SharingCounted
from bowstreet.runtime.metrics import Metrics
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection
from bowstreet.tak import events, rules
from bowstreet.tak.certificates import digest_of
from bowstreet.tak.channel import Channel
from bowstreet.tak.datagrams import Datagrams
from bowstreet.tak.events import Origin
from bowstreet.tak.model import Item, Kind, Partner, Sharing, Situation, Stage
from bowstreet.tak.outbox import Outbox, Waiting
from bowstreet.tak.ports import Way
from bowstreet.tak.server import TakServer

log = structlog.get_logger(__name__)

# As often as a partner's map moves: what a radio network of theirs can bear, and a drone makes some 15 m of.
EVERY_S = 1.0
# How often the record says how much was sent.
COUNTED_EVERY = timedelta(minutes=5)
# What was shown is not put on record again before it is so many incidents ago.
MOST_REMEMBERED = 5_000
# The program is stopping: so long it tries to take what it showed off their maps.
FAREWELL_S = 2.0


def way_to(partner: Partner, origin: Origin, clock: Clock) -> Way:
    return Datagrams(partner) if partner.tls is None else TakServer(partner, origin, clock)


class Outgoing:
    """What is going on with one partner. Changed by `PartnerSharing` alone.

    Attributes:
        told: what the partner was last told of each thing, and when; None in place of it: told, and to be told again.
        disclosed: incident and follow ("" for the incident itself) that are on record as shown.
    """

    def __init__(self, partner: Partner, origin: Origin, clock: Clock) -> None:
        self.partner = partner
        self.outbox = Outbox()
        self.channel = Channel(partner, way_to(partner, origin, clock), self.outbox, clock)
        self.sharing: Sharing | None = None
        self.task: asyncio.Task[None] | None = None
        self.told: dict[tuple[Kind, str], tuple[Item | None, datetime]] = {}
        self.disclosed: set[tuple[str, str]] = set()
        self.counted_at = clock.now()
        self.counted: Counter[str] = Counter()
        self.counted_dropped = 0

    @property
    def dropped(self) -> int:
        return self.outbox.dropped + self.outbox.expired


class PartnerSharing:
    """All partners of one operation.

    Args:
        look: the situation now.
        clock: the run's, for the record; `real_clock` is this machine's, for what partners are told and for waiting.
    """

    def __init__(
        self, partners: Iterable[Partner], look: Callable[[], Situation], recorder: Recorder, clock: Clock, real_clock: Clock,
        ids: Ids, origin: Origin,
    ) -> None:  # fmt: skip
        self._look, self._recorder, self._clock, self._real_clock = look, recorder, clock, real_clock
        self._ids, self._origin = ids, origin
        self._sharings: Collection[Sharing] = Collection(
            "sharing", Sharing, id_of=lambda one: one.sharing_id, state_of=lambda one: one.state
        )
        self.outgoing = [Outgoing(partner, origin, real_clock) for partner in partners]
        self._problem = ""

    async def load(self, store: Store) -> None:
        """A sharing that the program did not live to end is over since then; that goes on record now."""
        await self._sharings.load(store, ["open"])
        for one in self._sharings.in_states("open"):
            over = replace(one, ended_at=self._clock.now())
            said = SharingChanged(
                at=self._clock.now(), sharing_id=one.sharing_id, recipient=one.recipient, address=one.address, shares=(),
                boroughs=(), until=None, stage=Stage.ENDED, why="the program ended without saying so",
            )  # fmt: skip
            await self._recorder.record(save=[(self._sharings, over)], messages=[said])

    def register(self, metrics: Metrics) -> None:
        if not self.outgoing:
            return
        metrics.read_counts(
            "tak_sent_events", "Events sent to each partner", "partner",
            lambda: {one.partner.name: float(one.channel.sent.total()) for one in self.outgoing},
        )  # fmt: skip
        metrics.read_counts(
            "tak_dropped_events", "Events that were too many or too old to be sent to a partner", "partner",
            lambda: {one.partner.name: float(one.dropped) for one in self.outgoing},
        )  # fmt: skip
        metrics.read_gauge(
            "tak_unreached_partners", "Partners to whom nothing can be sent now",
            lambda: float(sum(not one.channel.is_open for one in self.outgoing if one.sharing is not None)),
        )  # fmt: skip

    # --- while it runs ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. At the end what was shown is taken off partners' maps, and each sharing ends on record."""
        try:
            while self.outgoing:
                await self._attempt(self.work)
                await self._real_clock.sleep(EVERY_S)
        finally:
            for one in self.outgoing:
                await self._attempt(lambda one=one: self.end(one, "the program is stopping"))  # type: ignore[misc]

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except BowstreetError as error:
            if str(error) != self._problem:  # tried once a second: told once
                log.error("sharing with partners could not go on record, and waits", problem=str(error))
            self._problem = str(error)
        except Exception as error:  # the edge of this task: what nobody foresaw in one look must not end the next
            log.error("sharing with partners failed", error=repr(error))
        else:
            self._problem = ""

    async def work(self) -> None:
        """One look at the situation. Raises `StoreUnavailable` where the record cannot be written: then nothing is shared."""
        situation, now = self._look(), self._real_clock.now()
        for one in self.outgoing:
            if not rules.is_shared(one.partner, now):
                await self.end(one, "its time is over")
                continue
            if one.sharing is None:
                await self._begin(one)
            elif one.task is not None and one.task.done():
                self._carry(one)  # what nobody foresaw ended it: not for good
            if self._recorder.failing_since is not None or now - one.counted_at >= COUNTED_EVERY:
                await self._count(one)
            if one.channel.is_open:
                await self._tell(one, situation)

    async def end(self, one: Outgoing, why: str) -> None:
        """Sharing with a partner is over, whether or not that can be recorded. Raises `StoreUnavailable` when it cannot."""
        sharing, one.sharing = one.sharing, None
        if sharing is None:
            return
        if one.channel.is_open and one.told:
            await self._take_back(one)
        if one.task is not None:
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)
        one.told.clear()
        one.disclosed.clear()
        one.outbox.clear()
        over = replace(sharing, ended_at=self._clock.now())
        messages = [self._counts(one, sharing), self._said(one, over, Stage.ENDED, why)]
        await self._recorder.record(save=[(self._sharings, over)], messages=messages)

    # --- on record --------------------------------------------------------------------------------------------------------

    async def _begin(self, one: Outgoing) -> None:
        sharing = Sharing(
            sharing_id=self._ids.new("shr"), recipient=one.partner.name, address=one.partner.address, begun_at=self._clock.now()
        )
        await self._recorder.record(save=[(self._sharings, sharing)], messages=[self._said(one, sharing, Stage.BEGUN)])
        one.sharing, one.counted_at = sharing, self._real_clock.now()
        self._carry(one)

    def _carry(self, one: Outgoing) -> None:
        if one.task is not None and not one.task.cancelled() and one.task.exception() is not None:
            log.error("carrying events to a partner failed", partner=one.partner.name, error=repr(one.task.exception()))
        one.task = asyncio.create_task(one.channel.run(lambda server: self._reached(one, server)), name=f"to {one.partner.name}")

    async def _reached(self, one: Outgoing, server: str) -> None:
        """Before anything is sent: whose certificate it is, when it is another than before. All is to be told again."""
        sharing = one.sharing
        if sharing is None:
            raise Refused("sharing is over", remedy="")
        if server and server != sharing.server:
            after = replace(sharing, server=server)
            await self._recorder.record(save=[(self._sharings, after)], messages=[self._said(one, after, Stage.CONNECTED)])
            one.sharing = after
        one.told = {key: (None, told_at) for key, (_, told_at) in one.told.items()}

    async def _count(self, one: Outgoing) -> None:
        assert one.sharing is not None
        if one.channel.sent == one.counted and one.dropped == one.counted_dropped and self._recorder.failing_since is None:
            one.counted_at = self._real_clock.now()
            return
        await self._recorder.record(messages=[self._counts(one, one.sharing)])
        one.counted_at = self._real_clock.now()
        one.counted, one.counted_dropped = Counter(one.channel.sent), one.dropped

    def _counts(self, one: Outgoing, sharing: Sharing) -> SharingCounted:
        return SharingCounted(
            at=self._clock.now(), sharing_id=sharing.sharing_id, since=one.counted_at,
            sent=dict(sorted((one.channel.sent - one.counted).items())), dropped=one.dropped - one.counted_dropped,
        )  # fmt: skip

    def _said(self, one: Outgoing, sharing: Sharing, stage: Stage, why: str = "") -> SharingChanged:
        partner, tls = one.partner, one.partner.tls
        return SharingChanged(
            at=self._clock.now(), sharing_id=sharing.sharing_id, recipient=partner.name, address=partner.address,
            shares=tuple(sorted(partner.shares)), boroughs=tuple(sorted(partner.boroughs)), until=partner.until, stage=stage,
            why=why, certificate="" if tls is None else digest_of(tls.certificate),
            authority="" if tls is None else digest_of(tls.authority), server=sharing.server,
        )  # fmt: skip

    # --- what is told -----------------------------------------------------------------------------------------------------

    async def _tell(self, one: Outgoing, situation: Situation) -> None:
        assert one.sharing is not None
        items, now = rules.shown(one.partner, situation), self._real_clock.now()
        await self._disclose(one, one.sharing, set(rules.disclosures(items)))
        for key in rules.gone(tuple(one.told), items, situation):
            del one.told[key]
            self._offer_deletion(one, key)
        for item in items:
            key = events.key_of(item)
            before, told_at = one.told.get(key, (None, None))
            if not rules.is_due(item, before, told_at, now):
                continue
            one.told[key] = (item, now)
            stale_at = events.stale_at(item, now)
            one.outbox.offer(Waiting(key=key, data=events.event(item, self._origin, now), stale_at=stale_at))

    async def _disclose(self, one: Outgoing, sharing: Sharing, wanted: set[tuple[str, str]]) -> None:
        new = sorted(wanted - one.disclosed)
        if not new:
            return
        said = [
            PartnerShown(
                at=self._clock.now(), sharing_id=sharing.sharing_id, recipient=sharing.recipient, incident_id=incident_id,
                follow_id=follow_id, what="subject-shown" if follow_id else "incident-shown",
            )
            for incident_id, follow_id in new
        ]  # fmt: skip
        await self._recorder.record(messages=said)
        if len(one.disclosed) > MOST_REMEMBERED:
            one.disclosed &= wanted
        one.disclosed.update(new)

    def _offer_deletion(self, one: Outgoing, key: tuple[Kind, str]) -> None:
        now = self._real_clock.now()
        data = events.deletion(self._origin, *key, now)
        one.outbox.offer(Waiting(key=key, data=data, stale_at=now + events.DELETE_LIFE))

    async def _take_back(self, one: Outgoing) -> None:
        for key in tuple(one.told):
            self._offer_deletion(one, key)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await one.outbox.drained.wait()
