"""`bowstreet simulate`: calls in, figures out. The same seed gives the same; only what measures this machine differs."""

import contextlib
import gc
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
import shapely
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bowstreet import __version__
from bowstreet.accountability.verify import Verification, verify_rows
from bowstreet.airspace import london as london_zones
from bowstreet.dispatch.model import Code
from bowstreet.dispatch.policy import DEFAULT_POLICY, TARGETS, policy_named
from bowstreet.errors import BadInput
from bowstreet.geo import to_grid
from bowstreet.intake.model import CallReport, CloseReason, Incident
from bowstreet.intake.replay import Due, due_calls
from bowstreet.planning.demand import model_named
from bowstreet.simulation import figures
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import DEFAULT_LONDON_DRONES, City, london, planned
from bowstreet.simulation.kernel import Kernel, World
from bowstreet.simulation.mishaps import FaultRates
from bowstreet.simulation.planfile import read_plan
from bowstreet.simulation.report import html_report

# Demand has no year of its own: a week of it begins on this Monday, so that two runs are of the same days.
DEMAND_START = datetime(2026, 11, 2, tzinfo=UTC)
DEMAND_DAYS = 7.0
# Everybody is heard before the first call.
WARM_UP = timedelta(seconds=60)
OBSERVED = "observed_first_arrival_s"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate; as the command line says it. One of `calls` and `demand` is given."""

    calls: Path | None = None
    demand: str | None = None
    days: float | None = None
    plan: Path | None = None
    drones: int | None = None
    policy: str = DEFAULT_POLICY
    seed: int = 1
    faults: FaultRates = FaultRates()
    progress: bool = True


class SimulationResult(NamedTuple):
    """`figures` is what `--json` writes; the rest is what a report draws."""

    figures: dict[str, Any]
    incidents: list[Incident]
    city: City
    kernel: Kernel

    def report(self) -> str:
        """The page of the run, as HTML."""
        return html_report(self.figures, self.incidents, self.city.dock_points(), self.city.outlines)


class _Calls(NamedTuple):
    """Calls in order of time, and where they are from."""

    source: str
    calls: Sequence[Due | CallReport]


def simulate(options: Options) -> SimulationResult:
    """Run it to the end: until the last drone is home and no incident waits.

    Raises:
        BadInput: for options or files that cannot be used.
    """
    source, calls = _calls(options)
    city = _city(options)
    world = World(city=city, policy=policy_named(options.policy), seed=options.seed, faults=options.faults)
    kernel = Kernel(world, _at(calls[0]) - WARM_UP)
    started_s = perf_counter()
    kernel.start()
    with _Progress(len(calls), shown=options.progress) as progress, _uncollected():
        kernel.run(calls, source=source, on_call=progress.advance)
    took_s = perf_counter() - started_s
    incidents = kernel.intake.incidents.all()
    found = _figures(kernel, incidents, took_s)
    found |= {"source": source, "policy": options.policy, "seed": options.seed, "version": __version__}
    found |= {"drones": len(city.vehicles), "docks": len(city.docks)}
    compared = _observed(kernel, source, calls)
    if compared is not None:
        found["compared_with_observed"] = compared
    return SimulationResult(found, incidents, city, kernel)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for cycles: hardly any are made (2,000 objects in 6,500 calls), and looking takes a tenth of the time,
    as everything that was simulated is kept."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# --- what goes in ---------------------------------------------------------------------------------------------------------


def _calls(options: Options) -> _Calls:
    if (options.calls is None) == (options.demand is None):
        raise BadInput("calls come from one source", remedy="give --calls FILE or --demand MODEL")
    if options.days is not None and not 0.0 < options.days < math.inf:
        raise BadInput(f"{options.days:g} days cannot be simulated", remedy="give a number above zero")
    found = _from_file(options.calls, options.days) if options.calls else _from_model(str(options.demand), options)
    if not found.calls:
        raise BadInput("there are no calls to simulate", remedy="give more days, or another file")
    return found


def _from_file(path: Path, days: float | None) -> _Calls:
    calls: list[Due | CallReport] = [_named(call) for call in due_calls(_read(path), path.name)]
    if days is not None:
        end = _at(calls[0]) + timedelta(days=days)
        calls = [call for call in calls if _at(call) < end]
    return _Calls(path.name, calls)


def _named(call: Due) -> Due:
    """A row without an id is known by its line, so that what is observed of it finds its incident again."""
    if call.row.values is None or call.row.values.get("id"):
        return call
    return call._replace(row=call.row._replace(values={**call.row.values, "id": f"line-{call.row.line}"}))


def _from_model(name: str, options: Options) -> _Calls:
    end = DEMAND_START + timedelta(days=options.days or DEMAND_DAYS)
    endless = model_named(name).calls(DEMAND_START, options.seed)
    calls = list(takewhile(lambda call: call.reported_at < end, endless))
    return _Calls(f"demand:{name}", calls)


def _city(options: Options) -> City:
    if options.plan is not None:
        if options.drones is not None:
            raise BadInput("the plan says how many drones there are", remedy="leave out --drones or --plan")
        return planned(read_plan(_read(options.plan)))
    return simulated_city(options.drones or DEFAULT_LONDON_DRONES)


def simulated_city(drones: int) -> City:
    """London as it is simulated when no plan is given: no dock in a flight restriction zone."""
    return london(drones, avoid=shapely.union_all([zone.polygon for zone in london_zones.zones()]))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", remedy="name a file that exists") from error


def _at(call: Due | CallReport) -> datetime:
    return call.reported_at if isinstance(call, CallReport) else call.at


# --- what comes out -------------------------------------------------------------------------------------------------------


def _figures(kernel: Kernel, incidents: list[Incident], took_s: float) -> dict[str, Any]:
    verification = drive(_verified(kernel))
    start, end = kernel.agenda.moment(0.0), kernel.clock.now()
    closed = figures.closing_figures(incidents)
    return {
        "calls": kernel.intake.counts(),
        "flights": figures.flight_figures(kernel.flight.missions.all()),
        "call_to_eyes_s": figures.eyes_figures(incidents),
        "unserved": closed["unserved"],
        "unserved_because": dict(sorted(_reasons(kernel, incidents).items())),
        "airspace_refused": dict(sorted(_refusals(kernel, incidents).items())),
        "wind": figures.wind_figures(kernel.weather.reports, kernel.world.city.max_wind_mps()),
        "assumed": figures.ASSUMED,
        "closed": closed,
        "decision_ms": figures.decision_figures(kernel.dispatch.decision_ms),
        "ledger": {"entries": verification.entries, "root": verification.root, "verified": verification.ok},
        "faults": dict(sorted(kernel.link.counts.items())),
        "from": start.isoformat(),
        "to": end.isoformat(),
        "real_time_factor": round((end - start).total_seconds() / took_s, 1),
    }


async def _verified(kernel: Kernel) -> Verification:
    rows = [row async for row in kernel.store.log_rows()]
    return verify_rows(rows, expected_size=kernel.recorder.size)


def _reasons(kernel: Kernel, incidents: Iterable[Incident]) -> Counter[str]:
    """For incidents that nobody was sent to in time, the last word on why."""
    return Counter(
        kernel.why_none.get(one.incident_id, "expired") for one in incidents if one.close_reason is CloseReason.UNSERVED
    )


def _refusals(kernel: Kernel, incidents: Iterable[Incident]) -> Counter[str]:
    """For incidents that nobody was sent to for airspace, what refused them."""
    refused = [one for one in incidents if kernel.why_none.get(one.incident_id) == Code.AIRSPACE]
    reasons = (kernel.airspace.refuses(to_grid(one.position)) for one in refused if one.close_reason is CloseReason.UNSERVED)
    return Counter("no way leads there" if reason is None else reason.text for reason in reasons)


def _observed(kernel: Kernel, source: str, calls: Iterable[Due | CallReport]) -> dict[str, Any] | None:
    """Beside what the file says of the first arrival that was really observed; None when it says nothing."""
    pairs = list(_pairs(kernel, source, calls))
    return figures.observed_figures(pairs) if pairs else None


def _pairs(kernel: Kernel, source: str, calls: Iterable[Due | CallReport]) -> Iterator[tuple[Incident, float]]:
    seen: set[str] = set()
    for call in calls:
        values = call.row.values if isinstance(call, Due) else None
        if values is None or OBSERVED not in values:
            continue
        incident = kernel.intake.known(source, str(values.get("id", "")))
        seconds = _seconds(values[OBSERVED])
        if incident is None or seconds is None or incident.incident_id in seen or incident.grade not in TARGETS:
            continue
        seen.add(incident.incident_id)
        yield incident, seconds


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0.0 else None


class _Progress:
    """A bar on standard error, for people only."""

    # More often than this it would cost more than what it shows.
    EVERY = 25

    def __init__(self, calls: int, *, shown: bool) -> None:
        columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("calls"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=not (shown and sys.stderr.isatty()))
        self._task = self._bar.add_task("calls", total=calls)
        self._done = 0

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def advance(self) -> None:
        self._done += 1
        if self._done % self.EVERY == 0:
            self._bar.advance(self._task, self.EVERY)
