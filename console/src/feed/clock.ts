// A clock that is told once in a while, and carried on from there at the operation's speed.

import type { Millis } from "./wire.ts";

/** What that clock says when this browser's own has gone on by `passedMs` since it was told. Seconds. */
export function carried(at: Millis, speed: number, passedMs: number): number {
  return Math.floor((at + passedMs * speed) / 1000);
}
