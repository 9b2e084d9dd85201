"""What can go wrong with simulated hardware. Each fault is begun by name and undoes itself when its time is over."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from bowstreet.errors import BadInput
from bowstreet.flight.model import Wind
from bowstreet.simulation.machines import Drone, Station
from bowstreet.simulation.peers import Peer

Undo = Callable[[], None]
GPS_FAULTS = ("off", "stuck", "jump")


def begin(peer: Peer, kind: str, asked: dict[str, Any]) -> Undo:
    """Begin a fault of one peer; gives what ends it.

    Kinds, with what else they take:
        link: `way` "both" (default), "up" (it hears nothing) or "down" (it is not heard).
        latency: `delay_s`, each way. loss: `share` of packets, each way.
        gps: `state` "off" (default), "stuck" or "jump".
        sag: `factor` on what it draws. gauge: `offset` of the charge that it tells.
        charge: `fraction` that it has now (is not undone). motor: it cannot stay up. fence: `radius_m` round home.
        gimbal, lens: `state` "stuck" (default: it says that it obeys, and stays) or "deaf" (it says nothing).
        jam: a dock's lid does not move.

    Raises:
        BadInput: for a kind that is not known, or not of this peer.
    """
    common = {"link": _link, "latency": _latency, "loss": _loss}
    drones = {
        "gps": _gps, "sag": _sag, "gauge": _gauge, "charge": _charge, "motor": _motor, "fence": _fence, "gimbal": _gimbal,
        "lens": _lens,
    }  # fmt: skip
    if kind in common:
        return common[kind](peer, asked)
    if kind in drones and isinstance(peer, Drone):
        return drones[kind](peer, asked)
    if kind == "jam" and isinstance(peer, Station):
        return _jam(peer)
    raise BadInput(f"{peer.name} has no fault '{kind}'", remedy=f"use one of {', '.join([*common, *drones, 'jam'])}")


def wind(base: Wind, asked: dict[str, Any]) -> Wind:
    """Another wind over the whole city: `speed_mps`, `from_deg`, `gust_mps`."""
    speed = _number(asked, "speed_mps", base.speed_mps)
    return replace(
        base,
        speed_mps=speed,
        from_deg=_number(asked, "from_deg", base.from_deg) % 360.0,
        gust_mps=max(speed, _number(asked, "gust_mps", base.gust_mps)),
    )


def _number(asked: dict[str, Any], name: str, default: float | None = None) -> float:
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        raise BadInput(f"'{name}' is not a number", remedy=f"give {name}")
    return float(value)


def _link(peer: Peer, asked: dict[str, Any]) -> Undo:
    way, air = asked.get("way", "both"), peer.air
    if way not in ("both", "up", "down"):
        raise BadInput(f"a link has no way '{way}'", remedy="use both, up or down")
    air.deaf, air.mute = way in ("both", "up"), way in ("both", "down")

    def undo() -> None:
        air.deaf = air.mute = False

    return undo


def _latency(peer: Peer, asked: dict[str, Any]) -> Undo:
    return _set(peer.air, "delay_s", max(0.0, _number(asked, "delay_s")), 0.0)


def _loss(peer: Peer, asked: dict[str, Any]) -> Undo:
    return _set(peer.air, "loss", min(1.0, max(0.0, _number(asked, "share"))), 0.0)


def _gps(peer: Drone, asked: dict[str, Any]) -> Undo:
    state = asked.get("state", "off")
    if state not in GPS_FAULTS:
        raise BadInput(f"a receiver cannot be '{state}'", remedy=f"use one of {', '.join(GPS_FAULTS)}")
    return _set(peer.autopilot, "gps", state, "ok")


def _sag(peer: Drone, asked: dict[str, Any]) -> Undo:
    peer.bodies.sag[peer.one] = max(0.0, _number(asked, "factor"))

    def undo() -> None:
        peer.bodies.sag[peer.one] = 1.0

    return undo


def _gauge(peer: Drone, asked: dict[str, Any]) -> Undo:
    return _set(peer, "gauge", _number(asked, "offset"), 0.0)


def _charge(peer: Drone, asked: dict[str, Any]) -> Undo:
    peer.bodies.charge[peer.one] = min(1.0, max(0.0, _number(asked, "fraction")))
    return lambda: None


def _motor(peer: Drone, asked: dict[str, Any]) -> Undo:
    peer.bodies.failed[peer.one] = True

    def undo() -> None:
        peer.bodies.failed[peer.one] = False

    return undo


def _fence(peer: Drone, asked: dict[str, Any]) -> Undo:
    return _set(peer.autopilot, "fence_m", max(0.0, _number(asked, "radius_m")), 0.0)


def _gimbal(peer: Drone, asked: dict[str, Any]) -> Undo:
    state = asked.get("state", "stuck")
    if state not in ("stuck", "deaf"):
        raise BadInput(f"a gimbal cannot be '{state}'", remedy="use stuck or deaf")
    return _set(peer.autopilot, "gimbal_fault", state, "")


def _lens(peer: Drone, asked: dict[str, Any]) -> Undo:
    state = asked.get("state", "stuck")
    if state not in ("stuck", "deaf"):
        raise BadInput(f"a lens cannot be '{state}'", remedy="use stuck or deaf")
    return _set(peer.autopilot.lens, "fault", state, "")


def _jam(peer: Station) -> Undo:
    return _set(peer.dock, "jammed", True, False)


def _set(thing: object, name: str, value: Any, normal: Any) -> Undo:
    setattr(thing, name, value)
    return lambda: setattr(thing, name, normal)
