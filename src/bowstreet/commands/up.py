"""`bowstreet up`: every role in one process, live, until it is stopped; then everybody comes home."""

import argparse
import asyncio
import contextlib
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from bowstreet import __version__
from bowstreet.accountability.audit import Report, keyring_of, verify_data
from bowstreet.commands.output import DEFAULT_DATA, expect_writable, port_of, read_file, say, write_json
from bowstreet.errors import BadInput, BowstreetError
from bowstreet.flight.model import Phase, Wind
from bowstreet.intake.model import IncidentState
from bowstreet.intake.replay import due_calls
from bowstreet.operations import (
    DEFAULT_PORT,
    FASTEST_STREET,
    configured_operation,
    configured_partners,
    demo_city,
    demo_operation,
)
from bowstreet.process import Operation, Process
from bowstreet.runtime import logs
from bowstreet.simulation import figures
from bowstreet.simulation.hardware import Hardware
from bowstreet.simulation.street_program import free_address
from bowstreet.wiring import start

# A common day over London, so that a demo is not grounded by chance; `simulate` has weather that changes.
DEMO_WIND = Wind(speed_mps=5.0, from_deg=240.0, gust_mps=7.5)
# Drones that have arrived by the time the run ends may look round for this long, simulated seconds, before they are called home.
LAST_LOOK_S = 10.0
# From the end of the run until the last drone must be home, simulated seconds: a battery's half hour, and a turn at a dock.
HOME_S = 2_700.0
SETUP_FILE = "first-sign-in.txt"


def up(arguments: argparse.Namespace) -> int:
    """Run every role in one process. Exit status 0 when all drones came home and the ledger verifies."""
    logs.configure("warning" if arguments.demo else "info", "console")
    folder: Path = arguments.data or DEFAULT_DATA
    operation, hardware = _operation(arguments, folder)
    return asyncio.run(_Run(operation, hardware, folder, arguments).main())


def _operation(arguments: argparse.Namespace, folder: Path) -> tuple[Operation, Hardware | None]:
    expect_writable(arguments.json)
    calls = None if arguments.calls is None else (arguments.calls.name, read_file(arguments.calls))
    if calls is not None:
        due_calls(calls[1], calls[0])  # a file that cannot be read is told now, not by a task while drones stand ready
    if arguments.config is not None:
        if arguments.demo is not None:
            raise BadInput("--demo and --config are two different operations", remedy="give one of them")
        if arguments.partners is not None:
            raise BadInput("--partners is for a demo", remedy="name partners in the configuration, under [tak]")
        if arguments.speed != 1.0 or arguments.drones is not None:
            raise BadInput("--speed and --drones are for a demo: a real operation has its own", remedy="leave them out")
        return configured_operation(arguments.config, calls=calls, headless=arguments.headless, port=port_of(arguments)), None
    if arguments.demo is None:
        raise BadInput("there is nothing to run", remedy="give --demo, or --config FILE")
    city = demo_city(arguments.demo, None if arguments.drones is None else int(arguments.drones))
    hardware = Hardware(folder, city, arguments.speed, DEMO_WIND, arguments.seed)
    port = None if arguments.headless else port_of(arguments) or DEFAULT_PORT
    street = free_address() if port is not None and arguments.speed <= FASTEST_STREET else ""
    operation = demo_operation(city, calls=calls, speed=arguments.speed, seed=arguments.seed, port=port, street=street)
    if arguments.partners is not None:
        operation = msgspec.structs.replace(operation, partners=configured_partners(arguments.partners, operation.area))
    return operation, hardware


class _Run:
    """One live run from start to figures."""

    def __init__(self, operation: Operation, hardware: Hardware | None, folder: Path, arguments: argparse.Namespace) -> None:
        self._process = Process(operation, folder, hardware)
        self._operation, self._hardware, self._folder = operation, hardware, folder
        self._for_s: float | None = arguments.for_s
        self._json: str | None = arguments.json
        self._stop = asyncio.Event()
        self._at_once = False

    async def main(self) -> int:
        process = self._process
        await start(process)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop)
        started_s, began = process.real_clock.monotonic_s(), process.clock.monotonic_s()
        try:
            self._announce()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._for_s)
            await self._bring_home()
            said = self._figures(process.clock.monotonic_s() - began, process.real_clock.monotonic_s() - started_s)
            await process.told("stopped", "drones are home" if not said["flights"]["not_returned"] else "drones are still out")
            await process.checkpoint(keep=True)
        finally:
            await process.stop()
            if self._hardware is not None:
                await self._hardware.stop()
        said["ledger"] = self._verified()
        write_json(self._json, said)
        self._conclude(said)
        return 0 if said["ledger"]["verified"] and not said["flights"]["not_returned"] else 1

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._at_once = True
        self._stop.set()
        say("Stopping: drones are called home. Press Ctrl-C again to leave at once; they fly on by themselves.")

    def _announce(self) -> None:
        operation, process = self._operation, self._process
        title = f"demo '{operation.demo}'" if operation.demo else operation.operator_name
        say(f"Bowstreet {__version__}: {title}, {len(operation.vehicles)} drones, {len(operation.docks)} docks")
        if operation.demand_note:
            say(f"  calls    {operation.demand_note}")
        if operation.edge is not None and process.server is not None:
            address = operation.edge.address(process.server.port)
            say(f"  console  {address}")
            self._tell_first_sign_in(address)
        say(f"  data     {self._folder.resolve()}")
        say(f"  stop     {'by itself after ' + format(self._for_s, 'g') + ' s, or ' if self._for_s else ''}Ctrl-C")

    def _tell_first_sign_in(self, address: str) -> None:
        note = self._folder / SETUP_FILE
        if self._process.setup_token is None:
            note.unlink(missing_ok=True)
            say("  sign in  with an account of an earlier run")
            return
        link = f"{address}/#/setup?token={self._process.setup_token}"
        note.touch(mode=0o600)
        note.write_text(link + "\n")
        say(f"  sign in  {link}\n           (once, for the first account; also in {note})")

    # --- the end of a run ---------------------------------------------------------------------------------------------

    async def _bring_home(self) -> None:
        """No more calls. Drones under way finish unless somebody pressed Ctrl-C; then all come home."""
        process = self._process
        if process.calls_task is not None:
            process.calls_task.cancel()
        until_s = process.clock.monotonic_s() + HOME_S
        called: set[str] = set()
        while process.clock.monotonic_s() < until_s:
            flying = process.flight.active_missions()
            waiting = [] if self._at_once else process.intake.incidents.in_states(IncidentState.OPEN, IncidentState.ASSIGNED)
            if not flying and not (waiting and self._may_still_fly()):
                break
            for mission in flying:
                if mission.mission_id not in called and (self._at_once or self._has_looked(mission.eyes_on_at)):
                    called.add(mission.mission_id)
                    with contextlib.suppress(BowstreetError):
                        await process.dispatch.bring_home(mission.mission_id)
            await process.clock.sleep(1.0)
        await process.bus.drain()
        await process.flight.flush()

    def _may_still_fly(self) -> bool:
        """Whether a drone may yet go to somebody who waits: some minutes, not until the battery of each is full."""
        waiting = self._process.intake.incidents.in_states(IncidentState.OPEN)
        now = self._process.clock.now()
        return any(now - incident.opened_at < timedelta(seconds=60) for incident in waiting)

    def _has_looked(self, eyes_on_at: Any) -> bool:
        return eyes_on_at is not None and (self._process.clock.now() - eyes_on_at).total_seconds() >= LAST_LOOK_S

    def _figures(self, ran_s: float, real_s: float) -> dict[str, Any]:
        process = self._process
        incidents, missions = process.intake.incidents.all(), process.flight.missions.all()
        closed = figures.closing_figures(incidents)
        open_still = len(process.intake.incidents.in_states(IncidentState.OPEN))
        return {
            "calls": process.intake.counts(),
            "flights": figures.flight_figures(missions),
            "call_to_eyes_s": figures.eyes_figures(incidents),
            "unserved": closed["unserved"] + open_still,
            "closed": closed,
            "decision_ms": figures.decision_figures(process.dispatch.decision_ms),
            "lost": sum(mission.phase is Phase.LOST for mission in missions),
            "real_time_factor": round(ran_s / real_s, 3) if real_s else None,
            "seed": self._operation.seed,
            "version": __version__,
        }

    def _verified(self) -> dict[str, Any]:
        with keyring_of(self._folder, self._operation.master_key) as keyring:
            report = verify_data(self._folder, keyring=keyring)
        return {**_ledger(report), "says": report.says()}

    def _conclude(self, said: dict[str, Any]) -> None:
        calls, flights, eyes = said["calls"], said["flights"], said["call_to_eyes_s"]
        out = flights["not_returned"]
        say(f"{calls['received']} calls, {calls['incidents']} incidents; {flights['launched']} flights, {out} not returned")
        if eyes["p50"] is not None:
            say(f"call to eyes: median {eyes['p50']:.0f} s, nine in ten within {eyes['p90']:.0f} s")
        say(said["ledger"]["says"])


def _ledger(report: Report) -> dict[str, Any]:
    return {"entries": report.verification.entries, "root": report.verification.root, "verified": report.ok}
