"""Somebody else's program that answers slowly for ever, or with little that unpacks to much, holds nothing up and fills nothing."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import log_client
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.model import Role
from bowstreet.accountability.note import COSIGNATURE, SoftwareSigner, VerifierKey
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.accountability.sign_in.provider import Provider
from bowstreet.accountability.witness_http import RemoteWitness
from bowstreet.errors import LinkFailure, ProviderUnavailable
from bowstreet.runtime.clock import SystemClock

BOMB = gzip.compress(bytes(8 * 1024 * 1024))  # 8 kB that unpack to 8 MB: more than any of these answers may have


@asynccontextmanager
async def peer(answer: bytes, *, then: bytes = b"", every_s: float = 0.02) -> AsyncIterator[str]:
    """A program that gives one answer to whatever it is asked, and then `then` for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        try:
            while then:
                await writer.drain()
                await asyncio.sleep(every_s)
                writer.write(then)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def endless() -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"


def packed() -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB


def witness_at(address: str, patience_s: float = 0.3) -> RemoteWitness:
    key = VerifierKey(name="w.example", kind=COSIGNATURE, public_key=SoftwareSigner(bytes(32)).public_key)
    return RemoteWitness(address, key, patience_s=patience_s)


def provider_at(address: str, patience_s: float = 0.3) -> Provider:
    settings = ProviderSettings(name="P", issuer=address, client_id="c", client_secret="s", roles=(("g", Role.VIEWER),))
    return Provider(settings, SystemClock(), patience_s=patience_s)


async def test_a_witness_that_trickles_does_not_hold_the_next_checkpoint_up() -> None:
    signed = checkpoints.sign(Checkpoint(origin="o.example", size=1, root=bytes(32)), "o.example", SoftwareSigner(bytes(32)))

    async def prove(old_size: int) -> list[bytes]:
        return []

    async with peer(endless(), then=b"x") as address, asyncio.timeout(5):
        with pytest.raises(LinkFailure, match="TimeoutError"):
            await witness_at(address).cosign(signed, prove)
        with pytest.raises(LinkFailure, match="TimeoutError"):
            await witness_at(address).latest("o.example")


async def test_a_provider_that_trickles_holds_nobody_who_signs_in() -> None:
    async with peer(endless(), then=b" ") as address, asyncio.timeout(5):
        with pytest.raises(ProviderUnavailable, match="TimeoutError"):
            await provider_at(address).discovered()


async def test_what_comes_packed_is_not_unpacked() -> None:
    async with peer(packed()) as address:
        with pytest.raises(LinkFailure, match="too much"):
            await witness_at(address, 30.0).latest("o.example")
        with pytest.raises(ProviderUnavailable, match="too much"):
            await provider_at(address, 30.0).discovered()
        with httpx.Client() as client, pytest.raises(LinkFailure, match="more than a log has"):
            await asyncio.to_thread(log_client.fetch_over, client, address, "checkpoint")


async def test_a_log_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_client, "MOST_S", 0.3)
    async with peer(endless(), then=b"x") as address, asyncio.timeout(5):
        with httpx.Client() as client, pytest.raises(LinkFailure, match="too slowly"):
            await asyncio.to_thread(log_client.fetch_over, client, address, "checkpoint")
