// Which warnings and alarms still tell of something. Pure.

import type { FeedEvent, Incident } from "./feed/wire.ts";

/**
 * Warnings and alarms, latest first. That no drone can go is told anew with each change of the reasons: the last word about an
 * incident counts, and only while it waits. Everything else stays until somebody has seen it.
 */
export function concerns(events: readonly FeedEvent[], incidents: ReadonlyMap<string, Incident>): FeedEvent[] {
  const told = new Set<string>();
  return [...events].reverse().filter((event) => {
    if (event.severity !== "alarm" && event.severity !== "warning") return false;
    if (event.kind !== "no-drone" || event.incident_id === undefined) return true;
    if (told.has(event.incident_id) || incidents.get(event.incident_id)?.state !== "open") return false;
    told.add(event.incident_id);
    return true;
  });
}
