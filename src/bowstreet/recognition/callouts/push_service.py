"""Hands a call to a browser maker's push service (RFC 8030), and to nothing else.

The address comes from a browser, so it is held against the allowed hosts again, its name is resolved here, and only a public
address of it is connected to: the very one that was checked. No redirect is followed, no proxy of the environment is used, and
of the answer only its status is believed.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any

import httpcore

from bowstreet.errors import BadInput
from bowstreet.recognition.callouts import rules
from bowstreet.recognition.callouts.model import Answer, Attempt, Call, PushAddress, PushPolicy
from bowstreet.recognition.callouts.sealed_call import ENCODING, seal
from bowstreet.recognition.callouts.server_key import ServerKey
from bowstreet.runtime.ports import Clock

Dial = Callable[[str, int], Awaitable[tuple[str, int]]]
"""A name and port to the address and port to connect to; raises `OSError` where there is none that may be."""

# A push service answers in tenths of a second; one that does not must not hold a place for long.
CONNECT_S, ANSWER_S, WHOLE_S = 5.0, 8.0, 15.0
MOST_CONNECTIONS = 16


async def public_address(host: str, port: int) -> tuple[str, int]:
    """Raises `OSError` for a name that leads into the operator's own network, in part or whole."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    if not addresses or not all(rules.reachable(one) for one in addresses):
        raise OSError("the name leads to no public address")
    return str(addresses[0]), port


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to what `dial` says, and nowhere else."""

    def __init__(self, dial: Dial) -> None:
        self._dial, self._network = dial, httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ASYNC109 - httpcore's
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        try:
            async with asyncio.timeout(timeout):
                address, at = await self._dial(host, port)
        except OSError as error:  # a time-out is one
            raise httpcore.ConnectError("its name leads nowhere that may be sent to") from error
        return await self._network.connect_tcp(address, at, timeout=timeout, local_address=local_address)


class PushServices:
    """Args:
    clock: real time, for what is signed.
    dial: how a name is looked up; tests lead allowed names to a push service of their own.
    tls: whom to believe; the default is whom this machine believes.
    """

    def __init__(
        self, policy: PushPolicy, key: ServerKey, clock: Clock, *, dial: Dial = public_address, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy, self._key, self._clock = policy, key, clock
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(), max_connections=MOST_CONNECTIONS, max_keepalive_connections=4,
            keepalive_expiry=60.0, network_backend=_Checked(dial),
        )  # fmt: skip

    async def send(self, call: Call, to: PushAddress, lasts_s: float) -> Attempt:
        """One attempt. `lasts_s`: how long the push service may keep it for a phone that it cannot reach now."""
        try:
            if not rules.host_allowed(rules.endpoint_host(to.endpoint), self._policy.hosts):
                return Attempt(answer=Answer.REJECTED, why="its host is allowed no more")
        except BadInput:
            return Attempt(answer=Answer.REJECTED, why="its address is none")
        headers: dict[bytes | str, bytes | str] = {
            "Authorization": self._key.authorisation(to.endpoint, self._clock.now()), "Content-Encoding": ENCODING,
            "Content-Type": "application/octet-stream", "TTL": str(max(0, int(lasts_s))), "Urgency": "high",
            "Topic": rules.topic(call, to.secret),
        }  # fmt: skip
        body = seal(rules.words(call), to, rules.PADDED_BYTES)
        try:
            async with asyncio.timeout(WHOLE_S):
                return await self._posted(to.endpoint, headers, body)
        except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException, OSError, ssl.SSLError) as error:
            return Attempt(answer=Answer.LATER, why=type(error).__name__)

    async def _posted(self, endpoint: str, headers: dict[bytes | str, bytes | str], body: bytes) -> Attempt:
        limits = {"timeout": {"connect": CONNECT_S, "read": ANSWER_S, "write": ANSWER_S, "pool": ANSWER_S}}
        async with self._pool.stream("POST", endpoint, headers=headers, content=body, extensions=limits) as answer:
            said = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
            return rules.answered(answer.status, rules.retry_after_s(said.decode("ascii", "replace")))

    async def close(self) -> None:
        await self._pool.aclose()
