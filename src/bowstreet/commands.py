"""What each command of the command line does, once its words are understood."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from bowstreet import __version__
from bowstreet.accountability.audit import Report, keyring_of, verify_data
from bowstreet.dispatch.policy import policy_named
from bowstreet.errors import BadInput, BowstreetError, StoreUnavailable
from bowstreet.flight.model import Phase, Wind
from bowstreet.intake.model import IncidentState
from bowstreet.operations import DEFAULT_PORT, configured_operation, demo_city, demo_operation
from bowstreet.runtime import logs
from bowstreet.runtime.clock import SystemClock
from bowstreet.simulation import figures
from bowstreet.simulation.hardware import Hardware
from bowstreet.wiring import Operation, Process

# A common day over London, so that a demo is not grounded by chance; `simulate` has weather that changes.
DEMO_WIND = Wind(speed_mps=5.0, from_deg=240.0, gust_mps=7.5)
DEFAULT_DATA = Path("bowstreet-data")
# Drones that have arrived by the time the run ends may look round for this long, simulated seconds, before they are called home.
LAST_LOOK_S = 10.0
# From the end of the run until the last drone must be home, simulated seconds: a battery's half hour, and a turn at a dock.
HOME_S = 2_700.0
SETUP_FILE = "first-sign-in.txt"


def write_json(target: str | None, value: Any) -> None:
    """To a file, or to standard output for `-`."""
    if target is None:
        return
    text = json.dumps(value, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text)
    except OSError as error:
        raise BadInput(f"{target} cannot be written ({error.strerror})", remedy="name a file in a folder that exists") from error


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", remedy="name a file that exists") from error


# --- up ---------------------------------------------------------------------------------------------------------------


def up(arguments: argparse.Namespace) -> int:
    """Run every role in one process. Exit status 0 when all drones came home and the ledger verifies."""
    logs.configure("warning" if arguments.demo else "info", "console")
    folder: Path = arguments.data or DEFAULT_DATA
    operation, hardware = _operation(arguments, folder)
    return asyncio.run(_Run(operation, hardware, folder, arguments).main())


def _operation(arguments: argparse.Namespace, folder: Path) -> tuple[Operation, Hardware | None]:
    calls = None if arguments.calls is None else (arguments.calls.name, read_file(arguments.calls))
    if arguments.config is not None:
        if arguments.demo is not None:
            raise BadInput("--demo and --config are two different operations", remedy="give one of them")
        return configured_operation(arguments.config, calls=calls, headless=arguments.headless, port=_port(arguments)), None
    if arguments.demo is None:
        raise BadInput("there is nothing to run", remedy="give --demo, or --config FILE")
    city = demo_city(arguments.demo, None if arguments.drones is None else int(arguments.drones))
    hardware = Hardware(folder, city, arguments.speed, DEMO_WIND, arguments.seed)
    port = None if arguments.headless else _port(arguments) or DEFAULT_PORT
    operation = demo_operation(city, calls=calls, speed=arguments.speed, seed=arguments.seed, port=port)
    return operation, hardware


def _port(arguments: argparse.Namespace) -> int | None:
    return None if arguments.port is None else int(arguments.port)


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
        await process.start()
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
        _say("Stopping: drones are called home. Press Ctrl-C again to leave at once; they fly on by themselves.")

    def _announce(self) -> None:
        operation, process = self._operation, self._process
        title = f"demo '{operation.demo}'" if operation.demo else operation.operator_name
        _say(f"Bowstreet {__version__}: {title}, {len(operation.vehicles)} drones, {len(operation.docks)} docks")
        if operation.demand_note:
            _say(f"  calls    {operation.demand_note}")
        if operation.edge is not None and process.server is not None:
            address = f"http://{operation.edge.host}:{process.server.port}"
            _say(f"  console  {address}")
            if process.setup_token is not None:
                link = f"{address}/#/setup?token={process.setup_token}"
                note = self._folder / SETUP_FILE
                note.touch(mode=0o600)
                note.write_text(link + "\n")
                _say(f"  sign in  {link}\n           (once, for the first account; also in {note})")
        _say(f"  data     {self._folder.resolve()}")
        _say(f"  stop     {'by itself after ' + format(self._for_s, 'g') + ' s, or ' if self._for_s else ''}Ctrl-C")

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
                        await process.dispatch.recall(mission.mission_id, "system", "the run is ending")
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
        _say(f"{calls['received']} calls, {calls['incidents']} incidents; {flights['launched']} flights, {out} not returned")
        if eyes["p50"] is not None:
            _say(f"call to eyes: median {eyes['p50']:.0f} s, nine in ten within {eyes['p90']:.0f} s")
        _say(said["ledger"]["says"])


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _ledger(report: Report) -> dict[str, Any]:
    return {"entries": report.verification.entries, "root": report.verification.root, "verified": report.ok}


# --- audit ------------------------------------------------------------------------------------------------------------


def audit_verify(arguments: argparse.Namespace) -> int:
    """Exit status 1, and the first wrong entry named, when anything was changed."""
    path: Path = arguments.data or arguments.path or DEFAULT_DATA
    with _progress("verifying") as on_progress, keyring_of(path, arguments.master_key) as keyring:
        report = verify_data(path, keyring=keyring, on_progress=on_progress)
    write_json(arguments.json, msgspec.to_builtins(report))
    if arguments.json != "-":
        sys.stdout.write(report.says() + "\n")
    return 0 if report.ok else 1


@contextlib.contextmanager
def _progress(what: str) -> Any:
    from rich.progress import Progress

    with Progress(transient=True, console=_stderr(), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


def _stderr() -> Any:
    from rich.console import Console

    return Console(stderr=True)


# --- airspace ---------------------------------------------------------------------------------------------------------


def airspace_check(arguments: argparse.Namespace) -> int:
    """Exit status 1, and each zone that is not understood named, when there is one."""
    from bowstreet.airspace.export import write_zones
    from bowstreet.airspace.zonefile import read_zones

    found = [(path, read_zones(read_file(path), path.name)) for path in arguments.files]
    zones = [zone for _, read in found for zone in read.zones]
    if arguments.out is not None:
        written = write_zones(zones, issued=SystemClock().now(), provider="bowstreet airspace check")
        try:
            arguments.out.write_bytes(written)
        except OSError as error:
            raise BadInput(
                f"{arguments.out} cannot be written ({error.strerror})", remedy="name a file in a folder that exists"
            ) from error
    files = [
        {
            "file": str(path),
            "zones": [{"zone_id": one.zone_id, "name": one.name, "restriction": one.restriction.value} for one in read.zones],
            "rejected": [{"where": where, "why": why} for where, why in read.rejected],
        }
        for path, read in found
    ]
    write_json(arguments.json, {"files": files})
    if arguments.json != "-":
        for path, read in found:
            sys.stdout.write(f"{path}: {len(read.zones)} zones, {len(read.rejected)} not understood\n")
            sys.stdout.writelines(f"  {where}: {why}\n" for where, why in read.rejected)
    return 1 if any(read.rejected for _, read in found) else 0


# --- simulate ---------------------------------------------------------------------------------------------------------


def simulate(arguments: argparse.Namespace) -> int:
    """The same services on a simulated clock."""
    from bowstreet.simulation.run import Options
    from bowstreet.simulation.run import simulate as run

    logs.configure("error", "console")
    result = run(
        Options(
            calls=arguments.calls,
            demand=arguments.demand,
            days=arguments.days,
            plan=arguments.plan,
            drones=None if arguments.drones is None else int(arguments.drones),
            policy=policy_named(arguments.policy).name,
            seed=arguments.seed,
        )
    )
    write_json(arguments.json, result.figures)
    if arguments.report is not None:
        arguments.report.write_text(result.report())
    return 0 if result.figures["ledger"]["verified"] and not result.figures["flights"]["not_returned"] else 1


# --- doctor -----------------------------------------------------------------------------------------------------------


def doctor(arguments: argparse.Namespace) -> int:
    """Each check with what to do. Exit status 1 when one fails."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("configuration", lambda: _check_config(arguments.config)),
        ("data directory", lambda: _check_data(arguments.data or DEFAULT_DATA)),
        ("port", lambda: _check_port(_port(arguments) or DEFAULT_PORT)),
        ("clock", _check_clock),
        ("web console", _check_console),
    ]
    found: list[dict[str, Any]] = []
    for name, check in checks:
        try:
            found.append({"check": name, "ok": True, "says": check()})
        except BowstreetError as error:
            found.append({"check": name, "ok": False, "says": str(error)})
    write_json(arguments.json, {"checks": found, "version": __version__})
    if arguments.json != "-":
        for one in found:
            sys.stdout.write(f"{'ok  ' if one['ok'] else 'FAIL'}  {one['check']}: {one['says']}\n")
    return 0 if all(one["ok"] for one in found) else 1


def _check_config(path: Path | None) -> str:
    from bowstreet.runtime import config

    if path is None:
        return "none given; the demo needs none"
    loaded = config.load(path)
    return f"{len(loaded.fleet.vehicles)} vehicles, {len(loaded.fleet.docks)} docks"


def _check_data(folder: Path) -> str:
    import shutil

    from bowstreet.runtime.directory import DataDirectory

    held = DataDirectory(folder)
    held.release()
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < 1.0:
        raise StoreUnavailable(
            f"only {free_gb:.1f} GB are free at {folder}", remedy="free some space: launches stop when it is full"
        )
    return f"{folder.resolve()}, {free_gb:.0f} GB free"


def _check_port(port: int) -> str:
    from bowstreet.console.server import listening

    listening("127.0.0.1", port).close()
    return f"{port} is free"


def _check_clock() -> str:
    now = SystemClock().now()
    if now.year < 2026:
        raise StoreUnavailable(f"the clock says {now:%Y-%m-%d}", remedy="set it, and run NTP: the ledger's times rest on it")
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


def _check_console() -> str:
    from bowstreet.console.settings import STATIC

    if not (STATIC / "index.html").exists():
        raise StoreUnavailable("the web console is not built", remedy="run make console")
    return "built"
