"""Enrolment: the one writer of lists. An import is checked row by row, and becomes a list whole or not at all."""

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from bowstreet.errors import NotFound, Refused, StoreUnavailable
from bowstreet.recognition import answers, listfile, rules
from bowstreet.recognition.listing import Entry, Person, Row, RowResult, RowState, Unusable
from bowstreet.recognition.model import Deployment, Manifest
from bowstreet.recognition.ports import DataKeys, FaceReader, ImageMeasure
from bowstreet.recognition.reference import Reference
from bowstreet.recognition.watchlist import ListFile, ListWriter, draft_of
from bowstreet.runtime.ports import Clock, Ids

log = structlog.get_logger(__name__)

MOST_IMAGE_BYTES = 12 * 1024 * 1024
MOST_HELD_BYTES = 64 * 1024 * 1024  # images that wait to be measured, of one import
MOST_IMPORTS = 4  # open at once: each holds its rows
IMPORT_LIVES = timedelta(hours=2)
# Compared a block at a time, so that 60,000 images need no more than some tens of megabytes.
BLOCK = 256
# People that an image is remarked to be like: more would be a list of its own.
MOST_REMARKS = 3


class Unmeasured(NamedTuple):
    """An entry that a plugged-in measure has not seen yet, with the image as it came."""

    line: int
    entry: Entry
    image: bytes


class Import:
    """One import under way: its rows, and what became of each. Entries lie sealed in a draft that nobody else reads."""

    def __init__(
        self, import_id: str, deployment: Deployment, watchlist_id: str, by: str, at: datetime, writer: ListWriter
    ) -> None:
        self.import_id, self.deployment_id, self.watchlist_id, self.by = import_id, deployment.deployment_id, watchlist_id, by
        self.use_case, self.threshold = deployment.plan.use_case, deployment.plan.threshold
        self.opened_at, self.touched_at = at, at
        self.rows: dict[int, Row] = {}
        self.results: dict[int, RowResult] = {}
        self.writer = writer
        self.people: dict[str, Person] = {}  # by reference
        self.images: dict[bytes, int] = {}  # line of each image, by its hash
        self.vectors: list[tuple[int, str, Any]] = []  # line, person and numbers of each entry
        self.unmeasured: list[Unmeasured] = []
        self.lock = asyncio.Lock()

    def person(self, row: Row, new_id: str) -> Person:
        return self.people.get(row.reference) or Person(
            person_id=new_id, reference=row.reference, name=row.name, category=row.category, risk=row.risk,
            under_18=row.under_18, vulnerable=row.vulnerable,
        )  # fmt: skip

    def bad(self) -> list[RowResult]:
        return [one for _, one in sorted(self.results.items()) if one.state is not RowState.READY]


class Enrolment:
    """Lists of one operation.

    Args:
        folder: where sealed lists lie; made when it is missing.
        measure: what else measures each image; None is nothing.
    """

    def __init__(
        self, clock: Clock, ids: Ids, keys: DataKeys, reader: FaceReader, folder: Path, measure: ImageMeasure | None = None
    ) -> None:
        self._measure = measure
        self._clock, self._ids, self.keys, self.reader, self._folder = clock, ids, keys, reader, folder
        self._imports: dict[str, Import] = {}
        self._open: dict[str, ListFile] = {}
        self._beginning = 0  # imports that are not among them yet
        self._unrecorded: set[str] = set()  # lists that are whole, or being copied, and not on record yet: no sweep takes them
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    # --- an import --------------------------------------------------------------------------------------------------------

    async def begin(self, deployment: Deployment, csv: bytes, by: str) -> Import:
        """Read the rows of a CSV; images come one by one.

        Raises:
            BadInput: it is no such CSV; see `listfile.parse_list`.
            Refused: too many imports are open.
        """
        await self.forget_old()
        rows, bad = await asyncio.to_thread(listfile.parse_list, csv, deployment.plan.use_case, self._clock.now().date())
        if len(self._imports) + self._beginning >= MOST_IMPORTS:
            raise Refused("too many imports are open", remedy="finish or give up one of them")
        watchlist_id = self._ids.new("wl")
        self._beginning += 1
        try:
            key = await self._key(watchlist_id)
            writer = ListWriter(self._path(watchlist_id), watchlist_id, answers.POLICY_VERSION, key)
        except OSError as error:
            raise _disk(error) from error
        finally:
            self._beginning -= 1
            self._unrecorded.discard(watchlist_id)
        made = Import(self._ids.new("imp"), deployment, watchlist_id, by, self._clock.now(), writer)
        made.rows = {row.line: row for row in rows}
        made.results = {row.line: RowResult(line=row.line, state=RowState.WAITS, image=row.image) for row in rows}
        made.results |= {one.line: one for one in bad}
        self._imports[made.import_id] = made
        return made

    def get(self, deployment_id: str, import_id: str) -> Import:
        """Raises `NotFound`."""
        made = self._imports.get(import_id)
        if made is None or made.deployment_id != deployment_id:
            raise NotFound(
                "there is no such import",
                remedy="look whether the deployment has its list, or begin another: one lives two hours, and not over a restart",
            )
        return made

    def mine(self, deployment_id: str, import_id: str, by: str) -> Import:
        """One that `by` began: the list bears the name of who made it, and nobody else has a hand in it (R6).

        Raises:
            NotFound: there is none.
            Refused: somebody else began it.
        """
        made = self.get(deployment_id, import_id)
        if made.by != by:
            raise Refused("somebody else makes this list", remedy="leave it to them, or give it up and begin another")
        return made

    async def add(self, made: Import, line: int, image: bytes) -> RowResult:
        """The image of a row: decoded, measured and described in a limited process; says what became of the row.

        Raises:
            NotFound: there is no such row.
            Refused: the row has its image already.
            StoreUnavailable: the disk is full; the import is given up.
            MeasureUnavailable: a plugged-in measure fails. Images that wait for it are kept with the import, up to one run of it.
        """
        row = made.rows.get(line)
        if row is None:
            raise NotFound(f"line {line} is no usable row of this import", remedy="see the results of its lines")
        made.touched_at = self._clock.now()
        read = await self.reader.read(image) if 0 < len(image) <= MOST_IMAGE_BYTES else None
        async with made.lock:
            self._require_open(made)
            if made.results[line].state is RowState.READY:
                raise Refused(f"line {line} has its image already", remedy="give the next one")
            if self._is_full(made):
                await self._measured(made)
            made.results[line] = await self._entered(made, row, image, read)
            if self._is_full(made) or not any(one.state is RowState.WAITS for one in made.results.values()):
                await self._measured(made)
            return made.results[line]

    async def _entered(self, made: Import, row: Row, image: bytes, read: Any) -> RowResult:
        if read is None:
            return _bad(row, f"the image is empty, or over {MOST_IMAGE_BYTES // 1024**2} MB")
        if isinstance(read, Unusable):
            return _bad(row, read.why)
        digest = hashlib.sha256(image).digest()
        if (before := made.images.get(digest)) is not None:
            return _bad(row, f"it is the very image of line {before}")
        age = self._clock.now().date() - row.captured_on
        aged = age > rules.IMAGE_AGES
        remarks = list(read.remarks)
        if aged:
            remarks.append(f"the image is {age.days // 365} years old: look for a newer one (R5)")
        person = made.person(row, self._ids.new("per"))
        entry = Entry(
            person=person, source=row.source, legal_basis=row.legal_basis, captured_on=row.captured_on, quality=read.quality,
            image=read.image, vector=read.vector, aged=aged,
        )  # fmt: skip
        if self._measure is None:
            await self._append(made, entry)
        else:
            made.unmeasured.append(Unmeasured(row.line, entry, image))
        made.people[row.reference], made.images[digest] = person, row.line
        made.vectors.append((row.line, person.person_id, np.frombuffer(read.vector, dtype="<f4")))
        return RowResult(line=row.line, state=RowState.READY, image=row.image, remarks=tuple(remarks), quality=read.quality)

    async def _append(self, made: Import, entry: Entry) -> None:
        try:
            await asyncio.to_thread(made.writer.append, entry)
        except OSError as error:
            await self._drop(made)
            raise _disk(error) from error

    def _is_full(self, made: Import) -> bool:
        """Whether as many images wait as the plugged-in measure is given at once, or as many bytes as may be held for it."""
        if self._measure is None:
            return False
        held = sum(len(one.image) for one in made.unmeasured)
        return len(made.unmeasured) >= self._measure.settings.images_at_once or held >= MOST_HELD_BYTES

    async def _measured(self, made: Import) -> None:
        """Have what waits measured, and enter it. Raises `MeasureUnavailable`, and then it still waits; `StoreUnavailable`."""
        if self._measure is None or not made.unmeasured:
            return
        scores = await self._measure.assess([one.image for one in made.unmeasured])
        for one, said in zip(made.unmeasured, scores, strict=True):
            quality = replace(one.entry.quality, ofiq=said.unified, ofiq_components=said.components)
            await self._append(made, replace(one.entry, quality=quality))
            remarks = made.results[one.line].remarks + (("OFIQ could not assess it",) if said.unified is None else ())
            made.results[one.line] = replace(made.results[one.line], quality=quality, remarks=remarks)
        made.unmeasured = []

    async def finish(self, made: Import, *, leave_out: bool) -> tuple[Manifest, list[RowResult]]:
        """Make the list of what is ready; gives its manifest and the rows that a person should look at.

        Raises:
            Refused: rows are bad or lack their image, and `leave_out` does not say to go on without them; or nothing is left.
            StoreUnavailable: the disk is full.
            MeasureUnavailable: a plugged-in measure fails; the import stands as it was, and may be finished again.
        """
        async with made.lock:
            self._require_open(made)
            await self._measured(made)
            bad = made.bad()
            if bad and not leave_out:
                raise Refused(
                    f"{len(bad)} lines cannot be used, the first is line {bad[0].line}: {bad[0].why or 'its image is missing'}",
                    remedy="mend them and import again, or finish without them (leave_out)",
                )
            if not made.vectors:
                raise Refused("no line can be used", remedy="mend the list and import it again")
            remarked = await asyncio.to_thread(_alike, made)
            self._unrecorded.add(made.watchlist_id)
            try:
                digest = await asyncio.to_thread(made.writer.finish)
            except OSError as error:
                self.recorded(made.watchlist_id)
                await self._drop(made)
                raise _disk(error) from error
            del self._imports[made.import_id]
            return self._manifest(made, digest), remarked

    def recorded(self, watchlist_id: str) -> None:
        """Its record stands, or never will: from now on a list that is not on record is swept away."""
        self._unrecorded.discard(watchlist_id)

    async def give_up(self, made: Import) -> None:
        """Nothing of it stays. Raises `NotFound` when it was finished, or given up, a moment before."""
        async with made.lock:
            self._require_open(made)
            await self._drop(made)

    def _require_open(self, made: Import) -> None:
        if self._imports.get(made.import_id) is not made:
            raise NotFound("this import is over", remedy="look at the deployment's list, or begin another import")

    async def _drop(self, made: Import) -> None:
        self._imports.pop(made.import_id, None)
        await asyncio.to_thread(made.writer.give_up)
        await self.keys.destroy([made.watchlist_id])

    async def forget_old(self) -> None:
        """Give up imports that nobody goes on with."""
        limit = self._clock.now() - IMPORT_LIVES
        for old in [one for one in self._imports.values() if one.touched_at < limit]:
            with contextlib.suppress(NotFound):  # somebody went on with it after all
                await self.give_up(old)

    def _manifest(self, made: Import, digest: str) -> Manifest:
        people = list(made.people.values())
        categories = Counter(one.category for one in people)
        return Manifest(
            watchlist_id=made.watchlist_id, digest=digest, people=len(people), images=len(made.vectors),
            categories=dict(sorted(categories.items())), enrolled_by=made.by, enrolled_at=self._clock.now(),
            policy=answers.POLICY_VERSION, to_review=tuple(one.person_id for one in people if one.needs_review),
            aged=sum("years old" in " ".join(one.remarks) for one in made.results.values()),
            volunteers=categories["volunteer"],  # type: ignore[index]
        )  # fmt: skip

    # --- a list that stands -------------------------------------------------------------------------------------------------

    def open(self, manifest: Manifest) -> ListFile:
        """Raises `StoreUnavailable` when it was changed, `NotFound` when its key is destroyed."""
        known = self._open.get(manifest.watchlist_id)
        key = self.keys.find(manifest.watchlist_id)
        if key is None:
            self._open.pop(manifest.watchlist_id, None)
            raise NotFound("this list is destroyed", remedy="see the receipt in the record")
        if known is not None:
            return known
        opened = ListFile(self._path(manifest.watchlist_id), manifest.watchlist_id, manifest.policy, key)
        if opened.digest != manifest.digest:
            raise StoreUnavailable("the list is not the one that its manifest names", remedy="import it again")
        self._open[manifest.watchlist_id] = opened
        return opened

    def references(self, manifest: Manifest) -> list[Reference]:
        """What a face is compared with: every image of the list. In memory only. Raises as `open`."""
        return [Reference(person_id=entry.person.person_id, vector=entry.vector) for entry in self.open(manifest).entries()]

    async def people(self, manifest: Manifest) -> dict[str, list[Entry]]:
        """Who is on the list, by their pseudonyms, without images and templates: all of those are never held at once. Raises as
        `open`."""
        return await asyncio.to_thread(_by_person, self.open(manifest))

    def close(self, watchlist_id: str) -> None:
        self._open.pop(watchlist_id, None)

    async def without(self, manifest: Manifest, person_id: str, by: str) -> Manifest:
        """The list again without somebody; `recorded` is told of it. Raises `Refused` when they are the last, `NotFound`."""
        standing = self.open(manifest)
        if person_id not in standing.people():
            raise NotFound("nobody of that id is on the list", remedy="look at the list")
        left = [one for one in standing.people() if one != person_id]
        if not left:
            raise Refused("nobody would be left on the list", remedy="import another list")
        gone = standing.person(person_id)
        assert gone is not None
        watchlist_id = self._ids.new("wl")
        try:
            key = await self._key(watchlist_id)
            digest, images, aged = await asyncio.to_thread(self._copied, standing, watchlist_id, key, person_id)
        except OSError as error:
            self.recorded(watchlist_id)
            raise _disk(error) from error
        except BaseException:
            self.recorded(watchlist_id)
            raise
        categories = Counter(manifest.categories)
        categories[gone.category] -= 1
        return replace(
            manifest, watchlist_id=watchlist_id, digest=digest, people=len(left), images=images, aged=aged,
            categories={name: count for name, count in categories.items() if count}, policy=answers.POLICY_VERSION,
            to_review=tuple(one for one in manifest.to_review if one != person_id),
            volunteers=categories["volunteer"],  # type: ignore[index]
        )  # fmt: skip

    def _copied(self, standing: ListFile, watchlist_id: str, key: Any, without: str) -> tuple[str, int, int]:
        writer = ListWriter(self._path(watchlist_id), watchlist_id, answers.POLICY_VERSION, key)
        aged = 0
        for entry in _others(standing, without):
            writer.append(entry)
            aged += entry.aged
        return writer.finish(), writer.entries, aged

    async def _key(self, watchlist_id: str) -> AESGCM:
        """The key of a new list. The list's draft is there before it, so that whatever a kill leaves, a sweep finds both."""
        self._unrecorded.add(watchlist_id)
        draft_of(self._path(watchlist_id)).touch(mode=0o600)
        return (await self.keys.keys_for([watchlist_id]))[watchlist_id]

    async def sweep(self, standing: set[str]) -> int:
        """Remove the files, and keys, of lists that are no more and of drafts that are no import's; gives how many."""
        spared = self._unrecorded | {one.watchlist_id for one in self._imports.values()}
        doomed = [path for path in self._folder.glob("*.list") if path.stem not in standing | spared]
        doomed += [path for path in self._folder.glob("*.draft") if path.stem not in spared]
        if doomed:
            await self.keys.destroy([path.stem for path in doomed])
        for path in doomed:
            path.unlink(missing_ok=True)
            self._open.pop(path.stem, None)
        return len(doomed)

    def _path(self, watchlist_id: str) -> Path:
        return self._folder / f"{watchlist_id}.list"


def _by_person(standing: ListFile) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in standing.entries():
        found.setdefault(entry.person.person_id, []).append(replace(entry, image=b"", vector=b""))
    return found


def _others(standing: ListFile, person_id: str) -> Iterator[Entry]:
    return (entry for entry in standing.entries() if entry.person.person_id != person_id)


def _bad(row: Row, why: str) -> RowResult:
    return RowResult(line=row.line, state=RowState.BAD, image=row.image, why=why)


def _alike(made: Import) -> list[RowResult]:
    """Rows whose image is like somebody else's on the list, or unlike the other images of the same person. A person looks at
    them: nobody is put together or apart by a score."""
    lines = [line for line, _, _ in made.vectors]
    owners = np.array([hash(person_id) for _, person_id, _ in made.vectors])
    numbers = np.stack([vector for _, _, vector in made.vectors])
    remarks: dict[int, list[str]] = {}
    for start in range(0, len(lines), BLOCK):
        scores = numbers[start : start + BLOCK] @ numbers.T
        same = owners[start : start + BLOCK, None] == owners[None, :]
        for at, other in np.argwhere((scores >= made.threshold) & ~same):
            said = remarks.setdefault(lines[start + at], [])
            if len(said) < MOST_REMARKS:
                said.append(f"it is like line {lines[other]}, listed as somebody else: is it one person twice?")
        unlike = (scores < made.threshold) & same
        for at in np.flatnonzero(unlike.any(axis=1) & (same.sum(axis=1) > 1)):
            remarks.setdefault(lines[start + at], []).append("it is unlike another image of the same person: is it theirs?")
    for line, said in remarks.items():
        made.results[line] = replace(made.results[line], remarks=(*made.results[line].remarks, *said))
    return [made.results[line] for line in sorted(remarks)]


def _disk(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"the list cannot be written ({error.strerror})", remedy="make room on the disk, and import again")
