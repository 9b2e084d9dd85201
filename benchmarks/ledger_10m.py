"""Ten million entries verified in bounded memory: a record and its bundle, each by a process of its own whose peak is measured.

It needs 6 GB of free disk and ten minutes, so it runs only when asked: `make bench ARGS=ledger_10m`. The entries are
made by the ledger's own functions and put in through the store, a hundred thousand a commit; all is deleted afterwards.
BOWSTREET_ENTRIES makes it shorter.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bowstreet.accountability import bundle, ledger
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.merkle import NO_LINK, leaf_hash, link
from bowstreet.accountability.note import PLAIN, SoftwareSigner, VerifierKey
from bowstreet.accountability.recorder import seeded_salts
from bowstreet.accountability.tiles import GrowingTree
from bowstreet.messages import IncidentChanged
from bowstreet.runtime.ports import Batch, LogRow
from bowstreet.runtime.sqlite import SqliteStore

ENTRIES = int(os.environ.get("BOWSTREET_ENTRIES", "10000000"))
COMMIT = 100_000
START = datetime(2026, 11, 23, 15, tzinfo=UTC)
ORIGIN = "bowstreet.example/ten-million"
SIGNER = SoftwareSigner(bytes(range(32)))
KEY = VerifierKey(name=ORIGIN, kind=PLAIN, public_key=SIGNER.public_key)
RECORD, BUNDLE = "record.db", "x.bundle"

VERIFY = """
import json, re, sys, time
from pathlib import Path
from bowstreet.accountability import bundle
from bowstreet.accountability.audit import verify_data
path = Path(sys.argv[1])
begun, used = time.perf_counter(), time.process_time()
found = verify_data(path).verification if path.is_dir() else bundle.verify(path)
# VmHWM begins with this program; what getrusage tells is also its parent's.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024
print(json.dumps({"ok": found.ok, "entries": found.entries, "root": found.root, "s": time.perf_counter() - begun,
    "core_s": time.process_time() - used, "peak_mb": peak}))
"""


def _rows(tree: GrowingTree) -> Iterator[LogRow]:
    last, salts = NO_LINK, seeded_salts(1)
    for index in range(ENTRIES):
        at = START + timedelta(milliseconds=100 * index)
        message = IncidentChanged(at=at, incident_id=f"inc-{index:020}", state="open")
        payload, salt = ledger.payload_of(message), salts(ledger.SALT_BYTES)
        entry = ledger.entry_of(message, index, payload, salt)
        leaf = leaf_hash(entry)
        last = link(last, leaf)
        tree.append(leaf)
        yield LogRow(index=index, entry=entry, leaf_hash=leaf, link=last, payload=payload, salt=salt)


async def _build(folder: Path) -> bytes:
    store, tree = SqliteStore(folder / RECORD), GrowingTree()
    part: list[LogRow] = []
    for row in _rows(tree):
        part.append(row)
        if len(part) == COMMIT or row.index == ENTRIES - 1:
            await store.commit(Batch(log=part))
            await store.settle()
            part = []
    await store.close()
    return tree.root()


def _bundle(folder: Path, root: bytes) -> None:
    """The same entries again, without the record: both together would need the disk twice."""
    note = checkpoints.sign(Checkpoint(origin=ORIGIN, size=ENTRIES, root=root), ORIGIN, SIGNER)
    with (folder / BUNDLE).open("wb") as out:
        bundle.write(out, _rows(GrowingTree()), note, KEY, SIGNER, made_at=START, version="0")


def _verified(path: Path, root: bytes) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", VERIFY, str(path)], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found.pop("ok"), found.pop("entries"), found.pop("root")) == (True, ENTRIES, root.hex())
    return {**found, "entries_per_s": ENTRIES / found["core_s"]}


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bowstreet-ledger-") as name:
        folder, begun = Path(name), time.perf_counter()
        root = asyncio.run(_build(folder))
        figures: dict[str, Any] = {"entries": ENTRIES, "built_in_s": time.perf_counter() - begun}
        figures["record"] = {"gb": (folder / RECORD).stat().st_size / 1e9, **_verified(folder, root)}
        (folder / RECORD).unlink()
        _bundle(folder, root)
        figures["bundle"] = {"gb": (folder / BUNDLE).stat().st_size / 1e9, **_verified(folder / BUNDLE, root)}
        return figures
