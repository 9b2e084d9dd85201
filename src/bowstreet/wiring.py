"""Which roles there are, what each needs, and the only place where real adapters are chosen.

`ROLES` is one of the two maps of the program (the other is `messages.MESSAGES`). The embedded process starts them all, each
after those it needs, and stops them in reverse.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import msgspec

from bowstreet import __version__, timetable
from bowstreet.accountability import key_source
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.correspondence.service import Correspondence
from bowstreet.accountability.disclosure.areas import neighbourhoods
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.accountability.gossip import Gossip
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.accountability.processing.service import Consultations
from bowstreet.accountability.published import PublishedFile
from bowstreet.accountability.recorder import Recorder, last_moment
from bowstreet.accountability.retention.accounts_left import AccountsLeft
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.accountability.rotation import Rotation, open_log
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.sign_in.oidc import ProviderSignIn
from bowstreet.accountability.sign_in.passkeys import Passkeys
from bowstreet.accountability.sign_in.provider import Provider
from bowstreet.accountability.vault import open_vault
from bowstreet.accountability.vehicle_keys.service import VehicleKeys
from bowstreet.accountability.witness_http import RemoteWitness
from bowstreet.adapters import boroughs_at, no_wait, open_eye, pilot_may_fly, way_home
from bowstreet.airspace.configured import take_zone_files
from bowstreet.airspace.service import AirspaceService
from bowstreet.console.app import create_app
from bowstreet.console.recorded_flights import RecordedFlights
from bowstreet.console.server import Server
from bowstreet.console.services import ConsoleServices
from bowstreet.console.views import RunView
from bowstreet.dispatch.eyes import Eyes
from bowstreet.dispatch.follows import ANALYST, Follows, FollowsHeld
from bowstreet.dispatch.occurrence_watch import KnownFlights, OccurrenceWatch
from bowstreet.dispatch.officers.service import OfficerLinks
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.service import DispatchService
from bowstreet.dispatch.traffic import Traffic
from bowstreet.dispatch.zone_watch import ZoneWatch
from bowstreet.flight.gimbals import Gimbals
from bowstreet.flight.mavlink import MavlinkLink
from bowstreet.flight.mavlink_seals import Seals
from bowstreet.flight.service import FlightService
from bowstreet.geo import Position
from bowstreet.intake.area import boroughs_geojson
from bowstreet.intake.holding import ClosedIncidents, ReportsInQuarantine
from bowstreet.intake.replay import replay
from bowstreet.intake.service import IntakeService
from bowstreet.planning.callers import call_in
from bowstreet.process import Process
from bowstreet.recognition.alerts.service import Alerts
from bowstreet.recognition.book import Book
from bowstreet.recognition.callouts.push_service import PushServices
from bowstreet.recognition.callouts.server_key import own_key
from bowstreet.recognition.callouts.service import Callouts
from bowstreet.recognition.cameras.pipeline import CameraPipeline
from bowstreet.recognition.enrol import Enrolment
from bowstreet.recognition.holding import ListsHeld
from bowstreet.recognition.known_models import KnownModels
from bowstreet.recognition.models import shipped as face_models
from bowstreet.recognition.ofiq.program import Ofiq
from bowstreet.recognition.planning import Planning
from bowstreet.recognition.portraits.reader import PortraitReader
from bowstreet.recognition.public_records import PublicRecords
from bowstreet.recognition.service import Recognition
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.clock import ScaledClock
from bowstreet.runtime.directory import DataDirectory
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.sqlite import SqliteStore, SqliteTelemetryStore
from bowstreet.simulation.cast import Cast
from bowstreet.simulation.street_program import run_street
from bowstreet.tak.events import Origin
from bowstreet.tak.service import PartnerSharing
from bowstreet.tak.view import View
from bowstreet.video.evidence.at_rest import FOLDER
from bowstreet.video.evidence.credentials import C2paCredentials
from bowstreet.video.evidence.exports import Exports
from bowstreet.video.evidence.kept import own_certificate
from bowstreet.video.evidence.service import Exporter
from bowstreet.video.model import VideoSource
from bowstreet.video.recorder import FootageHeld, FootageRecorder
from bowstreet.video.redaction.service import Redactions
from bowstreet.video.service import VideoService

WATCHLIST_FOLDER = "watchlists"
REPORTS_FOLDER = "equitability-reports"
FINDER = "bowstreet.tracking.finder:thorough"  # who looks through a recording for what is to be covered
# Closed incidents at hand, of which a call may still turn out to be another report: half a year of a city's.
HELD_CLOSED = 50_000
# Live, a call older than this is history: whoever wants it replayed says so.
MAX_CALL_AGE = timedelta(hours=4)


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """One role of the program: what it does, which roles must run before it, how it starts."""

    name: str
    does: str
    needs: tuple[str, ...]
    start: Callable[[Process], Awaitable[None]]


async def _record(process: Process) -> None:
    process.directory = DataDirectory(process.folder)
    process.at_stop("directory", no_wait(process.directory.release))
    master = key_source.load(process.operation.master_key, process.folder)
    vault = open_vault(process.folder, master)
    process.vault = vault
    process.store = SealedStore(SqliteStore(process.directory.record), vault)
    process.at_stop("store", process.store.close)
    process.telemetry = SqliteTelemetryStore(process.directory.telemetry)
    process.at_stop("telemetry", process.telemetry.close)
    process.clock = ScaledClock(process.operation.speed, await last_moment(process.store))
    process.bus = QueueBus()
    process.recorder = Recorder(process.store, process.bus, process.clock)
    await process.recorder.open()
    process.at_stop("bus", process.bus.close)
    process.at_stop("recorder", process.recorder.flush)
    published = PublishedFile(process.folder, process.clock)
    witnesses = [RemoteWitness(prefix, key) for prefix, key in process.operation.witnesses]
    await Rotation(process.folder, process.recorder, published, witnesses).finish(master)
    process.log = open_log(process.folder, process.store, process.operation.log_origin, master, published, witnesses)
    await process.log.open()
    process.gossip = Gossip(process.recorder, process.log, process.clock, witnesses)
    await process.gossip.load(process.store)
    process.metrics.read_gauge(
        "log_forks", "Signed checkpoints that do not fit the record", lambda: float(len(process.gossip.forks))
    )
    process.metrics.read_gauge("ledger_entries", "Entries of the ledger", lambda: float(process.recorder.size))


async def _accounts(process: Process) -> None:
    ids = RandomIds(process.clock)
    process.accounts = Accounts(
        process.recorder, process.clock, ids, real_clock=process.real_clock, policy=process.operation.access_policy
    )
    await process.accounts.load(process.store)
    process.passkeys = Passkeys(process.accounts, process.recorder, process.clock, process.real_clock)
    provider = process.operation.provider
    process.provider = (
        None
        if provider is None
        else ProviderSignIn(
            Provider(provider, process.real_clock), process.accounts, process.recorder, process.clock, ids, process.real_clock
        )
    )
    process.authorities = Authorities(process.recorder, process.clock, ids)
    await process.authorities.load(process.store)
    process.consultations = Consultations(process.recorder, process.clock, process.real_clock)
    await process.consultations.load(process.store)
    process.vehicle_keys = VehicleKeys(process.recorder, process.clock, ids, process.vault.destroy)
    await process.vehicle_keys.load(process.store)
    process.at_stop("accounts", no_wait(process.accounts.close))


async def _intake(process: Process) -> None:
    operation = process.operation
    process.intake = IntakeService(
        process.recorder, process.store, process.clock, RandomIds(process.clock), operation.area,
        max_age=None if operation.calls else MAX_CALL_AGE, held_closed=HELD_CLOSED,
    )  # fmt: skip
    await process.intake.load()


async def _airspace(process: Process) -> None:
    operation = process.operation
    process.airspace = AirspaceService(
        process.recorder, process.store, process.clock,
        zones=operation.zones, permissions=operation.permissions, operator=operation.operator_id,
    )  # fmt: skip
    await process.airspace.load()
    await take_zone_files(process.airspace, operation.zone_files)


async def _flight(process: Process) -> None:
    operation = process.operation
    if process.hardware is not None:
        built = [one.vehicle_id for one in operation.vehicles] if process.hardware.signed else []
        await process.hardware.start(await process.vehicle_keys.of_fleet(built, "demo"))
        operation = msgspec.structs.replace(operation, docks=process.hardware.city.docks, vehicles=process.hardware.city.vehicles)
    seals = Seals(process.clock, operation.vehicles, process.vehicle_keys, process.recorder)
    await seals.open(process.store)
    process.link = MavlinkLink(
        process.clock, process.bus, vehicles=operation.vehicles, docks=operation.docks, position_hz=operation.position_hz,
        seals=seals,
    )  # fmt: skip
    process.link.rejects.register(process.metrics)
    unsigned = process.link.seals.unsigned
    process.metrics.read_gauge("unsigned_links", "Vehicles believed without a signature", lambda: float(len(unsigned())))
    fixed = operation.fixed_wind
    process.flight = FlightService(
        process.recorder, process.store, process.bus, process.clock, process.link,
        vehicles=operation.vehicles, docks=operation.docks, airframes={one.name: one for one in operation.airframes},
        wind=None if fixed is None else lambda: fixed,
        find_route=lambda start, end, height_m: way_home(process.airspace, start, end, height_m),
        pilot_may_fly=lambda *asked: pilot_may_fly(process.airspace, process.relay.heights, *asked),
        telemetry_sink=process.sink,
        spawn=process.spawn,
    )  # fmt: skip
    process.airspace.traffic = Traffic(process.flight)
    await process.flight.load()


async def _dispatch(process: Process) -> None:
    process.dispatch = DispatchService(
        process.recorder, process.clock, RandomIds(process.clock), process.intake, process.flight, process.airspace,
        process.flight, process.operation.policy,
    )  # fmt: skip
    process.relay = RelayService(
        process.recorder, process.clock, process.intake, process.flight, process.airspace, process.dispatch, process.flight
    )
    await process.relay.load(process.store)
    await process.dispatch.load(process.store)
    process.zone_watch = ZoneWatch(process.recorder, process.clock, process.flight, process.airspace)
    process.occurrences = Occurrences(
        process.recorder, process.store, process.clock, RandomIds(process.clock), KnownFlights(process.flight, process.intake)
    )
    await process.occurrences.load()
    process.metrics.read_gauge(
        "occurrences_owed", "Occurrences of which somebody must still be told, or that are not determined",
        lambda: float(process.occurrences.owed()),
    )  # fmt: skip
    process.occurrence_watch = OccurrenceWatch(process.occurrences, process.clock, process.flight, process.airspace)


async def _video(process: Process) -> None:
    vehicles = process.operation.vehicles if process.hardware is None else process.hardware.city.vehicles
    process.video = VideoService(
        [
            VideoSource(source_id=one.vehicle_id, vehicle_id=one.vehicle_id, address=one.video_address, analyst=ANALYST)
            for one in vehicles if one.video_address
        ],
        process.real_clock,
    )  # fmt: skip
    process.metrics.read_gauge(
        "video_pictures_passed_over",
        "Pictures that were due to be looked at and were not",
        lambda: float(process.video.passed_over()),
    )
    process.footage = FootageRecorder(
        process.recorder, process.clock, RandomIds(process.clock), process.vault, process.folder / FOLDER
    )
    await process.footage.load(process.store)
    process.at_stop("footage", process.footage.close)
    process.redactions = Redactions(process.recorder, process.clock, RandomIds(process.clock), process.footage, FINDER)
    await process.redactions.load(process.store)
    process.at_stop("redactions", process.redactions.close)
    process.follows = Follows(
        process.recorder, process.clock, process.flight, process.video, process.intake, process.authorities,
        Gimbals(process.flight.missions.find, process.link), process.operation.look,
    )  # fmt: skip
    process.relay.subjects = process.follows
    await process.follows.load(process.store)
    process.eyes = Eyes(process.recorder, process.clock, process.flight, process.video, process.footage)
    process.officer_links = OfficerLinks(
        process.recorder, process.clock, process.real_clock, RandomIds(process.clock), process.intake, process.accounts
    )
    await process.officer_links.load(process.store)


async def _tak(process: Process) -> None:
    operation = process.operation

    def borough_of(position: Position) -> str | None:
        borough = process.intake.area.borough_of(position)
        return None if borough is None else borough.name

    view = View(process.intake, process.flight, process.video, process.follows, process.clock, process.real_clock, borough_of)
    process.sharing = PartnerSharing(
        operation.partners, view.now, process.recorder, process.clock, process.real_clock, RandomIds(process.clock),
        Origin(name=f"{operation.log_origin} {operation.operator_id}", simulated=bool(operation.demo)),
    )  # fmt: skip
    await process.sharing.load(process.store)
    process.sharing.register(process.metrics)


async def _recognition(process: Process) -> None:
    operation, ids = process.operation, RandomIds(process.clock)
    files = face_models.find(operation.face_models)
    enrolment = Enrolment(
        process.clock, ids, process.vault, PortraitReader(operation.face_models, files.sha256),
        process.folder / WATCHLIST_FOLDER, None if operation.ofiq is None else Ofiq(operation.ofiq), files.sha256,
    )  # fmt: skip
    book = Book(
        process.recorder, process.clock, ids, process.authorities, enrolment,
        KnownModels(files, operation.face_reports or process.folder / REPORTS_FOLDER),
    )  # fmt: skip
    pipeline = CameraPipeline(
        process.clock, process.real_clock, open_eye, models=operation.face_models, speed=process.clock.speed
    )
    process.recognition = Recognition(
        book,
        Planning(book, operation.cameras, lambda places: boroughs_at(operation.area, places)),
        Alerts(process.recorder, process.clock, ids),
        PublicRecords(process.clock, operation.operator_name),
        pipeline,
    )
    pipeline.desk = process.recognition
    process.lists_held = ListsHeld(book)
    await process.recognition.load(process.store)
    process.at_stop("recognition", process.recognition.close_all)
    key = await own_key(process.recorder, operation.push.contact)
    process.callouts = Callouts(
        process.recorder, process.clock, process.real_clock, ids, process.accounts,
        PushServices(operation.push, key, process.real_clock), operation.push, key.application_server_key,
    )  # fmt: skip
    await process.callouts.load(process.store)
    process.callouts.register(process.metrics)
    process.recognition.alerts.listen(process.callouts.hear)
    process.at_stop("call-outs", process.callouts.close)


async def _console(process: Process) -> None:
    operation = process.operation
    if operation.edge is None:
        return
    services = ConsoleServices(
        intake=process.intake, dispatch=process.dispatch, relay=process.relay, flight=process.flight, airspace=process.airspace,
        accounts=process.accounts, passkeys=process.passkeys, provider=process.provider,
        authorities=process.authorities, retention=process.retention,
        occurrences=process.occurrences, consultations=process.consultations, disclosure=process.disclosure,
        video=process.video, footage=process.footage, redactions=process.redactions, exports=process.exports,
        eyes=process.eyes, follows=process.follows, streets=operation.streets,
        officer_links=process.officer_links, recognition=process.recognition, callouts=process.callouts,
        correspondence=process.correspondence, gossip=process.gossip,
        recorder=process.recorder, log=process.log, store=process.store, bus=process.bus,
        clock=process.clock, real_clock=process.real_clock, wind=process.flight.wind,
        vehicle_keys=process.vehicle_keys, unsigned_links=process.link.seals.unsigned, metrics=process.metrics,
        boroughs=operation.boroughs or boroughs_geojson(),
        run=RunView(
            demo=operation.demo, speed=operation.speed, version=__version__, operator=operation.operator_name,
            demand_note=operation.demand_note,
        ),
    )  # fmt: skip
    process.console = create_app(services, operation.edge)
    await process.console.load()
    process.setup_token = await process.accounts.new_setup_token()
    process.server = Server(process.console.app, operation.edge)
    await process.server.start()
    process.at_stop("server", process.server.stop)
    process.at_stop("viewings", process.console.viewings.close)
    process.at_stop("footage viewings", process.console.shown.close)
    process.at_stop("feed", no_wait(process.console.feed.close))
    process.at_stop("alert feed", no_wait(process.console.alert_feed.close))
    process.spawn(process.console.run(), "live feed")


async def _live(process: Process) -> None:
    """Everybody has subscribed: deliver what a crash left undelivered, open the links, and let time run."""
    process.at_stop("tasks", lambda: timetable.end(process))
    await process.recorder.recover()
    await process.told("started", f"version {__version__}")
    await process.accounts.declare_policy()
    await process.retention.declare()
    await process.checkpoint(keep=True)
    await process.link.start()
    process.at_stop("link", process.link.close)
    timetable.begin(process)


async def _retention(process: Process) -> None:
    def is_held(subject_id: str) -> bool:
        return process.authorities.covering(UseCase.LEGAL_HOLD, subject_id) is not None

    name, text = process.operation.retention_table or shipped_table()
    process.retention = Retention(
        process.recorder, process.clock, RandomIds(process.clock), process.vault, parse_table(text, name),
        hashlib.sha256(text.encode()).hexdigest(),
        [
            ClosedIncidents(process.intake, beside=[process.dispatch.decisions, process.relay.watches]),
            ReportsInQuarantine(process.intake),
            AccountsLeft(process.accounts),
            FootageHeld(process.footage, is_held, [process.redactions.all]),
            FollowsHeld(process.follows, is_held),
            process.officer_links, process.occurrences, process.consultations, process.correspondence,
            process.lists_held, process.recognition.alerts, process.callouts,
        ],
        is_held,
    )  # fmt: skip
    await process.retention.load(process.store)
    process.recognition.planning.erase = process.callouts.erase = process.retention.erase
    process.metrics.read_gauge("erasure_overdue_seconds", "How late the oldest erasure is", process.retention.overdue_s)


async def _evidence(process: Process) -> None:
    operator = process.operation.operator_name
    certificate = process.operation.evidence_certificate or await own_certificate(process.recorder, operator, process.real_clock)
    exporter = Exporter(
        process.recorder, process.clock, RandomIds(process.clock), process.log, process.footage, process.authorities,
        operator=operator, version=__version__, find_erased=process.retention.receipt_of, redacted=process.redactions,
        credentials=C2paCredentials(certificate, __version__, simulated=process.hardware is not None),
    )  # fmt: skip
    process.exports = Exports(exporter, process.real_clock)
    process.at_stop("exports", process.exports.close)


async def _disclosure(process: Process) -> None:
    operation = process.operation
    process.disclosure = Disclosure(
        process.recorder, process.store, process.clock,
        RecordedFlights(process.flight, process.intake, process.telemetry), operation.operator_name,
        timedelta(hours=operation.public_period_h), timedelta(hours=operation.public_delay_h), process.signed,
        operation.wards or neighbourhoods(),
    )  # fmt: skip
    await process.disclosure.load()


async def _correspondence(process: Process) -> None:
    process.correspondence = Correspondence(process.recorder, process.clock, RandomIds(process.clock))
    await process.correspondence.load(process.store)
    process.metrics.read_gauge(
        "requests_overdue", "Requests of the public that should have been answered",
        lambda: float(len(process.correspondence.overdue())),
    )  # fmt: skip


async def _calls(process: Process) -> None:
    operation = process.operation
    if operation.calls is not None:
        name, data = operation.calls
        process.calls_task = process.spawn(replay(process.intake, data, name, process.clock), "replay")
    elif operation.demand is not None:
        calling = call_in(process.intake, operation.demand, process.clock, seed=operation.seed, factor=operation.demand_factor)
        process.calls_task = process.spawn(calling, "demand")


async def _cast(process: Process) -> None:
    operation = process.operation
    if not operation.street:
        return
    cast = Cast(
        process.recognition, process.accounts, process.authorities, process.clock,
        operation.face_reports or process.folder / REPORTS_FOLDER, operation.cameras[0].camera_id,
    )  # fmt: skip
    process.spawn(run_street(operation.street, operation.seed, cast.passed), "street")
    process.spawn(cast.play(), "cast")


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role(name="record", does="data directory, store, bus, recorder of the ledger", needs=(), start=_record),
        Role(name="accounts", does="people, roles, sessions, tokens, vehicles' keys", needs=("record",), start=_accounts),
        Role(name="intake", does="calls become incidents", needs=("record",), start=_intake),
        Role(name="airspace", does="zones, permissions, clear routes", needs=("record",), start=_airspace),
        Role(name="flight", does="vehicles, docks, missions over MAVLink", needs=("accounts", "airspace"), start=_flight),
        Role(name="dispatch", does="which drone, and when", needs=("intake", "airspace", "flight"), start=_dispatch),
        Role(name="recognition", does="deployments, lists, alerts", needs=("accounts", "intake"), start=_recognition),
        Role(name="correspondence", does="what the public asks", needs=("record",), start=_correspondence),
        Role(name="retention", does="what is kept no longer", needs=("correspondence", "video", "recognition"), start=_retention),
        Role(name="evidence", does="footage given out under authority", needs=("video", "retention"), start=_evidence),
        Role(name="disclosure", does="what the public is told", needs=("dispatch",), start=_disclosure),
        Role(name="video", does="pictures taken in, and what cameras may show", needs=("flight", "dispatch"), start=_video),
        Role(name="tak", does="what partners see in their TAK", needs=("video",), start=_tak),
        Role(name="console", does="HTTP, live feed, web console", needs=("disclosure", "evidence"), start=_console),
        Role(
            name="live", does="deliver what was left, open links, let time run", needs=("dispatch", "tak", "console"), start=_live
        ),
        Role(name="calls", does="a replayed file or the demo's demand", needs=("live",), start=_calls),
        Role(name="cast", does="the demo's street, and its simulated officers", needs=("live", "recognition"), start=_cast),
    )
}


def in_order(names: Iterable[str] = ()) -> list[Role]:
    """The roles, or those named and what they need, each after those it needs."""
    wanted = set(names) or set(ROLES)
    while more := {need for name in wanted for need in ROLES[name].needs} - wanted:
        wanted |= more
    done: dict[str, Role] = {}
    while left := [role for role in ROLES.values() if role.name in wanted - done.keys()]:
        ready = [role for role in left if all(need in done for need in role.needs)]
        assert ready, "roles need each other in a circle"
        done[ready[0].name] = ready[0]
    return list(done.values())


async def start(process: Process, *names: str) -> None:
    """Every role, or those named with what they need. What was started is stopped again when one fails."""
    try:
        for role in in_order(names):
            await role.start(process)
    except BaseException:
        await process.stop()
        raise
