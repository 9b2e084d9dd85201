// Alarms: what a person should know of now. They stay until somebody here has seen them.

import { computed, effect, signal } from "@preact/signals";
import { concerns } from "./concerns.ts";
import { events, incidents, link, me } from "./feed/store.ts";
import type { FeedEvent } from "./feed/wire.ts";
import { announce } from "./state.ts";
import { gradeName } from "./words.ts";

// Acknowledging is of this console: the record holds what happened, not who looked. A reload must not bring it all back.
const STORED = "bowstreet.alarms.acknowledged";

const acknowledged = signal<ReadonlySet<string>>(new Set(readStored()));

function readStored(): string[] {
  try {
    const said: unknown = JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
    return Array.isArray(said) ? said.filter((key) => typeof key === "string") : [];
  } catch {
    return [];
  }
}

// The number alone would not do: the program counts events anew after it was started again.
const keyOf = (event: FeedEvent): string => `${event.seq}@${event.at}`;

/** Warnings and alarms that are still so, latest first. */
export const alarms = computed(() => concerns(events.value, incidents.value));
export const pending = computed(() => alarms.value.filter((event) => event.severity === "alarm" && !acknowledged.value.has(keyOf(event))));
export const pendingWarnings = computed(() => alarms.value.filter((event) => event.severity === "warning" && !acknowledged.value.has(keyOf(event))));

export function isPending(event: FeedEvent): boolean {
  return !acknowledged.value.has(keyOf(event));
}

export function acknowledge(...seen: readonly FeedEvent[]): void {
  const known = new Set(events.peek().map(keyOf)); // what the picture has forgotten needs no remembering here
  const all = [...acknowledged.value, ...seen.map(keyOf)].filter((key) => known.has(key));
  acknowledged.value = new Set(all);
  sessionStorage.setItem(STORED, JSON.stringify(all));
}

// --- sound and speech ----------------------------------------------------------------------------------------------

export const sound = signal(false); // a control room has enough of it: each person turns it on for themselves

let audio: AudioContext | undefined;

/** Two short tones, made here: no file to fetch. */
function chime(urgent: boolean): void {
  audio ??= new AudioContext();
  for (const [place, hertz] of (urgent ? [880, 660, 880] : [660, 520]).entries()) {
    const from = audio.currentTime + place * 0.18;
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.frequency.value = hertz;
    loudness.gain.setValueAtTime(0.0001, from);
    loudness.gain.exponentialRampToValueAtTime(0.15, from + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, from + 0.16);
    tone.connect(loudness).connect(audio.destination);
    tone.start(from);
    tone.stop(from + 0.17);
  }
}

export function turnSound(on: boolean): void {
  sound.value = on;
  if (on) chime(false); // lets the browser play later ones, and lets the person hear what it is
}

const told = new Set<string>();
let primed = false;

/** Tell of what is new since the last call; what stood when the console was opened is not news. */
function tell(): void {
  const fresh: { text: string; urgent: boolean }[] = [];
  for (const event of pending.value) {
    if (!told.has(keyOf(event))) fresh.push({ text: `Alarm: ${event.text}`, urgent: true });
    told.add(keyOf(event));
  }
  for (const incident of incidents.value.values()) {
    if (incident.grade !== "I" || incident.state === "closed" || told.has(incident.id)) continue;
    told.add(incident.id);
    fresh.push({ text: `${gradeName("I")} call: ${incident.category}`, urgent: false });
  }
  if (primed && fresh.length > 0) {
    announce(fresh.map((one) => one.text).join(". "));
    if (sound.peek()) chime(fresh.some((one) => one.urgent));
  }
  primed ||= incidents.value.size > 0 || events.value.length > 0 || link.peek().kind === "live";
}

export function watchAlarms(): void {
  effect(tell);
  effect(() => {
    const { kind } = link.value;
    if (kind === "stale" || kind === "waiting") announce("The live picture is not up to date: no data from the program.");
  });
  effect(() => {
    if (me.value === null) primed = false; // whoever signs in next begins with what stands
  });
}
