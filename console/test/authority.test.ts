import assert from "node:assert/strict";
import { test } from "node:test";
import type { Authorisation, Terms } from "../src/api/authority.ts";
import {
  asFile, asShown, authorityWord, awaitsDecision, classOf, covering, type Draft, endsAt, type Filter, filtered, groundName, lengthName, lengths, missing,
  stateNow, timeLeft, useCaseName, whyNotDecide,
} from "../src/authority.ts";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-23T15:00:00Z");

const one = (id: string, changes: Partial<Authorisation> = {}): Authorisation => ({
  authorisation_id: id, use_case: "legal-hold", ground: "investigation", subject_id: "inc-1", place: { boroughs: ["Islington"] }, starts_at: NOW - HOUR,
  ends_at: NOW + 24 * HOUR, requested_by: "acc-asks", requested_at: NOW - HOUR, urgent: false, state: "requested", decided_by: null, decided_at: null,
  reviewed_by: null, reviewed_at: null, ...changes,
});

const TERMS: Terms = {
  use_cases: [
    { use_case: "legal-hold", grounds: ["investigation", "court-order"], may_be_urgent: true },
    { use_case: "erasure", grounds: ["court-order"], may_be_urgent: false },
  ],
  refusals: [], boroughs: ["Camden", "Islington"], most_s: 31 * 86_400, most_urgent_s: 4 * 3600, request_lives_s: 7 * 86_400,
};

const ALL: Filter = { shown: "all", useCase: "", text: "" };
const ids = (found: readonly Authorisation[]): string[] => found.map((each) => each.authorisation_id);

test("the clock ends an authority, whether or not the program has noted it", () => {
  assert.equal(stateNow(one("a", { state: "in-force" }), NOW), "in-force");
  assert.equal(stateNow(one("a", { state: "in-force", ends_at: NOW }), NOW), "expired");
  assert.equal(stateNow(one("a", { state: "revoked", ends_at: NOW - 1 }), NOW), "revoked");
  assert.deepEqual(authorityWord(one("a", { state: "in-force", starts_at: NOW + 1 }), NOW), { label: "Given, not begun", tone: "info" });
  assert.deepEqual(authorityWord(one("a", { state: "in-force", urgent: true }), NOW), { label: "In force, not reviewed", tone: "warning" });
  assert.equal(authorityWord(one("a", { state: "not-known-yet" }), NOW).label, "Not known yet");
});

test("a request lapses after a week, or with its window when that is sooner", () => {
  const asked = one("a", { ends_at: NOW + 30 * 24 * HOUR, requested_at: NOW });
  assert.equal(endsAt(asked, 7 * 86_400), NOW + 7 * 24 * HOUR);
  assert.equal(endsAt(one("a", { ends_at: NOW + HOUR }), 7 * 86_400), NOW + HOUR);
  assert.equal(endsAt({ ...asked, state: "in-force" }, 7 * 86_400), NOW + 30 * 24 * HOUR);
});

test("whoever asked, or gave it in haste, is told why their word does not count", () => {
  assert.match(whyNotDecide(one("a"), "acc-asks"), /two-person rule/);
  assert.equal(whyNotDecide(one("a"), "acc-other"), "");
  assert.match(whyNotDecide(one("a", { urgent: true, decided_by: "acc-gave", state: "in-force" }), "acc-gave"), /two-person rule/);
});

test("what waits for a word stands first, an unreviewed urgent one before all", () => {
  const all = [
    one("new", { state: "in-force", requested_at: NOW }), one("asked"), one("urgent", { state: "in-force", urgent: true, requested_at: NOW - 5 * HOUR }),
    one("over", { state: "refused", requested_at: NOW - 1 }),
  ];
  assert.deepEqual(ids(filtered(all, ALL, NOW)), ["urgent", "asked", "new", "over"]);
  assert.deepEqual(ids(filtered(all, { ...ALL, shown: "waiting" }, NOW)), ["urgent", "asked"]);
  assert.deepEqual(ids(filtered(all, { ...ALL, shown: "in-force" }, NOW)), ["urgent", "new"]);
  assert.deepEqual(ids(filtered(all, { ...ALL, shown: "over" }, NOW)), ["over"]);
  assert.ok(!awaitsDecision(one("a", { ends_at: NOW }), NOW));
});

test("finding is by subject, borough, ground or id, whatever the case", () => {
  const all = [one("aut-1", { subject_id: "inc-77" }), one("aut-2", { place: { boroughs: ["Camden"] } }), one("aut-3", { ground: "court-order", use_case: "erasure" })];
  const by = (text: string): string[] => ids(filtered(all, { ...ALL, text }, NOW));
  assert.deepEqual([by("INC-77"), by("camden"), by("court"), by("aut-2"), by("zz")], [["aut-1"], ["aut-2"], ["aut-3"], ["aut-2"], []]);
  assert.deepEqual(ids(filtered(all, { ...ALL, useCase: "erasure" }, NOW)), ["aut-3"]);
  assert.deepEqual([asShown("over"), asShown("nonsense"), asShown(null)], ["over", "all", "all"]);
});

test("only what is in force and has begun covers an act", () => {
  const all = [one("a", { state: "in-force" }), one("b"), one("c", { state: "in-force", starts_at: NOW + 1 }), one("d", { state: "in-force", use_case: "erasure" })];
  assert.deepEqual(ids(covering(all, "legal-hold", NOW)), ["a"]);
});

test("a request is whole only when every closed question has one of its answers", () => {
  const whole: Draft = { useCase: "legal-hold", ground: "investigation", subject: "inc-1", boroughs: ["Camden"], startsAt: NOW, lastsS: 3600, urgent: false };
  assert.equal(missing(whole, TERMS), "");
  assert.equal(missing({ ...whole, urgent: true }, TERMS), "");
  for (const [change, said] of [
    [{ useCase: "other" }, /use case/], [{ useCase: "erasure" }, /ground/], [{ subject: "" }, /Name the subject/], [{ subject: "John Smith" }, /no id/],
    [{ boroughs: [] }, /borough/], [{ startsAt: NaN }, /begins/], [{ useCase: "erasure", ground: "court-order", urgent: true }, /never urgent/],
  ] as const) {
    assert.match(missing({ ...whole, ...change }, TERMS), said);
  }
});

test("no length is offered that the program would refuse", () => {
  assert.ok(lengths(TERMS, false).every((each) => each <= TERMS.most_s) && lengths(TERMS, false).includes(TERMS.most_s));
  assert.deepEqual(lengths(TERMS, true), [3600, 7200, 14_400]);
  assert.deepEqual(lengths({ ...TERMS, most_s: 86_400 }, false), [14_400, 43_200, 86_400]);
  assert.deepEqual([3600, 14_400, 86_400, 7 * 86_400].map(lengthName), ["1 hour", "4 hours", "24 hours", "7 days"]);
});

test("how long is left is said as coarsely as it matters", () => {
  assert.deepEqual([-5, 0, 65, 3 * 3600 + 720, 2 * 86_400 + 3 * 3600].map(timeLeft), ["0:00", "0:00", "1:05", "3 h 12 min", "2 d 3 h"]);
});

test("codes have words, and one that no table knows is shown", () => {
  assert.deepEqual([useCaseName("erasure"), groundName("court-order"), groundName("a-new-one")], ["Erasure", "Court order", "A new one"]);
  assert.deepEqual(["inc-01", "qua-01", "acc-01", "dep-01"].map(classOf), ["incident", "quarantine", "account", null]);
});

test("a disclosure as a file says its times as people read them", () => {
  const held = { subject_id: "inc-1", records: [{ kind: "incident", body: { opened_at: NOW, text: "words", reports: 2 } }], entries: [] };
  assert.match(asFile(held), /"opened_at": "2026-11-23T15:00:00.000Z"/);
  assert.match(asFile(held), /"reports": 2/);
});
