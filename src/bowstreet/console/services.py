"""The running services that the console stands on."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.correspondence.service import Correspondence
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.accountability.gossip import Gossip
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.accountability.processing.service import Consultations
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.service import Retention
from bowstreet.accountability.sign_in.oidc import ProviderSignIn
from bowstreet.accountability.sign_in.passkeys import Passkeys
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.accountability.vehicle_keys.service import VehicleKeys
from bowstreet.airspace.service import AirspaceService
from bowstreet.console.views import RunView
from bowstreet.dispatch.eyes import Eyes
from bowstreet.dispatch.follows import Follows
from bowstreet.dispatch.officers.service import OfficerLinks
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.service import DispatchService
from bowstreet.flight.model import Wind
from bowstreet.flight.service import FlightService
from bowstreet.intake.service import IntakeService
from bowstreet.recognition.callouts.service import Callouts
from bowstreet.recognition.service import Recognition
from bowstreet.runtime.metrics import Metrics
from bowstreet.runtime.ports import Bus, Clock, Store
from bowstreet.tracking.streets import Streets
from bowstreet.video.evidence.exports import Exports
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.service import Redactions
from bowstreet.video.service import VideoService


@dataclass(frozen=True, kw_only=True)
class ConsoleServices:
    """Given by `wiring`, already loaded.

    Args:
        clock: the run's, for what is recorded and shown.
        real_clock: for rates and for what browsers wait for; a demo at 60 times the speed must not let 60 times as much in.
        wind: the wind at transit height as dispatch uses it; None when no source gives it.
        unsigned_links: vehicles whose packets are believed without a signature.
        metrics: the program's figures; the console adds its own.
        streets: the operator's names of streets, for pictures.
        boroughs: a GeoJSON FeatureCollection to draw the map with.
    """

    intake: IntakeService
    dispatch: DispatchService
    relay: RelayService
    flight: FlightService
    airspace: AirspaceService
    accounts: Accounts
    passkeys: Passkeys
    provider: ProviderSignIn | None = None
    authorities: Authorities
    vehicle_keys: VehicleKeys
    retention: Retention
    occurrences: Occurrences
    consultations: Consultations
    disclosure: Disclosure
    video: VideoService
    footage: FootageRecorder
    redactions: Redactions
    exports: Exports
    eyes: Eyes
    follows: Follows
    streets: Streets = field(default_factory=Streets)
    officer_links: OfficerLinks
    recognition: Recognition
    callouts: Callouts
    correspondence: Correspondence
    gossip: Gossip
    recorder: Recorder
    log: TransparencyLog
    store: Store
    bus: Bus
    clock: Clock
    real_clock: Clock
    run: RunView
    wind: Callable[[], Wind | None]
    unsigned_links: Callable[[], list[str]]
    metrics: Metrics
    boroughs: bytes
