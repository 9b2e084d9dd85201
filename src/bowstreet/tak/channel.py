"""Carries what waits for one partner to them, and connects again when that fails, more and more slowly."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from bowstreet.errors import BowstreetError
from bowstreet.runtime.ports import Clock
from bowstreet.tak import rules
from bowstreet.tak.model import Partner
from bowstreet.tak.outbox import Outbox
from bowstreet.tak.ports import Way

log = structlog.get_logger(__name__)

# A connection that held so long was a good one: the next failure is the first of its kind.
GOOD_S = 30.0


class Channel:
    """Between an outbox and a way.

    Attributes:
        trouble: what keeps it from sending now; None while it sends.
        connections: how often it connected.
        sent: events, by kind.
    """

    def __init__(self, partner: Partner, way: Way, outbox: Outbox, clock: Clock) -> None:
        self.partner, self._way, self._outbox, self._clock = partner, way, outbox, clock
        self.trouble: BowstreetError | None = None
        self.is_open = False
        self.connections = 0
        self.sent: Counter[str] = Counter()

    async def run(self, on_open: Callable[[str], Awaitable[None]]) -> None:
        """Until cancelled. `on_open` gets the digest of the server's certificate before anything is sent; it may refuse."""
        failures = 0
        while True:
            opened_s = self._clock.monotonic_s()
            try:
                digest = await self._way.open()
                await on_open(digest)
                self.is_open, self.trouble = True, None
                self.connections += 1
                log.info("a partner is reached", partner=self.partner.name, address=self.partner.address)
                await self._carry()
            except BowstreetError as error:
                if self.is_open and self._clock.monotonic_s() - opened_s > GOOD_S:
                    failures = 0
                if self.trouble is None or self.trouble.message != error.message:
                    log.warning("nothing reaches a partner", partner=self.partner.name, problem=str(error))
                self.trouble = error
            finally:
                self.is_open = False
                await self._way.close()
            failures += 1
            jitter = random.random()  # noqa: S311 - spreads clients over time, guards nothing
            await self._clock.sleep(rules.back_off_s(failures, jitter))

    async def _carry(self) -> None:
        """Send what waits until the connection is over. Raises what ended it."""
        tasks = [asyncio.ensure_future(self._send_on()), asyncio.ensure_future(self._way.broken())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_on(self) -> None:
        while True:
            await self._outbox.wait()
            while (one := self._outbox.take(self._clock.now())) is not None:
                await self._way.send(one.data)
                self.sent[one.key[0]] += 1
            self._outbox.drained.set()
