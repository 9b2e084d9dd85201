// Where the drone was at a time, between two places that it told. Pure.

import type { PathPoint } from "../api/footage.ts";
import { lastNotAbove } from "./film.ts";

/** Longer than this without a word its place is not reckoned. */
const MOST_SILENT_US = 3_000_000;

/** Null where it told nothing near that time. */
export function placeAt(path: readonly PathPoint[], at_us: number): PathPoint | null {
  const times = path.map((one) => one.at_us);
  const before = path[lastNotAbove(times, at_us)];
  if (before === undefined) return null;
  const after = path[lastNotAbove(times, at_us) + 1];
  if (at_us < before.at_us) return before.at_us - at_us > MOST_SILENT_US ? null : before;
  if (after === undefined) return at_us - before.at_us > MOST_SILENT_US ? null : before;
  if (after.at_us - before.at_us > MOST_SILENT_US) return at_us - before.at_us > MOST_SILENT_US ? null : before;
  const share = (at_us - before.at_us) / Math.max(1, after.at_us - before.at_us);
  const between = (a: number, b: number): number => a + (b - a) * share;
  const turn = ((after.heading_deg - before.heading_deg + 540) % 360) - 180;
  return {
    at_us,
    lat: between(before.lat, after.lat),
    lon: between(before.lon, after.lon),
    heading_deg: (before.heading_deg + turn * share + 360) % 360,
    height_m: between(before.height_m, after.height_m),
    tilt_deg: between(before.tilt_deg, after.tilt_deg),
    look: before.look === null || after.look === null ? before.look : [between(before.look[0], after.look[0]), between(before.look[1], after.look[1])],
  };
}
