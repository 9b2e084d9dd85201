import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST, panned, WHOLE, type Zoom, zoomed } from "../src/video/zoom.ts";
import { added, columns, led, onWall } from "../src/video/wall.ts";

/** Where a point of the frame is in the picture. */
const under = (zoom: Zoom, x: number, y: number): [number, number] => [zoom.x + (x - 0.5) / zoom.scale, zoom.y + (y - 0.5) / zoom.scale];

test("what is under the pointer stays there", () => {
  const first = zoomed(WHOLE, 2, { x: 0.3, y: 0.6 });
  const [x, y] = under(first, 0.3, 0.6);
  assert.ok(Math.abs(x - 0.3) < 1e-9 && Math.abs(y - 0.6) < 1e-9);
  const [a, b] = under(first, 0.7, 0.2);
  const second = zoomed(first, 1.5, { x: 0.7, y: 0.2 });
  const [c, d] = under(second, 0.7, 0.2);
  assert.ok(Math.abs(a - c) < 1e-9 && Math.abs(b - d) < 1e-9);
});

test("nothing beyond the picture is ever shown", () => {
  let zoom = WHOLE;
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let step = 0; step < 2_000; step++) {
    zoom = random() < 0.5 ? zoomed(zoom, 0.5 + random() * 2, { x: random(), y: random() }) : panned(zoom, random() * 2 - 1, random() * 2 - 1);
    assert.ok(zoom.scale >= 1 && zoom.scale <= MOST);
    const [left, top] = under(zoom, 0, 0);
    const [right, bottom] = under(zoom, 1, 1);
    assert.ok(left >= -1e-9 && top >= -1e-9 && right <= 1 + 1e-9 && bottom <= 1 + 1e-9);
  }
});

test("all the way out is the whole picture", () => {
  assert.deepEqual(zoomed(zoomed(WHOLE, 3, { x: 0, y: 0 }), 0.01), WHOLE);
});

test("one to nine pictures have a place, and keys lead from one to the next", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 9].map(columns), [1, 2, 2, 2, 3, 3]);
  assert.equal(led("3", 0, 4, 2), 2);
  assert.equal(led("9", 0, 4, 2), null);
  assert.equal(led("ArrowDown", 0, 4, 2), 2);
  assert.equal(led("ArrowUp", 0, 4, 2), null);
  assert.equal(led("ArrowRight", 1, 4, 2), 2);
  assert.equal(led("x", 1, 4, 2), null);
});

test("those chosen are on the wall, at most nine", () => {
  const many = Array.from({ length: 12 }, (_, number) => `d${number}`);
  assert.equal(onWall(many, null).length, 9);
  assert.deepEqual(onWall(["a", "b"], ["b", "gone"]), ["b"]);
  assert.deepEqual(added(["a", "b"], "c"), ["a", "b", "c"]);
  const full = onWall(many, null);
  assert.deepEqual([added(full, "x").length, added(full, "x").at(-1)], [9, "x"]);
});
