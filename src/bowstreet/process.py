"""What is run, and the parts of one running process: values and slots that `wiring` fills. No adapter is chosen here."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.policy import AccessPolicy
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.correspondence.service import Correspondence
from bowstreet.accountability.disclosure.areas import Areas
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.accountability.gossip import Gossip
from bowstreet.accountability.note import Note, VerifierKey
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.accountability.processing.service import Consultations
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.service import Retention
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.accountability.sign_in.oidc import ProviderSignIn
from bowstreet.accountability.sign_in.passkeys import Passkeys
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.accountability.vault import Vault
from bowstreet.accountability.vehicle_keys.service import VehicleKeys
from bowstreet.airspace.model import Permission, Zone
from bowstreet.airspace.service import AirspaceService
from bowstreet.console.app import Console
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.dispatch.eyes import Eyes
from bowstreet.dispatch.follows import Follows
from bowstreet.dispatch.occurrence_watch import OccurrenceWatch
from bowstreet.dispatch.officers.service import OfficerLinks
from bowstreet.dispatch.policy import Policy
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.service import DispatchService
from bowstreet.dispatch.zone_watch import ZoneWatch
from bowstreet.errors import StoreUnavailable
from bowstreet.flight.mavlink import MavlinkLink
from bowstreet.flight.model import Airframe, DockConfig, Telemetry, VehicleConfig, Wind
from bowstreet.flight.service import FlightService
from bowstreet.intake.area import OperatingArea
from bowstreet.intake.service import IntakeService
from bowstreet.messages import RunChanged
from bowstreet.planning.demand import DemandModel
from bowstreet.recognition.callouts.model import PushPolicy
from bowstreet.recognition.callouts.service import Callouts
from bowstreet.recognition.holding import ListsHeld
from bowstreet.recognition.ofiq.model import OfiqSettings
from bowstreet.recognition.ports import CameraConfig
from bowstreet.recognition.service import Recognition
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.clock import ScaledClock, SystemClock
from bowstreet.runtime.directory import DataDirectory
from bowstreet.runtime.metrics import Metrics
from bowstreet.runtime.sqlite import SqliteTelemetryStore
from bowstreet.simulation.hardware import Hardware
from bowstreet.tak.model import Partner
from bowstreet.tak.service import PartnerSharing
from bowstreet.tracking.streets import Streets
from bowstreet.tracking.wire import Setup
from bowstreet.video.evidence.credentials import Certificate
from bowstreet.video.evidence.exports import Exports
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.service import Redactions
from bowstreet.video.service import VideoService

log = structlog.get_logger(__name__)

# Telemetry that the disk does not take is kept so long in memory: 300 vehicles for 20 s.
MOST_TELEMETRY_WAITING = 60_000


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What is run: an operator's own, from a configuration file, or a demo."""

    operator_id: str
    operator_name: str
    area: OperatingArea
    docks: tuple[DockConfig, ...]
    vehicles: tuple[VehicleConfig, ...]
    airframes: tuple[Airframe, ...]
    zones: tuple[Zone, ...]
    zone_files: tuple[tuple[str, bytes], ...] = ()  # name and content; entered into the record at start
    permissions: tuple[Permission, ...]
    policy: Policy
    edge: EdgeSettings | None = None  # None: headless
    boroughs: bytes = b""
    streets: Streets = msgspec.field(default_factory=Streets)  # names for pictures
    look: Setup = Setup()  # how each drone's analyst looks
    fixed_wind: Wind | None = None
    telemetry_hours: float = 24.0
    public_period_h: float = 24.0  # what a release of the public register covers, and how long after it comes
    public_delay_h: float = 24.0
    wards: Areas | None = None  # what minutes overhead are told by; None is what comes with the product
    retention_table: tuple[str, str] | None = None  # name and text; None is the one that comes with the product
    provider: ProviderSettings | None = None  # where people may sign in besides here
    access_policy: AccessPolicy | None = None  # None is the one that comes with the product
    refuses_own_accounts: bool = False  # where there is no edge: an account gives no authority that its maker asked for
    master_key: str = ""  # a source of `accountability.key_source`; "" is a file beside the data
    log_origin: str = "bowstreet.invalid/operation"
    partners: tuple[Partner, ...] = ()  # who is shown a part of the situation in their TAK
    witnesses: tuple[tuple[str, VerifierKey], ...] = ()
    evidence_certificate: Certificate | None = None  # who signs C2PA manifests; None is one made here
    cameras: tuple[CameraConfig, ...] = ()  # fixed ones, for recognition deployments
    face_models: Path | None = None  # the operator's own; None is what comes with the product
    push: PushPolicy = PushPolicy()  # who may be asked to call officers' phones
    ofiq: OfiqSettings | None = None  # the operator's own, which measures images for lists beside
    face_reports: Path | None = None  # accuracy reports; None is a folder beside the data
    position_hz: float = 4.0  # positions asked of each vehicle, a second
    speed: float = 1.0
    seed: int = 1
    demo: str = ""
    street: str = ""  # where the demo's street camera sends to; "" is no such camera
    demand: DemandModel | None = None
    demand_factor: float = 1.0
    demand_note: str = ""
    calls: tuple[str, bytes] | None = None  # a file's name and content, replayed


class Process:
    """The parts of one running process. Roles fill them in, in the order of `ROLES`."""

    directory: DataDirectory
    clock: ScaledClock
    store: SealedStore
    telemetry: SqliteTelemetryStore
    bus: QueueBus
    recorder: Recorder
    log: TransparencyLog
    link: MavlinkLink
    intake: IntakeService
    airspace: AirspaceService
    flight: FlightService
    dispatch: DispatchService
    relay: RelayService
    zone_watch: ZoneWatch
    video: VideoService
    footage: FootageRecorder
    redactions: Redactions
    exports: Exports
    eyes: Eyes
    follows: Follows
    officer_links: OfficerLinks
    accounts: Accounts
    passkeys: Passkeys
    provider: ProviderSignIn | None
    authorities: Authorities
    vault: Vault
    vehicle_keys: VehicleKeys
    retention: Retention
    recognition: Recognition
    lists_held: ListsHeld
    callouts: Callouts
    occurrences: Occurrences
    consultations: Consultations
    occurrence_watch: OccurrenceWatch
    disclosure: Disclosure
    correspondence: Correspondence
    gossip: Gossip
    sharing: PartnerSharing
    console: Console | None
    server: Server | None
    hardware: Hardware | None

    def __init__(self, operation: Operation, folder: Path, hardware: Hardware | None = None) -> None:
        self.operation, self.folder, self.hardware = operation, folder, hardware
        self.metrics = Metrics()
        self.real_clock = SystemClock()
        self.console, self.server = None, None
        self.setup_token: str | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.calls_task: asyncio.Task[None] | None = None
        self._received: list[Telemetry] = []
        self._stops: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    def spawn(self, work: Coroutine[Any, Any, None], name: str = "") -> asyncio.Task[None]:
        """A task that ends with the process at the latest."""
        task = asyncio.get_running_loop().create_task(work, name=name or None)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task failed", task=task.get_name(), error=repr(task.exception()))

    def at_stop(self, name: str, stop: Callable[[], Awaitable[None]]) -> None:
        self._stops.append((name, stop))

    def sink(self, telemetry: Telemetry) -> None:
        self._received.append(telemetry)
        self.eyes.heard(telemetry)

    async def stop(self) -> None:
        """In reverse. One that fails to stop keeps no other from stopping."""
        while self._stops:
            name, stop = self._stops.pop()
            try:
                await stop()
            except Exception as error:  # the edge of the process: everything else must still be closed
                log.error("a role did not stop cleanly", role=name, error=repr(error))

    async def store_telemetry(self) -> None:
        """Hand what was received to the telemetry store, in one batch."""
        rows, self._received = self._received, []
        if not rows:
            return
        try:
            await self.telemetry.append(
                [msgspec.msgpack.encode(row) for row in rows], [row.at for row in rows], [row.vehicle_id for row in rows]
            )
        except StoreUnavailable:
            self._received = (rows + self._received)[-MOST_TELEMETRY_WAITING:]
            raise

    async def told(self, change: str, detail: str = "") -> None:
        """Enter into the ledger that the program started or stopped."""
        await self.recorder.record(messages=[RunChanged(at=self.clock.now(), change=change, detail=detail)])

    async def signed(self, *, keep: bool = False) -> Note:
        """The ledger as it stands now, signed; `keep` keeps it for good."""
        return await self.log.publish(self.recorder.size, self.recorder.root, keep=keep)

    async def checkpoint(self, *, keep: bool = False) -> None:
        """Sign and publish where the ledger stands; `keep` keeps it for good."""
        await self.signed(keep=keep)
