"""Pictures from another server, a program of its own on another origin: who watches is let in and recorded here."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aiortc import RTCPeerConnection
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from playwright.async_api import expect

from bowstreet.console.media_server import MediaServer, TokenSigner
from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import MalformedConfiguration
from bowstreet.messages import VideoLeft, VideoWatched
from bowstreet.video.model import VideoSource
from tests.browser.picture_world import World, browser, world
from tests.integration.test_video_live import DARK, free_port, offered, sending

SDP = {"content-type": "application/sdp"}


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def tcp_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.asynccontextmanager
async def elsewhere(port: int, made: World) -> AsyncIterator[None]:
    """The other program, and what sends to it."""
    stream = f"udp://127.0.0.1:{free_port()}"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.browser.media_server", str(port), stream, f"http://127.0.0.1:{made.port}"
    )
    try:
        async with sending(stream, 150.0), asyncio.timeout(140):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.2)
            yield
    finally:
        program.terminate()
        await program.wait()


@contextlib.asynccontextmanager
async def both() -> AsyncIterator[tuple[World, str]]:
    port, address = tcp_port(), f"udp://127.0.0.1:{free_port()}"
    server = MediaServer(f"http://127.0.0.1:{port}/{{source}}/whep", TokenSigner(pem(ec.generate_private_key(ec.SECP256R1()))))
    sources = [VideoSource(source_id="cam", vehicle_id="v1", address=address)]
    async with world(sources, EdgeSettings(port=0, media_server=server)) as made, sending(address, 150.0), elsewhere(port, made):
        await made.live("cam")
        yield made, f"http://127.0.0.1:{port}"


@pytest.mark.browser
async def test_a_picture_of_another_server_is_let_in_and_recorded_here(built_console: None) -> None:
    async with both() as (made, there), browser(made) as (page, wrong):
        asked: list[str] = []
        page.on("request", lambda one: asked.append(f"{one.method} {one.url}"))
        await page.reload()
        await expect(page.get_by_text("Live, WebRTC")).to_be_visible(timeout=30_000)
        await page.wait_for_function("() => document.querySelector('video').currentTime > 1")
        await expect(page.locator(".age")).to_contain_text("age unknown", timeout=10_000)
        assert f"POST {there}/cam/whep" in asked
        assert not [one for one in asked if one.startswith(f"POST http://127.0.0.1:{made.port}") and one.endswith("/whep")]
        watched = made.of(VideoWatched)[-1]
        assert (watched.way, watched.source_id) == ("elsewhere", "cam")
        assert await page.evaluate("window.violations") == []
        # The camera may show nothing any more: the page lets go of the picture, and the record says so.
        made.town.services.video.steer("v1", DARK)
        async with asyncio.timeout(20):
            while watched.viewing_id not in [one.viewing_id for one in made.of(VideoLeft)]:
                await asyncio.sleep(0.1)
        await expect(page.locator("video")).to_have_count(0, timeout=20_000)
        assert [one for one in wrong if "/renew" not in one and "/viewings" not in one] == []


async def test_only_that_origin_is_opened_and_only_a_token_lets_in() -> None:
    async with both() as (made, there):
        async with made.town.signed_in("dispatcher") as client, httpx.AsyncClient() as other:
            policy = (await client.get("/")).headers["content-security-policy"]
            assert f"connect-src 'self' {there};" in policy
            assert policy.count(there) == 1
            begun = await client.post("/api/v1/video/cam/viewings")
            assert begun.status_code == 201, begun.text
            said = begun.json()
            assert said["whep"] == f"{there}/cam/whep"
            peer = RTCPeerConnection()
            offer = await offered(peer)
            for token in ("x", "x.y.z", said["token"][:-4] + "AAAA"):
                refused = await other.post(said["whep"], content=offer, headers={**SDP, "authorization": f"Bearer {token}"})
                assert refused.status_code == 401
            async with asyncio.timeout(30):
                while True:  # its own worker may still be starting
                    let_in = await other.post(
                        said["whep"], content=offer, headers={**SDP, "authorization": f"Bearer {said['token']}"}
                    )
                    if let_in.status_code == 201:
                        break
                    assert let_in.status_code == 409, let_in.text
                    await asyncio.sleep(0.5)
            await peer.close()
            assert (await client.post(f"/api/v1/video/viewings/{said['viewing_id']}/renew")).status_code == 204
            async with made.town.signed_in("pilot") as another:
                assert (await another.post(f"/api/v1/video/viewings/{said['viewing_id']}/renew")).status_code == 404
            assert (await client.delete(f"/api/v1/video/viewings/{said['viewing_id']}")).status_code == 204
            assert (await client.post(f"/api/v1/video/viewings/{said['viewing_id']}/renew")).status_code == 404
        async with made.town.signed_in("viewer") as client:
            assert (await client.post("/api/v1/video/cam/viewings")).status_code == 403


def test_a_token_is_for_one_source_and_a_minute() -> None:
    signer = TokenSigner(pem(ec.generate_private_key(ec.SECP256R1())))
    server = MediaServer("https://media.example.org:8889/live/{source}/whep", signer)
    assert server.origin == "https://media.example.org:8889"
    assert server.address("a b/c") == "https://media.example.org:8889/live/a%20b%2Fc/whep"
    from joserfc import jwt
    from joserfc.jwk import KeySet

    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    claims = jwt.decode(server.token("vie-1", "drone-1", now), KeySet.import_key_set(signer.keys()), algorithms=["ES256"]).claims
    assert claims["mediamtx_permissions"] == [{"action": "read", "path": "live/drone-1"}]
    assert claims["sub"] == "vie-1"
    assert claims["exp"] - claims["iat"] == timedelta(seconds=60).total_seconds()
    assert "d" not in signer.keys()["keys"][0], "the private half stays here"
    assert MediaServer("https://m/{source}/whep").token("vie-1", "drone-1", now) == ""


@pytest.mark.parametrize(
    "said", ["", "no key", pem(rsa.generate_private_key(65_537, 2_048)), pem(ec.generate_private_key(ec.SECP384R1()))]
)
def test_what_is_no_such_key_is_refused_with_what_to_do(said: str) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        TokenSigner(said)
    assert "openssl" in caught.value.remedy
