"""Messages of the program as lines of the timeline, in the words of a control room. Pure.

A message that nobody at a console needs to read has no line: commands and telemetry are in the record.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bowstreet import messages as m
from bowstreet.console.views import EventView, NameOf

INFO, NOTICE, WARNING, ALARM = "info", "notice", "warning", "alarm"

GRADES = {"I": "Immediate", "S": "Significant", "E": "Extended", "R": "Referred"}

PHASES = {
    "authorised": ("is authorised", INFO),
    "preflight": ("prepares in its dock", INFO),
    "climbing": ("climbs", INFO),
    "outbound": ("is on its way", INFO),
    "on-scene": ("has eyes on the scene", NOTICE),
    "returning": ("returns", INFO),
    "landing": ("lands", INFO),
    "done": ("is home", INFO),
    "aborted": ("did not leave the ground", WARNING),
    "controlled": ("is flown by its pilot", NOTICE),
    "contingency": ("flies on its own failsafe", ALARM),
    "lost": ("is lost: a person must act", ALARM),
}

INCIDENT_STATES = {
    "open": "waits for a drone",
    "assigned": "has a drone",
    "on-scene": "has eyes on",
    "closed": "is closed",
}

TROUBLED_VEHICLE = {"stale": WARNING, "unfit": WARNING}  # who grounded one is told by `VehicleGrounded`
TROUBLED_DOCK = {"jammed": ALARM, "stale": WARNING}


@dataclass(frozen=True, kw_only=True)
class Names:
    """How to call things: people by account id, docks by id, incidents by their category."""

    person: NameOf
    dock: NameOf
    incident: NameOf


def event(message: m.Message, names: Names) -> EventView | None:
    """The timeline's line for `message`, or None when it has none."""
    write = _LINES.get(type(message))
    return write(message, names) if write else None


def _line(
    message: m.Message,
    kind: str,
    text: str,
    severity: str = INFO,
    *,
    incident: str | None = None,
    mission: str | None = None,
    vehicle: str | None = None,
) -> EventView:
    return EventView(
        seq=0,
        at=message.at,
        kind=kind,
        text=text,
        severity=severity,
        incident_id=incident,
        mission_id=mission,
        vehicle_id=vehicle,
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _opened(message: m.IncidentOpened, names: Names) -> EventView:
    severity = NOTICE if message.grade == "I" else INFO
    text = f"{GRADES.get(message.grade, message.grade)} call: {message.category}"
    return _line(message, "incident-opened", text, severity, incident=message.incident_id)


def _merged(message: m.CallMerged, names: Names) -> EventView:
    text = f"Another call about {names.incident(message.incident_id)}, {message.reports} now"
    return _line(message, "call-merged", text, incident=message.incident_id)


def _quarantined(message: m.CallQuarantined, names: Names) -> EventView:
    return _line(message, "call-quarantined", f"A report could not be used: {message.reason}", WARNING)


def _incident(message: m.IncidentChanged, names: Names) -> EventView | None:
    if message.state in ("assigned", "on-scene"):  # the flight's own lines say so
        return None
    state = INCIDENT_STATES.get(message.state, message.state)
    by = f" by {names.person(message.by)}" if message.by else ""
    text = f"{names.incident(message.incident_id).capitalize()} {state}{by}{_because(message.reason)}"
    return _line(message, f"incident-{message.state}", text, incident=message.incident_id)


def _launch(message: m.LaunchAuthorised, names: Names) -> EventView:
    by = "" if message.authorised_by in ("", "dispatch") else f" by {names.person(message.authorised_by)}"
    why = _because(message.reasons[0].text if message.reasons else "")
    text = f"{message.vehicle_id} from {names.dock(message.dock_id)} to {names.incident(message.incident_id)}{by}{why}"
    return _line(
        message, "launch", text, NOTICE, incident=message.incident_id, mission=message.mission_id, vehicle=message.vehicle_id
    )


def _no_drone(message: m.NoDroneAvailable, names: Names) -> EventView:
    why = _because(message.reasons[0].text if message.reasons else "")
    text = f"No drone for {names.incident(message.incident_id)}{why}"
    return _line(message, "no-drone", text, WARNING, incident=message.incident_id)


def _recall(message: m.RecallOrdered, names: Names) -> EventView:
    text = f"Recalled by {names.person(message.ordered_by)}{_because(message.reason.text)}"
    return _line(message, "recall", text, NOTICE, mission=message.mission_id, vehicle=message.reason.vehicle_id)


def _retasked(message: m.MissionRetasked, names: Names) -> EventView:
    left, taken = names.incident(message.from_incident_id), names.incident(message.to_incident_id)
    text = f"{message.vehicle_id} leaves {left} for {taken}"
    return _line(
        message, "retasked", text, NOTICE, incident=message.to_incident_id, mission=message.mission_id, vehicle=message.vehicle_id
    )


def _mission(message: m.MissionChanged, names: Names) -> EventView:
    words, severity = PHASES.get(message.phase, (f"is {message.phase}", INFO))
    # The way a flight should go needs no reason; leaving it does.
    why = _because(message.reason.text) if severity in (WARNING, ALARM) or message.phase in ("returning", "controlled") else ""
    return _line(
        message,
        f"mission-{message.phase}",
        f"{message.vehicle_id} {words}{why}",
        severity,
        incident=message.incident_id,
        mission=message.mission_id,
        vehicle=message.vehicle_id,
    )


def _settled(message: m.CommandSettled, names: Names) -> EventView | None:
    if message.outcome == "accepted":
        return None
    text = f"{names.dock(message.target_id)}: a command was {message.outcome}{_because(message.detail)}"
    return _line(message, "command-failed", text, WARNING, vehicle=message.target_id)


def _taken(message: m.ControlTaken, names: Names) -> EventView:
    text = f"{names.person(message.pilot)} takes control of {message.vehicle_id}"
    return _line(message, "control-taken", text, NOTICE, mission=message.mission_id, vehicle=message.vehicle_id)


def _released(message: m.ControlReleased, names: Names) -> EventView:
    text = f"{names.person(message.pilot)} hands {message.vehicle_id} back"
    return _line(message, "control-released", text, NOTICE, mission=message.mission_id, vehicle=message.vehicle_id)


def _vehicle(message: m.VehicleChanged, names: Names) -> EventView | None:
    severity = TROUBLED_VEHICLE.get(message.status)
    if severity is None:
        return None
    words = {"stale": "is not heard", "unfit": "is unfit to fly"}[message.status]
    return _line(
        message,
        f"vehicle-{message.status}",
        f"{message.vehicle_id} {words}{_because(message.reason)}",
        severity,
        vehicle=message.vehicle_id,
    )


def _grounded(message: m.VehicleGrounded, names: Names) -> EventView:
    text = f"{message.vehicle_id} is taken out of service by {names.person(message.by)}{_because(message.reason)}"
    return _line(message, "vehicle-grounded", text, NOTICE, vehicle=message.vehicle_id)


def _back_in_service(message: m.VehicleReleased, names: Names) -> EventView:
    text = f"{message.vehicle_id} is put back into service by {names.person(message.by)}{_because(message.reason)}"
    return _line(message, "vehicle-released", text, NOTICE, vehicle=message.vehicle_id)


def _dock(message: m.DockChanged, names: Names) -> EventView | None:
    severity = TROUBLED_DOCK.get(message.status)
    if severity is None:
        return None
    words = {"jammed": "is jammed", "stale": "is not heard"}[message.status]
    return _line(
        message, f"dock-{message.status}", f"Dock {names.dock(message.dock_id)} {words}{_because(message.reason)}", severity
    )


def _zone(message: m.ZoneChanged, names: Names) -> EventView:
    return _line(message, "zone", f"Airspace {message.zone_id} {message.change} by {names.person(message.by)}", NOTICE)


def _run(message: m.RunChanged, names: Names) -> EventView:
    return _line(message, "run", f"The program {message.change}{_because(message.detail)}", NOTICE)


def _watch_wanted(message: m.WatchWanted, names: Names) -> EventView:
    text = f"Eyes are kept on {names.incident(message.incident_id)}{_because(message.why.replace('-', ' '))}"
    return _line(message, "watch-wanted", text, NOTICE, incident=message.incident_id)


def _watch_ended(message: m.WatchEnded, names: Names) -> EventView:
    dark = f", {message.dark_s:.0f} s without eyes" if message.dark_s >= 0.5 else ""
    text = f"Eyes are no longer kept on {names.incident(message.incident_id)}: {message.why}{dark}"
    return _line(message, "watch-ended", text, incident=message.incident_id)


def _relay_planned(message: m.RelayPlanned, names: Names) -> EventView | None:
    if message.vehicle_id:
        return None  # who it is to be is shown with the watch; that it flies has a line
    why = _because(message.reasons[0].text if message.reasons else "")
    first = "" if message.launch_at is None else f"; the first could at {message.launch_at:%H:%M}"
    text = f"Nobody can relieve the drone over {names.incident(message.incident_id)}{why}{first}"
    return _line(message, "no-relief", text, WARNING, incident=message.incident_id, mission=message.mission_id)


def _handed_over(message: m.WatchHandedOver, names: Names) -> EventView:
    late = message.gap_s >= 0.5
    text = f"{message.to_vehicle_id} has the watch from {message.from_vehicle_id}"
    text += f", {message.gap_s:.0f} s without eyes" if late else ""
    return _line(
        message, "watch-handed-over", text, WARNING if late else NOTICE,
        incident=message.incident_id, mission=message.to_mission_id, vehicle=message.to_vehicle_id,
    )  # fmt: skip


def _sharing(message: m.SharingChanged, names: Names) -> EventView:
    words = {
        "begun": f"{', '.join(message.shares)} are shared with {message.recipient}",
        "connected": f"{message.recipient}'s server is reached",
        "ended": f"Nothing is shared with {message.recipient} any more",
    }[message.stage]
    return _line(message, f"sharing-{message.stage}", f"{words[:1].upper()}{words[1:]}{_because(message.why)}", NOTICE)


def _officer_link(message: m.OfficerLinkChanged, names: Names) -> EventView:
    incident = names.incident(message.incident_id)
    text, severity = {
        "made": (f"A link for an officer to {incident} was made by {names.person(message.by)}", INFO),
        "opened": (f"An officer has opened the link to {incident}", INFO),
        "turned-away": (f"Another device tried to open an officer's link to {incident}, and was refused", WARNING),
    }.get(message.change, (f"An officer's link to {incident} is over{_because(message.why.replace('-', ' '))}", INFO))
    return _line(message, f"officer-link-{message.change}", text, severity, incident=message.incident_id)


_LINES: dict[type[m.Message], Callable[..., EventView | None]] = {
    m.IncidentOpened: _opened,
    m.CallMerged: _merged,
    m.CallQuarantined: _quarantined,
    m.IncidentChanged: _incident,
    m.LaunchAuthorised: _launch,
    m.NoDroneAvailable: _no_drone,
    m.RecallOrdered: _recall,
    m.WatchWanted: _watch_wanted,
    m.WatchEnded: _watch_ended,
    m.RelayPlanned: _relay_planned,
    m.WatchHandedOver: _handed_over,
    m.OfficerLinkChanged: _officer_link,
    m.MissionRetasked: _retasked,
    m.MissionChanged: _mission,
    m.CommandSettled: _settled,
    m.ControlTaken: _taken,
    m.ControlReleased: _released,
    m.VehicleChanged: _vehicle,
    m.VehicleGrounded: _grounded,
    m.VehicleReleased: _back_in_service,
    m.DockChanged: _dock,
    m.ZoneChanged: _zone,
    m.RunChanged: _run,
    m.SharingChanged: _sharing,
}

SPOKEN: tuple[type[m.Message], ...] = tuple(_LINES)
"""The messages that have lines."""
