"""An authorisation as a document: text that a person reads, signed as a C2SP note with the log's key, and checked anywhere.

The facts stand as canonical JSON (RFC 8785) under a line that says what they are, so that no checkpoint can be taken for one.
"""

import hashlib
import html

import msgspec

from bowstreet.accountability import note as notes
from bowstreet.accountability.authority.model import Authorisation
from bowstreet.accountability.note import VerifierKey
from bowstreet.errors import MalformedProof

HEAD = "Bowstreet authorisation v1"
MOST_BYTES = 65_536


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified document says, and by which key it is signed."""

    authorisation: Authorisation
    signed_by: str


def canonical(authorisation: Authorisation) -> str:
    """RFC 8785: it holds no floats, so sorted keys are all that is asked."""
    return msgspec.json.encode(authorisation, order="sorted").decode()


def digest(authorisation: Authorisation) -> str:
    """SHA-256 of the text that is signed, hex: what the ledger commits to."""
    return hashlib.sha256(text_of(authorisation).encode()).hexdigest()


def text_of(authorisation: Authorisation) -> str:
    return f"{HEAD}\n{canonical(authorisation)}\n"


def read(data: bytes, key: VerifierKey) -> Document:
    """Check a document.

    Raises:
        MalformedProof: it is none, was changed, or is not signed by `key`.
    """
    if len(data) > MOST_BYTES:
        raise _not("it is too long", "give the file as it was downloaded")
    note = notes.read(data)
    head, _, body = note.text.partition("\n")
    if head != HEAD:
        raise _not(f"it begins with '{head[:60]}'", "give a file from GET /api/v1/authorisations/ID/document")
    if not notes.signed_by(note, key):
        raise _not("the signature is not that key's over this text", "get the key from the log, and the document anew")
    try:
        authorisation = msgspec.json.decode(body, type=Authorisation)
    except msgspec.DecodeError as error:
        raise _not(str(error), "get the document anew") from error
    if note.text != text_of(authorisation):
        raise _not("it is not in its canonical form", "get the document anew")
    return Document(authorisation=authorisation, signed_by=key.name)


def says(authorisation: Authorisation) -> list[tuple[str, str]]:
    """The facts in the order a reader wants them."""
    one = authorisation
    review = "by nobody yet" if one.reviewed_at is None else f"by {one.reviewed_by} at {_moment(one.reviewed_at)}"
    because = [] if one.refused_because is msgspec.UNSET else [("Refused because", one.refused_because.value)]
    return [
        ("Authorisation", one.authorisation_id),
        ("Use case", one.use_case.value),
        ("Ground", one.ground.value),
        ("Subject", one.subject_id),
        ("Place", ", ".join(one.place.boroughs)),
        ("From", _moment(one.starts_at)),
        ("Until", _moment(one.ends_at)),
        ("Requested", f"by {one.requested_by} at {_moment(one.requested_at)}"),
        ("Urgent", f"yes, by one officer alone; reviewed {review}" if one.urgent else "no"),
        ("State", one.state.value),
        ("Decided", "not yet" if one.decided_at is None else f"by {one.decided_by} at {_moment(one.decided_at)}"),
        *because,
    ]


def to_html(authorisation: Authorisation, signed: bytes, key: VerifierKey) -> str:
    """A page to print: the facts, the signed text, and how to check it. No script, no outside address."""
    rows = "".join(f"<tr><th scope=row>{html.escape(name)}<td>{html.escape(said)}" for name, said in says(authorisation))
    return (
        '<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>Authorisation '
        f"{html.escape(authorisation.authorisation_id)}</title><h1>Authorisation</h1><table>{rows}</table>"
        "<h2>Signed text</h2><p>Save these lines as a file and check them with "
        "<code>bowstreet authority verify FILE --key KEY</code>, on any machine. "
        "The key is the log's; take it from somebody you trust, not from this page alone.</p>"
        f"<pre>{html.escape(signed.decode())}</pre><h2>Key</h2><pre>{html.escape(key.write())}</pre>"
    )


def _moment(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _not(why: str, remedy: str) -> MalformedProof:
    return MalformedProof(f"this is no signed authorisation: {why}", remedy=remedy)
