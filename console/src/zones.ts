// Airspace as last asked for: zones change seldom, and the feed says when.

import { computed, signal } from "@preact/signals";
import type { Zone, Zones } from "./api/deeds.ts";

export const airspace = signal<Zones | null>(null);

export const zonesById = computed(() => new Map<string, Zone>(airspace.value?.features.map(({ properties }) => [properties.zone_id, properties])));

const RESTRICTIONS: Record<string, string> = {
  PROHIBITED: "No drone may fly here",
  REQ_AUTHORISATION: "Needs the authority's permission",
  CONDITIONAL: "Conditions apply",
  NO_RESTRICTION: "No restriction",
};

export const restriction = (code: string): string => RESTRICTIONS[code] ?? code;

/** `surface to 427 m AMSL`. */
export function limits(zone: Zone): string {
  const lower = zone.lower_m <= 0 ? "surface" : `${Math.round(zone.lower_m)} m ${zone.lower_datum}`;
  return `${lower} to ${Math.round(zone.upper_m)} m ${zone.upper_datum}`;
}

/** Airspace that was made for these flights, such as a temporary danger area: drones fly inside it, and only while it is active. */
export function isForUs(zone: { readonly kind: string }): boolean {
  return zone.kind === "OPERATING_VOLUME";
}
