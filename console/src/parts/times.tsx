// Times that go on by themselves: each follows the operation's clock on its own, so that a list is not drawn again each second.

import { useComputed } from "@preact/signals";
import { now } from "../feed/store.ts";
import type { Millis } from "../feed/wire.ts";
import { duration, utcDateTime, utcTime } from "../format.ts";

/** How long ago, counting up. */
export function Age({ since }: { since: Millis }) {
  const text = useComputed(() => duration(Math.max(0, now.value - since / 1000)));
  return <span class="num">{text}</span>;
}

/** How long until, counting down; past it, how late. */
export function Until({ at }: { at: Millis }) {
  const left = useComputed(() => Math.round(at / 1000 - now.value));
  const text = useComputed(() => (left.value >= 0 ? duration(left.value) : `${duration(-left.value)} late`));
  return <span class="num">{text}</span>;
}

/** A time of day, UTC, with the whole of it for who points at it. */
export function At({ time }: { time: Millis }) {
  return (
    <time class="num" dateTime={new Date(time).toISOString()} title={utcDateTime(time)}>
      {utcTime(time)}
    </time>
  );
}
