// The shapes of the map again, beside text: a grade, a state. Always with words near them; for a screen reader they are silent.

import type { Tone } from "../words.ts";

const GRADE_PATHS: Record<string, string> = {
  I: "M10 1.6 18.6 17H1.4Z",
  S: "M10 .8 19.2 10 10 19.2 .8 10Z",
  E: "M10 1.4a8.6 8.6 0 1 1 0 17.2 8.6 8.6 0 0 1 0-17.2Z",
};
const SQUARE = "M2.4 2.4h15.2v15.2H2.4Z";

/** A grade's shape with its letter; filled while the incident waits. */
export function GradeMark({ grade, hollow = false, size = 20 }: { grade: string; hollow?: boolean; size?: number }) {
  const tall = grade === "I" ? 13.2 : 10.4;
  return (
    <svg class={`grade grade-${"ISER".includes(grade) ? grade.toLowerCase() : "r"}${hollow ? " hollow" : ""}`} width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <path d={GRADE_PATHS[grade] ?? SQUARE} />
      <text x="10" y={tall} text-anchor="middle" dominant-baseline="middle">
        {grade.slice(0, 1)}
      </text>
    </svg>
  );
}

const TONE_PATHS: Record<Tone, string> = {
  ok: "M6 .8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 6 .8Z",
  info: "M6 .4 10.6 11.2 6 8.8 1.4 11.2Z",
  quiet: "M6 2.6a3.4 3.4 0 1 1 0 6.8 3.4 3.4 0 0 1 0-6.8Z",
  notice: "M1.6 4.8h8.8v2.4H1.6Z",
  warning: "M6 .9 11.6 11H.4ZM5.4 4.2v3.6h1.2V4.2Zm0 4.4v1.2h1.2V8.6Z",
  alarm: "M3.6.6h4.8l3 3v4.8l-3 3H3.6l-3-3V3.6ZM5.3 2.6v4.2h1.4V2.6Zm0 5.2v1.5h1.4V7.8Z",
  pilot: "M1 1h10v10H1ZM3 3v6h6V3Z",
};

/** A state's shape, in its colour. */
export function ToneMark({ tone, size = 12 }: { tone: Tone; size?: number }) {
  return (
    <svg class={`mark tone-${tone}`} width={size} height={size} viewBox="0 0 12 12" aria-hidden="true">
      <path fill-rule="evenodd" d={TONE_PATHS[tone]} />
    </svg>
  );
}

/** A state as shape and word. */
export function StateWord({ label, tone }: { label: string; tone: Tone }) {
  return (
    <span class={`state tone-${tone}`}>
      <ToneMark tone={tone} />
      {label}
    </span>
  );
}

const ICONS = {
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  bell: "M8 2a4 4 0 0 0-4 4v3L2.8 11.5h10.4L12 9V6a4 4 0 0 0-4-4ZM6.6 13.6h2.8",
  sound: "M3 6v4h2.4L9 13V3L5.4 6ZM11.2 5.6a3.4 3.4 0 0 1 0 4.8M13 4a6 6 0 0 1 0 8",
  mute: "M3 6v4h2.4L9 13V3L5.4 6ZM11.5 6.2l3 3.6M14.5 6.2l-3 3.6",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  person: "M8 8.2a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8ZM2.6 14c.4-3 2.5-4.4 5.4-4.4s5 1.4 5.4 4.4",
  list: "M5.5 4H14M5.5 8H14M5.5 12H14M2 4h.6M2 8h.6M2 12h.6",
  map: "M2 4l4-1.5 4 1.5 4-1.5v9.5L10 13.5 6 12 2 13.5ZM6 2.5V12M10 4v9.5",
  drone: "M8 1.5 13 14 8 11 3 14Z",
  target: "M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM8 1v3.5M8 11.5V15M1 8h3.5M11.5 8H15",
  help: "M5.6 5.8A2.5 2.5 0 1 1 8.8 8.2c-.6.3-.8.7-.8 1.5M8 12v.6",
  key: "M10.5 2.5a3 3 0 1 1-2.4 4.8L3 12.4V14h2l.5-1.5 1.5-.5.4-1.5 2-2",
  legend: "M2.5 3.5h3v3h-3ZM2.5 9.5h3v3h-3ZM8 5h6M8 11h6",
} as const;

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}
