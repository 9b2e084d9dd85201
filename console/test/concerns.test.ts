import assert from "node:assert/strict";
import { test } from "node:test";
import { concerns } from "../src/concerns.ts";
import type { FeedEvent, Incident } from "../src/feed/wire.ts";

const incident = (id: string, state: string): Incident => ({
  id, grade: "I", category: "Robbery", lat: 51.5, lon: -0.1, reported_at: 0, opened_at: 0, state, close_reason: null, reports: 1,
  mission_ids: [], eyes_on_at: null, closed_at: null, waiting_reason: "",
});

const event = (seq: number, kind: string, severity: FeedEvent["severity"], incident_id?: string): FeedEvent =>
  incident_id === undefined ? { seq, at: seq, kind, text: "", severity } : { seq, at: seq, kind, text: "", severity, incident_id };

const known = (...all: Incident[]) => new Map(all.map((one) => [one.id, one]));

test("what is only told is no concern, and the latest comes first", () => {
  const events = [event(1, "dock-jammed", "alarm"), event(2, "run", "notice"), event(3, "vehicle-stale", "warning")];
  assert.deepEqual(concerns(events, known()).map((one) => one.seq), [3, 1]);
});

test("an incident that waits is one concern however often its reasons changed", () => {
  const events = [1, 2, 3].map((seq) => event(seq, "no-drone", "warning", "i-1"));
  assert.deepEqual(concerns([...events, event(4, "no-drone", "warning", "i-2")], known(incident("i-1", "open"), incident("i-2", "open"))).map((one) => one.seq), [4, 3]);
});

test("an incident that waits no more is none, nor is one that is gone from the picture", () => {
  const events = ["i-1", "i-2", "i-3"].map((id, place) => event(place, "no-drone", "warning", id));
  assert.deepEqual(concerns(events, known(incident("i-1", "assigned"), incident("i-2", "closed"))), []);
});

test("any other warning about an incident stays when it is closed", () => {
  const aborted = event(1, "mission-aborted", "warning", "i-1");
  assert.deepEqual(concerns([aborted], known(incident("i-1", "closed"))), [aborted]);
});
