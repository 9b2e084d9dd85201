import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "../src/parts/turns.ts";

/** Acts that end when they are told to, and what was begun in which order. */
function bench() {
  const begun: string[] = [];
  const ends = new Map<string, (failed: boolean) => void>();
  const act = (name: string) => () =>
    new Promise<void>((good, bad) => {
      begun.push(name);
      ends.set(name, (failed) => (failed ? bad(new Error(name)) : good()));
    });
  const end = async (name: string, failed = false): Promise<void> => {
    ends.get(name)?.(failed);
    await new Promise(setImmediate);
  };
  return { begun, act, end };
}

test("what is asked for meanwhile is done afterwards, in order, and a failure stops nothing", async () => {
  const { begun, act, end } = bench();
  const turns = new Turns();
  const answers = [turns.ask("way", act("goto")), turns.ask("camera", act("pitch")), turns.ask("zoom", act("zoom"))];
  assert.deepEqual(begun, ["goto"]);
  await end("goto", true);
  assert.deepEqual(begun, ["goto", "pitch"]);
  await end("pitch");
  await end("zoom");
  assert.deepEqual(begun, ["goto", "pitch", "zoom"]);
  assert.deepEqual(await Promise.all(answers), [false, true, true]);
});

test("a pilot who says hold while a go-to is sent is heard, and the last word of a kind takes the place of the one that waits", async () => {
  const { begun, act, end } = bench();
  const turns = new Turns();
  const first = turns.ask("way", act("goto"));
  const second = turns.ask("way", act("orbit"));
  const third = turns.ask("way", act("hold"));
  assert.equal(await second, false);
  await end("goto");
  assert.deepEqual(begun, ["goto", "hold"]);
  await end("hold");
  assert.deepEqual(await Promise.all([first, third]), [true, true]);
  const later = turns.ask("way", act("later"));
  assert.deepEqual(begun, ["goto", "hold", "later"]);
  await end("later");
  assert.equal(await later, true);
});
