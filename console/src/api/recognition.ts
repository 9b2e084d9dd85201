// Recognition: deployments, lists and alerts. Each is one request of docs/recognition.md.

import type { Millis } from "../feed/wire.ts";
import type { Authorisation } from "./authority.ts";
import { act, get, path, picture, upload } from "./client.ts";

export interface Place {
  readonly latitude_deg: number;
  readonly longitude_deg: number;
}

export interface PlacedCamera {
  readonly camera_id: string;
  readonly position: Place;
}

export interface Plan {
  readonly use_case: string;
  readonly location_basis: string;
  readonly zone: readonly Place[];
  readonly boroughs: readonly string[];
  readonly starts_at: Millis;
  readonly ends_at: Millis;
  readonly cameras: readonly PlacedCamera[];
  readonly threshold: number;
  readonly model_sha256: string;
}

export interface Evidence {
  readonly kind: string;
  readonly since: Millis;
  readonly recorded_at: Millis;
  readonly by: string;
  readonly reference: string;
  readonly camera_ids: readonly string[];
}

export interface Manifest {
  readonly watchlist_id: string;
  readonly digest: string;
  readonly people: number;
  readonly images: number;
  readonly categories: Readonly<Record<string, number>>;
  readonly enrolled_by: string;
  readonly enrolled_at: Millis;
  readonly to_review: readonly string[];
  readonly reviewed: number;
  readonly aged: number;
  readonly volunteers: number;
  readonly destroyed_at: Millis | null;
}

export interface Counts {
  readonly frames: number;
  readonly analysed: number;
  readonly dropped: number;
  readonly corrupt: number;
  readonly tracks: number;
  readonly matched: number;
  readonly alerts: number;
  readonly repeated: number;
  readonly inconsistent: number;
  readonly refused: number;
}

export interface Deployment {
  readonly deployment_id: string;
  readonly plan: Plan;
  readonly planned_by: string;
  readonly planned_at: Millis;
  readonly state: string;
  readonly revision: number;
  readonly evidence: readonly Evidence[];
  readonly manifest: Manifest | null;
  readonly authorisation_id: string;
  readonly authorised_by: string;
  readonly amendment: { readonly plan: Plan; readonly authorisation_id: string; readonly asked_by: string } | null;
  readonly moved: readonly string[];
  readonly started_by: string;
  readonly started_at: Millis | null;
  readonly closed_at: Millis | null;
  readonly why: string;
}

export interface Obstacle {
  readonly code: string;
  readonly says: string;
  readonly remedy: string;
}

/** A camera that is not looked at though the others are. */
export interface KeptOut extends Obstacle {
  readonly camera_id: string;
}

export interface DeploymentShown {
  readonly deployment: Deployment;
  readonly counts: Counts;
  readonly authority: Authorisation | null;
  readonly against: readonly Obstacle[];
  readonly kept_out: readonly KeptOut[];
  /** With an amendment: the authority that it waits for, and what it changes, a sentence each. */
  readonly amended: { readonly authority: Authorisation | null; readonly changes: readonly string[] } | null;
  readonly report: { readonly sha256: string; readonly expires_at: Millis; readonly list_size: number; readonly warnings: readonly string[] } | null;
  readonly alerts_open: number;
  readonly passes: number;
  readonly names: Readonly<Record<string, string>>;
}

export interface Camera {
  readonly camera_id: string;
  readonly name: string;
  readonly position: Place | null;
}

/** The closed questions with their answers. */
export interface Choices {
  readonly use_cases: readonly { readonly use_case: string; readonly location_bases: readonly string[]; readonly categories: readonly string[] }[];
  readonly categories: readonly { readonly category: string; readonly legal_bases: readonly string[]; readonly sources: readonly string[] }[];
  readonly risks: readonly string[];
  readonly cameras: readonly Camera[];
  readonly model_sha256: string;
  readonly floor: number | null;
  readonly most_window_s: number;
  readonly at: Millis;
}

export interface PlanAsked {
  readonly use_case: string;
  readonly location_basis: string;
  readonly zone: readonly { readonly lat: number; readonly lon: number }[];
  readonly starts_at: string;
  readonly ends_at: string;
  readonly cameras: readonly { readonly camera_id: string; readonly lat: number; readonly lon: number }[];
  readonly threshold: number;
}

const of = (id: string, ...more: string[]): string => `recognition/${path("deployments", id, ...more)}`;

export const choices = (background = false): Promise<Choices> => get("recognition/choices", background);
export const area = (): Promise<GeoJSON.FeatureCollection> => get("recognition/area");
export const deployments = (background = false): Promise<DeploymentShown[]> => get("recognition/deployments", background);
export const deployment = (id: string, background = false): Promise<DeploymentShown> => get(of(id), background);
export const plan = (asked: PlanAsked): Promise<DeploymentShown> => act("POST", "recognition/deployments", asked);
export const planAgain = (id: string, asked: PlanAsked): Promise<DeploymentShown> => act("POST", of(id, "plan"), asked);
export const amend = (id: string, asked: PlanAsked): Promise<DeploymentShown> => act("POST", of(id, "amend"), asked);
export const cameraBack = (id: string, camera_id: string): Promise<DeploymentShown> => act("POST", of(id, "camera-back"), { camera_id });
export const tell = (id: string, kind: string, since: string, reference: string, camera_ids: readonly string[]): Promise<DeploymentShown> =>
  act("POST", of(id, "evidence"), { kind, since, reference, camera_ids });
export type Step = "submit" | "withdraw" | "start" | "stop" | "close";
export const step = (id: string, which: Step): Promise<DeploymentShown> => act("POST", of(id, which));
export const passed = (id: string, person_id: string, camera_id: string): Promise<DeploymentShown> => act("POST", of(id, "passes"), { person_id, camera_id });

// --- lists ----------------------------------------------------------------------------------------------------------------

export interface Quality {
  readonly eyes_px: number;
  readonly sharpness: number;
  readonly illumination_uniformity: number;
  readonly yaw_deg: number;
  readonly unified: number;
  readonly ofiq: number | null; // the standard's own score, where the operator has OFIQ
  readonly ofiq_components: Readonly<Record<string, number | null>>;
}

export interface Row {
  readonly line: number;
  readonly state: string;
  readonly image: string;
  readonly why: string;
  readonly remarks: readonly string[];
  readonly quality: Quality | null;
}

export interface Import {
  readonly import_id: string;
  readonly lines: readonly Row[];
}

export interface Listed {
  readonly person_id: string;
  readonly reference: string;
  readonly name: string;
  readonly category: string;
  readonly risk: string;
  readonly under_18: boolean;
  readonly vulnerable: boolean;
  readonly waits_for_review: boolean;
  readonly images: readonly { readonly source: string; readonly legal_basis: string; readonly captured_on: string; readonly aged: boolean; readonly quality: Quality }[];
}

// Where the operator has OFIQ, the last image of several is answered when all of them are measured.
const MEASURING_MS = 15 * 60_000;

export const beginImport = (id: string, csv: Blob): Promise<Import> => upload("PUT", `recognition/${path("lists", id)}`, csv, "text/csv");
export const giveImage = (id: string, importId: string, line: number, image: Blob): Promise<Row> =>
  upload("PUT", `recognition/${path("lists", id, importId, "images", String(line))}`, image, "application/octet-stream", MEASURING_MS);
export const underWay = (id: string, importId: string): Promise<Import> => get(`recognition/${path("lists", id, importId)}`);
export const finishImport = (id: string, importId: string, leave_out: boolean): Promise<Row[]> =>
  act("POST", `recognition/${path("lists", id, importId, "finish")}`, { leave_out }, MEASURING_MS);
export const giveUpImport = (id: string, importId: string): Promise<void> => act("DELETE", `recognition/${path("lists", id, importId)}`);
export const people = (id: string): Promise<Listed[]> => get(of(id, "people"));
export const imageAddress = (id: string, person: string, image: number): string => `api/v1/${of(id, "people", person, "images", String(image))}`;
export const review = (id: string, person: string, approve: boolean): Promise<void> => act("POST", of(id, "people", person, "review"), { approve });
export const takeOff = (id: string, person: string): Promise<void> => act("POST", of(id, "people", person, "take-off"));

// --- alerts ---------------------------------------------------------------------------------------------------------------

export interface Outcome {
  readonly engaged: boolean;
  readonly judgement: string;
  readonly why_not: string | null;
  readonly identity: string;
  readonly disposal: string;
}

export interface Alert {
  readonly alert_id: string;
  readonly deployment_id: string;
  readonly camera: string;
  readonly category: string;
  readonly risk: string;
  readonly minor_or_vulnerable: boolean;
  readonly score: number;
  readonly threshold: number;
  readonly quality: number;
  readonly looks: number;
  readonly seen_at: Millis;
  readonly raised_at: Millis;
  readonly state: string;
  readonly claimed_by: string;
  readonly claimed_by_me: boolean;
  readonly viewed_by_me: boolean;
  readonly claim_ends_at: Millis | null;
  readonly lapses_at: Millis | null;
  readonly opinion: string;
  readonly opinion_until: Millis | null;
  readonly outcome: Outcome | null;
}

export interface Pictures {
  readonly alert: Alert;
  readonly statement: string;
  readonly name: string;
  readonly reference: string;
  readonly probe: string;
  readonly listed: readonly string[];
}

const alert = (id: string, ...more: string[]): string => `recognition/${path("alerts", id, ...more)}`;

export const pictures = (id: string): Promise<Pictures> => get(alert(id));
export type Move = "claim" | "release" | "ask-opinion";
export const move = (id: string, which: Move): Promise<Alert> => act("POST", alert(id, which));
export const opine = (id: string, judgement: string): Promise<Alert> => act("POST", alert(id, "opinion"), { judgement });
export const decideOn = (id: string, engage: boolean, judgement: string, why_not: string | null): Promise<Alert> =>
  act("POST", alert(id, "decision"), { engage, judgement, why_not });
export const settle = (id: string, identity: string, disposal: string): Promise<Alert> => act("POST", alert(id, "outcome"), { identity, disposal });

// --- what cameras see -----------------------------------------------------------------------------------------------------

export interface CameraShown {
  readonly camera_id: string;
  readonly name: string;
  readonly state: string;
  readonly restarts: number;
  readonly trouble: string;
}

export const cameras = (deployment: string, background = false): Promise<CameraShown[]> => get(path("recognition", "deployments", deployment, "cameras"), background);

/** The newest picture of a camera, and when it was taken; null while there is none yet. */
export async function view(deployment: string, camera: string): Promise<{ image: Blob; at: string } | null> {
  const answer = await picture(path("recognition", "deployments", deployment, "cameras", camera, "view"));
  return answer.status === 204 ? null : { image: await answer.blob(), at: answer.headers.get("X-Bowstreet-Captured") ?? "" };
}
