import assert from "node:assert/strict";
import { test } from "node:test";
import { backOff, Connection, DEAD_MS, heartbeatEvery, type Link, STALE_MS } from "../src/feed/connection.ts";
import type { Frame } from "../src/feed/wire.ts";

test("waits grow, are spread, and have an end", () => {
  assert.deepEqual([0, 1, 2, 3].map((n) => backOff(n, 0.5)), [500, 1000, 2000, 4000]);
  assert.equal(backOff(30, 0.5), 15_000);
  assert.ok(backOff(30, 0) >= 11_000 && backOff(30, 1) <= 19_000);
});

/** The browser's part: timers that a test turns, and sockets that it holds. */
class Stage {
  now = 0;
  sockets: FakeSocket[] = [];
  private timers = new Map<number, { every: number; due: number; act: () => void; once: boolean }>();
  private next = 1;

  readonly window = {
    setInterval: (act: () => void, every: number) => this.timer(act, every, false),
    setTimeout: (act: () => void, every: number) => this.timer(act, every, true),
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  };

  private timer(act: () => void, every: number, once: boolean): number {
    this.timers.set(this.next, { every, due: this.now + every, act, once });
    return this.next++;
  }

  readonly clear = (id: number): void => void this.timers.delete(id);

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const [due] = [...this.timers].filter(([, timer]) => timer.due <= end).sort((a, b) => a[1].due - b[1].due);
      if (due === undefined) break;
      const [id, timer] = due;
      this.now = timer.due;
      if (timer.once) this.timers.delete(id);
      else timer.due += timer.every;
      timer.act();
    }
    this.now = end;
  }
}

class FakeSocket {
  static OPEN = 1;
  readyState = 1;
  binaryType = "";
  sent: string[] = [];
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((closed: { code: number; reason: string }) => void) | null = null;
  closed = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

function staged(pilot = false, speed = 1) {
  const stage = new Stage();
  const world = globalThis as Record<string, unknown>;
  world["window"] = stage.window;
  world["clearInterval"] = world["clearTimeout"] = stage.clear;
  world["performance"] = { now: () => stage.now };
  world["WebSocket"] = class extends FakeSocket {
    constructor() {
      super();
      stage.sockets.push(this);
    }
  };
  const links: Link[] = [];
  const frames: Frame[] = [];
  let signedOut = 0;
  const connection = new Connection("ws://here/", {
    onFrame: (frame) => frames.push(frame),
    onLink: (link) => links.push(link),
    onSignedOut: () => signedOut++,
    isPilot: () => pilot,
    speed: () => speed,
  });
  connection.start();
  return { stage, links, frames, connection, last: () => links.at(-1) as Link, out: () => signedOut };
}

const TICK = { type: "tick", seq: 1, at: "2026-11-23T15:00:00Z", d: [] };

test("silence is noticed, and frames end it", () => {
  const { stage, last } = staged();
  stage.sockets[0]?.say(TICK);
  assert.equal(last().kind, "live");
  stage.pass(STALE_MS + 500);
  assert.equal(last().kind, "stale");
  stage.sockets[0]?.say(TICK);
  assert.equal(last().kind, "live");
});

test("a connection that says nothing any more is given up and made again", () => {
  const { stage, last } = staged();
  stage.sockets[0]?.say(TICK);
  stage.pass(DEAD_MS + 500);
  assert.equal(last().kind, "waiting");
  assert.equal(stage.sockets[0]?.closed, true);
  stage.pass(1_000);
  assert.equal(stage.sockets.length, 2);
  stage.sockets[1]?.say(TICK);
  assert.equal(last().kind, "live");
});

test("a lost connection is tried again, later each time, until it stands", () => {
  const { stage, links } = staged();
  for (let n = 0; n < 6; n++) {
    stage.sockets.at(-1)?.onclose?.({ code: 1006, reason: "" });
    stage.pass(20_000);
  }
  const waits = links.filter((link) => link.kind === "waiting").map((link) => link.attempt);
  assert.deepEqual(waits.slice(0, 3), [1, 2, 3]);
  const before = stage.sockets.length;
  stage.sockets.at(-1)?.say(TICK);
  stage.sockets.at(-1)?.onclose?.({ code: 1006, reason: "" });
  const link = links.at(-1) as Link;
  assert.ok(link.kind === "waiting" && link.attempt === 1, "a connection that stood begins anew");
  stage.pass(1_000);
  assert.equal(stage.sockets.length, before + 1);
});

test("an ended session is not tried again", () => {
  const { stage, last, out } = staged();
  stage.sockets[0]?.onclose?.({ code: 4401, reason: "the session has ended" });
  stage.pass(60_000);
  assert.equal(last().kind, "ended");
  assert.equal(out(), 1);
  assert.equal(stage.sockets.length, 1);
});

test("a pilot's console says that it is there, others say nothing", () => {
  const pilot = staged(true);
  pilot.stage.pass(3_500);
  assert.deepEqual(pilot.stage.sockets[0]?.sent, ['{"type":"heartbeat"}', '{"type":"heartbeat"}', '{"type":"heartbeat"}']);
  const other = staged(false);
  other.stage.pass(3_500);
  assert.deepEqual(other.stage.sockets[0]?.sent, []);
});

test("a pilot is heard as often when the operation's clock goes faster, within what the server takes", () => {
  const quick = staged(true, 2);
  quick.stage.pass(3_200);
  assert.equal(quick.stage.sockets[0]?.sent.length, 6);
  assert.deepEqual([0.5, 1, 2, 5, 100].map(heartbeatEvery), [1_000, 1_000, 500, 400, 400]);
});

test("a console that is left says nothing more", () => {
  const left = staged(true);
  left.connection.stop();
  left.stage.pass(5_000);
  assert.deepEqual(left.stage.sockets[0]?.sent, []);
});

test("a frame that cannot be read ends the connection, and is not shown", () => {
  const { stage, frames, last } = staged();
  const { error } = console;
  console.error = () => undefined;
  stage.sockets[0]?.onmessage?.({ data: "{" });
  console.error = error;
  assert.equal(frames.length, 0);
  assert.equal(last().kind, "waiting");
});
