"""The page that goes with a bundle: who gave out what, on whose authority, what is proven by it and what is not. To print.

One file, no script, nothing from anywhere else.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from bowstreet import messages as m
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability.note import Note, VerifierKey
from bowstreet.video.evidence.model import COVERED, Contents, Copies, ExportedCopy, ExportedFile, ExportedRecording
from bowstreet.video.evidence.proofs import OF_COPY, OF_RECORDING, Anchored

# More changes than this do not stand on the page; all of them are in the record beside the copy.
MOST_CHANGES = 200

_STYLE = """
@page { size: A4; margin: 18mm }
body { font: 10.5pt/1.45 system-ui, "Liberation Sans", Arial, sans-serif; color: #111; background: #fff; max-width: 46em;
  margin: 2em auto; padding: 0 1em }
h1 { font-size: 17pt; margin: 0 0 .2em } h2 { font-size: 12.5pt; margin: 1.6em 0 .4em; break-after: avoid }
h3 { font-size: 11pt; margin: 1.2em 0 .3em; break-after: avoid }
table { border-collapse: collapse; width: 100%; margin: .4em 0 } caption { text-align: left; font-weight: 600; padding: .3em 0 }
th, td { text-align: left; vertical-align: top; padding: .22em .8em .22em 0; border-bottom: 1px solid #bbb }
th[scope=row] { width: 13em; font-weight: 600 } tr { break-inside: avoid }
code, pre { font-family: ui-monospace, "Liberation Mono", monospace; font-size: 8.5pt; overflow-wrap: anywhere;
  white-space: pre-wrap; margin: 0 }
li { margin: .25em 0 } footer { margin-top: 2em; border-top: 1px solid #111; padding-top: .5em; font-size: 9pt }
.which { border: 2px solid #111; padding: .2em 1em; margin: 1em 0 } .which h2 { margin: .4em 0 }
.sign { margin-top: 2.5em; display: grid; grid-template-columns: 1fr 1fr; gap: 2em } .sign div { border-top: 1px solid #111 }
"""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page tells.

    Attributes:
        people: names by account id, of those whose names are still there.
        files: every file of the bundle but the manifest's two and this page.
        credential: whose certificate signed the C2PA manifests; "" when there are none.
    """

    contents: Contents
    people: Mapping[str, str]
    files: Sequence[ExportedFile]
    anchors: Sequence[Anchored]
    note: Note
    key: VerifierKey
    credential: str
    version: str


def page(facts: Facts) -> str:
    contents = facts.contents
    name = html.escape(contents.export_id)
    parts = [
        f'<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>Certificate of evidence {name}</title>',
        (
            f"<style>{_STYLE}</style><main><h1>Certificate of evidence</h1><p>Export <code>{name}</code> of "
            f"{html.escape(contents.operator)}, made on {_moment(contents.made_at)}.</p>"
        ),
        _which(contents.which),
        _table("What was given out, by whom and why", _who(facts)),
        *(_recording(one, facts) for one in contents.recordings),
        (
            "<h2>How to check it</h2><p>On any machine, without a network and without trusting who gave it:</p>"
            f"<pre>bowstreet audit verify {name}.zip --key '{html.escape(facts.key.write())}'</pre>"
            "<p>Take the key from the operator's public pages or from a witness, not from this page alone. The same can be done "
            "without this program: docs/evidence.md tells how each hash is made.</p>"
        ),
        "<h2>What it proves</h2><ul>",
        *(f"<li>{html.escape(one)}" for one in proven(contents.which)),
        "</ul><h2>What it does not prove</h2><ul>",
        *(f"<li>{html.escape(one)}" for one in not_proven(facts.contents)),
        "</ul>",
        _checkpoint(facts),
        _files(facts.files),
        (
            '<div class="sign"><div>Name, and signature of who gives it out</div>'
            f"<div>Name, and signature of who receives it</div></div>"
            f"<footer>Made by Bowstreet {html.escape(facts.version)}. All times are UTC by the operator's clock.</footer>"
            "</main></html>\n"
        ),
    ]
    return "\n".join(parts)


_NAMES = {
    Copies.ORIGINAL: "The footage as received",
    Copies.REDACTED: "A redacted copy, in the original's stead",
    Copies.BOTH: "The footage as received, and a redacted copy of it",
}
_TELLS = {
    Copies.ORIGINAL: "Nothing in the pictures is covered, and none was coded anew.",
    Copies.REDACTED: (
        "This is not the original. Heads and plates, and what people added, were covered for good, and its pictures coded anew. "
        "The original stays sealed with the operator. Of it this bundle has the length, time and SHA-256 of each part: enough to "
        "check that what the ledger vouches for is what the copy was made of, and no picture."
    ),
    Copies.BOTH: (
        "Two films of each recording: the original, byte for byte as it came, and a copy in which heads and plates, and what "
        "people added, were covered for good. To pass on the copy alone, have a bundle made with it in the original's stead."
    ),
}


def _which(which: Copies) -> str:
    name, tells = html.escape(_NAMES[which]), html.escape(_TELLS[which])
    return f'<section class="which"><h2>Which copy this is</h2><p><strong>{name}.</strong> {tells}</p></section>'


def proven(which: Copies) -> list[str]:
    pictures = (
        "The pictures are, byte for byte, those that were written when they came: each is hashed into a chain whose heads "
        "were entered into the operator's ledger while it was recorded, some seconds apart, and those entries are in the log."
    )
    anchored = (
        "The hashes of the original's parts make the heads that were entered into the operator's ledger while it was recorded, "
        "some seconds apart, and those entries are in the log: it cannot have been exchanged afterwards."
    )
    copied = [
        (
            "The redacted copy is the one that the ledger says was made of this original, by whom, when and for what reason: the "
            "entry has the SHA-256 of both, and of the record of what was covered, which is in here."
        ),
        "Each change in that record that a person made is an entry of its own, with who, when and why.",
        "Each picture of the copy has the time of a picture of the original, in the same order.",
    ]
    return [
        "Every file is the one that was exported: manifest.json has its SHA-256, and the log's key signed that.",
        anchored if which is Copies.REDACTED else pictures,
        *([] if which is Copies.ORIGINAL else copied),
        "Who gave it out, under which authority, was in the ledger before the first byte was given.",
    ]


def not_proven(contents: Contents) -> list[str]:
    dropped = sum(one.dropped for one in contents.recordings)
    return [
        *copy_not_proven(contents.which),
        "That the camera saw what was there, and that the pictures were not changed before they came to this system.",
        "That the clocks of the operator, the drone and the camera were right.",
        "That nothing else was recorded of this incident, and that all that happened was recorded."
        + (f" {dropped:,} parts came and were not recorded, as the disk did not keep up." if dropped else ""),
        "That the operator keeps no second log: a witness's signature on the checkpoint speaks against it.",
        *(
            ["What came after the export: a recording was still going on."]
            if any(one.running for one in contents.recordings)
            else []
        ),
    ]


def copy_not_proven(which: Copies) -> list[str]:
    """What nobody can tell from a copy. The report of a check says the same."""
    if which is Copies.ORIGINAL:
        return []
    against = "the original in here" if which is Copies.BOTH else "the original, which a court can have opened under authority"
    return [
        (
            "That outside of what is covered the copy shows what the original shows: its pictures are coded anew. It has "
            f"to be held against {against}."
        ),
        (
            "That all that should be covered is, that nothing that matters is, and that nobody can be known by what is left. "
            "Whoever had the copy made answers for having looked it through."
        ),
    ]


def _who(facts: Facts) -> list[tuple[str, str]]:
    contents, leave = facts.contents, facts.contents.leave
    return [
        ("Incident", _code(contents.incident_id)),
        ("Recordings", str(len(contents.recordings))),
        ("Which copy", html.escape(_NAMES[contents.which])),
        ("Given out by", _person(leave.by, facts.people)),
        ("To", html.escape(leave.recipient)),
        ("On the ground of", html.escape(leave.ground)),
        ("Under authorisation", _code(leave.authorisation_id)),
        ("Asked for by", _person(leave.requested_by, facts.people)),
        ("Authorised by", _person(leave.authorised_by, facts.people)),
    ]


def _recording(one: ExportedRecording, facts: Facts) -> str:
    about = [found for found in facts.anchors if getattr(found.message, "recording_id", "") == one.recording_id]
    anchored = [found for found in about if found.kind in OF_RECORDING]
    rows = [
        ("Drone", _code(one.vehicle_id)),
        ("Camera", _code(one.source_id)),
        ("Flight", _code(one.mission_id)),
        ("From", _moment(one.started_at)),
        ("Until", "it was still going on" if one.closed_at is None else _moment(one.closed_at)),
        ("Why it ended", html.escape(one.why_closed) or "-"),
        ("Parts", f"{one.parts:,} of {one.octets:,} octets; {one.dropped:,} that came were not recorded"),
        ("Head of the chain", _code(one.head)),
        ("In the ledger", _span(anchored)),
        *([("Pictures", "withheld: the redacted copy is given in their stead")] if one.withheld else []),
    ]
    page = f"<h2>Recording {_code(one.recording_id)}</h2>" + _table("", rows) + _files(one.files)
    return page if one.copy is None else page + _copy(one, one.copy, about, facts.people)


def _copy(one: ExportedRecording, copy: ExportedCopy, about: Sequence[Anchored], people: Mapping[str, str]) -> str:
    acts = [(found, found.message) for found in about if found.kind in OF_COPY]
    made = next(found for found, said in acts if isinstance(said, m.RedactionChanged) and said.copy_head == copy.head)
    changes = [said for _, said in acts if isinstance(said, m.RegionChanged)]
    rows = [
        ("Made by", _person(copy.made_by, people)),
        ("Made on", _moment(copy.made_at)),
        ("For the reason", html.escape(copy.reason)),
        ("Pictures", f"{copy.pictures:,}; {copy.damaged:,} of the original could not be decoded"),
        ("SHA-256 of its films", _code(copy.sha256)),
        ("SHA-256 of the original's", _code(copy.original_sha256)),
        ("SHA-256 of the record", _code(copy.record_sha256)),
        ("Head of its chain", _code(copy.head)),
        ("In the ledger", f"entry {made.index} ({_moment(made.at)})"),
        ("Changed by people", f"{len(changes)}" if changes else "nothing: covered as the program found it"),
    ]
    page = f"<h3>Its redacted copy</h3>{_table('', rows)}"
    if changes:
        shown = "".join(_change(said, people) for said in changes[:MOST_CHANGES])
        heads = "".join(f"<th scope=col>{one}" for one in ("What", "From, to", "By, when", "Why"))
        page += f"<table><caption>What people changed</caption><tr>{heads}{shown}</table>"
        more = len(changes) - MOST_CHANGES
        page += f"<p>And {more:,} more: they are in {_code(f'{one.recording_id}.redacted/{COVERED}')}.</p>" if more > 0 else ""
    return page + _files(copy.files)


def _change(said: m.RegionChanged, people: Mapping[str, str]) -> str:
    what = "covered" if said.stage == "added" else f"lifted ({_code(said.region_id)})"
    span = f"{said.from_us / 1e6:.1f} s, {said.until_us / 1e6:.1f} s"
    return f"<tr><td>{what}<td>{span}<td>{_person(said.by, people)}, {_moment(said.at)}<td>{html.escape(said.reason)}"


def _span(anchored: Sequence[Anchored]) -> str:
    if not anchored:
        return "no entry"
    first, last = anchored[0], anchored[-1]
    return (
        f"{len(anchored)} entries, from entry {first.index} ({_moment(first.at)}) to entry {last.index} ({_moment(last.at)}: "
        f"{html.escape(last.kind)})"
    )


def _checkpoint(facts: Facts) -> str:
    stands = checkpoints.read_text(facts.note.text)
    rows = [
        ("Log", _code(stands.origin)),
        ("Entries", f"{stands.size:,}"),
        ("Root", _code(stands.root.hex())),
        ("Key of the log", _code(facts.key.write())),
        ("C2PA manifests signed by", html.escape(facts.credential) or "there are none"),
    ]
    signed = f"<pre>{html.escape(facts.note.write().decode())}</pre>"
    return "<h2>The ledger as of this export</h2>" + _table("", rows) + f"<h3>Signed checkpoint</h3>{signed}"


def _files(files: Iterable[ExportedFile]) -> str:
    rows = "".join(f"<tr><td>{_code(one.name)}<td>{one.octets:,}<td>{_code(one.sha256)}" for one in files)
    return f"<table><caption>Files</caption><tr><th scope=col>Name<th scope=col>Octets<th scope=col>SHA-256{rows}</table>"


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    caption = f"<caption>{html.escape(title)}</caption>" if title else ""
    return f"<table>{caption}" + "".join(f"<tr><th scope=row>{name}<td>{said}" for name, said in rows) + "</table>"


def _person(account_id: str, people: Mapping[str, str]) -> str:
    name = people.get(account_id)
    return _code(account_id) if name is None else f"{html.escape(name)} ({_code(account_id)})"


def _code(said: str) -> str:
    return f"<code>{html.escape(said)}</code>"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
