// This phone as the browser and the program have it: whether it can be called, is called, and how that begins and ends.

import { callNoMore, callPhone, callouts, type Callouts, type Phone } from "./api/callouts.ts";
import { Problem } from "./api/client.ts";
import { go } from "./route.ts";

/** To which words an officer agrees (`pages/CallPhone.tsx`); the program takes consent to these only. */
export const CONSENT = "2026-11";
const WORKER = "./alerts-worker.js";

export type Standing =
  | { readonly kind: "cannot"; readonly why: string }
  | { readonly kind: "off" | "on"; readonly said: Callouts; readonly here: Phone | null };

/** Why this browser cannot be called; "" when it can. */
function whyNot(): string {
  if (!window.isSecureContext) return "This page is not reached by https, so that browsers do not let it be called.";
  const away = (navigator as { standalone?: boolean }).standalone === false;
  if (away && !("PushManager" in window)) return "On an iPhone or iPad, first put this page on the home screen (Share, Add to Home Screen), then open it from there.";
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return "This browser cannot be called.";
  return "";
}

/** A press on a notification, with the page open: its alert is shown. Call it once, at the start. */
export function openWhatIsPressed(): void {
  navigator.serviceWorker?.addEventListener("message", (event: MessageEvent<unknown>) => {
    const said = event.data;
    if (typeof said === "object" && said !== null && "open" in said && typeof said.open === "string") go(`alerts?id=${encodeURIComponent(said.open)}`);
  });
}

async function registration(): Promise<ServiceWorkerRegistration> {
  await navigator.serviceWorker.register(new URL(WORKER, document.baseURI), { updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

/** How it is now. A phone that is called, and whose officer has signed in again, goes on being called for this sign-in. */
export async function standing(): Promise<Standing> {
  const why = whyNot();
  if (why !== "") return { kind: "cannot", why };
  const said = await callouts();
  if (!said.enabled) return { kind: "cannot", why: "Phones are not called here: the operator has this switched off." };
  const held = await (await registration()).pushManager.getSubscription();
  const digest = held === null ? "" : await sha256(held.endpoint);
  const here = said.phones.find((one) => one.endpoint_sha256 === digest) ?? null;
  if (here === null || held === null) return { kind: "off", said, here: null };
  if (here.this_sign_in) return { kind: "on", said, here };
  await give(held);
  return standingAgain();
}

async function standingAgain(): Promise<Standing> {
  const said = await callouts();
  const here = said.phones.find((one) => one.this_sign_in) ?? null;
  return { kind: here === null ? "off" : "on", said, here };
}

/** Have this phone called, after a person pressed that. Throws a `Problem`. */
export async function begin(said: Callouts): Promise<void> {
  if (said.consent !== CONSENT) throw cannot("what you are asked to agree to has changed", "load this page again");
  if ((await Notification.requestPermission()) !== "granted") throw cannot("this browser does not let the page show notifications", "allow them in its settings for this site, then try again");
  const manager = (await registration()).pushManager;
  const key = bytes(said.application_server_key);
  const before = await manager.getSubscription();
  if (before !== null && !same(before.options.applicationServerKey, key)) await before.unsubscribe();
  const held = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch(() => {
    throw cannot("this browser’s push service does not answer", "try again, or keep the page open");
  });
  try {
    await give(held);
  } catch (error) {
    await held.unsubscribe();
    throw error;
  }
}

const cannot = (detail: string, remedy: string): Problem => new Problem(0, { title: "This phone cannot be called", detail, remedy });

/** Call it no more. Another of one's own phones is known by its id only. */
export async function end(phone: Phone, isHere: boolean): Promise<void> {
  await callNoMore(phone.subscription_id);
  if (isHere) await (await (await registration()).pushManager.getSubscription())?.unsubscribe();
}

async function give(held: PushSubscription): Promise<void> {
  const { endpoint, keys } = held.toJSON();
  await callPhone({ endpoint: endpoint ?? "", keys: { p256dh: keys?.["p256dh"] ?? "", auth: keys?.["auth"] ?? "" }, consent: CONSENT });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Of base64url. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}

function same(one: ArrayBuffer | null, other: Uint8Array): boolean {
  const held = new Uint8Array(one ?? new ArrayBuffer(0));
  return held.length === other.length && held.every((byte, at) => byte === other[at]);
}
