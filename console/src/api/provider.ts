// The way to the identity provider and back. Where the person was is kept in this tab alone; no address comes from outside.

import { signal } from "@preact/signals";
import { forgetAddress, go, route } from "../route.ts";
import { act } from "./client.ts";

const WAS_AT = "bowstreet-was-at";

/** Why a proof at the provider was not accepted, of somebody who is still signed in. */
export const notProved = signal("");

const REFUSED: Record<string, string> = {
  "not-permitted": "Your account at the identity provider has no role here. Ask who runs it for the group that your work needs.",
  "provider-unavailable": "The identity provider cannot be used now. Sign in another way, or try again later.",
  "too-many-attempts": "Too many attempts. Wait a minute, then try again.",
};

/** Leave the page; the browser comes back to it by itself. */
export async function leaveForProvider(path: "session/oidc" | "session/proof/oidc"): Promise<void> {
  const { location: there } = await act<{ location: string }>("POST", path);
  sessionStorage.setItem(WAS_AT, route.peek().page);
  location.assign(there);
}

/** At the start of the page: after a way back, go on where the person was. Gives why it was refused, "" when it was not. */
export function comeBack(): string {
  const { page, query } = route.peek();
  if (page !== "signed-in") return "";
  const refused = query.get("refused");
  const was = sessionStorage.getItem(WAS_AT) ?? "";
  sessionStorage.removeItem(WAS_AT);
  forgetAddress();
  if (/^[a-z]+$/.test(was)) go(was);
  return refused === null ? "" : (REFUSED[refused] ?? "The identity provider’s answer was not accepted. Sign in again.");
}
