// Footage given out as evidence: ordered, put together by the program, then fetched as one file.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

/** A recording that is kept, as far as an export needs to know. */
export interface Kept {
  readonly recording_id: string;
  readonly vehicle_id: string;
  readonly state: string;
  readonly started_at: Millis;
  readonly closed_at: Millis | null;
  readonly octets: number;
  readonly kept_until: Millis | null;
  readonly held: boolean;
  /** Whether there is a redacted copy that can be given out; stale where what it covers was changed since. */
  readonly redacted: "none" | "ready" | "stale";
}

/** As received, the redacted copy in its stead, or both. */
export type Copies = "original" | "redacted" | "both";

export interface Export {
  readonly export_id: string;
  readonly incident_id: string;
  readonly until: Millis;
  readonly copies: Copies;
  readonly state: "preparing" | "ready" | "failed";
  readonly octets: number;
  readonly files: readonly { readonly name: string; readonly octets: number; readonly sha256: string }[];
  readonly problem: string;
}

export const keptOf = (incident: string): Promise<Kept[]> => get(path("incidents", incident, "recordings"));
export const orderEvidence = (incident: string, recordings: readonly string[], recipient: string, copies: Copies): Promise<Export> =>
  act("POST", path("incidents", incident, "evidence"), { recordings, copies, recipient: recipient === "" ? null : recipient });
export const exportOf = (id: string): Promise<Export> => get(path("evidence", id));
export const bundleAddress = (id: string): string => `api/v1/${path("evidence", id, "bundle")}`;
