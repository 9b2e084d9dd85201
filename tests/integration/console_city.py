"""A small running operation for the console's tests: real services on the in-memory store and bus, a link whose vehicles obey."""

import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import argon2
import httpx
import shapely
from tests.unit.recognition_world import CAMERAS, Fixed, Watched
from tests.unit.test_footage import Keys

from bowstreet.accountability import checkpoint, ledger
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.correspondence.service import Correspondence
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.disclosure.areas import neighbourhoods
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.accountability.gossip import Gossip
from bowstreet.accountability.model import Identity, Role
from bowstreet.accountability.note import Note, SoftwareSigner
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.accountability.processing.service import Consultations
from bowstreet.accountability.published import Line
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.accounts_left import AccountsLeft
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.accountability.sign_in.oidc import ProviderSignIn
from bowstreet.accountability.sign_in.passkeys import Passkeys
from bowstreet.accountability.sign_in.provider import Provider
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.accountability.vehicle_keys.service import VehicleKeys
from bowstreet.adapters import boroughs_at
from bowstreet.airspace import london as london_zones
from bowstreet.airspace.model import Datum, Limit, Restriction, Zone
from bowstreet.airspace.rules import OPERATING_VOLUME
from bowstreet.airspace.service import AirspaceService
from bowstreet.console.app import Console, create_app
from bowstreet.console.recorded_flights import RecordedFlights
from bowstreet.console.services import ConsoleServices
from bowstreet.console.settings import EdgeSettings
from bowstreet.console.views import RunView
from bowstreet.dispatch.eyes import Eyes
from bowstreet.dispatch.follows import Follows
from bowstreet.dispatch.occurrence_watch import KnownFlights
from bowstreet.dispatch.officers.service import OfficerLinks
from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.service import DispatchService
from bowstreet.flight.airframes import PATROL_QUADCOPTER
from bowstreet.flight.gimbals import Gimbals
from bowstreet.flight.mavlink_seals import Seals
from bowstreet.flight.model import Command, DockConfig, DockStatus, Telemetry, VehicleConfig, Wind
from bowstreet.flight.ports import DockReport, OnDock, OnTelemetry, Outcome, Settled
from bowstreet.flight.service import FlightService
from bowstreet.geo import Position, to_grid
from bowstreet.intake import area
from bowstreet.intake.holding import ClosedIncidents, ReportsInQuarantine
from bowstreet.intake.service import IntakeService
from bowstreet.messages import Message
from bowstreet.recognition.alerts.service import Alerts
from bowstreet.recognition.book import Book
from bowstreet.recognition.callouts.model import PushPolicy
from bowstreet.recognition.callouts.ports import Sender
from bowstreet.recognition.callouts.push_service import PushServices
from bowstreet.recognition.callouts.server_key import own_key
from bowstreet.recognition.callouts.service import Callouts
from bowstreet.recognition.enrol import Enrolment
from bowstreet.recognition.holding import ListsHeld
from bowstreet.recognition.planning import Planning
from bowstreet.recognition.portraits.reader import PortraitReader
from bowstreet.recognition.public_records import PublicRecords
from bowstreet.recognition.service import Recognition
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock, SystemClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.memory import MemoryStore, MemoryTelemetryStore
from bowstreet.runtime.metrics import Metrics
from bowstreet.runtime.ports import Store
from bowstreet.tracking.streets import Streets
from bowstreet.video.evidence.exports import Exports
from bowstreet.video.evidence.service import Credentials, Exporter
from bowstreet.video.model import VideoSource
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.service import Redactions
from bowstreet.video.service import VideoService

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PASSWORD = "three unrelated words"
SCENE = Position(latitude_deg=51.5465, longitude_deg=-0.1030)  # Highbury Corner
DOCKS = {"k1": Position(latitude_deg=51.5380, longitude_deg=-0.0990), "k2": Position(latitude_deg=51.5560, longitude_deg=-0.1160)}


class ObedientLink:
    """Vehicles and docks that acknowledge everything at once. They move only when a test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Command, str]] = []
        self.aimed: list[tuple[str, float, float]] = []
        self.gimbal_says = ""
        self.on_telemetry: OnTelemetry
        self.on_dock: OnDock

    async def send(self, target_id: str, command: Command, command_id: str) -> Settled:
        self.sent.append((target_id, command, command_id))
        return Settled(outcome=Outcome.ACCEPTED)

    def aim_gimbal(self, vehicle_id: str, tilt_deg: float, azimuth_deg: float) -> None:
        self.aimed.append((vehicle_id, tilt_deg, azimuth_deg))

    def gimbal_trouble(self, vehicle_id: str) -> str:
        return self.gimbal_says

    def listen(self, on_telemetry: OnTelemetry, on_dock: OnDock) -> None:
        self.on_telemetry, self.on_dock = on_telemetry, on_dock

    def heard_s_ago(self, target_id: str) -> float | None:
        return 0.0


class FixedWind:
    def wind(self) -> Wind | None:
        return Wind(speed_mps=4.0, from_deg=240.0, gust_mps=6.0)


def zones() -> list[Zone]:
    """London's zones, and leave to fly over Islington."""
    centre = to_grid(SCENE)
    volume = Zone(
        zone_id="islington-pilot",
        name="Islington pilot",
        kind=OPERATING_VOLUME,
        restriction=Restriction.NONE,
        polygon=shapely.Point(centre.easting_m, centre.northing_m).buffer(4_000),
        lower=Limit(height_m=0.0, datum=Datum.AGL),
        upper=Limit(height_m=120.0, datum=Datum.AGL),
        source="test",
        permitted_operators=frozenset({"test"}),
    )
    return [*london_zones.zones(), volume]


@dataclass(kw_only=True)
class City:
    """The operation, and hands to move it with."""

    store: Store
    clock: SimulatedClock
    link: ObedientLink
    recorder: Recorder
    services: ConsoleServices
    console: Console
    settings: EdgeSettings
    people: dict[str, Identity] = field(default_factory=dict)

    async def ledger(self, kind: type[Message]) -> list[Any]:
        """The entries of one kind, as messages."""
        found = [ledger.message_of(row) async for row in self.store.log_rows()]
        return [message for message in found if isinstance(message, kind)]

    async def advance(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(seconds=seconds))
        await self.services.flight.tick()

    async def hear_all(self, at: Position | None = None) -> None:
        """Every vehicle and dock reports: charged, healthy, docked."""
        for number, (dock_id, position) in enumerate(DOCKS.items()):
            await self.services.flight.on_dock(
                DockReport(dock_id=dock_id, status=DockStatus.CLOSED, pads=(number + 1,), wind_speed_mps=4.0, wind_from_deg=240.0)
            )
            await self.services.flight.on_telemetry(telemetry(f"d{number + 1}", self.clock.now(), position))

    def client(self, **kwargs: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.console.app), base_url="http://127.0.0.1:8700", **kwargs)

    @asynccontextmanager
    async def signed_in(self, role: str = "supervisor") -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody with this role: cookie and CSRF header."""
        name = f"A {role}"
        if role not in self.people:
            account = await self.services.accounts.create(self.people["supervisor"], name, Role(role), PASSWORD)
            self.people[role] = Identity(account_id=account.account_id, name=name, role=Role(role), may=())
        async with self.client() as client:
            answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]
            yield client

    @asynccontextmanager
    async def program(self, role: str = "cad") -> AsyncIterator[httpx.AsyncClient]:
        """A program with a service token."""
        _, secret = await self.services.accounts.tokens.issue(self.people["supervisor"], "CAD", Role(role))
        async with self.client(headers={"Authorization": f"Bearer {secret}"}) as client:
            yield client


class NoKeys:
    """This store is in memory and seals nothing: there is no key to destroy."""

    async def destroy(self, subjects: Iterable[str]) -> int:
        return 0


class DestroyedKeys(Keys):
    """Keys in memory, gone when they are destroyed."""

    async def destroy(self, subjects: Iterable[str]) -> int:
        return sum(self.made.pop(one, None) is not None for one in subjects)


def recognition(recorder: Recorder, clock: Any, ids: Any, authorities: Authorities) -> Recognition:
    """Recognition with two cameras at Highbury Corner, in Islington, and a model whose report covers everything."""
    folder = Path(tempfile.mkdtemp(prefix="watchlists-"))
    enrolment = Enrolment(clock, ids, DestroyedKeys(), PortraitReader(), folder, model_sha256=Fixed.sha256)
    book = Book(recorder, clock, ids, authorities, enrolment, Fixed())
    planning = Planning(book, CAMERAS, lambda places: boroughs_at(area.london(), places))
    return Recognition(book, planning, Alerts(recorder, clock, ids), PublicRecords(clock, "Test Police"), Watched())


class Kept:
    """Signed checkpoints, in memory."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def last(self) -> Note | None:
        return self.notes[-1] if self.notes else None

    def history(self, most: int) -> list[Line]:
        lines = []
        for note in reversed(self.notes[-most:]):
            said = checkpoint.read_text(note.text)
            lines.append(Line(at=START, size=said.size, root=said.root.hex(), note=note.write().decode()))
        return lines

    def add(self, note: Note, *, keep: bool = False) -> None:
        self.notes.append(note)


def telemetry(vehicle_id: str, at: datetime, position: Position, *, height_m: float = 0.0, charge: float = 1.0) -> Telemetry:
    return Telemetry(
        vehicle_id=vehicle_id,
        at=at,
        position=position,
        altitude_m_amsl=30.0 + height_m,
        height_m_above_dock=height_m,
        heading_deg=90.0,
        ground_speed_mps=0.0 if height_m == 0 else 15.0,
        vertical_speed_mps=0.0,
        charge_fraction=charge,
        armed=height_m > 0,
        landed=height_m == 0,
        gps_ok=True,
        ready_to_arm=True,
        gimbal_pitch_deg=0.0,
    )


async def city(
    settings: EdgeSettings | None = None,
    store: Store | None = None,
    *,
    bus: Any = None,
    clock: Any = None,
    real_clock: Any = None,
    set_up: bool = True,
    video: tuple[VideoSource, ...] = (),
    provider: ProviderSettings | None = None,
    streets: Streets | None = None,
    finder: str = "bowstreet.tracking.finder:thorough",
    credentials: Credentials | None = None,
    push: PushPolicy | None = None,
    speed: float = 1.0,
    sender: Sender | None = None,
    recognised: Recognition | None = None,
) -> City:
    """Start an operation. With a `store` that was used before, it is started again on it."""
    settings = settings or EdgeSettings()
    store, clock, link = store or MemoryStore(), clock or SimulatedClock(START), ObedientLink()
    real_clock = real_clock or clock
    recorder, ids = Recorder(store, bus or InlineBus(), clock), RandomIds(clock)
    await recorder.open()
    cheap = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts = Accounts(recorder, clock, ids, passwords=cheap, real_clock=real_clock)
    authorities = Authorities(recorder, clock, ids)
    await authorities.load(store)
    vehicle_keys = VehicleKeys(recorder, clock, ids, NoKeys().destroy)
    await vehicle_keys.load(store)
    intake = IntakeService(recorder, store, clock, ids, area.london(), max_age=timedelta(hours=1))
    airspace = AirspaceService(recorder, store, clock, zones=zones(), operator="test")
    docks = [
        DockConfig(
            dock_id=dock_id,
            name=f"Dock {dock_id}",
            position=at,
            ground_m_amsl=30.0,
            pads=1,
            link="udpin:127.0.0.1:0",
            system_id=number + 101,
        )
        for number, (dock_id, at) in enumerate(DOCKS.items())
    ]
    vehicles = [
        VehicleConfig(
            vehicle_id=f"d{number + 1}",
            link="udpin:127.0.0.1:0",
            system_id=number + 1,
            airframe=PATROL_QUADCOPTER.name,
            home_dock_id=dock_id,
        )
        for number, dock_id in enumerate(DOCKS)
    ]
    flight = FlightService(
        recorder,
        store,
        recorder.bus,
        clock,
        link,
        vehicles=vehicles,
        docks=docks,
        airframes={PATROL_QUADCOPTER.name: PATROL_QUADCOPTER},
        wind=FixedWind().wind,
    )
    seals = Seals(clock, vehicles, vehicle_keys, recorder)
    await seals.open(store)
    dispatch = DispatchService(recorder, clock, ids, intake, flight, airspace, FixedWind(), policy_named("closest-eta"))
    correspondence = Correspondence(recorder, clock, ids)
    await correspondence.load(store)
    occurrences = Occurrences(recorder, store, clock, ids, KnownFlights(flight, intake))
    consultations = Consultations(recorder, clock, clock)
    name, text = shipped_table()
    relay = RelayService(recorder, clock, intake, flight, airspace, dispatch, FixedWind())
    kept: list[Any] = [ClosedIncidents(intake, [dispatch.decisions, relay.watches]), ReportsInQuarantine(intake), AccountsLeft(accounts), occurrences, consultations,
                       correspondence]  # fmt: skip
    recognised = recognised or recognition(recorder, clock, ids, authorities)
    push = push or PushPolicy(contact="mailto:duty@example.org")
    key = await own_key(recorder, push.contact)
    callouts = Callouts(
        recorder,
        clock,
        real_clock,
        ids,
        accounts,
        sender or PushServices(push, key, SystemClock()),
        push,
        key.application_server_key,
    )
    recognised.alerts.listen(callouts.hear)
    kept.extend([ListsHeld(recognised.planning.book), recognised.alerts, callouts])
    retention = Retention(
        recorder, clock, ids, recognised.planning.book.enrolment.keys, parse_table(text, name), "0" * 64, kept,
        lambda subject_id: authorities.covering(UseCase.LEGAL_HOLD, subject_id) is not None,
    )  # fmt: skip
    await retention.load(store)
    log = TransparencyLog(store, "bowstreet.example/city", SoftwareSigner(bytes(32)), Kept())
    disclosure = Disclosure(
        recorder, store, clock, RecordedFlights(flight, intake, MemoryTelemetryStore()), "Test Police", timedelta(hours=1),
        timedelta(minutes=30), lambda *, keep=False: log.publish(recorder.size, recorder.root, keep=keep), neighbourhoods(),
    )  # fmt: skip
    await disclosure.load()
    gossip = Gossip(recorder, log, clock)
    await gossip.load(store)
    pictures = VideoService(video, SystemClock())
    recognised.planning.erase = callouts.erase = retention.erase
    await callouts.load(store)
    await recognised.load(store)
    footage = FootageRecorder(recorder, clock, ids, Keys(), Path(tempfile.mkdtemp(prefix="footage-")))
    await footage.load(store)
    officer_links = OfficerLinks(recorder, clock, real_clock, ids, intake, accounts)
    await officer_links.load(store)
    redactions = Redactions(recorder, clock, ids, footage, finder)
    await redactions.load(store)
    services = ConsoleServices(
        intake=intake,
        dispatch=dispatch,
        relay=relay,
        flight=flight,
        airspace=airspace,
        accounts=accounts,
        passkeys=Passkeys(accounts, recorder, clock, clock),
        provider=None if provider is None else ProviderSignIn(Provider(provider, clock), accounts, recorder, clock, ids, clock),
        authorities=authorities,
        vehicle_keys=vehicle_keys,
        unsigned_links=seals.unsigned,
        retention=retention,
        occurrences=occurrences,
        consultations=consultations,
        disclosure=disclosure,
        video=pictures,
        footage=footage,
        redactions=redactions,
        exports=Exports(
            Exporter(
                recorder,
                clock,
                ids,
                log,
                footage,
                authorities,
                operator="Test Police",
                version="0.0.0",
                find_erased=retention.receipt_of,
                credentials=credentials,
                redacted=redactions,
            ),
            clock,
        ),
        eyes=Eyes(recorder, clock, flight, pictures, footage),
        streets=streets or Streets(),
        follows=Follows(recorder, clock, flight, pictures, intake, authorities, Gimbals(flight.missions.find, link)),
        officer_links=officer_links,
        recognition=recognised,
        callouts=callouts,
        correspondence=correspondence,
        gossip=gossip,
        recorder=recorder,
        log=log,
        store=store,
        bus=recorder.bus,
        clock=clock,
        real_clock=real_clock,
        run=RunView(demo="test", speed=speed, version="0.0.0", operator="Test", demand_note=""),
        wind=FixedWind().wind,
        metrics=Metrics(),
        boroughs=area.boroughs_geojson(),
    )
    console = create_app(services, settings)
    await accounts.load(store)
    await intake.load()
    await airspace.load()
    await flight.load()
    await relay.load(store)
    await dispatch.load(store)
    await occurrences.load()
    await consultations.load(store)
    await console.load()
    made = City(store=store, clock=clock, link=link, recorder=recorder, services=services, console=console, settings=settings)
    if set_up and accounts.needs_setup:
        token = await accounts.new_setup_token()
        assert token is not None
        made.people["supervisor"] = (await accounts.set_up(token, "A supervisor", PASSWORD, "test")).identity
    elif set_up:
        made.people["supervisor"] = next(
            Identity(account_id=one.account_id, name=one.name, role=one.role, may=())
            for one in accounts.all()
            if one.role is Role.SUPERVISOR
        )
    return made


def call(**changes: Any) -> dict[str, Any]:
    """A call as a CAD sends it."""
    return {
        "id": "cad-1",
        "reported_at": "2026-11-23T15:00:00+00:00",
        "latitude": SCENE.latitude_deg,
        "longitude": SCENE.longitude_deg,
        "grade": "I",
        "category": "robbery",
        "text": "a man with a knife",
    } | changes
