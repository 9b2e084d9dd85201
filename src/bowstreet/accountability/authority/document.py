"""An authorisation as a document: text that a person reads, signed as a C2SP note with the log's key, and checked anywhere.

The facts stand as canonical JSON (RFC 8785) under a line that says what they are, so that no checkpoint can be taken for one.
"""

import hashlib
import html

import msgspec

from bowstreet.accountability import signed_document
from bowstreet.accountability.authority.model import Authorisation
from bowstreet.accountability.note import VerifierKey

HEAD = "Bowstreet authorisation v1"


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
    authorisation = signed_document.read(data, key, HEAD, Authorisation, text_of, "GET /api/v1/authorisations/ID/document")
    return Document(authorisation=authorisation, signed_by=key.name)


def says(authorisation: Authorisation) -> list[tuple[str, str]]:
    """The facts in the order a reader wants them."""
    one = authorisation
    review = "by nobody yet" if one.reviewed_at is None else f"by {one.reviewed_by} at {_moment(one.reviewed_at)}"
    because = [] if one.refused_because is msgspec.UNSET else [("Refused because", one.refused_because.value)]
    own = [] if one.own_account is msgspec.UNSET else [("Mark", "the account that decided was made by the one that asked")]
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
        *own,
    ]


def to_html(authorisation: Authorisation, signed: bytes, key: VerifierKey) -> str:
    """A page to print: the facts, the signed text, and how to check it. No script, no outside address."""
    rows = "".join(f"<tr><th scope=row>{html.escape(name)}<td>{html.escape(said)}" for name, said in says(authorisation))
    return signed_document.page("Authorisation", authorisation.authorisation_id, rows, signed, key)


def _moment(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
