"""Vehicles and docks over MAVLink 2: the real `VehicleLink`.

Each peer is known by its link, address and system id. A command is sent until it is acknowledged, with the protocol's
confirmation counter, only within one call of `send`; whoever calls decides whether there is another call. Time-outs are
seconds of the injected clock, but never less than `LEAST_REAL_S` of real time, so that a sped-up clock does not outrun the
machine.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import structlog
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.mavlink_autopilots import (
    Conversation,
    Mode,
    Parameter,
    Say,
    Unsupported,
    conversation,
    parameter_message,
    parameter_value,
)
from bowstreet.flight.mavlink_hub import Address, Hub
from bowstreet.flight.mavlink_peer import ARDUPILOT, DockPeer, VehiclePeer
from bowstreet.flight.model import CloseDock, Command, DockConfig, OpenDock, VehicleConfig, Wind
from bowstreet.flight.ports import OnDock, OnTelemetry, Outcome, Settled
from bowstreet.messages import PacketRejected
from bowstreet.runtime.ports import Bus, Clock

log = structlog.get_logger(__name__)

# Acknowledgements take 10 to 100 ms on a good link. Four tries cover two in three packets lost.
ACK_S = 1.0
TRIES = 4
# After IN_PROGRESS the peer works on it: this long for the end.
IN_PROGRESS_S = 20.0
LEAST_REAL_S = 0.4
# A known system id that suddenly speaks from another address is refused until the known one has been silent this long.
TAKEOVER_S = 10.0
# What is asked of each vehicle, seconds apart. A normal link would flood us otherwise, or say too little.
STREAMS_S = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.25,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 0.5,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 2.0,
    mavlink.MAVLINK_MSG_ID_MOUNT_STATUS: 1.0,
}
# They are asked for again this often: a peer that restarted has forgotten.
STREAMS_AGAIN_S = 60.0


class _Peer:
    """A vehicle or dock on a link: where it is, when it was heard, who waits for what."""

    def __init__(self, name: str, link: str, system_id: int, state: VehiclePeer | DockPeer) -> None:
        self.name, self.link, self.system_id, self.state = name, link, system_id, state
        self.address: Address | None = None
        self.heard_s: float | None = None
        self.acks: dict[int, asyncio.Future[int]] = {}
        self.parameters: dict[str, asyncio.Future[Any]] = {}
        self.mode_changed = asyncio.Event()
        self.streams_asked_s: float | None = None
        self.lock = asyncio.Lock()


class MavlinkLink:
    """The ground station's side.

    Args:
        bus: is told of packets that could not be used, at most once a second for each link and reason.
        position_s: seconds between positions asked of each vehicle.
    """

    def __init__(
        self, clock: Clock, bus: Bus, *, vehicles: Iterable[VehicleConfig], docks: Iterable[DockConfig], position_s: float = 0.25
    ) -> None:
        self._clock, self._bus = clock, bus
        self._hub = Hub(clock, self._on_message, self._on_rejected)
        self._peers: dict[str, _Peer] = {}
        for vehicle in vehicles:
            self._peers[vehicle.vehicle_id] = _Peer(vehicle.vehicle_id, vehicle.link, vehicle.system_id, VehiclePeer(vehicle))
        for dock in docks:
            self._peers[dock.dock_id] = _Peer(dock.dock_id, dock.link, dock.system_id, DockPeer(dock))
        self._by_link = {(peer.link, peer.system_id): peer for peer in self._peers.values()}
        self._streams_s = {**STREAMS_S, mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: position_s}
        self._on_telemetry: OnTelemetry | None = None
        self._on_dock: OnDock | None = None
        self._inbox: asyncio.Queue[Any] = asyncio.Queue(maxsize=100_000)
        self._tasks: list[asyncio.Task[None]] = []
        self.rejected: Counter[tuple[str, str]] = Counter()
        self._rejected_told: Counter[tuple[str, str]] = Counter()

    def listen(self, on_telemetry: OnTelemetry, on_dock: OnDock) -> None:
        self._on_telemetry, self._on_dock = on_telemetry, on_dock

    async def start(self) -> None:
        """Open the links and begin to speak."""
        await self._hub.open([peer.link for peer in self._peers.values()])
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._speak(), name="mavlink heartbeats"),
            loop.create_task(self._deliver(), name="mavlink inbox"),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hub.close()

    def heard_s_ago(self, target_id: str) -> float | None:
        heard_s = self._peers[target_id].heard_s
        return None if heard_s is None else self._clock.monotonic_s() - heard_s

    def wind(self) -> Wind | None:
        """The strongest wind that a dock told in its last report; None while none is heard."""
        told = [
            (peer.state.wind, peer.state.gust_mps)
            for peer in self._peers.values()
            if isinstance(peer.state, DockPeer) and peer.state.wind is not None and (self.heard_s_ago(peer.name) or 0.0) < 60.0
        ]
        if not told:
            return None
        (speed, from_deg), gust = max(told)
        return Wind(speed_mps=speed, from_deg=from_deg, gust_mps=gust)

    # --- out ----------------------------------------------------------------------------------------------------------

    async def send(self, target_id: str, command: Command, command_id: str) -> Settled:
        """See `VehicleLink`. One conversation at a time with each peer."""
        peer = self._peers[target_id]
        async with peer.lock:
            if peer.address is None:
                return Settled(outcome=Outcome.TIMED_OUT, detail="never heard")
            steps = self._steps(peer, command)
            if isinstance(steps, Unsupported):
                return Settled(outcome=Outcome.REJECTED, detail=steps.why)
            for step in steps:
                settled = await self._step(peer, step)
                if settled.outcome is not Outcome.ACCEPTED:
                    return settled
            return settled

    def _steps(self, peer: _Peer, command: Command) -> Conversation | Unsupported:
        if isinstance(peer.state, DockPeer):
            if not isinstance(command, OpenDock | CloseDock):
                return Unsupported(f"{type(command).__name__} is not asked of docks")
            lid = 1.0 if isinstance(command, OpenDock) else 0.0
            return [
                Say(mavlink.MAVLink_command_long_message(peer.system_id, 1, mavlink.MAV_CMD_USER_1, 0, lid, 0, 0, 0, 0, 0, 0))
            ]
        if peer.state.autopilot is None or peer.state.home_m_amsl is None:
            return Unsupported("its position is not known yet")
        return conversation(command, peer.state.autopilot, peer.system_id, peer.state.home_m_amsl)

    async def _step(self, peer: _Peer, step: Say | Mode | Parameter) -> Settled:
        match step:
            case Say():
                return await self._say(peer, step.message)
            case Mode():
                return await self._be_in_mode(peer, step.custom_mode)
            case Parameter():
                return await self._have(peer, step)

    async def _say(self, peer: _Peer, message: Any) -> Settled:
        number = int(message.command)
        peer.acks[number] = asyncio.get_running_loop().create_future()
        try:
            for confirmation in range(TRIES):
                if message.get_type() == "COMMAND_LONG":
                    message.confirmation = confirmation
                self._put(peer, message)
                result = await self._within(peer.acks[number], ACK_S)
                if result == mavlink.MAV_RESULT_IN_PROGRESS:
                    peer.acks[number] = asyncio.get_running_loop().create_future()
                    result = await self._within(peer.acks[number], IN_PROGRESS_S)
                if result is not None:
                    return self._settled(peer, result)
            return Settled(outcome=Outcome.TIMED_OUT, detail="no acknowledgement")
        finally:
            peer.acks.pop(number, None)

    def _settled(self, peer: _Peer, result: int) -> Settled:
        if result == mavlink.MAV_RESULT_ACCEPTED:
            return Settled(outcome=Outcome.ACCEPTED)
        name = mavlink.enums["MAV_RESULT"][result].name if result in mavlink.enums["MAV_RESULT"] else f"result {result}"
        said = "; ".join(peer.state.texts) if isinstance(peer.state, VehiclePeer) else ""
        return Settled(outcome=Outcome.REJECTED, detail=f"{name}: {said}" if said else name)

    async def _be_in_mode(self, peer: _Peer, custom_mode: int) -> Settled:
        assert isinstance(peer.state, VehiclePeer)
        flags = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
        for _ in range(TRIES):
            if peer.state.custom_mode == custom_mode:
                return Settled(outcome=Outcome.ACCEPTED)
            peer.mode_changed.clear()
            self._put(peer, mavlink.MAVLink_set_mode_message(peer.system_id, flags, custom_mode))
            await self._within(asyncio.ensure_future(peer.mode_changed.wait()), 1.5)
        if peer.state.custom_mode == custom_mode:
            return Settled(outcome=Outcome.ACCEPTED)
        return Settled(outcome=Outcome.REJECTED, detail=f"it stays in {peer.state.mode}")

    async def _have(self, peer: _Peer, wanted: Parameter) -> Settled:
        assert isinstance(peer.state, VehiclePeer)
        brand = peer.state.autopilot or ARDUPILOT
        ask = mavlink.MAVLink_param_request_read_message(peer.system_id, 1, wanted.name.encode(), -1)
        for message in (ask, *[parameter_message(brand, peer.system_id, wanted.name, wanted.value)] * 2):
            value = await self._value(peer, wanted.name, message)
            if value is not None and parameter_value(brand, value) == wanted.value:
                return Settled(outcome=Outcome.ACCEPTED)
        if value is None:
            return Settled(outcome=Outcome.TIMED_OUT, detail=f"{wanted.name} is not told")
        return Settled(outcome=Outcome.REJECTED, detail=f"{wanted.name} stays {parameter_value(brand, value)}")

    async def _value(self, peer: _Peer, name: str, message: Any) -> Any:
        for _ in range(TRIES):
            peer.parameters[name] = asyncio.get_running_loop().create_future()
            self._put(peer, message)
            value = await self._within(peer.parameters[name], ACK_S)
            del peer.parameters[name]
            if value is not None:
                return value
        return None

    async def _within(self, future: "asyncio.Future[Any]", seconds: float) -> Any:
        """The future's result, or None when it takes longer."""
        speed = getattr(self._clock, "speed", 1.0)
        done, _ = await asyncio.wait([future], timeout=max(seconds / speed, LEAST_REAL_S))
        if not done:
            future.cancel()
            return None
        return future.result()

    def _put(self, peer: _Peer, message: Any) -> None:
        if peer.address is not None:
            self._hub.send(peer.link, peer.address, message)

    async def _speak(self) -> None:
        """Heartbeats to all, and streams asked of whoever was heard."""
        heartbeat = mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
        )
        while True:
            now_s = self._clock.monotonic_s()
            for peer in self._peers.values():
                if peer.address is None:
                    peer.address = self._hub.address_of(peer.link)
                self._put(peer, heartbeat)
                if isinstance(peer.state, VehiclePeer) and peer.heard_s is not None:
                    self._ask_streams(peer, now_s)
            await self._tell_rejected()
            await self._clock.sleep(1.0)

    def _ask_streams(self, peer: _Peer, now_s: float) -> None:
        if peer.streams_asked_s is not None and now_s - peer.streams_asked_s < STREAMS_AGAIN_S:
            return
        peer.streams_asked_s = now_s
        for kind, every_s in self._streams_s.items():
            number = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
            self._put(
                peer, mavlink.MAVLink_command_long_message(peer.system_id, 1, number, 0, kind, every_s * 1e6, 0, 0, 0, 0, 0)
            )

    # --- in -----------------------------------------------------------------------------------------------------------

    def _on_message(self, link: str, address: Address, message: Any) -> None:
        peer = self._by_link.get((link, message.get_srcSystem()))
        if peer is None:
            self._on_rejected(link, "unknown system", 1)
            return
        now_s = self._clock.monotonic_s()
        if peer.address is not None and peer.address != address:
            if peer.heard_s is not None and now_s - peer.heard_s < TAKEOVER_S:
                self._on_rejected(link, "another address claims the system id", 1)
                return
            log.warning("a peer speaks from a new address", target_id=peer.name)
        peer.address = address
        kind = message.get_type()
        if kind == "HEARTBEAT":
            peer.heard_s = now_s
            peer.mode_changed.set()
        elif kind == "COMMAND_ACK":
            future = peer.acks.get(message.command)
            if future is not None and not future.done():
                future.set_result(int(message.result))
            return
        elif kind == "PARAM_VALUE":
            waiting = peer.parameters.get(str(message.param_id).rstrip("\0"))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            return
        news = peer.state.feed(message, self._clock.now())
        if news is not None and not self._inbox.full():
            self._inbox.put_nowait((peer, news))

    async def _deliver(self) -> None:
        """News to flight, one at a time, in order. A telemetry that waits behind a newer one of its vehicle is passed over."""
        while True:
            peer, news = await self._inbox.get()
            handler: Any = self._on_telemetry if isinstance(peer.state, VehiclePeer) else self._on_dock
            try:
                if handler is not None:
                    await handler(news)
            except Exception:  # the edge of the link's task: one bad report must not end the feed
                log.exception("news from a peer could not be handled", target_id=peer.name)

    def _on_rejected(self, link: str, reason: str, count: int) -> None:
        self.rejected[link, reason] += count

    async def _tell_rejected(self) -> None:
        for key, count in self.rejected.items():
            fresh = count - self._rejected_told[key]
            if fresh:
                self._rejected_told[key] = count
                await self._bus.publish(PacketRejected(at=self._clock.now(), link=key[0], reason=key[1], count=fresh))
