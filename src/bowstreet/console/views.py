"""What the console shows of each thing: the objects of docs/live-feed.md, on the live feed and over HTTP alike.

Positions are WGS 84 degrees, rounded to a tenth of a metre; every other unit stands in its name. Made by pure functions from
the services' own values.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from bowstreet.dispatch.model import Assignment, Decision
from bowstreet.dispatch.relay.model import Outlook, Watch
from bowstreet.flight import lens
from bowstreet.flight.model import Mission, Waypoint
from bowstreet.flight.views import DockView as FlightDockView
from bowstreet.flight.views import VehicleView
from bowstreet.intake.model import Incident, Quarantined
from bowstreet.messages import Reason

LatLon = tuple[float, float]
NameOf = Callable[[str], str]
"""The name to show for an account id or a role of the program, such as 'dispatch'."""

DEGREE_DIGITS = 6  # 0.11 m of latitude: finer than any GPS on board


class DroneView(msgspec.Struct, frozen=True, kw_only=True):
    """A drone as last heard. Position and charge are null until it is heard for the first time."""

    id: str
    dock_id: str
    airframe: str
    system_id: int
    lat: float | None
    lon: float | None
    heading_deg: float
    ground_speed_mps: float
    height_m_above_dock: float
    charge_fraction: float | None
    status: str
    phase: str | None
    reason: str
    mission_id: str | None
    position_trusted: bool = True
    zoom: float | None = None  # of its lens now; null where that is not known, or it does not zoom
    zoom_most: float = 1.0


class DockView(msgspec.Struct, frozen=True, kw_only=True):
    """A dock: `pads_taken` counts the pads with a vehicle on them."""

    id: str
    name: str
    lat: float
    lon: float
    pads: int
    pads_taken: int
    status: str
    reason: str


class WatchView(msgspec.Struct, frozen=True, kw_only=True):
    """Eyes that are kept on an incident.

    `mission_id` has the watch and turns home at `leaves_at`; `relief_id` is on its way, there at `relief_at`. With none
    on its way, `vehicle_id` is to be sent at `launch_at`; or nobody can be before `launch_at`, and `why` says why.
    """

    reason: str
    by: str
    since: datetime
    until: datetime
    mission_id: str | None
    dark_since: datetime | None
    dark_s: float
    handovers: int
    leaves_at: datetime | None
    relief_id: str | None
    relief_at: datetime | None
    vehicle_id: str | None
    launch_at: datetime | None
    why: str


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """An incident. What callers said is asked for apart, on record. `waiting_reason` says why an open one has no drone yet."""

    id: str
    grade: str
    category: str
    lat: float
    lon: float
    reported_at: datetime
    opened_at: datetime
    state: str
    close_reason: str | None
    reports: int
    mission_ids: tuple[str, ...]
    eyes_on_at: datetime | None
    closed_at: datetime | None
    waiting_reason: str
    watch: WatchView | None = None


class ReasonView(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    text: str
    vehicle_id: str | None


class MissionView(msgspec.Struct, frozen=True, kw_only=True):
    """One flight. `eta_at` is when eyes are expected on the scene; `route` and `home` are the planned ways there and back."""

    id: str
    incident_id: str
    vehicle_id: str
    dock_id: str
    phase: str
    phase_since: datetime | None
    authorised_at: datetime
    authorised_by: str
    eta_at: datetime
    eyes_on_at: datetime | None
    bingo_fraction: float
    route: tuple[LatLon, ...]
    home: tuple[LatLon, ...]
    pilot: str | None
    pilot_account_id: str | None
    reasons: tuple[ReasonView, ...]
    return_reason: ReasonView | None
    diverted_to: str | None
    zoom: float = 1.0  # as the pilot last asked
    zoom_trouble: str = ""


class ConsideredView(msgspec.Struct, frozen=True, kw_only=True):
    """One drone that was looked at for an incident."""

    vehicle_id: str
    eta_s: float | None
    reason: ReasonView


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """'Why this drone', 'why none'. `outcome` is `assigned` or `none`."""

    at: datetime
    took_ms: float
    outcome: str
    vehicle_id: str | None
    eta_s: float | None
    reasons: tuple[ReasonView, ...]
    considered: tuple[ConsideredView, ...]


class QuarantineView(msgspec.Struct, frozen=True, kw_only=True):
    """A report that could not be used. What it says is asked for apart, on record."""

    id: str
    at: datetime
    source: str
    line: int | None
    reason: str


class EventView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the timeline. `severity` is info, notice, warning or alarm."""

    seq: int
    at: datetime
    kind: str
    text: str
    severity: str
    incident_id: str | None = None
    mission_id: str | None = None
    vehicle_id: str | None = None


class WindView(msgspec.Struct, frozen=True, kw_only=True):
    """Wind at transit height; `from_deg` clockwise from north."""

    speed_mps: float
    from_deg: float
    gust_mps: float


class LedgerView(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries the ledger has, and its RFC 6962 root in hex."""

    size: int
    root: str


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """What runs: the demo's name (empty for a real operation), the speed of its clock, and whose operation it is."""

    demo: str
    speed: float
    version: str
    operator: str
    demand_note: str
    tiles_url: str = ""


def reason(value: Reason) -> ReasonView:
    return ReasonView(code=value.code, text=value.text, vehicle_id=value.vehicle_id)


def watch(value: Watch, ahead: Outlook, name_of: NameOf) -> WatchView:
    return WatchView(
        reason=value.reason.value, by=name_of(value.by or "dispatch"), since=value.since, until=value.until,
        mission_id=value.mission_id or None, dark_since=value.dark_since, dark_s=round(value.dark_s, 1),
        handovers=value.handovers, leaves_at=_about(ahead.leaves_at), relief_id=ahead.relief_id or None,
        relief_at=ahead.relief_at,
        vehicle_id=ahead.vehicle_id or None, launch_at=_about(ahead.launch_at),
        why="" if ahead.vehicle_id else "; ".join(reason.text for reason in ahead.why),
    )  # fmt: skip


def _about(moment: datetime | None) -> datetime | None:
    """To ten seconds: what is reckoned anew each second is no reason to tell every console."""
    return None if moment is None else moment.replace(second=moment.second // 10 * 10, microsecond=0)


def incident(value: Incident, mission_ids: Sequence[str], waiting_reason: str, watched: WatchView | None = None) -> IncidentView:
    return IncidentView(
        id=value.incident_id,
        grade=value.grade.value,
        category=value.category,
        lat=round(value.position.latitude_deg, DEGREE_DIGITS),
        lon=round(value.position.longitude_deg, DEGREE_DIGITS),
        reported_at=value.reported_at,
        opened_at=value.opened_at,
        state=value.state.value,
        close_reason=value.close_reason.value if value.close_reason else None,
        reports=value.reports,
        mission_ids=tuple(mission_ids),
        eyes_on_at=value.eyes_on_at,
        closed_at=value.closed_at,
        waiting_reason=waiting_reason,
        watch=watched,
    )


def drone(value: VehicleView) -> DroneView:
    heard = value.telemetry
    return DroneView(
        id=value.vehicle_id,
        dock_id=value.dock_id,
        airframe=value.airframe.name,
        system_id=value.config.system_id,
        lat=round(heard.position.latitude_deg, DEGREE_DIGITS) if heard else None,
        lon=round(heard.position.longitude_deg, DEGREE_DIGITS) if heard else None,
        heading_deg=round(heard.heading_deg, 1) if heard else 0.0,
        ground_speed_mps=round(heard.ground_speed_mps, 1) if heard else 0.0,
        height_m_above_dock=round(heard.height_m_above_dock, 1) if heard else 0.0,
        charge_fraction=round(heard.charge_fraction, 3) if heard else None,
        status=value.status.value,
        phase=value.phase.value if value.phase else None,
        reason=value.reason,
        mission_id=value.mission_id,
        position_trusted=value.position_trusted,
        zoom=_zoom(value),
        zoom_most=value.config.zoom_most,
    )


def _zoom(value: VehicleView) -> float | None:
    looks_deg = value.telemetry.field_of_view_deg if value.telemetry else None
    return None if looks_deg is None else max(1.0, round(lens.zoom_at(value.config.field_of_view_deg, looks_deg), 1))


def dock(value: FlightDockView) -> DockView:
    return DockView(
        id=value.dock_id,
        name=value.config.name,
        lat=round(value.config.position.latitude_deg, DEGREE_DIGITS),
        lon=round(value.config.position.longitude_deg, DEGREE_DIGITS),
        pads=value.config.pads,
        pads_taken=value.pads_taken,
        status=value.status.value,
        reason=value.reason,
    )


def mission(value: Mission, sent_at: datetime, name_of: NameOf) -> MissionView:
    """A flight. `sent_at` is when its present plan was made: authority, or the last turn to another incident."""
    return MissionView(
        id=value.mission_id,
        incident_id=value.incident_id,
        vehicle_id=value.vehicle_id,
        dock_id=value.dock_id,
        phase=value.phase.value,
        phase_since=value.phase_since,
        authorised_at=value.authorised_at,
        authorised_by=name_of(value.authorised_by),
        eyes_on_at=value.eyes_on_at,
        eta_at=sent_at + timedelta(seconds=round(value.plan.expected_eyes_on_s, 1)),
        bingo_fraction=round(value.plan.bingo_fraction, 3),
        route=_line(value.plan.outbound),
        home=_line(value.plan.homeward),
        pilot=name_of(value.pilot) if value.pilot else None,
        pilot_account_id=value.pilot,
        reasons=tuple(reason(r) for r in value.reasons),
        diverted_to=value.diverted_to,
        return_reason=reason(value.return_reason) if value.return_reason else None,
        zoom=value.zoom,
        zoom_trouble=value.zoom_trouble,
    )


def decision(value: Decision) -> DecisionView:
    chosen = value.outcome if isinstance(value.outcome, Assignment) else None
    return DecisionView(
        at=value.at,
        took_ms=round(value.took_ms, 3),
        outcome="assigned" if chosen else "none",
        vehicle_id=chosen.vehicle_id if chosen else None,
        eta_s=round(chosen.eta_s, 1) if chosen else None,
        reasons=tuple(reason(r) for r in value.outcome.reasons),
        considered=tuple(
            ConsideredView(vehicle_id=c.vehicle_id, eta_s=None if c.eta_s is None else round(c.eta_s, 1), reason=reason(c.reason))
            for c in value.outcome.considered
        ),
    )


def quarantined(value: Quarantined) -> QuarantineView:
    return QuarantineView(id=value.quarantine_id, at=value.at, source=value.source, line=value.line, reason=value.reason)


def _line(waypoints: Sequence[Waypoint]) -> tuple[LatLon, ...]:
    return tuple(
        (round(w.position.latitude_deg, DEGREE_DIGITS), round(w.position.longitude_deg, DEGREE_DIGITS)) for w in waypoints
    )
