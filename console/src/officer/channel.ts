// The one socket of the page: what goes on, and small pictures. It asks for each, so that nothing old waits on the way; when nothing has
// come for a while it starts anew.

import { type Came, type Clock, ENOUGH_ANSWERS, heard, kept } from "./rate.ts";
import { readStill, type State, type Still } from "./wire.ts";

const PING_MS = 2_000;
const FIRST_PING_MS = 500;
/** Nothing at all for so long, not even an answer to a ping: the link has stalled. */
const SILENT_MS = 6_000;
const FIRST_AGAIN_MS = 500;
const MOST_AGAIN_MS = 8_000;
const OVER = 4410;
const NOT_HERE = 4401;

export interface Listener {
  onState(state: State): void;
  onStill(still: Still): void;
  /** The link opens nothing any more; asking why is another request. */
  onOver(): void;
}

export class Channel {
  clock: Clock | null = null;
  came: readonly Came[] = [];
  /** When anything last came, by the phone's clock. */
  heardMs = Date.now();
  open = false;
  private readonly address: string;
  private readonly listener: Listener;
  private socket: WebSocket | null = null;
  private pinged: number | null = null;
  private answeredMs = 0;
  private again = FIRST_AGAIN_MS;
  private timer = 0;
  private beat = 0;
  private pingedMs = 0;
  private wanted = true;
  private asked = false;

  constructor(address: string, listener: Listener) {
    this.address = address;
    this.listener = listener;
    this.connect();
    this.beat = window.setInterval(() => this.look(), FIRST_PING_MS);
  }

  /** Whether small pictures are wanted now. */
  set stills(on: boolean) {
    this.wanted = on;
    if (on) this.more();
  }

  /** What the program's clock says now; the phone's own while they have not met. */
  now(): number {
    return Date.now() + (this.clock?.offsetMs ?? 0);
  }

  /** How long the last ping took, or has taken until now. */
  waitMs(): number {
    return this.pinged === null ? this.answeredMs : Math.max(this.answeredMs, Date.now() - this.pinged);
  }

  close(): void {
    window.clearTimeout(this.timer);
    window.clearInterval(this.beat);
    this.drop();
  }

  private connect(): void {
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heardMs = Date.now();
    this.asked = false;
    socket.onopen = () => {
      this.open = true;
      this.ping();
      this.say("go");
      this.more();
    };
    socket.onmessage = ({ data }) => this.hear(data as string | ArrayBuffer);
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return;
      this.drop();
      if (code === OVER || code === NOT_HERE) return this.listener.onOver();
      this.timer = window.setTimeout(() => this.connect(), this.again);
      this.again = Math.min(MOST_AGAIN_MS, this.again * 2);
    };
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.open = false;
    this.pinged = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private hear(data: string | ArrayBuffer): void {
    const now = Date.now();
    this.heardMs = now;
    this.again = FIRST_AGAIN_MS;
    if (typeof data !== "string") return this.picture(data, now);
    const said = JSON.parse(data) as { type: "pong"; t: number; now_ms: number } | ({ type: "state" } & State);
    if (said.type === "pong") {
      this.answeredMs = now - said.t;
      this.pinged = null;
      this.clock = heard(this.clock, said.t, now, said.now_ms);
      return;
    }
    this.listener.onState(said);
    this.say("go");
  }

  private picture(data: ArrayBuffer, now: number): void {
    this.asked = false;
    const still = readStill(data);
    if (still !== null) {
      this.came = [...kept(this.came, now), { atMs: now, sentMs: still.sentMs, bytes: data.byteLength }];
      this.listener.onStill(still);
    }
    this.more();
  }

  private more(): void {
    if (!this.wanted || this.asked || !this.open) return;
    this.asked = true;
    this.say("more");
  }

  private ping(): void {
    this.pinged = this.pingedMs = Date.now();
    this.socket?.send(JSON.stringify({ type: "ping", t: this.pinged }));
  }

  private say(what: "go" | "more"): void {
    if (this.open) this.socket?.send(`{"type":"${what}"}`);
  }

  private look(): void {
    if (this.socket === null) return;
    if (Date.now() - this.heardMs > SILENT_MS) {
      this.drop();
      this.connect();
    } else if (this.open && this.pinged === null) {
      const every = (this.clock?.answers ?? 0) < ENOUGH_ANSWERS ? FIRST_PING_MS : PING_MS;
      if (Date.now() - this.pingedMs >= every) this.ping();
    }
  }
}
