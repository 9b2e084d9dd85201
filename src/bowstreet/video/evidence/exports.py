"""Exports that were ordered over HTTP: put together in the background, held for a while, fetched by who ordered them."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.errors import BowstreetError, Conflict, NotFound, TooManyAttempts
from bowstreet.runtime.ports import Clock
from bowstreet.video.evidence.bundle import Bundle
from bowstreet.video.evidence.model import Copies, ExportedFile
from bowstreet.video.evidence.service import Exporter, Order

log = structlog.get_logger(__name__)

# Long enough to fetch it and to try again; the footage lies sealed on the disk all the while.
HELD = timedelta(minutes=30)
# Of each some 70 octets a part are in memory: 8 of an hour each are 50 MB.
MOST_HELD, MOST_UNDER_WAY = 8, 2


class ExportState(StrEnum):
    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One that was ordered. `problem` is why it failed, in words; `octets` how long the archive is."""

    export_id: str
    incident_id: str
    by: str
    authorisation_id: str
    ordered_at: datetime
    until: datetime
    copies: Copies = Copies.ORIGINAL
    state: ExportState = ExportState.PREPARING
    octets: int = 0
    files: tuple[ExportedFile, ...] = ()
    problem: str = ""


class Exports:
    """All of them, for as long as the program runs.

    Args:
        clock: real time: a demo's faster clock must not end a download.
    """

    def __init__(self, exporter: Exporter, clock: Clock) -> None:
        self._exporter, self._clock = exporter, clock
        self._known: dict[str, Export] = {}
        self._bundles: dict[str, Bundle] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, order: Order) -> Export:
        """Put one together from now on.

        Raises:
            NotFound, Refused, Conflict: see `Exporter.chosen`.
            TooManyAttempts: this account, or all together, have too many under way or held.
        """
        self._forget()
        self.expect(order.incident_id, order.recordings, order.copies)
        under_way = [self._known[one] for one in self._tasks]
        if any(one.by == order.by for one in under_way) or len(under_way) >= MOST_UNDER_WAY or len(self._known) >= MOST_HELD:
            raise TooManyAttempts("an export is being put together already", remedy="wait until it is ready, and fetch it")
        now = self._clock.now()
        made = Export(
            export_id=self._exporter.new_id(), incident_id=order.incident_id, by=order.by,
            authorisation_id=order.leave.authorisation_id, ordered_at=now, until=now + HELD, copies=order.copies,
        )  # fmt: skip
        self._known[made.export_id] = made
        self._tasks[made.export_id] = asyncio.ensure_future(self._make(made.export_id, order))
        return made

    def expect(self, incident_id: str, recordings: Collection[str], copies: Copies) -> None:
        """Raises as `Exporter.chosen` does when there is nothing to export."""
        self._exporter.chosen(incident_id, recordings, copies)

    def get(self, export_id: str, by: str) -> Export:
        """Raises `NotFound` for one that is over, or somebody else's."""
        found = self.standing(export_id)
        if found.by != by:
            raise _over(export_id)
        return found

    def standing(self, export_id: str) -> Export:
        """Whoever's. Raises `NotFound` for one that is over."""
        self._forget()
        if export_id not in self._known:
            raise _over(export_id)
        return self._known[export_id]

    def bundle(self, export_id: str, by: str) -> Bundle:
        """Raises `NotFound`, and `Conflict` for one that is not ready."""
        found = self.get(export_id, by)
        if found.state is not ExportState.READY:
            raise Conflict(f"the export is {found.state}", remedy=found.problem or "ask again in a moment")
        return self._bundles[export_id]

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _make(self, export_id: str, order: Order) -> None:
        try:
            bundle = await self._exporter.make(export_id, order)
        except BowstreetError as error:
            log.warning("an export could not be made", export=export_id, problem=error.problem)
            self._settle(export_id, replace(self._known[export_id], state=ExportState.FAILED, problem=str(error)))
        except OSError as error:  # the disk, while footage was read
            log.warning("an export could not be made", export=export_id, problem=error.strerror)
            why = f"the footage could not be read ({error.strerror})"
            self._settle(export_id, replace(self._known[export_id], state=ExportState.FAILED, problem=why))
        except Exception:  # nobody waits for this task: an export that is not settled would be in its asker's way until a restart
            log.exception("an export could not be made", export=export_id)
            why = "something that was not foreseen; it is in the program's log"
            self._settle(export_id, replace(self._known[export_id], state=ExportState.FAILED, problem=why))
        else:
            self._bundles[export_id] = bundle
            ready = replace(
                self._known[export_id], state=ExportState.READY, octets=bundle.octets, files=tuple(bundle.files),
                until=self._clock.now() + HELD,
            )  # fmt: skip
            self._settle(export_id, ready)

    def _settle(self, export_id: str, export: Export) -> None:
        self._known[export_id] = export
        self._tasks.pop(export_id, None)

    def _forget(self) -> None:
        now = self._clock.now()
        for export_id in [one.export_id for one in self._known.values() if one.until <= now and one.export_id not in self._tasks]:
            del self._known[export_id]
            self._bundles.pop(export_id, None)


def _over(export_id: str) -> NotFound:
    return NotFound(
        f"there is no export '{export_id}' of yours",
        remedy="order another, with a new Idempotency-Key: one is held for half an hour, and not over a restart of the program",
    )
