// Requests to the program that served this page. A change carries the session's CSRF value and an idempotency key.

import { signal } from "@preact/signals";
import { withTimes } from "../feed/wire.ts";

const BASE = "api/v1/";
const PATIENCE_MS = 20_000;

// Where 401 means that what was given is wrong, not that the session is over.
const ASKS_WHO = ["session", "session/password", "session/passkey", "session/proof", "session/proof/passkey"];

export const csrf = signal("");

/** An answer that is not a success: RFC 9457 problem details, or no answer at all. */
export class Problem extends Error {
  readonly status: number;
  readonly kind: string;
  readonly title: string;
  readonly remedy: string;
  readonly rule: string; // of the policy, when the policy refused it

  constructor(status: number, said: { type?: string; title?: string; detail?: string; remedy?: string; rule?: string }) {
    super(said.detail ?? said.title ?? `the program answered ${status}`);
    this.status = status;
    this.kind = (said.type ?? "").replace("urn:bowstreet:problem:", "");
    this.title = said.title ?? "It did not work";
    this.remedy = said.remedy ?? "";
    this.rule = said.rule ?? "";
  }

  /** Whether nobody knows if it was done. */
  get unanswered(): boolean {
    return this.status === 0;
  }
}

let onSignedOut: () => void = () => undefined;

/** What to do when the session has ended. */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

/** In the background: a page keeps itself fresh, which is no use of the session. */
export function get<T>(path: string, background = false): Promise<T> {
  return ask<T>("GET", path, undefined, undefined, background);
}

// A command whose answer never came may have been done: the same command asked again carries the same key, and is not done twice.
const unanswered = new Map<string, string>();

/** A change. `body` is sent as JSON. */
export async function act<T>(method: "POST" | "DELETE" | "PUT", path: string, body?: unknown, patienceMs = PATIENCE_MS): Promise<T> {
  const said = body === undefined ? undefined : JSON.stringify(body);
  const command = `${method} ${path} ${said ?? ""}`;
  const key = unanswered.get(command) ?? randomKey();
  unanswered.set(command, key);
  try {
    const answer = await ask<T>(method, path, said, key, false, patienceMs);
    unanswered.delete(command);
    return answer;
  } catch (error) {
    if (!(error instanceof Problem && error.unanswered)) unanswered.delete(command);
    throw error;
  }
}

/** A file, as it is. It carries no key: what is put twice is said to be there already. */
export async function upload<T>(method: "PUT", path: string, file: Blob, type: string, patienceMs = PATIENCE_MS): Promise<T> {
  const headers = { Accept: "application/json", "Content-Type": type, "X-Bowstreet-CSRF": csrf.value };
  return answered<T>(path, await sent(path, { method, headers, body: file }, patienceMs));
}

async function ask<T>(method: string, path: string, body?: string, key?: string, background = false, patienceMs = PATIENCE_MS): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (background) headers["X-Bowstreet-Background"] = "1";
  if (key !== undefined) {
    headers["X-Bowstreet-CSRF"] = csrf.value;
    headers["Idempotency-Key"] = key;
  }
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return answered<T>(path, await sent(path, { method, headers, ...(body === undefined ? {} : { body }) }, patienceMs));
}

/** A picture, as it is: it is kept nowhere, and asked for by itself, which is no use of the session. */
export async function picture(path: string): Promise<Response> {
  const response = await sent(path, { method: "GET", headers: { Accept: "image/jpeg", "X-Bowstreet-Background": "1" } });
  if (response.ok) return response;
  return answered<Response>(path, response);
}

async function answered<T>(path: string, response: Response): Promise<T> {
  if (response.ok) return (await content(response)) as T;
  if (response.status === 401 && !ASKS_WHO.includes(path)) onSignedOut();
  const said = await content(response);
  throw new Problem(response.status, typeof said === "object" && said !== null ? said : {});
}

async function sent(path: string, init: RequestInit, patienceMs = PATIENCE_MS): Promise<Response> {
  try {
    return await fetch(new URL(BASE + path, document.baseURI), {
      ...init,
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(patienceMs),
    });
  } catch {
    throw new Problem(0, { title: "No answer", detail: "the program did not answer", remedy: "see the connection below, then try again: nothing is done twice" });
  }
}

async function content(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return withTimes(JSON.parse(text));
  } catch {
    return { detail: `the program answered ${response.status} with something that is not JSON` };
  }
}

function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A path with its parts escaped. */
export function path(...parts: string[]): string {
  return parts.map(encodeURIComponent).join("/");
}
