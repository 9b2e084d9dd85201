// One's own viewings, asked for once a second while a picture is open: when pictures were taken, by which clock, and of which drone.

import { get } from "../api/client.ts";
import { RoundTrips, type Told } from "./latency.ts";

const EVERY_MS = 1_000;

export interface Viewing {
  readonly session_id: string;
  readonly viewing_id: string;
  readonly source_id: string;
  readonly vehicle_id: string;
  readonly way: string;
  readonly pictures: readonly Told[];
}

type Hear = (viewing: Viewing, offset_ms: number, within_ms: number) => void;

const trips = new RoundTrips();
const listeners = new Map<string, Hear>();
let timer = 0;

async function ask(): Promise<void> {
  try {
    const sent = performance.now();
    const told = await get<{ at_us: number; viewings: readonly Viewing[] }>("video/viewings", true);
    trips.take(sent, performance.now(), told.at_us / 1000);
    const best = trips.best;
    for (const viewing of told.viewings) if (best !== null) listeners.get(viewing.session_id)?.(viewing, best.offset_ms, best.within_ms);
  } catch {
    // Without an answer ages grow old and are unknown then.
  }
  if (listeners.size > 0) timer = window.setTimeout(() => void ask(), EVERY_MS);
}

/** Hear of a viewing until what it gives is called. */
export function hear(session: string, listener: Hear): () => void {
  const first = listeners.size === 0;
  listeners.set(session, listener);
  if (first) void ask();
  return () => {
    listeners.delete(session);
    if (listeners.size === 0) window.clearTimeout(timer);
  };
}

/** The server's time for a moment of `performance.now()`, milliseconds of Unix time; null before the first answer. */
export function serverTime(at: number): number | null {
  const best = trips.best;
  return best === null ? null : at + best.offset_ms;
}
