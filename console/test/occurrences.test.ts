import assert from "node:assert/strict";
import { test } from "node:test";
import type { Shown } from "../src/api/occurrences.ts";
import { ASKED, FINDINGS, named, occurrenceWord, ordered } from "../src/occurrences.ts";

const one = (id: string, state: string, due_at: number | null, changes: Partial<Shown> = {}): Shown => ({
  occurrence: {
    occurrence_id: id, kind: "collision", occurred_at: 10, known_at: 10, opened_by: "program", code: "", borough: null, place: null, state, sent: [],
    outcome: null, closed_at: null, evidence: { mission_id: null, incident_id: null, vehicle_id: null, airframe: null, ledger: [] },
    findings: { severity: "not-determined", phase: "unknown", injuries: "unknown", damage: "unknown", airspace: "unknown", crewed_aircraft: "unknown" },
  },
  owed: [], due_at, overdue: false, hold: null, ...changes,
});

test("what is due soonest stands first, what is closed last, and only when asked for", () => {
  const all = [one("closed", "closed", null), one("open", "open", null), one("later", "open", 90), one("sooner", "open", 50)];
  const ids = (withClosed: boolean): string[] => ordered(all, withClosed).map((each) => each.occurrence.occurrence_id);
  assert.deepEqual(ids(true), ["sooner", "later", "open", "closed"]);
  assert.deepEqual(ids(false), ["sooner", "later", "open"]);
});

test("its word says who is still to be told", () => {
  assert.equal(occurrenceWord(one("a", "open", 9, { owed: ["aaib", "caa"] })).label, "Tell the AAIB and the CAA");
  assert.equal(occurrenceWord(one("a", "open", 9)).label, "To determine");
  assert.equal(occurrenceWord(one("a", "reported", 9, { owed: ["caa"], overdue: true })).tone, "alarm");
  assert.deepEqual(["open", "reported", "closed"].map((state) => occurrenceWord(one("a", state, null)).label), ["Open", "Reported", "Closed"]);
});

test("every finding has its question, and what is not known stands first", () => {
  assert.deepEqual(Object.keys(FINDINGS), Object.keys(ASKED));
  for (const answers of Object.values(FINDINGS)) assert.match(answers[0] as string, /^(unknown|not-determined)$/);
  assert.equal(named("serious-incident"), "Serious incident");
});
