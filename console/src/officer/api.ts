// Requests of the page: few, and small. The link's secret is sent once, then the browser's cookie stands for it.

import type { Opened } from "./wire.ts";

const BASE = new URL("api/v1/officer/", document.baseURI).href;
const PATIENCE_MS = 20_000;

/** What went wrong, in the program's own words; `status` 0 for no answer at all. */
export class Trouble extends Error {
  readonly status: number;
  readonly remedy: string;

  constructor(status: number, message: string, remedy: string) {
    super(message);
    this.status = status;
    this.remedy = remedy;
  }
}

export const placeOf = (link: string): string => BASE + encodeURIComponent(link);
export const socketOf = (link: string): string => `${placeOf(link).replace(/^http/, "ws")}/live`;

export const openLink = (secret: string): Promise<Opened> => ask("open", { secret });
export const look = (link: string): Promise<Opened> => ask(encodeURIComponent(link));
export const words = (link: string): Promise<{ text: string }> => ask(`${encodeURIComponent(link)}/words`);

async function ask<T>(path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(BASE + path, {
      method: body === undefined ? "GET" : "POST",
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Trouble(0, "There is no answer", "Look whether this phone has a signal, and try again.");
  }
  if (answer.ok) return (await answer.json()) as T;
  const said = (await answer.json().catch(() => ({}))) as { detail?: string; remedy?: string };
  throw new Trouble(answer.status, said.detail ?? `the program answered ${answer.status}`, said.remedy ?? "");
}
