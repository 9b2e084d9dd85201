// An officer's phones that are called when an alert waits: three requests of docs/recognition.md.

import type { Millis } from "../feed/wire.ts";
import { act, get, path } from "./client.ts";

export interface Phone {
  readonly subscription_id: string;
  readonly push_service: string;
  readonly endpoint_sha256: string;
  readonly made_at: Millis;
  readonly until: Millis;
  readonly this_sign_in: boolean;
}

export interface Callouts {
  readonly enabled: boolean;
  readonly application_server_key: string;
  readonly consent: string;
  readonly push_services: readonly string[];
  readonly phones: readonly Phone[];
}

export interface Given {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
  readonly consent: string;
}

export const callouts = (): Promise<Callouts> => get("recognition/callouts", true);
export const callPhone = (given: Given): Promise<Phone> => act("POST", "recognition/callouts", given);
export const callNoMore = (id: string): Promise<void> => act("DELETE", path("recognition", "callouts", id));
