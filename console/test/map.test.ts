import assert from "node:assert/strict";
import { test } from "node:test";
import { clipped, frameOf, latitudeOf, longitudeOf, mercatorX, mercatorY, metresPerPixel } from "../src/map/mercator.ts";
import { Motion, TRAIL_POINTS, turn } from "../src/map/motion.ts";

const near = (a: number | undefined, b: number, within = 1e-12): void => assert.ok(Math.abs((a ?? Number.NaN) - b) <= within, `${a} is not ${b}`);
const at = (lat: number | null, lon: number | null, heading_deg = 0) => ({ lat, lon, heading_deg });
const flying = () => true;

test("Mercator there and back", () => {
  for (const [lat, lon] of [[51.5, -0.1], [-84, 179], [0, -180]] as const) {
    near(latitudeOf(mercatorY(lat)), lat, 1e-9);
    near(longitudeOf(mercatorX(lon)), lon, 1e-9);
  }
  near(mercatorY(85.0511287798066), 0, 1e-9);
});

test("the middle of the map is the middle of the screen, and scale is metres", () => {
  const frame = frameOf({ lat: 51.5, lng: -0.1 }, 12, 800, 600);
  near(mercatorX(-0.1) * frame.scale - frame.left, 400, 1e-6);
  near(mercatorY(51.5) * frame.scale - frame.top, 300, 1e-6);
  const east = mercatorX(-0.1 + 0.01) * frame.scale - frame.left - 400;
  near(east * metresPerPixel(51.5, 12), 0.01 * 111_319.49 * Math.cos((51.5 * Math.PI) / 180), 0.5);
});

test("the short way round", () => {
  assert.equal(turn(350, 10), 20);
  assert.equal(turn(10, 350), -20);
  assert.equal(turn(0, 180), -180);
  assert.equal(turn(90, 90), 0);
});

test("a drone glides from where it is drawn to where it is, within a frame of the feed", () => {
  const motion = new Motion();
  motion.take([at(51.5, 0, 350)], flying, 1_000, true);
  near(motion.x[0], mercatorX(0));
  motion.take([at(51.5, 0.01, 10)], flying, 1_200, false);
  near(motion.x[0], mercatorX(0));
  assert.equal(motion.advance(1_300), true);
  near(motion.x[0], mercatorX(0.005));
  near(motion.heading[0], 360, 1e-4);
  assert.equal(motion.advance(1_400), false);
  near(motion.x[0], mercatorX(0.01));
  motion.advance(9_000);
  near(motion.x[0], mercatorX(0.01), 1e-12); // it never runs ahead of what was said
});

test("after a snapshot nothing glides", () => {
  const motion = new Motion();
  motion.take([at(51.5, 0)], flying, 1_000, true);
  motion.take([at(51.6, 0.5)], flying, 1_200, true);
  near(motion.x[0], mercatorX(0.5));
});

test("one that was never heard is nowhere, and appears where it is first heard", () => {
  const motion = new Motion();
  motion.take([at(null, null)], flying, 0, true);
  assert.ok(Number.isNaN(motion.x[0]));
  motion.take([at(51.5, 0.2)], flying, 200, false);
  near(motion.x[0], mercatorX(0.2));
});

test("trails are bounded, oldest first, and end with the flight", () => {
  const motion = new Motion();
  for (let n = 0; n < TRAIL_POINTS * 3; n++) motion.take([at(51.5, n * 0.001)], flying, n * 200, n === 0);
  const seen: number[] = [];
  motion.trail(0, (x) => seen.push(x));
  assert.equal(seen.length, TRAIL_POINTS);
  near(seen.at(-1), mercatorX((TRAIL_POINTS * 3 - 1) * 0.001));
  assert.ok(seen.every((x, n) => n === 0 || x > (seen[n - 1] as number)));
  motion.take([at(51.5, 0)], () => false, 99_999, false);
  assert.equal(motion.trailLength(0), 0);
});

test("a drone that hovers adds nothing to its trail; one that turns up elsewhere begins a new one", () => {
  const motion = new Motion();
  for (let n = 0; n < 20; n++) motion.take([at(51.5, n * 1e-6)], flying, n * 200, n === 0);
  assert.equal(motion.trailLength(0), 1);
  motion.take([at(51.5, 0.5)], flying, 5_000, false);
  assert.equal(motion.trailLength(0), 1);
});

test("drones that come later leave the others as they are", () => {
  const motion = new Motion();
  motion.take([at(51.5, 0.1)], flying, 0, true);
  motion.take([at(51.5, 0.1), at(51.6, 0.2)], flying, 200, false);
  near(motion.x[0], mercatorX(0.1));
  near(motion.x[1], mercatorX(0.2));
  assert.equal(motion.trailLength(0), 1);
});

test("lines are cut at the edge of the screen", () => {
  const frame = { scale: 1, left: 0, top: 0, width: 100, height: 50 };
  assert.deepEqual(clipped(10, 10, 90, 40, frame, 0), [10, 10, 90, 40]);
  assert.deepEqual(clipped(-100, 25, 200, 25, frame, 0), [0, 25, 100, 25]);
  assert.deepEqual(clipped(-100, 25, 200, 25, frame, 10), [-10, 25, 110, 25]);
  assert.equal(clipped(-10, -10, -1, 60, frame, 0), null);
  assert.equal(clipped(0, 60, 100, 200, frame, 0), null);
  assert.equal(clipped(-50, 20, 20, -50, frame, 0), null);
});
