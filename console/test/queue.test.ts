import assert from "node:assert/strict";
import { test } from "node:test";
import type { Incident } from "../src/feed/wire.ts";
import { neighbour, queueOf } from "../src/queue.ts";
import { droneWord, isAirborne, isTroubled } from "../src/words.ts";

const one = (id: string, grade: string, opened_at: number, state = "open"): Incident => ({
  id, grade, category: "", lat: 0, lon: 0, reported_at: opened_at, opened_at, state, close_reason: null, reports: 1, mission_ids: [],
  eyes_on_at: null, closed_at: state === "closed" ? opened_at + 1 : null, waiting_reason: "",
});

test("the gravest first, then the one that waited longest; a grade nobody knows last", () => {
  const all = [one("a", "S", 1), one("b", "I", 9), one("c", "X", 0), one("d", "R", 0), one("e", "I", 3), one("f", "E", 2), one("g", "I", 3)];
  assert.deepEqual(queueOf(all).waiting.map((i) => i.id), ["e", "g", "b", "a", "f", "d", "c"]);
});

test("what is in hand and what is closed stand apart", () => {
  const queue = queueOf([one("a", "R", 1, "assigned"), one("b", "I", 2, "on-scene"), one("c", "I", 3, "closed"), one("d", "I", 4, "closed")]);
  assert.deepEqual(queue.inHand.map((i) => i.id), ["b", "a"]);
  assert.deepEqual(queue.closed.map((i) => i.id), ["d", "c"]);
  assert.deepEqual(queue.waiting, []);
});

test("walking the queue stops at its ends", () => {
  const ids = ["a", "b", "c"];
  assert.equal(neighbour(ids, null, 1), "a");
  assert.equal(neighbour(ids, null, -1), "c");
  assert.equal(neighbour(ids, "b", 1), "c");
  assert.equal(neighbour(ids, "c", 1), "c");
  assert.equal(neighbour(ids, "a", -1), "a");
  assert.equal(neighbour(ids, "gone", 1), "a");
  assert.equal(neighbour([], "a", 1), null);
});

test("a drone is called by its phase on a mission, and by its status when that matters more", () => {
  assert.equal(droneWord({ status: "busy", phase: "outbound" }).label, "Outbound");
  assert.equal(droneWord({ status: "stale", phase: "outbound" }).label, "Not heard");
  assert.equal(droneWord({ status: "ready", phase: null }).label, "Ready");
  assert.equal(droneWord({ status: "novel", phase: null }).label, "novel");
  assert.ok(isAirborne({ phase: "controlled" }) && !isAirborne({ phase: "preflight" }) && !isAirborne({ phase: null }));
  assert.ok(isTroubled({ status: "busy", phase: "contingency" }) && !isTroubled({ status: "busy", phase: "on-scene" }));
});
