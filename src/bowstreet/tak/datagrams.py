"""Cursor on Target by UDP, to a multicast group (Mesh SA) or one address. Anybody on the way can read it."""

import asyncio
import ipaddress
import socket

from bowstreet.errors import PartnerUnavailable
from bowstreet.tak.model import Partner


class Datagrams:
    """An event a datagram."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._socket: socket.socket | None = None

    async def open(self) -> str:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            if ipaddress.ip_address(self._partner.host).is_multicast:
                opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, self._partner.hops)
                if self._partner.interface:
                    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self._partner.interface))
            opened.connect((self._partner.host, self._partner.port))
        except OSError as error:
            opened.close()
            raise self._failed(error) from error
        self._socket = opened
        return ""

    async def send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except ConnectionRefusedError:
            return  # of an earlier datagram: nobody listens there now, and may again
        except OSError as error:
            raise self._failed(error) from error

    async def broken(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _failed(self, error: OSError) -> PartnerUnavailable:
        return PartnerUnavailable(
            f"{self._partner.name}: nothing can be sent to {self._partner.address} ({error.strerror or error})",
            remedy="name the address of a network interface of this machine in 'interface', and see that it is up",
        )
