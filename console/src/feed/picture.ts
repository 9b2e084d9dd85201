// Frame in, picture out. Pure: what did not change keeps its identity, so that a panel can tell by `===`.

import type { Dock, Drone, DroneRow, FeedEvent, Incident, Ledger, Me, Millis, Mission, Run, Snapshot, Tick, Wind } from "./wire.ts";

export interface Picture {
  readonly seq: number;
  readonly at: Millis;
  readonly run: Run;
  readonly me: Me;
  readonly drones: readonly Drone[];
  readonly docks: ReadonlyMap<string, Dock>;
  readonly incidents: ReadonlyMap<string, Incident>;
  readonly missions: ReadonlyMap<string, Mission>;
  readonly events: readonly FeedEvent[]; // oldest first
  readonly wind: Wind | null;
  readonly ledger: Ledger | null;
}

export const EVENTS_KEPT = 500; // as many as the server keeps for a new console
export const ENDED_KEPT = 200; // closed incidents and ended missions, each: a shift must not fill the memory

const FINAL_PHASES = new Set(["done", "aborted", "lost"]);

export function isOver(mission: Mission): boolean {
  return FINAL_PHASES.has(mission.phase);
}

export function fromSnapshot(frame: Snapshot): Picture {
  return {
    seq: frame.seq,
    at: frame.at,
    run: frame.run,
    me: frame.me,
    drones: frame.drones,
    docks: byId(frame.docks),
    incidents: byId(frame.incidents),
    missions: byId(frame.missions),
    events: frame.events.slice(-EVENTS_KEPT),
    wind: frame.wind ?? null,
    ledger: frame.ledger ?? null,
  };
}

/** The picture after `tick`. A tick that is not newer than the picture changes nothing. */
export function afterTick(picture: Picture, tick: Tick): Picture {
  if (tick.seq <= picture.seq) return picture;
  return {
    ...picture,
    seq: tick.seq,
    at: tick.at,
    drones: moved(withDrones(picture.drones, tick.drones), tick.d),
    docks: merged(picture.docks, tick.docks),
    incidents: bounded(merged(picture.incidents, tick.incidents), (incident) => incident.state === "closed"),
    missions: bounded(merged(picture.missions, tick.missions), isOver),
    events: tick.events?.length ? [...picture.events, ...tick.events].slice(-EVENTS_KEPT) : picture.events,
    wind: tick.wind ?? picture.wind,
    ledger: tick.ledger ?? picture.ledger,
  };
}

function byId<V extends { readonly id: string }>(values: readonly V[]): ReadonlyMap<string, V> {
  return new Map(values.map((value) => [value.id, value]));
}

function merged<V extends { readonly id: string }>(known: ReadonlyMap<string, V>, changed?: readonly V[]): ReadonlyMap<string, V> {
  if (!changed?.length) return known;
  const all = new Map(known);
  for (const value of changed) {
    all.delete(value.id); // so that the order is that of the last change
    all.set(value.id, value);
  }
  return all;
}

function bounded<V>(values: ReadonlyMap<string, V>, ended: (value: V) => boolean): ReadonlyMap<string, V> {
  if (values.size <= ENDED_KEPT) return values;
  const over = [...values].filter(([, value]) => ended(value)).slice(0, -ENDED_KEPT);
  if (over.length === 0) return values;
  const kept = new Map(values);
  for (const [id] of over) kept.delete(id);
  return kept;
}

/** Whole drones of a tick: those whose reason or mission changed, and those seen for the first time, in the order of their places. */
function withDrones(drones: readonly Drone[], changed?: readonly Drone[]): readonly Drone[] {
  if (!changed?.length) return drones;
  const all = [...drones];
  const places = new Map(all.map((drone, place) => [drone.id, place]));
  for (const drone of changed) {
    const place = places.get(drone.id);
    if (place !== undefined) all[place] = drone;
    else places.set(drone.id, all.push(drone) - 1);
  }
  return all;
}

function moved(drones: readonly Drone[], rows: readonly DroneRow[]): readonly Drone[] {
  if (rows.length === 0) return drones;
  const all = [...drones];
  for (const [place, lat, lon, heading_deg, ground_speed_mps, height_m_above_dock, charge_fraction, status, phase] of rows) {
    const drone = all[place];
    if (drone === undefined) continue; // said in full by a later frame
    all[place] = { ...drone, lat, lon, heading_deg, ground_speed_mps, height_m_above_dock, charge_fraction, status, phase };
  }
  return all;
}
