"""A store whose personal parts are sealed: what the ledger's entries commit to, and the bodies of records about people.

It stands before a store and is one itself, so that nothing above it knows. Each subject's parts are sealed under a data key of
its own (`vault`); where the key was destroyed, the payload is erased and the record is no more, whatever copy it is read from.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

import msgspec
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from bowstreet.accountability.ledger import SEALED, is_sealed
from bowstreet.accountability.vault import Keyring, Vault, seal, unseal
from bowstreet.errors import StoreUnavailable
from bowstreet.runtime.ports import Batch, LogRow, OutboxRow, Record, Store

log = structlog.get_logger(__name__)

# Kinds of record that hold what somebody said, or who somebody is. The rest holds ids, places of drones and moments.
# A decision bears its incident's id, and is erased with it: it has the reason that a person typed.
# Secrets are no personal data, but lie in every copy just as they do.
SECRET_KINDS = frozenset({"vehicle-secret", "evidence-key", "push-key"})
SEALED_KINDS = SECRET_KINDS | frozenset(
    {
        "incident", "decision", "quarantine", "account", "public-request", "passkeys", "officer-link", "redaction", "alert",
        "probe", "push-subscription",
    }
)  # fmt: skip
SALT_BYTES = 32


class _Subject(msgspec.Struct, gc=False):
    subject: str


_read_subject = msgspec.json.Decoder(_Subject).decode


class SealedStore:
    """`Store` over another one, with a vault."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    async def commit(self, batch: Batch) -> None:
        subjects = {record.id for record in batch.puts if record.kind in SEALED_KINDS}
        subjects.update(subject_of(row) for row in batch.log if row.payload is not None)
        if subjects:
            keys = await self._vault.keys_for(subjects)
            batch = replace(
                batch,
                puts=[_sealed_record(one, keys) if one.kind in SEALED_KINDS else one for one in batch.puts],
                log=[sealed_row(row, keys[subject_of(row)]) if row.payload is not None else row for row in batch.log],
            )
        await self._store.commit(batch)

    async def get(self, kind: str, id: str) -> Record | None:  # noqa: A002 - the field's own name
        record = await self._store.get(kind, id)
        return None if record is None else opened_record(record, self._vault)

    async def find(self, kind: str, states: Sequence[str] | None = None) -> list[Record]:
        found = await self._store.find(kind, states)
        if kind not in SEALED_KINDS:
            return found
        return [opened for record in found if (opened := opened_record(record, self._vault)) is not None]

    async def log_size(self) -> int:
        return await self._store.log_size()

    async def log_rows(self, start: int = 0, stop: int | None = None) -> AsyncIterator[LogRow]:
        async for row in self._store.log_rows(start, stop):
            yield opened_row(row, self._vault)

    async def erase_payload(self, index: int) -> None:
        await self._store.erase_payload(index)

    async def settle(self) -> None:
        await self._store.settle()

    async def outbox_pending(self) -> list[OutboxRow]:
        return await self._store.outbox_pending()

    async def outbox_delivered(self, outbox_ids: Sequence[str]) -> None:
        await self._store.outbox_delivered(outbox_ids)

    async def close(self) -> None:
        """The store and the vault."""
        await self._store.close()
        await self._vault.close()


def opened_record(record: Record, keyring: Keyring) -> Record | None:
    """A record as it was saved; None when its key was destroyed. Raises `StoreUnavailable` when it was changed since."""
    if record.kind not in SEALED_KINDS:
        return record
    key = keyring.find(record.id)
    if key is None:
        log.info("a record whose key was destroyed is passed over", kind=record.kind)
        return None
    return replace(record, body=unseal(key, record.body, _place(record)))


def subject_of(row: LogRow) -> str:
    """Whom or what an entry is about."""
    return _read_subject(row.entry).subject


def sealed_row(row: LogRow, key: AESGCM) -> LogRow:
    """Salt and payload go together, and the place of the entry is bound to them."""
    assert row.payload is not None
    assert row.salt is not None
    return replace(row, payload=SEALED + seal(key, row.salt + row.payload, _index(row)), salt=None)


def opened_row(row: LogRow, keyring: Keyring) -> LogRow:
    """A row as it was recorded; one whose key was destroyed without payload and salt, as if they had been erased.

    What was changed since is given with an empty salt, which no entry commits to: the verifier names it.
    """
    if not is_sealed(row) or row.payload is None:
        return row
    try:
        key = keyring.find(subject_of(row))
        if key is None:
            return replace(row, payload=None)
        plain = unseal(key, row.payload.removeprefix(SEALED), _index(row))
    except (StoreUnavailable, msgspec.DecodeError):
        return replace(row, salt=b"")
    return replace(row, salt=plain[:SALT_BYTES], payload=plain[SALT_BYTES:])


def opened_rows(rows: Iterable[LogRow], keyring: Keyring) -> Iterator[LogRow]:
    for row in rows:
        yield opened_row(row, keyring)


def _sealed_record(record: Record, keys: dict[str, AESGCM]) -> Record:
    return replace(record, body=seal(keys[record.id], record.body, _place(record)))


def _place(record: Record) -> bytes:
    return f"record {record.kind} {record.id} {record.version}".encode()


def _index(row: LogRow) -> bytes:
    return b"entry %d" % row.index
