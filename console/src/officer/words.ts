// What the page says, in words: the map's content for those who read it, and the alerts.

import type { AlertKind, Place, Scene, Subject, Watcher } from "./wire.ts";

const METRES_PER_DEGREE = 111_320;
const NAMES = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
const GRADES: Record<string, string> = { I: "Immediate", S: "Significant", E: "Extended", R: "Referred" };

export const gradeWord = (grade: string): string => GRADES[grade] ?? grade;

export function direction(deg: number): string {
  return NAMES[((Math.round(deg / 45) % 8) + 8) % 8] ?? "";
}

/** East and north of `from`, metres; good for the few kilometres of a scene. */
export function offset(from: Place, to: Place): { east: number; north: number } {
  const shrink = Math.cos((from.lat * Math.PI) / 180);
  return { east: (to.lon - from.lon) * METRES_PER_DEGREE * shrink, north: (to.lat - from.lat) * METRES_PER_DEGREE };
}

export function bearing(east: number, north: number): number {
  return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
}

export function distance(metres: number): string {
  if (metres >= 1_000) return `${(metres / 1_000).toFixed(1)} km`;
  return metres >= 100 ? `${Math.round(metres / 10) * 10} m` : `${Math.max(1, Math.round(metres))} m`;
}

/** `140 m north-east of the scene`. */
export function whereFrom(scene: Place, place: Place): string {
  const { east, north } = offset(scene, place);
  const far = Math.hypot(east, north);
  return far < 15 ? "at the scene" : `${distance(far)} ${direction(bearing(east, north))} of the scene`;
}

export function subjectText(subject: Subject, scene: Scene): string {
  if (subject.lock === "nobody") return "Nobody is followed.";
  const who = subject.shape === "vehicle" ? "A vehicle" : "A person";
  if (subject.lock === "lost") return `${who} was followed and is lost from sight.`;
  const where = subject.at === null ? "where is not known" : whereFrom(scene.at, subject.at);
  const known = subject.at === null || subject.within_m <= 0 ? "" : `, to within ${distance(subject.within_m)}`;
  const seen = subject.lock === "unseen" ? ` Not seen for ${Math.round(subject.unseen_s)} s: this is a guess.` : "";
  return `${who}, ${where}${known}, ${moving(subject)}.${seen}`;
}

export function moving(subject: Subject): string {
  if (subject.direction_deg === null || subject.speed_mps < 0.4) return "standing still";
  return `moving ${direction(subject.direction_deg)} at ${subject.speed_mps.toFixed(1)} m/s`;
}

export function watcherText(watcher: Watcher | null, scene: Scene, nowMs: number): string {
  if (watcher === null) return "No drone is here, and none is on its way.";
  const where = watcher.at === null ? "its position is not known" : `${whereFrom(scene.at, watcher.at)}, ${watcher.height_m < 3 ? "on the ground" : `${distance(watcher.height_m)} up`}`;
  if (watcher.eyes_on) return `${watcher.name} watches: ${where}.`;
  if (watcher.eta_at === null) return `${watcher.name}: ${where}.`;
  const s = (Date.parse(watcher.eta_at) - nowMs) / 1000;
  const when = s <= 5 ? "any moment" : s < 90 ? `in ${Math.round(s / 5) * 5} s` : `in ${Math.round(s / 60)} min`;
  return `${watcher.name} is on its way, there ${when}: ${where}.`;
}

/** What the operation's clock says now, `sinceMs` after it said `state.now`. */
export const operationMs = (state: { readonly now: string; readonly speed: number }, sinceMs: number): number => Date.parse(state.now) + sinceMs * state.speed;

/** When a link ends: by the clock on the wall, which nobody sees beside the operation's where that is a demo's own. */
export function endsText(expiresAt: string, wallMs: number): string {
  const minutes = Math.ceil((Date.parse(expiresAt) - wallMs) / 60_000);
  return minutes <= 1 ? "within a minute" : `in ${minutes} minutes`;
}

export type Weight = "good" | "news" | "grave";

interface Said {
  readonly weight: Weight;
  readonly text: (subject: Subject) => string;
}

const heading = (subject: Subject): string => (subject.direction_deg === null ? "" : ` ${direction(subject.direction_deg)}`);

const ALERTS: Record<AlertKind, Said> = {
  "eyes-on": { weight: "good", text: () => "Eyes are on the scene" },
  "no-eyes": { weight: "grave", text: () => "No drone sees the scene any more" },
  "handed-over": { weight: "news", text: () => "Another drone has the watch" },
  "picture-lost": { weight: "grave", text: () => "The drone's picture is lost" },
  "picture-back": { weight: "good", text: () => "The drone's picture is here" },
  followed: { weight: "news", text: () => "A subject is followed" },
  moves: { weight: "grave", text: (subject) => `The subject moves off${heading(subject)}` },
  stops: { weight: "news", text: () => "The subject stands still" },
  turns: { weight: "grave", text: (subject) => `The subject turns${heading(subject)}` },
  lost: { weight: "grave", text: () => "The subject is lost from sight" },
  found: { weight: "good", text: () => "The subject is seen again" },
  "ends-soon": { weight: "news", text: () => "This link ends within five minutes" },
};

export const alertText = (kind: AlertKind, subject: Subject): string => ALERTS[kind].text(subject);
export const alertWeight = (kind: AlertKind): Weight => ALERTS[kind].weight;

/** On, off, on…; milliseconds. To be told apart in a pocket: one for good, two for news, three long for what is grave. */
export const BUZZ: Record<Weight, readonly number[]> = { good: [120], news: [120, 90, 120], grave: [320, 110, 320, 110, 320] };
