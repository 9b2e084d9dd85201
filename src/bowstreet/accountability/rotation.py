"""Changing keys: the master key, and the key that signs the log. Each is ordered on record before it is done.

What is to take the place of something is first written whole beside it, so that after kill -9 at any step the next start
(`Rotation.finish`) either goes through with what is on record or drops what is not.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import key_source, transition
from bowstreet.accountability.keys import MasterKey, new_key
from bowstreet.accountability.ledger import read_entry
from bowstreet.accountability.note import Signer, SoftwareSigner
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.transition import Transition
from bowstreet.accountability.transparency_log import Published, TransparencyLog, Witness
from bowstreet.accountability.vault import Vault
from bowstreet.errors import KeyUnavailable, LedgerBroken, MalformedProof, Refused, StoreUnavailable
from bowstreet.messages import LogKeyChanged, MasterKeyChanged
from bowstreet.runtime import durable
from bowstreet.runtime.ports import Store

# While a change is under way: what is to take the place of what.
MASTER_PENDING = "keys/master.change"
LOG_PENDING = "keys/log.key.change"
TRANSITIONS = "key-transitions.jsonl"

OnStep = Callable[[str], None]
T = TypeVar("T")


class _MasterPending(msgspec.Struct, frozen=True, kw_only=True):
    old: str
    new: str
    log_key: str  # the log's key under the new master key, hex; "" when there is none


class _LogPending(msgspec.Struct, frozen=True, kw_only=True):
    seed: str  # the log's next key under the master key, hex
    note: str


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    note: str


def transitions_of(folder: Path) -> tuple[Transition, ...]:
    """Every change of the log's key, in order.

    Raises:
        LedgerBroken: one of them cannot be read.
    """
    path = folder / TRANSITIONS
    if not path.exists():
        return ()
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line]
        return tuple(transition.read(msgspec.json.decode(line, type=_Line).note) for line in lines)
    except (MalformedProof, msgspec.DecodeError, OSError) as error:
        raise LedgerBroken(
            f"{path}, which tells how the log's key was changed, cannot be read ({error})",
            remedy="put back a copy of it, or its notes from /log/key-transitions of a copy of the public log",
        ) from error


def open_log(
    folder: Path, store: Store, origin: str, master: MasterKey, published: Published, witnesses: Sequence[Witness] = ()
) -> TransparencyLog:
    """The log of a data directory with its present key, made now if the log is new.

    Raises:
        KeyUnavailable: the key is lost, or not under this master key.
    """
    last = published.last()
    began = last is not None and checkpoints.read_text(last.text).origin == origin
    seed = key_source.load_signing_key(folder / key_source.LOG_KEY_FILE, master, may_make=not began)
    return TransparencyLog(
        store, origin, SoftwareSigner(seed), published, witnesses,
        transitions=[one for one in transitions_of(folder) if one.new.name == origin],
    )  # fmt: skip


class Rotation:
    """Changes the keys of one data directory, which this process holds.

    Args:
        published: where the log's checkpoints are kept.
        witnesses: are asked for the checkpoint that both keys sign.
        on_step: told the name of each step once it is durable.
    """

    def __init__(
        self,
        folder: Path,
        recorder: Recorder,
        published: Published,
        witnesses: Sequence[Witness] = (),
        on_step: OnStep = lambda step: None,
    ) -> None:
        self._folder, self._recorder, self._published, self._witnesses = folder, recorder, published, witnesses
        self._on_step = on_step
        self._log_key = folder / key_source.LOG_KEY_FILE

    # --- the master key -------------------------------------------------------------------------------------------------

    async def master(self, vault: Vault, old: MasterKey, new: MasterKey) -> int:
        """Put all keys under another master key; gives how many data keys there were. The old one opens nothing more here.

        Raises:
            Refused: it is the same key.
            KeyUnavailable: one of the two does not answer.
            StoreUnavailable: a step cannot be made durable; the next start goes on from there.
        """
        if old.name == new.name:
            raise Refused(f"the data are under the master key {new.name} already", remedy="name another key with --to")
        log_key = ""
        if self._log_key.exists():
            seed = key_source.load_signing_key(self._log_key, old)
            log_key = key_source.wrapped_signing_key(self._log_key, seed, new).hex()
        pending = _MasterPending(old=old.name, new=new.name, log_key=log_key)
        _written(self._folder / MASTER_PENDING, msgspec.json.encode(pending))
        self._on_step("prepared")
        await self._told(pending, "ordered")
        self._on_step("ordered")
        count = await vault.rewrap(new)
        self._on_step("data keys wrapped")
        await self._finish_master(pending)
        return count

    async def _finish_master(self, pending: _MasterPending) -> None:
        if pending.log_key:
            _written(self._log_key, key_source.as_file(bytes.fromhex(pending.log_key)))
        self._on_step("log key wrapped")
        await self._told(pending, "done")
        self._on_step("recorded")
        _removed(self._folder / MASTER_PENDING)
        self._on_step("done")

    async def _told(self, pending: _MasterPending, state: str) -> None:
        now = self._recorder.clock.now()
        await self._recorder.record(messages=[MasterKeyChanged(at=now, old=pending.old, new=pending.new, state=state)])

    # --- the log's key --------------------------------------------------------------------------------------------------

    async def log_key(self, origin: str, master: MasterKey) -> Transition:
        """Give the log a new key under the same origin; the old one is gone once both have signed the change and a checkpoint.

        Raises:
            KeyUnavailable: the old key cannot be read.
            StoreUnavailable: a step cannot be made durable; the next start goes on from there, or drops what is not on record.
        """
        old, seed = SoftwareSigner(key_source.load_signing_key(self._log_key, master)), new_key()
        change = transition.make(origin, old, SoftwareSigner(seed), self._recorder.size)
        pending = _LogPending(seed=master.wrap(seed, LOG_PENDING.encode()).hex(), note=change.note)
        _written(self._folder / LOG_PENDING, msgspec.json.encode(pending))
        self._on_step("prepared")
        await self._recorder.record(
            messages=[
                LogKeyChanged(at=self._recorder.clock.now(), digest=change.digest, old=change.old.write(), new=change.new.write())
            ]
        )
        self._on_step("recorded")
        await self._finish_log_key(master, change, seed)
        return change

    async def _finish_log_key(self, master: MasterKey, change: Transition, seed: bytes) -> None:
        present, new = SoftwareSigner(key_source.load_signing_key(self._log_key, master)), SoftwareSigner(seed)
        if present.public_key != new.public_key:
            if change not in transitions_of(self._folder):
                _added(self._folder / TRANSITIONS, msgspec.json.encode(_Line(note=change.note)))
            self._on_step("change published")
            await self._sign_by_both(change.new.name, present, new)
            self._on_step("checkpoint signed by both")
            _written(self._log_key, key_source.as_file(key_source.wrapped_signing_key(self._log_key, seed, master)))
        self._on_step("key replaced")
        _removed(self._folder / LOG_PENDING)
        self._on_step("done")

    async def _sign_by_both(self, origin: str, old: Signer, new: Signer) -> None:
        log = TransparencyLog(self._recorder.store, origin, new, self._published, self._witnesses, outgoing=old)
        await log.open()
        await log.publish(self._recorder.size, self._recorder.root, keep=True)

    # --- after a crash --------------------------------------------------------------------------------------------------

    async def finish(self, master: MasterKey) -> None:
        """Go through with what is on record, drop what is not. At each start, once the vault opened under `master`.

        Raises:
            KeyUnavailable: what was prepared cannot be read.
        """
        wrapped = _read(self._folder / MASTER_PENDING, _MasterPending)
        if wrapped is not None:
            if wrapped.new == master.name:
                await self._finish_master(wrapped)
            else:  # the data keys never moved: the vault opened under another
                _removed(self._folder / MASTER_PENDING)
        pending = _read(self._folder / LOG_PENDING, _LogPending)
        if pending is not None:
            change = transition.read(pending.note)
            if await self._recorded(change):
                await self._finish_log_key(master, change, master.unwrap(bytes.fromhex(pending.seed), LOG_PENDING.encode()))
            else:
                _removed(self._folder / LOG_PENDING)

    async def _recorded(self, change: Transition) -> bool:
        async for row in self._recorder.store.log_rows(change.index, change.index + 1):
            entry = read_entry(row.entry)
            return entry.kind == transition.ENTRY_KIND and entry.subject == change.digest
        return False


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise KeyUnavailable(
            f"{path}, a change of keys under way, cannot be read ({error})", remedy="put back a copy of it"
        ) from error


def _written(path: Path, data: bytes) -> None:
    try:
        durable.write_whole(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _added(path: Path, line: bytes) -> None:
    try:
        durable.add_line(path, line)
    except OSError as error:
        raise _unwritable(path, error) from error


def _removed(path: Path) -> None:
    try:
        durable.remove(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"{path} cannot be written ({error.strerror})", remedy="free some space, or mend its rights")
