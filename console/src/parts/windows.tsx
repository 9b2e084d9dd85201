// Windows of time: how long is left of one, and the moments at which one begins or ends.

import { useComputed } from "@preact/signals";
import type { Authorisation } from "../api/authority.ts";
import { timeLeft } from "../authority.ts";
import { now } from "../feed/store.ts";
import type { Millis } from "../feed/wire.ts";

/** How long is left, counting down; while hours are left it says no seconds. */
export function Left({ at }: { at: Millis }) {
  const text = useComputed(() => timeLeft(at / 1000 - now.value));
  return <span class="num nowrap">{text}</span>;
}

/** The operation's time, for whoever draws these: they are drawn again when a window begins or ends, not each second. */
export function useMoment(all: readonly Authorisation[]): Millis {
  const passed = useComputed(() => all.reduce((count, one) => count + Number(one.starts_at <= now.value * 1000) + Number(one.ends_at <= now.value * 1000), 0));
  void passed.value;
  return now.peek() * 1000;
}
