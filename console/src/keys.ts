// The keyboard. Single letters act only outside of fields and dialogs, and can be turned off (WCAG 2.2, 2.1.4).

import { signal } from "@preact/signals";
import { openNewCall, phonePart, dialog, announce, select, selectedIncident, selectedMission, selection, stepBack, tab, type Tab } from "./state.ts";
import { isOver } from "./feed/picture.ts";
import { toggleControl } from "./panels/MissionCard.tsx";
import { queueIds } from "./panels/Queue.tsx";
import { neighbour } from "./queue.ts";
import { proofAsked } from "./proof.ts";
import { go, route } from "./route.ts";
import { allowed, standing, whyNot, type Deed } from "./session.ts";
import { Problem } from "./api/client.ts";
import { focusMap } from "./map/handle.ts";

const STORED = "bowstreet.single-keys";

export const singleKeys = signal(localStorage.getItem(STORED) !== "off");

export function setSingleKeys(on: boolean): void {
  singleKeys.value = on;
  localStorage.setItem(STORED, on ? "on" : "off");
}

export interface Shortcut {
  readonly key: string;
  readonly does: string;
  readonly act: () => void;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { key: "j", does: "Next incident of the queue", act: () => walk(1) },
  { key: "k", does: "Previous incident of the queue", act: () => walk(-1) },
  { key: "n", does: "New call", act: () => ifAllowed("report", openNewCall) },
  { key: "l", does: "Launch a drone for the incident", act: () => ifAllowed("launch", launchHere) },
  { key: "r", does: "Recall the drone", act: () => ifAllowed("recall", recallHere) },
  { key: "t", does: "Take or release control of the drone", act: () => ifAllowed("control", controlHere) },
  { key: "q", does: "Queue", act: () => open("queue") },
  { key: "f", does: "Fleet", act: () => open("fleet") },
  { key: "e", does: "Timeline", act: () => open("timeline") },
  { key: "a", does: "Alarms", act: () => open("alarms") },
  { key: "g", does: "Map: arrow keys move it, + and − zoom", act: toMap },
  { key: "?", does: "This help", act: () => (dialog.value = { kind: "help" }) },
];

export function watchKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (standing.peek() !== "in" || event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") {
      if (dialog.peek() === null && proofAsked.peek() === null && stepBack()) event.preventDefault();
      return;
    }
    if (!singleKeys.peek() || dialog.peek() !== null || proofAsked.peek() !== null || event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
    const found = SHORTCUTS.find((one) => one.key === event.key);
    if (found === undefined) return;
    event.preventDefault();
    if (route.peek().page !== "" && found.key !== "?") go("");
    found.act();
  });
}

function writes(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

function ifAllowed(deed: Deed, act: () => void): void {
  if (allowed(deed)) act();
  else announce(whyNot(deed));
}

function open(which: Tab): void {
  tab.value = which;
  phonePart.value = which;
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`#tab-${which}`)?.focus());
}

function toMap(): void {
  phonePart.value = "map";
  requestAnimationFrame(focusMap);
}

function walk(step: 1 | -1): void {
  const current = selection.peek();
  const next = neighbour(queueIds.peek(), current?.kind === "incident" ? current.id : null, step);
  if (next === null) return announce("The queue is empty.");
  tab.value = "queue";
  select({ kind: "incident", id: next });
  requestAnimationFrame(() => {
    const row = document.getElementById(`queue-${next}`);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  });
}

function launchHere(): void {
  const incident = selectedIncident.peek();
  if (incident === null || incident.state === "closed") return announce("Choose an incident that is open first.");
  dialog.value = { kind: "launch", incident: incident.id };
}

function recallHere(): void {
  const mission = selectedMission.peek();
  if (mission === null || isOver(mission)) return announce("Choose a drone that flies, or its incident, first.");
  dialog.value = { kind: "recall", mission: mission.id };
}

function controlHere(): void {
  const mission = selectedMission.peek();
  if (mission === null || isOver(mission)) return announce("Choose a drone that flies, or its incident, first.");
  toggleControl(mission).then(
    () => announce(`${mission.vehicle_id}: done`),
    (error: unknown) => announce(error instanceof Problem ? `${error.title}: ${error.message}` : "It did not work."),
  );
}
