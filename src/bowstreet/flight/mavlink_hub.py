"""Bytes to and from MAVLink peers: sockets, one parser and one sequence counter for each address. What messages mean is not
known here.

A link is `udpin:HOST:PORT` (we listen; the peer is known by the address it first speaks from), `udpout:HOST:PORT` (we speak
first) or `tcp:HOST:PORT` (we connect, again and again with back-off). All `udpout` links share one socket.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import structlog
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import MalformedConfiguration
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

Address = tuple[str, int]
# Ground stations are system 255 by custom; autopilots count only that one's heartbeats for their failsafe.
GROUND_STATION_SYSTEM = 255
GROUND_STATION_COMPONENT = int(mavlink.MAV_COMP_ID_MISSIONPLANNER)
# A stranger's packets do not make us keep state for more addresses than a city has drones.
MAX_ADDRESSES = 2_000
TCP_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class Link(NamedTuple):
    """A parsed link address."""

    scheme: str
    host: str
    port: int


def parse_link(text: str) -> Link:
    """Raises `MalformedConfiguration` for what is no link."""
    scheme, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    if (
        scheme not in ("udpin", "udpout", "tcp")
        or not host
        or not port.isascii()
        or not port.isdigit()
        or not 0 < int(port) < 65_536
    ):
        raise MalformedConfiguration(f"'{text}' is not a link", remedy="use udpin:HOST:PORT, udpout:HOST:PORT or tcp:HOST:PORT")
    return Link(scheme, host, int(port))


class Channel:
    """One address: parser in, sequence out. No IO."""

    def __init__(self, system_id: int = GROUND_STATION_SYSTEM) -> None:
        self._in = mavlink.MAVLink(None)
        self._in.robust_parsing = True
        self._out = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=GROUND_STATION_COMPONENT)

    def parse(self, data: bytes) -> tuple[list[Any], Counter[str]]:
        """Messages, and what could not be used by reason. Never raises, whatever the bytes."""
        wrong: Counter[str] = Counter()
        good: list[Any] = []
        try:
            messages = self._in.parse_buffer(data) or []
        except Exception as error:  # the library raises several kinds on hostile bytes; the channel starts anew
            wrong[type(error).__name__] += 1
            self._in = mavlink.MAVLink(None)
            self._in.robust_parsing = True
            return good, wrong
        for message in messages:
            if message.get_type() == "BAD_DATA":
                wrong["bad data"] += 1
            elif message.get_type().startswith("UNKNOWN"):
                continue  # a message of a dialect that is not ours: no fault
            else:
                good.append(message)
        return good, wrong

    def pack(self, message: Any) -> bytes:
        packet: bytes = message.pack(self._out)
        self._out.seq = (self._out.seq + 1) % 256
        return packet


OnMessage = Callable[[str, Address, Any], None]
OnRejected = Callable[[str, str, int], None]


class Hub:
    """All sockets of one ground station.

    Args:
        on_message: is called with the link's text, the address, and the message.
        on_rejected: is called with the link's text, the reason and how many.
    """

    def __init__(self, clock: Clock, on_message: OnMessage, on_rejected: OnRejected) -> None:
        self._clock, self._on_message, self._on_rejected = clock, on_message, on_rejected
        self._channels: dict[tuple[str, Address], Channel] = {}
        self._out: asyncio.DatagramTransport | None = None
        self._out_links: dict[Address, str] = {}
        self._in: dict[str, asyncio.DatagramTransport] = {}
        self._streams: dict[str, asyncio.StreamWriter] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, links: list[str]) -> None:
        """Open every link. A port that is taken raises `OSError`; a TCP peer that is away is tried again later."""
        loop = asyncio.get_running_loop()
        for text in dict.fromkeys(links):
            link = parse_link(text)
            if link.scheme == "udpout":
                if self._out is None:
                    self._out, _ = await loop.create_datagram_endpoint(lambda: _Udp(self, None), local_addr=("0.0.0.0", 0))  # noqa: S104
                found = await loop.getaddrinfo(link.host, link.port, family=2)
                self._out_links[str(found[0][4][0]), link.port] = text
            elif link.scheme == "udpin":
                self._in[text], _ = await loop.create_datagram_endpoint(
                    partial(_Udp, self, text), local_addr=(link.host, link.port)
                )
            else:
                self._tasks.append(loop.create_task(self._tcp(text, link), name=f"mavlink {text}"))

    def address_of(self, text: str) -> Address | None:
        """Where a link's peer is, when that is known before it speaks."""
        for address, known in self._out_links.items():
            if known == text:
                return address
        link = parse_link(text)
        return (link.host, link.port) if text in self._streams else None

    def send(self, text: str, address: Address, message: Any) -> None:
        """Pack and send. A link that is down loses the packet, as radio would; acknowledgements tell."""
        packet = self._channel(text, address).pack(message)
        if text in self._streams:
            self._streams[text].write(packet)
        elif text in self._in:
            self._in[text].sendto(packet, address)
        elif self._out is not None:
            self._out.sendto(packet, address)

    def received(self, text: str | None, address: Address, data: bytes) -> None:
        """Bytes from a socket. `text` is None on the shared one: then the address says which link it is."""
        known = text if text is not None else self._out_links.get(address)
        if known is None:
            self._on_rejected("udpout", "stranger", 1)
            return
        if (known, address) not in self._channels and len(self._channels) >= MAX_ADDRESSES:
            self._on_rejected(known, "too many addresses", 1)
            return
        messages, wrong = self._channel(known, address).parse(data)
        for reason, count in wrong.items():
            self._on_rejected(known, reason, count)
        for message in messages:
            self._on_message(known, address, message)

    def _channel(self, text: str, address: Address) -> Channel:
        return self._channels.setdefault((text, address), Channel())

    async def _tcp(self, text: str, link: Link) -> None:
        tries = 0
        while True:
            try:
                reader, writer = await asyncio.open_connection(link.host, link.port)
                self._streams[text], tries = writer, 0
                while data := await reader.read(65_536):
                    self.received(text, (link.host, link.port), data)
            except OSError as error:
                log.info("a vehicle's link is down", link=text, why=str(error))
            finally:
                self._streams.pop(text, None)
            await self._clock.sleep(TCP_BACK_OFF_S[min(tries, len(TCP_BACK_OFF_S) - 1)])
            tries += 1

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in (self._out, *self._in.values()):
            if transport is not None:
                transport.close()
        for writer in self._streams.values():
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, hub: Hub, text: str | None) -> None:
        self._hub, self._text = hub, text

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._hub.received(self._text, addr[:2], data)

    def error_received(self, exc: Exception) -> None:
        """A port that nobody listens on: the peer is away, and its silence tells."""
