// Links by which officers on the ground see one incident.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface OfficerLink {
  readonly link_id: string;
  readonly recipient: string;
  readonly purpose: string;
  readonly made_by: string;
  readonly made_at: Millis;
  readonly expires_at: Millis;
  readonly words: boolean;
  readonly state: "made" | "opened" | "ended";
  readonly devices: number;
  readonly most_devices: number;
  readonly looking: number;
  readonly turned_away: number;
  readonly ended: string;
}

export interface NewLink {
  readonly recipient: string;
  readonly purpose: string;
  readonly minutes: number;
  readonly devices: number;
  readonly words: boolean;
}

export const officerLinks = (incident: string): Promise<readonly OfficerLink[]> => get(path("incidents", incident, "links"), true);
/** The address is answered this once, and is kept nowhere. */
export const makeLink = (incident: string, said: NewLink): Promise<{ link: OfficerLink; address: string }> =>
  act("POST", path("incidents", incident, "links"), said);
export const revokeLink = (link: string): Promise<OfficerLink> => act("POST", path("officer-links", link, "revoke"));
