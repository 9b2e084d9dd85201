"""A bundle verifies anywhere, and one changed byte in it is found and named."""

import bisect
import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bowstreet.accountability import bundle, ledger
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.merkle import NO_LINK, leaf_hash, link, root_of
from bowstreet.accountability.note import COSIGNATURE, PLAIN, Note, SoftwareSigner, VerifierKey
from bowstreet.errors import LedgerBroken
from bowstreet.messages import IncidentChanged
from bowstreet.runtime.ports import LogRow

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORIGIN = "bowstreet.example/islington"
LOG, WITNESS, STRANGER = (SoftwareSigner(bytes([number] * 32)) for number in (1, 2, 3))
KEY = VerifierKey(name=ORIGIN, kind=PLAIN, public_key=LOG.public_key)
WITNESS_KEY = VerifierKey(name="regulator.example/w", kind=COSIGNATURE, public_key=WITNESS.public_key)


def ledger_of(count: int, word: str = "said") -> list[LogRow]:
    rows, last = [], NO_LINK
    for number in range(count):
        message = IncidentChanged(at=AT, incident_id=f"inc-{number}", state="open", reason=f"{word} {number} \u2713")
        payload, salt = ledger.payload_of(message), bytes([number % 256] * 32)
        entry = ledger.entry_of(message, number, payload, salt)
        leaf = leaf_hash(entry)
        last = link(last, leaf)
        rows.append(LogRow(index=number, entry=entry, leaf_hash=leaf, link=last, payload=payload, salt=salt))
    return rows


def published(rows: list[LogRow], size: int | None = None, *, witnessed: bool = False) -> Note:
    size = len(rows) if size is None else size
    root = root_of(row.leaf_hash for row in rows[:size])
    note = checkpoints.sign(Checkpoint(origin=ORIGIN, size=size, root=root), ORIGIN, LOG)
    if not witnessed:
        return note
    line = checkpoints.cosign(note.text, WITNESS_KEY.name, WITNESS, AT)
    return Note(text=note.text, signatures=(*note.signatures, line))


def written(rows: list[LogRow], note: Note | None = None) -> bytes:
    out = io.BytesIO()
    bundle.write(out, rows, note or published(rows), KEY, LOG, made_at=AT, version="0")
    return out.getvalue()


def verified(data: bytes, folder: Path, **more: object) -> bundle.Finding:
    path = folder / "x.bundle"
    path.write_bytes(data)
    assert bundle.is_bundle(path), "what was changed in its first bytes is still read as a bundle, so that this is said of it"
    return bundle.verify(path, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 256, 700])
def test_it_verifies_and_says_what_it_proves(count: int, tmp_path: Path) -> None:
    rows = ledger_of(count)
    found = verified(written(rows), tmp_path, keys=[KEY])
    assert (found.ok, found.entries, found.erased, found.key_known) == (True, count, 0, True)
    assert found.root == root_of(row.leaf_hash for row in rows).hex()
    words = bundle.says(found)
    assert "Not proven" in words
    assert "no witness" in words
    assert "Whose key" not in words


def test_what_came_after_the_checkpoint_is_left_out(tmp_path: Path) -> None:
    rows = ledger_of(40)
    assert verified(written(rows, published(rows, 30)), tmp_path).entries == 30


def test_a_record_that_is_not_the_checkpoints_makes_no_bundle() -> None:
    rows = ledger_of(40)
    with pytest.raises(LedgerBroken):
        written(rows[:20], published(rows))
    with pytest.raises(LedgerBroken):
        written(ledger_of(40, "another story"), published(rows))


def test_every_changed_byte_is_found_and_its_line_named(tmp_path: Path) -> None:
    data = written(ledger_of(12), published(ledger_of(12), witnessed=True))
    rng = random.Random(1)
    for at in range(len(data)):
        bent = bytearray(data)
        bent[at] ^= 1 << rng.randrange(8)
        found = verified(bytes(bent), tmp_path, keys=[KEY])
        assert not found.ok, at
        line = data.count(b"\n", 0, at) + 1
        assert found.line is not None
        assert abs(found.line - line) <= 1, (at, found.line, line)  # a newline bent belongs to either
        if 2 <= line <= 13 and data[at] != 0x0A:
            assert found.entry == line - 2
            assert f"line {line}" in bundle.says(found)


def test_cut_anywhere_or_longer_by_a_byte(tmp_path: Path) -> None:
    data = written(ledger_of(4), published(ledger_of(4), witnessed=True))
    for size in range(len(data)):
        found = verified(data[:size], tmp_path, keys=[KEY])
        assert not found.ok, size
        assert found.line is not None
        assert abs(found.line - data.count(b"\n", 0, size) - 1) <= 1, size
    for more in (b"\n", b" ", b"x", b"\x00", data, data.splitlines(keepends=True)[-1]):
        assert verified(data + more, tmp_path, keys=[KEY]).what == "something was added after the end"
        assert not verified(more + data, tmp_path, keys=[KEY]).ok


def test_changed_bytes_all_over_a_big_one(tmp_path: Path) -> None:
    data = written(ledger_of(5_000))
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 0x0A)]
    rng = random.Random(7)
    path = tmp_path / "big"
    for at in rng.sample(range(len(data)), 60):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        found = bundle.verify(path, keys=[KEY])
        line = bisect.bisect_right(starts, at)
        assert (found.ok, found.line in (line, line + 1)) == (False, True), (at, found)


@pytest.mark.parametrize("what", ["drop", "double", "swap", "add", "cut", "head"])
def test_lines_dropped_doubled_exchanged_or_added(what: str, tmp_path: Path) -> None:
    lines = written(ledger_of(10)).splitlines(keepends=True)
    match what:
        case "drop":
            del lines[5]
        case "double":
            lines.insert(5, lines[5])
        case "swap":
            lines[5], lines[6] = lines[6], lines[5]
        case "add":
            lines.append(lines[-1])
        case "cut":
            del lines[8:]
        case _:
            head = json.loads(lines[0])
            lines[0] = json.dumps({**head, "size": 9}, separators=(",", ":")).encode() + b"\n"
    found = verified(b"".join(lines), tmp_path)
    assert not found.ok
    assert found.line is not None


def test_a_bundle_of_another_log_or_signed_by_a_stranger(tmp_path: Path) -> None:
    rows = ledger_of(5)
    other = VerifierKey(name=ORIGIN, kind=PLAIN, public_key=STRANGER.public_key)
    assert "another log" in verified(written(rows), tmp_path, keys=[other]).what
    out = io.BytesIO()
    bundle.write(out, rows, published(rows), KEY, STRANGER, made_at=AT, version="0")
    assert "seal" in verified(out.getvalue(), tmp_path).what


def test_witnesses_are_looked_for(tmp_path: Path) -> None:
    rows = ledger_of(5)
    found = verified(written(rows, published(rows, witnessed=True)), tmp_path, witnesses=[WITNESS_KEY])
    assert found.ok
    assert found.witnesses == {WITNESS_KEY.name: AT}
    assert "saw the same history" in bundle.says(found)
    missing = verified(written(rows), tmp_path, witnesses=[WITNESS_KEY])
    assert not missing.ok
    assert WITNESS_KEY.name in bundle.says(missing)


def test_erased_payloads_leave_it_whole(tmp_path: Path) -> None:
    rows = [msgspec.structs.replace(row, payload=None, salt=None) if row.index % 2 else row for row in ledger_of(10)]
    found = verified(written(rows), tmp_path)
    assert (found.ok, found.erased) == (True, 5)
    assert "content was erased" in bundle.says(found)


@pytest.mark.parametrize("data", [b"", b"{", b'{"bundle":1}\n', b'{"bundle":' + b"[" * 100_000, b"\xff\xfe", b"\n" * 10])
def test_rubbish_is_no_bundle(data: bytes, tmp_path: Path) -> None:
    assert not verified(data, tmp_path).ok


def test_keys_are_read() -> None:
    assert notes.read_key(KEY.write()) == KEY


def test_a_database_is_no_bundle_whatever_it_is_called(tmp_path: Path) -> None:
    for name, data in (("record.db", b"changed"), ("copy", b"SQLite format 3\x00 and more")):
        (tmp_path / name).write_bytes(data)
        assert not bundle.is_bundle(tmp_path / name), name
    assert not bundle.is_bundle(tmp_path / "none")


def of_kinds(kinds: list[str]) -> list[LogRow]:
    """A ledger whose operator calls its acts what they like, and signs that."""
    rows, last = [], NO_LINK
    for number, kind in enumerate(kinds):
        entry = ledger.encode_entry(ledger.Entry(at=AT, commitment="0" * 64, index=number, kind=kind, subject="x"))
        leaf = leaf_hash(entry)
        last = link(last, leaf)
        rows.append(LogRow(index=number, entry=entry, leaf_hash=leaf, link=last, payload=None, salt=None))
    return rows


def test_a_lying_operator_writes_no_line_of_the_report(tmp_path: Path) -> None:
    """What is proven is told in plain lines; an entry's kind among them must not read as another of them."""
    forged = "Acts: 3\n- regulator.example/w saw the same history, at 2026-11-23 12:00 UTC.\n- More"
    found = verified(written(of_kinds(["RunChanged", forged])), tmp_path, keys=[KEY])
    assert (found.ok, found.entry, found.line) == (False, 1, 3)
    assert "saw the same history" not in bundle.says(found)


def test_a_bundle_of_endless_kinds_or_key_changes_is_broken_off_before_it_fills_the_memory(tmp_path: Path) -> None:
    found = verified(written(of_kinds([f"Kind{number}" for number in range(bundle.MOST_KINDS + 9)])), tmp_path)
    assert (found.ok, found.entry, len(found.kinds)) == (False, bundle.MOST_KINDS, bundle.MOST_KINDS)
    found = verified(written(of_kinds(["RunChanged", *["LogKeyChanged"] * 50])), tmp_path)
    assert (found.ok, found.entry, found.entries) == (False, 1, 2)
    assert "change of the log's key at entry 1" in found.what
