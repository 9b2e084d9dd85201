// What this console shows and asks: the selection, the open panel, the dialog, what the map's next click means.

import { computed, effect, signal } from "@preact/signals";
import { dronesById, incidents, missionOfVehicle, missions } from "./feed/store.ts";
import { isOver } from "./feed/picture.ts";
import type { Authorisation } from "./api/authority.ts";
import type { Incident, Mission } from "./feed/wire.ts";

export type Kind = "incident" | "drone" | "dock" | "zone";

export interface Selection {
  readonly kind: Kind;
  readonly id: string;
}

export type Tab = "queue" | "fleet" | "timeline" | "alarms";
export type PhonePart = "map" | Tab;

export type Dialog =
  | { readonly kind: "help" }
  | { readonly kind: "launch"; readonly incident: string }
  | { readonly kind: "recall"; readonly mission: string }
  | { readonly kind: "close"; readonly incident: string }
  | { readonly kind: "ground"; readonly vehicle: string; readonly back: boolean }
  | { readonly kind: "decide"; readonly authorisation: Authorisation; readonly allow: boolean }
  | { readonly kind: "revoke"; readonly authorisation: Authorisation }
  | { readonly kind: "order"; readonly authorisation: Authorisation }
  | { readonly kind: "evidence"; readonly incident: string; readonly recording: string }
  | { readonly kind: "zone"; readonly zone: string; readonly activate: boolean };

/** What a click on the map means while it is asked for a place. */
export interface Picking {
  readonly purpose: "call" | "goto" | "orbit";
  readonly mission?: string;
  readonly at: { readonly lat: number; readonly lon: number } | null;
}

export const selection = signal<Selection | null>(null);
export const tab = signal<Tab>("queue");
export const phonePart = signal<PhonePart>("queue");
export const dialog = signal<Dialog | null>(null);
export const picking = signal<Picking | null>(null);
export const newCall = signal(false);
export const following = signal(false); // the map keeps the selected drone in its middle
export const spokenNow = signal(""); // what a screen reader is told at once
export const showLegend = signal(false);

export const selectedIncident = computed<Incident | null>(() => {
  const chosen = selection.value;
  return chosen?.kind === "incident" ? (incidents.value.get(chosen.id) ?? null) : null;
});

/** The flight that the selection is about: the drone's, or the incident's latest that is not over. */
export const selectedMission = computed<Mission | null>(() => {
  const chosen = selection.value;
  if (chosen?.kind === "drone") return missionOfVehicle.value.get(chosen.id) ?? null;
  const incident = selectedIncident.value;
  return incident === null ? null : (flightsOf(incident).find((mission) => !isOver(mission)) ?? null);
});

/** An incident's flights, latest first. */
export function flightsOf(incident: Incident): Mission[] {
  const found = incident.mission_ids.map((id) => missions.value.get(id)).filter((mission) => mission !== undefined);
  const turnedTo = [...missions.value.values()].filter((m) => m.incident_id === incident.id && !incident.mission_ids.includes(m.id));
  return [...found, ...turnedTo].sort((a, b) => b.authorised_at - a.authorised_at);
}

export function select(next: Selection | null): void {
  selection.value = next;
  newCall.value = false;
  following.value = false;
  if (picking.value !== null) picking.value = null;
}

export function openNewCall(): void {
  selection.value = null;
  newCall.value = true;
  picking.value = { purpose: "call", at: null };
}

/** One step back: what Esc does. Says whether there was anything to leave. */
export function stepBack(): boolean {
  if (picking.value !== null && picking.value.purpose !== "call") picking.value = null;
  else if (newCall.value) {
    newCall.value = false;
    picking.value = null;
  } else if (selection.value !== null) select(null);
  else return false;
  return true;
}

/** Say `text` to a screen reader now, also when it was said before. */
export function announce(text: string): void {
  spokenNow.value = "";
  queueMicrotask(() => {
    spokenNow.value = text;
  });
}

/** Place of a thing on the map, if it has one. */
export function placeOf(chosen: Selection): { lat: number; lon: number } | null {
  if (chosen.kind === "incident") return incidents.value.get(chosen.id) ?? null;
  if (chosen.kind === "drone") {
    const drone = dronesById.value.get(chosen.id);
    return drone?.lat != null && drone.lon != null ? { lat: drone.lat, lon: drone.lon } : null;
  }
  return null;
}

// On a phone the map must be seen to be clicked.
effect(() => {
  if (picking.value !== null) phonePart.value = "map";
});
