"""A town whose drones send real pictures from simulated cameras, and a real Chromium that looks at them."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from playwright.async_api import Page, async_playwright
from tools.find_browser import find

from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.flight.model import Phase
from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.messages import SnapshotTaken, VideoLeft, VideoWatched
from bowstreet.simulation.cameras import Look, Looks, Mount, Setup
from bowstreet.simulation.layout import SceneLayout
from bowstreet.tracking.streets import Streets
from bowstreet.video.model import StreamState, VideoSource
from tests.browser.conftest import CHROMIUM_ARGS, WATCH_POLICY
from tests.integration.console_city import SCENE, City, city, telemetry
from tests.integration.test_api_routes import open_docks, town_home
from tests.integration.test_video_live import SHOWN, free_port, fresh_names

NO_WEBRTC = "delete window.RTCPeerConnection;"
GROUND_M = 35.0
NORTH_UP = Look(
    number=0,
    east_m=0.0,
    north_m=0.0,
    up_m_amsl=0.0,
    v_east=0.0,
    v_north=0.0,
    v_up=0.0,
    heading_deg=0.0,
    turn_deg_s=0.0,
    tilt_deg=0.0,
)


@dataclass(kw_only=True)
class World:
    """The town, its address, and what of viewings was put on record."""

    town: City
    port: int
    said: list[Any] = field(default_factory=list)

    async def live(self, *source_ids: str, limit_s: float = 40.0) -> None:
        async with asyncio.timeout(limit_s):
            for source_id in source_ids:
                stream = self.town.services.video.find(source_id)
                while stream.ingest.status.state is not StreamState.LIVE or stream.header is None:
                    await asyncio.sleep(0.05)

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.said if isinstance(one, kind)]


@asynccontextmanager
async def world(
    sources: Sequence[VideoSource], settings: EdgeSettings | None = None, streets: Streets | None = None, limit_s: float = 150.0
) -> AsyncIterator[World]:
    """A town with these sources, each shown as over the scene."""
    fresh_names()
    settings = settings or EdgeSettings(port=0)
    town = await city(settings, video=tuple(sources), streets=streets)
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    made = World(town=town, port=server.port)

    async def heard(message: Any) -> None:
        made.said.append(message)

    for kind in (VideoWatched, VideoLeft, SnapshotTaken):
        town.recorder.bus.subscribe(kind, heard)
    for source in sources:
        town.services.video.steer(source.vehicle_id, SHOWN)
    tasks = [asyncio.ensure_future(town.services.video.run()), asyncio.ensure_future(town.console.run())]
    try:
        async with asyncio.timeout(limit_s):
            yield made
    finally:
        await town.console.viewings.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        town.console.feed.close()
        await server.stop()


@asynccontextmanager
async def scene(
    sources: Sequence[VideoSource],
    truth: Path | None = None,
    rate_hz: float = 12.0,
    tilt_deg: float = -50.0,
    east_m: float = 0.0,
    pace: float = 1.0,
) -> AsyncIterator[None]:
    """Simulated cameras that send to `udp://` sources; they hover side by side over a made-up street, whose life goes by at
    `pace`: on a busy machine people would walk out of the picture before a test has looked."""
    place = to_grid(SCENE)
    origin = GridPoint(easting_m=round(place.easting_m), northing_m=round(place.northing_m))
    mounts = tuple(Mount(vehicle_id=one.vehicle_id, address=one.address, field_of_view_deg=60.0) for one in sources)
    layout = SceneLayout(
        ground_m_amsl=GROUND_M,
        width_px=640,
        height_px=360,
        rate_hz=rate_hz,
        most=len(sources),
        truth="" if truth is None else str(truth),
    )
    setup = Setup(seed=5, origin=origin, ground_m_amsl=GROUND_M, speed=pace, scene=layout, mounts=mounts)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bowstreet.simulation.cameras", stdin=asyncio.subprocess.PIPE
    )
    stdin = program.stdin
    assert stdin is not None
    stdin.write(msgspec.json.encode(setup) + b"\n")
    began_s = time.monotonic()

    async def fly() -> None:
        while True:
            looks = tuple(
                msgspec.structs.replace(
                    NORTH_UP, number=number, east_m=origin.easting_m + east_m + 60.0 * number, north_m=float(origin.northing_m),
                    up_m_amsl=GROUND_M + 30.0, heading_deg=(30.0 * number) % 360.0, tilt_deg=tilt_deg,
                )
                for number in range(len(sources))
            )  # fmt: skip
            now_us = time.time_ns() // 1_000
            scene_s = 104.0 + pace * (time.monotonic() - began_s)
            stdin.write(msgspec.json.encode(Looks(at_us=now_us, scene_s=scene_s, looks=looks)) + b"\n")
            await asyncio.sleep(0.05)

    flying = asyncio.ensure_future(fly())
    try:
        yield
    finally:
        flying.cancel()
        await asyncio.gather(flying, return_exceptions=True)
        stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(program.wait(), 10.0)


def cameras(count: int, **more: Any) -> tuple[VideoSource, ...]:
    return tuple(
        VideoSource(source_id=f"cam-{number}", vehicle_id=f"v{number}", address=f"udp://127.0.0.1:{free_port()}", **more)
        for number in range(1, count + 1)
    )


@asynccontextmanager
async def browser(
    made: World,
    role: str = "dispatcher",
    script: str = "",
    path: str = "/#/pictures",
    size: tuple[int, int] = (1440, 900),
    **context_options: Any,
) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page of somebody signed in. Gives also what went wrong: errors of scripts, and answers of the server that are refusals."""
    found = find()
    assert found
    wrong: list[str] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(made.town.signed_in(role))
        cookie: Any = {"name": "bowstreet", "value": client.cookies["bowstreet"], "url": f"http://127.0.0.1:{made.port}"}
        playwright = await stack.enter_async_context(async_playwright())
        chromium = await playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        context = await chromium.new_context(viewport={"width": size[0], "height": size[1]}, **context_options)
        await context.add_cookies([cookie])
        page = await context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "response",
            lambda answer: (
                wrong.append(f"{answer.request.method} {answer.url} {answer.status}") if answer.status >= 400 else None
            ),
        )
        await page.add_init_script(WATCH_POLICY + script)
        await page.goto(f"http://127.0.0.1:{made.port}{path}")
        try:
            yield page, wrong
        finally:
            await chromium.close()


def pairwise_growing(values: Sequence[float]) -> bool:
    return all(earlier <= later for earlier, later in itertools.pairwise(values))


async def over_the_scene(made: World, vehicle_id: str, mission_id: str) -> None:
    """Fly a mission up and out along its route, a second at a time."""
    town, flight = made.town, made.town.services.flight

    async def at(position: Position, height_m: float) -> None:
        await town.advance(1.0)
        await open_docks(town)
        await flight.on_telemetry(telemetry(vehicle_id, town.clock.now(), position, height_m=height_m))

    await open_docks(town)
    home = town_home(town, vehicle_id)
    for height_m in (0.0, 0.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 80.0):
        await at(home, height_m)
    route = flight.missions.get(mission_id).plan.outbound
    start, end = route[0].position, route[-1].position
    for step in range(1, 81):
        if flight.missions.get(mission_id).phase is Phase.ON_SCENE:
            return
        part = min(1.0, step / 75)
        await at(
            Position(
                latitude_deg=start.latitude_deg + part * (end.latitude_deg - start.latitude_deg),
                longitude_deg=start.longitude_deg + part * (end.longitude_deg - start.longitude_deg),
            ),
            80.0,
        )
    raise AssertionError("it does not get there")
