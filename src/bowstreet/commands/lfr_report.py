"""`bowstreet lfr report`: the public records of deployments, read from a data directory. It changes nothing there."""

import argparse
import contextlib
import sys
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import ledger, published
from bowstreet.accountability import note as notes
from bowstreet.accountability.audit import find_record, keyring_of, verify_data
from bowstreet.accountability.note import Note
from bowstreet.accountability.sealed import opened_row
from bowstreet.accountability.vault import Keyring
from bowstreet.commands.output import DEFAULT_DATA, expect_writable, progress, say, write_json, write_text
from bowstreet.errors import LedgerBroken, MalformedProof, NotFound, Refused, StoreUnavailable
from bowstreet.messages import DeploymentPublished
from bowstreet.recognition import publication
from bowstreet.recognition.model import Deployment, PublicRecord
from bowstreet.recognition.publication import RecordBody
from bowstreet.recognition.record_page import Source, html_report
from bowstreet.recognition.words import percent, share
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.sqlite import SqliteReader

# Twenty years of hourly ones.
MOST_CHECKPOINTS = 200_000
Kept = Sequence[tuple[int, str]]  # size and note of each
UNFINISHED = "run 'bowstreet lfr run' on it again, or 'bowstreet up': the record is made when its list is destroyed"


def report(arguments: argparse.Namespace) -> int:
    """Exit status 1 when the ledger does not verify, or a record is not the one that was entered."""
    expect_writable(arguments.json, arguments.report)
    record = find_record(arguments.data or DEFAULT_DATA)
    folder = record.parent
    with keyring_of(folder, arguments.master_key) as keyring:
        with progress("verifying") as on_progress:
            audit = verify_data(record, keyring=keyring, on_progress=on_progress)
        if not audit.ok:
            raise LedgerBroken(audit.says(), remedy="see 'bowstreet audit verify'")
        with SqliteReader(record) as reader:
            records = _records(reader, arguments.deployment)
            entered = _entered(reader, keyring, {one.deployment_id for one in records})
    kept = _kept(folder)
    sources = [_source(kept, one, entered) for one in records]
    bodies = [_body(one) for one in records]
    write_json(arguments.json, _told(bodies, sources, audit.verification.entries, audit.verification.root))
    if arguments.report is not None:
        write_text(arguments.report, html_report(bodies[0].operator, bodies, sources, publication.totals(bodies)))
    if arguments.json != "-":
        sys.stdout.write(
            "\n".join(line for body, source in zip(bodies, sources, strict=True) for line in _says(body, source)) + "\n"
        )
    say(audit.says())
    return 0


def _records(reader: SqliteReader, deployment_id: str | None) -> list[PublicRecord]:
    """Newest first. Raises `NotFound`, `Refused` for one whose record is not made yet."""
    try:
        found = [msgspec.json.decode(one.body, type=PublicRecord) for one in reader.records("public-deployment")]
        deployments = {one.id: msgspec.json.decode(one.body, type=Deployment) for one in reader.records("deployment")}
    except msgspec.DecodeError as error:
        raise StoreUnavailable(
            f"a record of {reader.path} cannot be read ({error})", remedy="read it with the program that wrote it"
        ) from error
    named = [one for one in found if deployment_id in (None, one.deployment_id)]
    if not named and deployment_id is not None:
        standing = deployments.get(deployment_id)
        if standing is None:
            known = ", ".join(sorted(one.deployment_id for one in found)) or "none"
            raise NotFound(f"there is no deployment '{deployment_id}'", remedy=f"those with a public record are: {known}")
        raise Refused(f"{deployment_id} is {standing.state}: it has no public record yet", remedy=UNFINISHED)
    if not named:
        waits = ", ".join(f"{one} is {deployment.state}" for one, deployment in sorted(deployments.items()))
        raise Refused(f"no deployment has a public record{f': {waits}' if waits else ''}", remedy=UNFINISHED)
    return sorted(named, key=lambda one: one.ended_at, reverse=True)


def _body(one: PublicRecord) -> RecordBody:
    """Raises `StoreUnavailable` for one that another version wrote."""
    try:
        return publication.read(one.text)
    except msgspec.DecodeError as error:
        raise StoreUnavailable(
            f"the public record of {one.deployment_id} cannot be read ({error})", remedy="read it with the program that wrote it"
        ) from error


def _entered(reader: SqliteReader, keyring: Keyring | None, wanted: set[str]) -> dict[str, tuple[int, str | None]]:
    """Where each record was entered, and with which digest; None where its payload cannot be opened here."""
    found: dict[str, tuple[int, str | None]] = {}
    for row in reader.log_rows():
        entry = ledger.read_entry(row.entry)
        if entry.kind == DeploymentPublished.__name__ and entry.subject in wanted:
            said = None if keyring is None else ledger.message_of(opened_row(row, keyring))
            found[entry.subject] = row.index, said.digest if isinstance(said, DeploymentPublished) else None
    return found


def _source(kept: Kept, one: PublicRecord, entered: dict[str, tuple[int, str | None]]) -> Source:
    """Raises `LedgerBroken` for a record that is not the one that the ledger has."""
    digest = publication.digest(one.text)
    index, said = entered.get(one.deployment_id, (None, None))
    if index is None or said not in (None, digest) or one.digest != digest:
        raise LedgerBroken(
            f"the public record of {one.deployment_id} is not the one that was entered",
            remedy="restore it from a copy: see docs/ledger.md",
        )
    found = _checkpoint(kept, index)
    if found is None:
        return Source(digest=digest, entry=index)
    said_there = checkpoints.read_text(found.text)
    return Source(
        digest=digest, entry=index, origin=said_there.origin, size=said_there.size, root=said_there.root.hex(),
        note=found.write().decode(),
    )  # fmt: skip


def _kept(folder: Path) -> Kept:
    """The checkpoints that are kept, the smallest first: the history is read once, however many records there are."""
    published_file = published.PublishedFile(folder, SystemClock())
    found = [(line.size, line.note) for line in published_file.history(MOST_CHECKPOINTS) if line.note]
    last = published_file.last()
    if last is not None:
        found.append((checkpoints.read_text(last.text).size, last.write().decode()))
    return sorted(found)


def _checkpoint(kept: Kept, index: int) -> Note | None:
    """The first that covers an entry, and can be read."""
    for _, said in kept[bisect_right(kept, index, key=lambda one: one[0]) :]:
        with contextlib.suppress(MalformedProof):
            return notes.read(said.encode())
    return None


def _told(bodies: Sequence[RecordBody], sources: Sequence[Source], entries: int, root: str) -> dict[str, Any]:
    return {
        "operator": bodies[0].operator,
        "totals": msgspec.to_builtins(publication.totals(bodies)),
        "deployments": [
            {
                "record": msgspec.to_builtins(body),
                "text": publication.written(body),
                "sha256": source.digest,
                "entry": source.entry,
                "checkpoint": _place(source),
            }
            for body, source in zip(bodies, sources, strict=True)
        ],
        "ledger": {"entries": entries, "root": root, "verified": True},
    }


def _place(source: Source) -> dict[str, Any] | None:
    if not source.size:
        return None
    return {"origin": source.origin, "size": source.size, "root": source.root, "note": source.note}


def _says(body: RecordBody, source: Source) -> list[str]:
    whole = (
        f"{body.deployment_id}: {', '.join(body.boroughs)}, {body.planned_from:%Y-%m-%d}; {body.faces_seen:,} faces seen, "
        f"{body.alerts:,} alerts, {body.false_alerts:,} false, {body.not_established:,} of which nobody knows"
    )
    lines = [whole]
    for name, one in (("faces", body.rates.over_faces), ("alerts", body.rates.over_alerts)):
        interval = f"{percent(one.interval.low)} to {percent(one.interval.high)}"
        lines.append(f"  false alerts over {name}: {one.count:,} of {one.of:,}, {share(one)} (exact 95% interval {interval})")
    where = f"checkpoint {source.size:,}" if source.size else "no signed checkpoint yet"
    return [*lines, f"  SHA-256 {source.digest}, entry {source.entry}, {where}"]
