"""The redaction of recordings: found in a worker, changed by people with a reason, made into a copy; each step on record first.

What was found lies sealed beside the recording under the recording's own key, and goes when that goes. So does the copy.
"""

import asyncio
import hashlib
import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BadInput, BowstreetError, Conflict, MalformedPacket, MalformedProof, NotFound
from bowstreet.messages import RedactionChanged, RegionChanged
from bowstreet.runtime import durable
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection
from bowstreet.video.footage import Chain, FootageWriter, Part, PartKind
from bowstreet.video.model import Finding, Fragment, Header, Trouble
from bowstreet.video.playback import Clip, Reel, laid_out
from bowstreet.video.recorder import FootageRecorder, Recording, RecordingState
from bowstreet.video.redaction import rules
from bowstreet.video.redaction.kept import RedactionFiles
from bowstreet.video.redaction.labour import worked
from bowstreet.video.redaction.model import (
    Added,
    CopyFile,
    CoveredRegion,
    CoverKind,
    Edit,
    Found,
    Lifted,
    Look,
    RedactedCopy,
    Redaction,
    RedactionRecord,
    RedactionState,
    Shape,
    lines_of,
)
from bowstreet.video.redaction.worker import Job

log = structlog.get_logger(__name__)

LOOKS_HZ = 6.0
# Of a track that is not seen now a look tells nothing. What was seen of it before and after is joined by `rules`.
RECKONED = frozenset({"coasting", "lost"})
# Two hours of looks; and more shapes than a look can have are a fault.
MOST_LOOKS, MOST_SHAPES = 45_000, 500


class _Box(msgspec.Struct, frozen=True):
    left: float
    top: float
    width: float
    height: float


class _Track(msgspec.Struct, frozen=True):
    track_id: int
    shape: CoverKind
    box: _Box
    quality: str = ""


class _Findings(msgspec.Struct, frozen=True):
    """Of what a finder says, that which is used."""

    width_px: int
    height_px: int
    tracks: tuple[_Track, ...]


_read = msgspec.msgpack.Decoder(_Findings).decode


class Redactions:
    """All of one operation, one at work at a time: it is a load that flying must not feel.

    Args:
        finder: what looks through a recording, as `module:callable`; chosen in `wiring`.
    """

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids, footage: FootageRecorder, finder: str) -> None:
        self._recorder, self._clock, self._ids, self._footage, self._finder = recorder, clock, ids, footage, finder
        self.all: Collection[Redaction] = Collection(
            "redaction", Redaction, id_of=lambda one: one.recording_id, state_of=lambda one: one.state
        )
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._progress: dict[str, float] = {}
        self._files = RedactionFiles(footage)

    async def load(self, store: Store) -> None:
        """What was at work when the program ended has to be begun again, and that is on record. After the footage's own load."""
        await self.all.load(store)
        for one in self.all.in_states(RedactionState.FINDING, RedactionState.MAKING):
            again = "begin it again" if one.state is RedactionState.FINDING else "have the copy made again"
            await self._fail(one, f"the program ended while it ran: {again}")
        await self._sweep()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what people order --------------------------------------------------------------------------------------------

    async def begin(self, recording_id: str, by: str, reason: str) -> Redaction:
        """Have heads and plates found. A redaction that was begun before starts anew, without its edits.

        Raises:
            NotFound: no such recording.
            Conflict: it still runs, or its redaction is at work.
        """
        recording = self._closed(recording_id)
        self._at_rest(recording_id)
        one = Redaction(
            recording_id=recording_id, incident_id=recording.incident_id, state=RedactionState.FINDING,
            begun_at=self._clock.now(), begun_by=by, reason=reason,
        )  # fmt: skip
        await self._change(one, "begun", by, reason)
        self._begin(recording_id, self._find(recording))
        return one

    async def add(
        self, recording_id: str, by: str, reason: str, span_us: tuple[int, int], box: tuple[int, int, int, int]
    ) -> Redaction:
        """Cover a part of the picture (left, top, right, bottom) for a time. Raises as `make_copy`, and `BadInput`."""
        one = self._ready(recording_id)
        left, top, right, bottom = box
        if not (0 <= left < right <= one.width_px and 0 <= top < bottom <= one.height_px and 0 <= span_us[0] <= span_us[1]):
            raise BadInput("that is no part of these pictures", remedy=f"they are {one.width_px} × {one.height_px}")
        edit = Added(
            edit_id=self._ids.new("edi"), from_us=span_us[0], until_us=span_us[1], left=left, top=top, right=right,
            bottom=bottom, reason=reason, by=by, at=self._clock.now(),
        )  # fmt: skip
        return await self._edit(one, edit)

    async def lift(self, recording_id: str, by: str, reason: str, span_us: tuple[int, int], region_id: str) -> Redaction:
        """Uncover what one region covers, for a time. Raises as `_ready`; `NotFound` for a region that is not there then."""
        one = self._ready(recording_id)
        if not 0 <= span_us[0] <= span_us[1]:
            raise BadInput("a time does not end before it begins", remedy="give from and until")
        standing = await self.regions(recording_id, *span_us)
        if all(region.region_id != region_id for region in standing):
            raise NotFound("no such region covers anything then", remedy="look at the regions of that time")
        one = self._ready(recording_id)  # as it is now: another reviewer may have covered something, or a copy been begun
        edit = Lifted(
            edit_id=self._ids.new("edi"), region_id=region_id, from_us=span_us[0], until_us=span_us[1], reason=reason, by=by,
            at=self._clock.now(),
        )  # fmt: skip
        return await self._edit(one, edit)

    async def make_copy(self, recording_id: str, by: str, reason: str) -> Redaction:
        """Make the copy as the regions stand now. Raises as `_ready`."""
        one = replace(self._ready(recording_id), state=RedactionState.MAKING)
        await self._change(one, "copy-ordered", by, reason)
        self._begin(recording_id, self._make(self._closed(recording_id), by, reason))
        return one

    # --- what is asked ------------------------------------------------------------------------------------------------

    def progress(self, recording_id: str) -> float:
        """Of what is at work, 0 to 1."""
        return self._progress.get(recording_id, 0.0)

    async def regions(self, recording_id: str, from_us: int, until_us: int) -> list[CoveredRegion]:
        """What is covered at any moment of a time. Raises `NotFound` while nothing was looked for."""
        one = self.all.get(recording_id)
        every = await asyncio.to_thread(lambda: rules.covered(self._files.load_found(recording_id), one.edits))
        return [region for region in every if region.from_us <= until_us and region.until_us >= from_us]

    def copy_reel(self, recording_id: str) -> Reel:
        """The copy, laid out; it reads it through: call it from a thread.

        Raises:
            NotFound: none was made.
            MalformedProof: it is not the one on record: it was changed.
        """
        copy = self.require_copy(recording_id)
        reel = laid_out(_copy_name(recording_id), self._files.copy(recording_id, copy.head), self._footage.key_of(recording_id))
        if reel.chain.head.hex() != copy.head:
            raise MalformedProof(f"the redacted copy of '{recording_id}' is not the one on record", remedy="have it made again")
        return reel

    def require_copy(self, recording_id: str) -> RedactedCopy:
        """Raises `NotFound` when none was made."""
        one = self.all.find(recording_id)
        if one is None or one.copy is None or not self._files.copy(recording_id, one.copy.head).exists():
            raise NotFound(f"no redacted copy of recording '{recording_id}' was made", remedy="have one made")
        return one.copy

    def standing(self, recording_id: str) -> RedactedCopy:
        """The copy as it may be given out.

        Raises:
            NotFound: none was made.
            Conflict: what is covered was changed after it was made, or it is being made anew.
        """
        copy, one = self.require_copy(recording_id), self.all.get(recording_id)
        self._at_rest(recording_id)
        if copy.edits != len(one.edits):
            raise Conflict(
                f"what is covered in recording '{recording_id}' was changed after its copy was made",
                remedy="have the copy made again",
            )
        return copy

    def opened(self, recording_id: str) -> CopyFile:
        """The copy to be given out; it reads it through: call it from a thread. Raises as `standing`; `MalformedProof`."""
        copy, reel = self.standing(recording_id), self.copy_reel(recording_id)

        def still() -> bool:
            one = self.all.find(recording_id)
            return one is not None and one.copy is not None and one.copy.head == copy.head

        return CopyFile(
            said=copy, name=_copy_name(recording_id), path=self._files.copy(recording_id, copy.head),
            key=self._footage.key_of(recording_id), parts=reel.chain.parts, still=still,
        )  # fmt: skip

    def record_of(self, recording_id: str) -> bytes:
        """The record of the copy, lines of JSON; `RedactedCopy.record_sha256` is their digest. Raises `NotFound`."""
        reel = self.copy_reel(recording_id)
        if not reel.records:
            raise NotFound("the copy holds no record", remedy="have it made again")
        return b"".join(line + b"\n" for line in reel.records)

    # --- work ---------------------------------------------------------------------------------------------------------

    def _begin(self, recording_id: str, work: Any) -> None:
        self._progress[recording_id] = 0.0
        task = asyncio.ensure_future(self._run(recording_id, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, recording_id: str, work: Any) -> None:
        try:
            async with self._turn:
                try:
                    await work
                except (BowstreetError, OSError) as error:
                    log.warning("a redaction failed", recording=recording_id, error=type(error).__name__)
                    said = error.message if isinstance(error, BowstreetError) else f"the disk did not take it ({error.strerror})"
                    one = self.all.find(recording_id)
                    if one is not None:
                        await self._fail(one, said)
                await self._sweep()
        finally:
            work.close()
            self._progress.pop(recording_id, None)

    async def _find(self, recording: Recording) -> None:
        recording_id = recording.recording_id
        reel = await asyncio.to_thread(self._footage.reel, recording_id)
        looks: list[Look] = []
        size = (0, 0)
        for number, clip in enumerate(reel.clips):
            if not clip.at_us:
                continue
            job = Job(finder=self._finder, offset_us=clip.offset_us, looks_hz=LOOKS_HZ)
            async for message in worked(job, self._film(reel, number)):
                if not isinstance(message, Finding):
                    continue
                look, seen = read_look(message, number)
                if size not in ((0, 0), seen):
                    raise Conflict("its pictures change their size", remedy="cover it by hand in another program")
                size = seen
                looks.append(look)
                if len(looks) > MOST_LOOKS:
                    raise Conflict("it is longer than two hours", remedy="cover it by hand in another program")
                self._progress[recording_id] = min(1.0, look.at_us / max(1, reel.lasts_us))
        found = Found(width_px=size[0], height_px=size[1], looks=tuple(looks))
        await asyncio.to_thread(self._files.save_found, recording_id, found)
        one = replace(
            self.all.get(recording_id), state=RedactionState.READY, width_px=size[0], height_px=size[1], looks=len(looks)
        )
        regions = rules.covered(found, ())
        await self._change(one, "found", one.begun_by, regions=len(regions), original_head=reel.chain.head.hex())

    async def _make(self, recording: Recording, by: str, reason: str) -> None:
        recording_id = recording.recording_id
        one = self.all.get(recording_id)
        reel = await asyncio.to_thread(self._footage.reel, recording_id)
        regions = await asyncio.to_thread(lambda: rules.covered(self._files.load_found(recording_id), one.edits))
        path = self._files.draft(recording_id)
        maker = _Maker(FootageWriter(path, _copy_name(recording_id), self._footage.key_of(recording_id)), reel)
        try:
            for number, clip in enumerate(reel.clips):
                if clip.at_us:
                    job = Job(offset_us=clip.offset_us, regions=regions, frame_rate_hz=_rate_hz(clip))
                    async for message in worked(job, maker.hashed(self._film(reel, number))):
                        await asyncio.to_thread(maker.take, message, clip)
                        self._progress[recording_id] = min(1.0, maker.at_us / max(1, reel.lasts_us))
            record = RedactionRecord(
                recording_id=recording_id, made_at=self._clock.now(), made_by=by, reason=reason, finder=self._finder,
                width_px=one.width_px, height_px=one.height_px, original_head=reel.chain.head.hex(),
                original_sha256=maker.original.hexdigest(), copy_sha256=maker.copy.hexdigest(), edits=one.edits,
                regions=len(regions),
            )  # fmt: skip
            copy = await asyncio.to_thread(maker.finish, record, regions)
            await asyncio.to_thread(durable.move, path, self._files.copy(recording_id, copy.head))
        except BaseException:
            maker.writer.close()
            path.unlink(missing_ok=True)
            raise
        done = replace(self.all.get(recording_id), state=RedactionState.READY, copy=copy, failed="")
        await self._change(
            done, "copy-made", by, reason, regions=len(regions), original_head=copy.original_head,
            original_sha256=copy.original_sha256, copy_head=copy.head, copy_sha256=copy.sha256, record_sha256=copy.record_sha256,
        )  # fmt: skip

    def _film(self, reel: Reel, clip: int) -> Iterator[bytes]:
        """A film part by part. It ends when the key is destroyed while it is worked on."""
        recording_id = reel.name
        parts = reel.octets(clip, 0, reel.clips[clip].octets, self._footage.key_of(recording_id))
        for part in parts:
            self._footage.key_of(recording_id)
            yield part

    async def _sweep(self) -> None:
        """What is left of what is over. A file that stays fails nothing: the next sweep tries it again."""
        heads = {one.recording_id: one.copy.head for one in self.all.all() if one.copy is not None}
        at_work = {one.recording_id for one in self.all.in_states(RedactionState.FINDING, RedactionState.MAKING)}
        try:
            await asyncio.to_thread(self._files.sweep, heads, at_work)
        except OSError as error:
            log.warning("what is left of redactions was not removed", error=error.strerror)

    # --- states -------------------------------------------------------------------------------------------------------

    def _closed(self, recording_id: str) -> Recording:
        recording = self._footage.recordings.get(recording_id)
        if recording.state is not RecordingState.CLOSED:
            raise Conflict("this recording still runs", remedy="wait until it has ended")
        return recording

    def _at_rest(self, recording_id: str) -> None:
        one = self.all.find(recording_id)
        if one is not None and one.state in (RedactionState.FINDING, RedactionState.MAKING):
            raise Conflict("this redaction is at work", remedy="wait until it is done")

    def _ready(self, recording_id: str) -> Redaction:
        """Raises `NotFound` for one that was not begun; `Conflict` while it is at work, or when nothing was found yet."""
        one = self.all.get(recording_id)
        self._at_rest(recording_id)
        if not one.looks:
            raise Conflict("nothing was looked for in this recording yet", remedy="begin its redaction again")
        if len(one.edits) >= rules.MOST_EDITS:
            raise Conflict("this redaction has too many changes", remedy="begin it again")
        return one

    async def _edit(self, one: Redaction, edit: Edit) -> Redaction:
        changed = replace(one, edits=(*one.edits, edit))
        box = {"left": edit.left, "top": edit.top, "right": edit.right, "bottom": edit.bottom} if isinstance(edit, Added) else {}
        said = RegionChanged(
            at=edit.at, recording_id=one.recording_id, incident_id=one.incident_id, by=edit.by, edit_id=edit.edit_id,
            stage="added" if isinstance(edit, Added) else "lifted", from_us=edit.from_us, until_us=edit.until_us,
            region_id=edit.edit_id if isinstance(edit, Added) else edit.region_id, reason=edit.reason, **box,
        )  # fmt: skip
        await self._recorder.record(save=[(self.all, changed)], messages=[said])
        return changed

    async def _change(self, one: Redaction, stage: str, by: str, reason: str = "", **told: Any) -> None:
        said = RedactionChanged(
            at=self._clock.now(), recording_id=one.recording_id, incident_id=one.incident_id, stage=stage, by=by, reason=reason,
            **told,
        )  # fmt: skip
        await self._recorder.record(save=[(self.all, one)], messages=[said])

    async def _fail(self, one: Redaction, why: str) -> None:
        """Back to where it was; what was found before stays."""
        state = RedactionState.READY if one.looks else RedactionState.FAILED
        try:
            await self._change(replace(one, state=state, failed=why), "failed", one.begun_by)
        except BowstreetError as error:
            log.error("that a redaction failed was not recorded", problem=error.problem)


class _Maker:
    """A copy in the making."""

    def __init__(self, writer: FootageWriter, reel: Reel) -> None:
        self.writer, self._reel = writer, reel
        self.original, self.copy = hashlib.sha256(), hashlib.sha256()
        self.at_us = self.pictures = self.damaged = self.octets = 0

    def hashed(self, film: Iterator[bytes]) -> Iterator[bytes]:
        for part in film:
            self.original.update(part)
            yield part

    def take(self, message: object, clip: Clip) -> None:
        if isinstance(message, Header):
            self._put(Part(kind=PartKind.HEADER, pts_us=0, captured_us=0, data=message.data))
        elif isinstance(message, Fragment):
            self.at_us = message.pts_us + clip.begins_us
            captured_us = clip.captured_us[min(bisect_left(clip.at_us, self.at_us), len(clip.captured_us) - 1)]
            self._put(Part(kind=PartKind.FRAGMENT, pts_us=message.pts_us, captured_us=captured_us, data=message.data))
            self.pictures += 1
        elif isinstance(message, Trouble):
            self.damaged = message.count

    def _put(self, part: Part) -> None:
        self.writer.append(part)
        self.copy.update(part.data)
        self.octets += len(part.data)

    def finish(self, record: RedactionRecord, regions: tuple[CoveredRegion, ...]) -> RedactedCopy:
        said = hashlib.sha256()
        for line in lines_of(record, regions):
            self.writer.append(Part(kind=PartKind.RECORD, pts_us=0, captured_us=0, data=line))
            said.update(line + b"\n")
        self.writer.sync()
        self.writer.close()
        chain: Chain = self.writer.chain
        return RedactedCopy(
            made_at=record.made_at, made_by=record.made_by, reason=record.reason, edits=len(record.edits), pictures=self.pictures,
            damaged=self.damaged, octets=self.octets, head=chain.head.hex(), sha256=record.copy_sha256,
            original_head=record.original_head, original_sha256=record.original_sha256,
            record_sha256=said.hexdigest(),
        )  # fmt: skip


def read_look(message: Finding, clip: int) -> tuple[Look, tuple[int, int]]:
    """What was found in one picture, and its size. Raises `MalformedPacket`: a worker that was taken over says anything."""
    try:
        said = _read(message.data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedPacket("a finder sent what is no finding", remedy="begin again") from error
    if len(said.tracks) > MOST_SHAPES or not all(map(_possible, said.tracks)):
        raise MalformedPacket("a finder sent shapes that cannot be", remedy="begin again")
    shapes = tuple(
        Shape(
            track=f"c{clip}-{'p' if one.shape is CoverKind.PLATE else ''}{one.track_id}", kind=one.shape,
            left=one.box.left, top=one.box.top, width=one.box.width, height=one.box.height,
        )
        for one in said.tracks if one.quality not in RECKONED
    )  # fmt: skip
    return Look(at_us=message.captured_us, shapes=shapes), (said.width_px, said.height_px)


def _possible(one: _Track) -> bool:
    box = one.box
    return all(math.isfinite(value) and abs(value) < 1e5 for value in (box.left, box.top, box.width, box.height))


def _rate_hz(clip: Clip) -> float:
    lasts_us = clip.at_us[-1] - clip.at_us[0]
    return min(120.0, max(1.0, (len(clip.at_us) - 1) * 1e6 / lasts_us)) if lasts_us > 0 else 25.0


def _copy_name(recording_id: str) -> str:
    return f"{recording_id} redacted"
