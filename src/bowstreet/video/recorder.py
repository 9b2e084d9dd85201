"""Records what drones see over a scene: as received, sealed under a key of the recording's own, its chain anchored in the ledger.

A recording begins on record, is anchored every few seconds and closed on record. After kill -9 the next start closes what was
open as far as its file goes. A disk that is full ends recordings, on record, and nothing else. An end that the record does not
take is kept, with its reason and its time, and tried again until it does.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from bowstreet.accountability.recorder import NOT_RECORDED, Recorder
from bowstreet.errors import BowstreetError, MalformedProof, NotFound, StoreUnavailable
from bowstreet.messages import RecordingAnchored, RecordingClosed, RecordingStarted
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection
from bowstreet.video import footage
from bowstreet.video.footage import Chain, FootageWriter, Part, PartKind
from bowstreet.video.model import Fragment, Header, Metadata, VideoSource
from bowstreet.video.playback import Reel, laid_out

log = structlog.get_logger(__name__)

# What a power cut may take from the record of a recording; also how often the file is synced.
ANCHOR_EVERY_S = 5.0
# An end that is on record within this is entered with its own time.
LATE = timedelta(seconds=1)
# Of the footage folder's files: recordings, what was found in them to be covered, redacted copies, and one in the making.
SUFFIXES = frozenset({".footage", ".found", ".redacted", ".part"})
# Parts that wait for the disk: some 20 s of one stream. Beyond it the recording has a gap, which is counted.
MOST_WAITING = 1_000


class RecordingState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recording, as the store keeps it. `head` is hex. The footage is `<recording_id>.footage` in the footage folder."""

    recording_id: str
    source_id: str
    vehicle_id: str
    mission_id: str
    incident_id: str
    started_at: datetime
    state: RecordingState = RecordingState.OPEN
    closed_at: datetime | None = None
    parts: int = 0
    octets: int = 0
    head: str = ""
    why_closed: str = ""
    dropped: int = 0


class DataKeys(Protocol):
    """A key for each subject, made where there is none."""

    async def keys_for(self, subjects: Iterable[str]) -> dict[str, AESGCM]: ...

    def find(self, subject: str) -> AESGCM | None: ...


class _Running:
    """A recording under way: its file, and what waits for it."""

    def __init__(self, recording: Recording, writer: FootageWriter) -> None:
        self.recording, self.writer = recording, writer
        self.waiting: asyncio.Queue[Part | None] = asyncio.Queue()
        self.begun = False  # a keyframe was seen
        self.dropped = 0
        self.why = ""  # it ends
        self.task: asyncio.Task[None] | None = None

    def give(self, part: Part) -> None:
        if self.waiting.qsize() >= MOST_WAITING:
            self.dropped += 1
            return
        self.waiting.put_nowait(part)


class FootageRecorder:
    """All recordings of one operation."""

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids, keys: DataKeys, folder: Path) -> None:
        self._recorder, self._clock, self._ids, self._keys, self.folder = recorder, clock, ids, keys, folder
        self.recordings: Collection[Recording] = Collection(
            "recording", Recording, id_of=lambda one: one.recording_id, state_of=lambda one: one.state
        )
        self._running: dict[str, _Running] = {}  # by source
        self._ending: dict[str, _Running] = {}  # by recording: no longer fed, and its end is not kept yet
        self._owed: dict[str, Recording] = {}  # closed, and not on record
        self._settling: set[str] = set()
        self._headers: dict[str, Header] = {}
        self._lock = asyncio.Lock()

    async def load(self, store: Store) -> None:
        """Read what stands. Closes what a crash left open, as far as its file goes, and removes files without a record."""
        await self.recordings.load(store)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for recording in self.recordings.in_states(RecordingState.OPEN):
            chain = await asyncio.to_thread(self._reach, recording)
            await self._close(recording, chain, "the program ended before its end was on record", 0)
        self.sweep()

    def sweep(self) -> int:
        """Remove the files of recordings that were erased; gives how many."""
        doomed = [
            path for path in self.folder.iterdir() if path.suffix in SUFFIXES and path.stem.split(".")[0] not in self.recordings
        ]
        for path in doomed:
            path.unlink(missing_ok=True)
        return len(doomed)

    def is_recording(self, source_id: str) -> bool:
        """Whether it truly is, whatever was ordered."""
        return source_id in self._running

    def incident_of(self, source_id: str) -> str:
        """Under which incident it records; "" when it does not."""
        running = self._running.get(source_id)
        return "" if running is None else running.recording.incident_id

    def reach_of(self, recording: Recording) -> Chain:
        """How far a recording goes now, also while it runs."""
        running = self._running.get(recording.source_id)
        if running is None or running.recording.recording_id != recording.recording_id:
            running = self._ending.get(recording.recording_id)
        if running is not None:
            return running.writer.chain
        recording = self._owed.get(recording.recording_id, recording)
        return Chain(parts=recording.parts, octets=recording.octets, head=bytes.fromhex(recording.head))

    async def start(self, source: VideoSource, mission_id: str, incident_id: str) -> str:
        """Begin a recording, on record before the first picture is kept; one of the same incident that runs already goes on.

        Raises:
            StoreUnavailable: it cannot be put on record, or the disk takes no file: nothing is kept.
        """
        before = self._running.get(source.source_id)
        if before is not None and before.recording.incident_id != incident_id:
            await self.stop(source.source_id, "its drone was turned to another incident")
        async with self._lock:
            if source.source_id in self._running:
                return self._running[source.source_id].recording.recording_id
            now = self._clock.now()
            recording = Recording(
                recording_id=self._ids.new("rec"), source_id=source.source_id, vehicle_id=source.vehicle_id,
                mission_id=mission_id, incident_id=incident_id, started_at=now,
            )  # fmt: skip
            said = RecordingStarted(
                at=now, recording_id=recording.recording_id, source_id=source.source_id, vehicle_id=source.vehicle_id,
                mission_id=mission_id, incident_id=incident_id,
            )  # fmt: skip
            keys = await self._keys.keys_for([recording.recording_id])
            await self._recorder.record(save=[(self.recordings, recording)], messages=[said])
            try:
                writer = FootageWriter(self._path(recording.recording_id), recording.recording_id, keys[recording.recording_id])
            except OSError as error:
                why = f"the disk did not take it ({error.strerror})"
                await self._close(recording, footage.start(recording.recording_id), why, 0)
                raise StoreUnavailable(f"nothing can be recorded: {why}", remedy="make room on the disk") from error
            running = self._running[source.source_id] = _Running(recording, writer)
            running.task = asyncio.ensure_future(self._run(running))
            return recording.recording_id

    async def stop(self, source_id: str, why: str) -> None:
        """End a recording, on record as soon as that takes it (`settle`); one that does not run is no error."""
        async with self._lock:
            running = self._running.get(source_id)
            if running is None or running.task is None:
                return
            self._end(running, why)
        running.waiting.put_nowait(None)
        await asyncio.shield(running.task)  # whoever asked may be gone: it ends all the same

    async def settle(self) -> None:
        """Put on record the ends that could not be when they came. To be called now and then."""
        for recording_id in tuple(self._owed):
            if not await self._settled(recording_id):
                return  # nor the next
        if self._strays():
            async with self._lock:  # one that begins is none
                for one in self._strays():
                    await self._close(one, await asyncio.to_thread(self._reach, one), "it was broken off as it began", 0)

    def _strays(self) -> list[Recording]:
        """Open on record, and nothing runs: whoever began them was broken off in the midst of it."""
        known = {one.recording.recording_id for one in self._running.values()} | self._ending.keys() | self._owed.keys()
        return [one for one in self.recordings.in_states(RecordingState.OPEN) if one.recording_id not in known]

    async def close(self) -> None:
        for source_id in tuple(self._running):
            await self.stop(source_id, "the program stops")
        await asyncio.gather(*[one.task for one in self._ending.values() if one.task is not None])
        await self.settle()

    # --- what comes --------------------------------------------------------------------------------------------------

    def take(self, source: VideoSource, message: Header | Fragment | Metadata) -> None:
        """For the streams: everything that could be recorded."""
        if isinstance(message, Header):
            self._headers[source.source_id] = message
        running = self._running.get(source.source_id)
        if running is None:
            return
        if isinstance(message, Fragment):
            if not running.begun:
                if not message.keyframe or source.source_id not in self._headers:
                    return
                running.begun = True
                running.give(_part(PartKind.HEADER, self._headers[source.source_id].data))
            running.give(_part(PartKind.FRAGMENT, message.data, message.pts_us, message.captured_us))
        elif isinstance(message, Header):
            running.begun = False  # a file of its own from the next keyframe on
        elif running.begun:
            running.give(_part(PartKind.KLV, message.data, message.pts_us, message.received_us))

    def place(self, source_id: str, at: datetime, said: bytes) -> None:
        """Where the drone was, for the record beside its pictures."""
        running = self._running.get(source_id)
        if running is not None and running.begun:
            running.give(_part(PartKind.PLACE, said, 0, int(at.timestamp() * 1e6)))

    # --- reading -----------------------------------------------------------------------------------------------------

    def parts(self, recording_id: str) -> Iterable[footage.Read]:
        """Every part of a recording, opened.

        Raises:
            NotFound: no such recording, or it was erased.
            MalformedProof: a part was changed.
        """
        path, key = self.opened(recording_id)
        with path.open("rb") as file:
            yield from footage.read(file, recording_id, key)

    def opened(self, recording_id: str) -> tuple[Path, AESGCM]:
        """Where a recording lies, and what opens it. Raises `NotFound`: there is none, or it was erased."""
        key, path = self.key_of(recording_id), self._path(recording_id)
        if not path.exists():
            raise NotFound(f"there is no recording '{recording_id}'", remedy="look whether it was erased")
        return path, key

    def reel(self, recording_id: str) -> Reel:
        """A recording laid out to be shown. It reads the file through: call it from a thread. Raises `NotFound`."""
        return laid_out(recording_id, *self.opened(recording_id))

    def path_of(self, recording_id: str, suffix: str) -> Path:
        """Where what belongs to a recording is kept beside it; `sweep` takes it away with the recording."""
        return self.folder / f"{recording_id}{suffix}"

    def key_of(self, recording_id: str) -> AESGCM:
        """Asked again before each showing: once it is destroyed nothing can be shown. Raises `NotFound` then."""
        key = self._keys.find(recording_id) if recording_id in self.recordings else None
        if key is None:
            raise NotFound(f"there is no recording '{recording_id}'", remedy="look whether it was erased")
        return key

    # --- the file ----------------------------------------------------------------------------------------------------

    async def _run(self, running: _Running) -> None:
        """Write what comes until it ends, then close it."""
        try:
            await self._write(running)
        except OSError as error:
            log.error("a recording cannot be written", recording=running.recording.recording_id, error=error.strerror)
            self._end(running, f"the disk did not take it ({error.strerror})")
        await self._finish(running)

    def _end(self, running: _Running, why: str) -> None:
        """Nothing is given to it any more. What ended it first is why."""
        source_id, recording_id = running.recording.source_id, running.recording.recording_id
        if self._running.get(source_id) is running:
            del self._running[source_id]
        self._ending[recording_id] = running
        running.why = running.why or why

    async def _write(self, running: _Running) -> None:
        """Raises `OSError` when the disk does not take it."""
        loop = asyncio.get_running_loop()
        anchored_at, anchored = loop.time(), 0
        ended = False
        while not ended:
            parts: list[Part | None] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANCHOR_EVERY_S):
                    parts.append(await running.waiting.get())
            while not running.waiting.empty():
                parts.append(running.waiting.get_nowait())
            ended = None in parts
            await asyncio.to_thread(_append, running.writer, [part for part in parts if part is not None])
            if loop.time() - anchored_at >= ANCHOR_EVERY_S and running.writer.chain.parts > anchored:
                anchored_at, anchored = loop.time(), running.writer.chain.parts
                await self._anchor(running)

    async def _anchor(self, running: _Running) -> None:
        chain = running.writer.chain
        await asyncio.to_thread(running.writer.sync)
        said = RecordingAnchored(
            at=self._clock.now(), recording_id=running.recording.recording_id, parts=chain.parts, octets=chain.octets,
            head=chain.head.hex(),
        )  # fmt: skip
        try:
            await self._recorder.record(messages=[said])
        except BowstreetError as error:
            log.error("a recording could not be anchored", recording=running.recording.recording_id, problem=error.problem)

    async def _finish(self, running: _Running) -> None:
        try:
            await asyncio.to_thread(running.writer.sync)
            running.writer.close()
        except OSError as error:  # it is as long as it was written, and a power cut may cost more of it
            log.error("a recording cannot be synced", recording=running.recording.recording_id, error=error.strerror)
            unsynced = f"the disk did not sync it ({error.strerror})"
            running.why = f"{running.why}; {unsynced}" if running.why else unsynced
        try:
            await self._close(running.recording, running.writer.chain, running.why, running.dropped)
        finally:
            self._ending.pop(running.recording.recording_id, None)

    async def _close(self, recording: Recording, chain: Chain, why: str, dropped: int) -> None:
        """On record, or owed to it (`settle`)."""
        self._owed[recording.recording_id] = replace(
            recording, state=RecordingState.CLOSED, closed_at=self._clock.now(), parts=chain.parts, octets=chain.octets,
            head=chain.head.hex(), why_closed=why, dropped=dropped,
        )  # fmt: skip
        if not await self._settled(recording.recording_id):
            log.error("the end of a recording is not on record yet", recording=recording.recording_id, why=why)

    async def _settled(self, recording_id: str) -> bool:
        """Whether its end is on record now. Nothing is told of a failure here: it is tried every second."""
        closed = self._owed.get(recording_id)
        if closed is None:
            return True
        if recording_id in self._settling:
            return False
        self._settling.add(recording_id)
        try:
            await self._recorder.record(save=[(self.recordings, closed)], messages=[_ended(closed, self._clock.now())])
        except NOT_RECORDED:
            return False
        finally:
            self._settling.discard(recording_id)
        del self._owed[recording_id]
        if not closed.parts and footage.is_stub(self._path(recording_id)):
            self._path(recording_id).unlink(missing_ok=True)
        return True

    def _reach(self, recording: Recording) -> Chain:
        """How far the file goes."""
        chain = footage.start(recording.recording_id)
        try:
            for found in self.parts(recording.recording_id):
                chain = found.chain
        except (MalformedProof, NotFound) as error:
            log.error("a recording does not verify to its end", recording=recording.recording_id, problem=error.problem)
        return chain

    def _path(self, recording_id: str) -> Path:
        return self.folder / f"{recording_id}.footage"


class FootageHeld:
    """For retention: footage, from when its recording was closed.

    Args:
        is_held: whether a legal hold stands on an incident; it holds the incident's footage too.
        beside: records that bear a recording's id, and go with it.
    """

    retention_class = "footage"

    def __init__(
        self, footage_recorder: FootageRecorder, is_held: Callable[[str], bool], beside: Sequence[Collection[Any]] = ()
    ) -> None:
        self._footage, self._is_held, self._beside = footage_recorder, is_held, beside

    async def since(self) -> Iterable[tuple[str, datetime]]:
        self._footage.sweep()
        return [
            (one.recording_id, one.closed_at)
            for one in self._footage.recordings.all()
            if one.closed_at is not None and not self._is_held(one.incident_id)
        ]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(one, subject_id) for one in (self._footage.recordings, *self._beside)]


def _ended(closed: Recording, now: datetime) -> RecordingClosed:
    """Entries stand in the order of their times: one that comes late says when the recording did end."""
    at, why = closed.closed_at or now, closed.why_closed
    if now - at >= LATE:
        at, why = now, f"{why}; it ended {at:%Y-%m-%d %H:%M:%S} UTC, and the record took that no sooner"
    return RecordingClosed(
        at=at, recording_id=closed.recording_id, parts=closed.parts, octets=closed.octets, head=closed.head, why=why
    )


def _append(writer: FootageWriter, parts: Sequence[Part]) -> None:
    for part in parts:
        writer.append(part)


def _part(kind: PartKind, data: bytes, pts_us: int = 0, captured_us: int = 0) -> Part:
    return Part(kind=kind, pts_us=pts_us, captured_us=captured_us, data=data)
