"""Checkpoints that others have of this log, held against the record: what finds a log that shows two histories.

A checkpoint that bears the log's own signature and does not fit the record is proof, whoever brings it: a witness that is asked,
or anybody who kept one. It is entered into the record and shown to the public; it is never taken back.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.note import Note, VerifierKey
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.errors import BadInput, LinkFailure, MalformedProof
from bowstreet.messages import ForkSeen
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

PUBLIC = "public"
# The first prove it; a program that signs two histories all day need not fill its own disk with the proof.
MOST_FORKS = 100


class Remembers(Protocol):
    """A witness that can be asked for the latest that it signed."""

    @property
    def key(self) -> VerifierKey: ...

    async def latest(self, origin: str) -> Note | None:
        """Raises `LinkFailure` when it does not answer as it should; None when it has signed nothing of this log."""
        ...


class Fork(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that does not fit. `note` is it, whole: anyone can check its signature."""

    fork_id: str
    source: str
    seen_at: datetime
    size: int
    root: str
    ours: str
    note: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a witness said when it was last asked. `problem` is why it said nothing that counts, "" when it did."""

    witness: str
    at: datetime
    size: int = 0
    agrees: bool = False
    problem: str = ""


class Gossip:
    """Asks, compares and remembers."""

    def __init__(self, recorder: Recorder, log_: TransparencyLog, clock: Clock, witnesses: Sequence[Remembers] = ()) -> None:
        self._recorder, self._log, self._clock, self._witnesses = recorder, log_, clock, witnesses
        self.forks: Collection[Fork] = Collection("fork", Fork, id_of=lambda one: one.fork_id)
        self.asked: dict[str, Asked] = {}

    async def load(self, store: Store) -> None:
        await self.forks.load(store)

    async def pull(self) -> None:
        """Ask every witness for the latest that it signed, and hold it against the record."""
        for witness in self._witnesses:
            self.asked[witness.key.name] = await self._ask(witness)

    async def _ask(self, witness: Remembers) -> Asked:
        name, now = witness.key.name, self._clock.now()
        try:
            note = await witness.latest(self._log.key.name)
            if note is None:
                return Asked(witness=name, at=now, problem="has signed nothing of this log yet")
            if checkpoints.cosigned_by(note, witness.key) is None:
                return Asked(witness=name, at=now, problem="gives a checkpoint without its own signature")
            agrees = await self.compare(note, name)
        except (LinkFailure, BadInput, MalformedProof) as error:
            log.warning("a witness gave no checkpoint", witness=name, error=error.message)
            return Asked(witness=name, at=now, problem=error.message)
        return Asked(witness=name, at=now, size=checkpoints.read_text(note.text).size, agrees=agrees)

    async def compare(self, note: Note, source: str = PUBLIC) -> bool:
        """Whether the record continues a checkpoint that somebody has. One that it does not is recorded.

        Raises:
            MalformedProof: it is no checkpoint.
            BadInput: it is of another log, or this log's key did not sign it: then it proves nothing.
        """
        said = checkpoints.read_text(note.text)
        if said.origin != self._log.key.name or not any(notes.signed_by(note, key) for key in self._log.keys):
            raise BadInput("this log's key did not sign that checkpoint", remedy="copy it whole, with its signature lines")
        ours = await self._root_at(said.size)
        if ours == said.root.hex():
            return True
        fork_id = "frk-" + hashlib.sha256(note.text.encode()).hexdigest()[:26].upper()
        log.error("a signed checkpoint does not fit the record", source=source, size=said.size)
        if self.forks.find(fork_id) is None and len(self.forks) < MOST_FORKS:
            now = self._clock.now()
            fork = Fork(
                fork_id=fork_id, source=source, seen_at=now, size=said.size, root=said.root.hex(), ours=ours,
                note=note.write().decode(),
            )  # fmt: skip
            told = ForkSeen(at=now, fork_id=fork_id, source=source, size=said.size, root=fork.root, ours=ours)
            await self._recorder.record(save=[(self.forks, fork)], messages=[told])
        return False

    async def _root_at(self, size: int) -> str:
        """Hex; "" when the record has fewer entries."""
        if size > self._recorder.size:
            return ""
        return (await self._log.tree(size)).root().hex()
