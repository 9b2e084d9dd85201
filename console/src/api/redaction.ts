// The redaction of a recording: what is covered in its copy, and what people changed about that.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface Region {
  readonly region_id: string;
  readonly kind: string;
  readonly from_us: number;
  readonly until_us: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Edit {
  readonly type: "add" | "lift";
  readonly edit_id: string;
  readonly region_id?: string;
  readonly from_us: number;
  readonly until_us: number;
  readonly reason: string;
  readonly by: string;
  readonly at: Millis;
}

export interface Copy {
  readonly made_at: Millis;
  readonly edits: number;
  readonly pictures: number;
  readonly damaged: number;
  readonly octets: number;
  readonly sha256: string;
  readonly original_sha256: string;
  readonly record_sha256: string;
}

export interface Redaction {
  readonly recording_id: string;
  readonly state: "finding" | "ready" | "making" | "failed";
  readonly progress: number;
  readonly width_px: number;
  readonly height_px: number;
  readonly looks: number;
  readonly edits: readonly Edit[];
  readonly copy: Copy | null;
  readonly stale: boolean;
  readonly failed: string;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Span {
  readonly from_us: number;
  readonly until_us: number;
}

const of = (recording: string, ...more: string[]): string => path("recordings", recording, "redaction", ...more);
const whole = ({ from_us, until_us }: Span): Span => ({ from_us: Math.round(from_us), until_us: Math.round(until_us) });

export const redaction = (recording: string): Promise<Redaction> => get(of(recording), true);
export const regions = (recording: string, span: Span): Promise<Region[]> =>
  get(`${of(recording, "regions")}?from_us=${Math.round(span.from_us)}&until_us=${Math.round(span.until_us)}`, true);
export const beginRedaction = (recording: string, reason: string): Promise<Redaction> => act("POST", of(recording), { reason });
export const cover = (recording: string, box: Box, span: Span, reason: string): Promise<Redaction> =>
  act("POST", of(recording, "regions"), { type: "add", ...box, ...whole(span), reason });
export const lift = (recording: string, region_id: string, span: Span, reason: string): Promise<Redaction> =>
  act("POST", of(recording, "regions"), { type: "lift", region_id, ...whole(span), reason });
export const makeCopy = (recording: string, reason: string): Promise<Redaction> => act("POST", of(recording, "copy"), { reason });
export const recordAddress = (recording: string): string => `api/v1/${of(recording, "record")}`;
