"""What an auditor reads from a file that somebody else wrote: entries, payloads, checkpoints. Whatever the bytes, a verdict."""

import contextlib
import tempfile
from pathlib import Path

from bowstreet.accountability import ledger, published
from bowstreet.accountability.merkle import NO_LINK, leaf_hash, link
from bowstreet.accountability.verify import verify_rows
from bowstreet.runtime import wire
from bowstreet.runtime.ports import LogRow

ENTRY = (
    b'{"at":"2026-11-23T15:00:00Z","commitment":"f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2",'
    b'"index":0,"kind":"IncidentChanged","subject":"inc-1","v":1}'
)
PAYLOAD = b'{"at":"2026-11-23T15:00:00Z","incident_id":"inc-1","reason":"","state":"open","type":"IncidentChanged"}'
CHECKPOINT = b'{"at":"2026-11-23T15:00:00Z","size":1,"root":"f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2"}\n'
SEEDS = [ENTRY, PAYLOAD, CHECKPOINT * 2]


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert leaf_hash(data) != leaf_hash(ENTRY) or ledger.read_entry(data).index == 0
    with contextlib.suppress(ValueError):
        wire.decode(data)
    half = len(data) // 2
    row = LogRow(
        index=0,
        entry=data[:half],
        leaf_hash=leaf_hash(data[:half]),
        link=link(NO_LINK, leaf_hash(data[:half])),
        payload=data[half:],
        salt=b"",
    )
    found = verify_rows([row])
    if found.ok and b"commitment" not in data:
        raise AssertionError("what is no entry was verified")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / published.FILE).write_bytes(data)
        roots, _ = published.read(Path(folder))
        verify_rows([], checkpoints=roots)
