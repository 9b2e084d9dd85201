// Recognition in words, and what can be worked out of it without asking: pure, and tested.

import type { Alert, Deployment, DeploymentShown, Place, Plan } from "./api/recognition.ts";
import type { Word } from "./words.ts";

const WORDS: Record<string, string> = {
  "find-people-wanted": "Find people wanted by a court, or for an offence",
  "find-people-under-conditions": "Find people under conditions of a court’s order",
  "find-people-who-pose-serious-harm": "Find people who pose a risk of serious harm",
  "find-missing-people-at-risk": "Find missing people at risk",
  "recorded-crime-hotspot": "Recorded crime is high here",
  "intelligence-that-listed-people-come-here": "Intelligence that listed people come here",
  "event-at-assessed-risk": "An event at assessed risk",
  "transport-hub-used-by-listed-people": "A transport hub that listed people use",
  "wanted-by-court": "Wanted by a court",
  "suspected-of-serious-offence": "Suspected of a serious offence",
  "under-conditions-of-court-order": "Under conditions of a court’s order",
  "poses-risk-of-serious-harm": "Poses a risk of serious harm",
  "missing-at-risk": "Missing, at risk",
  volunteer: "Volunteer, to measure",
  "none-known": "No risk known",
  "may-be-violent": "May be violent",
  "may-be-armed": "May be armed",
  "may-harm-themselves": "May harm themselves",
  "needs-care": "Needs care",
  "public-notice": "Public notice",
  sign: "Sign",
  "custody-image": "Custody image",
  "another-force": "Another force",
  court: "Court",
  "family-of-missing-person": "Family of the missing person",
  "given-by-the-person": "Given by the person",
  "sch8-1-statutory-purpose": "Statutory purpose (DPA 2018 Sch. 8, 1)",
  "sch8-2-administration-of-justice": "Administration of justice (Sch. 8, 2)",
  "sch8-3-vital-interests": "Vital interests (Sch. 8, 3)",
  "sch8-4-safeguarding": "Safeguarding (Sch. 8, 4)",
  consent: "Consent",
  "same-person": "Same person",
  "not-the-same-person": "Not the same person",
  "cannot-tell": "Cannot tell",
  "gone-before-anyone-came": "Gone before anyone came",
  "not-proportionate-here": "Not proportionate here",
  "no-longer-wanted": "No longer wanted",
  "confirmed-true": "It was them: identity confirmed",
  "confirmed-false": "It was somebody else: the alert was false",
  "not-established": "Identity not established",
  arrest: "Arrest",
  "other-disposal": "Another disposal",
  "no-action": "No action",
};

/** A code in words; one that this console does not know is shown as it is. */
export const said = (code: string): string => WORDS[code] ?? code.replaceAll("-", " ");

const STATES: Record<string, Word> = {
  planned: { label: "Planned", tone: "notice" },
  submitted: { label: "Waits for authority", tone: "warning" },
  running: { label: "Running", tone: "ok" },
  stopped: { label: "Stopped", tone: "warning" },
  closed: { label: "Closed, list not yet destroyed", tone: "notice" },
  "list-destroyed": { label: "List destroyed", tone: "quiet" },
  published: { label: "Published", tone: "quiet" },
};

export function deploymentWord({ deployment, authority }: DeploymentShown): Word {
  if (deployment.state === "submitted" && authority?.state === "in-force") return { label: "Authorised", tone: "info" };
  return STATES[deployment.state] ?? { label: deployment.state, tone: "notice" };
}

export const isOver = (one: Deployment): boolean => ["closed", "list-destroyed", "published"].includes(one.state);

/** The cameras that are looked at now: not one that was moved, or that has no sign. */
export function lookedAt({ deployment, kept_out }: DeploymentShown): string[] {
  if (deployment.state !== "running") return [];
  const out = new Set(kept_out.map((each) => each.camera_id));
  return deployment.plan.cameras.map((each) => each.camera_id).filter((each) => !out.has(each));
}

/** Whether authority is asked for where this camera stands by now. */
export function moveWaits({ plan, amendment }: Pick<Deployment, "plan" | "amendment">, camera: string): boolean {
  if (amendment === null) return false;
  const placed = (of: Plan): Place | undefined => of.cameras.find((each) => each.camera_id === camera)?.position;
  const [was, becomes] = [placed(plan), placed(amendment.plan)];
  return was?.latitude_deg !== becomes?.latitude_deg || was?.longitude_deg !== becomes?.longitude_deg;
}

const ALERTS: Record<string, Word> = {
  raised: { label: "Waits for an officer", tone: "alarm" },
  claimed: { label: "An officer looks", tone: "warning" },
  engaged: { label: "An officer is with the person", tone: "info" },
  settled: { label: "Settled", tone: "quiet" },
  lapsed: { label: "Nobody answered", tone: "notice" },
};

export function alertWord(one: Alert): Word {
  if (one.state === "claimed" && one.claimed_by_me) return { label: "You have it", tone: "warning" };
  if (one.state === "settled" && one.outcome !== null) return { label: outcomeWord(one), tone: "quiet" };
  return ALERTS[one.state] ?? { label: one.state, tone: "notice" };
}

function outcomeWord({ outcome }: Alert): string {
  if (outcome === null) return "Settled";
  if (!outcome.engaged) return `Not engaged: ${said(outcome.why_not ?? outcome.judgement).toLowerCase()}`;
  return `${said(outcome.identity)}. ${said(outcome.disposal)}`;
}

export const isOpen = (one: Alert): boolean => ["raised", "claimed", "engaged"].includes(one.state);

/** What the officer can do next with an alert; "" when it is for others, or over. */
export type Next = "claim" | "look" | "opinion" | "decide" | "wait" | "outcome" | "";

export function nextOf(one: Alert, now: number): Next {
  if (one.state === "raised") return "claim";
  if (one.state === "claimed" && !one.claimed_by_me) return one.opinion === "asked" ? "opinion" : "";
  if (one.state === "claimed") {
    if (!one.viewed_by_me) return "look";
    return one.opinion === "asked" && (one.opinion_until ?? 0) > now ? "wait" : "decide";
  }
  return one.state === "engaged" && one.claimed_by_me ? "outcome" : "";
}

/** Corners as people type them, one a line; null when a line is no place. */
export function cornersOf(text: string, parse: (line: string) => { lat: number; lon: number } | null): { lat: number; lon: number }[] | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const found = lines.map(parse);
  return found.includes(null) ? null : (found as { lat: number; lon: number }[]);
}

/** Area of a ring in square metres, by the plane that touches its middle. */
export function areaOf(ring: readonly { lat: number; lon: number }[]): number {
  if (ring.length < 3) return 0;
  const lat0 = ring.reduce((sum, at) => sum + at.lat, 0) / ring.length;
  const [x, y] = [111_320 * Math.cos((lat0 * Math.PI) / 180), 110_574];
  const twice = ring.reduce((sum, at, place) => {
    const next = ring[(place + 1) % ring.length] ?? at;
    return sum + (at.lon * next.lat - next.lon * at.lat) * x * y;
  }, 0);
  return Math.abs(twice) / 2;
}

export const asLatLon = (at: Place): { lat: number; lon: number } => ({ lat: at.latitude_deg, lon: at.longitude_deg });

/** Of a share between 0 and 1, as words beside the bar: quality has no unit. */
export function qualityWord(unified: number): string {
  return unified >= 70 ? "good" : unified >= 40 ? "fair" : "poor";
}

/** Images of rows among the files that were chosen, by name and whatever its case; a name twice is none. */
export function filesByName<F extends { readonly name: string }>(files: readonly F[]): ReadonlyMap<string, F> {
  const found = new Map<string, F>();
  const twice = new Set<string>();
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (found.has(name)) twice.add(name);
    found.set(name, file);
  }
  for (const name of twice) found.delete(name);
  return found;
}

/** A measure's name as the standard writes it, in words: `HeadPoseYaw` is "Head pose yaw". */
export const inWords = (name: string): string => name.replace(/(?<=[a-z0-9])([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
