"""Exports of one operation: put together, recorded, and only then given out.

What it takes: the footage is read through, the disclosure is entered into the ledger, the ledger is signed as it then stands,
and the entries about the footage are proven against that. Nothing of the pictures leaves before the entry is durable.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet import messages as m
from bowstreet.accountability import ledger
from bowstreet.accountability.authority import rules as authority
from bowstreet.accountability.authority.model import Authorisation, UseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.ledger import message_of
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.sealed import subject_of
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.errors import NotFound, NotPermitted, Refused
from bowstreet.runtime.ports import Clock, Ids, LogRow
from bowstreet.runtime.turns import in_turns
from bowstreet.video.evidence import copies, model, proofs
from bowstreet.video.evidence.at_rest import SUFFIX
from bowstreet.video.evidence.bundle import Bundle, Draft
from bowstreet.video.evidence.copies import RedactedCopies, expect_whole
from bowstreet.video.evidence.index import FootageIndex
from bowstreet.video.evidence.model import Contents, Copies, ExportedCopy, ExportedRecording, Leave
from bowstreet.video.recorder import FootageRecorder, Recording, RecordingState

log = structlog.get_logger(__name__)

NO_ONE: Mapping[str, str] = {}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be exported: footage of an incident (all of it, when no recordings are named), by whom, to whom."""

    incident_id: str
    by: str
    leave: Authorisation
    recipient: str
    recordings: tuple[str, ...] = ()
    people: Mapping[str, str] = NO_ONE
    copies: Copies = Copies.ORIGINAL


class Credentials(Protocol):
    """Makes a C2PA manifest for each video that one fits."""

    @property
    def says(self) -> str:
        """Whose certificate signs them, for the page to print."""
        ...

    async def made(
        self, index: FootageIndex, contents: Contents, copy: tuple[FootageIndex, ExportedCopy] | None = None
    ) -> Mapping[str, bytes]:
        """By the name of the video; of the redacted copy that was made of `index`, when one is given. One that cannot be made is
        left out, and logged."""
        ...


class Exporter:
    """Puts bundles together.

    Args:
        find_erased: says when and by which receipt a subject was erased; "" when it was not.
        redacted: where redacted copies come from; None gives out originals alone.
    """

    def __init__(
        self, recorder: Recorder, clock: Clock, ids: Ids, log_: TransparencyLog, footage: FootageRecorder,
        authorities: Authorities, *, operator: str, version: str, find_erased: Callable[[str], str] = lambda _: "",
        credentials: Credentials | None = None, redacted: RedactedCopies | None = None,
    ) -> None:  # fmt: skip
        self._recorder, self._clock, self._ids, self._log = recorder, clock, ids, log_
        self._footage, self._authorities = footage, authorities
        self._operator, self._version = operator, version
        self._find_erased, self._credentials, self._copies = find_erased, credentials, redacted

    def new_id(self) -> str:
        return self._ids.new("exp")

    def chosen(self, incident_id: str, recordings: Collection[str], which: Copies = Copies.ORIGINAL) -> list[Recording]:
        """The recordings that are to be exported, oldest first; all of the incident when none are named.

        Raises:
            NotFound: one that is named was erased, is of another incident, or never was; or it has no redacted copy.
            Refused: nothing of this incident is kept.
            Conflict: what is covered in a redacted copy was changed after it was made, or it is being made.
        """
        known = [one for one in self._footage.recordings.all() if one.incident_id == incident_id]
        for recording_id in recordings:
            if recording_id not in {one.recording_id for one in known}:
                raise self._gone(recording_id)
        found = [one for one in known if not recordings or one.recording_id in recordings]
        if not found:
            raise Refused(
                "no footage of this incident is kept: none was recorded, or its period is over and it was erased",
                remedy="GET /api/v1/retention has the receipts of what was erased; a legal hold keeps footage beyond its period",
            )
        if len(found) > model.MOST_RECORDINGS:
            raise Refused(f"more than {model.MOST_RECORDINGS} recordings at once", remedy="name some of them")
        if which is not Copies.ORIGINAL:
            for one in found:
                expect_whole(one, self._redacted.standing(one.recording_id))
        return sorted(found, key=lambda one: (one.started_at, one.recording_id))

    @property
    def _redacted(self) -> RedactedCopies:
        if self._copies is None:
            raise Refused("no redacted copies are made here", remedy="give out the original, or start the program with them")
        return self._copies

    def _gone(self, recording_id: str) -> NotFound:
        receipt = self._find_erased(recording_id)
        if receipt:
            return NotFound(f"recording '{recording_id}' {receipt}", remedy="nobody can give it out any more")
        return NotFound(f"there is no recording '{recording_id}' of this incident", remedy="look at the incident's recordings")

    async def make(self, export_id: str, order: Order) -> Bundle:
        """The bundle of an order, its disclosure on record.

        Raises:
            NotFound, Refused, Conflict: see `chosen`; or it was erased meanwhile.
            NotPermitted: the authority ended meanwhile.
            MalformedProof: a recording was changed on the disk, or has a part less than was recorded.
            StoreUnavailable, LedgerBroken: it cannot be recorded; then nothing is given out.
        """
        await self._footage.settle()  # what has ended is not given out as going on
        draft = await self._draft(export_id, order)
        self.chosen(order.incident_id, order.recordings, order.copies)  # what was changed meanwhile is not given out
        now = self._clock.now()
        if not authority.covers(
            self._authorities.get(order.leave.authorisation_id), UseCase.DISCLOSURE, order.incident_id, None, now
        ):
            raise NotPermitted("the authority ended while the export was made", remedy="request another")
        listed = draft.contents.recordings
        said = m.FootageDisclosed(
            at=now, export_id=export_id, subject_id=order.incident_id, by=order.by, authorisation_id=order.leave.authorisation_id,
            ground=order.leave.ground, recipient=order.recipient, recordings=tuple(one.recording_id for one in listed),
            digest=draft.digest, copies=order.copies.value,
        )  # fmt: skip
        await self._recorder.record(messages=[said])
        note = await self._log.publish(self._recorder.size, self._recorder.root, keep=True)
        first = proofs.first_line(note, self._log.transitions)
        stand = proofs.read_first(first, self._log.key, ())
        rows = await self._rows(stand.checkpoint.size, draft.contents, export_id)
        size = stand.checkpoint.size
        anchors = [proofs.anchor_of(row, await self._log.inclusion(row.index, size)) for row in rows]
        anchored = [proofs.read_anchor(one, stand) for one in anchors]
        return draft.finished(
            first, anchors, anchored=anchored, note=note, key=self._log.key, people=order.people,
            credential="" if self._credentials is None else self._credentials.says, version=self._version,
            attest=self._log.attest,
        )  # fmt: skip

    async def _draft(self, export_id: str, order: Order) -> Draft:
        leave = order.leave
        contents = Contents(
            export_id=export_id, incident_id=order.incident_id, made_at=self._clock.now(), operator=self._operator,
            recordings=(),
            leave=Leave(
                authorisation_id=leave.authorisation_id, authorised_by=leave.decided_by or "", by=order.by, ground=leave.ground,
                recipient=order.recipient, requested_by=leave.requested_by,
            ),
        )  # fmt: skip
        listed, indexes, credentials = list[ExportedRecording](), dict[str, FootageIndex](), dict[tuple[str, str], bytes]()
        for one in self.chosen(order.incident_id, order.recordings, order.copies):
            said, index = one.recording_id, await self._index(one)
            copied = None
            if order.copies is not Copies.ORIGINAL:
                copied = await asyncio.to_thread(copies.index_of, said, self._redacted)
                indexes[model.copy_folder(said)] = copied[0]
            indexes[said] = index
            now, withheld = self._footage.recordings.get(said), order.copies is Copies.REDACTED
            listed.append(replace(_listed(now, one, index), copy=copied[1] if copied else None, withheld=withheld))
            for folder, made in (await self._credited(index, copied, contents, withheld=withheld)).items():
                credentials |= {(folder, name): manifest for name, manifest in made.items()}
        return Draft(replace(contents, recordings=tuple(listed)), indexes, credentials)

    async def _credited(
        self, index: FootageIndex, copied: tuple[FootageIndex, ExportedCopy] | None, contents: Contents, *, withheld: bool
    ) -> Mapping[str, Mapping[str, bytes]]:
        """C2PA manifests by folder and name of the video."""
        made: dict[str, Mapping[str, bytes]] = {}
        if self._credentials is not None:
            if not withheld:
                made[index.recording_id] = await self._credentials.made(index, contents)
            if copied is not None:
                made[model.copy_folder(index.recording_id)] = await self._credentials.made(index, contents, copied)
        return made

    async def _index(self, one: Recording) -> FootageIndex:
        reach = self._footage.reach_of(one)
        path, key = self._footage.path_of(one.recording_id, SUFFIX), self._footage.key_of(one.recording_id)
        if reach.parts:
            self._footage.opened(one.recording_id)
        return await asyncio.to_thread(
            FootageIndex, one.recording_id, path, key, reach.parts, lambda: one.recording_id in self._footage.recordings
        )

    async def _rows(self, size: int, contents: Contents, export_id: str) -> list[LogRow]:
        """The entries about what is exported: the record is read through, in bounded memory but for what is found."""
        reach = {one.recording_id: one for one in contents.recordings}
        wanted = {*reach, contents.leave.authorisation_id}
        found = []
        async for row in in_turns(self._recorder.store.log_rows(0, size)):
            if subject_of(row) in wanted and ledger.read_entry(row.entry).kind in proofs.KINDS:
                message = message_of(row)
                if _belongs(message, reach, export_id):
                    found.append(row)
        heads = {one.recording_id: one.copy.head for one in contents.recordings if one.copy is not None}
        acts = copies.acts_of(found, heads)
        return [row for row in found if row.index in acts or not isinstance(message_of(row), copies.KINDS)]


def _belongs(message: m.Message | None, reach: Mapping[str, ExportedRecording], export_id: str) -> bool:
    """What came after the parts that are exported is left out, and other exports under the same authority are."""
    if isinstance(message, m.FootageDisclosed):
        return message.export_id == export_id
    if isinstance(message, copies.KINDS):
        return reach[message.recording_id].copy is not None
    if isinstance(message, m.RecordingClosed):
        return not reach[message.recording_id].running
    if isinstance(message, m.RecordingAnchored):
        return message.parts <= reach[message.recording_id].parts
    return True


def _listed(now: Recording, begun: Recording, index: FootageIndex) -> ExportedRecording:
    """`begun` is how it stood when its reach was read: one that was closed since is exported as it ran."""
    running = begun.state is RecordingState.OPEN
    chain = index.reach
    return ExportedRecording(
        closed_at=None if running else now.closed_at, dropped=now.dropped, files=(), head=chain.head.hex(),
        incident_id=now.incident_id, mission_id=now.mission_id, octets=chain.octets, parts=chain.parts,
        recording_id=now.recording_id, running=running, source_id=now.source_id, started_at=now.started_at,
        vehicle_id=now.vehicle_id, why_closed="" if running else now.why_closed,
    )  # fmt: skip
