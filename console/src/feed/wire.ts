// The objects of docs/live-feed.md, with every time as milliseconds since 1970 (UTC).

import { decode } from "@msgpack/msgpack";

export type Millis = number;
export type LatLon = readonly [lat: number, lon: number];

export const PROTOCOLS = ["bowstreet.msgpack", "bowstreet.json"];

export interface Drone {
  readonly id: string;
  readonly dock_id: string;
  readonly airframe: string;
  readonly system_id: number;
  readonly lat: number | null; // null until it is heard for the first time
  readonly lon: number | null;
  readonly heading_deg: number;
  readonly ground_speed_mps: number;
  readonly height_m_above_dock: number;
  readonly charge_fraction: number | null;
  readonly status: string;
  readonly phase: string | null;
  readonly reason: string;
  readonly mission_id: string | null;
  readonly zoom: number | null; // of its lens now; null where that is not known, or it does not zoom
  readonly zoom_most: number; // 1: its lens does not zoom
}

export interface Dock {
  readonly id: string;
  readonly name: string;
  readonly lat: number;
  readonly lon: number;
  readonly pads: number;
  readonly pads_taken: number;
  readonly status: string;
  readonly reason: string;
}

export interface Incident {
  readonly id: string;
  readonly grade: string;
  readonly category: string;
  readonly lat: number;
  readonly lon: number;
  readonly reported_at: Millis;
  readonly opened_at: Millis;
  readonly state: string;
  readonly close_reason: string | null;
  readonly reports: number;
  readonly mission_ids: readonly string[];
  readonly eyes_on_at: Millis | null;
  readonly closed_at: Millis | null;
  readonly waiting_reason: string;
  readonly watch?: Watch | null;
}

/** Eyes that are kept on an incident: who has the watch, when it must turn home, who relieves it and when. */
export interface Watch {
  readonly reason: string;
  readonly by: string;
  readonly since: Millis;
  readonly until: Millis;
  readonly mission_id: string | null;
  readonly dark_since: Millis | null;
  readonly dark_s: number;
  readonly handovers: number;
  readonly leaves_at: Millis | null;
  readonly relief_id: string | null;
  readonly relief_at: Millis | null;
  readonly vehicle_id: string | null;
  readonly launch_at: Millis | null;
  readonly why: string;
}

export interface Reason {
  readonly code: string;
  readonly text: string;
  readonly vehicle_id: string | null;
}

export interface Mission {
  readonly id: string;
  readonly incident_id: string;
  readonly vehicle_id: string;
  readonly dock_id: string;
  readonly phase: string;
  readonly phase_since: Millis | null;
  readonly authorised_at: Millis;
  readonly authorised_by: string;
  readonly eta_at: Millis | null;
  readonly eyes_on_at: Millis | null;
  readonly bingo_fraction: number;
  readonly route: readonly LatLon[];
  readonly home: readonly LatLon[];
  readonly pilot: string | null;
  readonly pilot_account_id: string | null;
  readonly reasons: readonly Reason[];
  readonly return_reason: Reason | null;
  readonly diverted_to: string | null;
  readonly zoom: number; // of its drone's lens, as its pilot last asked
  readonly zoom_trouble: string; // why the lens did not do that; "" when it did
}

export type Severity = "info" | "notice" | "warning" | "alarm";

export interface FeedEvent {
  readonly seq: number;
  readonly at: Millis;
  readonly kind: string;
  readonly text: string;
  readonly severity: Severity;
  readonly incident_id?: string;
  readonly mission_id?: string;
  readonly vehicle_id?: string;
}

export interface Wind {
  readonly speed_mps: number;
  readonly from_deg: number;
  readonly gust_mps: number;
}

export interface Ledger {
  readonly size: number;
  readonly root: string;
}

export interface Run {
  readonly demo: string;
  readonly speed: number;
  readonly version: string;
  readonly operator: string;
  readonly demand_note: string;
  readonly tiles_url?: string;
}

export interface Me {
  readonly account_id: string;
  readonly name: string;
  readonly role: string;
  readonly may: readonly string[];
}

export interface Considered {
  readonly vehicle_id: string;
  readonly eta_s: number | null;
  readonly reason: Reason;
}

export interface Decision {
  readonly at: Millis;
  readonly took_ms: number;
  readonly outcome: string;
  readonly vehicle_id: string | null;
  readonly eta_s: number | null;
  readonly reasons: readonly Reason[];
  readonly considered: readonly Considered[];
}

// i, lat, lon, heading_deg, ground_speed_mps, height_m_above_dock, charge_fraction, status, phase
export type DroneRow = readonly [
  number, number | null, number | null, number, number, number, number | null, string, string | null,
];

export interface Snapshot {
  readonly type: "snapshot";
  readonly seq: number;
  readonly at: Millis;
  readonly run: Run;
  readonly me: Me;
  readonly drones: readonly Drone[];
  readonly docks: readonly Dock[];
  readonly incidents: readonly Incident[];
  readonly missions: readonly Mission[];
  readonly events: readonly FeedEvent[];
  readonly wind?: Wind | null;
  readonly ledger?: Ledger | null;
}

export interface Tick {
  readonly type: "tick";
  readonly seq: number;
  readonly at: Millis;
  readonly d: readonly DroneRow[];
  readonly drones?: readonly Drone[];
  readonly docks?: readonly Dock[];
  readonly incidents?: readonly Incident[];
  readonly missions?: readonly Mission[];
  readonly events?: readonly FeedEvent[];
  readonly wind?: Wind | null;
  readonly ledger?: Ledger | null;
}

export type Frame = Snapshot | Tick;

/** A frame as it came, text or bytes. Throws when it is neither a snapshot nor a tick. */
export function parseFrame(data: string | ArrayBuffer): Frame {
  const said = withTimes(typeof data === "string" ? JSON.parse(data) : decode(data)) as { type?: unknown };
  if (said.type !== "snapshot" && said.type !== "tick") throw new TypeError("neither a snapshot nor a tick");
  return said as Frame;
}

const IS_TIME = /(^at|_at|^since|_since|^until|_until)$/;

/** `value` with its times as milliseconds, wherever they stand: JSON says them as ISO 8601, msgpack as timestamps. Drone rows hold none. */
export function withTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 && isObject(value[0]) ? value.map(withTimes) : value;
  if (!isObject(value)) return value;
  const whole: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    whole[key] = IS_TIME.test(key) ? millis(inner) : key === "d" ? inner : withTimes(inner);
  }
  return whole;
}

function millis(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return typeof value === "string" ? Date.parse(value) : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
