import assert from "node:assert/strict";
import { test } from "node:test";
import { besideUtc, compass, count, degrees, duration, localTime, metres, parsePosition, percent, position, utcDateTime, utcTime } from "../src/format.ts";

const AT = Date.UTC(2026, 6, 5, 23, 4, 9);

test("times of day", () => {
  assert.equal(utcTime(AT), "23:04:09");
  assert.equal(utcDateTime(AT), "2026-07-05 23:04:09Z");
  assert.match(localTime(AT, "Europe/London"), /^00:04:09 (BST|GMT\+1)$/);
  assert.match(localTime(Date.UTC(2026, 10, 23, 0, 0, 0), "Europe/London"), /^00:00:00 (GMT|UTC)$/);
  assert.equal(utcTime(Number.NaN), "–");
});

test("a second clock stands only where it says something else", () => {
  assert.match(besideUtc(AT, "Europe/London"), /^00:04:09 (BST|GMT\+1) · Sun, 05 Jul 2026$/);
  assert.match(besideUtc(Date.UTC(2026, 10, 23, 15, 0, 0), "Europe/London"), /^Mon, 23 Nov 2026$/);
});

test("lengths of time", () => {
  assert.equal(duration(0), "0:00");
  assert.equal(duration(59.9), "0:59");
  assert.equal(duration(725), "12:05");
  assert.equal(duration(11_229), "3:07:09");
  assert.equal(duration(-61), "−1:01");
  assert.equal(duration(-0.4), "0:00");
  assert.equal(duration(Number.POSITIVE_INFINITY), "–");
});

test("figures", () => {
  assert.equal(percent(0.996), "100%");
  assert.equal(percent(null), "–");
  assert.equal(degrees(-1), "359°");
  assert.equal(degrees(359.7), "000°");
  assert.equal(compass(240), "WSW");
  assert.equal(compass(-10), "N");
  assert.equal(compass(359), "N");
  assert.equal(metres(999.4), "999 m");
  assert.equal(metres(1500), "1.5 km");
  assert.equal(count(1, "drone"), "1 drone");
  assert.equal(count(1200, "drone"), "1,200 drones");
});

test("a position that was shown can be typed again", () => {
  for (const [lat, lon] of [[51.54321, -0.102], [-33.5, 151.2], [0, 0]] as const) {
    assert.deepEqual(parsePosition(position(lat, lon)), { lat, lon });
  }
});

test("what is no place is refused", () => {
  assert.deepEqual(parsePosition(" 51.5 −0.1 "), { lat: 51.5, lon: -0.1 });
  for (const bad of ["", "51.5", "91, 0", "0, 181", "51.5, -0.1, 3", "here", "51,5 0,1 x", "1e5, 2"]) assert.equal(parsePosition(bad), null, bad);
});
