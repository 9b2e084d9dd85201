// The officer's page: which picture the link carries, what is said, what is read off the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ageText, type Came, carriedKbps, type Clock, freshness, heard, type Measures, type Rung, START, step } from "../src/officer/rate.ts";
import { readStill, type Subject } from "../src/officer/wire.ts";
import { alertText, alertWeight, BUZZ, direction, endsText, operationMs, subjectText, watcherText, whereFrom } from "../src/officer/words.ts";

const CLOCK: Clock = { offsetMs: 0, rttMs: 100, atMs: 0, answers: 9 };

/** Pictures of `bytes` over a link of `kbps` with 50 ms of way each. */
function came(kbps: number, bytes: number, count = 8, jitter: (n: number) => number = () => 0): Came[] {
  return Array.from({ length: count }, (_, n) => ({ atMs: 1_000 + n * 500, sentMs: 1_000 + n * 500 - 50 - (bytes * 8) / kbps - jitter(n), bytes }));
}

test("what the link carries is told by what a picture took longer than a ping", () => {
  for (const kbps of [20, 60, 200, 500]) {
    const said = carriedKbps(came(kbps, 4_000), CLOCK, 5_000) ?? 0;
    assert.ok(Math.abs(said - kbps) / kbps < 0.05, `${kbps}: ${said}`);
  }
  assert.equal(carriedKbps(came(50_000, 4_000), CLOCK, 5_000), Number.POSITIVE_INFINITY);
});

test("what comes in bursts, or while the phone is busy, makes no link look better or worse", () => {
  for (const bent of [(n: number) => (n % 3 === 0 ? 300 : 0), (n: number) => (n % 3 === 0 ? -80 : 0)]) {
    const said = carriedKbps(came(200, 4_000, 12, bent), CLOCK, 7_000) ?? 0;
    assert.ok(Math.abs(said - 200) < 10, String(said));
  }
});

test("nothing is said of a link on too few pictures, or on old ones", () => {
  assert.equal(carriedKbps(came(100, 4_000, 3), CLOCK, 5_000), null);
  assert.equal(carriedKbps(came(100, 4_000), CLOCK, 60_000), null);
  assert.equal(carriedKbps(came(100, 4_000), null, 5_000), null);
  assert.equal(carriedKbps(came(100, 4_000), { ...CLOCK, answers: 3 }, 5_000), null);
  // No ping was quick yet: by it the pictures would come before they were sent.
  assert.equal(carriedKbps(came(100, 4_000), { ...CLOCK, rttMs: 2_000 }, 5_000), null);
});

test("the quickest answer tells the clocks, whatever they lie to each other", () => {
  let clock: Clock | null = null;
  for (const [sent, rtt] of [[0, 900], [2_000, 120], [4_000, 3_000]] as const) clock = heard(clock, sent, sent + rtt, sent + rtt / 2 + 12_345);
  assert.equal(clock?.offsetMs, 12_345);
  assert.equal(clock?.rttMs, 120);
  // After a minute it is measured anew: clocks drift, and so do ways.
  assert.equal(heard(clock, 70_000, 70_400, 70_200 + 12_400).rttMs, 400);
});

const GOOD: Measures = {
  nowMs: 0, carriedKbps: Number.POSITIVE_INFINITY, needKbps: 3_000, shown: true, only: false, waitMs: 60, restMs: 50, failed: false, frames: 25,
  sinceFrameMs: 40, lost: 0,
};

function after(rung: Rung, seconds: number, m: Partial<Measures>): Rung {
  let now = rung;
  for (let n = 0; n <= seconds * 2; n++) now = step(now, { ...GOOD, ...m, nowMs: now.sinceMs + n * 500 });
  return now;
}

test("small first, then the full one once it has shown that it comes", () => {
  assert.equal(START.mode, "small");
  const trying = step(START, { ...GOOD, frames: 0, sinceFrameMs: Number.POSITIVE_INFINITY });
  assert.equal(trying.mode, "trying");
  assert.equal(step(trying, { ...GOOD, nowMs: 500, frames: 3 }).mode, "trying");
  assert.equal(step(trying, { ...GOOD, nowMs: 1_000 }).mode, "full");
});

test("a link that does not carry it is not tried", () => {
  for (const worse of [{ carriedKbps: 2_000 }, { carriedKbps: null }, { needKbps: 0 }, { shown: false }, { only: true }]) {
    assert.equal(step(START, { ...GOOD, ...worse }).mode, "small");
  }
  assert.equal(step(START, { ...GOOD, carriedKbps: 200, needKbps: 100 }).mode, "trying");
});

test("what goes wrong with the full one brings the small ones back at once", () => {
  const full: Rung = { mode: "full", sinceMs: 0, tries: 0, nextMs: 0 };
  for (const worse of [{ sinceFrameMs: 1_600 }, { lost: 0.2 }, { failed: true }, { waitMs: 1_200 }, { only: true }, { shown: false }]) {
    assert.equal(step(full, { ...GOOD, ...worse, nowMs: 500 }).mode, "small", JSON.stringify(worse));
  }
  assert.equal(step(full, { ...GOOD, nowMs: 500 }).mode, "full");
});

test("a try that fails is made again later and later, and one that held a while starts afresh", () => {
  let rung = START;
  const waits = [];
  for (let n = 0; n < 8; n++) {
    const at = rung.nextMs;
    if (at > 0) assert.equal(step(rung, { ...GOOD, nowMs: at - 1 }).mode, "small");
    rung = step(step(rung, { ...GOOD, nowMs: at }), { ...GOOD, nowMs: at + 500, failed: true });
    waits.push(rung.nextMs - at - 500);
  }
  assert.deepEqual(waits, [8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000, 120_000]);
  const held = after({ ...rung, mode: "full", sinceMs: rung.nextMs }, 40, {});
  assert.equal(step(held, { ...GOOD, nowMs: held.sinceMs + 41_000, failed: true }).tries, 1);
});

test("a try that never shows a picture ends by itself", () => {
  const trying = step(START, { ...GOOD, frames: 0 });
  assert.equal(after(trying, 11, { frames: 0 }).mode === "full", false);
  assert.equal(step(trying, { ...GOOD, frames: 0, nowMs: 10_500 }).mode, "small");
});

test("an age claims no more than is known", () => {
  assert.equal(ageText(0), "0.1 s old");
  assert.equal(ageText(1_240), "1.2 s old");
  assert.equal(ageText(23_400), "23 s old");
  assert.equal(ageText(200_000), "3 min old");
  assert.equal(ageText(null), "");
  assert.deepEqual([1_999, 2_000, 7_999, 8_000].map(freshness), ["live", "late", "late", "stale"]);
});

const SCENE = { grade: "I", category: "robbery", at: { lat: 51.5465, lon: -0.103 }, state: "on-scene", opened_at: "", eyes_on_at: null };
const SUBJECT: Subject = { lock: "seen", shape: "person", at: { lat: 51.547, lon: -0.1022 }, within_m: 9, speed_mps: 1.6, direction_deg: 45, unseen_s: 0 };

test("the words say what the map shows", () => {
  assert.equal(whereFrom(SCENE.at, SUBJECT.at ?? SCENE.at), "79 m north-east of the scene");
  assert.equal(whereFrom(SCENE.at, SCENE.at), "at the scene");
  assert.equal(subjectText(SUBJECT, SCENE), "A person, 79 m north-east of the scene, to within 9 m, moving north-east at 1.6 m/s.");
  assert.match(subjectText({ ...SUBJECT, lock: "unseen", unseen_s: 4.4 }, SCENE), /Not seen for 4 s: this is a guess\./);
  assert.equal(subjectText({ ...SUBJECT, lock: "nobody" }, SCENE), "Nobody is followed.");
  assert.match(subjectText({ ...SUBJECT, lock: "lost" }, SCENE), /lost from sight/);
  assert.match(watcherText(null, SCENE, 0), /No drone is here/);
  for (const [deg, name] of [[0, "north"], [359, "north"], [46, "north-east"], [180, "south"], [-90, "west"]] as const) assert.equal(direction(deg), name);
});

test("a demo's drone comes as fast as in the control room, and its link ends by the clock on the wall", () => {
  const state = { now: "2026-11-23T09:00:00Z", speed: 5 };
  assert.equal(operationMs(state, 2_000) - operationMs(state, 0), 10_000);
  const watcher = { name: "d1", at: null, heading_deg: 0, height_m: 0, eyes_on: false, eta_at: "2026-11-23T09:01:00Z" };
  assert.match(watcherText(watcher, SCENE, operationMs(state, 0)), /there in 60 s/);
  assert.match(watcherText(watcher, SCENE, operationMs(state, 8_000)), /there in 20 s/);
  assert.equal(endsText("2026-11-23T09:30:00Z", Date.parse("2026-11-23T09:00:30Z")), "in 30 minutes");
  assert.equal(endsText("2026-11-23T09:30:00Z", Date.parse("2026-11-23T09:29:30Z")), "within a minute");
});

test("alerts are told apart by feel, and say which way", () => {
  assert.equal(alertText("turns", { ...SUBJECT, direction_deg: 180 }), "The subject turns south");
  assert.equal(alertText("moves", { ...SUBJECT, direction_deg: null }), "The subject moves off");
  assert.equal(alertWeight("lost"), "grave");
  const lengths = Object.values(BUZZ).map((one) => one.reduce((a, b) => a + b, 0));
  assert.equal(new Set(lengths).size, lengths.length);
});

test("a small picture is read off the wire with its moments", () => {
  const data = new ArrayBuffer(20);
  new DataView(data).setFloat64(0, 1_800_000_000_123);
  new DataView(data).setFloat64(8, 1_800_000_000_456);
  const still = readStill(data);
  assert.deepEqual([still?.takenMs, still?.sentMs, still?.jpeg.length], [1_800_000_000_123, 1_800_000_000_456, 4]);
  assert.equal(readStill(new ArrayBuffer(16)), null);
});
