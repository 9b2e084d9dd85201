"""What is held of a subject, opened: for an authorised disclosure, a subject access request above all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from bowstreet.accountability import ledger
from bowstreet.accountability.authority.model import Authorisation
from bowstreet.accountability.processing.model import Recipient
from bowstreet.accountability.processing.rules import RECIPIENTS
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.sealed import SEALED_KINDS, SECRET_KINDS, subject_of
from bowstreet.messages import Disclosed
from bowstreet.runtime.ports import Store
from bowstreet.runtime.turns import in_turns


class HeldRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record, as it stands."""

    kind: str
    body: dict[str, Any]


class HeldEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger entry about the subject, with what it commits to; None when that was erased."""

    index: int
    at: datetime
    kind: str
    payload: dict[str, Any] | None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """All that is held under a subject's id."""

    subject_id: str
    records: Sequence[HeldRecord]
    entries: Sequence[HeldEntry]


async def disclose_of(
    recorder: Recorder, subject_id: str, by: str, leave: Authorisation, recipient: Recipient | None = None
) -> Held:
    """All that is held of a subject, to be given out; that it is, to whom and why, is on record before.

    Args:
        recipient: when it is another than whom the ground is about.
    """
    held = await held_of(recorder.store, subject_id)
    said = Disclosed(
        at=recorder.clock.now(), subject_id=subject_id, by=by, authorisation_id=leave.authorisation_id,
        parts=len(held.records) + len(held.entries), ground=leave.ground, recipient=recipient or RECIPIENTS[leave.ground],
    )  # fmt: skip
    await recorder.record(messages=[said])
    return held


async def held_of(store: Store, subject_id: str) -> Held:
    """Read the record through, in bounded memory but for what is found."""
    records = [
        HeldRecord(kind=kind, body=_shown(found.body))
        for kind in sorted(SEALED_KINDS - SECRET_KINDS)
        if (found := await store.get(kind, subject_id)) is not None
    ]
    entries = []
    async for row in in_turns(store.log_rows()):
        if subject_of(row) == subject_id:
            entry = ledger.read_entry(row.entry)
            payload = None if row.payload is None else _shown(row.payload)
            entries.append(HeldEntry(index=entry.index, at=entry.at, kind=entry.kind, payload=payload))
    return Held(subject_id=subject_id, records=records, entries=entries)


def _shown(body: bytes) -> dict[str, Any]:
    """Without the hash of a password, which is of use only to a guesser."""
    read: dict[str, Any] = msgspec.json.decode(body)
    read.pop("password_hash", None)
    return read
