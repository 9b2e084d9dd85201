// The style sheet's colours, for what is drawn on a canvas: one place says what a colour is.

import type { Tone } from "../words.ts";

const NAMES = [
  "ground", "panel", "raised", "line", "text", "text-soft", "text-dim", "on-bright", "accent", "focus", "grade-i", "grade-s", "grade-e",
  "grade-r", "ok", "info", "quiet", "notice", "warning", "alarm", "pilot", "map-land", "map-land-out", "map-line", "map-label",
  "zone-active", "zone-idle", "font",
] as const;

export type Palette = Record<(typeof NAMES)[number], string>;

let read: Palette | undefined;

export function palette(): Palette {
  if (read === undefined) {
    const style = getComputedStyle(document.documentElement);
    read = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Palette;
  }
  return read;
}

export function gradeColour(grade: string): string {
  const colours = palette();
  return { I: colours["grade-i"], S: colours["grade-s"], E: colours["grade-e"] }[grade] ?? colours["grade-r"];
}

export function toneColour(tone: Tone): string {
  return palette()[tone];
}
