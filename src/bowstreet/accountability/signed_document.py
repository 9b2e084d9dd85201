"""What all signed documents have in common: a line that says what it is, canonical JSON, the log's signature, a page to print."""

import html
from collections.abc import Callable
from typing import TypeVar

import msgspec

from bowstreet.accountability import note as notes
from bowstreet.accountability.note import VerifierKey
from bowstreet.errors import MalformedProof

MOST_BYTES = 65_536

T = TypeVar("T")


def head_of(data: bytes) -> str:
    """The line that says what a document is; anything may stand there."""
    return data[:80].split(b"\n", 1)[0].decode("utf-8", "replace")


def read(data: bytes, key: VerifierKey, head: str, kind: type[T], text_of: Callable[[T], str], source: str) -> T:
    """Check a document and give what it says.

    Raises:
        MalformedProof: it is none of this kind, was changed, or is not signed by `key`.
    """
    if len(data) > MOST_BYTES:
        raise _not(head, "it is too long", "give the file as it was downloaded")
    note = notes.read(data)
    first, _, body = note.text.partition("\n")
    if first != head:
        raise _not(head, f"it begins with '{first[:60]}'", f"give a file from {source}")
    if not notes.signed_by(note, key):
        raise _not(head, "the signature is not that key's over this text", "get the key from the log, and the document anew")
    try:
        said = msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise _not(head, str(error), "get the document anew") from error
    if note.text != text_of(said):
        raise _not(head, "it is not in its canonical form", "get the document anew")
    return said


def page(title: str, name: str, rows: str, signed: bytes, key: VerifierKey) -> str:
    """A page to print: facts (rows of a table, escaped already), the signed text, and how to check it."""
    return (
        f'<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>{title} {html.escape(name)}</title>'
        f"<h1>{title}</h1><table>{rows}</table>"
        "<h2>Signed text</h2><p>Save these lines as a file and check them with "
        "<code>bowstreet authority verify FILE --key KEY</code>, on any machine. "
        "The key is the log's; take it from somebody you trust, not from this page alone.</p>"
        f"<pre>{html.escape(signed.decode())}</pre><h2>Key</h2><pre>{html.escape(key.write())}</pre>"
    )


def _not(head: str, why: str, remedy: str) -> MalformedProof:
    kind = head.removeprefix("Bowstreet ").split(" ")[0]
    return MalformedProof(f"this is no signed {kind}: {why}", remedy=remedy)
