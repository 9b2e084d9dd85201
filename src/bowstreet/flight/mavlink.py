"""Vehicles and docks over MAVLink 2: the real `VehicleLink`.

Each peer is known by its link, its address and its system id. Commands are carried out as each brand of autopilot wants them
(`mavlink_autopilots`); telemetry is put together from many messages (`mavlink_state`). All time-outs are in seconds of the
injected clock. Of a vehicle whose news wait to be handled only the newest is kept, so that a slow reader never falls behind.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import MalformedPacket, NotFound
from bowstreet.flight.mavlink_autopilots import Pilot, pilot_for, rejected, timed_out
from bowstreet.flight.mavlink_frames import Frame
from bowstreet.flight.mavlink_hub import Endpoint, Hub
from bowstreet.flight.mavlink_lens import LensState
from bowstreet.flight.mavlink_rejects import Rejects
from bowstreet.flight.mavlink_seals import Seals
from bowstreet.flight.mavlink_signing import BEHIND, MAY_BE_UNSIGNED, NO_SIGNING, Seal, is_signed
from bowstreet.flight.mavlink_state import ARDUPILOT, HEARTBEAT, OUT_OF_RANGE, DockState, VehicleState
from bowstreet.flight.mavlink_talk import Conversation
from bowstreet.flight.model import CloseDock, Command, DockConfig, OpenDock, VehicleConfig, Wind
from bowstreet.flight.ports import OnDock, OnTelemetry, Outcome, Settled
from bowstreet.messages import PacketRejected
from bowstreet.runtime.ports import Bus, Clock

log = structlog.get_logger(__name__)

HEARTBEAT_S = 1.0
# A vehicle that is not heard for this long is not going on with its flight (`failsafe.RESUME_WITHIN_S`). It may hear us all the
# same: then only the end of our heartbeats makes its own failsafe bring it home, and it does not hang where it was sent last.
WITHHELD_AFTER_S = 15.0
# A known system id that speaks from another address is refused until the known one has been silent for this long.
TAKEOVER_S = 10.0
UNKNOWN_SYSTEM, OTHER_ADDRESS, UNREADABLE = "unknown-system", "another-address", "unreadable-fields"
# A first command may come before the first heartbeat: one heartbeat, and one more in case it is lost.
FIRST_HEARTBEAT_S = 2.5
# What is asked of each vehicle, messages a second. A normal link of PX4 floods, one of ArduPilot says next to nothing.
STREAMS_HZ: dict[int, float] = {
    int(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT): 4.0,
    int(mavlink.MAVLINK_MSG_ID_SYS_STATUS): 1.0,
    int(mavlink.MAVLINK_MSG_ID_GPS_RAW_INT): 1.0,
    int(mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE): 2.0,
    int(mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS): 1.0,
}
ARDUPILOT_HZ = {int(mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT): 1.0, int(mavlink.MAVLINK_MSG_ID_MOUNT_STATUS): 1.0}
# The airframe's pitch belongs to the mount's angle of the same moment; one that brakes pitches some ten degrees in half a second.
SERVO_MOUNT_HZ = {int(mavlink.MAVLINK_MSG_ID_ATTITUDE): 5.0}
# What PX4 sends most of, and nobody here reads.
PX4_UNREAD = (
    mavlink.MAVLINK_MSG_ID_ATTITUDE, mavlink.MAVLINK_MSG_ID_ATTITUDE_QUATERNION, mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED,
    mavlink.MAVLINK_MSG_ID_HIGHRES_IMU, mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW, mavlink.MAVLINK_MSG_ID_ODOMETRY,
    mavlink.MAVLINK_MSG_ID_ATTITUDE_TARGET, mavlink.MAVLINK_MSG_ID_POSITION_TARGET_LOCAL_NED, mavlink.MAVLINK_MSG_ID_VFR_HUD,
    mavlink.MAVLINK_MSG_ID_VIBRATION, mavlink.MAVLINK_MSG_ID_ESTIMATOR_STATUS, mavlink.MAVLINK_MSG_ID_ALTITUDE,
)  # fmt: skip
STREAM_TRIES = 4
# Positions missing for so long while heartbeats come: it has restarted, and forgotten what it was asked.
STREAMS_LOST_S = 10.0
# ArduPilot's MNT1_TYPE for a camera on servos.
SERVO_MOUNT = 1
# Commands remembered so that none is sent a second time; a city sends some hundred thousand in a week.
REMEMBERED = 100_000


class _Peer:
    """A vehicle or dock: where it is, when it was heard, what is being said."""

    def __init__(
        self, link: "MavlinkLink", name: str, text: str, system_id: int, state: VehicleState | DockState, seal: Seal
    ) -> None:
        self.clock, self.seal = link.clock, seal
        self.name, self.link_text, self.system_id, self.state = name, text, system_id, state
        self.endpoint: Endpoint | None = None
        self.heard_s: float | None = None
        self.talk = Conversation(link.clock, system_id, state, self.put)
        self.pilot: Pilot | None = None
        self.asked_s: float | None = None  # when its streams were asked for
        self.told_time_s: float | None = None  # when it was last told our time, because its own is behind

    def put(self, message: Any) -> None:
        if self.endpoint is not None and not self.seal.mute:
            self.endpoint.send(message, self.seal.signature(self.clock.now()))


def _vehicle_state(one: VehicleConfig) -> VehicleState:
    return VehicleState(one.vehicle_id, LensState(one.field_of_view_deg, one.zoom_most))


class MavlinkLink:
    """The ground station's side.

    Args:
        bus: is told of packets that could not be used, at most once a second for each link.
        seals: of vehicles that sign; without them none does.
        position_hz: positions asked of each vehicle, a second.
    """

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        *,
        vehicles: Iterable[VehicleConfig],
        docks: Iterable[DockConfig],
        position_hz: float = 4.0,
        seals: Seals | None = None,
    ) -> None:
        self.clock, self._bus = clock, bus
        self.rejects = Rejects()
        self._reject = self.rejects.add
        self.seals = seals or Seals(clock)
        self._hub = Hub(clock, self._on_frames, self._reject)
        states: list[tuple[VehicleConfig | DockConfig, str, VehicleState | DockState]] = [
            *((one, one.vehicle_id, _vehicle_state(one)) for one in vehicles),
            *((one, one.dock_id, DockState(one.dock_id, one.pads)) for one in docks),
        ]
        self._peers = {
            name: _Peer(self, name, one.link, one.system_id, state, self.seals.of(name)) for one, name, state in states
        }
        self._known = {(peer.link_text, peer.system_id): peer for peer in self._peers.values()}
        self._on_link: defaultdict[str, list[_Peer]] = defaultdict(list)
        for peer in self._peers.values():
            self._on_link[peer.link_text].append(peer)
        self._streams_hz = {**STREAMS_HZ, int(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT): position_hz}
        self._on_telemetry: OnTelemetry | None = None
        self._on_dock: OnDock | None = None
        self._news: dict[str, _Peer] = {}
        self._has_news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: dict[str, None] = {}

    def listen(self, on_telemetry: OnTelemetry, on_dock: OnDock) -> None:
        self._on_telemetry, self._on_dock = on_telemetry, on_dock

    async def start(self) -> None:
        """Open the links and begin to speak. Raises `BadInput` for a link that cannot be opened."""
        await self._hub.open(peer.link_text for peer in self._peers.values())
        self._spawn(self._speak(), "mavlink heartbeats")
        self._spawn(self._deliver(), "mavlink news")
        self._spawn(self.seals.keep(), "mavlink signing")

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hub.close()

    def heard_s_ago(self, target_id: str) -> float | None:
        """Since its autopilot, or the dock, was last heard. Any of its messages counts: a heartbeat alone is easily lost."""
        heard_s = self._peer(target_id).heard_s
        return None if heard_s is None else self.clock.monotonic_s() - heard_s

    def wind(self) -> Wind | None:
        """The strongest wind that a dock has told in the last minute; None when none has."""
        told = [
            (peer.state.wind, peer.state.gust_mps)
            for peer in self._peers.values()
            if isinstance(peer.state, DockState) and peer.state.wind is not None and (self.heard_s_ago(peer.name) or 0.0) < 60.0
        ]
        if not told:
            return None
        (speed, from_deg), gust = max(told)
        return Wind(speed_mps=speed, from_deg=from_deg, gust_mps=gust)

    def _peer(self, target_id: str) -> _Peer:
        if target_id not in self._peers:
            raise NotFound(f"no vehicle or dock is called {target_id}", remedy="name one of the configuration")
        return self._peers[target_id]

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task of the link failed", task=task.get_name(), exc_info=task.exception())

    # --- out ----------------------------------------------------------------------------------------------------------

    async def send(self, target_id: str, command: Command, command_id: str) -> Settled:
        """See `VehicleLink`. A command id that was sent before in this run is refused."""
        peer = self._peer(target_id)
        if command_id in self._sent:
            return rejected("sent before: no command is sent twice")
        self._sent[command_id] = None
        if len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
        if peer.seal.mute:
            return rejected("its packets must be signed, and it has no signing key")
        if peer.heard_s is None and not await peer.talk.until(lambda: peer.heard_s is not None, FIRST_HEARTBEAT_S):
            return timed_out("never heard")
        if isinstance(peer.state, DockState):
            return await self._to_dock(peer, command)
        pilot = self._pilot(peer, peer.state)
        if pilot is None:
            return rejected(f"autopilot {peer.state.autopilot} is neither ArduPilot nor PX4")
        return await pilot.obey(command)

    def aim_gimbal(self, vehicle_id: str, tilt_deg: float, azimuth_deg: float) -> None:
        """See `GimbalLink`."""
        peer = self._peer(vehicle_id)
        pilot = self._pilot(peer, peer.state) if isinstance(peer.state, VehicleState) else None
        if pilot is not None and not peer.seal.mute:
            pilot.gimbal.steer(tilt_deg, azimuth_deg)

    def gimbal_trouble(self, vehicle_id: str) -> str:
        """See `GimbalLink`."""
        pilot = self._peer(vehicle_id).pilot
        return "" if pilot is None else pilot.gimbal.trouble

    async def _to_dock(self, peer: _Peer, command: Command) -> Settled:
        if not isinstance(command, OpenDock | CloseDock):
            return rejected(f"{type(command).__name__} is not asked of docks")
        ack = await peer.talk.long(mavlink.MAV_CMD_USER_1, 1.0 if isinstance(command, OpenDock) else 0.0)
        if ack.result is None:
            return timed_out(ack.word)
        return Settled(outcome=Outcome.ACCEPTED) if ack.accepted else rejected(ack.word)

    def _pilot(self, peer: _Peer, state: VehicleState) -> Pilot | None:
        if peer.pilot is None:
            peer.pilot = pilot_for(state.autopilot, peer.talk, state, lambda work: self._spawn(work, f"orbit of {peer.name}"))
        return peer.pilot

    async def _speak(self) -> None:
        """Heartbeats to all, once a second; streams asked of whoever is heard, and again when it does not tell its position."""
        heartbeat = mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
        )
        while True:
            for peer in self._peers.values():
                if peer.endpoint is None:
                    peer.endpoint = self._hub.address_known(peer.link_text)
            gone = self._gone()
            for endpoint in self._hub.all_endpoints():
                # Autopilots count heartbeats only; this keeps our address known to it, and it answers once it is there again.
                self._say_all(endpoint, self._our_time() if endpoint in gone else heartbeat)
            self._ask_for_streams()
            await self._tell_rejected()
            await self.clock.sleep(HEARTBEAT_S)

    def _our_time(self) -> Any:
        return mavlink.MAVLink_timesync_message(0, int(self.clock.monotonic_s() * 1e9))

    def _say_all(self, endpoint: Endpoint, message: Any) -> None:
        """To each vehicle that signs under its own key, and under the next; to all others at that address once."""
        # A link that is not listened on has one address, and whoever is there may not have spoken yet.
        listened = endpoint.link.startswith("udpin")
        there = [peer for peer in self._on_link[endpoint.link] if peer.endpoint is endpoint or not listened]
        now = self.clock.now()
        for key, seal in ((key, peer.seal) for peer in there for key in peer.seal.all_keys()):
            endpoint.send(message, seal.signature(now, key))
        if any(peer.seal.keys == NO_SIGNING for peer in there):
            endpoint.send(message)

    def _gone(self) -> set[Endpoint]:
        """Addresses of which no vehicle has been heard for too long, though it was before."""
        now_s = self.clock.monotonic_s()
        there: dict[Endpoint, bool] = {}
        for peer in self._peers.values():
            if peer.endpoint is not None:
                is_gone = isinstance(peer.state, VehicleState) and peer.heard_s is not None
                is_gone = is_gone and now_s - (peer.heard_s or 0.0) > WITHHELD_AFTER_S
                there[peer.endpoint] = there.get(peer.endpoint, False) or not is_gone
        return {endpoint for endpoint, somebody in there.items() if not somebody}

    def _ask_for_streams(self) -> None:
        now_s = self.clock.monotonic_s()
        for peer in self._peers.values():
            if not isinstance(peer.state, VehicleState) or peer.state.autopilot is None:
                continue
            heard = now_s - peer.state.heartbeat_at_s < STREAMS_LOST_S
            lost = now_s - peer.state.fix_at_s > STREAMS_LOST_S
            # Once in any case: what a vehicle streams unasked is neither what nor as often as we want it.
            if heard and (peer.asked_s is None or (lost and now_s - peer.asked_s > STREAMS_LOST_S)):
                peer.asked_s = now_s
                self._spawn(self._set_streams(peer, peer.state), f"streams of {peer.name}")
            if heard and (pilot := self._pilot(peer, peer.state)) is not None and peer.state.lens.is_to_be_asked(now_s):
                self._spawn(pilot.lens.ask_to_tell(), f"lens of {peer.name}")

    async def _set_streams(self, peer: _Peer, state: VehicleState) -> None:
        wanted = dict(self._streams_hz)
        if state.autopilot == ARDUPILOT:
            wanted |= ARDUPILOT_HZ
            mount = await peer.talk.read("MNT1_TYPE", tries=STREAM_TRIES)
            state.servo_mount = mount is not None and mount.exists and mount.integer(bytewise=False) == SERVO_MOUNT
            wanted |= SERVO_MOUNT_HZ if state.servo_mount else {}
        else:
            wanted = {**dict.fromkeys(map(int, PX4_UNREAD), 0.0), **wanted}
        for number, hertz in sorted(wanted.items(), key=lambda one: -one[1]):
            interval_us = 1e6 / hertz if hertz else -1.0
            await peer.talk.long(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(number), interval_us, tries=STREAM_TRIES)

    # --- in -----------------------------------------------------------------------------------------------------------

    def _on_frames(self, endpoint: Endpoint, frames: list[Frame]) -> bool:
        """Whether anything of it came from a peer of ours that speaks from this address."""
        ours = False
        for frame in frames:
            peer = self._known.get((endpoint.link, frame.system_id))
            if peer is None:
                self._reject(endpoint.link, UNKNOWN_SYSTEM)
            elif self._is_elsewhere(peer, endpoint):
                self._reject(endpoint.link, OTHER_ADDRESS)
            elif self._is_believed(peer, endpoint, frame) and self._speaks_from(peer, endpoint, frame.message_id):
                ours = True
                if is_signed(frame.raw):
                    peer.seal.note(frame)
                self._take(peer, frame)
        return ours

    def _is_elsewhere(self, peer: _Peer, endpoint: Endpoint) -> bool:
        """Whether somebody at another address claims to be a peer that is heard. Before its signature is looked at: who sends
        on what was captured must not use up its timestamp."""
        if peer.endpoint is None or peer.endpoint is endpoint or not endpoint.link.startswith("udpin"):
            return False
        return peer.heard_s is not None and self.clock.monotonic_s() - peer.heard_s <= TAKEOVER_S

    def _is_believed(self, peer: _Peer, endpoint: Endpoint, frame: Frame) -> bool:
        """Whether a frame is what its vehicle said, and says so now."""
        seal, now = peer.seal, self.clock.now()
        if frame.message_id in MAY_BE_UNSIGNED and not seal.keys.unsigned and not is_signed(frame.raw):
            return False  # nothing is made of it, and it is no attack
        reason, key = seal.judge(frame, now)
        if not reason:
            if key is not None and key is seal.keys.coming and (work := self.seals.take_up(peer.name, key.key_id)) is not None:
                self._spawn(work, f"new key of {peer.name}")
            return True
        self._reject(endpoint.link, reason)
        now_s = self.clock.monotonic_s()
        if reason == BEHIND and (peer.told_time_s is None or now_s - peer.told_time_s >= HEARTBEAT_S):
            # It is who it says; whether it says so now is not known. Having heard us, its clock goes on from ours.
            peer.told_time_s = now_s
            endpoint.send(self._our_time(), seal.signature(now, key))
        return False

    def _speaks_from(self, peer: _Peer, endpoint: Endpoint, number: int) -> bool:
        """Whether this is a peer's address: known, or its heartbeat is heard there first, or again after a silence."""
        if peer.endpoint is endpoint:
            return True
        if number != HEARTBEAT:
            return False
        if peer.endpoint is not None:
            log.warning("a peer speaks from a new address", target_id=peer.name)
            if all(other.endpoint is not peer.endpoint for other in self._peers.values() if other is not peer):
                self._hub.forget(peer.endpoint)
        peer.endpoint = endpoint
        return True

    def _take(self, peer: _Peer, frame: Frame) -> None:
        now_s = self.clock.monotonic_s()
        try:
            news = peer.state.take(frame, now_s)
            peer.talk.hear(frame)
        except MalformedPacket as error:
            self._reject(peer.link_text, OUT_OF_RANGE if error.message.startswith(OUT_OF_RANGE) else UNREADABLE)
            return
        if frame.component_id == peer.state.component_id and (peer.heard_s is not None or frame.message_id == HEARTBEAT):
            peer.heard_s = now_s
        peer.talk.stirred()
        if news:
            self._news[peer.name] = peer
            self._has_news.set()

    async def _deliver(self) -> None:
        """News to flight, one peer at a time."""
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            waiting, self._news = self._news, {}
            for peer in waiting.values():
                try:
                    await self._tell(peer)
                except Exception:  # the edge of the link's task: one bad report must not end the feed
                    log.exception("news of a peer could not be handled", target_id=peer.name)

    async def _tell(self, peer: _Peer) -> None:
        now_s = self.clock.monotonic_s()
        if isinstance(peer.state, VehicleState):
            telemetry = peer.state.telemetry(self.clock.now(), now_s)
            if telemetry is not None and self._on_telemetry is not None:
                await self._on_telemetry(telemetry)
            return
        report = peer.state.report()
        if report is not None and self._on_dock is not None:
            peer.state.said(report, now_s)
            await self._on_dock(report)

    # --- what could not be used -----------------------------------------------------------------------------------------

    @property
    def rejected(self) -> Counter[tuple[str, str]]:
        """How many packets could not be used, by link and reason."""
        return self.rejects.counts

    async def _tell_rejected(self) -> None:
        self.rejects.log(self.clock.monotonic_s())
        for link, reason, count in self.rejects.take_untold():
            await self._bus.publish(PacketRejected(at=self.clock.now(), link=link, reason=reason, count=count))
