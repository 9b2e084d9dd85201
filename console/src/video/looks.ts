// Where the drones whose pictures are open look, for the map.

import { signal } from "@preact/signals";

export interface Look {
  readonly lat: number;
  readonly lon: number;
  /** Where it truly is in 95 of 100 cases. */
  readonly semi_major_m: number;
  readonly semi_minor_m: number;
  readonly bearing_deg: number;
}

export const looks = signal<ReadonlyMap<string, Look>>(new Map());

export function setLook(vehicle: string, look: Look | null): void {
  if (look === null && !looks.peek().has(vehicle)) return;
  const next = new Map(looks.peek());
  if (look === null) next.delete(vehicle);
  else next.set(vehicle, look);
  looks.value = next;
}
