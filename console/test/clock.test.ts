import assert from "node:assert/strict";
import { test } from "node:test";
import { carried } from "../src/feed/clock.ts";

test("a clock that nobody tells goes on at the operation's speed", () => {
  const at = Date.UTC(2026, 10, 28, 20, 0, 0);
  assert.equal(carried(at, 1, 0), at / 1000);
  assert.equal(carried(at, 1, 61_400), at / 1000 + 61);
  assert.equal(carried(at, 5, 61_400), at / 1000 + 307);
});
