"""The seals of all vehicles, and their timestamps over restarts: each run begins above all that an earlier one used or believed.

Timestamps are given out ahead of what is on disk only as far as was reserved there before. A store that cannot be written does
not stop them: a recall must still be heard. Then only the clock keeps a restart from using one again.
"""

from collections.abc import Coroutine, Iterable
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError
from bowstreet.flight.mavlink_signing import NO_SIGNING, TICKS_S, Seal, ticks
from bowstreet.flight.model import VehicleConfig
from bowstreet.flight.ports import VehicleKeyBook
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# How far ahead timestamps are reserved. A restart begins so far ahead of the time at most, and is caught up within it.
RESERVE_TICKS = 30 * TICKS_S
# Reserved anew when less than this is left.
LEAST_TICKS = 15 * TICKS_S
_ONLY = "only"


class SigningMarks(msgspec.Struct, frozen=True, kw_only=True):
    """For each vehicle the timestamp up to which all may have been used."""

    marks: dict[str, int]


class Seals:
    """A seal for each vehicle.

    Args:
        book: which keys hold. None: no vehicle has any, and nothing is signed.
        recorder: what reserves timestamps. None: none are, as in a test without restarts.
    """

    def __init__(
        self,
        clock: Clock,
        vehicles: Iterable[VehicleConfig] = (),
        book: VehicleKeyBook | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._clock, self._book, self._recorder = clock, book, recorder
        self._settings = {one.vehicle_id: one.signing for one in vehicles}
        self._seals = {vehicle_id: Seal() for vehicle_id in self._settings}
        self._marks: Collection[SigningMarks] = Collection("signing-marks", SigningMarks, id_of=lambda _: _ONLY)
        self._reserved: dict[str, int] = {}
        self._taking_up: set[str] = set()

    def of(self, vehicle_id: str) -> Seal:
        """A vehicle's seal; for a dock, or another vehicle, one that signs nothing."""
        return self._seals.get(vehicle_id) or Seal()

    async def open(self, store: Store) -> None:
        """Begin above what earlier runs used. Call it before anything is sent."""
        await self._marks.load(store)
        standing = self._marks.find(_ONLY)
        if standing is not None:
            self._reserved = dict(standing.marks)
        now = ticks(self._clock.now())
        for vehicle_id, seal in self._seals.items():
            seal.starts_at(max(now, self._reserved.get(vehicle_id, 0)))
        if self._book is not None:
            self._book.on_change(self.look_up)
        self.look_up_all()
        await self.reserve()

    def look_up(self, vehicle_id: str) -> None:
        """Take what holds for a vehicle now from the book."""
        seal = self._seals.get(vehicle_id)
        if seal is None or self._book is None:
            return
        setting = self._settings[vehicle_id]
        if setting == "off":
            seal.keys = NO_SIGNING
            return
        keys = self._book.keys_of(vehicle_id)
        seal.keys = replace(keys, unsigned=False) if setting == "required" and keys.unsigned else keys

    def look_up_all(self) -> None:
        """The same for all: time alone ends an overlap."""
        for vehicle_id in self._seals:
            self.look_up(vehicle_id)

    def unsigned(self) -> list[str]:
        """Vehicles whose packets are believed without a signature."""
        return sorted(vehicle_id for vehicle_id, seal in self._seals.items() if seal.keys.unsigned)

    def take_up(self, vehicle_id: str, key_id: str) -> Coroutine[Any, Any, None] | None:
        """The first packet under a coming key was believed: what has it recorded; None when that is on its way. It holds then."""
        if self._book is None or key_id in self._taking_up:
            return None
        self._taking_up.add(key_id)
        return self._taken_up(self._book, vehicle_id, key_id)

    async def _taken_up(self, book: VehicleKeyBook, vehicle_id: str, key_id: str) -> None:
        try:
            await book.taken_up(vehicle_id, key_id)
        except BowstreetError as error:  # the edge of a task: the vehicle's next packet tries again
            log.warning("a vehicle's new key could not be recorded as in use", target_id=vehicle_id, error=str(error))
        finally:
            self._taking_up.discard(key_id)

    async def reserve(self) -> None:
        """Reserve timestamps on disk when those that were are nearly used up. Call it about once a second."""
        used = {vehicle_id: seal.last for vehicle_id, seal in self._seals.items() if seal.signs}
        if self._recorder is None or all(self._reserved.get(one, 0) - last >= LEAST_TICKS for one, last in used.items()):
            return
        marks = self._reserved | {vehicle_id: last + RESERVE_TICKS for vehicle_id, last in used.items()}
        try:
            await self._recorder.record(save=[(self._marks, SigningMarks(marks=marks))])
        except BowstreetError as error:  # flights fail safe: what flies is still spoken to
            log.warning("timestamps of signatures could not be reserved", error=str(error))
        else:
            self._reserved = marks

    async def keep(self) -> None:
        """A task: overlaps end in time, and timestamps stay reserved."""
        while True:
            await self._clock.sleep(1.0)
            self.look_up_all()
            await self.reserve()
