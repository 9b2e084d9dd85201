import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestLine } from "../src/api/requests.ts";
import { dueNext, ordered, requestWord } from "../src/requests.ts";

const line = (id: string, said: Partial<RequestLine> = {}): RequestLine => ({
  request_id: id, kind: "complaint", state: "received", filed_at: 1000, acknowledge_by: null, answer_by: null, overdue: false, ...said,
});

test("what is overdue comes first, then what is due soonest, then what has no date; what is settled is left out or last", () => {
  const all = [
    line("settled", { state: "answered", answer_by: "2026-01-01T00:00:00Z" }),
    line("no-date"),
    line("later", { answer_by: "2026-12-02T00:00:00Z" }),
    line("sooner", { answer_by: "2026-12-01T00:00:00Z" }),
    line("overdue", { answer_by: "2026-12-09T00:00:00Z", overdue: true }),
  ];
  assert.deepEqual(ordered(all, true).map((one) => one.request_id), ["overdue", "sooner", "later", "no-date", "settled"]);
  assert.deepEqual(ordered(all, false).map((one) => one.request_id), ["overdue", "sooner", "later", "no-date"]);
});

test("the acknowledgement is due until it was given, and nothing is due of what is settled", () => {
  const times = { acknowledge_by: "2026-12-01T00:00:00Z", answer_by: "2026-12-20T00:00:00Z" };
  assert.equal(dueNext(line("a", times))?.what, "to acknowledge");
  assert.deepEqual(dueNext(line("a", { ...times, state: "acknowledged" })), { at: Date.parse("2026-12-20T00:00:00Z"), what: "to answer" });
  assert.equal(dueNext(line("a", { ...times, state: "refused" })), null);
});

test("a request that is overdue says so before anything else", () => {
  assert.equal(requestWord(line("a", { overdue: true, state: "acknowledged" })).label, "Overdue");
  assert.equal(requestWord(line("a", { state: "refused" })).label, "Refused");
});
