// Occurrences in words: accountability.occurrence.model's closed lists, and how a list of them is ordered. Pure.

import type { Findings, Shown } from "./api/occurrences.ts";
import { capital } from "./format.ts";
import type { Word } from "./words.ts";

// What people tell of stands last: the program opens the others by itself.
export const KINDS = [
  "lost-vehicle", "off-site-landing", "own-failsafe", "position-lost", "loss-of-control", "low-energy", "loss-of-separation", "airspace-infringement",
  "near-miss-with-crewed-aircraft", "collision", "injury-or-damage-on-the-ground", "other",
] as const;

export const FINDINGS: Readonly<Record<keyof Findings, readonly string[]>> = {
  severity: ["not-determined", "no-safety-effect", "incident", "serious-incident", "accident"],
  phase: ["unknown", "standing", "take-off", "en-route", "manoeuvring", "landing"],
  injuries: ["unknown", "none", "minor", "serious", "fatal"],
  damage: ["unknown", "none", "minor", "substantial", "destroyed", "missing"],
  airspace: ["unknown", "controlled", "uncontrolled", "danger-restricted-or-prohibited", "flight-restriction-zone", "temporary-danger-area"],
  crewed_aircraft: ["unknown", "no", "yes"],
};

export const ASKED: Readonly<Record<keyof Findings, string>> = {
  severity: "How grave",
  phase: "Phase of the flight",
  injuries: "Injuries",
  damage: "Damage to the drone",
  airspace: "Airspace",
  crewed_aircraft: "Crewed aircraft involved",
};

export const BODIES = ["aaib", "caa"] as const;
export const OUTCOMES = ["analysed-and-followed-up", "not-reportable", "duplicate", "opened-in-error"] as const;

export const named = (code: string): string => capital(code.replaceAll("-", " "));
export const bodyName = (body: string): string => body.toUpperCase();

export function occurrenceWord(one: Shown): Word {
  const { state } = one.occurrence;
  if (one.overdue) return { label: "Overdue", tone: "alarm" };
  if (state === "closed") return { label: "Closed", tone: "quiet" };
  if (one.owed.length > 0) return { label: `Tell the ${one.owed.map(bodyName).join(" and the ")}`, tone: "warning" };
  return state === "reported" ? { label: "Reported", tone: "ok" } : { label: one.due_at === null ? "Open" : "To determine", tone: one.due_at === null ? "info" : "warning" };
}

/** What is due soonest first, then the open ones, then the newest. */
export function ordered(all: readonly Shown[], withClosed: boolean): Shown[] {
  const rank = (one: Shown): number => (one.due_at !== null ? 0 : one.occurrence.state !== "closed" ? 1 : 2);
  return all
    .filter((one) => withClosed || one.occurrence.state !== "closed")
    .sort((a, b) => rank(a) - rank(b) || (a.due_at ?? 0) - (b.due_at ?? 0) || b.occurrence.occurred_at - a.occurrence.occurred_at);
}
