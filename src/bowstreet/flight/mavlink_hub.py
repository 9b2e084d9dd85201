"""Sockets of MAVLink links: bytes in and out, one splitter and one sequence counter for each address.

A link is `udpin:HOST:PORT` (we listen; a peer is known by the address that it first speaks from), `udpout:HOST:PORT` (we speak
first) or `tcp:HOST:PORT` (we connect, again and again with back-off). All `udpout` links share one socket: a city has hundreds.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import structlog
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import BadInput, MalformedConfiguration
from bowstreet.flight.mavlink_frames import Frame, Packer, Splitter
from bowstreet.flight.mavlink_signing import LINK_ID, Signature
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

Address = tuple[str, int]
# Ground stations are system 255 by custom: ArduPilot counts only that one's heartbeats for its failsafe (MAV_GCS_SYSID).
GROUND_STATION_SYSTEM = 255
GROUND_STATION_COMPONENT = int(mavlink.MAV_COMP_ID_MISSIONPLANNER)
# Datagrams read at one go, so that a flood on one socket does not keep the rest of the program waiting.
MOST_AT_ONCE = 256
# A second of 1,000 vehicles' telemetry: the kernel holds it while Python does something else.
RECEIVE_BUFFER = 4 << 20
# What a TCP peer that does not read may leave waiting; later commands would only be older when it reads them.
SEND_BUFFER = 64 << 10
TCP_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
UNKNOWN_ADDRESS = "unknown-address"


class Link(NamedTuple):
    """A parsed link address."""

    scheme: str
    host: str
    port: int


def parse_link(text: str) -> Link:
    """Raises `MalformedConfiguration` for what is no link."""
    scheme, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
    if scheme not in ("udpin", "udpout", "tcp") or not host or not 0 < number < 65_536:
        raise MalformedConfiguration(f"'{text}' is not a link", remedy="use udpin:HOST:PORT, udpout:HOST:PORT or tcp:HOST:PORT")
    return Link(scheme, host, number)


class Endpoint:
    """One address on one link."""

    __slots__ = ("_packer", "_put", "address", "link", "splitter")

    def __init__(self, link: str, address: Address, put: Callable[[bytes], None]) -> None:
        self.link, self.address, self._put = link, address, put
        self.splitter = Splitter()
        self._packer = Packer(GROUND_STATION_SYSTEM, GROUND_STATION_COMPONENT)

    def send(self, message: Any, signature: Signature | None = None) -> None:
        """Pack, sign when there is something to sign with, and send. A link that is down loses the packet, as radio would."""
        if signature is None:
            self._put(self._packer.pack(message))
        else:
            self._put(self._packer.pack(message, signature.secret, signature.timestamp, LINK_ID))


OnFrames = Callable[[Endpoint, list[Frame]], bool]
OnRejected = Callable[[str, str], None]


class Hub:
    """All sockets of one ground station.

    Args:
        on_frames: given what came from an address; says whether it is one of ours. Nothing is kept of an address that is not.
        on_rejected: given the link and the reason, for each packet that could not be used.

    Attributes:
        endpoints: for each link its addresses that are ours.
        unsent: packets that the kernel did not take, by link.
    """

    def __init__(self, clock: Clock, on_frames: OnFrames, on_rejected: OnRejected) -> None:
        self._clock, self._on_frames, self._on_rejected = clock, on_frames, on_rejected
        self.endpoints: dict[str, dict[Address, Endpoint]] = {}
        self.unsent: Counter[str] = Counter()
        self._sockets: list[socket.socket] = []
        self._shared: dict[Address, Endpoint] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self, links: Iterable[str]) -> None:
        """Open every link; a TCP peer that is away is tried again later.

        Raises:
            BadInput: for a host that is not known, a port that is taken, or two names for one address.
        """
        loop = asyncio.get_running_loop()
        out: socket.socket | None = None
        for text in dict.fromkeys(links):
            link = parse_link(text)
            self.endpoints[text] = {}
            if link.scheme == "tcp":
                self._tasks.append(loop.create_task(self._tcp(text, link), name=f"mavlink {text}"))
                continue
            address = await _resolve(text, link)
            if link.scheme == "udpin":
                self._listen(text, address)
                continue
            out = out or self._bind(("0.0.0.0", 0), self._read_shared)  # noqa: S104 - the drones' side of the machine is not known
            self._speak_first(text, address, out)

    def address_known(self, link: str) -> Endpoint | None:
        """Where a link's one peer is, when that is known before it speaks; None for `udpin`, and for TCP while it is down."""
        if parse_link(link).scheme == "udpin":
            return None
        return next(iter(self.endpoints[link].values()), None)

    def all_endpoints(self) -> list[Endpoint]:
        return [endpoint for of_link in self.endpoints.values() for endpoint in of_link.values()]

    def forget(self, endpoint: Endpoint) -> None:
        """Nobody of ours speaks from there any more."""
        self.endpoints[endpoint.link].pop(endpoint.address, None)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            loop.remove_reader(one)
            one.close()
        for writer in list(self._writers):
            writer.close()

    # --- UDP ----------------------------------------------------------------------------------------------------------

    def _bind(self, address: Address, read: Callable[[socket.socket], None]) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            one.bind(address)
        except OSError as error:
            one.close()
            what = f"UDP port {address[1]} on {address[0]} cannot be opened ({error.strerror})"
            raise BadInput(what, remedy="close what uses it, or change the link") from error
        self._sockets.append(one)
        asyncio.get_running_loop().add_reader(one, read, one)
        return one

    def _listen(self, text: str, address: Address) -> None:
        self._bind(address, lambda one: self._read_listening(text, one))

    def _speak_first(self, text: str, address: Address, out: socket.socket) -> None:
        if address in self._shared:
            raise BadInput(f"{text} and {self._shared[address].link} are one address", remedy="write the link in one way")
        endpoint = Endpoint(text, address, self._sender(text, out, address))
        self._shared[address] = self.endpoints[text][address] = endpoint

    def _sender(self, text: str, one: socket.socket, address: Address) -> Callable[[bytes], None]:
        def put(packet: bytes) -> None:
            try:
                one.sendto(packet, address)
            except OSError:  # no route, nobody there, or the kernel's buffer is full: radio loses packets too
                self.unsent[text] += 1

        return put

    def _read_shared(self, one: socket.socket) -> None:
        for data, address in _datagrams(one):
            endpoint = self._shared.get(address)
            if endpoint is None:
                self._on_rejected("udpout", UNKNOWN_ADDRESS)
            else:
                self._take(endpoint, endpoint.splitter.datagram(data))

    def _read_listening(self, text: str, one: socket.socket) -> None:
        known = self.endpoints[text]
        for data, address in _datagrams(one):
            endpoint = known.get(address)
            if endpoint is not None:
                self._take(endpoint, endpoint.splitter.datagram(data))
                continue
            endpoint = Endpoint(text, address, self._sender(text, one, address))
            if self._first(endpoint, data):
                known[address] = endpoint

    def _first(self, endpoint: Endpoint, data: bytes) -> bool:
        """Take a datagram of an address that is not known. Nothing waits for its next one: part of a frame is no use either."""
        frames = endpoint.splitter.datagram(data)
        if not frames and not endpoint.splitter.rejected:
            self._on_rejected(endpoint.link, UNKNOWN_ADDRESS)
            return False
        return self._take(endpoint, frames)

    def _take(self, endpoint: Endpoint, frames: list[Frame]) -> bool:
        if endpoint.splitter.rejected:
            for reason in endpoint.splitter.take_rejected():
                self._on_rejected(endpoint.link, reason)
        return bool(frames) and self._on_frames(endpoint, frames)

    # --- TCP ----------------------------------------------------------------------------------------------------------

    async def _tcp(self, text: str, link: Link) -> None:
        failures = 0
        while True:
            try:
                reader, writer = await asyncio.open_connection(link.host, link.port)
            except OSError as error:
                log.info("a vehicle's link is down", link=text, why=str(error))
            else:
                failures = 0
                await self._serve(text, link, reader, writer)
            await self._clock.sleep(TCP_BACK_OFF_S[min(failures, len(TCP_BACK_OFF_S) - 1)])
            failures += 1

    async def _serve(self, text: str, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def put(packet: bytes) -> None:
            if writer.is_closing() or writer.transport.get_write_buffer_size() > SEND_BUFFER:
                self.unsent[text] += 1
            else:
                writer.write(packet)

        endpoint = Endpoint(text, (link.host, link.port), put)
        self.endpoints[text] = {endpoint.address: endpoint}
        self._writers.add(writer)
        try:
            while data := await reader.read(65_536):
                self._take(endpoint, endpoint.splitter.stream(data))
        except OSError as error:
            log.info("a vehicle's link broke", link=text, why=str(error))
        finally:
            self.endpoints[text] = {}
            self._writers.discard(writer)
            writer.close()


def _datagrams(one: socket.socket) -> list[tuple[bytes, Address]]:
    """What has come in, up to `MOST_AT_ONCE`."""
    found: list[tuple[bytes, Address]] = []
    receive = one.recvfrom
    try:
        while len(found) < MOST_AT_ONCE:
            found.append(receive(65_536))
    except BlockingIOError:
        pass
    except OSError:
        # An ICMP "port unreachable" of an earlier send: nobody is there yet. What was read is good.
        pass
    return found


async def _resolve(text: str, link: Link) -> Address:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(link.host, link.port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise BadInput(f"the host of {text} is not known", remedy="give its IPv4 address") from error
    host, port = found[0][4][:2]
    return str(host), int(port)
