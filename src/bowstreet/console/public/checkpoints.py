"""The page on the log: its checkpoints with their witnesses, what witnesses say, forks that were seen, and how to check it
all."""

import functools
import html
from collections.abc import Sequence
from datetime import datetime

import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability import tiles
from bowstreet.accountability.gossip import Fork, Gossip
from bowstreet.accountability.note import VerifierKey
from bowstreet.accountability.published import Line
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.console.public import plots
from bowstreet.errors import MalformedProof

SHOWN = 30  # on the page; the JSON has more
MOST = 1_000


class Witnessed(msgspec.Struct, frozen=True, kw_only=True):
    witness: str
    at: datetime


class CheckpointView(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that is kept for good. `witnesses` are those whose signature on it is good by their configured key."""

    at: datetime
    size: int
    root: str
    note: str
    witnesses: tuple[Witnessed, ...]


def views(lines: Sequence[Line], keys: Sequence[VerifierKey]) -> list[CheckpointView]:
    known = tuple(keys)
    return [
        CheckpointView(at=one.at, size=one.size, root=one.root, note=one.note, witnesses=_witnesses(one.note, known))
        for one in lines
    ]


@functools.lru_cache(maxsize=2 * MOST)  # anybody may ask, and a thousand signatures are a tenth of a second for everybody else
def _witnesses(said: str, keys: tuple[VerifierKey, ...]) -> tuple[Witnessed, ...]:
    try:
        note = notes.read(said.encode())
    except MalformedProof:  # a checkpoint of an older program, which was not signed
        return ()
    found = [checkpoints.cosigned_by(note, key) for key in keys]
    return tuple(Witnessed(witness=one.witness, at=one.at) for one in found if one is not None)


def alarm(forks: Sequence[Fork]) -> str:
    """What every page says at the top once a fork was seen; "" before."""
    if not forks:
        return ""
    return (
        '<p class="alarm" role="alert"><strong>Warning: this log has shown more than one history.</strong> '
        f"{len(forks)} signed checkpoint{'s do' if len(forks) > 1 else ' does'} not fit the record. "
        '<a href="/public/checkpoints">See which</a>.</p>'
    )


def body(log: TransparencyLog, gossip: Gossip, host: str, answer: str = "") -> str:
    """`answer` is what became of a checkpoint that was handed in; HTML."""
    latest = "" if log.note is None else f"<pre>{html.escape(log.note.write().decode())}</pre>"
    rows = [
        (f"{one.at:%Y-%m-%d %H:%M}", one.size, one.root, ", ".join(w.witness for w in one.witnesses) or "none")
        for one in views(log.history(SHOWN), log.witness_keys)
    ]
    return (
        answer
        + _forks(gossip.forks.all())
        + "<p>Every act is an entry of a public log that cannot be changed without being seen (C2SP tlog-tiles). From time to "
        "time "
        "the log’s key signs how many entries there are and what they are: a checkpoint. Witnesses elsewhere sign it too, but "
        "only "
        f"if it continues all they saw before.</p><h2>The latest</h2>{latest}<p>At <a "
        f'href="/log/checkpoint">/log/checkpoint</a>; '
        'its key is at <a href="/log/key">/log/key</a>. Keep a copy: a later checkpoint must continue it.</p>'
        + _asked(gossip)
        + "<h2>Those before it</h2>"
        + plots.table("Checkpoints that are kept for good, newest first (UTC)", ("Signed", "Entries", "Root", "Witnesses"), rows)
        + f'<p><a href="/public/checkpoints.json">As JSON</a>, with every signature; the newest {MOST:,}.</p>'
        "<h2>Have one that you kept compared</h2><p>Paste a checkpoint, with its signature lines. If this log’s key signed it "
        "and it "
        "does not fit the record, that is proof of two histories: it is entered into the record and shown on every public "
        "page.</p>"
        '<form method="post" action="/public/checkpoints"><label for="note">Checkpoint</label>'
        '<textarea id="note" name="note" rows="7" required maxlength="20000" spellcheck="false"></textarea>'
        "<button>Compare it</button></form>"
        "<h2>Check it yourself</h2><p>One command checks the signature, and next time that nothing before it was changed; leave "
        "out --since the first time:</p>"
        f"<pre>{html.escape(log_command(log, host))}</pre>"
        "<p>The log can be read whole by any client of its format, asking nobody: its key, its "
        "latest checkpoint, and the hashes of its newest entries, of which the checkpoint’s root is made:</p>"
        f"<pre>{html.escape(_commands(log, host))}</pre>"
        "<p>Whoever runs a witness, and has the operator name it in the configuration, has all this checked at every "
        "checkpoint:</p>"
        f"<pre>{html.escape(witness_command(log))}</pre>"
        "<p>And whoever holds a bundle of the record (a regulator does) recomputes every hash of it, offline:</p>"
        f"<pre>{html.escape(bundle_command(log))}</pre>"
        "<p>What this does not prove: that all that happened was recorded, or that what was erased was not copied before.</p>"
    )


def _commands(log: TransparencyLog, host: str) -> str:
    said = [f"curl -s {host}/log/key", f"curl -s {host}/log/checkpoint"]
    size = 0 if log.note is None else checkpoints.read_text(log.note.text).size
    if size:
        last = (size - 1) // tiles.WIDTH
        path = tiles.path_of(0, last, tiles.width_of(size, 0, last))
        said.append(f"curl -s {host}/log/{path} | xxd -p -c 32")
    return "\n".join(said)


def log_command(log: TransparencyLog, host: str) -> str:
    kept = "--since last.checkpoint --save last.checkpoint"
    return f"bowstreet audit verify --log {host}/log --key '{log.key.write()}' {kept}"


def witness_command(log: TransparencyLog) -> str:
    return f"bowstreet audit witness --name you.example/witness --log '{log.key.write()}' --data witness-data"


def bundle_command(log: TransparencyLog) -> str:
    return f"bowstreet audit verify BUNDLE --key '{log.key.write()}'"


def compared(agrees: bool, size: int) -> str:
    if agrees:
        return f'<p class="good" role="status">It fits: the record of today continues that checkpoint of {size:,} entries.</p>'
    return '<p class="alarm" role="status">It does NOT fit. It is entered into the record, and shown below.</p>'


def refused(message: str, remedy: str) -> str:
    return f'<p class="alarm" role="status">It proves nothing: {html.escape(message)}; {html.escape(remedy)}.</p>'


def _asked(gossip: Gossip) -> str:
    if not gossip.asked:
        return (
            "<h2>What witnesses say</h2><p>No witness is configured, or none was asked yet. Until one is, keep copies of your "
            "own.</p>"
        )
    rows = [
        (
            one.witness, f"{one.at:%Y-%m-%d %H:%M}", one.size,
            one.problem or ("it fits the record" if one.agrees else "IT DOES NOT FIT THE RECORD"),
        )
        for one in gossip.asked.values()
    ]  # fmt: skip
    return "<h2>What witnesses say</h2>" + plots.table(
        "The latest checkpoint that each witness has signed, held against the record",
        ("Witness", "Asked (UTC)", "Entries", "Finding"),
        rows,
    )


def _forks(forks: Sequence[Fork]) -> str:
    if not forks:
        return "<p>No checkpoint is known that does not fit the record.</p>"
    shown = "".join(
        f"<h3>Seen {one.seen_at:%Y-%m-%d %H:%M} UTC, from {html.escape(one.source)}</h3>"
        f"<p>Signed for {one.size:,} entries; the record has "
        f"{f'another root there, <code>{one.ours}</code>' if one.ours else 'fewer entries than that'}.</p>"
        f"<pre>{html.escape(one.note)}</pre>"
        for one in forks
    )
    return f"<h2>Checkpoints that do not fit the record</h2>{shown}"
