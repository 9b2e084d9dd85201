"""What intake has seen before: references for ever, places and times for a while. In bounded memory."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from bowstreet.errors import NotFound
from bowstreet.geo import Position
from bowstreet.intake.model import CallReport, Incident
from bowstreet.intake.rules import SAME_TIME
from bowstreet.runtime.ports import Store
from bowstreet.runtime.records import Collection

# References at hand; older ones are asked of the store. 100,000 are London's immediate calls of 75 days, and about 60 MB.
HELD_REFERENCES = 100_000
# Incidents in which duplicates are looked for, newest kept: London's immediate calls of two weeks, far more than arrive late.
HELD_PLACES = 20_000
# Cells of the search for duplicates: wider than a duplicate may be away (75 m), in degrees at London's latitude.
CELL_LATITUDE_DEG = 0.001
CELL_LONGITUDE_DEG = 0.0015

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Cell = tuple[int, int, int]


class KnownReference(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A caller's reference and the incident it became. Only a digest of the reference is kept."""

    digest: str
    incident_id: str


def digest_of(text: str) -> str:
    """32 hexadecimal digits: short enough to keep for ever, long enough that no two references meet."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


class References:
    """Which incident a caller's reference became. A record of its own for each, so that it outlives the incident's own record."""

    def __init__(self, held: int = HELD_REFERENCES) -> None:
        self.collection: Collection[KnownReference] = Collection("caller-reference", KnownReference, id_of=lambda one: one.digest)
        self._order: OrderedDict[str, None] = OrderedDict()
        self._held = held
        self._all_here = True

    async def load(self, store: Store) -> None:
        await self.collection.load(store)
        for one in self.collection.all():
            self._touch(one.digest)

    def find(self, reference: str) -> str | None:
        """The incident's id, if the reference is at hand."""
        one = self.collection.find(digest_of(reference))
        return None if one is None else one.incident_id

    async def fetch(self, reference: str) -> str | None:
        """The incident's id, from the store when it is not at hand."""
        digest = digest_of(reference)
        if digest not in self.collection and self._all_here:
            return None
        try:
            one = await self.collection.fetch(digest)
        except NotFound:
            return None
        self._touch(digest)
        return one.incident_id

    def doubt(self) -> None:
        """Another process may have recorded references: ask the store from now on."""
        self._all_here = False

    def saves(self, references: Iterable[str], incident_id: str) -> list[tuple[Collection[KnownReference], KnownReference]]:
        """What to record with an incident so that these references are known."""
        fresh = [KnownReference(digest=digest_of(one), incident_id=incident_id) for one in references]
        return [(self.collection, one) for one in fresh if self.collection.find(one.digest) != one]

    def hold(self, references: Iterable[str]) -> None:
        """Called once they are recorded; lets go of the oldest."""
        for reference in references:
            self._touch(digest_of(reference))

    def _touch(self, digest: str) -> None:
        self._order[digest] = None
        self._order.move_to_end(digest)
        while len(self._order) > self._held:
            self._all_here = False
            self.collection.forget(self._order.popitem(last=False)[0])


class Places:
    """Where and when incidents were, hashed into cells, so that the few that a report may be about are found at once."""

    def __init__(self, held: int = HELD_PLACES) -> None:
        self._cells: dict[Cell, list[str]] = {}
        self._order: deque[tuple[Cell, str]] = deque()
        self._held = held

    def add(self, incident: Incident) -> None:
        """Also for one whose time has changed: it is then found under both."""
        cell = _cell(incident.position, incident.reported_at)
        there = self._cells.setdefault(cell, [])
        if incident.incident_id in there:
            return
        there.append(incident.incident_id)
        self._order.append((cell, incident.incident_id))
        while len(self._order) > self._held:
            self._drop(*self._order.popleft())

    def near(self, report: CallReport) -> Iterator[str]:
        """Ids of incidents that may be near in place and time, oldest first in each cell; some may be gone."""
        row, column, slot = _cell(report.position, report.reported_at)
        for when in (slot, slot - 1, slot + 1):
            for north in (row - 1, row, row + 1):
                for east in (column - 1, column, column + 1):
                    yield from self._cells.get((north, east, when), ())

    def _drop(self, cell: Cell, incident_id: str) -> None:
        there = self._cells[cell]
        there.remove(incident_id)
        if not there:
            del self._cells[cell]


def _cell(position: Position, moment: datetime) -> Cell:
    return (
        int(position.latitude_deg // CELL_LATITUDE_DEG),
        int(position.longitude_deg // CELL_LONGITUDE_DEG),
        (moment - _EPOCH) // SAME_TIME,
    )
