"""MAVLink peers of the simulation: a UDP port each, whoever listens to it, and what is said to them how often. Knows no protocol
code of the program's own ground station.
"""

import asyncio
import hashlib
import random
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fastcrc.crc16 import mcrf4xx
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.runtime.ports import Clock

Address = tuple[str, int]
HEARTBEAT = int(mavlink.MAVLINK_MSG_ID_HEARTBEAT)
POSITION = int(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT)
# Who has not spoken for this long is told nothing more. Watchers speak once a second.
LISTENS_S, LISTENS_REAL_S = 30.0, 10.0
MOST_LISTENERS = 64
# Asked for anything faster than this, a peer keeps to it: a radio has no more to give.
FASTEST_S = 0.02
# What is due so soon is told now, rather than a whole tick late.
EARLY_S = 0.005
# MAVLink's signing time: tens of microseconds since 2015.
SIGNING_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
SIGNING_TICK = timedelta(microseconds=10)
_SIGNED, _DIGEST = 0x01, 6
_HEADER, _POSITION = struct.Struct("<BBBBBBBHB"), struct.Struct("<IiiiihhhH")
_POSITION_EXTRA = bytes([mavlink.mavlink_map[POSITION].crc_extra])


class Air:
    """What lies between a peer and the ground, and the faults of it. Delays are seconds of the simulation's clock."""

    def __init__(self, clock: Clock, dice: random.Random) -> None:
        self.clock, self.dice = clock, dice
        self.deaf = self.mute = False
        self.delay_s = self.loss = 0.0

    def lost(self, *, outward: bool) -> bool:
        if self.mute if outward else self.deaf:
            return True
        return self.loss > 0.0 and self.dice.random() < self.loss

    def carry(self, put: Callable[[], Any]) -> None:
        if self.delay_s > 0.0:
            speed = getattr(self.clock, "speed", 1.0)
            asyncio.get_running_loop().call_later(self.delay_s / speed, put)
        else:
            put()


class Listener:
    """One address that a peer talks to: its sequence of packets, and how often it wants what."""

    def __init__(self, address: Address, system_id: int, intervals_s: dict[int, float], *, forever: bool = False) -> None:
        self.address, self.forever = address, forever
        self.mav = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=1)
        self.parser = mavlink.MAVLink(None)
        self.parser.robust_parsing = True
        self.intervals_s = dict(intervals_s)
        self.due_s: dict[int, float] = dict.fromkeys(intervals_s, 0.0)
        self.next_s = 0.0
        self.heard_s = 0.0
        self.heard_real_s = 0.0

    def ask(self, kind: int, interval_s: float, default_s: float | None) -> None:
        """How often it wants a message: below 0 never, 0 as by default."""
        if interval_s == 0.0:
            interval_s = -1.0 if default_s is None else default_s
        if interval_s < 0.0:
            self.intervals_s.pop(kind, None)
            self.due_s.pop(kind, None)
        else:
            self.intervals_s[kind] = max(FASTEST_S, interval_s)
            self.due_s[kind] = self.next_s = 0.0

    def take_due(self, now_s: float) -> list[int]:
        """What it is to be told now."""
        if now_s < self.next_s - EARLY_S:
            return []
        found = []
        for kind, at_s in self.due_s.items():
            if now_s >= at_s - EARLY_S:
                interval_s = self.intervals_s[kind]
                # In step, so that ten a second are ten; a tick that came late does not bring a burst.
                self.due_s[kind] = max(at_s + interval_s, now_s + 0.5 * interval_s)
                found.append(kind)
        self.next_s = min(self.due_s.values(), default=now_s + 1.0)
        return found

    def sign(self, signing: Any) -> None:
        """Sign by what the peer knows: its key, its clock, and what it has heard; all its listeners share that."""
        self.mav.signing = self.parser.signing = signing

    def pack(self, message: Any, component: int = 1) -> bytes:
        self.mav.srcComponent = component
        packet: bytes = message.pack(self.mav)
        self.mav.seq = (self.mav.seq + 1) % 256
        return packet

    def pack_position(self, values: tuple[int, ...]) -> bytes:
        """GLOBAL_POSITION_INT, which is most of what is sent: without the library's objects."""
        payload = _POSITION.pack(*values).rstrip(b"\0") or b"\0"
        signing = self.mav.signing
        head = _HEADER.pack(
            0xFD, len(payload), _SIGNED if signing.sign_outgoing else 0, 0, self.mav.seq, self.mav.srcSystem, 1, POSITION, 0
        )
        self.mav.seq = (self.mav.seq + 1) % 256
        body = head + payload
        packet = body + mcrf4xx(body[1:] + _POSITION_EXTRA).to_bytes(2, "little")
        if not signing.sign_outgoing:
            return packet
        packet += bytes([signing.link_id]) + signing.timestamp.to_bytes(6, "little")
        signing.timestamp += 1
        signed: bytes = packet + hashlib.sha256(signing.secret_key + packet).digest()[:_DIGEST]
        return signed


class Peer:
    """One vehicle or dock on its own port."""

    # Messages that it sends by itself, seconds apart.
    default_s: dict[int, float]

    def __init__(self, name: str, system_id: int, port: int, clock: Clock, real: Clock, air: Air) -> None:
        self.name, self.system_id, self.port, self.clock, self.real, self.air = name, system_id, port, clock, real, air
        self.listeners: dict[Address, Listener] = {}
        self.ground_station_real_s: float | None = None
        self._socket: socket.socket | None = None
        self.signing: Any = mavlink.MAVLinkSigning()

    def take_key(self, secret: bytes) -> None:
        """Sign, and believe nothing else, from now on; without a secret neither. As over a cable: not over the link."""
        self.signing.secret_key, self.signing.sign_outgoing = secret or None, bool(secret)
        # Its clock goes on; it would otherwise say again what it has said before.
        now = (self.clock.now() - SIGNING_EPOCH) // SIGNING_TICK
        self.signing.timestamp = max(self.signing.timestamp, now)

    # --- what a peer is ---------------------------------------------------------------------------------------------------

    def handle(self, message: Any, listener: Listener, now_s: float) -> list[Any]:
        """The answers to one message."""
        raise NotImplementedError

    def message(self, kind: int, now_s: float) -> Any:
        """A message that is due; None when there is nothing to say."""
        raise NotImplementedError

    def position(self, now_s: float) -> tuple[int, ...]:
        raise NotImplementedError

    # --- sockets ----------------------------------------------------------------------------------------------------------

    def open(self, host: str) -> None:
        """Raises `OSError` when the port is taken."""
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.bind((host, self.port))
        self.port = one.getsockname()[1]
        self._socket = one
        asyncio.get_running_loop().add_reader(one, self._readable)

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        assert self._socket is not None
        while self._socket is not None:
            try:
                data, address = self._socket.recvfrom(65_536)
            except OSError:
                return
            if not self.air.lost(outward=False):
                self.air.carry(partial(self._received, data, address))

    def _put(self, packet: bytes, address: Address) -> None:
        if self._socket is not None:
            try:
                self._socket.sendto(packet, address)
            except OSError:
                return  # nobody there, or the kernel is full: as radio does

    # --- in ---------------------------------------------------------------------------------------------------------------

    def listen_to(self, address: Address) -> None:
        """A ground station that is told of without having spoken."""
        self.listeners[address] = self._listener(address, forever=True)

    def _listener(self, address: Address, *, forever: bool = False) -> Listener:
        made = Listener(address, self.system_id, self.default_s, forever=forever)
        made.sign(self.signing)
        return made

    def _received(self, data: bytes, address: Address) -> None:
        listener = self.listeners.get(address)
        if listener is None:
            if len(self.listeners) >= MOST_LISTENERS:
                return
            listener = self._listener(address)
        try:
            messages = listener.parser.parse_buffer(data) or []
        except Exception:  # the library raises many kinds on hostile bytes; a simulated peer only must not fall over
            listener.parser = mavlink.MAVLink(None)
            listener.parser.robust_parsing = True
            listener.sign(self.signing)
            return
        for message in messages:
            if message.get_type() == "BAD_DATA" and "signature" in str(message.reason).lower():
                self._note(listener)  # who speaks is told what goes to everybody; nothing that it asks is done
            elif message.get_type() != "BAD_DATA" and not message.get_type().startswith("UNKNOWN"):
                self._heard(message, listener)

    def _note(self, listener: Listener) -> float:
        """Somebody is there: as real ones on UDP, it learns addresses below the signatures."""
        listener.heard_s, listener.heard_real_s = self.clock.monotonic_s(), self.real.monotonic_s()
        self.listeners[listener.address] = listener
        return listener.heard_s

    def _heard(self, message: Any, listener: Listener) -> None:
        now_s = self._note(listener)
        if message.get_type() == "HEARTBEAT":
            self.ground_station_real_s = listener.heard_real_s
        if getattr(message, "target_system", self.system_id) not in (0, self.system_id):
            return
        for answer in [*self._streams(message, listener), *self.handle(message, listener, now_s)]:
            self.send(answer, listener)

    def _streams(self, message: Any, listener: Listener) -> list[Any]:
        """What this listener wants how often, or once."""
        match message.get_type():
            case "COMMAND_LONG" if message.command == mavlink.MAV_CMD_SET_MESSAGE_INTERVAL:
                kind = int(message.param1)
                listener.ask(kind, message.param2 / 1e6, self.default_s.get(kind))
            case "COMMAND_LONG" if message.command == mavlink.MAV_CMD_REQUEST_MESSAGE:
                found = self.message(int(message.param1), self.clock.monotonic_s())
                return [] if found is None else [found]
        return []

    # --- out --------------------------------------------------------------------------------------------------------------

    def send(self, message: Any, listener: Listener, component: int = 1) -> None:
        self._send(listener.pack(message, component), listener)

    def say(self, message: Any) -> None:
        """To all who listen."""
        for listener in list(self.listeners.values()):
            self.send(message, listener)

    def _send(self, packet: bytes, listener: Listener) -> None:
        if not self.air.lost(outward=True):
            if self.air.delay_s > 0.0:
                self.air.carry(partial(self._put, packet, listener.address))
            else:
                self._put(packet, listener.address)

    def speak(self, now_s: float) -> None:
        """All that is due now."""
        for listener in self.listeners.values():
            for kind in listener.take_due(now_s):
                self.tell(kind, listener, now_s)

    def tell(self, kind: int, listener: Listener, now_s: float) -> None:
        """One message that is due to one listener."""
        if kind == POSITION:
            self._send(listener.pack_position(self.position(now_s)), listener)
            return
        message = self.message(kind, now_s)
        if message is not None:
            self.send(message, listener)

    def forget_silent(self, now_s: float) -> None:
        """Drop listeners that do not speak any more."""
        real_s = self.real.monotonic_s()
        for address, one in list(self.listeners.items()):
            if not one.forever and now_s - one.heard_s > LISTENS_S and real_s - one.heard_real_s > LISTENS_REAL_S:
                del self.listeners[address]
