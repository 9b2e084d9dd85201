"""Live video, glass to glass: a camera process burns the moment of capture into each picture; what a real Chromium shows of it is
read back from the picture itself. Over UDP, a worker, WHEP and the browser, everything on this machine.

Baseline: the same stream received and decoded by the library alone, nothing between. Processor time of the program with one and
with more viewers tells what a viewer costs.
"""

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

import av
from playwright.async_api import async_playwright
from tests.browser.conftest import CHROMIUM_ARGS
from tests.integration.test_video_live import Watched, free_port, watched
from tools.find_browser import find

from bowstreet.simulation.scenery import strip

WIDTH, HEIGHT, RATE_HZ = 640, 360, 25.0
SECONDS = 15.0
MORE_VIEWERS = 6

# The strip as `simulation.scenery.strip` lays it out: 80 cells across, two rows of 32, 52 bits of time and 12 of check.
READ = """
async (seconds) => {
  const video = document.querySelector("video");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const found = [];
  const until = performance.now() + seconds * 1000;
  await new Promise((resolve) => {
    const look = (now, frame) => {
      const shown = performance.timeOrigin + (frame.expectedDisplayTime ?? now);
      canvas.width = video.videoWidth; canvas.height = 4 * Math.ceil(video.videoWidth / 80);
      context.drawImage(video, 0, 0);
      const cell = video.videoWidth / 80;
      const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
      let bits = "";
      for (let row = 0; row < 2; row++) for (let column = 0; column < 32; column++) {
        const x = Math.round((column + 1.5) * cell - 0.5), y = Math.round((row + 1.5) * cell - 0.5);
        bits += data[4 * (y * canvas.width + x)] > 128 ? "1" : "0";
      }
      found.push([bits.slice(0, 52), bits.slice(52), shown * 1000]);
      if (performance.now() < until) video.requestVideoFrameCallback(look); else resolve();
    };
    video.requestVideoFrameCallback(look);
  });
  return found;
}
"""


# What stands beside the picture, twice a second.
TOLD = """
async (times) => {
  const found = [];
  for (let time = 0; time < times; time++) {
    found.push(document.querySelector(".age")?.textContent ?? "");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return found;
}
"""


def _spread(values_ms: list[float]) -> dict[str, float]:
    cut = statistics.quantiles(values_ms, n=100)
    return {"p50": cut[49], "p95": cut[94], "p99": cut[98], "pictures": float(len(values_ms))}


def _camera(port: int, seconds: float) -> "subprocess.Popen[bytes]":
    said = [f"udp://127.0.0.1:{port}", str(seconds), str(WIDTH), str(HEIGHT), str(RATE_HZ)]
    return subprocess.Popen([sys.executable, "-m", "benchmarks._camera", *said])


def _alone() -> dict[str, float]:
    """Received and decoded by the library alone."""
    port = free_port()
    ages_ms: list[float] = []
    camera = _camera(port, SECONDS + 8)
    try:
        options = {"fflags": "nobuffer", "flags": "low_delay"}
        with av.open(f"udp://127.0.0.1:{port}?timeout=10000000", format="mpegts", options=options) as source:
            began = time.monotonic()
            for picture in source.decode(video=0):
                captured_us = strip.read(picture.to_ndarray(format="gray"))
                if captured_us is not None and time.monotonic() - began > 3:
                    ages_ms.append(time.time_ns() / 1e6 - captured_us / 1e3)
                if time.monotonic() - began > SECONDS:
                    break
    finally:
        camera.kill()
    return _spread(ages_ms)


async def _by_browser(world: Watched) -> dict[str, Any]:
    path = find()
    assert path
    async with world.town.signed_in("dispatcher") as client, async_playwright() as playwright:
        cookie: Any = {"name": "bowstreet", "value": client.cookies["bowstreet"], "url": f"http://127.0.0.1:{world.port}"}
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        context = await chromium.new_context(viewport={"width": 1280, "height": 800})
        await context.add_cookies([cookie])
        page = await context.new_page()
        turning = asyncio.ensure_future(world.town.console.run())
        await page.goto(f"http://127.0.0.1:{world.port}/#/pictures")
        await page.get_by_text("Live, WebRTC").wait_for(timeout=25_000)
        await asyncio.sleep(3)
        rows = await page.evaluate(READ, SECONDS)
        ages = [
            shown_us / 1e3 - int(bits, 2) / 1e3 for bits, check, shown_us in rows if strip.check(int(bits, 2)) == int(check, 2)
        ]
        told = [float(one.split()[0]) for one in await page.evaluate(TOLD, 10) if one.endswith("ms old")]
        costs = {}
        for viewers in (1, MORE_VIEWERS):
            while len(world.town.console.viewings) < viewers:
                other = await context.new_page()
                await other.goto(f"http://127.0.0.1:{world.port}/#/pictures")
                await other.get_by_text("Live, WebRTC").wait_for(timeout=25_000)
            began, spent = time.monotonic(), time.process_time()
            await asyncio.sleep(10)
            costs[viewers] = (time.process_time() - spent) / (time.monotonic() - began)
        turning.cancel()
        await chromium.close()
    return {
        "glass_to_glass_ms": _spread(ages), "unreadable": len(rows) - len(ages),
        # What the page itself says of it, by the camera's metadata and clocks alone.
        "told_by_the_page_ms": {"p50": statistics.median(told), "readings": float(len(told))} if told else {},
        "core_share_one_viewer": costs[1],
        "core_share_a_further_viewer": (costs[MORE_VIEWERS] - costs[1]) / (MORE_VIEWERS - 1),
    }  # fmt: skip


async def _through() -> dict[str, Any]:
    port = free_port()
    camera = _camera(port, 180)
    try:
        async with watched(f"udp://127.0.0.1:{port}", limit_s=170) as world:
            await world.live()
            return await _by_browser(world)
    finally:
        camera.kill()


def run() -> dict[str, Any]:
    alone: dict[str, Any] = {}
    measuring = threading.Thread(target=lambda: alone.update(_alone()))
    measuring.start()
    measuring.join()
    return {**asyncio.run(_through()), "library_alone_ms": alone}
