// The adjudicating officer's own feed: the list of alerts, whenever one changes, and what the operation's clock says then.

import { signal } from "@preact/signals";
import type { Alert } from "./api/recognition.ts";
import { backOff } from "./feed/connection.ts";
import { withTimes } from "./feed/wire.ts";
import { isOpen } from "./recognition.ts";
import { keepTime } from "./session.ts";
import { announce } from "./state.ts";

export type Heard = "connecting" | "live" | "lost" | "refused";

export const alerts = signal<readonly Alert[]>([]);
export const heard = signal<Heard>("connecting");

const SILENT_MS = 25_000; // the program says something every ten seconds
let socket: WebSocket | null = null;
let retry: number | undefined;
let watch: number | undefined;
let receivedAt = 0;
let attempt = 0;
let known = new Set<string>();
let first = true;

export function watchAlerts(onSignedOut: () => void): () => void {
  let here = true;
  first = true;
  const open = (): void => {
    const url = new URL("api/v1/recognition/live", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url.href);
    socket.onmessage = (message) => take(String(message.data));
    socket.onclose = (closed) => {
      socket = null;
      if (!here) return;
      if (closed.code === 4401) return onSignedOut();
      if (closed.code === 4403) return void (heard.value = "refused");
      heard.value = "lost";
      retry = window.setTimeout(open, backOff(attempt++));
    };
  };
  open();
  watch = window.setInterval(() => {
    if (heard.peek() === "live" && performance.now() - receivedAt > SILENT_MS) socket?.close();
  }, 500);
  return () => {
    here = false;
    clearTimeout(retry);
    clearInterval(watch);
    socket?.close();
    alerts.value = [];
    heard.value = "connecting";
  };
}

function take(data: string): void {
  const said = JSON.parse(data) as { now: string; alerts: unknown };
  receivedAt = performance.now();
  keepTime(Date.parse(said.now));
  attempt = 0;
  heard.value = "live";
  const list = withTimes(said.alerts) as readonly Alert[];
  const fresh = list.filter((one) => one.state === "raised" && !known.has(one.alert_id));
  known = new Set(list.filter(isOpen).map((one) => one.alert_id));
  alerts.value = list;
  if (fresh.length > 0 && !first) tellOf(fresh.length);
  first = false;
}

/** By vibration and words; a phone in a pocket makes no light. */
function tellOf(count: number): void {
  navigator.vibrate?.([120, 80, 120]);
  announce(count === 1 ? "A new alert." : `${count} new alerts.`);
}
