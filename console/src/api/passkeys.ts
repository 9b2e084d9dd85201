// Passkeys and sessions: requests, and the browser's own part in them. What the device says goes to the program as it is.

import type { Millis } from "../feed/wire.ts";
import { act, get, path, Problem } from "./client.ts";

export interface Ways {
  readonly passkeys: boolean;
  readonly why_no_passkeys: string;
  readonly provider: string;
}

export interface PasskeyOf {
  readonly passkey_id: string;
  readonly label: string;
  readonly made_at: Millis;
  readonly used_at: Millis | null;
  readonly stopped_at: Millis | null;
  readonly host: string;
}

export interface OpenSession {
  readonly session_id: string;
  readonly how: string;
  readonly opened_at: Millis;
  readonly used_at: Millis;
  readonly expires_at: Millis;
  readonly here: boolean;
}

interface Question<T> {
  readonly options: T;
}

export const signInWays = (): Promise<Ways> => get("session/ways");
export const passkeys = (): Promise<PasskeyOf[]> => get("passkeys");
export const namePasskey = (id: string, label: string): Promise<PasskeyOf> => act("POST", path("passkeys", id, "name"), { label });
export const removePasskey = (id: string): Promise<void> => act("POST", path("passkeys", id, "remove"));
export const sessions = (): Promise<OpenSession[]> => get("sessions");
export const endSession = (id: string): Promise<void> => act("POST", path("sessions", id, "end"));
export const endSessionsOf = (account: string): Promise<void> => act("POST", path("accounts", account, "sessions", "end"));
export const proveByPassword = (password: string): Promise<unknown> => act("POST", "session/proof", { password });
export const proveByPasskey = (): Promise<unknown> => answeredByPasskey("session/proof/passkey");

/** Whether this browser has passkeys at all, and reads the program's questions as they are written. */
export function browserHasPasskeys(): boolean {
  return typeof PublicKeyCredential === "function" && typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function";
}

/** The browser asks the person for a passkey they have, and the program hears what it said. */
export async function answeredByPasskey<T>(at: "session/passkey" | "session/proof/passkey"): Promise<T> {
  const { options } = await act<Question<PublicKeyCredentialRequestOptionsJSON>>("POST", `${at}/question`);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await device(() => navigator.credentials.get({ publicKey }));
  return act("POST", at, { credential });
}

/** The browser asks a device to make a passkey. */
export async function makePasskey(label: string): Promise<PasskeyOf> {
  const { options } = await act<Question<PublicKeyCredentialCreationOptionsJSON>>("POST", "passkeys/question");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await device(() => navigator.credentials.create({ publicKey }));
  return act("POST", "passkeys", { label, credential });
}

async function device(ask: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const given = (await ask()) as PublicKeyCredential | null;
    if (given !== null) return given.toJSON();
  } catch (error) {
    if (error instanceof DOMException && error.name === "InvalidStateError") {
      throw new Problem(0, { title: "There is one already", detail: "this device has a passkey of yours", remedy: "use that one, or another device" });
    }
  }
  throw new Problem(0, { title: "No passkey", detail: "the device gave no passkey", remedy: "try again, or use another way" });
}
