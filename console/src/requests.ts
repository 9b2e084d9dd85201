// Requests of the public in words: accountability.correspondence.model's closed lists. Pure.

import type { RequestLine } from "./api/requests.ts";
import type { Millis } from "./feed/wire.ts";
import type { Word } from "./words.ts";

const KINDS: Readonly<Record<string, string>> = {
  "subject-access": "Asks what is held about them",
  erasure: "Asks for erasure",
  complaint: "Complaint",
};

// Each with the law it stands on, so that nobody refuses by feel.
export const GROUNDS: Readonly<Record<string, string>> = {
  "not-identified": "Who asks could not be confirmed (s.52)",
  "unfounded-or-excessive": "Manifestly unfounded or excessive (s.53)",
  restricted: "It would prejudice what the Act protects (ss.45, 48)",
  "not-held": "Nothing of the kind is held",
  "not-ours": "Another controller’s",
};

export const kindName = (kind: string): string => KINDS[kind] ?? kind;
export const isSettled = (one: RequestLine): boolean => one.state === "answered" || one.state === "refused";

/** What is due next, if anything is: the acknowledgement first, for that comes first. */
export function dueNext(one: RequestLine): { readonly at: Millis; readonly what: string } | null {
  if (isSettled(one)) return null;
  if (one.state === "received" && one.acknowledge_by !== null) return { at: Date.parse(one.acknowledge_by), what: "to acknowledge" };
  return one.answer_by === null ? null : { at: Date.parse(one.answer_by), what: "to answer" };
}

export function requestWord(one: RequestLine): Word {
  if (one.overdue) return { label: "Overdue", tone: "alarm" };
  if (one.state === "received") return { label: "New", tone: "warning" };
  if (one.state === "acknowledged") return { label: "Acknowledged", tone: "info" };
  return one.state === "answered" ? { label: "Answered", tone: "ok" } : { label: "Refused", tone: "quiet" };
}

/** What is overdue first, then what is due soonest, then what has no date, then what is settled, newest first. */
export function ordered(all: readonly RequestLine[], withSettled: boolean): RequestLine[] {
  const rank = (one: RequestLine): number => (isSettled(one) ? 3 : one.overdue ? 0 : dueNext(one) !== null ? 1 : 2);
  return all
    .filter((one) => withSettled || !isSettled(one))
    .sort((a, b) => rank(a) - rank(b) || (dueNext(a)?.at ?? 0) - (dueNext(b)?.at ?? 0) || b.filed_at - a.filed_at);
}
