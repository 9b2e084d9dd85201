// The live feed's WebSocket: connects, notices silence, comes back by itself.

import { type Frame, parseFrame, PROTOCOLS } from "./wire.ts";

export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "stale" } // the connection stands and says nothing
  | { readonly kind: "waiting"; readonly retryAt: number; readonly attempt: number; readonly why: string }
  | { readonly kind: "ended"; readonly why: string };

export const STALE_MS = 3_000; // 15 frames missed: what is shown may no longer be so
export const DEAD_MS = 10_000; // a connection that says nothing for so long is given up
const CHECK_MS = 250;
const HEARTBEAT_MS = 1_000;
const SHORTEST_HEARTBEAT_MS = 400; // two consoles of one account stay within what the server takes, five a second
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

// Close codes of the server. The first two will not get better by trying again.
const NOT_SIGNED_IN = 4401;
const NOT_PERMITTED = 4403;
const TOO_MANY = 4429;
const RESTARTS = 1012;

/** How long to wait before try number `attempt` (from 0): doubled each time, and spread, so that consoles do not all return at once. */
export function backOff(attempt: number, spread = Math.random()): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.75 + spread / 2);
}

/** Between two heartbeats: a second of the operation's clock, by which the server counts a pilot's silence. */
export function heartbeatEvery(speed: number): number {
  return Math.max(SHORTEST_HEARTBEAT_MS, HEARTBEAT_MS / Math.max(1, speed));
}

export interface Hooks {
  onFrame(frame: Frame, receivedAt: number): void;
  onLink(link: Link): void;
  onSignedOut(): void;
  /** Whether the server should be told that a pilot sits here. */
  isPilot(): boolean;
  /** How many times as fast as real time the operation's clock goes. */
  speed(): number;
}

export class Connection {
  private socket: WebSocket | undefined;
  private attempt = 0;
  private lastFrameAt = 0;
  private link: Link = { kind: "connecting" };
  private checks: number | undefined;
  private nextBeat: number | undefined;
  private retry: number | undefined;
  private readonly url: string;
  private readonly hooks: Hooks;

  constructor(url: string, hooks: Hooks) {
    this.url = url;
    this.hooks = hooks;
  }

  start(): void {
    this.checks = window.setInterval(this.check, CHECK_MS);
    this.beatLater();
    window.addEventListener("online", this.now);
    this.open();
  }

  stop(): void {
    clearInterval(this.checks);
    clearTimeout(this.nextBeat);
    clearTimeout(this.retry);
    window.removeEventListener("online", this.now);
    this.leave();
  }

  /** Try again at once, as a person asked or the network came back. */
  readonly now = (): void => {
    if (this.link.kind !== "waiting") return;
    clearTimeout(this.retry);
    this.open();
  };

  private open(): void {
    this.become({ kind: "connecting" });
    const socket = new WebSocket(this.url, PROTOCOLS);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (message) => this.take(message.data as string | ArrayBuffer);
    socket.onclose = (closed) => this.closed(closed.code, closed.reason);
    this.socket = socket;
    this.lastFrameAt = performance.now(); // what is silent from the start is given up, too
  }

  private take(data: string | ArrayBuffer): void {
    const receivedAt = performance.now();
    let frame: Frame;
    try {
      frame = parseFrame(data);
    } catch (error) {
      console.error("a frame could not be read", error);
      this.leave();
      this.wait("the feed says what this console does not understand: load the page again");
      return;
    }
    this.lastFrameAt = receivedAt;
    this.attempt = 0;
    if (this.link.kind !== "live") this.become({ kind: "live" });
    this.hooks.onFrame(frame, receivedAt);
  }

  private closed(code: number, reason: string): void {
    this.socket = undefined;
    if (code === NOT_SIGNED_IN) {
      this.become({ kind: "ended", why: "the session has ended" });
      this.hooks.onSignedOut();
    } else if (code === NOT_PERMITTED) {
      this.become({ kind: "ended", why: reason || "this account may not see the operation" });
    } else if (code === TOO_MANY) {
      this.attempt = Math.max(this.attempt, 4); // it asked for less
      this.wait(reason || "too many consoles for one account");
    } else {
      this.wait(code === RESTARTS ? "the program stops" : "the connection is lost");
    }
  }

  private wait(why: string): void {
    const delay = backOff(this.attempt++);
    this.become({ kind: "waiting", retryAt: performance.now() + delay, attempt: this.attempt, why });
    this.retry = window.setTimeout(() => this.open(), delay);
  }

  private readonly check = (): void => {
    const silent = performance.now() - this.lastFrameAt;
    if (this.link.kind === "live" && silent > STALE_MS) this.become({ kind: "stale" });
    if ((this.link.kind === "stale" || this.link.kind === "connecting") && silent > DEAD_MS) {
      this.leave();
      this.wait("the program does not answer");
    }
  };

  private readonly heartbeat = (): void => {
    if (this.socket?.readyState === WebSocket.OPEN && this.hooks.isPilot()) this.socket.send('{"type":"heartbeat"}');
    this.beatLater();
  };

  private beatLater(): void {
    this.nextBeat = window.setTimeout(this.heartbeat, heartbeatEvery(this.hooks.speed()));
  }

  private leave(): void {
    if (this.socket === undefined) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = undefined;
  }

  private become(link: Link): void {
    this.link = link;
    this.hooks.onLink(link);
  }
}
