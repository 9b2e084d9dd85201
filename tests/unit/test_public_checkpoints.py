"""The page on the log is anybody's: asking for it again and again costs no signature checks."""

from datetime import UTC, datetime

import pytest

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.note import COSIGNATURE, Note, SoftwareSigner, VerifierKey
from bowstreet.accountability.published import Line
from bowstreet.console.public import checkpoints as page

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOG, WITNESS, OTHER = (SoftwareSigner(bytes([number] * 32)) for number in (5, 6, 7))


def key_of(signer: SoftwareSigner) -> VerifierKey:
    return VerifierKey(name="w.example", kind=COSIGNATURE, public_key=signer.public_key)


def line(size: int) -> Line:
    note = checkpoints.sign(Checkpoint(origin="o.example", size=size, root=bytes(32)), "o.example", LOG)
    note = Note(text=note.text, signatures=(*note.signatures, checkpoints.cosign(note.text, "w.example", WITNESS, AT)))
    return Line(at=AT, size=size, root="00" * 32, note=note.write().decode())


def test_each_signature_is_checked_once_for_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, checked = [line(size) for size in (101, 102)], 0
    cosigned_by = checkpoints.cosigned_by

    def counting(note: Note, key: VerifierKey):  # type: ignore[no-untyped-def]
        nonlocal checked
        checked += 1
        return cosigned_by(note, key)

    monkeypatch.setattr(checkpoints, "cosigned_by", counting)
    first = page.views(lines, [key_of(WITNESS)])
    assert [one.witnesses[0].witness for one in first] == ["w.example"] * 2
    assert page.views([*lines, line(103)], [key_of(WITNESS)])[:2] == first
    assert checked == 3
    assert [one.witnesses for one in page.views(lines, [key_of(OTHER)])] == [(), ()]
