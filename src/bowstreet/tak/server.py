"""A TAK server by TLS, with a certificate of each side: a stream of events. What comes back is read and thrown away, but heard.

TLS 1.3 lets a client believe that it is connected before the server has looked at its certificate. So it is listened for a while,
and the server is asked for a sign of life: a refusal comes instead, and no event has been sent to anybody. Nothing is written in
that first while, because a connection that breaks on writing loses the reason that the server gave.
"""

import asyncio
import contextlib
import hashlib
import ssl

import structlog

from bowstreet.errors import PartnerUnavailable
from bowstreet.runtime.ports import Clock
from bowstreet.tak import events
from bowstreet.tak.certificates import context
from bowstreet.tak.events import Origin
from bowstreet.tak.model import Partner

log = structlog.get_logger(__name__)

CONNECT_S, SEND_S = 10.0, 10.0
# A server that does not answer at once is let go on with; one that answered before and falls silent is taken for gone.
REFUSAL_S, FIRST_SIGN_S, PING_S, SILENT_S = 1.0, 5.0, 15.0, 50.0
READ_BYTES = 65_536


class TakServer:
    """One connection at a time to one server."""

    def __init__(self, partner: Partner, origin: Origin, clock: Clock) -> None:
        assert partner.tls is not None
        self._partner, self._tls, self._origin, self._clock = partner, partner.tls, origin, clock
        self._context: ssl.SSLContext | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._heard_s: float | None = None

    async def open(self) -> str:
        partner = self._partner
        self._context = self._context or context(self._tls)
        name = None if self._tls.pinned else self._tls.server_name or partner.host
        try:
            async with asyncio.timeout(CONNECT_S):
                self._reader, self._writer = await asyncio.open_connection(
                    partner.host, partner.port, ssl=self._context, server_hostname=name or partner.host, limit=READ_BYTES
                )
            shown = self._shown(self._writer)
            if self._tls.pinned and shown != self._tls.pinned:
                raise PartnerUnavailable(
                    f"{partner.name}: the server at {partner.address} shows another certificate than the pinned one, {shown}",
                    remedy="ask the partner whether they changed it; if so put its SHA-256 into 'certificate_sha256'",
                )
            await self._first_sign()
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            raise self._failed(error) from error
        return shown

    async def send(self, data: bytes) -> None:
        assert self._writer is not None
        try:
            self._writer.write(data)
            async with asyncio.timeout(SEND_S):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise self._failed(error) from error

    async def broken(self) -> None:
        """Read on, and ask for a sign of life now and then."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._read_on())
                both.create_task(self._ask())
        except* (OSError, TimeoutError) as errors:
            raise self._failed(errors.exceptions[0]) from errors.exceptions[0]
        except* PartnerUnavailable as errors:
            raise errors.exceptions[0] from None

    async def close(self) -> None:
        writer, self._writer, self._reader, self._heard_s = self._writer, None, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()
            writer.transport.abort()

    # --- within -----------------------------------------------------------------------------------------------------------

    @staticmethod
    def _shown(writer: asyncio.StreamWriter) -> str:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return hashlib.sha256(der).hexdigest()

    async def _first_sign(self) -> None:
        assert self._writer is not None
        try:
            if not await self._heard_within(REFUSAL_S):
                self._writer.write(events.ping(self._origin, self._clock.now()))
                await self._heard_within(FIRST_SIGN_S)
        except ConnectionError as error:
            raise PartnerUnavailable(
                f"{self._partner.name}: {self._partner.address} closes the connection at once",
                remedy="ask the partner what its log says; often it does not believe 'certificate'",
            ) from error

    async def _heard_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._read()
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        assert self._reader is not None
        if not await self._reader.read(READ_BYTES):
            raise ConnectionResetError("it closed the connection")
        self._heard_s = self._clock.monotonic_s()

    async def _read_on(self) -> None:
        while True:
            await self._read()

    async def _ask(self) -> None:
        while True:
            await self._clock.sleep(PING_S)
            silent_s = 0.0 if self._heard_s is None else self._clock.monotonic_s() - self._heard_s
            if silent_s > SILENT_S:
                raise TimeoutError(f"it has been silent for {silent_s:.0f} s")
            await self.send(events.ping(self._origin, self._clock.now()))

    def _failed(self, error: BaseException) -> PartnerUnavailable:
        what, remedy = _explained(error, self._tls.server_name or self._partner.host)
        return PartnerUnavailable(f"{self._partner.name}: {self._partner.address} {what}", remedy=remedy)


def _explained(error: BaseException, name: str) -> tuple[str, str]:
    """What went wrong in TLS's many words, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):  # hostname, IP address mismatch (X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH)
            return (
                f"has a certificate that is not made out to {name}",
                "put the name in its certificate into 'server_name', or pin that certificate with 'certificate_sha256'",
            )
        return (
            f"has a certificate that is not believed ({error.verify_message})",
            "put the certificate of the authority that signed it into 'authority'; do not go on if the partner does not know it",
        )
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
        return (
            f"refuses this program's certificate ({(error.reason or '').lower().replace('_', ' ')})",
            "ask the partner to have 'certificate' signed by their authority, and look whether it has expired",
        )
    if isinstance(error, ssl.SSLError):
        return (
            f"does not speak TLS ({(error.reason or 'no reason').lower().replace('_', ' ')})",
            "name the port for TLS clients, often 8089",
        )
    if isinstance(error, TimeoutError):
        return f"does not answer{f': {error}' if str(error) else ''}", "see whether it runs, and what stands between"
    why = getattr(error, "strerror", None) or str(error)
    return f"cannot be reached, or was lost ({why})", "see whether it runs, and whether its port is open from here"
