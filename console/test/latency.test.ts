import assert from "node:assert/strict";
import { test } from "node:test";
import { ageText, LATE_MS, level, OLD_MS, Pictures, RoundTrips, STALLED_MS, type Told } from "../src/video/latency.ts";

const OFFSET = 1_000_000; // the server's clock is so far ahead of this one, milliseconds

/** `count` pictures, one each 40 ms, shown `age` ms after they were taken. */
function played(age: number, by = "metadata", count = 50): { pictures: Pictures; now: number } {
  const pictures = new Pictures(0);
  const told: Told[] = [];
  for (let number = 0; number < count; number++) {
    const shown = 1_000 + 40 * number;
    pictures.note(3_600 * number, shown);
    const taken = (shown + OFFSET - age) * 1_000;
    if (number % 3 === 0) told.push([3_600 * number, taken + 5_000, by === "" ? 0 : taken, by]);
  }
  const now = 1_000 + 40 * count;
  pictures.take(told, OFFSET, 3, now);
  return { pictures, now };
}

test("the age is what lies between taking and showing, by the server's clock", () => {
  const { pictures, now } = played(87);
  const age = pictures.age(now);
  assert.equal(age.kind, "known");
  assert.ok(age.kind === "known" && Math.abs(age.ms - 87) < 1e-6 && age.within_ms === 3);
  assert.equal(ageText(age), "87 ms old");
  assert.equal(level(age), "ok");
});

test("a late picture is amber, an old one red", () => {
  for (const [age, how] of [[LATE_MS - 1, "ok"], [LATE_MS + 1, "late"], [OLD_MS + 1, "old"]] as const) {
    const { pictures, now } = played(age);
    assert.equal(level(pictures.age(now)), how);
  }
});

test("what nobody tells is unknown, and at least the time since it was received here", () => {
  const { pictures, now } = played(105, "");
  const age = pictures.age(now);
  assert.deepEqual(age, { kind: "unknown", at_least_ms: 100 });
  assert.equal(ageText(age), "age unknown, over 100 ms");
  assert.equal(level(age), "unknown");
  assert.equal(level({ kind: "unknown", at_least_ms: OLD_MS }), "old");
});

test("a browser that tells no stamps leaves the age unknown", () => {
  const pictures = new Pictures(0);
  pictures.note(null, 100);
  pictures.take([[1, 2, 3, "metadata"]], OFFSET, 3, 120);
  assert.deepEqual(pictures.age(130), { kind: "unknown", at_least_ms: null });
});

test("no new picture is a stall, whatever was known; a page that was hidden has not stalled", () => {
  const { pictures, now } = played(50);
  const later = now + STALLED_MS + 500;
  assert.equal(pictures.age(later).kind, "stalled");
  assert.equal(level(pictures.age(later)), "old");
  pictures.wake(later);
  assert.notEqual(pictures.age(later + 100).kind, "stalled");
});

test("what was known is forgotten when nothing is told any more", () => {
  const { pictures, now } = played(50);
  for (let at = now; at < now + 6_000; at += 40) pictures.note(at * 90 + 7, at);
  assert.equal(pictures.age(now + 5_990).kind, "unknown");
});

test("stamps a rounding apart are one picture, others are not", () => {
  for (const [apart, kind] of [[1_500, "known"], [2_500, "unknown"]] as const) {
    const pictures = new Pictures(2_000);
    pictures.note(1_000_000, 500);
    pictures.take([[1_000_000 + apart, 1, (480 + OFFSET) * 1_000, "sender"]], OFFSET, 1, 510);
    assert.equal(pictures.age(520).kind, kind);
  }
});

test("the quickest round trip tells the clock", () => {
  const trips = new RoundTrips();
  assert.equal(trips.best, null);
  trips.take(0, 80, 5_000);
  trips.take(100, 104, 5_062);
  trips.take(200, 260, 5_100);
  assert.deepEqual(trips.best, { offset_ms: 4_960, within_ms: 2 });
});
