// Which picture is shown when, which octets hold it, and where the drone was.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clip, PathPoint } from "../src/api/footage.ts";
import { Film, lastNotAbove, US } from "../src/player/film.ts";
import { moved, rounded } from "../src/player/covering.ts";
import { placeAt } from "../src/player/way.ts";

/** 25 pictures a second, a keyframe a second, each 1,000 octets after a head of 500. */
function clip(from_us: number, pictures: number): Clip {
  const at_us = Array.from({ length: pictures }, (_, n) => from_us + n * 40_000);
  const keyframes = at_us.flatMap((_, n): [number, number][] => (n % 25 === 0 ? [[n, 500 + n * 1_000]] : []));
  return {
    media_type: "video/mp4", width_px: 640, height_px: 360, octets: 500 + pictures * 1_000, head_octets: 500, offset_us: from_us,
    at_us, captured_us: at_us.map((us) => 1_795_000_000_000_000 + us), keyframes,
  };
}

test("stretches begin at keyframes, join each other, and hold every octet of the pictures once", () => {
  const film = new Film([clip(0, 260), clip(20 * US, 130)], 26 * US);
  for (const number of [0, 1]) {
    const own = film.stretches.filter((one) => one.clip === number);
    assert.equal(own[0]?.start, 500);
    assert.equal(own.at(-1)?.stop, number === 0 ? 260_500 : 130_500);
    for (let n = 1; n < own.length; n++) {
      assert.equal(own[n]?.start, own[n - 1]?.stop);
      assert.equal(own[n]?.from_us, own[n - 1]?.until_us);
    }
    assert.ok(own.slice(0, -1).every((one) => one.until_us - one.from_us >= 3 * US));
  }
  assert.equal(film.stretches[film.stretchAt(21 * US)]?.clip, 1);
});

test("a seek for a picture aims inside it, at the ends too", () => {
  const film = new Film([clip(0, 50)], 2 * US);
  for (const picture of [0, 1, 30, 49]) assert.equal(film.pictureAt(film.insideOf(picture)), picture);
  assert.equal(film.pictureAt(film.insideOf(-1)), 0);
  assert.equal(film.pictureAt(film.insideOf(50)), 49);
});

test("the camera's clock goes on within a picture and is not told where there was none", () => {
  const film = new Film([clip(0, 50)], 2 * US);
  assert.equal(film.clockAt(100_000), 1_795_000_000_100);
  const dark = new Film([{ ...clip(0, 5), captured_us: [0, 0, 0, 0, 0] }], US);
  assert.equal(dark.clockAt(100_000), null);
});

test("the last not above, in every place of a row", () => {
  assert.deepEqual([-5, 0, 3, 4, 9, 99].map((wanted) => lastNotAbove([0, 4, 9], wanted)), [0, 0, 0, 1, 2, 2]);
  assert.equal(lastNotAbove([], 5), 0);
});

const point = (at_us: number, more: Partial<PathPoint> = {}): PathPoint => ({ at_us, lat: 51.5, lon: -0.1, heading_deg: 0, height_m: 60, tilt_deg: -40, look: null, ...more });

test("between two places the drone is between them, and turns the short way", () => {
  const here = placeAt([point(0, { heading_deg: 350 }), point(US, { lat: 51.6, heading_deg: 10 })], US / 2);
  assert.ok(here !== null && Math.abs(here.lat - 51.55) < 1e-9);
  assert.equal(here?.heading_deg, 0);
});

test("where it told nothing for long its place is not made up", () => {
  const path = [point(0), point(20 * US)];
  assert.equal(placeAt(path, 10 * US), null);
  assert.notEqual(placeAt(path, US), null);
  assert.equal(placeAt([], 0), null);
});

const SIZE = { width_px: 640, height_px: 360 };

test("a part that is drawn is whole pixels inside the picture, whichever way it was drawn", () => {
  assert.deepEqual(rounded({ left: 100.4, top: 80, right: 20, bottom: 10 }, SIZE), { left: 20, top: 10, right: 100, bottom: 80 });
  assert.deepEqual(rounded({ left: -50, top: -50, right: 9_000, bottom: 9_000 }, SIZE), { left: 0, top: 0, right: 640, bottom: 360 });
  assert.deepEqual(rounded({ left: 700, top: 400, right: 700, bottom: 400 }, SIZE), { left: 638, top: 358, right: 640, bottom: 360 });
});

test("a part that is moved keeps its size and stops at the edge", () => {
  assert.deepEqual(moved({ left: 2, top: 2, right: 12, bottom: 12 }, -4, 4, SIZE), { left: 0, top: 6, right: 10, bottom: 16 });
});
