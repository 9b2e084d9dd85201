// What a person can have the program do. Each is one request of docs/live-feed.md.

import type { Decision, Incident, Millis, Mission } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface NewCall {
  readonly grade: string;
  readonly category: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly text: string;
}

export type PilotCommand =
  | { readonly type: "hold" }
  | { readonly type: "goto"; readonly latitude: number; readonly longitude: number; readonly height_m_above_dock: number }
  | { readonly type: "orbit"; readonly latitude: number; readonly longitude: number; readonly radius_m: number }
  | { readonly type: "gimbal"; readonly pitch_deg: number }
  | { readonly type: "zoom"; readonly zoom: number };

export const takeCall = (call: NewCall): Promise<Incident> => act("POST", "incidents", call);
export const launch = (incident: string, vehicle_id: string, reason: string): Promise<Mission> =>
  act("POST", path("incidents", incident, "launch"), { vehicle_id, reason });
export const closeIncident = (incident: string, reason: string): Promise<void> => act("POST", path("incidents", incident, "close"), { reason });
export const keepWatch = (incident: string, reason: string, minutes: number): Promise<Incident> =>
  act("POST", path("incidents", incident, "watch"), { type: "keep", reason, minutes });
export const letGo = (incident: string): Promise<Incident> => act("POST", path("incidents", incident, "watch"), { type: "let-go" });
export const recall = (mission: string, reason: string): Promise<void> => act("POST", path("missions", mission, "recall"), { reason });
export const takeControl = (mission: string): Promise<void> => act("POST", path("missions", mission, "control"));
export const releaseControl = (mission: string): Promise<void> => act("DELETE", path("missions", mission, "control"));
export const fly = (mission: string, command: PilotCommand): Promise<void> => act("POST", path("missions", mission, "commands"), command);
/** Why a camera looks down on the way, where nobody else is to be watched (D2). */
export const REASONS_TO_LOOK_DOWN = ["threat-to-life", "flight-safety", "subject-moved", "collision-avoidance"];
export const lookDown = (mission: string, reason: string): Promise<void> => act("POST", path("missions", mission, "camera"), { reason });
export const ground = (vehicle: string, reason: string): Promise<void> => act("POST", path("vehicles", vehicle, "ground"), { reason });
export const putBack = (vehicle: string, reason: string): Promise<void> => act("POST", path("vehicles", vehicle, "release"), { reason });
export const activateZone = (zone: string, active: boolean, reason: string): Promise<void> =>
  act("POST", path("airspace", "zones", zone, "activation"), { active, reason });

/** What a person can say, when the program asks why they look at something that is over. */
export const REASONS_TO_LOOK = ["incident-handling", "complaint", "subject-access", "safety"];
const whyOf = (why: string): string => (why === "" ? "" : `?why=${encodeURIComponent(why)}`);

export const decisions = (incident: string, why = ""): Promise<Decision[]> => get(path("incidents", incident, "decisions") + whyOf(why));
export const words = (incident: string, why = ""): Promise<{ readonly words: string }> => get(path("incidents", incident, "words") + whyOf(why));

// Bounds of the server's own checks, for the controls that ask for these values. A test holds the first two against flight's.
export const HEIGHT_M = { min: 20, max: 115 };
export const RADIUS_M = { min: 10, max: 500 };
export const PITCH_DEG = { min: -90, max: 30 };
export const REASON_MAX = 500;

// --- lists that are asked for when somebody looks at them -----------------------------------------------------------

export interface Held {
  readonly id: string;
  readonly at: Millis;
  readonly source: string;
  readonly line: number | null;
  readonly reason: string;
}

export const quarantine = (): Promise<Held[]> => get("quarantine");
export const reportWhole = (id: string): Promise<{ readonly raw: string }> => get(path("quarantine", id));

export interface Zone {
  readonly zone_id: string;
  readonly name: string;
  readonly kind: string;
  readonly restriction: string;
  readonly active: boolean;
  readonly lower_m: number;
  readonly lower_datum: string;
  readonly upper_m: number;
  readonly upper_datum: string;
  readonly source: string;
  readonly authority: string;
  readonly for_operational_use: boolean;
}

export interface ZoneFeature extends GeoJSON.Feature<GeoJSON.Polygon | GeoJSON.MultiPolygon> {
  readonly properties: Zone & GeoJSON.GeoJsonProperties;
}

export interface Zones {
  readonly type: "FeatureCollection";
  readonly features: ZoneFeature[];
}

export type Boroughs = GeoJSON.FeatureCollection & { readonly attribution?: string };

export const zones = (): Promise<Zones> => get("airspace/zones");
export const boroughs = (): Promise<Boroughs> => get("map/boroughs");

export interface Account {
  readonly account_id: string;
  readonly name: string;
  readonly role: string;
  readonly created_at: Millis;
  readonly disabled_at: Millis | null;
  readonly by_provider: boolean;
}

export interface ServiceToken {
  readonly token_id: string;
  readonly label: string;
  readonly role: string;
  readonly created_at: Millis;
  readonly revoked_at: Millis | null;
}

/** `secret` is said once and never again. */
export interface IssuedToken {
  readonly token: ServiceToken;
  readonly secret: string;
}

/** A source of video, and whether it shows something now. */
export interface VideoSource {
  readonly source_id: string;
  readonly vehicle_id: string;
  readonly shown: boolean;
  readonly recording: boolean;
  readonly why: string;
  readonly viewers: number;
  /** Its pictures come from a media server. */
  readonly elsewhere: boolean;
  readonly stream: { readonly state: string; readonly trouble: string; readonly width_px: number; readonly height_px: number };
}

export const videoSources = (): Promise<VideoSource[]> => get("video");

export const accounts = (): Promise<Account[]> => get("accounts");
export const createAccount = (name: string, role: string, password: string): Promise<Account> => act("POST", "accounts", { name, role, password });
export const disableAccount = (account: string): Promise<Account> => act("POST", path("accounts", account, "disable"));
export const serviceTokens = (): Promise<ServiceToken[]> => get("service-tokens");
export const issueToken = (label: string): Promise<IssuedToken> => act("POST", "service-tokens", { label, role: "cad" });
export const revokeToken = (token: string): Promise<void> => act("POST", path("service-tokens", token, "revoke"));
export const changePassword = (old: string, fresh: string): Promise<void> => act("POST", "session/password", { old, new: fresh });

export const PASSWORD_MIN = 15; // accountability.rules.PASSWORD_MIN
