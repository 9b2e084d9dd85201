import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, encodeTimestampExtension, ExtensionCodec, EXT_TIMESTAMP } from "@msgpack/msgpack";
import { afterTick, ENDED_KEPT, EVENTS_KEPT, fromSnapshot } from "../src/feed/picture.ts";
import { type Drone, type FeedEvent, type Incident, parseFrame, type Snapshot, type Tick, withTimes } from "../src/feed/wire.ts";

const drone = (id: string): Drone => ({
  id, dock_id: "dock-1", airframe: "patrol quadcopter", system_id: 1, lat: 51.5, lon: -0.1, heading_deg: 0, ground_speed_mps: 0,
  height_m_above_dock: 0, charge_fraction: 1, status: "ready", phase: null, reason: "", mission_id: null, zoom: null, zoom_most: 1,
});

const incident = (id: string, state = "open"): Incident => ({
  id, grade: "I", category: "Robbery", lat: 51.5, lon: -0.1, reported_at: 0, opened_at: 0, state, close_reason: null, reports: 1,
  mission_ids: [], eyes_on_at: null, closed_at: null, waiting_reason: "",
});

const event = (seq: number): FeedEvent => ({ seq, at: seq, kind: "run", text: "", severity: "info" });

const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  type: "snapshot", seq: 10, at: 1_000, run: { demo: "", speed: 1, version: "0", operator: "", demand_note: "" },
  me: { account_id: "acc", name: "n", role: "viewer", may: [] }, drones: [drone("a"), drone("b")], docks: [], incidents: [incident("i-1")],
  missions: [], events: [event(1)], ...over,
});

const tick = (over: Partial<Tick> = {}): Tick => ({ type: "tick", seq: 11, at: 1_200, d: [], ...over });

test("a tick changes what it says and leaves the rest as it was, by identity", () => {
  const before = fromSnapshot(snapshot());
  const after = afterTick(before, tick({ d: [[1, 51.6, -0.2, 90, 15, 80, 0.5, "busy", "outbound"]] }));
  assert.equal(after.drones[0], before.drones[0]);
  assert.deepEqual(
    { ...after.drones[1] },
    { ...drone("b"), lat: 51.6, lon: -0.2, heading_deg: 90, ground_speed_mps: 15, height_m_above_dock: 80, charge_fraction: 0.5, status: "busy", phase: "outbound" },
  );
  assert.equal(after.incidents, before.incidents);
  assert.equal(after.events, before.events);
  assert.equal(before.drones[1]?.status, "ready", "the picture before is untouched");
});

test("a tick that is not newer changes nothing", () => {
  const before = fromSnapshot(snapshot());
  assert.equal(afterTick(before, tick({ seq: 10, incidents: [incident("i-2")] })), before);
});

test("a console that was slow skips frames and takes the next one whole", () => {
  const after = afterTick(fromSnapshot(snapshot()), tick({ seq: 40, incidents: [incident("i-1", "closed"), incident("i-2")], events: [event(2), event(3)] }));
  assert.equal(after.seq, 40);
  assert.equal(after.incidents.get("i-1")?.state, "closed");
  assert.deepEqual([...after.incidents.keys()], ["i-1", "i-2"]);
  assert.deepEqual(after.events.map((one) => one.seq), [1, 2, 3]);
});

test("drones that are seen for the first time get the next places, in their order, before rows are read", () => {
  const row = [3, 1, 2, 3, 4, 5, 0.6, "busy", "climbing"] as const;
  const after = afterTick(fromSnapshot(snapshot()), tick({ drones: [drone("c"), { ...drone("a"), reason: "no GPS" }, drone("d")], d: [row] }));
  assert.deepEqual(after.drones.map((one) => one.id), ["a", "b", "c", "d"]);
  assert.equal(after.drones[0]?.reason, "no GPS");
  assert.equal(after.drones[3]?.phase, "climbing");
});

test("a row for a drone that nobody spoke of is left aside", () => {
  const after = afterTick(fromSnapshot(snapshot()), tick({ d: [[9, 1, 2, 3, 4, 5, 0.6, "busy", null]] }));
  assert.equal(after.drones.length, 2);
});

test("what ended is bounded, what is open is never dropped", () => {
  let picture = fromSnapshot(snapshot({ incidents: [] }));
  const open = Array.from({ length: 50 }, (_, n) => incident(`open-${n}`));
  const closed = Array.from({ length: ENDED_KEPT * 3 }, (_, n) => incident(`closed-${n}`, "closed"));
  picture = afterTick(picture, tick({ incidents: [...open, ...closed] }));
  assert.equal([...picture.incidents.values()].filter((one) => one.state === "open").length, 50);
  assert.equal([...picture.incidents.values()].filter((one) => one.state === "closed").length, ENDED_KEPT);
  assert.ok(picture.incidents.has(`closed-${ENDED_KEPT * 3 - 1}`), "the latest stay");
});

test("the timeline is bounded", () => {
  const many = Array.from({ length: EVENTS_KEPT + 20 }, (_, n) => event(n + 2));
  const after = afterTick(fromSnapshot(snapshot()), tick({ events: many }));
  assert.equal(after.events.length, EVENTS_KEPT);
  assert.equal(after.events.at(-1)?.seq, EVENTS_KEPT + 21);
});

test("JSON and msgpack frames give the same object", () => {
  const at = new Date("2026-11-23T15:00:00.250Z");
  const said = { type: "tick", seq: 1, at: at.toISOString(), d: [[0, 51.5, -0.1, 0, 0, 0, null, "ready", null]], incidents: [{ id: "i", opened_at: at.toISOString(), closed_at: null }] };
  const codec = new ExtensionCodec(); // msgspec says times as msgpack timestamps
  codec.register({ type: EXT_TIMESTAMP, encode: (value) => encodeTimestampExtension(value), decode: () => undefined });
  const packed = encode({ ...said, at, incidents: [{ id: "i", opened_at: at, closed_at: null }] }, { extensionCodec: codec });
  const fromText = parseFrame(JSON.stringify(said));
  const fromBytes = parseFrame(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.byteLength) as ArrayBuffer);
  assert.deepEqual(fromBytes, fromText);
  assert.equal(fromText.at, at.getTime());
});

test("times are turned wherever they stand, and text that looks like one is not", () => {
  assert.deepEqual(withTimes([{ at: "1970-01-01T00:00:01Z", text: "1970-01-01T00:00:01Z", inner: { phase_since: null, eta_at: "1970-01-01T00:00:02Z" } }]), [
    { at: 1000, text: "1970-01-01T00:00:01Z", inner: { phase_since: null, eta_at: 2000 } },
  ]);
});

test("what is neither a snapshot nor a tick is refused", () => {
  for (const bad of ['{"type":"other"}', "[]", "null", "{"]) assert.throws(() => parseFrame(bad));
});
