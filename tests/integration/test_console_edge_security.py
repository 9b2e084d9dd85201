"""The edge over real sockets: what every request passes before a route sees it, and what every answer carries."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bowstreet.console import problems, static_files
from bowstreet.console.limits import Limits, Rate
from bowstreet.console.security import Edge
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import BadInput, StoreUnavailable
from bowstreet.runtime.clock import SystemClock


async def _echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def _address(request: Request) -> Response:
    assert request.client is not None
    return PlainTextResponse(request.client.host)


async def _broken(request: Request) -> Response:
    raise ZeroDivisionError("secret")


async def _no_store(request: Request) -> Response:
    raise StoreUnavailable("the disk is full", remedy="make room")


APP = FastAPI(
    openapi_url=None,
    routes=[
        Route("/api/v1/echo", _echo, methods=["GET", "POST"]),
        Route("/api/v1/broken", _broken),
        Route("/api/v1/no-store", _no_store),
        Route("/page", _echo),
        Route("/api/v1/address", _address),
    ],
)
problems.install(APP, lambda path: "GET, HEAD")


class Refusals(list[tuple[str, str, str]]):
    async def denied(self, address: str, action: str, rule: str) -> None:
        self.append((address, action, rule))


@asynccontextmanager
async def edge(limits: Limits | None = None, **settings: object) -> AsyncIterator[tuple[httpx.AsyncClient, Refusals]]:
    refusals = Refusals()
    told = EdgeSettings(port=0, limits=limits or Limits(), **settings)  # type: ignore[arg-type]
    server = Server(Edge(APP, settings=told, clock=SystemClock(), denied=refusals.denied), told)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            yield client, refusals
    finally:
        await server.stop()


async def test_every_answer_carries_the_headers() -> None:
    async with edge() as (client, _):
        for path in ("/api/v1/echo", "/page", "/nowhere", "/api/v1/broken", "/api/v1/no-store"):
            answer = await client.get(path)
            assert "default-src 'self'" in answer.headers["content-security-policy"], path
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert "camera=()" in answer.headers["permissions-policy"]
            assert "strict-transport-security" not in answer.headers
            assert "server" not in answer.headers
        assert (await client.get("/api/v1/echo")).headers["cache-control"] == "no-store"


async def test_https_is_told_to_stay() -> None:
    async with edge(https=True) as (client, _):
        assert (await client.get("/page")).headers["strict-transport-security"]


async def test_faults_are_problems_without_their_insides() -> None:
    async with edge() as (client, _):
        broken, full = await client.get("/api/v1/broken"), await client.get("/api/v1/no-store")
    assert broken.status_code == 500
    assert broken.headers["content-type"] == "application/problem+json"
    assert "secret" not in broken.text
    assert full.status_code == 503
    assert full.headers["retry-after"]
    assert full.json()["remedy"] == "make room"


async def test_rebound_names_are_refused() -> None:
    async with edge(hosts=frozenset({"bow.example.org"})) as (client, refusals):
        assert (await client.get("/page", headers={"Host": "evil.example"})).status_code == 400
        assert (await client.get("/page", headers={"Host": "bow.example.org"})).status_code == 200
        assert (await client.get("/page", headers={"Host": "localhost:1234"})).status_code == 200
        assert (await client.get("/healthz", headers={"Host": "10.1.2.3"})).status_code == 404  # let through
    assert refusals == [("127.0.0.1", "request", "host")]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/v1/echo", {"Origin": "http://evil.example"}, 403),
        ("POST", "/api/v1/echo", {"Origin": "null"}, 403),
        ("POST", "/api/v1/echo", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", "/api/v1/echo", {"Sec-Fetch-Site": "none"}, 403),
        ("POST", "/api/v1/echo", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("POST", "/api/v1/echo", {}, 200),
        ("GET", "/api/v1/echo", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/api/v1/echo", {"Sec-Fetch-Site": "none"}, 200),
        ("GET", "/page", {"Sec-Fetch-Site": "cross-site"}, 200),  # a link to the console may be followed
    ],
)
async def test_other_sites(method: str, path: str, headers: dict[str, str], status: int) -> None:
    async with edge() as (client, refusals):
        assert (await client.request(method, path, headers=headers)).status_code == status
        assert (len(refusals) == 1) is (status == 403)


async def test_own_origin_is_the_address_that_was_asked() -> None:
    async with edge() as (client, _):
        own = str(client.base_url).rstrip("/")
        assert (await client.post("/api/v1/echo", headers={"Origin": own})).status_code == 200
        assert (await client.post("/api/v1/echo", headers={"Origin": own.replace("127.0.0.1", "localhost")})).status_code == 403


async def test_large_bodies_are_refused_said_or_not() -> None:
    async with edge(Limits(body_bytes=1000)) as (client, _):
        assert (await client.post("/api/v1/echo", content=b"x" * 1000)).text == "x" * 1000
        assert (await client.post("/api/v1/echo", content=b"x" * 1001)).status_code == 413

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(1001):
                yield b"x"

        assert (await client.post("/api/v1/echo", content=chunks())).status_code == 413


async def test_a_slow_body_is_given_up() -> None:
    async with edge(Limits(body_s=0.2)) as (client, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST /api/v1/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nx")
        async with asyncio.timeout(5):
            head = await reader.readline()
        writer.close()
        assert b"408" in head
        assert (await client.get("/page")).status_code == 200


@pytest.mark.parametrize("first", [b"", b"GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"], ids=["new", "kept alive"])
async def test_a_slow_head_is_given_up(first: bytes) -> None:
    async with edge(Limits(head_s=0.3)) as (client, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        if first:
            writer.write(first)
            assert b"200" in await reader.readline()
        async with asyncio.timeout(5):
            for letter in b"GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":
                if writer.is_closing() or reader.at_eof() or reader.exception():
                    break
                writer.write(bytes([letter]))
                await asyncio.sleep(0.02)
            with contextlib.suppress(ConnectionError):
                await reader.read()
        assert reader.at_eof() or reader.exception()
        writer.close()
        assert (await client.get("/page")).status_code == 200


async def test_a_kept_alive_connection_serves_again() -> None:
    async with edge(Limits(head_s=0.2)) as (client, _):
        for _ in range(3):
            assert (await client.get("/page")).status_code == 200
            await asyncio.sleep(0.15)


async def test_a_flood_is_answered_429_and_others_are_served() -> None:
    async with edge(Limits(requests=Rate(burst=5, per_s=0)), trusted_proxies=frozenset({"127.0.0.1"})) as (client, _):
        flood = [(await client.get("/page", headers={"X-Forwarded-For": "10.0.0.1"})).status_code for _ in range(8)]
        other = (await client.get("/page", headers={"X-Forwarded-For": "10.0.0.2"})).status_code
    assert flood == [200] * 5 + [429] * 3
    assert other == 200


async def test_only_a_trusted_proxy_says_whose_request_it_is() -> None:
    headers = {"X-Forwarded-For": "6.6.6.6, 10.0.0.9, 127.0.0.1"}
    async with edge() as (client, _):
        assert (await client.get("/api/v1/address", headers=headers)).text == "127.0.0.1"
    async with edge(trusted_proxies=frozenset({"127.0.0.1"})) as (client, _):
        assert (await client.get("/api/v1/address", headers=headers)).text == "10.0.0.9"


async def test_a_taken_port_is_bad_input() -> None:
    async with edge() as (client, _):
        taken = EdgeSettings(port=client.base_url.port or 0)
        with pytest.raises(BadInput, match="cannot listen"):
            await Server(APP, taken).start()


# --- the built console ------------------------------------------------------------------------------------------------


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "static/assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static/index.html").write_text("<title>console</title>")
    (tmp_path / "static/assets/app-1a2b.js").write_text("let a=1")
    (tmp_path / "static/assets/app-1a2b.js.gz").write_bytes(b"packed")
    return tmp_path / "static"


def _site(folder: Path) -> httpx.AsyncClient:
    api = FastAPI(openapi_url=None)
    api.include_router(static_files.router(folder))
    problems.install(api, lambda path: "GET, HEAD")
    return httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1")


async def test_the_page_is_asked_for_again_and_assets_are_kept(built: Path) -> None:
    async with _site(built) as client:
        for path in ("/", "/index.html", "/incidents/inc-1"):
            page = await client.get(path)
            assert "console" in page.text
            assert page.headers["cache-control"] == "no-cache"
            assert page.headers["content-type"] == "text/html; charset=utf-8"
        asset = await client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "identity"})
        assert asset.text == "let a=1"
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-type"].startswith("text/javascript")
        assert (await client.head("/")).status_code == 200


async def test_packed_assets_go_to_who_can_unpack(built: Path) -> None:
    async with _site(built) as client, client.stream("GET", "/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert b"".join([part async for part in answer.aiter_raw()]) == b"packed"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/api/v1/none",
        "/metrics",
        "/a%00.js",
        "/" + "x" * 5000 + ".js",
    ],
)
async def test_nothing_else_is_served(built: Path, path: str) -> None:
    async with _site(built) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_not_built_says_what_to_do(tmp_path: Path) -> None:
    async with _site(tmp_path) as client:
        answer = await client.get("/")
    assert answer.status_code == 503
    assert "make console" in answer.text
