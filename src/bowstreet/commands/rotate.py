"""`bowstreet audit rotate`: another master key, or another key for the log."""

import argparse
import asyncio
from pathlib import Path

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import key_source
from bowstreet.accountability.audit import find_record
from bowstreet.accountability.keys import MasterKey
from bowstreet.accountability.published import PublishedFile
from bowstreet.accountability.recorder import Recorder, last_moment
from bowstreet.accountability.rotation import Rotation, open_log
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import Vault, open_vault
from bowstreet.commands.output import DEFAULT_DATA, say
from bowstreet.errors import KeyUnavailable, NotFound
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.directory import DataDirectory
from bowstreet.runtime.sqlite import SqliteStore


def rotate(arguments: argparse.Namespace) -> int:
    """Refused while the program runs on the data directory."""
    folder: Path = find_record(arguments.data or DEFAULT_DATA).parent
    held = DataDirectory(folder)
    try:
        asyncio.run(_log_key(folder, arguments.master_key) if arguments.log_key else _master(folder, arguments))
    finally:
        held.release()
    return 0


async def _master(folder: Path, arguments: argparse.Namespace) -> None:
    new = key_source.load(arguments.to, folder)
    old, vault = _present(folder, arguments.master_key, new)
    async with _Opened(folder, vault) as opened:
        await opened.rotation.finish(old)
        if old.name != new.name:
            count = await opened.rotation.master(vault, old, new)
            say(f"{count:,} data keys and the log's key are under {new.name} now, and on record")
        else:
            say(f"the data are under {new.name}")
    say(f"from now on give '{arguments.to}' as [ledger] master_key, or as --master-key")
    say("the old key still opens old copies of keys.db: destroy both when no backup needs them")


def _present(folder: Path, source: str, new: MasterKey) -> tuple[MasterKey, Vault]:
    """The master key that the data are under: the one that was given, or the new one when a rotation was broken off."""
    try:
        old = key_source.load(source, folder)
        return old, open_vault(folder, old)
    except KeyUnavailable as error:
        try:
            return new, open_vault(folder, new)
        except KeyUnavailable:
            raise error from None


async def _log_key(folder: Path, source: str) -> None:
    master = key_source.load(source, folder)
    async with _Opened(folder, open_vault(folder, master)) as opened:
        await opened.rotation.finish(master)
        last = opened.published.last()
        if last is None:
            raise NotFound(f"{folder} has no signed checkpoint", remedy="start the program on it once")
        origin = checkpoints.read_text(last.text).origin
        await open_log(folder, opened.store, origin, master, opened.published).open()
        change = await opened.rotation.log_key(origin, master)
    say(f"the log's key is {change.new.write()} from entry {change.index} on; the old one signed for it and is destroyed")
    say(
        "give it to the witnesses (bowstreet audit witness --log); whoever knows the old key is led to it by /log/key-transitions"
    )


class _Opened:
    """The record, held for writing without the program."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder = folder
        self.store = SealedStore(SqliteStore(folder / "record.db"), vault)

    async def __aenter__(self) -> "_Opened":
        clock = SystemClock(await last_moment(self.store))
        self.published = PublishedFile(self.folder, clock)
        self._recorder = Recorder(self.store, InlineBus(), clock)
        await self._recorder.open()
        self.rotation = Rotation(self.folder, self._recorder, self.published)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._recorder.flush()
        await self.store.close()
