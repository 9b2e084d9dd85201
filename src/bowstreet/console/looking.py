"""Who looks at what: recorded before it is answered; the live feed as a consultation that stands while it is open."""

import asyncio
from collections import Counter

import structlog

from bowstreet.accountability.model import Identity
from bowstreet.accountability.processing import rules
from bowstreet.accountability.processing.model import OPERATION, Justification, Matter
from bowstreet.accountability.processing.service import Consultations
from bowstreet.console.access import Asker
from bowstreet.errors import LedgerBroken, StoreUnavailable
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

# A console that comes back within this long never left: a link that drops every few seconds must not fill the record.
LINGER_S = 60.0


async def consult(
    consultations: Consultations, who: Asker, what: Matter, subject_id: str, said: Justification | None = None,
    *, acts: bool = False, standing: bool = True,
) -> None:  # fmt: skip
    """Record that somebody is about to see something personal.

    Raises:
        Refused: no reason for it that the person's role can have; see `rules.justified`.
        StoreUnavailable, LedgerBroken: it cannot be recorded, so it is not shown.
    """
    why = rules.justified(who.identity.role, said, acts=acts, standing=standing)
    await consultations.record(who.identity, what, subject_id, why)


class Looking:
    """The live feed of each account, however many consoles it has open.

    The map goes on when the record cannot be written: that it could not be entered is logged, and tried again at the next
    opening. What callers say is not on the feed.
    """

    def __init__(self, consultations: Consultations, clock: Clock) -> None:
        self._consultations, self._clock = consultations, clock
        self._open: Counter[str] = Counter()
        self._entered: set[str] = set()
        self._leaving: set[asyncio.Task[None]] = set()

    async def opened(self, who: Identity) -> None:
        self._open[who.account_id] += 1
        if who.account_id not in self._entered:
            self._entered.add(who.account_id)
            if not await self._enter(who, "opened"):
                self._entered.discard(who.account_id)

    def closed(self, who: Identity) -> None:
        self._open[who.account_id] -= 1
        if self._open[who.account_id] == 0:
            task = asyncio.get_running_loop().create_task(self._leave(who))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _leave(self, who: Identity) -> None:
        await self._clock.sleep(LINGER_S)
        if self._open[who.account_id] == 0 and who.account_id in self._entered:
            self._entered.discard(who.account_id)
            await self._enter(who, "closed")

    async def _enter(self, who: Identity, stage: str) -> bool:
        why = rules.justified(who.role, None, acts=False, standing=True)
        try:
            await self._consultations.stage(who, Matter.FEED, OPERATION, why, stage)
        except (StoreUnavailable, LedgerBroken) as error:
            log.error("a look at the live feed could not be recorded", stage=stage, error=str(error))
            return False
        return True
