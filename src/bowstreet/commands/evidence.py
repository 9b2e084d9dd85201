"""`bowstreet evidence`: footage given out from a data directory while the program is stopped, and a bundle of it verified."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path

from bowstreet import __version__
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import key_source
from bowstreet.accountability import note as notes
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.audit import find_record
from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.authority.policy import AccessPolicy, What, shipped
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.ledger import message_of
from bowstreet.accountability.model import Action, Identity
from bowstreet.accountability.processing.model import Recipient
from bowstreet.accountability.processing.rules import RECIPIENTS
from bowstreet.accountability.published import PublishedFile
from bowstreet.accountability.recorder import Recorder, last_moment
from bowstreet.accountability.retention.model import Erasure
from bowstreet.accountability.rotation import Rotation, open_log
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.accountability.vault import Vault, open_vault
from bowstreet.commands.output import (
    DEFAULT_DATA,
    expect_writable,
    progress,
    read_file,
    say,
    whole_file,
    whole_folder,
    write_json,
)
from bowstreet.errors import NotFound, NotPermitted
from bowstreet.messages import PolicyInForce
from bowstreet.operations import configured_operation
from bowstreet.process import Operation
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.directory import DataDirectory
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.records import Collection
from bowstreet.runtime.sqlite import SqliteStore
from bowstreet.video.evidence import credentials, verify
from bowstreet.video.evidence.at_rest import FOLDER
from bowstreet.video.evidence.bundle import Bundle
from bowstreet.video.evidence.credentials import C2paCredentials
from bowstreet.video.evidence.kept import own_certificate
from bowstreet.video.evidence.model import Copies
from bowstreet.video.evidence.report import says, to_builtins
from bowstreet.video.evidence.service import Exporter, Order
from bowstreet.video.evidence.source import Source
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.service import Redactions

WHERE = "the command line"


def verify_bundle(arguments: argparse.Namespace, path: Path) -> int:
    """Exit status 1, and the first wrong file named, when anything was changed."""
    trust = read_file(arguments.trust).decode("utf-8", "replace") if arguments.trust else ""

    def look(source: Source, video: str, manifest: str) -> str:
        return credentials.look(source, video, manifest, anchors=trust)

    with progress("verifying") as on_progress:
        found = verify.verify(
            path, keys=() if arguments.key is None else notes.read_keys(arguments.key),
            witnesses=map(notes.read_key, arguments.witness), credential=look, on_progress=on_progress,
        )  # fmt: skip
    write_json(arguments.json, to_builtins(found))
    if arguments.json != "-":
        sys.stdout.write(says(found) + "\n")
    return 0 if found.ok else 1


def verify_command(arguments: argparse.Namespace) -> int:
    return verify_bundle(arguments, arguments.path)


def export(arguments: argparse.Namespace) -> int:
    """Refused while the program runs on the data directory: then it is the console that gives footage out."""
    expect_writable(None if arguments.folder else arguments.out)
    folder: Path = find_record(arguments.data or DEFAULT_DATA).parent
    operation = None if arguments.config is None else configured_operation(arguments.config, calls=None, headless=True, port=None)
    held = DataDirectory(folder)
    try:
        asyncio.run(_export(folder, operation, arguments))
    finally:
        held.release()
    return 0


async def _export(folder: Path, operation: Operation | None, arguments: argparse.Namespace) -> None:
    source = arguments.master_key or ("" if operation is None else operation.master_key)
    async with _Opened(folder, source) as opened:
        policy = (operation.access_policy if operation else None) or shipped()
        await _same_policy(opened.store, policy)
        asked = await _asked(opened, policy, arguments)
        certificate = operation.evidence_certificate if operation else None
        operator = operation.operator_name if operation else opened.log.key.name
        exporter = Exporter(
            opened.recorder, opened.clock, opened.ids, opened.log, opened.footage, opened.authorities, operator=operator,
            version=__version__, find_erased=opened.receipt_of, redacted=opened.redactions,
            credentials=C2paCredentials(
                certificate or await own_certificate(opened.recorder, operator, SystemClock()), __version__,
                simulated=arguments.simulated,
            ),
        )  # fmt: skip
        say("putting it together")
        bundle = await exporter.make(exporter.new_id(), asked)
        out: Path = arguments.out
        _written(bundle, out, unpacked=arguments.folder)
    say(f"{bundle.octets:,} octets in {out}; verify it anywhere: bowstreet audit verify {out} --key '{opened.log.key.write()}'")


def _written(bundle: Bundle, out: Path, *, unpacked: bool) -> None:
    """Whole, or not there."""
    if unpacked:
        with whole_folder(out) as folder:
            bundle.into_folder(folder)
        return
    with progress("exporting") as on_progress, whole_file(out) as file:
        for data in _told(bundle.as_zip(), bundle.octets, on_progress):
            file.write(data)


def _told(parts: Iterator[bytes], total: int, on_progress: verify.OnProgress) -> Iterator[bytes]:
    done = 0
    for part in parts:
        yield part
        done += len(part)
        on_progress(done, total)


class _Opened:
    """A data directory, held for giving footage out without the program."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder, self._master = folder, key_source.load(source, folder)
        self._vault: Vault = open_vault(folder, self._master)
        self.store = SealedStore(SqliteStore(folder / "record.db"), self._vault)

    async def __aenter__(self) -> "_Opened":
        self.clock = SystemClock(await last_moment(self.store))
        self.ids = RandomIds(self.clock)
        self.recorder = Recorder(self.store, InlineBus(), self.clock)
        await self.recorder.open()
        published = PublishedFile(self._folder, self.clock)
        await Rotation(self._folder, self.recorder, published).finish(self._master)
        last = published.last()
        if last is None:
            raise NotFound(f"{self._folder} has no signed checkpoint", remedy="start the program on it once")
        origin = checkpoints.read_text(last.text).origin
        self.log: TransparencyLog = open_log(self._folder, self.store, origin, self._master, published)
        await self.log.open()
        self.footage = FootageRecorder(self.recorder, self.clock, self.ids, self._vault, self._folder / FOLDER)
        await self.footage.load(self.store)
        self.redactions = Redactions(self.recorder, self.clock, self.ids, self.footage, finder="")  # nothing is looked for here
        await self.redactions.load(self.store)
        self.authorities = Authorities(self.recorder, self.clock, self.ids)
        await self.authorities.load(self.store)
        self._erasures: Collection[Erasure] = Collection("erasure", Erasure, id_of=lambda one: one.erasure_id)
        await self._erasures.load(self.store)
        return self

    def receipt_of(self, subject_id: str) -> str:
        found = next((one for one in self._erasures.all() if one.subject_id == subject_id), None)
        return "" if found is None else f"was erased (receipt {found.erasure_id})"

    async def __aexit__(self, *failure: object) -> None:
        await self.recorder.flush()
        await self.store.close()


async def _same_policy(store: SealedStore, policy: AccessPolicy) -> None:
    """Raises `NotPermitted` when the operation decided by another policy when it last ran."""
    last = ""
    async for row in store.log_rows():
        if b'"PolicyInForce"' in row.entry:
            message = message_of(row)
            last = message.version if isinstance(message, PolicyInForce) else last
    if last and last != policy.version:
        raise NotPermitted("this operation decides by a policy of its own", remedy="name its configuration with --config")


async def _asked(opened: _Opened, policy: AccessPolicy, arguments: argparse.Namespace) -> Order:
    """Who asks, proven by their password, and the authorisation that covers it. Each refusal is on record."""
    accounts = Accounts(opened.recorder, opened.clock, opened.ids, real_clock=SystemClock(), policy=policy)
    await accounts.load(opened.store)
    name = arguments.by
    signed_in = await accounts.sign_in(name, _password(name), WHERE)
    try:
        who: Identity = signed_in.identity
        incident_id = arguments.incident
        if Action.DISCLOSE not in who.may:  # whoever never may is told so, whatever else is missing
            await accounts.require(who, Action.DISCLOSE, What(thing=incident_id, authorised=True))
        leave = opened.authorities.covering(UseCase.DISCLOSURE, incident_id)
        if leave is not None and who.boroughs and not set(leave.place.boroughs) <= set(who.boroughs):
            raise NotPermitted("the authority is about boroughs that this account does not include", remedy="ask somebody else")
        what = What(thing=incident_id, authorised=leave is not None)
        decision = await accounts.require(who, Action.DISCLOSE, what)
        if leave is None:  # a policy of the operator's own may not ask for one; this does
            raise NotPermitted("this act needs an authorisation in force that covers it", remedy="request one")
        await accounts.allowed(who, Action.DISCLOSE, incident_id, decision, leave.authorisation_id)
        recipient = Recipient(arguments.recipient) if arguments.recipient else RECIPIENTS[leave.ground]
        return Order(
            incident_id=incident_id, by=who.account_id, leave=leave, recipient=recipient,
            recordings=tuple(arguments.recording), copies=Copies(arguments.copies),
            people={one.account_id: one.name for one in accounts.all()},
        )  # fmt: skip
    finally:
        await accounts.sign_out(signed_in.token)
        accounts.close()


def _password(name: str) -> str:
    """From the terminal, or a line of standard input where there is none."""
    if sys.stdin.isatty():
        return getpass.getpass(f"password of {name}: ")
    return sys.stdin.readline().rstrip("\n")
