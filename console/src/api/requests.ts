// Requests and complaints of the public: docs/transparency.md.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

/** A request in the list: neither what it says nor who sent it. */
export interface RequestLine {
  readonly request_id: string;
  readonly kind: string;
  readonly state: string;
  readonly filed_at: Millis;
  readonly acknowledge_by: string | null;
  readonly answer_by: string | null;
  readonly overdue: boolean;
}

/** A request, whole. That somebody looked is on record. */
export interface RequestWhole {
  readonly request_id: string;
  readonly contact: string;
  readonly words: string;
  readonly changes: readonly { readonly at: Millis; readonly state: string; readonly by: string; readonly ground: string | null }[];
}

const at = (id: string, ...more: string[]): string => path("requests", id, ...more);

export const requests = (background = false): Promise<RequestLine[]> =>
  get<{ readonly requests: RequestLine[] }>("requests", background).then((found) => found.requests);
export const requestWhole = (id: string, why = ""): Promise<RequestWhole> => get(at(id) + (why === "" ? "" : `?why=${encodeURIComponent(why)}`));
export const moveRequest = (id: string, state: string, ground: string | null): Promise<RequestLine> =>
  act("POST", at(id, "state"), ground === null ? { state } : { state, ground });
