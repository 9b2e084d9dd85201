// What the console knows, as signals. A panel that reads one is drawn again when that one changes, and at no other time.

import { batch, computed, effect, signal } from "@preact/signals";
import { carried } from "./clock.ts";
import { Connection, type Link } from "./connection.ts";
import { afterTick, fromSnapshot, isOver, type Picture } from "./picture.ts";
import type { Dock, Drone, FeedEvent, Frame, Incident, Ledger, Me, Millis, Mission, Run, Wind } from "./wire.ts";

const PANEL_MS = 1_000; // tables of the fleet follow at the pace of reading; the map follows every frame

export const link = signal<Link>({ kind: "connecting" });
export const run = signal<Run | null>(null);
export const me = signal<Me | null>(null);
export const docks = signal<ReadonlyMap<string, Dock>>(new Map());
export const incidents = signal<ReadonlyMap<string, Incident>>(new Map());
export const missions = signal<ReadonlyMap<string, Mission>>(new Map());
export const events = signal<readonly FeedEvent[]>([]);
export const wind = signal<Wind | null>(null);
export const ledger = signal<Ledger | null>(null);

/** The fleet as of the last frame: five times a second. */
export const drones = signal<readonly Drone[]>([]);
/** The fleet for tables: once a second, and at once when a status or phase changes. */
export const fleet = signal<readonly Drone[]>([]);
/** Whole seconds of the operation's clock. */
export const now = signal(0);

export const dronesById = computed(() => new Map(drones.value.map((drone) => [drone.id, drone])));
export const missionOfVehicle = computed(() => {
  const flying = [...missions.value.values()].filter((mission) => !isOver(mission));
  return new Map(flying.map((mission) => [mission.vehicle_id, mission]));
});

let picture: Picture | null = null;
let anchor = { at: 0, received: 0, speed: 1 };
let fleetShownAt = 0;

type Watcher = (picture: Picture, receivedAt: number, fresh: boolean) => void;
const watchers = new Set<Watcher>();

/** Called after every frame, outside of any drawing: for the map. `fresh` is true after a snapshot. */
export function watchFrames(watcher: Watcher): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function takeFrame(frame: Frame, receivedAt: number): void {
  const before = picture;
  if (frame.type === "tick" && before === null) return;
  const next = frame.type === "snapshot" ? fromSnapshot(frame) : afterTick(before as Picture, frame);
  picture = next;
  anchor = { at: next.at, received: receivedAt, speed: next.run.speed };
  batch(() => {
    run.value = next.run;
    me.value = next.me;
    drones.value = next.drones;
    docks.value = next.docks;
    incidents.value = next.incidents;
    missions.value = next.missions;
    events.value = next.events;
    wind.value = next.wind;
    ledger.value = next.ledger;
    if (receivedAt - fleetShownAt >= PANEL_MS || (before !== null && turned(before.drones, next.drones))) {
      fleetShownAt = receivedAt;
      fleet.value = next.drones;
    }
    now.value = Math.floor(next.at / 1000);
  });
  for (const watcher of watchers) watcher(next, receivedAt, frame.type === "snapshot");
}

function turned(before: readonly Drone[], after: readonly Drone[]): boolean {
  return before.length !== after.length || after.some((drone, place) => drone.status !== before[place]?.status || drone.phase !== before[place]?.phase);
}

/** The operation's clock now, in milliseconds: that of the last frame, carried on at the run's speed for as long as frames come. */
export function operationNow(): number {
  const silent = Math.min(performance.now() - anchor.received, 1_000);
  return anchor.at + silent * anchor.speed;
}

// --- the clock of whoever has no live feed ------------------------------------------------------------------------------

let ticking: number | undefined;

/** The operation's clock as the program has just told it; it goes on from there. */
export function startClock(at: Millis, speed: number): void {
  stopClock();
  const told = performance.now();
  const tick = (): void => {
    now.value = carried(at, speed, performance.now() - told);
  };
  tick();
  ticking = window.setInterval(tick, 1_000 / Math.max(1, Math.min(5, speed)));
}

export function stopClock(): void {
  clearInterval(ticking);
}

/** How long ago the last frame came, in seconds. */
export function silentSeconds(): number {
  return (performance.now() - anchor.received) / 1000;
}

let connection: Connection | null = null;

/** Look at the operation until `stopFeed`. */
export function startFeed(onSignedOut: () => void): void {
  stopFeed();
  const url = new URL("api/v1/live", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  connection = new Connection(url.href, {
    onFrame: takeFrame,
    onLink: (next) => {
      link.value = next;
    },
    onSignedOut,
    isPilot: () => flownByMe.peek(),
    speed: () => run.peek()?.speed ?? 1,
  });
  connection.start();
}

export function stopFeed(): void {
  connection?.stop();
  connection = null;
}

export function retryNow(): void {
  connection?.now();
}

/** Forget what was seen, so that the next person who signs in does not see it. */
export function forget(): void {
  picture = null;
  batch(() => {
    me.value = null;
    run.value = null;
    drones.value = fleet.value = [];
    docks.value = new Map();
    incidents.value = new Map();
    missions.value = new Map();
    events.value = [];
  });
}

/** Whether the person at this console flies a drone now. */
export const flownByMe = computed(() => {
  const account = me.value?.account_id;
  return account !== undefined && [...missions.value.values()].some((mission) => mission.pilot_account_id === account && !isOver(mission));
});

/** Draw the page grey while what it shows may be old. */
effect(() => {
  document.documentElement.dataset["link"] = link.value.kind;
});
