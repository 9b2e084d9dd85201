"""`bowstreet lfr run`: one deployment at a terminal, from its document to its public record, under the rules and by the services
that `bowstreet up` has. There is no way to run it that those do not allow."""

import argparse
import asyncio
import contextlib
from pathlib import Path
from typing import Any

from bowstreet import __version__
from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.model import Action
from bowstreet.commands import authority_decision
from bowstreet.commands.lfr_alerts import AlertDesk
from bowstreet.commands.lfr_finish import destroyed, finish
from bowstreet.commands.lfr_prepare import Document, keep_report, prepare, read_document
from bowstreet.commands.lfr_summary import summary
from bowstreet.commands.lfr_watch import LOOK_EVERY_S, Ended, Interrupts, Watch
from bowstreet.commands.output import DEFAULT_DATA, expect_writable, port_of, say, write_json
from bowstreet.commands.person import Person, about, asked
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput, BowstreetError, LedgerBroken, NotPermitted, Refused, StoreUnavailable
from bowstreet.flight.model import Phase
from bowstreet.operations import recognition_operation
from bowstreet.process import Operation, Process
from bowstreet.recognition.model import Deployment, DeploymentState
from bowstreet.runtime import logs
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteReader
from bowstreet.wiring import start


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when it ended in order: list destroyed, record published, ledger verified."""
    logs.configure("error", "console")
    expect_writable(arguments.json, arguments.alerts)
    if arguments.json == "-" and arguments.alerts == "-":
        raise BadInput("--json and --alerts both go to standard output", remedy="give one of them a file")
    if arguments.finish:
        return finish(arguments)
    if arguments.document is None:
        raise BadInput("there is no deployment to run", remedy="name its document; 'bowstreet lfr run --help' shows how")
    addresses = dict(_named(one) for one in arguments.camera)
    document = read_document(arguments.document, addresses)
    folder: Path = arguments.data or DEFAULT_DATA
    _nothing_flies(folder)
    return asyncio.run(_Run(_operation(document, arguments), document, folder, arguments).main())


def _named(said: str) -> tuple[str, str]:
    """`ID=ADDRESS`, or the address of the only camera."""
    name, is_there, address = said.partition("=")
    return (name, address) if is_there and not set(name) & set(":/") else ("", said)


def _operation(document: Document, arguments: argparse.Namespace) -> Operation:
    organisation = document.told.operator
    return recognition_operation(
        arguments.config, port=port_of(arguments), name=(organisation.id, organisation.name), cameras=document.cameras,
        models=document.models,
    )  # fmt: skip


def _nothing_flies(folder: Path) -> None:
    """A record whose drones are under way is `bowstreet up`'s. Raises `Refused`."""
    record = folder / RECORD_FILE
    if not record.is_file():
        return
    with SqliteReader(record) as reader:
        if any(not Phase(one.state).is_final for one in reader.records("mission")):
            raise Refused(
                "drones of this record are under way", remedy="bring them home with 'bowstreet up', or name another --data"
            )


class _Run:
    """One deployment from its document to its record."""

    def __init__(self, operation: Operation, document: Document, folder: Path, arguments: argparse.Namespace) -> None:
        self._process = Process(operation, folder)
        self._document, self._folder, self._arguments = document, folder, arguments
        self._terminal = Terminal()
        self._alerts: AlertDesk | None = None
        self._operator: Person | None = None

    async def main(self) -> int:
        process = self._process
        try:
            await start(process)
            try:
                said, ok = await self._run()
                # A record that cannot be written is why it ended, and said already.
                with contextlib.nullcontext() if ok else contextlib.suppress(StoreUnavailable, LedgerBroken):
                    await process.told("stopped", said["ended"])
                    await process.checkpoint(keep=True)
            finally:
                with contextlib.suppress(BowstreetError):
                    await self._leave()
        finally:
            self._terminal.close()
            await process.stop()
        said["ledger"] = self._verified()
        write_json(self._arguments.json, said)
        say(said["ledger"].pop("says"))
        return 0 if ok and said["ledger"]["verified"] else 1

    async def _leave(self) -> None:
        if self._alerts is not None:
            await self._alerts.close()
        if self._operator is not None:
            await self._operator.leave()

    async def _run(self) -> tuple[dict[str, Any], bool]:
        process, told = self._process, self._document.told
        self._operator = await asked(
            process.accounts, self._terminal, told.people.operator, "recognition operator", self._arguments.operator_password
        )  # fmt: skip
        keep_report(process, self._document.report)
        one = await prepare(process, self._document, self._operator, leave_out=self._arguments.leave_out)
        say(f"{one.deployment_id} is {one.state}")
        one = await self._authorised(one)
        self._alerts = await AlertDesk.opened(process, self._terminal, told.people.adjudicating_officer, one, self._arguments)
        self._announce(one)
        with Interrupts() as interrupts:
            why, watch = await self._watched(one, interrupts)
            if why is not Ended.RECORD:
                await self._ended(one.deployment_id, why, interrupts)
        over = process.recognition.get(one.deployment_id)
        said = summary(process, over, watch, why)
        done = over.state is DeploymentState.PUBLISHED or self._arguments.pause
        self._conclude(over, why)
        return said, done and not why.is_failure

    # --- authority ---------------------------------------------------------------------------------------------------------

    async def _authorised(self, one: Deployment) -> Deployment:
        """Authority is asked for, and given by another person here or elsewhere.

        Raises:
            Refused: it is not given, or nobody is here to give it.
        """
        process, assigned = self._process, self._document.told.people.authorising_officer
        recognition, operator = process.recognition, self._operator
        assert operator is not None
        officer: Person | None = None
        try:
            if one.manifest is not None and one.manifest.to_review:
                officer = await self._officer(one, assigned, "people under 18 or vulnerable are listed (R6)")
                await authority_decision.review(process, self._terminal, officer, one.deployment_id)
            if recognition.get(one.deployment_id).state is DeploymentState.PLANNED:
                await operator.may(Action.PLAN_DEPLOYMENT, about(one.deployment_id), places=one.plan.boroughs)
                one = await recognition.planning.request_authority(one.deployment_id, operator.account_id)
            if one.authorised_by:
                return one
            officer = officer or await self._officer(one, assigned, f"authority {one.authorisation_id} is asked for (R2, R3)")
            say("Authority is asked for:")
            authority_decision.show(process, process.authorities.get(one.authorisation_id))
            await authority_decision.decide(process, self._terminal, officer, one.authorisation_id)
        finally:
            if officer is not None:
                await officer.leave()
        one = recognition.get(one.deployment_id)
        if not one.authorised_by:
            raise Refused("authority was refused; the deployment is planned anew", remedy="change the document, and run it again")
        return one

    async def _officer(self, one: Deployment, name: str, why: str) -> Person:
        if name and self._terminal.is_there:
            return await asked(self._process.accounts, self._terminal, name, "authorising officer")
        data = f" --data {self._folder}" if self._arguments.data else ""
        command = (
            f"run 'bowstreet authority decide {one.authorisation_id} --officer NAME{data}', or " if one.authorisation_id else ""
        )
        raise Refused(
            f"{one.deployment_id} waits: {why}",
            remedy=f"have an authorising officer {command}decide in the console ('bowstreet up' on the same data), or name one "
            "at 'people.authorising_officer' who is at this terminal; then run this again",
        )

    # --- the watch ---------------------------------------------------------------------------------------------------------

    async def _watched(self, one: Deployment, interrupts: Interrupts) -> tuple[Ended, Watch]:
        process, operator = self._process, self._operator
        assert operator is not None
        watch = Watch(process, one.deployment_id, self._arguments.for_s, interrupts, self._terminal)
        await operator.may(Action.RUN_DEPLOYMENT, about(one.deployment_id), places=one.plan.boroughs)
        if not await self._opens(one, interrupts):
            return Ended.PERSON, watch
        if not operator.may_still(Action.RUN_DEPLOYMENT, one.plan.boroughs):
            raise NotPermitted(f"'{operator.name}' may not run it any more", remedy="have another operator run it")
        await process.recognition.start(one.deployment_id, operator.account_id)
        say(f"{one.deployment_id} is running; Ctrl-C ends it")
        return await watch.run(), watch

    async def _opens(self, one: Deployment, interrupts: Interrupts) -> bool:
        """Wait for the window; whether it is waited for to the end."""
        if self._process.clock.now() < one.plan.starts_at:
            say(f"waiting for the window, which opens at {one.plan.starts_at:%Y-%m-%d %H:%M:%S} UTC")
        while self._process.clock.now() < one.plan.starts_at:
            if interrupts.count:
                return False
            await self._process.real_clock.sleep(LOOK_EVERY_S)
        return True

    async def _ended(self, deployment_id: str, why: Ended, interrupts: Interrupts) -> None:
        """Nothing is looked at any more; officers finish; then it is closed, its list destroyed, its record out."""
        assert self._operator is not None
        # Ending is kept from happening by no session that is over meanwhile.
        recognition, by = self._process.recognition, self._operator.account_id
        if recognition.get(deployment_id).state is DeploymentState.RUNNING:
            await recognition.stop(deployment_id, by, why)
        if recognition.get(deployment_id).started_at is None:
            say("it has not begun: run it again, or give it up with --finish")
            return
        if self._arguments.pause:
            say("paused: run it again within its window; its list stays sealed until then")
            return
        if self._alerts is not None:
            await self._alerts.finish(deployment_id, interrupts)
        if not recognition.get(deployment_id).state.is_over:
            await recognition.close(deployment_id, by, recognition.get(deployment_id).why or why)
        await destroyed(self._process, [recognition.get(deployment_id)])

    # --- words -------------------------------------------------------------------------------------------------------------

    def _announce(self, one: Deployment) -> None:
        process = self._process
        say(f"Bowstreet {__version__}: {process.operation.operator_name}, {one.plan.use_case} in {', '.join(one.plan.boroughs)}")
        assert one.manifest is not None
        say(f"  list      {one.manifest.people} people, {one.manifest.images} images, as authorised")
        say(f"  window    until {one.plan.ends_at:%Y-%m-%d %H:%M:%S} UTC; threshold {one.plan.threshold:g}")
        say(f"  data      {self._folder.resolve()}")
        if process.operation.edge is not None and process.server is not None:
            say(f"  officers  {process.operation.edge.address(process.server.port)}")

    def _conclude(self, over: Deployment, why: Ended) -> None:
        c = self._process.recognition.counts(over)
        say(
            f"{over.deployment_id}: {over.why or why}; {c.tracks:,} faces seen, {c.alerts:,} alerts, {c.dropped:,} frames dropped"
        )
        if over.state is DeploymentState.PUBLISHED:
            say(f"its list is destroyed, its record published (SHA-256 {over.record_digest})")
        elif not self._arguments.pause and over.started_at is not None:
            say(f"it is {over.state}: its list still stands; run 'bowstreet lfr run --finish' within a day of its end")

    def _verified(self) -> dict[str, Any]:
        with keyring_of(self._folder, self._process.operation.master_key) as keyring:
            report = verify_data(self._folder, keyring=keyring)
        found = report.verification
        return {"entries": found.entries, "root": found.root, "verified": report.ok, "says": report.says()}
