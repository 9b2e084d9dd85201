// Who sits here, and what they may do.

import { computed, signal } from "@preact/signals";
import { act, csrf, get, Problem, whenSignedOut } from "./api/client.ts";
import { answeredByPasskey } from "./api/passkeys.ts";
import { comeBack, notProved } from "./api/provider.ts";
import { forget, me, startClock, startFeed, stopClock, stopFeed } from "./feed/store.ts";
import type { Me, Millis } from "./feed/wire.ts";
import { go, route } from "./route.ts";

export type Proof = "password" | "passkey" | "oidc";

export interface Session extends Me {
  readonly csrf: string;
  readonly proofs: readonly Proof[]; // how the person here can prove again who they are
  readonly expires_at?: Millis;
  readonly at: Millis; // the operation's clock, and how fast it goes
  readonly speed: number;
}

export type Standing = "unknown" | "out" | "in" | "unreachable";

export const standing = signal<Standing>("unknown");
export const session = signal<Session | null>(null);
export const whyOut = signal("");

/** The feed says it anew after each reconnection, so a role that changed shows. */
const may = computed<readonly string[]>(() => me.value?.may ?? session.value?.may ?? []);

// What each act needs, by the server's own names for it.
const NEEDS = {
  see: "see",
  watch: "see-pictures",
  redact: "redact-footage",
  quarantine: "see-quarantine",
  accounts: "see-accounts",
  report: "report",
  close: "close",
  launch: "launch",
  recall: "recall",
  linkOfficers: "link-officers",
  keepWatch: "keep-watch",
  control: "control",
  ground: "ground",
  zones: "activate-zone",
  manage: "manage-accounts",
  authorisations: "see-authorisations",
  request: "request-authorisation",
  authorise: "authorise",
  revoke: "revoke-authorisation",
  occurrences: "see-occurrences",
  record: "record-occurrence",
  log: "see-log",
  requests: "see-requests",
  answer: "handle-requests",
  seeRecognition: "see-recognition",
  seeList: "see-watchlist",
  seeAlerts: "see-alerts",
  planDeployment: "plan-deployment",
  runDeployment: "run-deployment",
  endDeployment: "end-deployment",
  reviewListing: "review-listing",
  adjudicate: "adjudicate",
  erase: "erase",
  disclose: "disclose",
} as const;

export type Deed = keyof typeof NEEDS;

const WHO_MAY: Record<Deed, string> = {
  see: "anyone who is signed in",
  watch: "a dispatcher, pilot, supervisor or regulator",
  redact: "a supervisor",
  quarantine: "a dispatcher, supervisor or regulator",
  accounts: "a supervisor or regulator",
  report: "a dispatcher or supervisor",
  close: "a dispatcher or supervisor",
  launch: "a dispatcher or supervisor",
  recall: "a dispatcher, pilot or supervisor",
  linkOfficers: "a dispatcher or supervisor",
  keepWatch: "a dispatcher, pilot or supervisor",
  control: "a pilot or supervisor",
  ground: "a supervisor",
  zones: "a supervisor",
  manage: "a supervisor",
  authorisations: "a supervisor, authorising officer or regulator",
  request: "a supervisor or authorising officer",
  authorise: "an authorising officer",
  revoke: "a supervisor or authorising officer",
  occurrences: "a dispatcher, pilot, supervisor, authorising officer or regulator",
  record: "a dispatcher, pilot or supervisor",
  log: "a supervisor or regulator",
  requests: "a supervisor or regulator",
  answer: "a supervisor",
  seeRecognition: "a recognition operator, authorising or adjudicating officer, supervisor or regulator",
  seeList: "a recognition operator, authorising officer or regulator",
  seeAlerts: "an adjudicating officer or regulator",
  planDeployment: "a recognition operator",
  runDeployment: "a recognition operator",
  endDeployment: "a recognition operator, authorising or adjudicating officer, or supervisor",
  reviewListing: "an authorising officer",
  adjudicate: "an adjudicating officer",
  erase: "a supervisor",
  disclose: "a supervisor",
};

export function allowed(deed: Deed): boolean {
  return may.value.includes(NEEDS[deed]);
}

/** Why the person here may not, for the button that says no. */
export function whyNot(deed: Deed): string {
  return allowed(deed) ? "" : `This needs ${WHO_MAY[deed]}.`;
}

whenSignedOut(() => leave("Your session has ended. Sign in again."));

/** Ask the program who we are, at the start of the page. The identity provider may just have sent the browser back to it. */
export async function resume(): Promise<void> {
  const arrived = route.peek().page === "signed-in";
  const back = comeBack();
  try {
    enter(await get<Session>("session"));
    if (location.hash === "" || (arrived && route.peek().page === "")) land();
    notProved.value = back;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) leave(back);
    else standing.value = "unreachable";
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  enter(await act<Session>("POST", "session", { name, password }));
  if (route.peek().page === "") land();
}

export async function signInWithPasskey(): Promise<void> {
  enter(await answeredByPasskey<Session>("session/passkey"));
  if (route.peek().page === "") land();
}

/** Ask anew what the person here may do and how they can prove it, when that has changed. */
export async function askAgain(): Promise<void> {
  session.value = await get<Session>("session");
  keepTime(session.value.at);
}

export async function setUp(token: string, name: string, password: string): Promise<void> {
  enter(await act<Session>("POST", "setup", { token, name, password }));
}

export async function signOut(): Promise<void> {
  try {
    await act("DELETE", "session");
  } finally {
    leave("");
  }
}

const LANDS: Readonly<Record<string, string>> = { regulator: "record", "recognition-operator": "deployments", "adjudicating-officer": "alerts" };

/** A regulator comes for the record, who works with recognition for that; everybody else for the operation. */
function land(): void {
  const page = LANDS[session.peek()?.role ?? ""];
  if (page !== undefined) go(page);
}

function enter(opened: Session): void {
  session.value = opened;
  csrf.value = opened.csrf;
  whyOut.value = "";
  usedAt.value = Date.now();
  standing.value = "in";
  if (opened.may.includes(NEEDS.see)) startFeed(sessionEnded);
  keepTime(opened.at);
}

/** The operation's clock as it was just told. It counts where no live feed tells it: a phone that slept has missed some. */
export function keepTime(at: Millis): void {
  const here = session.peek();
  if (here !== null && !here.may.includes(NEEDS.see)) startClock(at, here.speed);
}

export function sessionEnded(): void {
  leave("Your session has ended. Sign in again.");
}

function leave(why: string): void {
  stopFeed();
  stopClock();
  forget();
  session.value = null;
  csrf.value = "";
  if (why !== "" && standing.value !== "out") whyOut.value = why;
  standing.value = "out";
}

// --- staying signed in ---------------------------------------------------------------------------------------------
// The server ends a session that nobody uses for half an hour; the feed alone is not use. Whoever pans the map or reads on is at
// the console, so using the page counts, and is told to the server at most once a minute.

export const IDLE_LIMIT_MS = 30 * 60_000; // accountability.rules.SESSION_IDLE
const WARN_BEFORE_MS = 3 * 60_000;
const TELL_EVERY_MS = 60_000;

export const usedAt = signal(Date.now());
let toldAt = 0;

/** Whether nobody used this console for nearly as long as a session may be left alone. */
export function soonOut(): boolean {
  return standing.value === "in" && Date.now() - usedAt.value > IDLE_LIMIT_MS - WARN_BEFORE_MS;
}

export function used(): void {
  const now = Date.now();
  usedAt.value = now;
  if (standing.peek() !== "in" || now - toldAt < TELL_EVERY_MS) return;
  toldAt = now;
  void get<Session>("session")
    .then((told) => keepTime(told.at))
    .catch(() => undefined); // a session that ended shows on the feed
}

export function watchUse(): void {
  for (const kind of ["pointerdown", "keydown", "wheel"]) window.addEventListener(kind, used, { passive: true, capture: true });
}
