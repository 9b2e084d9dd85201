"""The running services that the console stands on."""

from collections.abc import Callable
from dataclasses import dataclass

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.accountability.processing.service import Consultations
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.service import Retention
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.airspace.service import AirspaceService
from bowstreet.console.views import RunView
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.service import DispatchService
from bowstreet.flight.model import Wind
from bowstreet.flight.service import FlightService
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.metrics import Metrics
from bowstreet.runtime.ports import Bus, Clock, Store
from bowstreet.video.service import VideoService


@dataclass(frozen=True, kw_only=True)
class ConsoleServices:
    """Given by `wiring`, already loaded.

    Args:
        clock: the run's, for what is recorded and shown.
        real_clock: for rates and for what browsers wait for; a demo at 60 times the speed must not let 60 times as much in.
        wind: the wind at transit height as dispatch uses it; None when no source gives it.
        metrics: the program's figures; the console adds its own.
        boroughs: a GeoJSON FeatureCollection to draw the map with.
    """

    intake: IntakeService
    dispatch: DispatchService
    relay: RelayService
    flight: FlightService
    airspace: AirspaceService
    accounts: Accounts
    authorities: Authorities
    retention: Retention
    occurrences: Occurrences
    consultations: Consultations
    disclosure: Disclosure
    video: VideoService
    recorder: Recorder
    log: TransparencyLog
    store: Store
    bus: Bus
    clock: Clock
    real_clock: Clock
    run: RunView
    wind: Callable[[], Wind | None]
    metrics: Metrics
    boroughs: bytes
