// Authority in words, and what of it may be asked, decided and ended by whom. Pure.

import type { Authorisation, Disclosure, Terms, UseCaseTerms } from "./api/authority.ts";
import type { Millis } from "./feed/wire.ts";
import { capital } from "./format.ts";
import type { Tone, Word } from "./words.ts";

const USE_CASES: Record<string, readonly [name: string, what: string]> = {
  "legal-hold": ["Legal hold", "Keep personal data beyond their period."],
  erasure: ["Erasure", "Erase personal data before their period is over."],
  disclosure: ["Disclosure", "Give out what is held: to the person themself, a court, another body."],
  follow: ["Follow", "Follow a person beyond the response to the incident."],
  "recognition-deployment": ["Recognition deployment", "Run live facial recognition at a place, for a time."],
};

const GROUNDS: Record<string, string> = {
  "criminal-proceedings": "Criminal proceedings",
  investigation: "Investigation",
  "complaint-or-misconduct": "Complaint or misconduct",
  "aviation-occurrence": "Aviation occurrence",
  "court-order": "Court order",
  "request-of-the-data-subject": "Request of the data subject",
  "unlawfully-held": "Unlawfully held",
  "threat-to-life": "Threat to life",
  "serious-crime": "Serious crime",
  "missing-person-at-risk": "Missing person at risk",
};

const REFUSALS: Record<string, string> = {
  "not-necessary": "Not necessary",
  "not-proportionate": "Not proportionate",
  "ground-not-shown": "The ground is not shown",
  "place-or-window-too-wide": "Place or window too wide",
  "wrong-subject": "Wrong subject",
};

/** Every answer to why not: authority.model.Refusal. */
export const REFUSAL_CODES = Object.keys(REFUSALS);

const STATES: Record<string, readonly [label: string, tone: Tone]> = {
  requested: ["Requested", "warning"],
  "in-force": ["In force", "ok"],
  refused: ["Refused", "notice"],
  revoked: ["Revoked", "notice"],
  expired: ["Expired", "quiet"],
};

const plain = (code: string): string => capital(code.replaceAll("-", " "));

// A code that no table knows is shown as it is, never hidden.
export const useCaseName = (code: string): string => USE_CASES[code]?.[0] ?? plain(code);
export const useCaseSays = (code: string): string => USE_CASES[code]?.[1] ?? "";
export const groundName = (code: string): string => GROUNDS[code] ?? plain(code);
export const refusalName = (code: string): string => REFUSALS[code] ?? plain(code);

/** Its state now: what the clock has ended is over, whether or not the program has noted it yet. */
export function stateNow(one: Authorisation, now: Millis): string {
  return isStanding(one) && now >= one.ends_at ? "expired" : one.state;
}

export function authorityWord(one: Authorisation, now: Millis): Word {
  const state = stateNow(one, now);
  if (state === "in-force" && now < one.starts_at) return { label: "Given, not begun", tone: "info" };
  if (awaitsReview(one, now)) return { label: "In force, not reviewed", tone: "warning" };
  const [label, tone] = STATES[state] ?? [plain(state), "notice"];
  return { label, tone };
}

const isStanding = (one: Authorisation): boolean => one.state === "requested" || one.state === "in-force";

export function awaitsReview(one: Authorisation, now: Millis): boolean {
  return one.urgent && one.reviewed_by === null && stateNow(one, now) === "in-force";
}

/** Whether another officer's word is wanted. */
export function awaitsDecision(one: Authorisation, now: Millis): boolean {
  return stateNow(one, now) === "requested" || awaitsReview(one, now);
}

/** When it ends by itself, as things stand: its window, or the week that a request lives. */
export function endsAt(one: Authorisation, requestLivesS: number): Millis {
  return one.state === "requested" ? Math.min(one.ends_at, one.requested_at + requestLivesS * 1000) : one.ends_at;
}

/** Why this person's word does not count here, in the policy's sense; empty when it does. */
export function whyNotDecide(one: Authorisation, accountId: string): string {
  if (one.requested_by === accountId) return "You asked for it: another authorising officer decides (two-person rule).";
  return one.urgent && one.decided_by === accountId ? "You gave it: another authorising officer reviews it (two-person rule)." : "";
}

// --- the list ---------------------------------------------------------------------------------------------------------------

export const SHOWN = ["all", "waiting", "in-force", "over"] as const;
export type Shown = (typeof SHOWN)[number];
export const SHOWN_NAMES: Record<Shown, string> = { all: "All", waiting: "To decide", "in-force": "In force", over: "Over" };

export interface Filter {
  readonly shown: Shown;
  readonly useCase: string; // empty: any
  readonly text: string;
}

export function asShown(said: string | null): Shown {
  return SHOWN.find((one) => one === said) ?? "all";
}

function isShown(one: Authorisation, shown: Shown, now: Millis): boolean {
  if (shown === "all") return true;
  if (shown === "waiting") return awaitsDecision(one, now);
  const state = stateNow(one, now);
  return shown === "in-force" ? state === "in-force" : state !== "in-force" && state !== "requested";
}

/** What fits the filter: what waits for a decision first, the urgent before the rest, then the newest. */
export function filtered(all: readonly Authorisation[], filter: Filter, now: Millis): Authorisation[] {
  const text = filter.text.trim().toLowerCase();
  const rank = (one: Authorisation): number => (awaitsReview(one, now) ? 0 : awaitsDecision(one, now) ? 1 : 2);
  return all
    .filter((one) => isShown(one, filter.shown, now))
    .filter((one) => filter.useCase === "" || one.use_case === filter.useCase)
    .filter((one) => text === "" || `${one.authorisation_id} ${one.subject_id} ${one.place.boroughs.join(" ")} ${groundName(one.ground)}`.toLowerCase().includes(text))
    .sort((a, b) => rank(a) - rank(b) || b.requested_at - a.requested_at);
}

/** Those that cover an act of this use case now. */
export function covering(all: readonly Authorisation[], useCase: string, now: Millis): Authorisation[] {
  return all.filter((one) => one.use_case === useCase && stateNow(one, now) === "in-force" && one.starts_at <= now);
}

// --- asking -------------------------------------------------------------------------------------------------------------------

export const SUBJECT = /^[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}$/; // console.authorisations.SubjectId

export interface Draft {
  readonly useCase: string;
  readonly ground: string;
  readonly subject: string;
  readonly boroughs: readonly string[];
  readonly startsAt: Millis;
  readonly lastsS: number;
  readonly urgent: boolean;
}

export function termsOf(terms: Terms, useCase: string): UseCaseTerms | undefined {
  return terms.use_cases.find((one) => one.use_case === useCase);
}

/** What is missing before it can be asked for, the first of it; empty when it is whole. The program checks again. */
export function missing(draft: Draft, terms: Terms): string {
  const chosen = termsOf(terms, draft.useCase);
  if (chosen === undefined) return "Choose the use case.";
  if (!chosen.grounds.includes(draft.ground)) return "Choose the ground.";
  if (!SUBJECT.test(draft.subject)) return draft.subject === "" ? "Name the subject by its id." : "That is no id: letters, digits, dots, dashes and underscores.";
  if (draft.boroughs.length === 0) return "Choose at least one borough.";
  if (!Number.isFinite(draft.startsAt)) return "Say when it begins.";
  if (draft.urgent && !chosen.may_be_urgent) return `${useCaseName(draft.useCase)} is never urgent.`;
  return "";
}

/** Lengths that can be chosen, in seconds, within what is allowed. */
export function lengths(terms: Terms, urgent: boolean): number[] {
  const hour = 3600;
  const most = urgent ? terms.most_urgent_s : terms.most_s;
  const offered = urgent ? [hour, 2 * hour, 4 * hour] : [4 * hour, 12 * hour, 24 * hour, 3 * 24 * hour, 7 * 24 * hour, 14 * 24 * hour, 31 * 24 * hour];
  return offered.filter((one) => one <= most);
}

/** `4 hours`, `7 days`. */
export function lengthName(seconds: number): string {
  const hours = Math.round(seconds / 3600);
  const [count, unit] = hours % 24 === 0 && hours > 24 ? [hours / 24, "day"] : [hours, "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** What kind of thing an id names, by its prefix. Null for one that only the program knows. */
export function classOf(subject: string): "incident" | "quarantine" | "account" | null {
  if (subject.startsWith("inc-")) return "incident";
  if (subject.startsWith("qua-")) return "quarantine";
  return subject.startsWith("acc-") ? "account" : null;
}

/** `2 d 3 h`, `3 h 12 min`, `4:05` under an hour: how long is left. */
export function timeLeft(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3600), Math.floor((whole % 3600) / 60)];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes}:${String(whole % 60).padStart(2, "0")}`;
}

/** The disclosure as a file: readable by people, and its times as ISO 8601 again. */
export function asFile(held: Disclosure): string {
  const isTime = /(^at|_at|_since)$/;
  return JSON.stringify(held, (key, value: unknown) => (isTime.test(key) && typeof value === "number" ? new Date(value).toISOString() : value), 2);
}
