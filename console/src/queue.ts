// The order in which incidents are worked on. Pure.

import type { Incident } from "./feed/wire.ts";
import { gradeRank } from "./words.ts";

export interface Queue {
  readonly waiting: readonly Incident[];
  readonly inHand: readonly Incident[];
  readonly closed: readonly Incident[]; // latest first
}

/** The gravest first, and of those the one that has waited longest. */
export function byGradeAndAge(a: Incident, b: Incident): number {
  return gradeRank(a.grade) - gradeRank(b.grade) || a.opened_at - b.opened_at || (a.id < b.id ? -1 : 1);
}

export function queueOf(incidents: Iterable<Incident>): Queue {
  const all = [...incidents];
  return {
    waiting: all.filter((one) => one.state === "open").sort(byGradeAndAge),
    inHand: all.filter((one) => one.state === "assigned" || one.state === "on-scene").sort(byGradeAndAge),
    closed: all.filter((one) => one.state === "closed").sort((a, b) => (b.closed_at ?? 0) - (a.closed_at ?? 0)),
  };
}

/** The id `step` places on from `current`; the first or last when there is no current one. */
export function neighbour(ids: readonly string[], current: string | null, step: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const at = current === null ? -1 : ids.indexOf(current);
  if (at < 0) return (step > 0 ? ids[0] : ids.at(-1)) ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? null;
}
