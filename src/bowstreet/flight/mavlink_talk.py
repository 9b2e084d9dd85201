"""MAVLink's conversations with one peer: a command and its acknowledgement, a parameter asked and told. No sockets.

A command is sent again, with the protocol's confirmation counter, until it is acknowledged or the tries are used up. That
happens only within one call: whoever calls decides whether there is another.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.mavlink_frames import Frame, decode
from bowstreet.flight.mavlink_hub import GROUND_STATION_SYSTEM
from bowstreet.runtime.ports import Clock

# Waits for an acknowledgement before a command is sent again. Real autopilots take 10 to 100 ms. Twelve tries leave 1 command in
# 3,000 unheard when 3 of 10 packets are lost each way, and last long enough for 2 s of latency each way.
WAITS_S = (0.4,) * 4 + (0.6,) * 4 + (0.8,) * 4
TRIES = len(WAITS_S)
# After IN_PROGRESS the peer is at work: so long for its next word.
IN_PROGRESS_S = 20.0
# Acknowledgements of what was sent again come about as late as the first one did, at most so long after it.
MOST_STRAGGLING_S = 3.0
# A clock that is sped up does not speed up the machine: no wait is shorter than this in real seconds.
LEAST_REAL_S = 0.1

ACK = int(mavlink.MAVLINK_MSG_ID_COMMAND_ACK)
PARAMETER = int(mavlink.MAVLINK_MSG_ID_PARAM_VALUE)
PARAMETER_ERROR = int(mavlink.MAVLINK_MSG_ID_PARAM_ERROR)
ACCEPTED, IN_PROGRESS = int(mavlink.MAV_RESULT_ACCEPTED), int(mavlink.MAV_RESULT_IN_PROGRESS)
_INTEGERS = {
    int(mavlink.MAV_PARAM_TYPE_UINT8): "<B", int(mavlink.MAV_PARAM_TYPE_INT8): "<b", int(mavlink.MAV_PARAM_TYPE_UINT16): "<H",
    int(mavlink.MAV_PARAM_TYPE_INT16): "<h", int(mavlink.MAV_PARAM_TYPE_UINT32): "<I", int(mavlink.MAV_PARAM_TYPE_INT32): "<i",
}  # fmt: skip


class Ack(NamedTuple):
    """How a command was answered: MAV_RESULT, or None for not at all. `tries` is how often it was sent."""

    result: int | None
    tries: int

    @property
    def accepted(self) -> bool:
        return self.result == ACCEPTED

    @property
    def word(self) -> str:
        if self.result is None:
            return f"no acknowledgement of {self.tries} tries"
        known = mavlink.enums["MAV_RESULT"].get(self.result)
        return str(known.name).removeprefix("MAV_RESULT_") if known is not None else f"result {self.result}"


class Parameter(NamedTuple):
    """A parameter as told. `raw` are the four bytes of its float, in which PX4 puts the bytes of an integer."""

    value: float
    raw: bytes
    kind: int
    exists: bool = True

    def integer(self, *, bytewise: bool) -> int:
        """Its value as an integer: ArduPilot casts to float, PX4 puts the integer's bytes into the float."""
        if bytewise and self.kind in _INTEGERS:
            form = _INTEGERS[self.kind]
            return int(struct.unpack(form, self.raw[: struct.calcsize(form)])[0])
        return round(self.value) if -2e9 < self.value < 2e9 else 0


class Peer(Protocol):
    """What a conversation needs to know of the peer."""

    component_id: int


class Conversation:
    """With one system.

    Args:
        send: puts a message on the peer's link; lost if the link is down.
    """

    def __init__(self, clock: Clock, system_id: int, peer: Peer, send: Callable[[Any], None]) -> None:
        self._clock, self._send, self._peer = clock, send, peer
        self.system_id = system_id
        self._least_s = LEAST_REAL_S * getattr(clock, "speed", 1.0)
        self._acks: dict[int, asyncio.Future[int]] = {}
        self._parameters: dict[str, asyncio.Future[Parameter]] = {}
        self._locks: dict[int | str, asyncio.Lock] = {}
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._stragglers: dict[int, float] = {}

    @property
    def component_id(self) -> int:
        return self._peer.component_id

    def now_s(self) -> float:
        return self._clock.monotonic_s()

    async def pause(self, seconds: float) -> None:
        await self._clock.sleep(max(seconds, self._least_s))

    def tell(self, message: Any) -> None:
        """Send what is not acknowledged."""
        self._send(message)

    # --- in -----------------------------------------------------------------------------------------------------------

    def hear(self, frame: Frame) -> None:
        """Frames of the peer that answer something."""
        if frame.message_id == ACK:
            self._acknowledged(decode(frame))
        elif frame.message_id == PARAMETER:
            message = decode(frame)
            self._told(message.param_id, Parameter(message.param_value, frame.payload[:4], message.param_type))
        elif frame.message_id == PARAMETER_ERROR:
            message = decode(frame)
            self._told(message.param_id, Parameter(0.0, bytes(4), 0, exists=False))

    def _acknowledged(self, message: Any) -> None:
        if message.target_system not in (0, GROUND_STATION_SYSTEM):
            return  # another ground station's
        waiting = self._acks.get(message.command)
        if waiting is not None and not waiting.done():
            waiting.set_result(message.result)

    def _told(self, name: Any, parameter: Parameter) -> None:
        waiting = self._parameters.get(str(name).rstrip("\0"))
        if waiting is not None and not waiting.done():
            waiting.set_result(parameter)

    def stirred(self) -> None:
        """Something about the peer has changed: whoever waits for it looks again."""
        for holds, future in self._waiting:
            if not future.done() and holds():
                future.set_result(None)

    # --- out ----------------------------------------------------------------------------------------------------------

    async def long(self, number: int, *values: float, tries: int = TRIES, to: Callable[[], int] | None = None) -> Ack:
        """COMMAND_LONG, values from param1 on; the others are 0. To the autopilot, unless `to` gives another component: it is
        asked for each try, for one may be heard for the first time meanwhile."""
        filled = (*values, *(0.0,) * (7 - len(values)))

        def message(confirmation: int) -> Any:
            component_id = self.component_id if to is None else to()
            return mavlink.MAVLink_command_long_message(self.system_id, component_id, number, confirmation, *filled)

        return await self._command(number, message, tries)

    async def place(self, number: int, frame: int, latitude_deg: float, longitude_deg: float, z_m: float, *values: float) -> Ack:
        """COMMAND_INT: a place keeps its centimetres, which a float would round to metres."""
        filled = (*values, *(0.0,) * (4 - len(values)))
        message = mavlink.MAVLink_command_int_message(
            self.system_id, self.component_id, frame, number, 0, 0, *filled,
            round(latitude_deg * 1e7), round(longitude_deg * 1e7), z_m,
        )  # fmt: skip
        return await self._command(number, lambda _: message, TRIES)

    async def _command(self, number: int, message: Callable[[int], Any], tries: int) -> Ack:
        """One command of a kind at a time: acknowledgements name the kind only."""
        async with self._locks.setdefault(number, asyncio.Lock()):
            future = self._acks[number] = asyncio.get_running_loop().create_future()
            try:
                await self._let_stragglers_pass(number)
                began_s = self.now_s()
                for confirmation, wait_s in enumerate(WAITS_S[:tries]):
                    self._send(message(confirmation))
                    if await self._within(future, wait_s):
                        if confirmation:
                            self._stragglers[number] = min(2.0 * self.now_s() - began_s, self.now_s() + MOST_STRAGGLING_S)
                        return Ack(await self._end(number, future), confirmation + 1)
                return Ack(None, tries)
            finally:
                del self._acks[number]

    async def _let_stragglers_pass(self, number: int) -> None:
        """What was sent more than once may be acknowledged more than once: the second must not pass for the next one's."""
        left_s = self._stragglers.pop(number, 0.0) - self.now_s()
        if left_s > 0.0:
            future, self._acks[number] = self._acks.pop(number), asyncio.get_running_loop().create_future()
            await self.pause(left_s)
            self._acks[number] = future

    async def _end(self, number: int, future: "asyncio.Future[int]") -> int | None:
        """Its result; while it is in progress, that is waited for."""
        while future.result() == IN_PROGRESS:
            future = self._acks[number] = asyncio.get_running_loop().create_future()
            if not await self._within(future, IN_PROGRESS_S):
                return None
        return future.result()

    async def read(self, name: str, tries: int = TRIES) -> Parameter | None:
        """A parameter's value; None when it is not told. Old ArduPilots say nothing of one that does not exist."""
        message = mavlink.MAVLink_param_request_read_message(self.system_id, self.component_id, name.encode(), -1)
        return await self._ask(name, message, tries)

    async def write(self, name: str, value: int, *, bytewise: bool) -> Parameter | None:
        """Set an integer parameter; gives what the peer says it is now."""
        kind = int(mavlink.MAV_PARAM_TYPE_INT32 if bytewise else mavlink.MAV_PARAM_TYPE_REAL32)
        (inside,) = struct.unpack("<f", struct.pack("<i", value)) if bytewise else (float(value),)
        message = mavlink.MAVLink_param_set_message(self.system_id, self.component_id, name.encode(), inside, kind)
        return await self._ask(name, message, TRIES)

    async def _ask(self, name: str, message: Any, tries: int) -> Parameter | None:
        async with self._locks.setdefault(name, asyncio.Lock()):
            future: asyncio.Future[Parameter] = asyncio.get_running_loop().create_future()
            self._parameters[name] = future
            try:
                for wait_s in WAITS_S[:tries]:
                    self._send(message)
                    if await self._within(future, wait_s):
                        return future.result()
                return None
            finally:
                del self._parameters[name]

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for something that the peer says to become true; False when it takes longer."""
        if holds():
            return True
        entry = (holds, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            return await self._within(entry[1], seconds)
        finally:
            self._waiting.remove(entry)

    async def _within(self, future: "asyncio.Future[Any]", seconds: float) -> bool:
        """Whether the future is done within that time."""
        timer = asyncio.ensure_future(self._clock.sleep(max(seconds, self._least_s)))
        try:
            await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return future.done()
