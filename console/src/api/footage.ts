// Footage: what was recorded, and viewings of it. Nothing of a picture comes before a viewing of it is on record.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface Recording {
  readonly recording_id: string;
  readonly incident_id: string;
  readonly mission_id: string;
  readonly vehicle_id: string;
  readonly state: string;
  readonly started_at: Millis;
  readonly closed_at: Millis | null;
  readonly why_closed: string;
  readonly octets: number;
  readonly dropped: number;
  readonly kept_until: Millis | null;
  readonly held: boolean;
}

/** One film. Times are microseconds since the recording began; `keyframes` are pairs of a picture's number and where its octets begin. */
export interface Clip {
  readonly media_type: string;
  readonly width_px: number;
  readonly height_px: number;
  readonly octets: number;
  readonly head_octets: number;
  readonly offset_us: number;
  readonly at_us: readonly number[];
  readonly captured_us: readonly number[];
  readonly keyframes: readonly (readonly [number, number])[];
}

export interface PathPoint {
  readonly at_us: number;
  readonly lat: number;
  readonly lon: number;
  readonly heading_deg: number;
  readonly height_m: number;
  readonly tilt_deg: number;
  readonly look: readonly [number, number] | null;
}

export interface Mark {
  readonly at_us: number;
  readonly kind: string;
  readonly said: string;
  readonly until_us: number | null;
}

export interface Footage {
  readonly viewing_id: string;
  readonly recording_id: string;
  readonly incident_id: string;
  readonly mission_id: string;
  readonly vehicle_id: string;
  readonly what: string;
  readonly lasts_us: number;
  readonly whole: boolean;
  readonly clips: readonly Clip[];
  readonly path: readonly PathPoint[];
  readonly marks: readonly Mark[];
}

const viewing = (one: Footage): string => path("recordings", one.recording_id, "viewings", one.viewing_id);

export const recordings = (incident = "", background = false): Promise<Recording[]> =>
  get(incident === "" ? "recordings" : path("incidents", incident, "recordings"), background);
export const beginViewing = (recording: string, copy: boolean, why: string): Promise<Footage> =>
  act("POST", path("recordings", recording, "viewings"), { copy, why: why === "" ? null : why });
export const endViewing = (one: Footage): Promise<void> => act("DELETE", viewing(one));
/** A player that is paused is still there; that is no use of the session. */
export const stillHere = (one: Footage): Promise<void> => get(viewing(one), true);

/** A stretch of a film, from `start` up to `stop`. */
export async function octets(one: Footage, clip: number, start: number, stop: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const address = new URL(`api/v1/${viewing(one)}/media/${clip}`, document.baseURI);
  const answer = await fetch(address, { headers: { Range: `bytes=${start}-${stop - 1}` }, credentials: "same-origin", signal });
  if (!answer.ok) throw new Error(answer.status === 404 ? "This viewing is over. Begin another." : `The pictures did not come (${answer.status}).`);
  return answer.arrayBuffer();
}
