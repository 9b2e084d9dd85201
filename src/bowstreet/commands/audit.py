"""`bowstreet audit`: verify a record or a bundle, make a bundle, witness somebody's log."""

import argparse
import sys
from pathlib import Path

import msgspec

from bowstreet import __version__
from bowstreet.accountability import bundle, key_source
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.audit import find_record, keyring_of, verify_data
from bowstreet.accountability.note import PLAIN, SoftwareSigner, VerifierKey
from bowstreet.accountability.published import PublishedFile
from bowstreet.accountability.rotation import transitions_of
from bowstreet.accountability.sealed import opened_row, opened_rows
from bowstreet.accountability.vault import Keyring
from bowstreet.commands.output import DEFAULT_DATA, expect_writable, progress, read_file, say, whole_file, write_json, write_text
from bowstreet.errors import NotFound
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.directory import DataDirectory
from bowstreet.runtime.sqlite import SqliteReader
from bowstreet.video.evidence import at_rest
from bowstreet.video.evidence.source import is_evidence


def verify(arguments: argparse.Namespace) -> int:
    """Exit status 1, and the first wrong entry named, when anything was changed."""
    if arguments.log is not None:
        return _verify_log(arguments)
    path: Path = arguments.data or arguments.path or DEFAULT_DATA
    if is_evidence(path):
        from bowstreet.commands.evidence import verify_bundle

        return verify_bundle(arguments, path)
    if path.is_file() and bundle.is_bundle(path):
        return _verify_bundle(path, arguments)
    with progress("verifying") as on_progress, keyring_of(path, arguments.master_key) as keyring:
        report = verify_data(path, known=_since(arguments), keyring=keyring, on_progress=on_progress)
        footage = _footage(path, keyring, on_progress) if report.ok else None
    said = msgspec.to_builtins(report) | ({} if footage is None else {"footage": msgspec.to_builtins(footage)})
    ok = report.ok and (footage is None or footage.ok)
    write_json(arguments.json, said | {"ok": ok})
    if arguments.json != "-":
        sys.stdout.write(report.says() + "\n" + ("" if footage is None else footage.says() + "\n"))
    return 0 if ok else 1


def _footage(path: Path, keyring: Keyring | None, on_progress: at_rest.OnProgress) -> at_rest.FootageReport | None:
    """None where there is none, and nothing says that there ever was."""
    record = find_record(path)
    folder = record.parent / at_rest.FOLDER
    there = at_rest.listed(folder)
    if path.is_file() or (keyring is None and not there):
        return None
    if keyring is None:
        return at_rest.FootageReport(ok=True, sealed=len(there))
    found: at_rest.FootageReport | None = None
    for _ in range(2):  # what was erased while it was looked at is on record by the second time
        with SqliteReader(record) as reader:
            anchors = at_rest.collected(reader.log_rows(), lambda row: opened_row(row, keyring))
        found = at_rest.verify(folder, there, anchors, keyring.find, on_progress) if anchors or there else None
        if found is None or found.ok:
            break
    return found


def _verify_bundle(path: Path, arguments: argparse.Namespace) -> int:
    with progress("verifying") as on_progress:
        found = bundle.verify(
            path, keys=_keys(arguments), witnesses=map(notes.read_key, arguments.witness), on_progress=on_progress
        )
    write_json(arguments.json, bundle.to_builtins(found))
    if arguments.json != "-":
        sys.stdout.write(bundle.says(found) + "\n")
    return 0 if found.ok else 1


def _verify_log(arguments: argparse.Namespace) -> int:
    from bowstreet.accountability.log_client import verify_over

    expect_writable(arguments.json, arguments.save)
    since = None if arguments.since is None else checkpoints.read(read_file(arguments.since))[1]
    with progress("verifying") as on_progress:
        seen = verify_over(
            arguments.log, keys=_keys(arguments), since=since, index=arguments.entry, everything=arguments.all,
            witnesses=[notes.read_key(said) for said in arguments.witness], on_progress=on_progress,
        )  # fmt: skip
    if arguments.save is not None:
        write_text(arguments.save, seen.note)
    write_json(arguments.json, {**msgspec.to_builtins(seen), "says": seen.says()})
    if arguments.json != "-":
        sys.stdout.write(seen.says() + "\n")
    return 0 if seen.ok else 1


def _keys(arguments: argparse.Namespace) -> tuple[VerifierKey, ...]:
    return () if arguments.key is None else notes.read_keys(arguments.key)


def _since(arguments: argparse.Namespace) -> dict[int, bytes]:
    """A root known from a checkpoint that somebody kept elsewhere."""
    if arguments.since is None:
        return {}
    said, _ = checkpoints.read(read_file(arguments.since))
    return {said.size: said.root}


def export(arguments: argparse.Namespace) -> int:
    """A bundle of the ledger as of its latest signed checkpoint, also while the program runs."""
    record = find_record(arguments.data or DEFAULT_DATA)
    folder = record.parent
    published = PublishedFile(folder, SystemClock()).last()
    if published is None:
        raise NotFound(f"{folder} has no signed checkpoint", remedy="start the program on it once")
    master = key_source.load(arguments.master_key, folder)
    signer = SoftwareSigner(key_source.load_signing_key(folder / key_source.LOG_KEY_FILE, master, may_make=False))
    key = VerifierKey(name=checkpoints.read_text(published.text).origin, kind=PLAIN, public_key=signer.public_key)
    out: Path = arguments.out
    with (
        progress("exporting") as on_progress,
        keyring_of(folder, arguments.master_key) as keyring,
        SqliteReader(record) as reader,
    ):
        rows = reader.log_rows() if keyring is None else opened_rows(reader.log_rows(), keyring)
        with whole_file(out) as file:
            count = bundle.write(
                file, rows, published, key, signer, made_at=SystemClock().now(), version=__version__,
                transitions=transitions_of(folder), on_progress=on_progress,
            )  # fmt: skip
    say(f"{count:,} entries in {out}; verify it anywhere: bowstreet audit verify {out} --key '{key.write()}'")
    return 0


def witness(arguments: argparse.Namespace) -> int:
    """A witness, until it is stopped."""
    import uvicorn

    from bowstreet.accountability.witness import WitnessDesk
    from bowstreet.accountability.witness_http import application

    held = DataDirectory(arguments.data)
    try:
        signer = SoftwareSigner(
            key_source.load_signing_key(arguments.data / "keys/witness.key", key_source.load("", arguments.data))
        )
        keys = [key for said in arguments.log for key in notes.read_keys(said)]
        logs = ", ".join(sorted({key.name for key in keys}))
        desk = WitnessDesk(arguments.name, signer, keys, arguments.data, SystemClock())
        say(f"the witness's key, to be given to the logs and to all who verify: {desk.key.write()}")
        say(f"listening at http://{arguments.host}:{arguments.port}/ for {logs}; stop with Ctrl-C")
        uvicorn.run(application(desk), host=arguments.host, port=arguments.port, log_level="warning")
    finally:
        held.release()
    return 0
