// Called by the browser when a call comes, with the page closed too: shows that an alert waits, and opens the page on a press.
// It answers no request of the page and keeps nothing: no picture and no word of anybody is ever in this browser's storage.

import { noticeOf, pageOf } from "./words.ts";

interface Client {
  focus(): Promise<unknown>;
  postMessage(message: unknown): void;
}
interface Happening {
  waitUntil(work: Promise<unknown>): void;
}
interface Called extends Happening {
  readonly data: { text(): string } | null;
}
interface Pressed extends Happening {
  readonly notification: { readonly data: unknown; close(): void };
}
/** As far as it is used; the whole of it would clash with what a page has. */
interface Worker {
  addEventListener(kind: "install" | "activate", act: (event: Happening) => void): void;
  addEventListener(kind: "push", act: (event: Called) => void): void;
  addEventListener(kind: "notificationclick", act: (event: Pressed) => void): void;
  skipWaiting(): Promise<void>;
  readonly registration: { readonly scope: string; showNotification(title: string, options: object): Promise<void> };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: object): Promise<readonly Client[]>;
    openWindow(address: string): Promise<unknown>;
  };
}
const worker = self as unknown as Worker;

worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("push", (event) => {
  const { title, body, tag, alert } = noticeOf(event.data?.text() ?? "");
  const shown = { body, tag, renotify: true, requireInteraction: true, icon: "./icon-192.png", badge: "./badge-96.png", vibrate: [120, 80, 120], data: alert };
  event.waitUntil(worker.registration.showNotification(title, shown));
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(typeof event.notification.data === "string" ? event.notification.data : ""));
});

/** In a window that is there, or a new one. */
async function open(alert: string): Promise<void> {
  const [there] = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (there === undefined) {
    await worker.clients.openWindow(new URL(pageOf(alert), worker.registration.scope).href);
    return;
  }
  there.postMessage({ open: alert });
  await there.focus();
}
