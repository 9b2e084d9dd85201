// The operation's clock for whoever has no live feed: told at sign-in, and carried on from there at its speed.

import { now } from "./store.ts";
import type { Millis } from "./wire.ts";

let ticking: number | undefined;

/** What that clock says when this browser's own has gone on by `passedMs`. Seconds. */
export function carried(at: Millis, speed: number, passedMs: number): number {
  return Math.floor((at + passedMs * speed) / 1000);
}

export function startClock(at: Millis, speed: number): void {
  stopClock();
  const begun = performance.now();
  const tick = (): void => {
    now.value = carried(at, speed, performance.now() - begun);
  };
  tick();
  ticking = window.setInterval(tick, 1_000 / Math.max(1, Math.min(5, speed)));
}

export function stopClock(): void {
  clearInterval(ticking);
}
